//! What a reader sees of a page of a website, as words: no scripts, no styles; of a page that says where its own matter stands, that
//! alone, since menus and news beside it change every day.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// What nobody reads.
const UNSEEN: [&[u8]; 7] = [b"script", b"style", b"template", b"noscript", b"svg", b"head", b"iframe"];

/// What stands within a line; anything else begins a new one.
const INLINE: [&[u8]; 18] = [
    b"a", b"abbr", b"b", b"cite", b"code", b"em", b"font", b"i", b"mark", b"q", b"s", b"small", b"span", b"strong",
    b"sub", b"sup", b"u", b"time",
];

/// The words of a page, a paragraph a line.
pub fn words(html: &str) -> String {
    let (mut all, mut main) = (String::new(), String::new());
    let (mut unseen, mut within): (Option<Vec<u8>>, u32) = (None, 0);
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        let (mut text, mut line) = (String::new(), false);
        match token {
            Token::StartTag(tag) => {
                let name: &[u8] = &tag.name;
                line = !INLINE.contains(&name);
                within += u32::from(name == b"main");
                // A page may leave out where its head ends.
                unseen = unseen.filter(|open| !(open == b"head" && name == b"body"));
                if unseen.is_none() && UNSEEN.contains(&name) && !tag.self_closing {
                    unseen = Some(name.to_vec());
                }
            }
            Token::EndTag(tag) => {
                let name: &[u8] = &tag.name;
                line = !INLINE.contains(&name);
                within = within.saturating_sub(u32::from(name == b"main"));
                unseen = unseen.filter(|open| open != name);
            }
            Token::String(words) => text = String::from_utf8_lossy(&words).into_owned(),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if unseen.is_some() {
            continue;
        }
        for out in [Some(&mut all), (within > 0).then_some(&mut main)].into_iter().flatten() {
            if line {
                out.push('\n');
            }
            out.push_str(&text.replace(['\n', '\r', '\t', '\0'], " "));
        }
    }
    let main = tidied(&main);
    if main.is_empty() { tidied(&all) } else { main }
}

fn tidied(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_is_seen() {
        let page = "<!doctype html><html><head><title>Social media</title><style>p{}</style></head><body><p>Be&nbsp;kind.<br>Call <b>9</b>11 &amp; ask.\
                    <script>if (a < b) { document.write('<p>never</p>') }</script><ul><li>One<li>Two</ul><!-- no --></body>";
        assert_eq!(words(page), "Be kind.\nCall 911 & ask.\nOne\nTwo");
    }

    #[test]
    fn the_matter_of_a_page_alone_is_read_where_it_says_which() {
        assert_eq!(words("<nav>Menu</nav><main><p>Be kind</p></main><footer>Today is Friday</footer>"), "Be kind");
        assert_eq!(words("<nav>Menu</nav><main></main><p>Be kind"), "Menu\nBe kind");
    }

    #[test]
    fn what_is_no_page_is_read_all_the_same() {
        assert_eq!(words(""), "");
        assert_eq!(words("plain words\r\nand more"), "plain words and more");
        assert_eq!(words("<p>open <b"), "open");
        assert_eq!(words("<head><title>x</title><body>here"), "here");
        assert_eq!(words(&"<div>".repeat(100_000)), "");
    }
}
