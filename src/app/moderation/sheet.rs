//! The record as a table for a spreadsheet: a line for each row, each similar comment beside one, and each that stayed.

use anyhow::Result;

use super::{Expectation, FlagNote, Record, Row, Similar, Standing, Stayed};
use crate::model::{Timestamp, rfc3339};
use crate::text::sheet::safe_cell;

const HEADER: [&str; 22] = [
    "part",
    "number",
    "what",
    "item",
    "kind",
    "person",
    "written_at",
    "text",
    "last_seen_shown",
    "first_seen_so",
    "until",
    "cause",
    "clause",
    "entered",
    "flags",
    "likeness",
    "page",
    "url",
    "expectations",
    "profanity_filter",
    "admins",
    "ledger_entries",
];

/// `part` is note, row, similar (beside the row of that number) or stayed (that matched the same expectation).
pub fn csv(record: &Record) -> Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER)?;
    let made = format!(
        "{}, {} to {}; made by {}, ledger entry {}",
        record.title, record.from, record.to, record.made_by, record.entry
    );
    let mut put = |line: Line| writer.write_record(line.cells().map(|cell| safe_cell(&cell)));
    for note in std::iter::once(&made).chain(&record.notes) {
        put(Line { part: "note", text: note.clone(), ..Line::default() })?;
    }
    for row in &record.rows {
        let standing = record.standings.iter().find(|standing| standing.number == row.standing);
        put(of_row(row, &record.account, standing))?;
        for similar in &row.similar {
            put(of_similar(row.number, similar))?;
        }
    }
    for expectation in &record.expectations {
        for stayed in &expectation.stayed {
            put(of_stayed(expectation, stayed, &record.account))?;
        }
    }
    Ok(writer.into_inner()?)
}

#[derive(Default)]
struct Line {
    part: &'static str,
    number: String,
    what: String,
    item: String,
    kind: String,
    person: String,
    written_at: String,
    text: String,
    last_seen_shown: String,
    first_seen_so: String,
    until: String,
    cause: String,
    clause: String,
    entered: String,
    flags: String,
    likeness: String,
    page: String,
    url: String,
    standing: [String; 3],
    entries: String,
}

impl Line {
    fn cells(self) -> [String; 22] {
        let [expectations, filter, admins] = self.standing;
        [
            self.part.to_owned(),
            self.number,
            self.what,
            self.item,
            self.kind,
            self.person,
            self.written_at,
            self.text,
            self.last_seen_shown,
            self.first_seen_so,
            self.until,
            self.cause,
            self.clause,
            self.entered,
            self.flags,
            self.likeness,
            self.page,
            self.url,
            expectations,
            filter,
            admins,
            self.entries,
        ]
    }
}

fn of_row(row: &Row, page: &str, standing: Option<&Standing>) -> Line {
    let entered = row.entered.iter().map(|one| {
        let clause = if one.clause.is_empty() { "no clause named" } else { &one.clause };
        format!(
            "{} on {}, said by {}: {} ({clause}; ledger entry {})",
            one.act.as_str(),
            one.happened_on,
            one.by,
            one.reason,
            one.entry
        )
    });
    let entries: Vec<String> = row.entries.iter().map(u64::to_string).collect();
    let standing = standing.map(|standing| {
        let changed = if row.standing_changed { " (stood otherwise when it was last seen shown)" } else { "" };
        let expectations = format!("{}{changed}", standing.expectations);
        [expectations, standing.profanity_filter.clone(), standing.admins.join("; ")]
    });
    Line {
        part: "row",
        number: row.number.to_string(),
        what: row.what.to_owned(),
        item: row.item.clone().unwrap_or_default(),
        kind: row.kind.map(|kind| kind.to_string()).unwrap_or_default(),
        person: row.person.clone().unwrap_or_default(),
        written_at: time(row.written_at),
        text: if row.withheld { WITHHELD.to_owned() } else { row.text.clone().unwrap_or_default() },
        last_seen_shown: time(row.last_seen_shown),
        first_seen_so: time(row.first_seen_so),
        until: time(row.until),
        cause: row.cause.clone(),
        clause: row.clause.clone(),
        entered: entered.collect::<Vec<_>>().join(" | "),
        flags: flags(&row.flags),
        page: page.to_owned(),
        url: row.url.clone().unwrap_or_default(),
        standing: standing.unwrap_or_default(),
        entries: entries.join(" "),
        ..Line::default()
    }
}

fn of_similar(beside: usize, similar: &Similar) -> Line {
    Line {
        part: "similar",
        number: beside.to_string(),
        what: "similar by words, stayed".to_owned(),
        item: similar.item.clone(),
        written_at: time(similar.written_at),
        text: similar.text.clone(),
        likeness: similar.likeness.to_string(),
        page: similar.account.clone(),
        url: similar.url.clone().unwrap_or_default(),
        ..Line::default()
    }
}

fn of_stayed(expectation: &Expectation, stayed: &Stayed, page: &str) -> Line {
    Line {
        part: "stayed",
        what: format!("matched {} {}, stayed", expectation.clause, expectation.category),
        item: stayed.item.clone(),
        written_at: time(stayed.written_at),
        text: stayed.text.clone().unwrap_or_else(|| WITHHELD.to_owned()),
        clause: expectation.clause.clone(),
        flags: flags(&stayed.flags),
        page: page.to_owned(),
        url: stayed.url.clone().unwrap_or_default(),
        ..Line::default()
    }
}

const WITHHELD: &str = "(possible sexual exploitation in the thread: not shown here)";

fn flags(notes: &[FlagNote]) -> String {
    let apart = |apart: &Option<String>| apart.as_ref().map(|apart| format!(" ({apart})")).unwrap_or_default();
    let words = notes.iter().map(|note| {
        let reviews = note.reviews.iter().map(|review| {
            format!(", {} by {} {}{}", review.outcome, review.by, rfc3339(review.at), apart(&review.apart))
        });
        let flagged = format!("{} {} {}{}", note.clause, note.category, rfc3339(note.flagged_at), apart(&note.apart));
        flagged + &reviews.collect::<String>()
    });
    words.collect::<Vec<_>>().join(" | ")
}

fn time(at: Option<Timestamp>) -> String {
    at.map(rfc3339).unwrap_or_default()
}
