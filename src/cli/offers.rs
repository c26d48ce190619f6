//! `rules offered` and `rules accept`: changed packs, what they would do, and a person's word that they count.

use anyhow::Result;
use serde_json::json;

use super::{Exit, print, print_json};
use crate::app::App;
use crate::app::offers::files;
use crate::app::search::local;
use crate::db::offers::{Change, Offer};
use crate::model::rfc3339;

/// What waits to be put in force.
pub fn offered(app: &App, as_json: bool) -> Result<Exit> {
    let Some(offer) = app.offered(app.clock.now())? else {
        eprintln!("No changed packs wait: those in force are those on the disk, or what lies there does not load.");
        return Ok(Exit::Done);
    };
    let changed = app.db.read(|conn| files(conn, &offer))?;
    if as_json {
        print_json(&line(&offer, &changed))?;
        return Ok(Exit::Done);
    }
    changed.iter().try_for_each(print)?;
    for (rule, change) in &offer.found.rules {
        let Change { new, gone, changed, examples } = change;
        print(format!("{rule:<40} {new:>6} new {gone:>6} gone {changed:>6} of another severity"))?;
        examples.iter().try_for_each(|(what, item)| print(format!("    {what:<8} {item}")))?;
    }
    let found = &offer.found;
    eprintln!(
        "Packs {}, offered since {}: {} texts read, {} flags stay, {} new, {} gone, {} of another severity.\n\
         They are not in force. `pagekeeper rules accept` puts them in force.",
        short(&offer),
        local(offer.at, &app.config.time_zone),
        found.texts,
        found.stayed,
        found.new,
        found.gone,
        found.changed
    );
    Ok(Exit::Done)
}

/// Puts in force what is offered.
pub fn accept(app: &App, actor: &str) -> Result<Exit> {
    match app.accept_packs(actor, app.clock.now())? {
        None => eprintln!("No changed packs wait. `pagekeeper rules offered` looks at the disk again."),
        Some(offer) => {
            let found = &offer.found;
            eprintln!(
                "Packs {} are in force, by {actor}: {} new, {} gone, {} of another severity.",
                short(&offer),
                found.new,
                found.gone,
                found.changed
            );
        }
    }
    Ok(Exit::Done)
}

fn short(offer: &Offer) -> String {
    hex::encode(&offer.digest[..4])
}

fn line(offer: &Offer, changed: &[String]) -> serde_json::Value {
    let found = &offer.found;
    json!({
        "packs": hex::encode(offer.digest), "offered_at": rfc3339(offer.at), "through": offer.through, "files": changed,
        "texts": found.texts, "stayed": found.stayed, "new": found.new, "gone": found.gone, "changed": found.changed,
        "rules": found.rules,
    })
}
