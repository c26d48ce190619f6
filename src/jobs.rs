//! What the daemon does by itself, and when.

mod schedule;

pub use schedule::{Due, due, latest, next};
