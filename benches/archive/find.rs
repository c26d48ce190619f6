//! Search, as the web app and the command line ask for it: twenty newest, exact count, rows, snippets, coverage.

use std::time::Instant;

use anyhow::Result;
use pagekeeper::app::App;
use pagekeeper::app::search::Ask;
use pagekeeper::index::Sort;

/// Queries of a kind.
const QUERIES: [(&str, &[&str]); 5] = [
    ("term", &["bus", "pizza", "school", "scholarship", "camión"]),
    ("phrase", &["\"thank you\"", "\"school bus\"", "\"after school\"", "\"to school\""]),
    ("AND", &["bus late", "music concert", "school board vote", "gracias maestra"]),
    (
        "filter",
        &[
            "kind:post bus",
            "role:public pizza",
            "after:2026-06-01 before:2026-07-01 game",
            "account:mesa-vista-athletics win",
        ],
    ),
    ("prefix", &["grad*", "schol*", "tr*", "matemát*"]),
];

/// Times each query is asked.
const ROUNDS: usize = 50;

/// How long a kind of query took, in milliseconds.
#[derive(Debug)]
pub struct Timed {
    pub kind: &'static str,
    pub p50: f64,
    pub p99: f64,
    /// What the queries found, least and most.
    pub found: (u64, u64),
}

/// Times full pages of results.
pub fn timed(app: &App) -> Result<Vec<Timed>> {
    QUERIES.iter().map(|(kind, queries)| of_kind(app, kind, queries)).collect()
}

fn of_kind(app: &App, kind: &'static str, queries: &[&str]) -> Result<Timed> {
    let (mut times, mut found) = (Vec::new(), (u64::MAX, 0));
    for round in 0..=ROUNDS {
        for query in queries {
            let ask = Ask { query: (*query).into(), limit: 20, sort: Sort::Date, with_threads: false, flags: true };
            let start = Instant::now();
            let answer = app.search(&ask)?;
            let took = start.elapsed().as_secs_f64() * 1000.0;
            found = (found.0.min(answer.total), found.1.max(answer.total));
            // The first round warms up.
            if round > 0 {
                times.push(took);
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    Ok(Timed { kind, p50: at(0.5), p99: at(0.99), found })
}
