//! A made-up corpus in the shape of Graph answers: the same pages for the same seed, and nothing taken from anywhere.
//!
//! A block is one page of 100 posts and nine pages of 100 comments, each of one of these posts: one post to nine comments, and
//! pages as full as the platform makes them. About 590 bytes of JSON and 93 bytes of text an item; 8 % of the texts are Spanish;
//! the platform's own escapes (`\/`, `\u00e9`, surrogate pairs) stand where it puts them.

use std::fmt::Write as _;

use pagekeeper::model::{Exchange, Timestamp};

use crate::words::{AFTER, EMOJI, ENGLISH, FAMILY, GIVEN, NOTABLE, SPANISH, SYLLABLES};

/// Items of a block.
pub const BLOCK: u64 = 1000;
/// Items of a page.
pub const PAGE: u64 = 100;
/// Posts of a block that were commented on.
const DISCUSSED: u64 = 9;
/// Official pages that the blocks go round.
pub const ACCOUNTS: u64 = 12;

const SECOND: i64 = 1000;
/// The newest post.
const NEWEST: i64 = 1_793_000_000 * SECOND;
/// From one post to the next older one.
const APART: i64 = 5 * SECOND;

/// One Graph answer and what it was asked about.
pub struct GraphPage {
    pub exchange: Exchange,
    /// Which official page, from 0.
    pub account: u64,
    pub page_id: String,
    /// The post whose comments these are.
    pub post: Option<String>,
    /// The oldest post of a page of posts.
    pub oldest: Option<Timestamp>,
}

/// The words and how often each comes.
pub struct Corpus {
    seed: u64,
    english: Vocabulary,
    spanish: Vocabulary,
}

impl Corpus {
    pub fn new(seed: u64) -> Corpus {
        Corpus { seed, english: Vocabulary::new(ENGLISH, 1), spanish: Vocabulary::new(SPANISH, 2) }
    }

    /// The pages of one block.
    pub fn block(&self, block: u64) -> Vec<GraphPage> {
        let mut random = Random::new(self.seed.wrapping_add(block.wrapping_mul(0x9e37_79b9)));
        let account = block % ACCOUNTS;
        let page_id = page_id(account);
        let first = NEWEST - i64::try_from(block * PAGE).unwrap_or(0) * APART;
        let posts: Vec<(u64, i64)> = (0..PAGE)
            .map(|n| {
                (812_000_000_000_000 + block * 1_000_003 + n * 7919, first - i64::try_from(n).unwrap_or(0) * APART)
            })
            .collect();
        let mut pages = vec![self.posts(&mut random, account, &page_id, &posts)];
        for n in 0..DISCUSSED {
            let (post, at) = posts[usize::try_from(n * 11).unwrap_or(0)];
            pages.push(self.comments(&mut random, account, &page_id, post, at));
        }
        pages
    }

    fn posts(&self, random: &mut Random, account: u64, page_id: &str, posts: &[(u64, i64)]) -> GraphPage {
        let mut body = String::with_capacity(64 << 10);
        body.push_str("{\"data\":[");
        for (n, (post, at)) in posts.iter().enumerate() {
            if n > 0 {
                body.push(',');
            }
            let discussed = n % 11 == 0 && n < 99;
            let _ = write!(
                body,
                "{{\"id\":\"{page_id}_{post}\",\"created_time\":\"{}\",\"updated_time\":\"{}\",\"message\":\"",
                time(*at),
                time(at + 60 * SECOND)
            );
            self.text(random, &mut body);
            let _ = write!(
                body,
                "\",\"from\":{{\"id\":\"{page_id}\",\"name\":\"{}\"}},\"permalink_url\":\"https:\\/\\/www.facebook.com\\/{page_id}\\/posts\\/{post}\",\
                 \"status_type\":\"mobile_status_update\",\"is_published\":true,\"is_hidden\":false,\"is_expired\":false,\
                 \"shares\":{{\"count\":{}}},\"reactions\":{{\"data\":[],\"summary\":{{\"total_count\":{}}}}},\
                 \"comments\":{{\"data\":[],\"summary\":{{\"total_count\":{}}}}}}}",
                page_name(account),
                random.below(30),
                random.below(200),
                if discussed { PAGE } else { 0 },
            );
        }
        let target = format!("https://graph.facebook.com/v26.0/{page_id}/published_posts?limit=100");
        let oldest = posts.last().and_then(|(_, at)| Timestamp::from_millisecond(*at).ok());
        GraphPage { exchange: exchange(target, body), account, page_id: page_id.to_owned(), post: None, oldest }
    }

