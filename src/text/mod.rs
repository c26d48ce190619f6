//! Words about texts: pure, no I/O.

pub mod tokenize;
