//! Posts and users as X shows them: with the fields that were asked for, and what completes them beside.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::ids::{self, Dice};
use super::server::{Ask, Host};
use super::world::{Account, File, Form, Item, Language, Medium, Person, State};
use super::x::{is_open, missing, time};
use crate::model::{Platform, Timestamp};

/// One post under one of its ids: an edit makes a new one, and what is passed on has one of its own.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    state: &'a State,
    pub item: &'a Item,
    version: usize,
    /// The words of somebody else that the item passes on.
    original: bool,
}

impl<'a> Post<'a> {
    fn new(state: &'a State, item: &'a Item) -> Post<'a> {
        Post { state, item, version: item.earlier.len(), original: false }
    }

    pub fn id(&self) -> String {
        if self.original {
            return ids::snowflake(self.item.created_at - SignedDuration::from_hours(26), 7);
        }
        self.history().get(self.version).copied().unwrap_or(&self.item.id).to_owned()
    }

    pub fn number(&self) -> u64 {
        self.id().parse().unwrap_or(0)
    }

    /// Every id of its history, oldest first.
    fn history(&self) -> Vec<&'a str> {
        std::iter::once(&self.item.id).chain(&self.item.aliases).map(String::as_str).collect()
    }

    fn is_newest(&self) -> bool {
        self.version == self.item.earlier.len()
    }

    fn repost(&self) -> bool {
        self.item.form == Form::Repost && !self.original
    }

    pub fn author(&self) -> Person {
        match self.state.account(&self.item.account).filter(|_| self.repost()) {
            Some(account) => account.as_person(),
            None => self.item.author.clone(),
        }
    }

    pub fn written(&self) -> Timestamp {
        if self.original {
            return self.item.created_at - SignedDuration::from_hours(26);
        }
        let before = self.version.checked_sub(1).and_then(|before| self.item.earlier.get(before));
        before.map_or(self.item.created_at, |before| before.until)
    }

    fn words(&self) -> String {
        let text = self.item.earlier.get(self.version).map_or(&self.item.text, |earlier| &earlier.text);
        if self.repost() { format!("RT @{}: {text}", self.item.author.handle) } else { text.clone() }
    }

    /// Another item as it stood when this one was written, whether it still stands or not.
    fn then(&self, id: Option<&str>) -> Option<Post<'a>> {
        let item = self.state.item(id?)?;
        let version = item.earlier.iter().filter(|earlier| earlier.until <= self.item.created_at).count();
        Some(Post { state: self.state, item, version, original: false })
    }

    pub fn parent(&self) -> Option<Post<'a>> {
        self.then(self.item.parent.as_deref())
    }

    /// What it passes on with words of its own, as that stood then.
    pub fn quoted(&self) -> Option<Post<'a>> {
        self.then(self.item.quotes.as_deref())
    }

    /// The id of the first post of the thread, as it stood then; of a first post its own, so that an edit begins another.
    pub fn conversation(&self) -> String {
        self.then(self.item.root.as_deref()).map_or_else(|| self.id(), |root| root.id())
    }

    /// What it refers to: how, and by which id.
    fn references(&self) -> Vec<(&'static str, String)> {
        let answered = self.parent().map(|parent| ("replied_to", parent.id()));
        let passed = self.repost().then(|| ("retweeted", Post { original: true, ..*self }.id()));
        let quoted = self.quoted().map(|quoted| ("quoted", quoted.id()));
        answered.into_iter().chain(passed).chain(quoted).collect()
    }

    fn quotes(&self) -> usize {
        let quotes = |item: &&Item| item.quotes.as_ref() == Some(&self.item.id) && is_open(self.state, item);
        self.state.items.iter().filter(quotes).count()
    }

    fn replies(&self) -> usize {
        let answers = |item: &&Item| item.parent.as_ref() == Some(&self.item.id) && is_open(self.state, item);
        self.state.items.iter().filter(answers).count()
    }
}

/// Somebody on X.
#[derive(Debug, Clone)]
pub struct User<'a> {
    person: Person,
    account: Option<&'a Account>,
}

impl User<'_> {
    pub fn id(&self) -> &str {
        &self.person.id
    }

    pub fn handle(&self) -> &str {
        &self.person.handle
    }

    pub fn is_closed(&self) -> bool {
        self.account.is_some_and(|account| !account.published)
    }
}

/// What is shown of everything: the fields and expansions that were asked for, in the vocabulary they were asked for in.
pub struct Show<'a> {
    state: &'a State,
    ask: &'a Ask,
    /// The newer vocabulary.
    post: bool,
    expansions: BTreeSet<String>,
}

