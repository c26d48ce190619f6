//! CSV as spreadsheets write it: a byte order mark, UTF-16 or letters of Windows and the old Macintosh, semicolons or tabs, any end of
//! line. What cannot be read is refused with its line and column.

use std::borrow::Cow;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::{decode, plain};

/// More than this is no cell of a list: most often a mark that is not closed.
const LONGEST_CELL: usize = 10_000;

/// A table with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Row>,
}

/// A row and the line of the file it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub cells: Vec<String>,
}

/// Reads a file.
pub fn read(bytes: &[u8]) -> Result<Table> {
    ensure!(!bytes.starts_with(b"PK\x03\x04"), "line 1: this is a spreadsheet's own file: save it as CSV");
    let text = decode::file(bytes).map_err(|at| unreadable(bytes, at))?;
    let text = even_lines(&text);
    let (text, mark) = separated(&text);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).delimiter(mark).from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().context("the file has no header")?.iter().map(str::to_owned).collect();
    for (place, name) in header.iter().enumerate() {
        ensure!(name.len() <= LONGEST_CELL, "line 1, column {}: a name of so many letters is none", place + 1);
        ensure!(name.is_empty() || !header[..place].contains(name), "line 1: the column {name} stands there twice");
    }
    let open = text.matches('"').count() % 2 == 1;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let cells = record.iter().enumerate().map(|(place, cell)| read_cell(&header, place, cell, line, mark, open));
        rows.push(Row { line, cells: cells.collect::<Result<_>>()? });
    }
    Ok(Table { header, rows })
}

/// A cell, unless it is what no cell may be, whatever the columns mean. What begins like a formula is words like any other.
fn read_cell(header: &[String], place: usize, cell: &str, line: u64, mark: u8, open: bool) -> Result<String> {
    let Some(column) = header.get(place).filter(|column| !column.is_empty()) else {
        ensure!(cell.is_empty(), "line {line}: {cell:?} stands under no column: is there a separator too many?");
        return Ok(String::new());
    };
    let seems_rows = |cell: &str| {
        header.len() > 1 && cell.lines().skip(1).any(|line| line.matches(char::from(mark)).count() + 1 >= header.len())
    };
    // A mark that is not closed takes what comes after it into its cell.
    ensure!(
        !cell.contains('\n') || !(open || seems_rows(cell)),
        "line {line}, column {column}: the cell goes over several lines: is a quotation mark not closed?"
    );
    ensure!(
        cell.len() <= LONGEST_CELL,
        "line {line}, column {column}: holds {} letters: is a quotation mark not closed?",
        cell.chars().count()
    );
    ensure!(
        !cell.contains(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\t')),
        "line {line}, column {column}: holds a sign that no text has: save the file as CSV UTF-8"
    );
    if ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!"].contains(&cell) {
        bail!("line {line}, column {column}: holds the error of a formula: {cell}");
    }
    let words = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    let cell = if cell.contains('\n') { words.as_str() } else { cell };
    Ok(cell.strip_prefix('\'').filter(|rest| begins_like_a_formula(rest)).unwrap_or(cell).to_owned())
}

