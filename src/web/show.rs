//! How times, numbers and texts look on a page.

use jiff::tz::TimeZone;

use crate::model::{Change, State, Timestamp};

/// A time as `Mon, Nov 16, 2026, 3:20 pm`.
pub fn date(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%a, %b %-d, %Y, %-I:%M %P").to_string()
}

/// A time with its UTC form for the title.
pub struct When {
    pub local: String,
    pub utc: String,
}

impl When {
    pub fn new(at: Timestamp, zone: &TimeZone) -> When {
        When { local: date(at, zone), utc: crate::model::rfc3339(at) }
    }
}

/// How long ago, in words, for beside the absolute time.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(at).as_mins().max(0);
    match minutes {
        0 => "just now".into(),
        1 => "1 minute ago".into(),
        2..=119 => format!("{minutes} minutes ago"),
        120..=2879 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// A number with thousands apart.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// *1 page*, *2 pages*.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", number(n)) }
}

/// The first characters of a text, with an ellipsis when there are more.
pub fn shorten(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let start: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() { format!("{start} …") } else { start }
}

/// *a, b and c*
pub fn list_words(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A piece of a text, marked or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub marked: bool,
    pub text: String,
}

/// Cuts a text at the flag's spans (bytes). A span that does not fit the text marks nothing.
pub fn pieces(text: &str, spans: &[(usize, usize)]) -> Vec<Piece> {
    let mut spans: Vec<(usize, usize)> = spans.to_vec();
    spans.sort_unstable();
    let (mut found, mut done) = (Vec::new(), 0);
    let mut push = |marked: bool, text: &str| {
        if !text.is_empty() {
            found.push(Piece { marked, text: text.to_owned() });
        }
    };
    for (start, end) in spans {
        let start = start.max(done);
        if let (true, Some(before), Some(inside)) = (start < end, text.get(done..start), text.get(start..end)) {
            push(false, before);
            push(true, inside);
            done = end;
        }
    }
    push(false, &text[done..]);
    found
}

/// A person's initials, for the place of a picture.
pub fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    name.split_whitespace().filter_map(first).take(2).flat_map(char::to_uppercase).collect()
}

/// A state in a word that claims nothing about who did it.
pub fn state_words(state: State) -> &'static str {
    match state {
        State::Visible => "visible",
        State::Hidden => "hidden",
        State::Missing => "missing: the last complete look did not show it",
        State::Gone => "gone: the platform no longer gives it",
    }
}

/// What a version records, in words that claim nothing about who did it.
pub const fn change_words(change: Change) -> &'static str {
    match change {
        Change::Created => "First seen",
        Change::Edited => "Edited",
        Change::Hidden => "Hidden",
        Change::Shown => "Shown again",
        Change::Missing => "Missing",
        Change::Gone => "Gone",
        Change::Restored => "Seen again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_in_the_district_write_them() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let at: Timestamp = "2026-11-16T23:20:05Z".parse().unwrap();
        assert_eq!(date(at, &zone), "Mon, Nov 16, 2026, 3:20 pm");
        assert_eq!(ago(at, at + jiff::SignedDuration::from_mins(125)), "2 hours ago");
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "page", "pages"), "1 page");
    }

    #[test]
    fn a_text_is_cut_at_its_spans_and_never_inside_a_character() {
        let marked = |text, spans: &[(usize, usize)]| {
            let show = |piece: Piece| if piece.marked { format!("[{}]", piece.text) } else { piece.text };
            pieces(text, spans).into_iter().map(show).collect::<String>()
        };
        assert_eq!(marked("call me now", &[(5, 7)]), "call [me] now");
        assert_eq!(marked("call me now", &[(5, 11), (0, 4), (6, 9)]), "[call] [me now]");
        assert_eq!(marked("niño", &[(3, 4), (2, 99)]), "niño");
    }

    #[test]
    fn initials_are_those_of_the_first_two_names() {
        assert_eq!(initials("dana ruiz whitfield"), "DR");
        assert_eq!(initials("!!"), "");
    }
}