    fn comments(&self, random: &mut Random, account: u64, page_id: &str, post: u64, at: i64) -> GraphPage {
        let mut body = String::with_capacity(64 << 10);
        body.push_str("{\"data\":[");
        let mut at = at;
        for n in 0..PAGE {
            if n > 0 {
                body.push(',');
            }
            at += i64::try_from(random.below(600)).unwrap_or(0) * SECOND;
            let id = 1_045_000_000_000_000 + random.below(900_000_000_000_000);
            let _ = write!(body, "{{\"id\":\"{post}_{id}\",\"created_time\":\"{}\",\"message\":\"", time(at));
            self.text(random, &mut body);
            let _ = write!(
                body,
                "\",\"from\":{{\"id\":\"{}\",\"name\":\"{} {}\"}},\"object\":{{\"id\":\"{page_id}_{post}\"}},\"is_hidden\":{},\"is_private\":false,\
                 \"can_hide\":true,\"can_remove\":true,\"can_comment\":true,\"can_like\":true,\"live_broadcast_timestamp\":0,\"comment_count\":{},\"like_count\":{},\
                 \"permalink_url\":\"https:\\/\\/www.facebook.com\\/{page_id}\\/posts\\/{post}?comment_id={id}\"}}",
                7_200_000_000_000_000 + random.below(40_000),
                random.pick::<&str>(GIVEN),
                random.pick::<&str>(FAMILY),
                random.below(100) == 0,
                random.below(3),
                random.below(12),
            );
        }
        let target = format!("https://graph.facebook.com/v26.0/{page_id}_{post}/comments?filter=stream&limit=100");
        GraphPage {
            exchange: exchange(target, body),
            account,
            page_id: page_id.to_owned(),
            post: Some(format!("{page_id}_{post}")),
            oldest: None,
        }
    }

    /// What somebody wrote, escaped as the platform does.
    fn text(&self, random: &mut Random, body: &mut String) {
        const LENGTHS: [usize; 10] = [10, 18, 28, 40, 55, 72, 90, 120, 165, 250];
        let end = body.len() + *random.pick(&LENGTHS);
        if random.below(150) == 0 {
            body.push_str(random.pick::<&str>(NOTABLE));
            body.push(' ');
        }
        let words = if random.below(100) < 8 { &self.spanish } else { &self.english };
        loop {
            escaped(words.pick(random), body);
            if body.len() >= end {
                break;
            }
            body.push_str(random.pick::<&str>(AFTER));
        }
        match random.below(10) {
            0..3 => escaped(random.pick::<&str>(EMOJI), body),
            3..6 => body.push('!'),
            _ => body.push('.'),
        }
    }
}

/// The platform's id of an official page.
pub fn page_id(account: u64) -> String {
    format!("{}", 100_064_512_000_000 + account * 137)
}

/// The name of an official page.
pub fn page_name(account: u64) -> String {
    const SCHOOLS: [&str; 12] = [
        "District Office",
        "High School",
        "Ocotillo Middle",
        "Palo Verde Middle",
        "Quail Run Elementary",
        "Dry Creek Elementary",
        "Sagebrush Elementary",
        "Juniper Elementary",
        "Saltwood Elementary",
        "Athletics",
        "Music Boosters",
        "Adult School",
    ];
    format!("Mesa Vista {}", SCHOOLS[usize::try_from(account).unwrap_or(0) % SCHOOLS.len()])
}

/// A text as the platform writes it into JSON.
fn escaped(text: &str, body: &mut String) {
    if text.is_ascii() {
        return body.push_str(text);
    }
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => body.push(char::from(byte)),
            _ => {
                let _ = write!(body, "\\u{unit:04x}");
            }
        }
    }
}

fn time(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()).unwrap_or_default()
}

fn exchange(target: String, mut body: String) -> Exchange {
    body.push_str("],\"paging\":{\"cursors\":{\"before\":\"QVFIUjRt\",\"after\":\"QVFIUkxk\"}}}");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Exchange {
        at: Timestamp::from_millisecond(NEWEST + 3_600 * SECOND).unwrap_or_default(),
        method: "GET".into(),
        target,
        status: 200,
        headers: vec![
            header("content-type", "application/json; charset=UTF-8"),
            header("facebook-api-version", "v26.0"),
            header("x-business-use-case-usage", "{}"),
        ],
        body: body.into_bytes(),
        redactions: vec!["access_token".into()],
        ..Exchange::default()
    }
}

/// Words with the frequencies of speech (Zipf): the common ones by hand, and a long tail out of syllables.
struct Vocabulary {
    words: Vec<String>,
    /// A word for each of 2^18 equal chances.
    chances: Vec<u16>,
}

const CHANCES: usize = 1 << 18;
const TAIL: usize = 20_000;

impl Vocabulary {
    fn new(common: &str, seed: u64) -> Vocabulary {
        let mut random = Random::new(seed);
        let mut words: Vec<String> = common.split_whitespace().map(str::to_owned).collect();
        words.extend((0..TAIL).map(|_| (0..2 + random.below(3)).map(|_| *random.pick::<&str>(SYLLABLES)).collect()));
        let weight = |rank: usize| 1.0 / (rank as f64 + 6.0);
        let all: f64 = (0..words.len()).map(weight).sum();
        let (mut chances, mut sum) = (Vec::with_capacity(CHANCES), 0.0);
        for rank in 0..words.len() {
            sum += weight(rank) / all;
            let until = (sum * CHANCES as f64).round() as usize;
            chances.resize(until.clamp(chances.len(), CHANCES), u16::try_from(rank).unwrap_or(0));
        }
        chances.resize(CHANCES, 0);
        Vocabulary { words, chances }
    }

    fn pick(&self, random: &mut Random) -> &str {
        let chance = random.below(CHANCES as u64);
        &self.words[usize::from(self.chances[usize::try_from(chance).unwrap_or(0)])]
    }
}

/// A small generator of numbers (splitmix64): the same ones for the same seed, everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(limit)) >> 64).unwrap_or(0)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap_or(0)]
    }
}
