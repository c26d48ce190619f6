//! The weekly reports as they were sent, and what each of their numbers counted: from the lists that were stored with them, never
//! counted anew.

use anyhow::{Context as _, Result};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::auth::Person;
use super::review::concern;
use super::show::{When, counted, number, shorten};
use super::{Error, Frame, Site, render};
use crate::audit::topics;
use crate::db::items::read;
use crate::db::reports::{self, Figure, Kept, Report};
use crate::model::people::Thing;
use crate::model::{Role, Timestamp};
use crate::text::dates;
use crate::weekly::{FindingLine, FlagLine, GapLine, Lists};

/// Versions on one page of a figure.
const A_PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "reports.html")]
struct ListPage {
    frame: Frame,
    reports: Vec<(i64, String, When)>,
}

pub async fn list(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let page = site
        .blocking(move |site| {
            let zone = &site.config().time_zone;
            let reports = site.db().read(reports::list)?.into_iter();
            let reports = reports.map(|(id, _, made_at, subject)| (id, subject, When::new(made_at, zone)));
            Ok(ListPage { frame: Frame::new(site, &person)?, reports: reports.collect() })
        })
        .await?;
    render(&page)
}

/// Whose pages: the number in the links of a recipient who gets fewer than all.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    #[serde(default, rename = "for")]
    scope: Option<usize>,
    /// Versions after this entry.
    #[serde(default)]
    after: u64,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    frame: Frame,
    id: i64,
    subject: String,
    made_at: When,
    range: String,
    /// The text as it was sent; of a report for some pages the lists alone are shown.
    text: Option<String>,
    /// *Mesa Vista High*: the schools and groups of a part.
    part: Option<String>,
    query: String,
    sections: Vec<Section>,
    mails: Vec<String>,
    not_kept: Vec<String>,
    kept: Vec<KeptRow>,
    total: KeptRow,
    gaps: Vec<(String, Vec<String>)>,
    findings: Vec<FindingList>,
}

/// Findings that one number counted.
struct FindingList {
    id: &'static str,
    word: &'static str,
    empty: &'static str,
    lines: Vec<FindingRow>,
}

struct FindingRow {
    /// Only a person can say it: where that is recorded.
    is_said: bool,
    entry: u64,
    slug: String,
    title: String,
    what: String,
    since: When,
}

/// A list of flags.
struct Section {
    id: &'static str,
    heading: String,
    empty: &'static str,
    lines: Vec<Line>,
}

struct Line {
    key: String,
    words: String,
    severity: &'static str,
    at: When,
    reviewed: bool,
}

