//! What a post says, out of its own record: the same from the account's server and from the AppView, so that one post has
//! one content wherever it was read.

use crate::model::{Content, Media};
use crate::platform::lenient::Obj;

use super::identity::{Place, web_page};

const POST: &[&str] =
    &["$type", "text", "entities", "facets", "reply", "embed", "langs", "labels", "tags", "createdAt"];

/// Whose media can be had where.
#[derive(Debug, Clone, Copy)]
pub struct Blobs<'a> {
    /// The account, and its own server, which gives the originals.
    pub did: &'a str,
    pub server: &'a str,
}

impl Blobs<'_> {
    fn address(&self, author: &str, cid: &str) -> Option<String> {
        let own = !self.server.is_empty() && author == self.did;
        own.then(|| format!("{}/xrpc/com.atproto.sync.getBlob?did={author}&cid={cid}", self.server))
    }
}

/// The content of a post's record. `view` is how the AppView shows its embed: it has the quoted words, and addresses of
/// pictures of those whose server is not ours to ask.
pub fn content(record: &Obj, view: Option<&Obj>, author: &str, blobs: Blobs) -> Content {
    record.expect(POST);
    let text = record.str("text").unwrap_or_default();
    let mut content = Content { links: links(record, &text), text, ..Content::default() };
    if let Some(embed) = record.obj("embed") {
        attach(&embed, view, author, blobs, &mut content);
    }
    let mut seen = std::collections::BTreeSet::new();
    content.links.retain(|link| seen.insert(link.clone()));
    content.parts.retain(|part| !part.is_empty());
    content
}

/// Whether a record quotes another: then the AppView alone knows the quoted words.
pub fn quotes(record: &Obj) -> bool {
    let kind = record.obj("embed").and_then(|embed| embed.str("$type"));
    matches!(kind.as_deref(), Some("app.bsky.embed.record" | "app.bsky.embed.recordWithMedia"))
}

/// Whether it quotes what the AppView does not show any more: deleted, blocked, detached, or its author away.
pub fn lacks_words(record: &Obj, view: Option<&Obj>) -> bool {
    let shown = view.and_then(|view| view.obj("record"));
    let inner = shown.as_ref().and_then(|shown| shown.obj("record"));
    let told = |shown: &Obj| ["value", "displayName", "name"].iter().any(|key| shown.has(key));
    quotes(record) && !shown.iter().chain(&inner).any(told)
}

/// Links are annotations of ranges of the text, counted in bytes of UTF-8.
fn links(record: &Obj, text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for facet in record.objects("facets") {
        let index = facet.obj("index");
        let bound = |key: &str| index.as_ref().and_then(|index| index.int(key)).and_then(|at| usize::try_from(at).ok());
        let range = bound("byteStart").zip(bound("byteEnd")).and_then(|(start, end)| text.get(start..end));
        if range.is_none_or(str::is_empty) {
            facet.problem("index", "a range that does not fit the text");
        }
        for feature in facet.objects("features") {
            let known =
                ["app.bsky.richtext.facet#link", "app.bsky.richtext.facet#mention", "app.bsky.richtext.facet#tag"];
            if feature.word("$type", &known).as_deref() == Some(known[0]) {
                links.extend(feature.str("uri"));
            }
        }
    }
    let older = record.objects("entities").into_iter().filter(|entity| entity.str("type").as_deref() == Some("link"));
    links.extend(older.filter_map(|entity| entity.str("value")));
    links
}

fn attach(embed: &Obj, view: Option<&Obj>, author: &str, blobs: Blobs, content: &mut Content) {
    let pictures = |key: &str, content: &mut Content| {
        let views = view.map(|view| view.objects(key)).unwrap_or_default();
        for (at, item) in embed.objects(key).iter().enumerate() {
            let address = views.get(at).and_then(|view| view.str("fullsize"));
            content.media.extend(medium(item, "image", address, author, blobs));
        }
    };
    match embed.str("$type").unwrap_or_default().as_str() {
        "app.bsky.embed.images" => pictures("images", content),
        "app.bsky.embed.gallery" => pictures("items", content),
        "app.bsky.embed.video" => content.media.extend(medium(embed, "video", None, author, blobs)),
        "app.bsky.embed.external" => external(embed, view, author, blobs, content),
        "app.bsky.embed.record" => quote(embed.obj("record"), view.and_then(|view| view.obj("record")), content),
        "app.bsky.embed.recordWithMedia" => {
            if let Some(media) = embed.obj("media") {
                attach(&media, view.and_then(|view| view.obj("media")).as_ref(), author, blobs, content);
            }
            let shown = view.and_then(|view| view.obj("record")).and_then(|view| view.obj("record"));
            quote(embed.obj("record").and_then(|record| record.obj("record")), shown, content);
        }
        _ => embed.problem("$type", "an unknown kind of embed"),
    }
}

fn external<'a>(embed: &Obj<'a>, view: Option<&Obj<'a>>, author: &str, blobs: Blobs, content: &mut Content) {
    let Some(card) = embed.obj("external") else { return embed.problem("external", "missing") };
    content.links.extend(card.str("uri"));
    content.parts.extend(["title", "description"].iter().filter_map(|key| card.str(key)));
    let address = view.and_then(|view| view.obj("external")).and_then(|view| view.str("thumb"));
    if card.has("thumb") {
        content.media.extend(medium(&card, "thumb", address, author, blobs));
    }
}

/// What is quoted: its address, and its words where they are shown.
fn quote<'a>(record: Option<Obj<'a>>, shown: Option<Obj<'a>>, content: &mut Content) {
    let uri = record.and_then(|record| record.str("uri"));
    content.links.extend(uri.map(|uri| web_page(&uri).filter(|_| uri.contains("/app.bsky.feed.post/")).unwrap_or(uri)));
    let Some(shown) = shown else { return };
    let words = shown.obj("value").and_then(|value| value.str("text"));
    let listed = ["displayName", "name", "description"].iter().filter_map(|key| shown.str(key));
    content.parts.extend(words.into_iter().chain(listed));
}

/// A blob is named by the hash of its bytes.
fn medium(holder: &Obj, key: &str, address: Option<String>, author: &str, blobs: Blobs) -> Option<Media> {
    let blob = holder.obj(key)?;
    let cid = blob.obj("ref").and_then(|link| link.str("$link")).or_else(|| blob.str("cid"));
    let Some(cid) = cid else {
        holder.problem(key, "a picture or film without a CID");
        return None;
    };
    Some(Media {
        url: blobs.address(author, &cid).or(address),
        native_id: cid,
        mime: blob.str("mimeType"),
        alt: holder.str("alt").filter(|alt| !alt.is_empty()),
        ..Media::default()
    })
}

/// The address of whoever wrote the record at this URI.
pub fn author_of(uri: &str) -> &str {
    Place::of(uri).map_or("", |place| place.did)
}
