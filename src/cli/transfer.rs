//! `import jsonl` and `export jsonl`.

use std::io::{BufReader, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{Exit, Usage, system_user};
use crate::app::App;
use crate::app::search::Ask;
use crate::db::items;
use crate::import;
use crate::index::Sort;

/// Bring items in.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Import the interchange format, one item a line; `-` reads standard input.
    Jsonl { file: PathBuf },
}

/// Write items out.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write the interchange format, one item a line.
    Jsonl {
        /// Only what this query finds.
        #[arg(long)]
        query: Option<String>,
        /// Write here instead of to standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Import {
    pub fn run(self, app: &App) -> Result<Exit> {
        let Import::Jsonl { file } = self;
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let input: Box<dyn std::io::Read> = if file == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            Box::new(std::fs::File::open(&file).with_context(|| format!("could not read {}", file.display()))?)
        };
        let step = if std::io::stderr().is_terminal() { 10_000 } else { 200_000 };
        let mut said = 0;
        let mut progress = |lines: u64| {
            if lines >= said + step {
                said = lines;
                eprintln!("{lines} lines …");
            }
        };
        let now = app.clock.now();
        let input = BufReader::with_capacity(1 << 20, input);
        let done = import::jsonl(&app.db, input, &name, &system_user(), now, &mut progress)?;
        app.follow(app.clock.now())?;
        for (line, error) in &done.bad {
            eprintln!("{}:{line}: {error}", file.display());
        }
        for slug in &done.proposed {
            eprintln!("added to the register as proposed: {slug}");
        }
        eprintln!(
            "{} lines read, {} items new, {} versions kept, {} lines skipped.",
            done.lines,
            done.tally.new,
            done.tally.versions(),
            done.bad.len()
        );
        Ok(if done.bad.is_empty() { Exit::Done } else { Exit::Partly })
    }
}

impl Export {
    pub fn run(self, app: &App) -> Result<Exit> {
        let Export::Jsonl { query, out } = self;
        let out: Box<dyn Write> = match &out {
            Some(file) => {
                Box::new(std::fs::File::create(file).with_context(|| format!("could not write {}", file.display()))?)
            }
            None => Box::new(std::io::stdout()),
        };
        let mut out = BufWriter::new(out);
        let count = match query {
            None => everything(app, &mut out)?,
            Some(query) => found(app, query, &mut out)?,
        };
        out.flush()?;
        eprintln!("{count} items.");
        Ok(Exit::Done)
    }
}

/// Every item in the order in which it was first seen.
fn everything(app: &App, out: &mut impl Write) -> Result<u64> {
    let (mut after, mut count) = (0, 0);
    loop {
        let batch = app.db.read(|conn| items::read::in_order(conn, after, 1000))?;
        let Some((last, _)) = batch.last() else { return Ok(count) };
        after = *last;
        for (_, item) in batch {
            write_item(app, item, out)?;
            count += 1;
        }
    }
}

fn found(app: &App, query: String, out: &mut impl Write) -> Result<u64> {
    let ask = Ask { query, limit: usize::MAX, sort: Sort::Date, with_threads: false, flags: true };
    let items = app.found(&ask).map_err(|error| match error.downcast::<crate::index::query::QueryError>() {
        Ok(unreadable) => Usage(format!("the query cannot be read: {unreadable}")).into(),
        Err(error) => error,
    })?;
    let count = u64::try_from(items.len())?;
    items.into_iter().try_for_each(|item| write_item(app, item, out))?;
    Ok(count)
}

fn write_item(app: &App, item: i64, out: &mut impl Write) -> Result<()> {
    let line = app.db.read(|conn| import::line(conn, &items::show(conn, item)?))?;
    serde_json::to_writer(&mut *out, &line)?;
    Ok(out.write_all(b"\n")?)
}
