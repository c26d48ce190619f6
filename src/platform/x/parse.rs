//! Reading X's answers: pure and total, in both field vocabularies (`tweet.*` and `post.*`).

use std::collections::{BTreeSet, HashMap};

use super::envelope::{data, errors, says_so};
use super::user::User;
use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Timestamp};
use crate::platform::lenient::{Body, Obj};

/// What a page of posts tells beside the observations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Read {
    pub page: Page,
    pub next: Option<String>,
    /// The posts of `data`, in the order of the page.
    pub posts: Vec<Summary>,
    /// Ids of newest edits that the page names and does not hold.
    pub behind: Vec<String>,
    /// Ids that a lookup found not to exist (any more).
    pub not_found: Vec<String>,
    /// Ids that exist or did, and that X does not show to this credential.
    pub not_shown: Vec<String>,
    /// Posts that stand above those of a wanted thread, and that the page does not hold in whole: by the first of each pair
    /// whether their own words came along, without their media.
    pub above: Vec<(bool, String)>,
    /// Something among the posts could not be read as one.
    pub lost: bool,
}

/// One post in short, for the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub native_id: String,
    /// Every id of the edit history.
    pub ids: Vec<String>,
    pub author: Option<String>,
    /// The conversation it stands in, by the id that X names: an edit of its first post begins another one.
    pub conversation: Option<String>,
    pub created_at: Option<Timestamp>,
    /// It answers no other post: a thread stands under it.
    pub root: bool,
    /// Somebody else's post passed on: nothing can stand under it.
    pub repost: bool,
    /// How many posts quote it, as X counts.
    pub quotes: i64,
}

/// What a walk knows when a page is read: first ids by later ids, and the threads it is after.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Whose threads are wanted; of everybody's when nobody is named.
    own: Option<String>,
    first: HashMap<String, String>,
    roots: BTreeSet<String>,
}

impl Names {
    /// Only what this account began is a wanted thread.
    pub fn of(own: &str) -> Names {
        Names { own: (!own.is_empty()).then(|| own.to_owned()), ..Names::default() }
    }

    /// A thread whose posts are wanted, by every id of its root.
    pub fn root(&mut self, ids: &[String], native_id: &str) {
        for id in ids {
            self.first.insert(id.clone(), native_id.to_owned());
        }
        self.first.insert(native_id.to_owned(), native_id.to_owned());
        self.roots.insert(native_id.to_owned());
    }

    fn first<'n>(&'n self, id: &'n str) -> &'n str {
        self.first.get(id).map_or(id, String::as_str)
    }

    /// Whether a conversation is a wanted thread.
    pub fn wants(&self, conversation: Option<&str>) -> bool {
        conversation.is_some_and(|id| self.roots.contains(self.first(id)))
    }

    /// Whether a post is the account's own.
    pub fn owns(&self, author: Option<&str>) -> bool {
        self.own.is_none() || author == self.own.as_deref()
    }
}

/// Reads an answer with posts: a timeline, a search, a lookup of one or several.
pub fn parse_posts(exchange: &Exchange, names: &Names) -> Read {
    let body = Body::of(exchange);
    let mut read = Read::default();
    if let Some(root) = body.root() {
        read_posts(&root, names, exchange, &mut read);
    }
    read.page.problems = body.problems();
    read.page.exchange = exchange.clone();
    read
}

