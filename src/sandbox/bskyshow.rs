//! Records as they stand in people's repositories, and posts, threads and profiles as the AppView shows them.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::cid;
use super::ids;
use super::picture;
use super::server::{Ask, Host};
use super::world::{Account, Form, Item, Language, Medium, Person, State};
use crate::model::{Platform, Timestamp};

/// What is shown of a world, and to whom.
pub(super) struct Show<'a> {
    pub state: &'a State,
    pub ask: &'a Ask,
}

impl<'a> Show<'a> {
    /// Everything on Bluesky that is given to anybody.
    pub fn given(&self) -> impl Iterator<Item = &'a Item> + use<'a> {
        let state = self.state;
        let open = move |item: &&Item| {
            let own = state.account(&item.author.id);
            item.platform == Platform::Bluesky && state.is_shown(item) && own.is_none_or(|account| account.published)
        };
        state.items.iter().filter(open)
    }

    /// Everybody who has an account.
    pub fn people(&self) -> Vec<Person> {
        let accounts = self.state.accounts.iter().filter(|account| account.platform == Platform::Bluesky);
        let authors = self.state.items.iter().filter(|item| item.platform == Platform::Bluesky);
        let mut seen = BTreeSet::new();
        let all = accounts.map(Account::as_person).chain(authors.map(|item| item.author.clone()));
        all.filter(|person| seen.insert(person.id.clone())).collect()
    }

    pub fn actor(&self, name: &str) -> Option<Person> {
        self.people().into_iter().find(|person| person.id == name || person.handle.eq_ignore_ascii_case(name))
    }

    pub fn is_away(&self, did: &str) -> bool {
        let closed = self.state.account(did).is_some_and(|account| !account.published);
        closed || self.state.inactive.contains(did)
    }

