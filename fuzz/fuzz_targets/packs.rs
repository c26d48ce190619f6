//! Whatever is put into the folder of packs: it loads, or every reason names its file. Files are parted by NUL; the first line of
//! each is its name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pagekeeper::rules;

fuzz_target!(|text: &str| {
    let files: Vec<(String, String)> = text
        .split('\0')
        .map(|file| file.split_once('\n').unwrap_or(("a.toml", file)))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    if let Err(errors) = rules::load(&files) {
        assert!(!errors.is_empty());
        for error in errors {
            assert!(error.file == "packs" || files.iter().any(|(name, _)| *name == error.file), "{error}");
        }
    }
});
