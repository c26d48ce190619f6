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

const HOSTS: [(&str, &str); 16] = [
    ("facebook.com", "facebook"),
    ("fb.com", "facebook"),
    ("m.me", "facebook"),
    ("instagram.com", "instagram"),
    ("instagr.am", "instagram"),
    ("x.com", "x"),
    ("twitter.com", "x"),
    ("youtube.com", "youtube"),
    ("youtu.be", "youtube"),
    ("bsky.app", "bluesky"),
    ("threads.net", "threads"),
    ("threads.com", "threads"),
    ("tiktok.com", "tiktok"),
    ("linkedin.com", "linkedin"),
    ("snapchat.com", "snapchat"),
    ("nextdoor.com", "nextdoor"),
];

/// What stands before the names of those hosts and leads to the same.
const FRONTS: [&str; 8] = ["www.", "m.", "mobile.", "web.", "touch.", "business.", "es-la.", "mbasic."];

/// First steps of an address that lead to no page of somebody's, on any of the platforms.
const NO_PAGE: &str = " share sharer sharer.php watch posts post hashtag photo photo.php photos events event groups reel reels \
    i intent search story.php permalink.php stories explore home results playlist shorts login login.php tv live video \
    video.php videos embed feed clip v e media marketplace gaming help policies policy privacy terms tos about settings \
    messages notifications compose dialog plugins l.php redirect accounts direct legal developer web notes hashtags \
    business ads tag music discover t ";

/// The page that an address leads to, or stands on. What leads to a post, a film or a search and does not name whose it is leads to none.
pub fn page_of(url: &str) -> Option<PageName> {
    let (host, path) = parts(url);
    let known = |name: &str| HOSTS.iter().find(|(known, _)| *known == name).copied();
    let (bare, platform) = known(&host).or_else(|| FRONTS.iter().find_map(|front| known(host.strip_prefix(front)?)))?;
    let mut steps = path.split('/').filter(|step| !step.is_empty());
    let first = steps.next()?;
    let word = first.to_lowercase();
    let name = match (platform, word.as_str()) {
        (_, _) if first.starts_with('@') => first,
        // Names stand behind a sign there, or a word, and nothing else does.
        ("threads" | "tiktok", _) => return None,
        ("bluesky", "profile") => steps.next()?,
        ("bluesky", _) => return None,
        ("youtube", _) if bare == "youtu.be" => return None,
        ("youtube", "channel" | "c" | "user") => steps.next()?,
        ("linkedin", "company" | "school" | "showcase") | ("snapchat", "add") | ("nextdoor", "agency") => {
            steps.next()?
        }
        ("linkedin" | "snapchat" | "nextdoor", _) => return None,
        ("facebook", "profile.php") => url.split_once("id=")?.1.split(['&', '#']).next()?,
        // The id stands last: behind a name, or joined to it.
        ("facebook", "people" | "pages" | "p" | "pg") => {
            let last = steps.next_back()?;
            last.rsplit('-').next().filter(|id| id.len() > 6 && is_number(id)).unwrap_or(last)
        }
        ("instagram", "p") => return None,
        ("instagram", "stories") => steps.next().filter(|name| *name != "highlights")?,
        (_, other) if NO_PAGE.contains(&format!(" {other} ")) => return None,
        _ => first,
    };
    let name = name.trim_start_matches('@');
    (!name.is_empty()).then(|| PageName::new(platform, name))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
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
            ("https://m.facebook.com/MesaVistaUSD?ref=page", "facebook:mesavistausd"),
            ("https://web.facebook.com/MesaVistaUSD/", "facebook:mesavistausd"),
            ("http://fb.com/mesavistausd", "facebook:mesavistausd"),
            ("https://m.me/mesavistausd", "facebook:mesavistausd"),
            ("https://www.facebook.com/people/Mesa-Vista-Band/61550001234567/", "facebook:61550001234567"),
            ("https://www.facebook.com/p/Mesa-Vista-Band-61550001234567/", "facebook:61550001234567"),
            ("https://www.facebook.com/pages/Mesa-Vista/106700112233445", "facebook:106700112233445"),
            ("https://www.facebook.com/pg/MesaVistaBand", "facebook:mesavistaband"),
            ("https://www.instagram.com/mvhs_condors/", "instagram:mvhs_condors"),
            ("https://instagr.am/mvhs_condors", "instagram:mvhs_condors"),
            ("https://www.instagram.com/stories/mvhs_condors/34123/", "instagram:mvhs_condors"),
            ("https://www.instagram.com/mvhs_condors/p/DAbc_12/", "instagram:mvhs_condors"),
            ("https://twitter.com/MesaVistaUSD", "x:mesavistausd"),
            ("https://mobile.twitter.com/MesaVistaUSD/status/19", "x:mesavistausd"),
            ("https://x.com/@MesaVistaUSD", "x:mesavistausd"),
            ("X.COM/MesaVistaUSD", "x:mesavistausd"),
            ("https://www.youtube.com/@mesavistausd", "youtube:mesavistausd"),
            ("https://youtu.be/@mesavistausd", "youtube:mesavistausd"),
            ("https://m.youtube.com/@mesavistausd/videos", "youtube:mesavistausd"),
            ("https://www.youtube.com/channel/UCabc", "youtube:ucabc"),
            ("https://www.youtube.com/c/MesaVista", "youtube:mesavista"),
            ("https://www.youtube.com/MesaVista", "youtube:mesavista"),
            ("https://bsky.app/profile/mesavista.example.org", "bluesky:mesavista.example.org"),
            ("https://bsky.app/profile/did:plc:abc/post/3k", "bluesky:did:plc:abc"),
            ("https://www.threads.com/@mvhs_condors/post/D1", "threads:mvhs_condors"),
            ("https://www.tiktok.com/@mvhs.condors/video/7", "tiktok:mvhs.condors"),
            ("https://www.linkedin.com/school/mesa-vista-usd/", "linkedin:mesa-vista-usd"),
        ] {
            assert_eq!(named(url).as_deref(), Some(page), "{url}");
        }
        for url in [
            "https://www.facebook.com/sharer.php?u=x",
            "https://www.facebook.com/photo.php?fbid=1",
            "https://www.facebook.com/events/123/",
            "https://www.facebook.com/share/p/1AbC/",
            "https://www.facebook.com/groups/mesavista",
            "https://www.instagram.com/p/DAbc_12/",
            "https://www.instagram.com/reel/DAbc_12/",
            "https://www.instagram.com/explore/tags/condors/",
            "https://x.com/i/status/19",
            "https://x.com/intent/post?text=mesavista",
            "https://x.com/hashtag/MesaVista",
            "https://youtu.be/dQ3mesavist",
            "https://www.youtube.com/watch?v=mesavista01",
            "https://www.youtube.com/live/mesavista01",
            "https://bsky.app/hashtag/mesavista",
            "https://www.tiktok.com/tag/mesavista",
            "https://notfacebook.com/mesavista",
            "https://facebook.com.example.net/mesavista",
            "https://example.org/mesavista",
            "https://x.com/",
            "words",
        ] {
            assert_eq!(page_of(url), None, "{url}");
        }
    }

    #[test]
    fn addresses_are_the_same_whatever_stands_around_host_and_path() {
        assert_eq!(plain("https://www.MesaVista.example.org/Social/?a=1"), plain("mesavista.example.org/social"));
    }
}
