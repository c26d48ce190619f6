//! The register of approvals: who approved which logo or mascot for which pages, and when.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::civil::Date;

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub art: String,
    pub approver: String,
    pub role: String,
    pub date: Date,
    /// Slugs; empty: every page.
    pub pages: Vec<String>,
}

impl Approval {
    pub fn is_for(&self, slug: &str) -> bool {
        self.pages.is_empty() || self.pages.iter().any(|page| page == slug)
    }
}

const COLUMNS: [&str; 5] = ["art", "approver", "role", "date", "pages"];

pub(super) fn load(file: &Path) -> Result<Vec<Approval>> {
    let bytes = std::fs::read(file).map_err(|error| anyhow!("[audit] {} cannot be read: {error}", file.display()))?;
    parse(&bytes).with_context(|| format!("in the approvals {}", file.display()))
}

/// Rows of the file. Every cell but `pages` is needed: an approval that nobody gave is none.
fn parse(bytes: &[u8]) -> Result<Vec<Approval>> {
    let table = crate::text::sheet::read(bytes)?;
    let place = |name: &str| {
        let found = table.header.iter().position(|column| column == name);
        found.with_context(|| format!("line 1: there is no column {name}; the columns are {}", COLUMNS.join(", ")))
    };
    let places = COLUMNS.iter().map(|name| place(name)).collect::<Result<Vec<usize>>>()?;
    let mut found = Vec::new();
    for row in &table.rows {
        let cell = |column: usize| row.cells.get(places[column]).map_or("", |cell| cell.as_str());
        for (column, name) in COLUMNS.iter().enumerate().take(4) {
            ensure!(!cell(column).is_empty(), "line {}, column {name}: is empty", row.line);
        }
        let date = cell(3).parse();
        found.push(Approval {
            art: cell(0).to_owned(),
            approver: cell(1).to_owned(),
            role: cell(2).to_owned(),
            date: date.ok().with_context(|| {
                format!("line {}, column date: {:?} is no day: write it as in 2026-09-01", row.line, cell(3))
            })?,
            pages: cell(4).split(';').map(|page| page.trim().to_owned()).filter(|page| !page.is_empty()).collect(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_for_the_pages_it_names_or_for_all() {
        let text = "art;approver;role;date;pages\r\nCondor;Ana Ruiz;Principal;2026-09-01;mesa-vista-high\r\nSeal;Jo Lim;Services;2026-09-02;\r\n";
        let found = parse(text.as_bytes()).unwrap();
        assert!(found[0].is_for("mesa-vista-high") && !found[0].is_for("mesa-vista-usd"));
        assert!(found[1].is_for("mesa-vista-usd"));
    }

    #[test]
    fn what_is_missing_is_said_with_line_and_column() {
        let refused = |text: &str| format!("{:#}", parse(text.as_bytes()).unwrap_err());
        assert!(refused("art,approver,role,date\n").contains("no column pages"));
        assert!(refused("art,approver,role,date,pages\nSeal,,x,2026-09-02,\n").contains("line 2, column approver"));
        assert!(refused("art,approver,role,date,pages\nSeal,a,x,Sep 2,\n").contains("line 2, column date"));
    }
}
