//! CSV as spreadsheets write it: a byte order mark, semicolons or tabs, lines of Windows. What cannot be read is refused with its
//! line and column.

use anyhow::{Context as _, Result, bail, ensure};

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
    ensure!(
        !bytes.starts_with(&[0xff, 0xfe]) && !bytes.starts_with(&[0xfe, 0xff]),
        "line 1: the file is UTF-16: save it as CSV UTF-8"
    );
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    // The reader counts the lines of Windows one too few.
    let text = text.replace("\r\n", "\n");
    let first = text.lines().next().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .delimiter(delimiter(first))
        .from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().context("the file has no header")?.iter().map(str::to_owned).collect();
    for (place, name) in header.iter().enumerate() {
        ensure!(name.is_empty() || !header[..place].contains(name), "line 1: the column {name} stands there twice");
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        check(&header, &record, line)?;
        rows.push(Row { line, cells: record.iter().map(str::to_owned).collect() });
    }
    Ok(Table { header, rows })
}

/// What cells may not be, whatever the columns mean.
fn check(header: &[String], record: &csv::StringRecord, line: u64) -> Result<()> {
    for (place, cell) in record.iter().enumerate() {
        let Some(column) = header.get(place).filter(|column| !column.is_empty()) else {
            ensure!(cell.is_empty(), "line {line}: {cell:?} stands under no column: is there a separator too many?");
            continue;
        };
        // A mark that is not closed takes the rest of the file into its cell.
        ensure!(
            !cell.contains('\n'),
            "line {line}: the cell of {column} goes over several lines: is a quotation mark not closed?"
        );
        if cell.starts_with('=') || cell.starts_with("#REF!") || cell.starts_with("#N/A") || cell.starts_with("#NAME?")
        {
            bail!("line {line}, column {column}: holds a formula or its error: save the values alone");
        }
    }
    Ok(())
}

/// What stands between the cells of the header.
fn delimiter(header: &str) -> u8 {
    let count = |mark: char| header.matches(mark).count();
    match (count(','), count(';'), count('\t')) {
        (0, semicolons, tabs) if semicolons >= tabs && semicolons > 0 => b';',
        (0, _, tabs) if tabs > 0 => b'\t',
        _ => b',',
    }
}

/// Where the first byte stands that is no UTF-8: most often a letter with an accent in an older encoding.
fn not_utf8(bytes: &[u8], at: usize) -> anyhow::Error {
    let before = String::from_utf8_lossy(&bytes[..at]).into_owned();
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
    anyhow::anyhow!("line {line}, column {column}: the file is not UTF-8: save it as CSV UTF-8")
}

/// A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it.
pub fn safe_cell(text: &str) -> String {
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if begins { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        format!("{:#}", read(bytes).unwrap_err())
    }

    #[test]
    fn what_spreadsheets_write_is_read_alike() {
        let plain = read(b"slug,name\na,One\nb,\"Two, too\"\n").unwrap();
        assert_eq!(read(b"\xef\xbb\xbfslug;name\r\na;One\r\nb;Two, too\r\n\r\n").unwrap(), plain);
        assert_eq!(read(b"slug\tname\na\tOne\nb\tTwo, too\n").unwrap(), plain);
    }

    #[test]
    fn another_encoding_is_refused_with_line_and_column() {
        assert!(refused(b"slug,name,school\na,x,\"y, z\"\nb,\"a, b\",Jos\xe9\n").starts_with("line 3, column school"));
        assert!(refused(b"slug;name\na;Jos\xe9\n").starts_with("line 2, column name"));
        assert!(refused(b"\xff\xfes\0l\0").contains("UTF-16"));
    }

    #[test]
    fn formulas_stray_cells_and_open_marks_are_refused_with_their_place() {
        assert!(refused(b"slug,name\na,=A1\n").starts_with("line 2, column name"));
        assert!(refused(b"slug,name\na,#REF!\n").starts_with("line 2, column name"));
        assert!(refused(b"slug,name\na,b,c\n").starts_with("line 2"));
        assert!(refused(b"slug,slug\na,b\n").contains("slug stands there twice"));
        assert!(refused(b"slug,name\na,\"b\nc,d\n").contains("not closed"));
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
