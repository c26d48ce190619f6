//! Links, and what in them asks for caution: look-alikes of the district's and vendors' domains, punycode, shorteners,
//! executables, bare addresses and top-level domains that lures prefer.

use std::ops::Range;

/// What a link looks like, the gravest reading first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    Lookalike,
    Punycode,
    Executable,
    Bare,
    Shortener,
    OddDomain,
    Plain,
    /// Lies under one of the district's own domains.
    Own,
}

/// A link and where it stands in the raw text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub kind: LinkKind,
    pub raw: Range<usize>,
}

/// Brands that lures imitate on school pages, with the domains that are really theirs.
const BRANDS: [(&str, &[&str]); 22] = [
    ("parentsquare", &["parentsquare.com"]),
    ("infinitecampus", &["infinitecampus.com", "infinitecampus.org"]),
    ("powerschool", &["powerschool.com"]),
    ("instructure", &["instructure.com"]),
    ("classdojo", &["classdojo.com"]),
    ("clever", &["clever.com"]),
    ("peachjar", &["peachjar.com"]),
    ("facebook", &["facebook.com", "facebook.net"]),
    ("instagram", &["instagram.com"]),
    ("whatsapp", &["whatsapp.com"]),
    ("microsoft", &["microsoft.com"]),
    ("office365", &["office365.com"]),
    ("google", &["google.com", "withgoogle.com"]),
    ("paypal", &["paypal.com", "paypal.me"]),
    ("venmo", &["venmo.com"]),
    ("zelle", &["zellepay.com", "zelle.com"]),
    ("amazon", &["amazon.com"]),
    ("netflix", &["netflix.com"]),
    ("roblox", &["roblox.com"]),
    ("gofundme", &["gofundme.com"]),
    ("schoology", &["schoology.com"]),
    ("studentaid", &["studentaid.gov"]),
];

const SHORTENERS: [&str; 22] = [
    "bit.ly",
    "tinyurl.com",
    "is.gd",
    "t.ly",
    "goo.gl",
    "ow.ly",
    "cutt.ly",
    "rb.gy",
    "shorturl.at",
    "tiny.cc",
    "buff.ly",
    "v.gd",
    "bit.do",
    "rebrand.ly",
    "s.id",
    "soo.gd",
    "clck.ru",
    "adf.ly",
    "shorte.st",
    "t2m.io",
    "bl.ink",
    "short.gy",
];

const ODD_TLDS: [&str; 39] = [
    "xyz", "top", "click", "link", "site", "online", "icu", "buzz", "tk", "ml", "ga", "cf", "gq", "cam", "rest",
    "monster", "quest", "work", "zip", "mov", "loan", "win", "bid", "stream", "download", "racing", "review", "date",
    "men", "cyou", "sbs", "cfd", "bond", "lol", "cash", "bet", "help", "vip", "gift",
];

const TLDS: [&str; 34] = [
    "com", "org", "net", "edu", "gov", "us", "info", "biz", "io", "co", "me", "ly", "gd", "gl", "gy", "tv", "app",
    "dev", "live", "shop", "store", "club", "ru", "cn", "mx", "es", "uk", "ca", "cc", "to", "at", "id", "page", "pro",
];

const PROGRAMS: [&str; 14] = [
    ".exe",
    ".apk",
    ".scr",
    ".msi",
    ".bat",
    ".cmd",
    ".vbs",
    ".dmg",
    ".jar",
    ".ps1",
    ".iso",
    ".com/setup",
    ".hta",
    ".lnk",
];

/// The brand a host imitates, if it is not that brand's own.
pub fn brand_of(host: &str) -> Option<&'static str> {
    BRANDS
        .iter()
        .find(|(brand, own)| {
            let imitates = host.split(['.', '-']).any(|piece| imitates(piece, brand));
            imitates && !own.iter().any(|domain| under(host, domain))
        })
        .map(|(brand, _)| *brand)
}

/// Every link of a text in order; `own` are the district's domains in lower case.
pub fn find(raw: &str, own: &[String]) -> Vec<Link> {
    if !raw.as_bytes().windows(2).any(|pair| pair[0] == b'.' && !pair[1].is_ascii_whitespace() && pair[1] != b'.') {
        return Vec::new();
    }
    words(raw)
        .filter(|word| raw[word.clone()].contains('.'))
        .filter_map(|word| {
            let word = trimmed(raw, word);
            let text = raw[word.clone()].to_lowercase();
            kind(&text, own).map(|kind| Link { kind, raw: word })
        })
        .collect()
}

/// `@name` at the start of a word.
pub fn handles(raw: &str) -> Vec<Range<usize>> {
    if !raw.contains('@') {
        return Vec::new();
    }
    words(raw)
        .map(|word| trimmed(raw, word))
        .filter(|word| raw[word.clone()].strip_prefix('@').is_some_and(|name| name.len() >= 3))
        .collect()
}

