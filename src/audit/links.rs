//! Which page an address leads to, and addresses compared as a reader would.

use crate::model::platform_title;

/// A page by its platform and the name or id in its address, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageName {
    pub platform: String,
    pub name: String,
}

impl PageName {
    pub fn new(platform: &str, name: &str) -> PageName {
        PageName { platform: platform.to_owned(), name: name.trim_start_matches('@').to_lowercase() }
    }

    /// *mesavistaband on Facebook*
    pub fn words(&self) -> String {
        format!("{} on {}", self.name, platform_title(&self.platform))
    }
}

const HOSTS: [(&str, &str); 9] = [
    ("facebook.com", "facebook"),
    ("fb.com", "facebook"),
    ("instagram.com", "instagram"),
    ("x.com", "x"),
    ("twitter.com", "x"),
    ("youtube.com", "youtube"),
    ("bsky.app", "bluesky"),
    ("threads.net", "threads"),
    ("tiktok.com", "tiktok"),
];

/// First steps of an address that lead to no page of somebody's.
const NO_PAGE: [&str; 26] = [
    "share",
    "sharer",
    "sharer.php",
    "watch",
    "posts",
    "hashtag",
    "photo",
    "photo.php",
    "events",
    "groups",
    "reel",
    "reels",
    "p",
    "i",
    "intent",
    "search",
    "story.php",
    "permalink.php",
    "stories",
    "explore",
    "home",
    "results",
    "playlist",
    "shorts",
    "login",
    "tv",
];

/// The page that an address leads to, or stands on.
pub fn page_of(url: &str) -> Option<PageName> {
    let (host, path) = parts(url);
    let bare = ["www.", "m.", "mobile."].iter().find_map(|front| host.strip_prefix(front)).unwrap_or(&host);
    let platform = HOSTS.iter().find(|(known, _)| *known == bare)?.1;
    let mut steps = path.split('/').filter(|step| !step.is_empty());
    let first = steps.next()?;
    let name = match first.to_lowercase().as_str() {
        "profile" | "channel" | "c" | "user" | "people" | "pages" => steps.next()?,
        "profile.php" => url.split_once("id=")?.1.split(['&', '#']).next()?,
        other if NO_PAGE.contains(&other) => return None,
        _ => first,
    };
    Some(PageName::new(platform, name))
}

/// Host and path of an address, the host in small letters; scheme, query and fragment are left out.
pub fn parts(url: &str) -> (String, String) {
    let rest = url.trim().split_once("://").map_or(url.trim(), |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.to_lowercase(), path.trim_end_matches('/').to_owned())
}

/// An address as a reader would compare it: without scheme, `www.`, query and last stroke.
pub fn plain(url: &str) -> String {
    let (host, path) = parts(url);
    let host = host.strip_prefix("www.").unwrap_or(&host);
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}").to_lowercase() }
}

/// Letters and digits alone, small.
pub fn squashed(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_page_it_leads_to() {
        let named = |url: &str| page_of(url).map(|page| format!("{}:{}", page.platform, page.name));
        for (url, page) in [
            ("https://www.facebook.com/MesaVistaUSD/posts/17", "facebook:mesavistausd"),
            ("facebook.com/profile.php?id=1000&sk=about", "facebook:1000"),
            ("https://twitter.com/MesaVistaUSD", "x:mesavistausd"),
            ("https://www.youtube.com/@mesavistausd", "youtube:mesavistausd"),
            ("https://www.youtube.com/channel/UCabc", "youtube:ucabc"),
            ("https://bsky.app/profile/mesavista.example.org", "bluesky:mesavista.example.org"),
        ] {
            assert_eq!(named(url).as_deref(), Some(page), "{url}");
        }
        for url in
            ["https://www.facebook.com/sharer.php?u=x", "https://example.org/mesavista", "https://x.com/", "words"]
        {
            assert_eq!(page_of(url), None, "{url}");
        }
    }

    #[test]
    fn addresses_are_the_same_whatever_stands_around_host_and_path() {
        assert_eq!(plain("https://www.MesaVista.example.org/Social/?a=1"), plain("mesavista.example.org/social"));
    }
}
