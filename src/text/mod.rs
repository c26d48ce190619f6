//! Words about texts: pure, no I/O.

pub mod tokenize;
//! Texts as rules see them: views with offsets back to the raw text, and detectors. Pure.
pub mod detect;
pub mod fold;
pub mod views;
