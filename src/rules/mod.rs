//! What is looked for: packs of rules, the pure pass over one text, and the verbs on them.

mod cues;
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

pub use pack::{ELECTIONS, PackError, Packs, Rule, Status, elections, load, load_known, stated};
pub use pass::{Engine, Gate, Hit, Span, Subject};
