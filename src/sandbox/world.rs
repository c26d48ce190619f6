//! The fictional district's pages as they stand, shared between the servers that show them and the test or demo that changes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::grant::Grant;
use super::site::WebPage;
use super::youtube::Quota;
use crate::model::{Category, Kind, Platform, Timestamp};

/// A handle on one world. Clones share it.
#[derive(Debug, Clone)]
pub struct World(Arc<Mutex<State>>);

/// Everything that is so, at `now`.
#[derive(Debug, Clone)]
pub struct State {
    /// What the platforms' clocks show. Nothing here reads a clock: [`World::tick`] and [`World::set_now`] move it.
    pub now: Timestamp,
    pub accounts: Vec<Account>,
    pub items: Vec<Item>,
    pub tokens: BTreeMap<String, Token>,
    /// Persons who have deactivated their account: what they wrote is not shown.
    pub inactive: BTreeSet<String>,
    /// What YouTube's key may still ask today.
    pub quota: Quota,
    /// The district's website, by path.
    pub site: BTreeMap<String, WebPage>,
    pub(super) made: u64,
    /// Where in `items` an id or alias stands. Items are only ever added.
    pub(super) places: HashMap<String, usize>,
}

/// A person as one platform shows her.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub handle: String,
}

/// Somebody who may act for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pub person: Person,
    pub role: String,
    pub tasks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Spanish,
}

/// One official page.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub platform: Platform,
    pub id: String,
    pub handle: String,
    pub slug: String,
    pub name: String,
    pub school: String,
    pub language: Language,
    pub about: String,
    pub description: String,
    pub website: String,
    pub phone: String,
    pub email: String,
    pub address: String,
    pub followers: i64,
    pub published: bool,
    pub created_at: Timestamp,
    /// Facebook: the linked Instagram account. Instagram: the page it is linked to.
    pub linked: Option<String>,
    pub picture: Medium,
    /// The platform's switches, by its own names.
    pub settings: Vec<(String, Value)>,
    pub helpers: Vec<Helper>,
    pub applications: Vec<(String, String)>,
    pub blocked: Vec<Person>,
    /// Facebook: when the access ends that the page's credential rests on, where it does.
    pub access_ends: Option<Timestamp>,
}

/// How an item came to stand on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Own,
    /// Written by somebody else on the page itself.
    Visitor,
    /// Written elsewhere, naming the page.
    Tagged,
}

/// What a root item is made of, as platforms tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Status,
    Photo,
    Album,
    Link,
    Video,
    Reel,
    /// A picture uploaded without a post about it.
    LoosePhoto,
    Story,
    /// Somebody else's post passed on: a retweet, a repost.
    Repost,
}

/// What a picture or film file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    Jpeg,
    Png,
    Mp4,
}

/// One picture or film; its bytes are made from its id when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    pub id: String,
    pub file: File,
    pub alt: Option<String>,
}

/// What a link post points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub title: String,
    pub description: String,
}

/// An earlier text, with the id it had where every edit makes a new one (X).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub id: String,
    pub text: String,
    /// When it was replaced.
    pub until: Timestamp,
}

/// A post, story, video, comment or reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub platform: Platform,
    /// The account on whose page it stands.
    pub account: String,
    /// The id under which an archive keeps it (contract, item interchange).
    pub id: String,
    /// Other ids the platform gives it: Facebook photo and video ids, X ids of later edits.
    pub aliases: Vec<String>,
    pub kind: Kind,
    pub origin: Origin,
    pub form: Form,
    /// What it answers, as the platform tells: flattened to two levels on Facebook, Instagram and YouTube.
    pub parent: Option<String>,
    pub root: Option<String>,
    /// X: the post that it quotes.
    pub quotes: Option<String>,
    /// Facebook: the picture of an album under which it was written; its post is the parent or root all the same.
    pub picture: Option<String>,
    pub author: Person,
    /// The platform does not say who wrote it.
    pub author_withheld: bool,
    pub text: String,
    pub earlier: Vec<Earlier>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub hidden: bool,
    pub gone_at: Option<Timestamp>,
    /// Counted by the platform, never returned: held for review, or by a restricted account.
    pub held: bool,
    pub media: Vec<Medium>,
    pub link: Option<Link>,
    /// Facebook and X: id and name of the application it was published through, where the platform tells one.
    pub application: Option<(String, String)>,
    pub reactions: i64,
    pub shares: i64,
    /// Nobody may comment.
    pub comments_off: bool,
    /// Comments that the platform counts and gives to nobody, beside those that are held here.
    pub lost_comments: i64,
    pub language: Language,
    /// What a rule pass should make of it.
    pub note: Option<Note>,
    /// YouTube: somebody wrote captions for the film.
    pub captioned: bool,
}