impl<'a> Show<'a> {
    pub fn of(state: &'a State, ask: &'a Ask) -> Show<'a> {
        let expansions: BTreeSet<String> =
            ask.param("expansions").unwrap_or_default().split(',').map(str::to_owned).collect();
        let newer = ["edit_history_post_ids", "referenced_posts", "pinned_post_id", "most_recent_post_id"];
        let post = ask.param("post.fields").is_some() || newer.iter().any(|name| expansions.contains(*name));
        Show { state, ask, post, expansions }
    }

    /// Every post that is given to anybody, as it stands now.
    pub fn posts(&self) -> impl Iterator<Item = Post<'a>> + use<'a> {
        let state = self.state;
        state.items.iter().filter(|item| is_open(state, item)).map(|item| Post::new(state, item))
    }

    /// A post by any of its ids.
    pub fn find(&self, id: &str) -> Option<Post<'a>> {
        let found = self.state.item(id).filter(|item| is_open(self.state, item)).map(|item| {
            let post = Post::new(self.state, item);
            let version = post.history().iter().position(|known| *known == id).unwrap_or(post.version);
            Post { version, ..post }
        });
        let passed = || self.posts().filter(Post::repost).map(|post| Post { original: true, ..post });
        found.or_else(|| passed().find(|post| post.id() == id))
    }

    pub fn users(&self) -> Vec<User<'a>> {
        let accounts = self.state.accounts.iter().filter(|account| account.platform == Platform::X);
        let mut users: Vec<User> =
            accounts.map(|account| User { person: account.as_person(), account: Some(account) }).collect();
        let mut seen: BTreeSet<&str> = self.state.accounts.iter().map(|account| account.id.as_str()).collect();
        for item in self.state.items.iter().filter(|item| item.platform == Platform::X) {
            if seen.insert(&item.author.id) && !self.state.inactive.contains(&item.author.id) {
                users.push(User { person: item.author.clone(), account: None });
            }
        }
        users
    }

    /// The word that this vocabulary has for a field.
    fn word(&self, older: &'static str, newer: &'static str) -> &'static str {
        if self.post { newer } else { older }
    }

    fn asked(&self, parameter: &str) -> BTreeSet<String> {
        self.ask.param(parameter).unwrap_or_default().split(',').map(str::to_owned).collect()
    }

    pub fn post(&self, post: &Post<'a>) -> Value {
        let mut wanted = self.asked(self.word("tweet.fields", "post.fields"));
        wanted.extend(["id", "text"].map(str::to_owned));
        wanted.insert(self.word("edit_history_tweet_ids", "edit_history_post_ids").to_owned());
        // An expansion brings the field that it completes.
        for expansion in &self.expansions {
            wanted.extend(expansion.split('.').next().map(str::to_owned));
        }
        let Value::Object(all) = self.whole(post) else { return Value::Null };
        Value::Object(all.into_iter().filter(|(name, _)| wanted.contains(name)).collect())
    }

    fn whole(&self, post: &Post<'a>) -> Value {
        let (text, urls) = self.text(post);
        let entities = if urls.is_empty() { None } else { Some(json!({ "urls": urls })) };
        let mut out = json!({
            "id": post.id(), "created_at": time(post.written()), "author_id": post.author().id,
            "conversation_id": post.conversation(), "lang": language(post.item), "possibly_sensitive": false,
            "reply_settings": "everyone",
        });
        if let Some((_, name)) = &post.item.application {
            out["source"] = json!(name);
        }
        let until = post.item.created_at + SignedDuration::from_mins(30);
        let history =
            if post.original { vec![post.id()] } else { post.history().iter().map(|&id| id.to_owned()).collect() };
        out["edit_controls"] = json!({ "edits_remaining": 6_usize.saturating_sub(history.len()),
            "is_edit_eligible": !post.repost() && post.item.parent.is_none(), "editable_until": time(until) });
        out[self.word("edit_history_tweet_ids", "edit_history_post_ids")] = json!(history);
        if text.chars().count() > 280 {
            out["text"] = json!(cut(&text, &post.id()));
            let mut note = json!({ "text": text });
            note["entities"] = entities.unwrap_or_else(|| json!({}));
            out[self.word("note_tweet", "note_post")] = note;
        } else {
            out["text"] = json!(text);
            out["entities"] = entities.unwrap_or(Value::Null);
        }
        out["public_metrics"] = self.metrics(post);
        let references: Vec<Value> =
            post.references().iter().map(|(kind, id)| json!({ "type": kind, "id": id })).collect();
        if !references.is_empty() {
            out[self.word("referenced_tweets", "referenced_posts")] = json!(references);
        }
        if let Some(parent) = post.parent() {
            out["in_reply_to_user_id"] = json!(parent.author().id);
        }
        if !post.item.media.is_empty() && !post.repost() {
            let keys: Vec<String> = post.item.media.iter().map(media_key).collect();
            out["attachments"] = json!({ "media_keys": keys });
        }
        if let Value::Object(fields) = &mut out {
            fields.retain(|_, value| !value.is_null());
        }
        out
    }

    /// Only the newest version has been liked and answered.
    fn metrics(&self, post: &Post<'a>) -> Value {
        let now = post.is_newest() && !post.repost();
        let count = |number: i64| if now { number } else { 0 };
        json!({
            self.word("retweet_count", "repost_count"): count(post.item.shares),
            "reply_count": if now && !post.original { post.replies() } else { 0 },
            "like_count": count(post.item.reactions), "bookmark_count": count(post.item.reactions / 9),
            "quote_count": if now && !post.original { post.quotes() } else { 0 },
            "impression_count": count(post.item.reactions * 41),
        })
    }

    /// The text as it is sent: three characters escaped, every link behind X's own, pictures as one link more.
    fn text(&self, post: &Post<'a>) -> (String, Vec<Value>) {
        let (mut text, mut urls) = (String::new(), Vec::new());
        let words = post.words();
        let mut rest = words.as_str();
        while let Some(at) = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
            let (before, from) = rest.split_at(at);
            text.push_str(&escape(before));
            let end = from.find(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).unwrap_or(from.len());
            let url = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']);
            let mut entity = shorten(&mut text, url);
            if let Some(link) = post.item.link.as_ref().filter(|link| link.url == url) {
                entity["status"] = json!(200);
                entity["title"] = json!(link.title);
                entity["description"] = json!(link.description);
                entity["unwound_url"] = json!(link.url);
            }
            urls.push(entity);
            rest = &from[url.len()..];
        }
        text.push_str(&escape(rest));
        if let Some(quoted) = post.quoted() {
            text.push(' ');
            let address = format!("https://x.com/{}/status/{}", quoted.author().handle, quoted.id());
            urls.push(shorten(&mut text, &address));
        }
        if !post.item.media.is_empty() && !post.repost() {
            text.push_str(if text.is_empty() { "" } else { " " });
            let address = format!("https://x.com/{}/status/{}/photo/1", post.author().handle, post.id());
            let entity = shorten(&mut text, &address);
            urls.extend(post.item.media.iter().map(|medium| {
                let mut entity = entity.clone();
                entity["media_key"] = json!(media_key(medium));
                entity
            }));
        }
        (text, urls)
    }

    /// What completes a page of posts: `includes`, and errors about what could not be had.
    pub fn page(&self, posts: &[Post<'a>], mut errors: Vec<Value>) -> Value {
        let has = |older: &str, newer: &str| self.expansions.contains(if self.post { newer } else { older });
        let (mut users, mut beside, mut media) = (Vec::<Person>::new(), Vec::<Post>::new(), Vec::<&Medium>::new());
        for post in posts {
            if self.expansions.contains("author_id") {
                users.push(post.author());
            }
            if self.expansions.contains("in_reply_to_user_id") {
                users.extend(post.parent().map(|parent| parent.author()));
            }
            if self.expansions.contains("attachments.media_keys") && !post.repost() {
                media.extend(&post.item.media);
            }
            if has("referenced_tweets.id", "referenced_posts") {
                for (_, id) in post.references() {
                    match self.find(&id) {
                        Some(other) => beside.push(other),
                        None => {
                            errors.push(missing("tweet", self.word("referenced_tweets.id", "referenced_posts"), &id))
                        }
                    }
                }
            }
            if has("edit_history_tweet_ids", "edit_history_post_ids") && !post.original {
                beside.extend((0..post.history().len()).map(|version| Post { version, ..*post }));
            }
        }
        if self.expansions.contains("referenced_tweets.id.author_id") {
            users.extend(beside.iter().map(Post::author));
        }
        let mut includes = Map::new();
        let users = self.include(users, |person| person.id.clone(), |person| self.user(&self.known(person)));
        let beside = self.include(beside, Post::id, |post| self.post(post));
        let media = self.include(media, |medium| medium.id.clone(), |medium| self.medium(medium));
        for (name, list) in [("users", users), (self.word("tweets", "posts"), beside), ("media", media)] {
            if !list.is_empty() {
                includes.insert(name.to_owned(), json!(list));
            }
        }
        let mut out = json!({});
        if !includes.is_empty() {
            out["includes"] = Value::Object(includes);
        }
        if !errors.is_empty() {
            out["errors"] = json!(errors);
        }
        out
    }

    fn include<T>(&self, all: Vec<T>, id: impl Fn(&T) -> String, show: impl Fn(&T) -> Value) -> Vec<Value> {
        let mut seen = BTreeSet::new();
        all.iter().filter(|one| seen.insert(id(one))).map(show).collect()
    }

    fn known(&self, person: &Person) -> User<'a> {
        let account = self.state.accounts.iter().find(|account| account.id == person.id);
        User { person: person.clone(), account }
    }

    fn medium(&self, medium: &Medium) -> Value {
        let film = medium.file == File::Mp4;
        let path = |extension: &str| format!("{}/media/{}.{extension}", self.ask.base(Host::Media), medium.id);
        let mut all = json!({
            "media_key": media_key(medium), "type": if film { "video" } else { "photo" }, "width": 16, "height": 16,
            "alt_text": medium.alt,
        });
        if film {
            all["duration_ms"] = json!(1_000);
            all["preview_image_url"] = json!(path("jpg"));
            all["variants"] = json!([{ "bit_rate": 832_000, "content_type": "video/mp4", "url": path("mp4") }]);
        } else {
            all["url"] = json!(path(medium.file.extension()));
        }
        let mut wanted = self.asked("media.fields");
        wanted.extend(["media_key", "type"].map(str::to_owned));
        pick(all, &wanted)
    }

    pub fn user(&self, user: &User<'a>) -> Value {
        let person = &user.person;
        let posts = self.posts().filter(|post| post.author().id == person.id).count();
        let mut all = json!({
            "id": person.id, "name": person.name, "username": person.handle, "protected": false, "verified": false,
            "verified_type": "none", "profile_image_url": format!("{}/profile_images/{}.png", self.ask.base(Host::Media), person.id),
            "created_at": time(Timestamp::constant(1_420_070_400, 0)), "description": "",
            "public_metrics": { "followers_count": 11, "following_count": 23, self.word("tweet_count", "post_count"): posts, "listed_count": 0, "like_count": 5 },
        });
        if let Some(account) = user.account {
            all["created_at"] = time(account.created_at);
            all["description"] = json!(account.about);
            all["location"] = json!("Mesa Vista, CA");
            all["profile_image_url"] =
                json!(format!("{}/profile_images/{}.jpg", self.ask.base(Host::Media), account.picture.id));
            all["public_metrics"]["followers_count"] = json!(account.followers);
            let short = short(&account.website);
            all["entities"] = json!({ "url": { "urls": [{ "start": 0, "end": short.len(), "url": short,
                "expanded_url": account.website, "display_url": display(&account.website) }] } });
            all["url"] = json!(short);
            all["verified"] = json!(true);
            all["verified_type"] = json!("government");
        }
        let mut wanted = self.asked("user.fields");
        wanted.extend(["id", "name", "username"].map(str::to_owned));
        pick(all, &wanted)
    }
}