/// Lines that end alike: the reader counts those of Windows one too few, and those of the old Macintosh not at all.
fn even_lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// The bytes of a file with its mark gone, UTF-16 as UTF-8 and lines that end alike; letters of older encodings are left as they are.
/// `None`: the UTF-16 is broken.
pub fn even(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return decode::file(bytes).ok().map(|text| even_lines(&text).into_owned().into_bytes().into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !bytes.contains(&b'\r') {
        return Some(bytes.into());
    }
    let mut lines = bytes.to_vec();
    let mut before = 0;
    lines.retain(|byte| {
        let is_second = *byte == b'\n' && before == b'\r';
        before = *byte;
        !is_second
    });
    lines.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
    Some(lines.into())
}

/// The text and what stands between its cells, which some spreadsheets say in a line of its own: `sep=;`.
fn separated(text: &str) -> (Cow<'_, str>, u8) {
    let first = text.lines().next().unwrap_or_default();
    match first.to_lowercase().strip_prefix("sep=").map(str::as_bytes) {
        // The line stays, so that the others keep their numbers.
        Some(&[mark]) => (Cow::Owned(text[first.len()..].to_owned()), mark),
        _ => (Cow::Borrowed(text), delimiter(first)),
    }
}

/// What stands between the cells of the header.
pub fn delimiter(header: &str) -> u8 {
    let outside: String = header.split('"').step_by(2).collect();
    let count = |mark: u8| outside.matches(char::from(mark)).count();
    [b'\t', b';', b','].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}

/// Where the first byte stands that fits no reading.
fn unreadable(bytes: &[u8], at: usize) -> anyhow::Error {
    let before = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let before = even_lines(&before);
    let line = before.matches('\n').count() + 1;
    let begun = before.rsplit('\n').next().unwrap_or_default();
    let header = String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
    let mark = char::from(delimiter(&header));
    let mut quoted = false;
    let marks = begun.chars().filter(|letter| {
        quoted ^= *letter == '"';
        *letter == mark && !quoted
    });
    let place = marks.count();
    let column = header.split(mark).nth(place).map_or("", |name| name.trim_matches(['"', ' ', '\u{feff}']));
    let column = plain::line(column);
    anyhow!("line {line}, column {column}: the file is in no one encoding: save it as CSV UTF-8")
}

fn begins_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it, which [`read`] takes away.
pub fn safe_cell(text: &str) -> String {
    if begins_like_a_formula(text) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        format!("{:#}", read(bytes).unwrap_err())
    }

    #[test]
    fn what_spreadsheets_write_is_read_alike() {
        let plain = read("slug,name\na,José\nb,\"Two, too\"\n".as_bytes()).unwrap();
        let utf16 = |text: &str| -> Vec<u8> {
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        };
        for bytes in [
            &b"\xef\xbb\xbfslug;name\r\na;Jos\xc3\xa9\r\nb;Two, too\r\n\r\n"[..],
            b"slug\tname\na\tJos\xc3\xa9\nb\tTwo, too\n",
            b"slug;name\r\na;Jos\xe9\r\nb;\"Two, too\"\r\n",
            b"slug;name\ra;Jos\x8e\rb;Two, too\r",
            b"slug;\"name\"\na;Jos\xc3\xa9\nb;Two, too",
            &utf16("slug\tname\r\na\tJosé\r\nb\tTwo, too\r\n"),
        ] {
            assert_eq!(read(bytes).unwrap(), plain, "{}", String::from_utf8_lossy(bytes));
        }
        let said = read("sep=;\nslug;name\na;José\n".as_bytes()).unwrap();
        assert_eq!((said.header, said.rows[0].line), (plain.header, 3));
    }

    #[test]
    fn two_encodings_in_one_file_are_refused_with_line_and_column() {
        let mixed = [&b"slug,name,school\na,Jos\xc3\xa9,\"y, z\"\nb,\"a, b\",Jos\xe9\n"[..]].concat();
        assert!(refused(&mixed).starts_with("line 3, column school"), "{}", refused(&mixed));
        assert!(refused(b"\xff\xfes\0l\0x").contains("no one encoding"));
        assert!(refused(b"PK\x03\x04\x14\0").contains("save it as CSV"));
    }

    #[test]
    fn stray_cells_and_open_marks_are_refused_with_their_place() {
        assert!(refused(b"slug,name\na,#REF!\n").starts_with("line 2, column name"));
        assert!(refused(b"slug,name\na,b,c\n").starts_with("line 2"));
        assert!(refused(b"slug,slug\na,b\n").contains("slug stands there twice"));
        assert!(refused(b"slug,name\na,\"b\nc,d\n").starts_with("line 2, column name"));
        let pair = refused(b"slug,name\na,\"b\nc,d\ne,\"f\n");
        assert!(pair.starts_with("line 2, column name") && pair.contains("not closed"), "{pair}");
        assert!(refused(b"slug,name\na,b\0c\n").starts_with("line 2, column name"));
        assert!(refused(b"slug,name\r\na,Jos\x81\r\n").starts_with("line 2, column name"));
    }

    #[test]
    fn a_line_of_ten_megabytes_is_refused_with_its_place() {
        let long = format!("slug,name\na,{}\n", "x".repeat(10 << 20));
        assert!(refused(long.as_bytes()).starts_with("line 2, column name: holds 10485760 letters"));
        let long = format!("slug,{}\na,b\n", "x".repeat(10 << 20));
        assert!(refused(long.as_bytes()).starts_with("line 1, column 2"));
    }

    #[test]
    fn a_cell_may_go_over_lines_and_begin_like_a_formula() {
        let table = read(b"slug,name,purpose\na,=A1,\"To tell\n  families\"\nb,'@here,'quoted\n").unwrap();
        assert_eq!(table.rows[0].cells, ["a", "=A1", "To tell families"]);
        assert_eq!(
            (table.rows[1].line, &table.rows[1].cells[1..]),
            (4, &["@here".to_owned(), "'quoted".to_owned()][..])
        );
    }

    #[test]
    fn a_cell_that_begins_like_a_formula_is_written_as_words() {
        assert_eq!(safe_cell("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        for begins in ["+1", "-1", "@x", "\tx"] {
            assert!(safe_cell(begins).starts_with('\''));
        }
        assert_eq!(safe_cell("Mesa Vista"), "Mesa Vista");
    }
}
