//! What changed between two versions of a text, by word.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Beyond this a comparison ends with a coarser one: the texts are strangers', of any length.
const LONGEST: Duration = Duration::from_millis(100);

/// A piece of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `same`, `out` or `in`.
    pub tag: &'static str,
    pub text: String,
}

/// The newer text with what went out and what came in.
pub fn words(old: &str, new: &str) -> Vec<Change> {
    let mut found: Vec<Change> = Vec::new();
    for change in TextDiff::configure().timeout(LONGEST).diff_words(old, new).iter_all_changes() {
        let tag = match change.tag() {
            ChangeTag::Equal => "same",
            ChangeTag::Delete => "out",
            ChangeTag::Insert => "in",
        };
        match found.last_mut().filter(|last| last.tag == tag) {
            Some(last) => last.text.push_str(change.value()),
            None => found.push(Change { tag, text: change.value().to_owned() }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_the_words_that_went_and_those_that_came() {
        let shown: String = words("Game at 7 pm on Friday", "Game at 8 pm on Friday 🎉")
            .into_iter()
            .map(|change| match change.tag {
                "out" => format!("[-{}-]", change.text),
                "in" => format!("[+{}+]", change.text),
                _ => change.text,
            })
            .collect();
        assert_eq!(shown, "Game at [-7-][+8+] pm on Friday[+ 🎉+]");
    }

    #[test]
    fn two_long_strange_texts_are_compared_in_bounded_time() {
        let text = |step: usize| (0..20_000).map(|n| format!("w{} ", n * step)).collect::<String>();
        let (old, new) = (text(1), text(3));
        let kept: String =
            words(&old, &new).into_iter().filter(|change| change.tag != "out").map(|change| change.text).collect();
        assert_eq!(kept, new);
    }
}