fn read_posts<'a>(root: &Obj<'a>, names: &Names, exchange: &Exchange, read: &mut Read) {
    root.expect(&["data", "includes", "meta", "errors", "title", "detail", "type", "status"]);
    read.next = root.obj("meta").and_then(|meta| {
        meta.expect(&["result_count", "next_token", "previous_token", "newest_id", "oldest_id"]);
        meta.str("next_token").filter(|token| !token.is_empty())
    });
    errors(root, read);
    let includes = Includes::of(root);
    let (objects, lost) = data(root);
    let count = objects.len();
    let given: Vec<Post> = objects.into_iter().filter_map(|object| Post::of(object, true)).collect();
    read.lost = lost || given.len() < count || (count == 0 && !says_so(root));
    let beside = includes.posts.iter().filter_map(|object| Post::of(object.clone(), false));
    let mut names = names.clone();
    let (posts, histories) = by_history(given, beside.collect());
    for post in &posts {
        names.first.extend(post.ids.iter().map(|id| (id.clone(), post.native_id.clone())));
        // A page is newest first: what an answer answers may come along before the post that both stand under.
        let begins = post.answers().is_none() && post.refers("retweeted").is_none();
        if post.given && begins && names.owns(post.author.as_deref()) {
            names.root(&post.ids, &post.native_id);
        }
    }
    read.posts = posts.iter().filter(|post| post.given).map(Post::summary).collect();
    for (native_id, versions) in histories {
        group(&posts, &native_id, &versions, &names, &includes, exchange, read);
    }
}

/// The posts of a page and, by native id in the order of the page, which of them are its versions, oldest first.
fn by_history<'a>(given: Vec<Post<'a>>, beside: Vec<Post<'a>>) -> (Vec<Post<'a>>, Vec<(String, Vec<usize>)>) {
    let mut posts: Vec<Post> = Vec::new();
    let mut seen = BTreeSet::new();
    for post in given.into_iter().chain(beside) {
        if seen.insert(post.id.clone()) {
            posts.push(post);
        }
    }
    let mut order: Vec<(String, Vec<usize>)> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    for (index, post) in posts.iter().enumerate() {
        let place = *at.entry(post.native_id.clone()).or_insert_with(|| {
            order.push((post.native_id.clone(), Vec::new()));
            order.len() - 1
        });
        order[place].1.push(index);
    }
    for (_, versions) in &mut order {
        versions.sort_by_key(|index| posts[*index].ids.iter().position(|id| *id == posts[*index].id));
    }
    (posts, order)
}

/// Observes the versions of one post. Of posts that are only included, those of wanted threads are observed, and
/// earlier edits; what others wrote elsewhere is no item here.
fn group(
    posts: &[Post],
    native_id: &str,
    versions: &[usize],
    names: &Names,
    includes: &Includes,
    exchange: &Exchange,
    read: &mut Read,
) {
    let asked = versions.iter().any(|index| posts[*index].given);
    // The longest history is the newest knowledge: an earlier version may have been told before the later edit.
    let longest = versions.iter().map(|index| &posts[*index].ids).max_by_key(|ids| ids.len());
    let newest = longest.and_then(|ids| ids.last()).cloned();
    for index in versions {
        let post = &posts[*index];
        let current = newest.as_deref() == Some(post.id.as_str());
        let wanted = names.wants(post.conversation.as_deref());
        if post.given || (asked && !current) || (wanted && current && !post.has_media()) {
            read.page.observations.push(post.observation(names, includes, !current, exchange.at));
        } else if wanted && current {
            // The media of what is only included do not come along.
            read.above.push((true, post.id.clone()));
        }
        let parent =
            post.answers().filter(|id| wanted && !posts.iter().any(|post| post.ids.iter().any(|known| known == id)));
        read.above.extend(parent.map(|id| (false, id.to_owned())));
    }
    let holds_newest = versions.iter().any(|index| posts[*index].given && Some(&posts[*index].id) == newest.as_ref());
    if asked && !holds_newest {
        read.behind.extend(newest.filter(|id| id != native_id || versions.len() > 1));
    }
}

/// What an answer brings along to complete its posts.
struct Includes<'a> {
    posts: Vec<Obj<'a>>,
    texts: HashMap<String, String>,
    users: HashMap<String, User>,
    media: HashMap<String, Media>,
    polls: HashMap<String, Vec<String>>,
}