/// Why an item was written into this world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A rule pass must flag it so.
    Flag(Category),
    /// It has the words and not the meaning: a rule pass should leave it alone, or put it low.
    Harmless(Category),
}

/// Whom a credential speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Meta: a system user with a role on every page.
    SystemUser,
    /// Meta: a person with a role on pages.
    User,
    /// Meta: one page.
    Page(String),
    /// An application alone: X's bearer token, YouTube's key.
    App(Platform),
}

/// A credential the platforms here accept, or once did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub owner: Owner,
    /// `None` while it is good; else Meta's subcode of error 190, or 0 where there is none.
    pub dead: Option<u16>,
    /// Meta: whether the grantor may moderate. Without it comments come without ids.
    pub moderate: bool,
    /// Meta: what was granted with it, and until when.
    pub grant: Grant,
}

impl Owner {
    /// Meta: whether it speaks for somebody with roles on pages, and not for one page.
    pub fn is_somebody(&self) -> bool {
        matches!(self, Owner::SystemUser | Owner::User)
    }
}

/// Where an item stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Visible,
    Hidden,
    /// Deleted, itself or, but for X and Bluesky, what it stood under.
    Gone,
    /// Not shown because its author, or (but for X and Bluesky) the author of what it hangs under, has deactivated.
    Withdrawn,
}

/// One item as a reader should end up with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    pub platform: Platform,
    pub account: String,
    pub slug: String,
    pub id: String,
    pub aliases: Vec<String>,
    pub kind: Kind,
    pub origin: Origin,
    pub form: Form,
    pub parent: Option<String>,
    pub root: Option<String>,
    pub quotes: Option<String>,
    pub picture: Option<String>,
    pub text: String,
    /// Earlier texts, oldest first.
    pub earlier: Vec<String>,
    pub created_at: Timestamp,
    pub hidden: bool,
    pub standing: Standing,
    /// `None` where the platform withholds it.
    pub author: Option<Person>,
    pub media: Vec<Medium>,
    pub note: Option<Note>,
}

impl World {
    /// The district of the demo and the tests, as it looks at `now`. The same moment makes the same world.
    pub fn mesa_vista(now: Timestamp) -> World {
        let mut state = State::empty(now);
        super::district::settle(&mut state);
        super::seed::fill(&mut state);
        super::notable::place(&mut state);
        super::xtalk::fill(&mut state);
        super::seed::talk_under_pictures(&mut state);
        World(Arc::new(Mutex::new(state)))
    }

    /// The district's accounts without a single post, for tests that write their own.
    pub fn bare(now: Timestamp) -> World {
        let mut state = State::empty(now);
        super::district::settle(&mut state);
        World(Arc::new(Mutex::new(state)))
    }

    /// The state, locked. Hold it briefly: servers wait for it.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Lets a plausible thing happen on one of the pages at `now` and says in a few words what it was.
    pub fn tick(&self, now: Timestamp) -> String {
        super::tick::tick(&mut self.lock(), now)
    }

    pub fn accounts(&self) -> Vec<Account> {
        self.lock().accounts.clone()
    }

    /// The account with this slug or native id.
    pub fn account(&self, slug_or_id: &str) -> Option<Account> {
        self.lock().account(slug_or_id).cloned()
    }

    /// An item by its id or one of its aliases.
    pub fn item(&self, id: &str) -> Option<Item> {
        self.lock().item(id).cloned()
    }

    /// Writes a comment under `parent` and gives its id, or `None` when there is no such parent. The author is made from her name.
    pub fn add_comment(&self, parent: &str, author: &str, text: &str) -> Option<String> {
        self.lock().add_comment(parent, author, text)
    }

    /// The account itself answers; the id, or `None` when there is no such parent.
    pub fn add_answer(&self, parent: &str, text: &str) -> Option<String> {
        self.lock().add_answer(parent, text)
    }

    /// Writes a comment under one picture of an album, by the picture's id.
    pub fn add_picture_comment(&self, picture: &str, author: &str, text: &str) -> Option<String> {
        self.lock().add_picture_comment(picture, author, text)
    }

