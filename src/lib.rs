//! pagekeeper keeps the record of a school district's official social media pages.

pub mod model;
pub mod platform;