fn words(raw: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    raw.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '“' | '”')).map(move |word| {
        let start = word.as_ptr() as usize - raw.as_ptr() as usize;
        start..start + word.len()
    })
}

fn trimmed(raw: &str, word: Range<usize>) -> Range<usize> {
    let text = &raw[word.clone()];
    let punctuation =
        |c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '\'' | '*' | '…');
    let start = word.start + (text.len() - text.trim_start_matches(punctuation).len());
    let end = word.end - (text.len() - text.trim_end_matches(punctuation).len());
    start..end.max(start)
}

fn kind(link: &str, own: &[String]) -> Option<LinkKind> {
    let (scheme, rest) = link.split_once("://").map_or((None, link), |(scheme, rest)| (Some(scheme), rest));
    if scheme.is_some_and(|scheme| !matches!(scheme, "http" | "https" | "hxxp" | "hxxps")) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let bare_mail = scheme.is_none() && authority.contains('@');
    let host = authority.rsplit('@').next().unwrap_or("").split(':').next().unwrap_or("");
    let tld = host.rsplit('.').next().unwrap_or("");
    // Names of files end like these two as well: only what leads somewhere is a link.
    let is_file = matches!(tld, "zip" | "mov") && scheme.is_none() && authority == rest;
    let odd = ODD_TLDS.contains(&tld) && !is_file;
    let known = TLDS.contains(&tld) || odd || tld.starts_with("xn--") || SHORTENERS.contains(&host);
    if bare_mail || host.len() < 4 || host.len() > 253 || !(scheme.is_some() || (host.contains('.') && known)) {
        return None;
    }
    Some(judge(host, rest, tld, own))
}

fn judge(host: &str, rest: &str, tld: &str, own: &[String]) -> LinkKind {
    let path = rest.split(['?', '#']).next().unwrap_or("");
    if own.iter().any(|domain| under(host, domain)) {
        LinkKind::Own
    } else if !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--")) {
        LinkKind::Punycode
    } else if brand_of(host).is_some() || own.iter().any(|domain| looks_like(host, domain)) {
        LinkKind::Lookalike
    } else if PROGRAMS.iter().any(|end| path.ends_with(end) && path.len() > host.len()) {
        LinkKind::Executable
    } else if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        LinkKind::Bare
    } else if SHORTENERS.iter().any(|domain| under(host, domain)) {
        LinkKind::Shortener
    } else if ODD_TLDS.contains(&tld) {
        LinkKind::OddDomain
    } else {
        LinkKind::Plain
    }
}

fn under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A host that carries the district's own name, or nearly, and is not the district's.
fn looks_like(host: &str, domain: &str) -> bool {
    let name = domain.split('.').next().unwrap_or("");
    name.len() >= 5
        && host.split('.').any(|label| label.contains(name) || label.split('-').any(|piece| imitates(piece, name)))
}

fn imitates(piece: &str, name: &str) -> bool {
    if piece == name || (name.len() >= 8 && piece.contains(name)) {
        return true;
    }
    let close = name.len() >= 7 && piece.len().abs_diff(name.len()) <= 1;
    close && strsim::osa_distance(piece, name) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(raw: &str) -> Vec<LinkKind> {
        find(raw, &["mesavista.example.org".to_owned()]).into_iter().map(|link| link.kind).collect()
    }

    #[test]
    fn links_are_judged_by_their_host() {
        assert_eq!(kinds("see https://www.mesavista.example.org/athletics."), [LinkKind::Own]);
        assert_eq!(kinds("log in http://mesavista-login.example.com/x"), [LinkKind::Lookalike]);
        assert_eq!(kinds("log in parentsqaure.com"), [LinkKind::Lookalike]);
        assert_eq!(kinds("parentsquare.check.site, bit.ly/xy"), [LinkKind::Lookalike, LinkKind::Shortener]);
        assert_eq!(kinds("http://xn--mesvista-5za.com"), [LinkKind::Punycode]);
        assert_eq!(kinds("https://cdn.example.net/free-game.exe?x=1"), [LinkKind::Executable]);
        assert_eq!(kinds("https://youtube.com/live/x and zoom.us/j/1"), [LinkKind::Plain, LinkKind::Plain]);
        assert_eq!(kinds("http://203.0.113.9/a"), [LinkKind::Bare]);
    }

    #[test]
    fn words_and_mail_addresses_are_no_links() {
        assert!(kinds("Great job.Go team. 3.5 points, pat@mesavista.example.org e.g. this").is_empty());
    }

    #[test]
    fn handles_stand_at_the_start_of_a_word() {
        assert_eq!(handles("ask @fixer_77, not a@b.c").len(), 1);
    }
}
