//! `accounts retire`: a page is read a last time and given up.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use super::{Exit, Usage, print, print_json};
use crate::app::App;
use crate::app::retire::{self, Outcome};
use crate::db::accounts;
use crate::db::retired::{self, Receipt};
use crate::model::AccountStatus;
use crate::text::letter::wrap;
use crate::text::plain;

/// What a terminal holds.
const COLUMNS: usize = 100;

/// Read a page a last time, retire it, and print the receipt of what is kept of it.
///
/// When a page is given up, before it is closed on the platform: afterwards nothing more of it can be read. What is kept stays,
/// can be searched and is shown in the register under retired. Of a page that is retired already the receipt is printed again.
/// Example: pagekeeper accounts retire ocotillo-art-club --reason "the club has ended"
#[derive(Debug, Args)]
pub struct Retire {
    /// The page, by its slug in the register.
    slug: String,
    /// Why, in a few words; it stands on record.
    #[arg(long)]
    reason: String,
    /// Retire it as it stands. Only when nothing more can be read of it.
    #[arg(long)]
    without_harvest: bool,
    /// For whom; the system user by default.
    #[arg(long = "as", value_name = "NAME")]
    actor: Option<String>,
    /// The receipt as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Retire {
    pub async fn run(self, app: App) -> Result<Exit> {
        let reason = &plain::line(&self.reason);
        if reason.is_empty() {
            return Err(Usage("say why with --reason: it stands on record".into()).into());
        }
        let Some(account) = app.db.read(|conn| accounts::by_slug(conn, &self.slug))? else {
            return Err(Usage(format!("{:?} is not in the register: pagekeeper accounts list", self.slug)).into());
        };
        if account.status == AccountStatus::Retired {
            eprintln!("{} is retired already.", account.title());
            let receipt = app.db.read(|conn| retired::receipt(conn, &account))?;
            return self.show(&app, &receipt);
        }
        let (app, actor) = (Arc::new(app), self.actor.clone().unwrap_or_else(super::system_user));
        let is_readable = super::accounts::not_kept(&app, &account).is_none();
        let outcome = match (self.without_harvest, is_readable) {
            (true, true) => {
                let say = "this page can be read: retire it without --without-harvest, so that nothing is lost";
                return Err(Usage(say.into()).into());
            }
            (true, false) => retire::retire_unread(&app, &self.slug, reason, &actor).await?,
            (false, _) => {
                eprintln!("The last harvest of {}; for a big page this takes a while.", account.title());
                retire::retire(&app, &self.slug, reason, &actor).await?
            }
        };
        match outcome {
            Outcome::Retired(receipt) => self.show(&app, &receipt),
            Outcome::Busy | Outcome::TakenBack => {
                eprintln!("Another run is reading this page. Nothing was changed: try again in a few minutes.");
                Ok(Exit::Failed)
            }
            Outcome::NotRead(cause) => {
                eprintln!("The last harvest was not possible: {cause}. The page is not retired.");
                eprintln!("If nothing more can be read of it, say so with --without-harvest.");
                Ok(Exit::Failed)
            }
        }
    }

    fn show(&self, app: &App, receipt: &Receipt) -> Result<Exit> {
        if self.json {
            print_json(receipt)?;
            return Ok(Exit::Done);
        }
        let mut page = format!("{}: what is kept\n\n", receipt.title);
        for (about, say) in retire::words(receipt, &app.config.time_zone) {
            wrap(&mut page, COLUMNS, &format!("{about:<18}"), &" ".repeat(18), &say);
        }
        print(page.trim_end())?;
        Ok(Exit::Done)
    }
}