    /// A post by its address.
    pub fn post(&self, uri: &str) -> Option<&'a Item> {
        self.given().find(|item| item.id == uri && item.form != Form::Repost)
    }

    /// A collection of somebody's records, each with its address.
    pub fn repository(&self, person: &Person, collection: &str) -> Vec<(String, Value)> {
        let all = |condition: &dyn Fn(&Item) -> bool| self.given().filter(|item| condition(item)).collect::<Vec<_>>();
        match collection {
            "app.bsky.feed.post" => {
                let own = all(&|item| item.author.id == person.id && item.form != Form::Repost);
                let passed = all(&|item| item.author.id == person.id && item.form == Form::Repost);
                let own = own.into_iter().map(|item| (item.id.clone(), self.record(item, None)));
                own.chain(passed.into_iter().map(|item| (original(item), self.passed(item)))).collect()
            }
            "app.bsky.feed.repost" => {
                let passed = all(&|item| item.account == person.id && item.form == Form::Repost);
                passed.into_iter().map(|item| (item.id.clone(), self.repost(item))).collect()
            }
            "app.bsky.feed.threadgate" => {
                let roots = all(&|item| item.author.id == person.id && item.parent.is_none());
                roots.into_iter().filter_map(|root| self.gate_record(root)).collect()
            }
            "app.bsky.actor.profile" => {
                vec![(format!("at://{}/{collection}/self", person.id), self.profile_record(person))]
            }
            _ => Vec::new(),
        }
    }

    /// A post's record, as it stood at a moment or stands now.
    fn record(&self, item: &Item, at: Option<Timestamp>) -> Value {
        let earlier = at.and_then(|at| item.earlier.iter().find(|earlier| earlier.until > at));
        let text = earlier.map_or(&item.text, |earlier| &earlier.text);
        let mut out = json!({ "$type": "app.bsky.feed.post", "text": text, "createdAt": time(item.created_at),
            "langs": [if item.language == Language::Spanish { "es" } else { "en" }] });
        let facets = facets(text);
        if !facets.is_empty() {
            out["facets"] = json!(facets);
        }
        if let (Some(root), Some(parent)) = (&item.root, &item.parent) {
            out["reply"] = json!({ "root": self.reference(root, item.created_at), "parent": self.reference(parent, item.created_at) });
        }
        if let Some(link) = &item.link {
            let card = json!({ "uri": link.url, "title": link.title, "description": link.description });
            out["embed"] = json!({ "$type": "app.bsky.embed.external", "external": card });
        } else if !item.media.is_empty() {
            let images: Vec<Value> = item.media.iter().map(|medium| {
                json!({ "alt": medium.alt.as_deref().unwrap_or_default(), "image": blob(medium), "aspectRatio": { "width": 16, "height": 16 } })
            }).collect();
            out["embed"] = json!({ "$type": "app.bsky.embed.images", "images": images });
        }
        out
    }

    /// A post named by its address and by what it was when something referred to it, whether it still stands or not.
    fn reference(&self, uri: &str, at: Timestamp) -> Value {
        let record = self.state.item(uri).map(|item| self.record(item, Some(at))).unwrap_or_default();
        json!({ "uri": uri, "cid": cid::of_record(&record) })
    }

    /// Somebody else's post that the account passes on.
    fn passed(&self, item: &Item) -> Value {
        json!({ "$type": "app.bsky.feed.post", "text": item.text, "createdAt": time(before(item)), "langs": ["en"] })
    }

    fn repost(&self, item: &Item) -> Value {
        let subject = json!({ "uri": original(item), "cid": cid::of_record(&self.passed(item)) });
        json!({ "$type": "app.bsky.feed.repost", "subject": subject, "createdAt": time(item.created_at) })
    }

    /// The gate of a thread, where its author hides answers.
    fn gate_record(&self, root: &Item) -> Option<(String, Value)> {
        let hidden: Vec<&Item> =
            self.state.items.iter().filter(|item| item.hidden && item.root.as_ref() == Some(&root.id)).collect();
        let newest = hidden.iter().map(|item| item.created_at).max()?;
        let uris: Vec<&String> = hidden.iter().map(|item| &item.id).collect();
        let uri = root.id.replace("app.bsky.feed.post", "app.bsky.feed.threadgate");
        Some((
            uri,
            json!({ "$type": "app.bsky.feed.threadgate", "post": root.id, "createdAt": time(newest), "hiddenReplies": uris }),
        ))
    }

    pub fn gate(&self, root: &Item) -> Option<Value> {
        let (uri, record) = self.gate_record(root)?;
        Some(json!({ "uri": uri, "cid": cid::of_record(&record), "record": record, "lists": [] }))
    }

    fn profile_record(&self, person: &Person) -> Value {
        let mut out = json!({ "$type": "app.bsky.actor.profile", "displayName": person.name });
        if let Some(account) = self.state.account(&person.id) {
            out["description"] = json!(account.about);
            out["avatar"] = blob(&account.picture);
        }
        out
    }

    /// The bytes behind a CID, out of somebody's repository or anybody's.
    pub fn blob(&self, did: Option<&str>, cid: &str) -> Option<(&'static str, Vec<u8>)> {
        let own = |id: &str| did.is_none_or(|did| did == id);
        let portraits = self.state.accounts.iter().filter(|account| own(&account.id)).map(|account| &account.picture);
        let pictures = self.given().filter(|item| own(&item.author.id)).flat_map(|item| &item.media);
        let files = portraits.chain(pictures).map(|medium| (medium.file.mime(), picture::bytes(medium)));
        files.into_iter().find(|(_, bytes)| cid::of_blob(bytes) == cid)
    }

    fn picture(&self, size: &str, did: &str, medium: &Medium) -> String {
        let cid = cid::of_blob(&picture::bytes(medium));
        format!("{}/img/{size}/plain/{did}/{cid}@jpeg", self.ask.base(Host::Media))
    }

    fn author(&self, person: &Person) -> Value {
        let mut out = json!({ "did": person.id, "handle": person.handle, "displayName": person.name,
            "associated": { "activitySubscription": { "allowSubscriptions": "followers" } }, "labels": [] });
        if let Some(account) = self.state.account(&person.id) {
            out["avatar"] = json!(self.picture("avatar", &person.id, &account.picture));
            out["createdAt"] = time(account.created_at);
        }
        out
    }

    pub fn profile(&self, person: &Person) -> Value {
        let mut out = self.author(person);
        let own = |item: &Item| item.author.id == person.id && item.form != Form::Repost;
        let posts = self.given().filter(|item| own(item)).count();
        out["associated"] = json!({ "lists": 0, "feedgens": 0, "starterPacks": 0, "labeler": false,
            "activitySubscription": { "allowSubscriptions": "followers" } });
        let (followers, about) = self.state.account(&person.id).map_or((3, ""), |a| (a.followers, a.about.as_str()));
        out["description"] = json!(about);
        out["indexedAt"] = time(self.state.account(&person.id).map_or(self.state.now, |account| account.created_at));
        out["followersCount"] = json!(followers);
        out["followsCount"] = json!(41);
        out["postsCount"] = json!(posts);
        out
    }

    /// A post with its author and counts. Answers of those who are away are counted.
    pub fn view(&self, item: &Item) -> Value {
        let record = self.record(item, None);
        let answers = |answer: &&Item| answer.parent.as_ref() == Some(&item.id) && answer.gone_at.is_none();
        let replies = self.state.items.iter().filter(answers).count();
        let mut out = json!({
            "uri": item.id, "cid": cid::of_record(&record), "author": self.author(&item.author), "record": record,
            "bookmarkCount": 0, "replyCount": replies, "repostCount": item.shares, "likeCount": item.reactions, "quoteCount": 0,
            "indexedAt": time(item.created_at), "labels": [],
        });
        if let Some(link) = &item.link {
            let card = json!({ "uri": link.url, "title": link.title, "description": link.description });
            out["embed"] = json!({ "$type": "app.bsky.embed.external#view", "external": card });
        } else if !item.media.is_empty() {
            let images: Vec<Value> = item
                .media
                .iter()
                .map(|medium| {
                    json!({ "thumb": self.picture("feed_thumbnail", &item.author.id, medium),
                    "fullsize": self.picture("feed_fullsize", &item.author.id, medium),
                    "alt": medium.alt.as_deref().unwrap_or_default(), "aspectRatio": { "width": 16, "height": 16 } })
                })
                .collect();
            out["embed"] = json!({ "$type": "app.bsky.embed.images#view", "images": images });
        }
        if let Some(gate) = self.gate(item).filter(|_| item.parent.is_none()) {
            out["threadgate"] = gate;
        }
        out
    }

    /// The post behind a repost.
    fn view_passed(&self, item: &Item) -> Value {
        let record = self.passed(item);
        json!({
            "uri": original(item), "cid": cid::of_record(&record), "author": self.author(&item.author), "record": record,
            "bookmarkCount": 0, "replyCount": 0, "repostCount": 1, "likeCount": 4, "quoteCount": 0,
            "indexedAt": time(before(item)), "labels": [],
        })
    }

    /// A post by its address, of this world's pages or passed on by one of them.
    pub fn shown(&self, uri: &str) -> Option<Value> {
        let shows = |item: &&Item| item.form == Form::Repost && !self.is_away(&item.author.id) && original(item) == uri;
        let passed = || self.given().find(shows);
        self.post(uri).map(|item| self.view(item)).or_else(|| passed().map(|item| self.view_passed(item)))
    }

    /// One entry of somebody's feed.
    pub fn entry(&self, item: &Item) -> Value {
        if item.form == Form::Repost {
            let by = self.state.account(&item.account).map(Account::as_person).map(|person| self.author(&person));
            let reason = json!({ "$type": "app.bsky.feed.defs#reasonRepost", "by": by, "uri": item.id,
                "cid": cid::of_record(&self.repost(item)), "indexedAt": time(item.created_at) });
            return json!({ "post": self.view_passed(item), "reason": reason });
        }
        let mut out = json!({ "post": self.view(item) });
        if let (Some(root), Some(parent)) = (&item.root, &item.parent) {
            out["reply"] = json!({ "root": self.end(root), "parent": self.end(parent) });
        }
        out
    }

    /// What a reply in a feed points to.
    fn end(&self, uri: &str) -> Value {
        match self.post(uri) {
            Some(item) => {
                let mut view = self.view(item);
                view["$type"] = json!("app.bsky.feed.defs#postView");
                view
            }
            None => not_found(uri),
        }
    }

    /// Whether she answers in a thread of her own, all the way up.
    pub fn answers_herself(&self, item: &Item) -> bool {
        let above = |item: &&Item| item.parent.as_deref().and_then(|parent| self.state.item(parent));
        std::iter::successors(Some(item), above).all(|above| above.author.id == item.author.id)
    }

    /// A post and what stands under it, so deep. At the edge there is no list of answers, where there are none an empty one.
    pub fn node(&self, item: &Item, depth: usize) -> Value {
        let mut out = json!({ "$type": "app.bsky.feed.defs#threadViewPost", "post": self.view(item) });
        if depth > 0 {
            let mut answers: Vec<&Item> =
                self.given().filter(|answer| answer.parent.as_ref() == Some(&item.id)).collect();
            answers.sort_by_key(|answer| (answer.created_at, answer.id.clone()));
            let blocked = |answer: &Item| {
                let account = self.state.account(&item.account);
                account.is_some_and(|account| account.blocked.iter().any(|person| person.id == answer.author.id))
            };
            let nodes = answers.into_iter().map(|answer| match blocked(answer) {
                true => json!({ "$type": "app.bsky.feed.defs#blockedPost", "uri": answer.id, "blocked": true,
                    "author": { "did": answer.author.id, "viewer": { "blockedBy": false } } }),
                false => self.node(answer, depth - 1),
            });
            out["replies"] = json!(nodes.collect::<Vec<Value>>());
        }
        out["threadContext"] = json!({});
        out
    }

    /// What a post answers, and what that answers, so high.
    pub fn above(&self, item: &Item, height: usize) -> Option<Value> {
        let uri = item.parent.as_deref().filter(|_| height > 0)?;
        let Some(parent) = self.post(uri) else { return Some(not_found(uri)) };
        let mut out =
            json!({ "$type": "app.bsky.feed.defs#threadViewPost", "post": self.view(parent), "threadContext": {} });
        if let Some(above) = self.above(parent, height - 1) {
            out["parent"] = above;
        }
        Some(out)
    }
}

