//! The parts of the tests that talk with real servers. `tests/run` brings those and calls this binary; a plain
//! `cargo test` leaves it out.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod bluesky;
mod clients;
mod oidc;
mod recorded;
mod recorded_meta;
mod smtp;
mod smtp_outbox;
mod tools;
mod x_prism;
