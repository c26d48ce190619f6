//! What is looked for: packs of rules, the pure pass over one text, and the verbs on them.

mod cues;
mod elections;
mod engine;
pub mod eval;
mod examples;
pub mod explain;
pub mod follow;
mod lines;
pub mod pack;
pub mod pass;
mod places;
pub mod replay;
pub mod roster;
mod slots;
mod terms;
mod timing;

pub use elections::{ELECTIONS, elections};
pub use pack::{PackError, Packs, Rule, Status, load, load_known, stated};
pub use pass::{Engine, Gate, Hit, Span, Subject};