fn not_found(uri: &str) -> Value {
    json!({ "$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": true })
}

/// When what a repost passes on was written.
fn before(repost: &Item) -> Timestamp {
    repost.created_at - SignedDuration::from_hours(26)
}

/// The address of what a repost passes on.
fn original(repost: &Item) -> String {
    format!("at://{}/app.bsky.feed.post/{}", repost.author.id, ids::tid(before(repost), 7))
}

fn blob(medium: &Medium) -> Value {
    let bytes = picture::bytes(medium);
    json!({ "$type": "blob", "ref": { "$link": cid::of_blob(&bytes) }, "mimeType": medium.file.mime(), "size": bytes.len() })
}

/// The links in a text, by where they stand in its bytes.
fn facets(text: &str) -> Vec<Value> {
    let starts = ["http://", "https://"].into_iter().flat_map(|scheme| text.match_indices(scheme));
    let link = |(start, _): (usize, &str)| {
        let end =
            text[start..].find(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).map_or(text.len(), |at| start + at);
        let url = text[start..end].trim_end_matches(['.', ',', ';', ':', '!', '?']);
        json!({ "index": { "byteStart": start, "byteEnd": start + url.len() },
            "features": [{ "$type": "app.bsky.richtext.facet#link", "uri": url }] })
    };
    starts.map(link).collect()
}

pub(super) fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}