impl<'a> Includes<'a> {
    fn of(root: &Obj<'a>) -> Includes<'a> {
        let objects = |key: &str| root.obj("includes").map(|includes| includes.objects(key)).unwrap_or_default();
        if let Some(includes) = root.obj("includes") {
            includes.expect(&["tweets", "posts", "users", "media", "polls", "places", "topics"]);
        }
        let posts: Vec<Obj> = objects("tweets").into_iter().chain(objects("posts")).collect();
        let texts = posts.iter().filter_map(|post| Some((post.id("id")?, text_of(post)))).collect();
        let users = objects("users").iter().filter_map(User::of).map(|user| (user.id.clone(), user)).collect();
        let media = objects("media").iter().filter_map(medium).map(|media| (media.native_id.clone(), media)).collect();
        let polls = objects("polls").iter().filter_map(|poll| Some((poll.id("id")?, options(poll)))).collect();
        Includes { posts, texts, users, media, polls }
    }
}

fn options(poll: &Obj) -> Vec<String> {
    poll.objects("options").iter().filter_map(|option| option.str("label")).collect()
}

fn medium(object: &Obj) -> Option<Media> {
    object.expect(&[
        "media_key",
        "type",
        "url",
        "preview_image_url",
        "variants",
        "alt_text",
        "duration_ms",
        "width",
        "height",
        "public_metrics",
        "non_public_metrics",
        "organic_metrics",
        "promoted_metrics",
    ]);
    let native_id = object.id("media_key")?;
    let kind = object.word("type", &["photo", "video", "animated_gif"]).unwrap_or_default();
    let film = object
        .objects("variants")
        .into_iter()
        .filter(|variant| variant.str("content_type").as_deref() == Some("video/mp4"));
    let film = film.max_by_key(|variant| variant.int("bit_rate")).and_then(|variant| variant.str("url"));
    let mime =
        if film.is_some() { Some("video/mp4".to_owned()) } else { image_type(&kind, object.str("url").as_deref()) };
    let url = film.or_else(|| object.str_of(&["url", "preview_image_url"]));
    Some(Media { native_id, url, mime, alt: object.str("alt_text").filter(|alt| !alt.is_empty()), ..Media::default() })
}

fn image_type(kind: &str, url: Option<&str>) -> Option<String> {
    let path = url?.split(['?', '#']).next()?;
    let known = match path.rsplit('.').next()? {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => return None,
    };
    (kind == "photo").then(|| known.to_owned())
}

/// The whole text of a post: long ones are cut in `text` and whole in the note.
fn text_of(object: &Obj) -> String {
    let note = note(object).and_then(|note| note.str("text"));
    unescape(&note.or_else(|| object.str("text")).unwrap_or_default())
}

fn note<'a>(object: &Obj<'a>) -> Option<Obj<'a>> {
    object.obj("note_tweet").or_else(|| object.obj("note_post"))
}

/// X escapes three characters in texts; a reader sees them plain.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// One post of a page, read as far as the walk and the observation need it.
struct Post<'a> {
    object: Obj<'a>,
    /// In `data`, not only in `includes`.
    given: bool,
    id: String,
    native_id: String,
    ids: Vec<String>,
    conversation: Option<String>,
    author: Option<String>,
    references: Vec<(String, String)>,
}

const POST_FIELDS: &[&str] = &[
    "id",
    "text",
    "author_id",
    "created_at",
    "conversation_id",
    "in_reply_to_user_id",
    "referenced_tweets",
    "referenced_posts",
    "edit_history_tweet_ids",
    "edit_history_post_ids",
    "edit_controls",
    "note_tweet",
    "note_post",
    "attachments",
    "entities",
    "public_metrics",
    "lang",
    "possibly_sensitive",
    "reply_settings",
    "withheld",
    "article",
    "article_title",
    "card_uri",
    "community_id",
    "context_annotations",
    "display_text_range",
    "geo",
    "matched_media_notes",
    "media_metadata",
    "non_public_metrics",
    "note_request_suggestions",
    "organic_metrics",
    "paid_partnership",
    "promoted_metrics",
    "scopes",
    "source",
    "suggested_source_links",
    "suggested_source_links_with_counts",
    "username",
];

