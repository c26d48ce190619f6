//! The file of students: an export of Infinite Campus as the config names its columns, or `OneRoster`'s users.csv. No word of a row
//! is ever repeated, not even of one that cannot be read.

use std::borrow::Cow;

use super::names::{Form, forms};
use crate::config::Roster as Columns;
use crate::text::sheet;

/// A student as far as the roster goes: how her name is written, and whether a release form is on file.
#[derive(Clone, PartialEq, Eq)]
pub struct Student {
    pub(super) forms: Vec<Form>,
    pub released: bool,
}

/// What was in a file.
#[derive(Clone, Default)]
pub struct Sheet {
    pub students: Vec<Student>,
    /// Rows of people who are no students, and of students who have left (`OneRoster`).
    pub others: u64,
    pub bad: Vec<Bad>,
}

/// A row, or a whole file, that cannot be used: the line and what is wrong, without what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {what}")]
pub struct Bad {
    pub line: u64,
    pub what: String,
}

/// Where what we need stands in a row.
struct Places {
    first: (usize, String),
    last: (usize, String),
    nickname: Option<usize>,
    release: (usize, String),
    /// `OneRoster` alone: what kind of person this is, and whether the row is to be deleted.
    role: Option<usize>,
    status: Option<usize>,
    width: usize,
}

/// Reads a file. Rows that cannot be used are told and left out.
///
/// # Errors
/// A column is missing or not named in the config.
pub fn read(file: &[u8], columns: &Columns) -> Result<Sheet, Bad> {
    let file = &*sheet::even(file).ok_or_else(|| Bad { line: 1, what: "the file is UTF-16 and broken".into() })?;
    let first = String::from_utf8_lossy(file).lines().next().unwrap_or_default().to_owned();
    let mark = sheet::delimiter(&first);
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(mark).from_reader(file);
    let mut row = csv::ByteRecord::new();
    let unreadable = |_| Bad { line: 1, what: "this is no CSV file".into() };
    if !rows.read_byte_record(&mut row).map_err(unreadable)? {
        return Err(Bad { line: 1, what: "the file is empty: its first line must name the columns".into() });
    }
    let places = Places::of(&row, columns)?;
    let mut sheet = Sheet::default();
    let mut last = 1;
    while rows.read_byte_record(&mut row).map_err(unreadable)? {
        last = row.position().map_or(0, csv::Position::line);
        take(&mut sheet, &row, &places, columns);
    }
    // An open quotation mark makes one cell of everything behind it: nobody in there may be lost without a word.
    let open = file.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    if open && row_spans_lines(file, last) {
        return Err(Bad { line: last, what: "a quotation mark is not closed here or behind".into() });
    }
    Ok(sheet)
}

/// Whether a last row that begins on this line goes on behind it.
fn row_spans_lines(file: &[u8], line: u64) -> bool {
    file.trim_ascii_end().iter().filter(|byte| **byte == b'\n').count() as u64 >= line
}

fn take(sheet: &mut Sheet, row: &csv::ByteRecord, places: &Places, columns: &Columns) {
    match student(row, places, columns) {
        Ok(Some(student)) => sheet.students.push(student),
        Ok(None) => sheet.others += 1,
        Err(what) => {
            let line = row.position().map_or(0, csv::Position::line);
            sheet.bad.push(Bad { line, what });
        }
    }
}

fn student(row: &csv::ByteRecord, places: &Places, columns: &Columns) -> Result<Option<Student>, String> {
    if row.len() != places.width {
        return Err(format!("the row has {} columns, the first line {}", row.len(), places.width));
    }
    let cell = |at: usize| text(row.get(at).unwrap_or_default());
    let is = |at: Option<usize>, word: &str| {
        at.map(|at| row.get(at).unwrap_or_default().eq_ignore_ascii_case(word.as_bytes()))
    };
    if is(places.role, "student") == Some(false) || is(places.status, "tobedeleted") == Some(true) {
        return Ok(None);
    }
    let (first, last) = (cell(places.first.0), cell(places.last.0));
    let nickname = places.nickname.map(cell).unwrap_or_default();
    for (value, (_, name)) in [(&first, &places.first), (&last, &places.last)] {
        if !value.contains(char::is_alphabetic) {
            return Err(format!("column {name:?} has no name"));
        }
    }
    let forms = forms(&first, &last, &nickname);
    if forms.is_empty() {
        return Err(format!("the names in {:?} and {:?} have no letters", places.first.1, places.last.1));
    }
    let release = cell(places.release.0);
    let released = columns.released.iter().any(|value| value.trim().to_lowercase() == release.trim().to_lowercase());
    Ok(Some(Student { forms, released }))
}

/// A cell's text: UTF-8, else what Excel writes on Windows.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    let letter = |byte: &u8| if matches!(byte, 0x91 | 0x92) { '\u{2019}' } else { char::from(*byte) };
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(letter).collect(), Cow::Borrowed)
}

impl Places {
    fn of(header: &csv::ByteRecord, columns: &Columns) -> Result<Places, Bad> {
        let find = |name: &str| header.iter().position(|cell| cell.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        let missing = |key: &str, name: &str| Bad {
            line: 1,
            what: format!("there is no column {name:?}: name it as [roster] {key}"),
        };
        let is_oneroster = find("givenName").is_some() && find("familyName").is_some();
        let named = |key: &str, name: &str, oneroster: &str| {
            let found = find(name).map(|at| (at, name.to_owned()));
            let other = || find(oneroster).filter(|_| is_oneroster).map(|at| (at, oneroster.to_owned()));
            found.or_else(other).ok_or_else(|| missing(key, name))
        };
        let Some(release) = &columns.release else {
            let what = "the config does not say which column tells a released name: set [roster] release";
            return Err(Bad { line: 1, what: what.into() });
        };
        let nickname = match &columns.nickname {
            Some(name) => Some(named("nickname", name, "preferredFirstName")?.0),
            None => find("preferredFirstName").filter(|_| is_oneroster),
        };
        Ok(Places {
            first: named("first_name", &columns.first_name, "givenName")?,
            last: named("last_name", &columns.last_name, "familyName")?,
            nickname,
            release: (find(release).ok_or_else(|| missing("release", release))?, release.clone()),
            role: find("role").filter(|_| is_oneroster),
            status: find("status").filter(|_| is_oneroster),
            width: header.len(),
        })
    }
}
