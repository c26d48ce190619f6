//! A mail in two forms from one source: plain text of at most sixty columns, and HTML of one column that needs no pictures,
//! no script and no style sheet, readable at 320 pixels.

use std::fmt::Write as _;

/// The widest line of plain text, in characters. Only a link that does not fit stands out.
pub const COLUMNS: usize = 60;

/// How a mail differs from the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Plain,
    /// Nobody has pressed *Go live* yet.
    Preview,
    /// A sample.
    Test,
}

impl Mark {
    /// The subject with its mark.
    pub fn subject(self, subject: &str) -> String {
        match self {
            Mark::Plain => subject.to_owned(),
            Mark::Preview => format!("[preview] {subject}"),
            Mark::Test => format!("[test] {subject}"),
        }
    }

    /// The sentence at the top of the mail.
    pub const fn notice(self) -> Option<&'static str> {
        match self {
            Mark::Plain => None,
            Mark::Preview => Some("Preview: mails are not live yet, so this one goes to you alone."),
            Mark::Test => Some("Test: this is a sample. Nothing of it has happened, and its links lead nowhere."),
        }
    }
}

/// A mail's body, block by block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    title: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Notice(String),
    Heading(String, Option<String>),
    Paragraph(String),
    Strong(String),
    Item(String, Option<String>),
    Link(String, String),
    Figure(String, String),
    Call(String, String),
    Paste(String),
    /// From here on in another language.
    Language(&'static str),
    Quiet(String),
}

impl Letter {
    /// `title` is for programs that show one; it is no part of the text.
    pub fn new(title: impl Into<String>) -> Letter {
        Letter { title: title.into(), blocks: Vec::new() }
    }

    /// A framed sentence at the top: *preview*, *test*.
    pub fn notice(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Notice(text.into()));
    }

    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into(), None));
    }

    /// A heading that opens what it counts.
    pub fn heading_to(&mut self, text: impl Into<String>, url: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into(), Some(url.into())));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    pub fn strong(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Strong(text.into()));
    }

    pub fn item(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Item(text.into(), None));
    }

    pub fn item_to(&mut self, text: impl Into<String>, url: impl Into<String>) {
        self.blocks.push(Block::Item(text.into(), Some(url.into())));
    }

    pub fn link(&mut self, label: impl Into<String>, url: impl Into<String>) {
        self.blocks.push(Block::Link(label.into(), url.into()));
    }

    /// Figures that open what they count.
    pub fn figures(&mut self, label: impl Into<String>, url: impl Into<String>) {
        self.blocks.push(Block::Figure(label.into(), url.into()));
    }

    /// Whom to call: a number that a telephone can dial.
    pub fn call(&mut self, name: impl Into<String>, number: impl Into<String>) {
        self.blocks.push(Block::Call(name.into(), number.into()));
    }

    /// Words to be copied as they are, paragraph by paragraph.
    pub fn paste(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paste(text.into()));
    }

    /// From here on the letter says it again in another language: `es`.
    pub fn language(&mut self, language: &'static str) {
        self.blocks.push(Block::Language(language));
    }

    pub fn quiet(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Quiet(text.into()));
    }

    /// The plain text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            // An item follows its heading or paragraph at once; everything else stands apart.
            if !out.is_empty() && !matches!(block, Block::Item(..) | Block::Call(..)) {
                out.push('\n');
            }
            block.write_text(&mut out);
        }
        out
    }

    /// The HTML page.
    pub fn html(&self) -> String {
        let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        let _ = writeln!(out, "<title>{}</title>\n</head>", escape(&self.title));
        let _ = writeln!(out, "<body style=\"{BODY}\">\n<div style=\"{COLUMN}\">");
        let mut in_list = false;
        for block in &self.blocks {
            let item = matches!(block, Block::Item(..) | Block::Call(..));
            match (in_list, item) {
                (false, true) => out.push_str(&format!("<ul style=\"{LIST}\">\n")),
                (true, false) => out.push_str("</ul>\n"),
                _ => {}
            }
            in_list = item;
            block.write_html(&mut out);
        }
        if in_list {
            out.push_str("</ul>\n");
        }
        out.push_str("</div>\n</body>\n</html>\n");
        out
    }
}

const BODY: &str = "margin:0;padding:0;background:#ffffff;color:#1c1f23";
const COLUMN: &str = "max-width:560px;margin:0 auto;padding:16px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:16px;line-height:1.5;overflow-wrap:anywhere";
const NOTICE: &str = "margin:0 0 16px;padding:8px 12px;border:1px solid #8a6d00;border-radius:6px";
const HEADING: &str = "margin:24px 0 8px;font-size:18px;line-height:1.3";
const PARAGRAPH: &str = "margin:0 0 12px";
const LIST: &str = "margin:0 0 12px;padding:0 0 0 20px";
const ITEM: &str = "margin:0 0 8px";
const LINK: &str = "color:#0b57a4";
const BUTTON: &str = "display:inline-block;padding:8px 0;color:#0b57a4;font-weight:600";
const PASTE: &str = "margin:0 0 12px;padding:8px 12px;border:1px solid #c9ced3;border-radius:6px;background:#f4f5f6;white-space:pre-line";
const QUIET: &str = "margin:12px 0 0;color:#565c64;font-size:14px";

