//! Words about texts: views with offsets back to the raw text, detectors, the index's tokenizer. Pure.

pub mod detect;
pub mod fold;
pub mod hash;
pub mod html;
pub mod dates;
pub mod decode;
pub mod letter;
pub mod tokenize;
pub mod mend;
pub mod phrase;
pub mod plain;
pub mod sheet;
pub mod views;
