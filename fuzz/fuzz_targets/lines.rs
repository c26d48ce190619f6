//! Whatever is imported: an item, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pagekeeper::import;
use pagekeeper::model::Timestamp;

fuzz_target!(|line: &[u8]| {
    if let Ok((account, item)) = import::parse(line, Timestamp::UNIX_EPOCH) {
        assert!(!account.is_empty() && !item.native_id.is_empty() && !item.versions.is_empty());
    }
});
