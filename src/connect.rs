//! Credentials: what each is and what it really gives, where it is kept, how it is made to last, and a word to IT before one dies.
//!
//! `check-config`, `connect` and the daily job look in one way: [`Desk::look`]. What was seen is cached without secrets in
//! [`crate::db::credentials`], for the audit, the overview and the metrics.

mod look;
mod steps;
mod store;
mod warn;
mod watch;

pub use look::{Depth, Desk, Looked};
pub use steps::steps;
pub use store::{place, store, systemd_words};
pub use warn::{Ending, ending, sample, warn};
pub use watch::watch;

use anyhow::Result;

use crate::config::Config;
use crate::model::Platform;
use crate::platform::tokens::Application;

/// The district's own application, where the config states both halves of it.
pub fn application(config: &Config, platform: Platform) -> Result<Option<Application>> {
    Ok(config.application(platform)?.map(|(id, secret)| Application { id, secret }))
}