impl<'a> Post<'a> {
    fn of(object: Obj<'a>, given: bool) -> Option<Post<'a>> {
        object.expect(POST_FIELDS);
        let Some(id) = object.id("id") else {
            object.problem("id", "a post without an id");
            return None;
        };
        let mut ids = object.strs("edit_history_tweet_ids");
        ids.extend(object.strs("edit_history_post_ids"));
        ids.retain(|id| !id.is_empty());
        if !ids.contains(&id) {
            ids.push(id.clone());
        }
        let native_id = ids.first().cloned().unwrap_or_else(|| id.clone());
        let conversation = object.id("conversation_id");
        let author = object.id("author_id");
        let references = references(&object);
        Some(Post { object, given, id, native_id, ids, conversation, author, references })
    }

    fn refers(&self, kind: &str) -> Option<&str> {
        self.references.iter().find(|(known, _)| known == kind).map(|(_, id)| id.as_str())
    }

    /// The post that this one answers. A reference of a kind that is not known, in a conversation that another post began, is one.
    fn answers(&self) -> Option<&str> {
        const KNOWN: [&str; 3] = ["replied_to", "quoted", "retweeted"];
        let elsewhere = self.conversation.as_ref().is_some_and(|id| *id != self.id && !self.ids.contains(id));
        let unknown = self.references.iter().find(|(kind, _)| elsewhere && !KNOWN.contains(&kind.as_str()));
        self.refers("replied_to").or(unknown.map(|(_, id)| id.as_str()))
    }

    fn has_media(&self) -> bool {
        self.object.obj("attachments").is_some_and(|attachments| !attachments.list("media_keys").is_empty())
    }

    fn summary(&self) -> Summary {
        Summary {
            native_id: self.native_id.clone(),
            ids: self.ids.clone(),
            author: self.author.clone(),
            conversation: self.conversation.clone(),
            created_at: self.object.time("created_at"),
            root: self.answers().is_none(),
            repost: self.refers("retweeted").is_some(),
            quotes: self.object.obj("public_metrics").and_then(|metrics| metrics.int("quote_count")).unwrap_or(0),
        }
    }

    fn observation(&self, names: &Names, includes: &Includes, superseded: bool, at: Timestamp) -> Observation {
        let user = self.author.as_ref().and_then(|id| includes.users.get(id));
        let parent = self.answers().map(|id| names.first(id).to_owned());
        let root = parent.as_ref().map(|parent| match &self.conversation {
            Some(conversation) => names.first(conversation).to_owned(),
            None => parent.clone(),
        });
        let kind = match &parent {
            None => Kind::Post,
            Some(_) if parent == root => Kind::Comment,
            Some(_) => Kind::Reply,
        };
        let withheld = self.object.obj("withheld").is_some_and(|withheld| withheld.flag("copyright") == Some(true));
        if withheld {
            self.object.problem("withheld", "withheld by X after a copyright claim");
        }
        Observation {
            native_id: self.native_id.clone(),
            aliases: self.ids.iter().filter(|id| **id != self.native_id).cloned().collect(),
            kind,
            parent,
            root,
            author: self.author.as_deref().map(|id| author(id, user)).unwrap_or_default(),
            created_at: self.created_at(at),
            url: Some(format!("https://x.com/{}/status/{}", user.map_or("i/web", |user| &user.username), self.id)),
            hidden: false,
            content: self.content(includes),
            counts: self.counts(),
            raw: self.object.range(),
            superseded,
            in_part: self.shared().any(|id| !includes.texts.contains_key(id)),
        }
    }

    /// When the item was first written: the first id tells, where the first version is not at hand.
    fn created_at(&self, at: Timestamp) -> Option<Timestamp> {
        let told = self.object.time("created_at");
        if self.id == self.native_id { told } else { snowflake(&self.native_id).filter(|first| *first <= at).or(told) }
    }

    fn content(&self, includes: &Includes) -> Content {
        let attachments = self.object.obj("attachments");
        let keys = attachments.as_ref().map(|attached| attached.strs("media_keys")).unwrap_or_default();
        let media = keys
            .into_iter()
            .map(|key| includes.media.get(&key).cloned().unwrap_or(Media { native_id: key, ..Media::default() }));
        let polls = attachments.map(|attached| attached.strs("poll_ids")).unwrap_or_default();
        let polled = polls.iter().filter_map(|id| includes.polls.get(id)).flatten().cloned();
        let shared = self.shared().filter_map(|id| includes.texts.get(id)).cloned();
        let article =
            self.object.str("article_title").or_else(|| self.object.obj("article").and_then(|a| a.str("title")));
        let (mut links, titles) = self.links();
        links.extend(self.quoted(&links));
        let parts = titles.into_iter().chain(article).chain(polled).chain(shared).filter(|part| !part.is_empty());
        Content { text: text_of(&self.object), parts: parts.collect(), links, media: media.collect() }
    }

    /// Posts of others that it shows.
    fn shared(&self) -> impl Iterator<Item = &String> {
        self.references.iter().map(|(_, id)| id).filter(|id| self.answers() != Some(id.as_str()))
    }

    /// The links of the text as they lead, without those to the post's own media, and the titles X shows with them.
    fn links(&self) -> (Vec<String>, Vec<String>) {
        let entities = note(&self.object).and_then(|note| note.obj("entities")).or_else(|| self.object.obj("entities"));
        let (mut links, mut titles): (Vec<String>, Vec<String>) = Default::default();
        for url in entities.map(|entities| entities.objects("urls")).unwrap_or_default() {
            if url.has("media_key") {
                continue;
            }
            let link = url.str_of(&["unwound_url", "expanded_url", "url"]);
            links.extend(link.filter(|link| !links.contains(link)));
            titles.extend(["title", "description"].iter().filter_map(|key| url.str(key)));
        }
        (links, titles)
    }

    /// A post that quotes another names it by a link, be it in its text or not.
    fn quoted(&self, links: &[String]) -> Option<String> {
        let id = self.refers("quoted")?;
        let named =
            |link: &String| link.split(['?', '#']).next().is_some_and(|link| link.ends_with(&format!("/status/{id}")));
        (!links.iter().any(named)).then(|| format!("https://x.com/i/web/status/{id}"))
    }

    fn counts(&self) -> Counts {
        let Some(metrics) = self.object.obj("public_metrics") else { return Counts::default() };
        metrics.expect(&[
            "retweet_count",
            "repost_count",
            "reply_count",
            "like_count",
            "quote_count",
            "bookmark_count",
            "impression_count",
        ]);
        let passed = metrics.int("retweet_count").or_else(|| metrics.int("repost_count"));
        let shares = [passed, metrics.int("quote_count")].into_iter().flatten().reduce(i64::saturating_add);
        Counts { comments: metrics.int("reply_count"), reactions: metrics.int("like_count"), shares }
    }
}

fn references(object: &Obj) -> Vec<(String, String)> {
    let key = if object.has("referenced_posts") { "referenced_posts" } else { "referenced_tweets" };
    let listed = object.objects(key).into_iter().filter_map(|reference| {
        let kind = reference.word("type", &["retweeted", "quoted", "replied_to"])?;
        Some((kind, reference.id("id")?))
    });
    listed.collect()
}

pub(super) fn author(id: &str, user: Option<&User>) -> Author {
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    Author {
        native_id: Some(id.to_owned()),
        name: user.and_then(|user| filled(&user.name)),
        handle: user.and_then(|user| filled(&user.username)),
    }
}

/// The moment in an id: since November 2010 the upper bits count milliseconds.
pub fn snowflake(id: &str) -> Option<Timestamp> {
    let number = id.parse::<i64>().ok().filter(|number| *number > (1 << 36))?;
    Timestamp::from_millisecond((number >> 22) + 1_288_834_974_657).ok()
}
