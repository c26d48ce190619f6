//! Does anything need a person?

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;

use super::auth::{Person, scope};
use super::coverage::Strip;
use super::health::Standing;
use super::show::{When, ago, counted};
use super::{Error, Frame, RULES, Site, render};
use crate::db::accounts::Account;
use crate::db::harvests::Interval;
use crate::model::people::Thing;
use crate::model::{AccountStatus, Timestamp};
use crate::{app, connect, db};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    needs: Vec<Need>,
    calm: String,
    not_connected: Option<String>,
    mail: Mail,
    accounts: Vec<Row>,
    has_flags: bool,
    items: String,
}

/// Something that needs a person: what, since when, one thing to do.
struct Need {
    what: String,
    since: Option<When>,
    /// Where it can be looked at, and the word for it.
    link: Option<(String, &'static str)>,
    /// What to do when it is done elsewhere.
    act: &'static str,
}

/// Whether the mails go out to everybody.
enum Mail {
    /// Since when.
    Live(When),
    Preview,
}

/// An account, as the table shows it.
struct Row {
    slug: String,
    title: String,
    platform: String,
    school: String,
    state: String,
    fine: bool,
    strip: Option<Strip>,
    looked_at: Option<Timestamp>,
    last_look: Option<When>,
    last_post: Option<When>,
    open_flags: usize,
    findings: usize,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, now)).await?)
}

fn gather(site: &Site, person: &Person, now: Timestamp) -> Result<Page> {
    let mut standing = Standing::gather(site.db())?;
    standing.accounts.retain(|account| person.has_school(&account.row.school));
    let rows = rows(site, person, &standing, now)?;
    let active = || standing.accounts.iter().filter(|account| account.status == AccountStatus::Active);
    let connected = || active().filter(|account| site.config().why_off(&account.row.platform).is_none());
    let (all, kept) = (connected().count(), connected().filter(|account| account.trouble.is_none()).count());
    let looked = rows.iter().filter_map(|row| row.looked_at).max();
    let looked = looked.map_or_else(String::new, |at| format!("; last looked {}", ago(at, now)));
    let others: Vec<&Account> =
        active().filter(|account| site.config().why_off(&account.row.platform).is_some()).collect();
    Ok(Page {
        frame: Frame::new(site, person)?,
        needs: needs(site, person, &standing)?,
        calm: format!("{kept} of {} being kept{looked}.", counted_connected(all)),
        not_connected: not_connected(&others),
        mail: match standing.figures.went_live_at {
            Some(at) => Mail::Live(When::new(at, &site.config().time_zone)),
            None => Mail::Preview,
        },
        accounts: rows,
        has_flags: person.rights.reads(Thing::Flags),
        items: counted(standing.figures.items, "item", "items"),
    })
}

fn counted_connected(all: usize) -> String {
    if all == 1 { "1 connected account is".into() } else { format!("{all} connected accounts are") }
}

