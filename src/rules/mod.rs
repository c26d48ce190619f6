//! What is looked for: packs of rules, the pure pass over one text, and the verbs on them.

mod engine;
pub mod eval;
mod examples;
pub mod explain;
pub mod follow;
pub mod pack;
pub mod pass;
pub mod replay;
mod slots;
mod timing;

pub use pack::{PackError, Packs, Rule, Status, load, stated};
pub use pass::{Engine, Gate, Hit, Span, Subject};