fn pick(all: Value, wanted: &BTreeSet<String>) -> Value {
    let Value::Object(all) = all else { return Value::Null };
    Value::Object(all.into_iter().filter(|(name, value)| wanted.contains(name) && !value.is_null()).collect())
}

fn media_key(medium: &Medium) -> String {
    format!("{}_{}", if medium.file == File::Mp4 { 13 } else { 3 }, medium.id)
}

fn language(item: &Item) -> &'static str {
    if item.language == Language::Spanish { "es" } else { "en" }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// X's own link for an address: the same each time.
fn short(url: &str) -> String {
    format!("https://t.co/{}", Dice::of(url).letters(10).replace(['-', '_'], "x"))
}

fn display(url: &str) -> String {
    let plain = url.split_once("://").map_or(url, |(_, rest)| rest).trim_start_matches("www.");
    if plain.chars().count() > 26 {
        format!("{}…", plain.chars().take(26).collect::<String>())
    } else {
        plain.to_owned()
    }
}

/// Puts X's link for an address at the end of a text and tells where it stands, in characters.
fn shorten(text: &mut String, url: &str) -> Value {
    let (start, short) = (text.chars().count(), short(url));
    text.push_str(&short);
    json!({ "start": start, "end": start + short.len(), "url": short, "expanded_url": url, "display_url": display(url) })
}

/// The beginning of a long text with a link to the whole.
fn cut(text: &str, id: &str) -> String {
    let start: String = text.chars().take(250).collect();
    let whole = start.rfind(' ').map_or(start.as_str(), |at| &start[..at]);
    format!("{whole}… {}", short(&format!("https://x.com/i/web/status/{id}")))
}
