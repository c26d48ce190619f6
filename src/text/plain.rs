//! What people write, without what steers a terminal or turns letters around: it is shown to others.

/// Words on one line.
pub fn line(text: &str) -> String {
    // A tab or the end of a line parts words, as blanks do.
    let parted = text.replace(|letter: char| letter.is_ascii_whitespace(), " ");
    lines(&parted).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words; their lines stay.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let plain: String = text.chars().filter(|letter| is_plain(*letter) || *letter == '\n').collect();
    plain.trim().to_owned()
}

/// Whether a letter shows itself and nothing else.
pub fn is_plain(letter: char) -> bool {
    let turns = matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !letter.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_letters_around_is_left_out() {
        assert_eq!(line(" a\tb\r\nc \u{1b}[31mred\u{0}\u{7} "), "a b c [31mred");
        assert_eq!(line("gnp.\u{202e}exe \u{200b}\u{feff}Añá 日本"), "gnp.exe Añá 日本");
        assert_eq!(lines("a\r\n\u{1b}b\r\n"), "a\nb");
    }
}
