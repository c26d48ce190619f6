//! pagekeeper keeps the record of a school district's official social media pages.
//!
//! ```text
//! platform ─► harvest ─► ledger in SQLite ─┬─► rules ─► flags ─► alert, review, weekly report
//!   API       capture,   one transaction   ├─► index (Tantivy) ─► search
//!             parse      per page          ├─► audit ─► findings
//!                                          └─► checkpoints ─► verify, backup
//! ```
//!
//! Data flows one way. SQLite is the truth; flags and index are views that follow the ledger and can be computed again. A
//! harvest pulls one exchange after the other from a [`platform::Walk`], has each committed by [`db::items::store`] before
//! the next is asked for, and [`app::App::follow`] brings every view up to date afterwards, each from its own watermark.
//!
//! # What holds always
//!
//! 1. What was parsed and the bytes it was parsed from are committed together, with their ledger entries and our own resume
//!    point. A crash before: the page is fetched again. After: nothing is missing.
//! 2. No transaction is open while we wait for the network. One writer thread, one closure, one transaction; what a
//!    transaction knows it has read inside.
//! 3. Several processes may stand on one archive, one of them the daemon: `serve.lock` for the daemon, `follow.lock` for whoever
//!    follows, a row for an account that is being harvested. Another system user than the owner touches nothing.
//! 4. A capture, a version, a ledger entry and a review never change. Triggers refuse it.
//! 5. A view is a function of the ledger up to a number and of the inputs named in it. Other inputs: a full replay and one swap.
//!    A decision hangs on item, content and rule, so it outlives both.
//! 6. Trouble with a platform is a recorded fact; trouble with the storage ends the process. A database is never made on the
//!    way, renamed, repaired or deleted.
//! 7. Absence is not deletion: missing, then gone, each with the captures that show it. Nothing says who did it.
//! 8. An unfinished walk closes no coverage; an outage stays a gap; what a platform counts and does not give is one too.
//! 9. Parsing is pure and total: what it does not understand becomes a problem on record, never a panic and never a loss.
//! 10. No secret in a URL, a log, a ledger entry, a capture or an error.
//! 11. Time comes from one clock, read at the edges; everything else is told what time it is.
//!
//! # The map, from the top; a line uses the lines below it, and `tests/it/tidy.rs` holds it to that

// One subcommand, one function.
pub mod cli;

// What runs by itself, and what is seen in a browser.
pub mod jobs;
pub mod web;

// The parts, built once; what follows when anything was committed.
pub mod app;

// The verbs: none knows another.
pub mod alert;
pub mod audit;
pub mod connect;
pub mod harvest;
pub mod import;
pub mod index;
pub mod outbox;
pub mod proof;
pub mod rules;
pub mod weekly;

// The doors: the only SQL, the only talk with platforms, the only mail.
pub mod db;
pub mod mail;
pub mod platform;

// Words, without I/O.
pub mod config;
pub mod seal;
pub mod text;

// The nouns.
pub mod model;

// The platforms in small, for `demo` and tests.
pub mod sandbox;