impl Block {
    fn write_text(&self, out: &mut String) {
        match self {
            Block::Notice(text) => wrap(out, COLUMNS, "* ", "  ", text),
            Block::Heading(text, None) | Block::Paragraph(text) | Block::Strong(text) | Block::Quiet(text) => {
                wrap(out, COLUMNS, "", "", text);
            }
            Block::Heading(text, Some(url)) => {
                wrap(out, COLUMNS, "", "", text);
                let _ = writeln!(out, "  {url}");
            }
            Block::Item(text, url) => {
                wrap(out, COLUMNS, "- ", "  ", text);
                if let Some(url) = url {
                    let _ = writeln!(out, "  {url}");
                }
            }
            Block::Link(label, url) | Block::Figure(label, url) => {
                wrap(out, COLUMNS, "", "", &format!("{label}:"));
                let _ = writeln!(out, "  {url}");
            }
            Block::Call(name, number) => wrap(out, COLUMNS, "- ", "  ", &called(name, number)),
            Block::Paste(text) => text.lines().for_each(|line| wrap(out, COLUMNS, "  ", "  ", line)),
            Block::Language(_) => out.push_str("--\n"),
        }
    }

    fn write_html(&self, out: &mut String) {
        let arrow =
            |text: &str, url: &str| format!("<a href=\"{}\" style=\"{LINK}\">{}&nbsp;→</a>", escape(url), escape(text));
        let _ = match self {
            Block::Notice(text) => writeln!(out, "<p style=\"{NOTICE}\">{}</p>", escape(text)),
            Block::Heading(text, None) => writeln!(out, "<h2 style=\"{HEADING}\">{}</h2>", escape(text)),
            Block::Heading(text, Some(url)) => writeln!(out, "<h2 style=\"{HEADING}\">{}</h2>", arrow(text, url)),
            Block::Paragraph(text) => writeln!(out, "<p style=\"{PARAGRAPH}\">{}</p>", escape(text)),
            Block::Strong(text) => writeln!(out, "<p style=\"{PARAGRAPH}\"><strong>{}</strong></p>", escape(text)),
            Block::Item(text, None) => writeln!(out, "<li style=\"{ITEM}\">{}</li>", escape(text)),
            Block::Item(text, Some(url)) => writeln!(out, "<li style=\"{ITEM}\">{}</li>", arrow(text, url)),
            Block::Link(label, url) => writeln!(
                out,
                "<p style=\"{PARAGRAPH}\"><a href=\"{}\" style=\"{BUTTON}\">{}&nbsp;→</a></p>",
                escape(url),
                escape(label)
            ),
            Block::Figure(label, url) => writeln!(out, "<p style=\"{PARAGRAPH}\">{}</p>", arrow(label, url)),
            Block::Call(name, number) => {
                let dial: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
                let name = if name.is_empty() { String::new() } else { format!("{}: ", escape(name)) };
                writeln!(
                    out,
                    "<li style=\"{ITEM}\">{name}<a href=\"tel:{dial}\" style=\"{LINK};font-size:18px\">{}</a></li>",
                    escape(number)
                )
            }
            Block::Paste(text) => writeln!(out, "<div style=\"{PASTE}\">{}</div>", escape(text)),
            Block::Language(language) => {
                writeln!(out, "</div>\n<hr>\n<div lang=\"{language}\" style=\"{COLUMN}\">")
            }
            Block::Quiet(text) => writeln!(out, "<p style=\"{QUIET}\">{}</p>", escape(text)),
        };
    }
}

fn called(name: &str, number: &str) -> String {
    if name.is_empty() { number.to_owned() } else { format!("{name}: {number}") }
}

/// Breaks `text` at spaces into lines of at most so many columns; a word that is longer by itself is broken too, but never a link.
pub fn wrap(out: &mut String, columns: usize, first: &str, hang: &str, text: &str) {
    let mut line = first.to_owned();
    let mut bare = true;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let is_link = word.starts_with(&['h', 't', 't', 'p']);
        loop {
            let room = columns.saturating_sub(line.chars().count() + usize::from(!bare));
            if word.len() <= room || (bare && is_link) {
                if !bare {
                    line.push(' ');
                }
                line.extend(&word);
                bare = false;
                break;
            }
            if bare {
                line.extend(word.drain(..room.max(1)));
            }
            out.push_str(line.trim_end());
            out.push('\n');
            hang.clone_into(&mut line);
            bare = true;
        }
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Text as it may stand between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// *1 flag*, *3 flags*, *1,902 comments*.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// Digits in groups of three.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Numbers up to ten in words, as in *two people*.
pub fn in_words(n: usize) -> String {
    const WORDS: [&str; 11] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(n).map_or_else(|| thousands(n as u64), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_text_is_wider_than_sixty_columns() {
        let mut letter = Letter::new("t");
        letter.paragraph("word ".repeat(40));
        letter.item(format!("{} end", "x".repeat(150)));
        letter.item_to("short", "https://mesavista.example.org/flags/0123456789abcdef");
        let text = letter.text();
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert!(text.contains("\n  https://mesavista.example.org/flags/0123456789abcdef\n"));
    }

    #[test]
    fn what_a_page_is_called_never_becomes_markup() {
        let mut letter = Letter::new("<b>");
        letter.item_to("Mesa \"Vista\" <script>", "https://x.example/?a=1&b='2'");
        let html = letter.html();
        assert!(!html.contains("<script>") && !html.contains("<b>"));
        assert!(html.contains("https://x.example/?a=1&amp;b=&#39;2&#39;"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!((thousands(7), thousands(1902), thousands(220_113)), ("7".into(), "1,902".into(), "220,113".into()));
        assert_eq!(count(1, "flag", "flags"), "1 flag");
        assert_eq!(in_words(2), "two");
    }
}