/// In the order of the design: concerns, pages, mail, jobs, packs, the legal basis, and overdue findings.
fn needs(site: &Site, person: &Person, standing: &Standing) -> Result<Vec<Need>> {
    let zone = &site.config().time_zone;
    let when = |at: Option<Timestamp>| at.map(|at| When::new(at, zone));
    let mut found = Vec::new();
    let (fresh, oldest, past) = unseen(site, person, standing)?;
    if fresh > 0 {
        let what = format!("{} that nobody has opened", counted(fresh, "concern", "concerns"));
        let link = Some(("/flags?unopened=yes".to_owned(), "Look"));
        found.push(Need { what, since: when(oldest), link, act: "" });
    }
    if past > 0 {
        let count = counted(past, "possible concern", "possible concerns");
        let what = format!("{count} from the past that nobody has opened");
        found.push(Need { what, since: None, link: Some(("/flags?past=yes".to_owned(), "Look")), act: "" });
    }
    let broken = |account: &&Account| super::health::not_kept(account, site.config()).is_some();
    found.extend(standing.accounts.iter().filter(broken).map(|account| not_kept(account, zone)));
    found.extend(dying(site, standing)?);
    let mut reasons = standing.reasons(site.config(), site.clock().now());
    reasons.retain(|reason| reason.what != "account");
    reasons.sort_by_key(|reason| ["mail", "job", "follow"].iter().position(|what| *what == reason.what));
    found.extend(reasons.into_iter().map(|reason| {
        let act = match reason.what {
            "mail" => "IT looks at [mail] in the config and at the mail server; pagekeeper mail test tries it.",
            _ => "IT looks at the log of pagekeeper.",
        };
        Need { what: reason.say, since: when(reason.since), link: None, act }
    }));
    found.extend(packs(site, person, site.clock().now())?);
    let is_hers = |slug: &str| standing.accounts.iter().any(|account| account.row.slug == slug);
    let asking = site.db().read(db::tickets::asking)?.into_iter().filter(|one| is_hers(&one.slug)).map(|one| Need {
        what: one.words(),
        since: Some(When::new(one.since, zone)),
        link: Some(("/tickets".to_owned(), "Tickets")),
        act: "",
    });
    found.extend(asking);
    let waiting = site.db().read(db::samples::waiting)?.len() as u64;
    if waiting > 0 && person.rights.writes(Thing::Flags) {
        let what = format!(
            "{} that no rule flagged wait for a look, so that misses are seen",
            counted(waiting, "item", "items")
        );
        found.push(Need { what, since: None, link: Some(("/sample".to_owned(), "Look")), act: "" });
    }
    if !site.config().law.has_basis() {
        let what = "No legal basis is recorded, so no rule runs on public comments. They are kept and can be searched.";
        let act = "Record it under [law] in the config.";
        found.push(Need { what: what.to_owned(), since: None, link: None, act });
    }
    found.extend(overdue(site, standing)?);
    Ok(found)
}

/// *Findings of 3 pages are overdue: open for more than 14 days.*
fn overdue(site: &Site, standing: &Standing) -> Result<Option<Need>> {
    let mut found = site.db().read(|conn| super::register::overdue(site, conn, site.clock().now()))?;
    found.retain(|one| standing.accounts.iter().any(|account| account.id == one.account));
    let Some(oldest) = found.first() else { return Ok(None) };
    let pages: std::collections::BTreeSet<i64> = found.iter().map(|one| one.account).collect();
    let what = format!(
        "Findings of {} are overdue: open for more than {}",
        counted(pages.len() as u64, "page", "pages"),
        counted(u64::from(site.config().audit.overdue_days), "day", "days")
    );
    let since = Some(When::new(oldest.since, &site.config().time_zone));
    Ok(Some(Need { what, since, link: Some(("/accounts?overdue=yes".to_owned(), "Look")), act: "" }))
}

/// Concerns that nobody has opened and that are there for this person: how many, since when, and how many from the past.
fn unseen(site: &Site, person: &Person, standing: &Standing) -> Result<(u64, Option<Timestamp>, u64)> {
    let figures = &standing.figures;
    if !person.rights.reads(Thing::Concerns) {
        return Ok((0, None, 0));
    }
    if person.schools.is_empty() {
        return Ok((figures.unseen_concerns, figures.oldest_unseen, figures.unseen_past));
    }
    site.db().read(|conn| {
        let (mut fresh, mut oldest, mut past) = (0, None, 0);
        for flag in scope::open_flags(conn, person)?.iter().filter(|flag| flag.category.is_concern()) {
            match db::flags::opened(conn, flag.item_id)? {
                true => {}
                false if flag.past => past += 1,
                false => {
                    fresh += 1;
                    oldest =
                        Some(oldest.map_or(flag.first_flagged_at, |old: Timestamp| old.min(flag.first_flagged_at)));
                }
            }
        }
        Ok((fresh, oldest, past))
    })
}

/// *Ocotillo Middle (Facebook) is not being kept: token expired. Its owner: principal's office.*
fn not_kept(account: &Account, zone: &TimeZone) -> Need {
    let trouble = account.trouble.as_deref().unwrap_or_default().trim_end_matches('.');
    let owner = if account.row.owner_name.is_empty() { "not stated" } else { &account.row.owner_name };
    Need {
        what: format!("{} is not being kept: {trouble}. Its owner: {owner}.", account.title()),
        since: account.trouble_since.map(|at| When::new(at, zone)),
        link: Some((format!("/accounts/{}", account.row.slug), "Reconnect")),
        act: "",
    }
}

