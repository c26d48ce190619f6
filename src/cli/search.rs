//! `search`.

use anyhow::Result;
use clap::Args;

use super::{Exit, Usage, print, print_json};
use crate::app::App;
use crate::app::search::{Ask, local};
use crate::index::Sort;
use crate::index::query::QueryError;
use crate::model::platform_title;

/// Search everything that is kept.
///
/// All words must be there; "a phrase", -word, OR, ( ), prefix*, word~. Fields: account: platform: school: group: kind: author:
/// role: state: was: flag: has:media has:link after: before: on: changed:
#[derive(Debug, Args)]
pub struct Search {
    /// What to look for, in quotes for the shell.
    query: String,
    /// The most items to print; the total is exact in any case.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// date (newest first) or relevance
    #[arg(long, default_value = "date", value_parser = ["date", "relevance"])]
    sort: String,
    /// Add every item of a thread in which one matches.
    #[arg(long)]
    with_threads: bool,
    /// One JSON object a line; the last holds the total and the coverage.
    #[arg(long)]
    json: bool,
}

impl Search {
    pub fn run(self, app: &App) -> Result<Exit> {
        let ask = Ask {
            query: self.query,
            limit: self.limit,
            sort: if self.sort == "date" { Sort::Date } else { Sort::Relevance },
            with_threads: self.with_threads,
            flags: true,
        };
        let answer = app.search(&ask).map_err(|error| match error.downcast::<QueryError>() {
            Ok(unreadable) => Usage(format!("the query cannot be read: {unreadable}")).into(),
            Err(error) => error,
        })?;
        if self.json {
            answer.rows.iter().try_for_each(print_json)?;
            let mut last =
                serde_json::json!({"total": answer.total, "took_ms": answer.took_ms, "coverage": answer.coverage});
            if let Some(count) = answer.with_threads {
                last["with_threads"] = count.into();
            }
            print_json(&last)?;
            return Ok(Exit::Done);
        }
        for row in &answer.rows {
            let when =
                row.created_at.as_deref().and_then(|at| at.parse().ok()).map(|at| local(at, &app.config.time_zone));
            let who = row.author.name.as_deref().or(row.author.handle.as_deref()).unwrap_or("author not given");
            let state =
                if row.state == crate::model::State::Visible { String::new() } else { format!(" · {}", row.state) };
            print(format!(
                "{}  {} · {} · {} ({}){state}{}",
                when.unwrap_or_default(),
                row.account,
                platform_title(&row.platform),
                who,
                row.role,
                if row.in_thread { " · in the thread" } else { "" }
            ))?;
            print(format!("  {}", one_line(row.snippet.as_deref().unwrap_or(&row.text))))?;
            print(format!("  {}", row.item))?;
        }
        eprintln!("{} items in {:.1} ms.", answer.total, answer.took_ms);
        if let Some(count) = answer.with_threads {
            eprintln!("{count} with their threads.");
        }
        let gaps = answer.coverage.iter().filter(|covered| !covered.gaps.is_empty()).count();
        if gaps > 0 {
            eprintln!("{gaps} accounts have gaps; --json lists them.");
        }
        Ok(Exit::Done)
    }
}

/// A text on one line, control characters left out so that it cannot write to the terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
