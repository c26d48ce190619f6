//! pagekeeper keeps the record of a school district's official social media pages.

pub mod config;
pub mod db;
pub mod mail;
pub mod jobs;
pub mod index;
pub mod model;
pub mod platform;
pub mod seal;
pub mod text;