/// Tokens that die within fourteen days.
fn dying(site: &Site, standing: &Standing) -> Result<Vec<Need>> {
    let (config, now) = (site.config(), site.clock().now());
    let endings = connect::ending(&standing.credentials, config, 14, now);
    let need = |ending: connect::Ending<'_>| {
        let day = crate::text::dates::day(ending.ends_at, now, &config.time_zone);
        let left = counted(u64::try_from(ending.days_left(now)).unwrap_or_default(), "day", "days");
        let what = format!("{} left: the token for {} ends on {day}. {}", left, ending.platforms(), ending.act());
        Need { what, since: None, link: None, act: "" }
    };
    Ok(endings.into_iter().map(need).collect())
}

/// Packs that did not load or wait, and a check that is only half one.
fn packs(site: &Site, person: &Person, now: Timestamp) -> Result<Vec<Need>> {
    let has_rules = RULES.is_met(&person.rights);
    let need = |what: String| {
        let (link, act) = match what.as_str() {
            _ if what.starts_with("The rule packs") => {
                (("/rules", "Rules"), "The owner of the pack mends it; pagekeeper check-config says whether it loads.")
            }
            _ if what.starts_with("Changed rule packs") => (("/rules#offer", "Look"), ""),
            _ => (("/rules", "Rules"), "Whoever keeps the list adds the next election to elections.toml."),
        };
        Need { what, since: None, link: has_rules.then(|| (link.0.to_owned(), link.1)), act }
    };
    Ok(app::packs::notes(site.db(), site.config(), now)?.into_iter().map(need).collect())
}

/// *2 are not connected: 1 on X, 1 on Threads.*
fn not_connected(others: &[&Account]) -> Option<String> {
    let mut platforms: Vec<&str> = others.iter().map(|account| account.row.platform.as_str()).collect();
    platforms.sort_unstable();
    let lists: Vec<String> = platforms
        .chunk_by(|a, b| a == b)
        .map(|same| format!("{} on {}", same.len(), crate::model::platform_title(same[0])))
        .collect();
    let verb = if others.len() == 1 { "is" } else { "are" };
    (!others.is_empty()).then(|| format!("{} {verb} not connected: {}.", others.len(), lists.join(", ")))
}

fn rows(site: &Site, person: &Person, standing: &Standing, now: Timestamp) -> Result<Vec<Row>> {
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let flags = scope::open_flags(conn, person)?;
        let findings = db::findings::open(conn)?;
        let intervals = db::harvests::coverage(conn)?;
        let mut found = Vec::new();
        for account in &standing.accounts {
            let looked_at = db::harvests::newest(conn, account.id, 1)?.first().map(|run| run.started_at);
            let posted_at = db::items::read::newest_post(conn, account.id)?;
            let (state, fine) = state(site, account);
            let own: Vec<&Interval> = intervals.iter().filter(|interval| interval.account == account.id).collect();
            let is_read = site.config().why_off(&account.row.platform).is_none() || !own.is_empty();
            found.push(Row {
                slug: account.row.slug.clone(),
                title: if account.row.name.is_empty() { account.row.slug.clone() } else { account.row.name.clone() },
                platform: crate::model::platform_title(&account.row.platform),
                school: account.row.school.clone(),
                state,
                fine,
                strip: is_read.then(|| Strip::of(account, &own, zone, now)),
                looked_at,
                last_look: looked_at.map(|at| When::new(at, zone)),
                last_post: posted_at.map(|at| When::new(at, zone)),
                findings: findings.iter().filter(|one| one.account == account.id).count(),
                open_flags: flags.iter().filter(|flag| flag.account == account.id).count(),
            });
        }
        Ok(found)
    })
}

/// How an account stands, in words, and whether that is as it should be.
pub fn state(site: &Site, account: &Account) -> (String, bool) {
    if account.status != AccountStatus::Active {
        return (account.status.to_string(), true);
    }
    if let Some(why) = site.config().why_off(&account.row.platform) {
        return (format!("not connected: {why}"), false);
    }
    match &account.trouble {
        Some(trouble) => (format!("not being kept: {trouble}"), false),
        None => ("kept".into(), true),
    }
}
