#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod daemon;
mod archive;
mod bluesky;
mod facebook;
mod faults;
mod http;
mod hosts;
mod instagram;
mod kills;
mod mails;
mod replay;
mod rig;
mod misbehavior;
mod sandbox;
mod secrets;
mod store;
mod tidy;
mod transfer;
mod total;
mod unit;
mod upgrade;
mod x;
mod youtube;
mod walks;
