//! pagekeeper keeps the record of a school district's official social media pages.

pub mod alert;
pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod harvest;
pub mod import;
pub mod index;
pub mod web;
pub mod weekly;
pub mod jobs;
pub mod mail;
pub mod model;
pub mod outbox;
pub mod platform;
pub mod proof;
pub mod seal;
pub mod rules;
pub mod text;
pub mod sandbox;
