//! The platforms in small, over real HTTP, for a fictional district: for `demo` and for tests.
//!
//! [`World`] is what is so; [`Sandbox`] shows it as the platforms would, at their own paths, in their own words, with their
//! own oddities, and goes wrong when told to ([`Misbehavior`]). It uses nothing of the crate but `text` and `model`, so that
//! no mistake of a connector can hide in a server that shares it.

mod bluesky;
mod bskyshow;
mod cid;
mod district;
pub mod facebook;
mod fbnode;
mod fbpage;
mod grant;
pub mod graph;
pub mod ids;
mod instagram;
pub mod media;
pub mod misbehave;
mod notable;
pub mod picture;
mod seed;
pub mod server;
mod site;
pub mod state;
mod texts;
mod tick;
pub mod world;
mod x;
mod xask;
mod xpost;
mod xtalk;
mod youtube;
mod ytshow;

pub use district::{APP_ID, APP_SECRET};
pub use grant::Grant;
pub use misbehave::{Change, Misbehavior};
pub use server::{Host, Sandbox, Seen};
pub use site::WebPage;
pub use state::person;
pub use world::{Account, Form, Item, Note, Origin, Owner, Person, Standing, Truth, World};
pub use youtube::Quota;

#[cfg(test)]
mod tests;
