//! Whatever is typed into the search box: a query, or an error with a place in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pagekeeper::index::query;

fuzz_target!(|source: &str| {
    match query::parse(source) {
        Ok(query) => assert_eq!(query.source(), source),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