    /// Writes a post of the account's own and gives its id.
    pub fn add_post(&self, account: &str, text: &str) -> Option<String> {
        self.lock().add_post(account, text, Form::Status)
    }

    /// Somebody else writes a post on the page itself.
    pub fn add_visitor_post(&self, account: &str, author: &str, text: &str) -> Option<String> {
        self.lock().add_visitor_post(account, author, text)
    }

    /// Somebody writes elsewhere on X and names the account; the id, or `None` when there is no such account.
    pub fn add_mention(&self, account: &str, author: &str, text: &str) -> Option<String> {
        super::xtalk::mention(&mut self.lock(), account, author, text)
    }

    /// Somebody passes a post on X on with words of their own; the id, or `None` when there is no such post.
    pub fn add_quote(&self, post: &str, author: &str, text: &str) -> Option<String> {
        super::xtalk::quote(&mut self.lock(), post, author, text)
    }

    /// Replaces a text. False when there is no such item.
    pub fn edit(&self, id: &str, text: &str) -> bool {
        self.lock().edit(id, text)
    }

    pub fn edit_comment(&self, id: &str, text: &str) -> bool {
        self.edit(id, text)
    }

    /// Hides a comment or post, or shows it again.
    pub fn hide_comment(&self, id: &str, hidden: bool) -> bool {
        self.lock().change(id, |item| item.hidden = hidden)
    }

    pub fn delete_comment(&self, id: &str) -> bool {
        self.lock().delete(id)
    }

    /// Deletes a post; what stands under it goes with it, but for X and Bluesky.
    pub fn delete_post(&self, id: &str) -> bool {
        self.lock().delete(id)
    }

    /// Brings a deleted item back, as platforms do after an appeal.
    pub fn restore(&self, id: &str) -> bool {
        self.lock().change(id, |item| item.gone_at = None)
    }

    /// Changes an account's own facts. False when there is no such account.
    pub fn change_profile(&self, slug_or_id: &str, change: impl FnOnce(&mut Account)) -> bool {
        let mut state = self.lock();
        state
            .accounts
            .iter_mut()
            .find(|account| account.slug == slug_or_id || account.id == slug_or_id)
            .map(change)
            .is_some()
    }

    /// A person deactivates her account, or comes back, by her native id.
    pub fn deactivate(&self, person: &str, inactive: bool) {
        let mut state = self.lock();
        if inactive {
            state.inactive.insert(person.to_owned())
        } else {
            state.inactive.remove(person)
        };
    }

    /// How many units a day YouTube's key may spend from now on.
    pub fn set_units_per_day(&self, units: u64) {
        self.lock().quota = Quota { per_day: units, ..Quota::default() };
    }

    /// Ends a credential with Meta's subcode (463 expired, 460 password changed …), or makes it good again.
    pub fn end_token(&self, token: &str, dead: Option<u16>) -> bool {
        self.lock().tokens.get_mut(token).map(|entry| entry.dead = dead).is_some()
    }

    /// The credential an operator would configure for a platform; Bluesky wants none.
    pub fn token(&self, platform: Platform) -> Option<String> {
        let state = self.lock();
        let wanted = match platform {
            Platform::Facebook | Platform::Instagram => Owner::SystemUser,
            other => Owner::App(other),
        };
        state
            .tokens
            .iter()
            .find(|(_, token)| token.owner == wanted && token.grant.is_first())
            .map(|(value, _)| value.clone())
    }

    /// A page's own credential, by the page's native id.
    pub fn page_token(&self, page: &str) -> Option<String> {
        self.lock().page_token(page)
    }

    /// Every item that a reader with a page's credential should end up with, deleted and withdrawn ones included and marked.
    /// What the platforms count and never give is not in it, nor are Instagram stories older than a day.
    pub fn truth(&self) -> Vec<Truth> {
        let state = self.lock();
        let given = |item: &&Item| !state.is_held(item) && !state.faded(item);
        state.items.iter().filter(given).map(|item| state.truth_of(item)).collect()
    }

    /// As [`World::truth`], for one account by slug or native id.
    pub fn truth_of(&self, slug_or_id: &str) -> Vec<Truth> {
        self.truth().into_iter().filter(|truth| truth.slug == slug_or_id || truth.account == slug_or_id).collect()
    }
}
