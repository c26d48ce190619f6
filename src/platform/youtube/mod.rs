//! YouTube.
mod judge;
mod parse;
pub use judge::*;
pub use parse::*;