struct KeptRow {
    title: String,
    figures: Vec<(&'static str, String, bool)>,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(id): Path<i64>,
    Query(part): Query<Part>,
) -> Result<Response, Error> {
    let page = site
        .blocking(move |site| {
            let Some(report) = site.db().read(|conn| reports::by_id(conn, id))? else { return Ok(None) };
            let frame = Frame::new(site, &person)?;
            gather(site, &person, frame, report, part.scope)
        })
        .await?;
    render(&page.ok_or(Error::NotFound)?)
}

/// The lists of a report, or of one part of it, as far as they are there for this person. `None`: it has no such part.
fn lists(report: &Report, person: &Person, scope: Option<usize>) -> Result<Option<Lists>> {
    let mut lists: Lists = serde_json::from_str(&report.lists).context("the lists of a report")?;
    lists.keep(|account| person.has_school(&account.school), |category| person.rights.sees(category));
    Ok(match scope {
        Some(scope) if scope >= lists.scopes.len() => None,
        Some(scope) => Some(lists.of(scope)),
        None => Some(lists),
    })
}

fn gather(site: &Site, person: &Person, frame: Frame, report: Report, scope: Option<usize>) -> Result<Option<Page>> {
    let zone = &site.config().time_zone;
    let Some(lists) = lists(&report, person, scope)? else { return Ok(None) };
    let day = |at: Option<Timestamp>| at.map_or_else(|| "an unknown time".to_owned(), |at| dates::full(at, zone));
    let part = scope.and_then(|scope| lists.scopes.get(scope)).map(|scope| {
        let names: Vec<&str> = scope.schools.iter().chain(&scope.groups).map(String::as_str).collect();
        names.join(", ")
    });
    let gap = |line: &GapLine| {
        let times = line.times.iter().map(|(from, to, cause)| match to {
            Some(_) => format!("{} to {}: {cause}", day(*from), day(*to)),
            None => format!("since {}: {cause}", day(*from)),
        });
        (title(&lists, &line.account).to_owned(), times.collect())
    };
    let not_kept = lists.not_kept.iter().map(|line| {
        format!("{}, since {}: {}", title(&lists, &line.account), day(line.since), line.cause.trim_end_matches('.'))
    });
    let mut total = Kept::default();
    lists.kept.values().for_each(|own| total.add(own));
    Ok(Some(Page {
        frame,
        id: report.id,
        subject: report.subject,
        made_at: When::new(report.made_at, zone),
        range: dates::range(lists.from_day, lists.to_day),
        text: (scope.is_none() && sees_all(person)).then_some(report.text),
        query: scope.map_or_else(String::new, |scope| format!("?for={scope}")),
        part,
        sections: sections(site, &lists),
        mails: lists.refused_mails.iter().map(|id| format!("Mail {id}")).collect(),
        not_kept: not_kept.collect(),
        kept: lists.kept.iter().map(|(slug, kept)| kept_row(title(&lists, slug).to_owned(), kept)).collect(),
        total: kept_row("All".to_owned(), &total),
        gaps: lists.gaps.iter().map(gap).collect(),
        findings: findings(site, &lists),
    }))
}

/// What the three numbers of the audit counted; none until an audit was made.
fn findings(site: &Site, lists: &Lists) -> Vec<FindingList> {
    let Some(found) = &lists.findings else { return Vec::new() };
    let row = |line: &FindingLine| FindingRow {
        is_said: topics::topic(&line.check).is_some(),
        entry: line.entry,
        slug: line.account.clone(),
        title: title(lists, &line.account).to_owned(),
        what: format!("{} ({})", line.what, line.clause),
        since: When::new(line.since, &site.config().time_zone),
    };
    let list = |id, word, empty, lines: &[FindingLine]| FindingList {
        id,
        word,
        empty,
        lines: lines.iter().map(row).collect(),
    };
    vec![
        list("findings-new", "new", "Nothing was newly found.", &found.new),
        list("findings-fixed", "fixed", "Nothing was seen to be mended.", &found.fixed),
        list("findings-overdue", "overdue", "Nothing was overdue.", &found.overdue),
    ]
}

/// Whether a whole report is there for a person as it was sent.
fn sees_all(person: &Person) -> bool {
    person.schools.is_empty() && person.rights.reads(Thing::Concerns)
}

/// The lists of flags, in the order of the mail.
fn sections(site: &Site, lists: &Lists) -> Vec<Section> {
    let section = |id, heading: &str, empty, flags: &[FlagLine]| Section {
        id,
        heading: format!("{heading}: {}", number(flags.len() as u64)),
        empty,
        lines: flags.iter().map(|flag| line(site, lists, flag)).collect(),
    };
    vec![
        section("concerns", "Concerns that nobody had opened", "Every concern had been opened.", &lists.concerns),
        section("open", "Still open from earlier weeks", "Nothing was open from earlier weeks.", &lists.still_open),
        section("past", "From the past, not decided", "Nothing from the past was open.", &lists.past),
        section("flags", "Flags this week", "No rule matched anything new.", &lists.flags),
    ]
}

fn line(site: &Site, lists: &Lists, flag: &FlagLine) -> Line {
    let whose = match flag.role {
        Role::District => format!("the page's own {}", flag.kind),
        Role::Public | Role::Unknown => format!("public {}", flag.kind),
    };
    Line {
        key: flag.flag.clone(),
        words: format!("{}: possible {}, {whose}", title(lists, &flag.account), flag.category.words()),
        severity: flag.severity.as_str(),
        at: When::new(flag.at, &site.config().time_zone),
        reviewed: flag.is_reviewed,
    }
}

fn title<'l>(lists: &'l Lists, slug: &'l str) -> &'l str {
    lists.accounts.get(slug).map_or(slug, |account| account.title.as_str())
}

/// The figures with the word in their address; one of nothing is no link.
fn kept_row(title: String, kept: &Kept) -> KeptRow {
    let figures = [
        ("posts", kept.posts),
        ("comments", kept.comments),
        ("edits", kept.edits),
        ("hidden", kept.hidden),
        ("missing", kept.missing),
    ];
    KeptRow { title, figures: figures.map(|(word, n)| (word, number(n), n > 0)).to_vec() }
}

#[derive(Template)]
#[template(path = "kept.html")]
struct KeptPage {
    frame: Frame,
    id: i64,
    query: String,
    subject: String,
    heading: String,
    rows: Vec<Version>,
    next: Option<String>,
}

struct Version {
    account: String,
    item: String,
    kind: &'static str,
    at: When,
    words: String,
    /// The flag of a possible concern: it is opened to be read.
    concern: Option<String>,
    url: Option<String>,
}

/// What one figure of *Kept this week* counted: the very versions, in the order of the ledger.
pub async fn kept(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path((id, figure)): Path<(i64, String)>,
    Query(part): Query<Part>,
) -> Result<Response, Error> {
    let which = match figure.as_str() {
        "posts" => Figure::Posts,
        "comments" => Figure::Comments,
        "edits" => Figure::Edits,
        "hidden" => Figure::Hidden,
        "missing" => Figure::Missing,
        _ => return Err(Error::NotFound),
    };
    let page = site.blocking(move |site| counted_page(site, &person, id, &figure, which, &part)).await?;
    render(&page.ok_or(Error::NotFound)?)
}

fn counted_page(
    site: &Site,
    person: &Person,
    id: i64,
    word: &str,
    figure: Figure,
    part: &Part,
) -> Result<Option<KeptPage>> {
    let Some(report) = site.db().read(|conn| reports::by_id(conn, id))? else { return Ok(None) };
    let Some(lists) = lists(&report, person, part.scope)? else { return Ok(None) };
    let total: u64 = lists.kept.values().map(|kept| of(kept, figure)).sum();
    let (rows, last) = versions(site, person, &lists, (figure, part.after))?;
    let scope = part.scope.map_or_else(String::new, |scope| format!("for={scope}&"));
    let (one, many) = match figure {
        Figure::Posts => ("post", "posts"),
        Figure::Comments => ("comment", "comments"),
        Figure::Edits => ("edit", "edits"),
        Figure::Hidden => ("item hidden", "items hidden"),
        Figure::Missing => ("item missing", "items missing"),
    };
    Ok(Some(KeptPage {
        frame: Frame::new(site, person)?,
        id,
        query: part.scope.map_or_else(String::new, |scope| format!("?for={scope}")),
        subject: report.subject,
        heading: counted(total, one, many),
        rows,
        next: last.map(|last| format!("/reports/{id}/kept/{word}?{scope}after={last}")),
    }))
}

const fn of(kept: &Kept, figure: Figure) -> u64 {
    match figure {
        Figure::Posts => kept.posts,
        Figure::Comments => kept.comments,
        Figure::Edits => kept.edits,
        Figure::Hidden => kept.hidden,
        Figure::Missing => kept.missing,
    }
}

/// One page of the versions that a figure counted, and the entry after which the next page begins.
fn versions(
    site: &Site,
    person: &Person,
    lists: &Lists,
    (figure, after): (Figure, u64),
) -> Result<(Vec<Version>, Option<u64>)> {
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let mut found = Vec::new();
        let mut at = after;
        loop {
            let batch = reports::counted(conn, lists.from_seq, lists.to_seq, figure, at, A_PAGE)?;
            for (seq, item) in &batch {
                let shown = read::show(conn, *item)?;
                at = *seq;
                if !lists.kept.contains_key(&shown.account) {
                    continue;
                }
                if found.len() == A_PAGE as usize {
                    return Ok((found, Some(seq - 1)));
                }
                let concern = concern(conn, person, *item)?;
                let version = shown.document.versions.iter().find(|version| version.seq == *seq);
                found.push(Version {
                    account: title(lists, &shown.account).to_owned(),
                    item: shown.name(),
                    kind: shown.document.kind.as_str(),
                    at: When::new(version.map_or(shown.first_seen_at, |version| version.observed_at), zone),
                    words: match (version, &concern) {
                        (Some(version), None) => shorten(&version.content.text, 280),
                        _ => String::new(),
                    },
                    concern,
                    url: shown.url.clone().filter(|url| url.starts_with("https://")),
                });
            }
            if batch.len() < A_PAGE as usize {
                return Ok((found, None));
            }
        }
    })
}
