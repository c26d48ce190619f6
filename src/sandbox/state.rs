//! What the world's state can be asked and told; how new items get their ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;

use super::ids::{self, Dice};
use super::world::{Account, Earlier, Form, Item, Language, Medium, Origin, Owner, Person, Standing, State, Truth};
use super::youtube::Quota;
use crate::model::{Kind, Platform, Timestamp};

impl State {
    pub(super) fn empty(now: Timestamp) -> State {
        let (accounts, items) = (Vec::new(), Vec::new());
        State {
            now,
            accounts,
            items,
            tokens: BTreeMap::new(),
            inactive: BTreeSet::new(),
            quota: Quota::default(),
            site: super::site::pages(),
            made: 0,
            places: HashMap::new(),
        }
    }

    pub fn account(&self, slug_or_id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.slug == slug_or_id || account.id == slug_or_id)
    }

    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.get(*self.places.get(id)?)
    }

    pub fn page_token(&self, page: &str) -> Option<String> {
        let wanted = Owner::Page(page.to_owned());
        self.tokens
            .iter()
            .find(|(_, token)| token.owner == wanted && token.grant.is_first())
            .map(|(value, _)| value.clone())
    }

    /// The items an account's readers are given now: neither deleted, nor withdrawn, nor held, nor under such a one.
    pub fn shown(&self, account: &str) -> Vec<&Item> {
        self.items.iter().filter(|item| item.account == account && self.is_shown(item)).collect()
    }

    /// Everything under a root that is given now, oldest first.
    pub fn thread(&self, root: &str) -> Vec<&Item> {
        let mut found: Vec<&Item> =
            self.items.iter().filter(|item| item.root.as_deref() == Some(root) && self.is_shown(item)).collect();
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        found
    }

    /// How many comments and replies the platform says a root has: held and lost ones too.
    pub fn counted(&self, root: &Item) -> i64 {
        let under = |item: &&Item| item.root.as_deref() == Some(root.id.as_str()) && item.gone_at.is_none();
        i64::try_from(self.items.iter().filter(under).count()).unwrap_or(0) + root.lost_comments
    }

    pub fn is_shown(&self, item: &Item) -> bool {
        let standing = self.standing(item);
        !self.is_held(item) && (standing == Standing::Visible || standing == Standing::Hidden)
    }

    /// Whether an item, or one it hangs under, is counted and never given.
    pub fn is_held(&self, item: &Item) -> bool {
        let above = |item: &&Item| item.parent.as_deref().and_then(|parent| self.item(parent));
        std::iter::successors(Some(item), above).any(|item| item.held)
    }

    pub fn standing(&self, item: &Item) -> Standing {
        let mut withdrawn = false;
        let mut at = Some(item);
        while let Some(here) = at {
            if here.gone_at.is_some() {
                return Standing::Gone;
            }
            // A repost on Bluesky is a record of the account's own: it stands though what it passes on does not.
            let own = here.platform == Platform::Bluesky && here.form == Form::Repost;
            withdrawn |= !own && self.inactive.contains(&here.author.id);
            // What answers a post on X or Bluesky is its author's own, and outlives it.
            if matches!(here.platform, Platform::X | Platform::Bluesky) {
                break;
            }
            at = here.parent.as_deref().and_then(|parent| self.item(parent));
        }
        match (withdrawn, item.hidden) {
            (true, _) => Standing::Withdrawn,
            (false, true) => Standing::Hidden,
            (false, false) => Standing::Visible,
        }
    }

    /// An Instagram story that has run out: nobody is given it any more.
    pub fn faded(&self, item: &Item) -> bool {
        item.form == Form::Story
            && item.platform == Platform::Instagram
            && self.now.duration_since(item.created_at) >= SignedDuration::from_hours(24)
    }

    pub(super) fn truth_of(&self, item: &Item) -> Truth {
        Truth {
            platform: item.platform,
            account: item.account.clone(),
            slug: self.account(&item.account).map(|account| account.slug.clone()).unwrap_or_default(),
            id: item.id.clone(),
            aliases: item.aliases.clone(),
            kind: item.kind,
            origin: item.origin,
            form: item.form,
            parent: item.parent.clone(),
            root: item.root.clone(),
            quotes: item.quotes.clone(),
            picture: item.picture.clone(),
            text: item.text.clone(),
            earlier: item.earlier.iter().map(|earlier| earlier.text.clone()).collect(),
            created_at: item.created_at,
            hidden: item.hidden,
            standing: self.standing(item),
            author: (!item.author_withheld).then(|| item.author.clone()),
            media: item.media.clone(),
            note: item.note,
        }
    }

    /// A number that has not been given before in this world.
    pub(super) fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn push(&mut self, item: Item) {
        for id in [&item.id].into_iter().chain(&item.aliases) {
            self.places.insert(id.clone(), self.items.len());
        }
        self.items.push(item);
    }

    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(&mut Item)) -> bool {
        let place = self.places.get(id).copied();
        place.and_then(|place| self.items.get_mut(place)).map(change).is_some()
    }

    pub fn delete(&mut self, id: &str) -> bool {
        let now = self.now;
        self.change(id, |item| item.gone_at = Some(now))
    }

    /// Replaces a text; on X the edit has an id of its own, elsewhere the id stays.
    pub fn edit(&mut self, id: &str, text: &str) -> bool {
        let (now, sequence) = (self.now, self.next());
        let Some(place) = self.places.get(id).copied() else { return false };
        let Some(item) = self.items.get_mut(place) else { return false };
        let newest = item.aliases.last().filter(|_| item.platform == Platform::X).unwrap_or(&item.id).clone();
        let old = std::mem::replace(&mut item.text, text.to_owned());
        item.earlier.push(Earlier { id: newest, text: old, until: now });
        item.updated_at = now;
        if item.platform == Platform::X {
            let next = ids::snowflake(now, sequence);
            item.aliases.push(next.clone());
            self.places.insert(next, place);
        }
        true
    }

    /// Gives an item its media. Where the platform makes no difference between an item and its one medium, they share the id.
    pub(super) fn attach(&mut self, id: &str, mut media: Vec<Medium>) {
        self.change(id, |item| {
            let one = match item.platform {
                Platform::Facebook => matches!(item.form, Form::LoosePhoto | Form::Reel),
                Platform::Instagram => item.form != Form::Album,
                Platform::Youtube => true,
                Platform::X | Platform::Bluesky => false,
            };
            if let Some(only) = media.first_mut().filter(|_| one) {
                only.id.clone_from(&item.id);
            }
            item.media = media;
        });
    }

    pub fn add_comment(&mut self, parent: &str, author: &str, text: &str) -> Option<String> {
        let now = self.now;
        let parent = self.item(parent)?.clone();
        let author = person(parent.platform, author);
        Some(self.comment(&parent, author, text, now))
    }

    pub fn add_answer(&mut self, parent: &str, text: &str) -> Option<String> {
        let (now, parent) = (self.now, self.item(parent)?.clone());
        let page = self.account(&parent.account)?.as_person();
        Some(self.comment(&parent, page, text, now))
    }

    pub(super) fn add_picture_comment(&mut self, picture: &str, author: &str, text: &str) -> Option<String> {
        let shows = |item: &&Item| item.form == Form::Album && item.media.iter().any(|medium| medium.id == picture);
        let album = self.items.iter().find(shows)?.clone();
        let (now, author) = (self.now, person(album.platform, author));
        Some(self.comment(&Item { picture: Some(picture.to_owned()), ..album }, author, text, now))
    }

    /// Writes a comment or reply at a given moment, with its parent as the platform will tell it.
    pub(super) fn comment(&mut self, under: &Item, author: Person, text: &str, at: Timestamp) -> String {
        let root = under.root.clone().unwrap_or_else(|| under.id.clone());
        let parent = match (under.platform, under.kind) {
            (Platform::X | Platform::Bluesky, _) | (_, Kind::Comment) => under.id.clone(),
            (_, Kind::Reply) => under.parent.clone().unwrap_or_else(|| root.clone()),
            _ => root.clone(),
        };
        let kind = if parent == root { Kind::Comment } else { Kind::Reply };
        let (id, sequence) = (String::new(), self.next());
        let mut item = blank(under.platform, &under.account, id, author, text, at);
        item.picture.clone_from(&under.picture);
        item.id = comment_id(&item, &root, &parent, sequence);
        (item.kind, item.parent, item.root) = (kind, Some(parent), Some(root));
        item.language = under.language;
        let id = item.id.clone();
        self.push(item);
        id
    }

    pub fn add_post(&mut self, slug_or_id: &str, text: &str, form: Form) -> Option<String> {
        let (now, account) = (self.now, self.account(slug_or_id)?.clone());
        Some(self.post(&account, account.as_person(), text, (Origin::Own, form), now))
    }

    /// Somebody else writes on the page itself; the id, or `None` when there is no such account.
    pub fn add_visitor_post(&mut self, slug_or_id: &str, author: &str, text: &str) -> Option<String> {
        let (now, account) = (self.now, self.account(slug_or_id)?.clone());
        let author = person(account.platform, author);
        Some(self.post(&account, author, text, (Origin::Visitor, Form::Status), now))
    }

    /// Writes a root item at a given moment.
    pub(super) fn post(
        &mut self,
        on: &Account,
        author: Person,
        text: &str,
        (origin, form): (Origin, Form),
        at: Timestamp,
    ) -> String {
        let sequence = self.next();
        let mut item = blank(on.platform, &on.id, String::new(), author, text, at);
        (item.origin, item.form, item.language) = (origin, form, on.language);
        item.kind = match (form, on.platform) {
            (Form::Story, _) => Kind::Story,
            (Form::Reel | Form::Video, _) | (_, Platform::Youtube) => Kind::Video,
            _ => Kind::Post,
        };
        (item.id, item.aliases) = root_ids(&item, sequence);
        let id = item.id.clone();
        self.push(item);
        id
    }
}

impl Account {
    /// The account as the author of what it posts.
    pub fn as_person(&self) -> Person {
        Person { id: self.id.clone(), name: self.name.clone(), handle: self.handle.clone() }
    }
}

/// A member of the public on one platform; the same name is the same person there.
pub fn person(platform: Platform, name: &str) -> Person {
    let mut dice = Dice::of(&format!("person {platform} {name}"));
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let handle = format!("{plain}{}", dice.below(90) + 10);
    let (id, handle) = match platform {
        Platform::Facebook => (dice.digits(17), handle),
        Platform::Instagram => (format!("1784{}", dice.digits(13)), handle),
        Platform::X => (dice.digits(10), handle),
        Platform::Youtube => (format!("UC{}", dice.letters(22)), format!("@{handle}")),
        Platform::Bluesky => (format!("did:plc:{}", dice.base32(24)), format!("{handle}.bsky.mesavista.example.org")),
    };
    Person { id, name: name.to_owned(), handle }
}

fn blank(platform: Platform, account: &str, id: String, author: Person, text: &str, at: Timestamp) -> Item {
    Item {
        platform,
        account: account.to_owned(),
        id,
        aliases: Vec::new(),
        kind: Kind::Post,
        origin: Origin::Own,
        form: Form::Status,
        parent: None,
        root: None,
        quotes: None,
        picture: None,
        author,
        author_withheld: false,
        text: text.to_owned(),
        earlier: Vec::new(),
        created_at: at,
        updated_at: at,
        hidden: false,
        gone_at: None,
        held: false,
        media: Vec::new(),
        link: None,
        application: None,
        reactions: 0,
        shares: 0,
        comments_off: false,
        lost_comments: 0,
        language: Language::English,
        note: None,
        captioned: false,
    }
}

/// The id of a root and what else the platform calls it.
fn root_ids(item: &Item, sequence: u64) -> (String, Vec<String>) {
    let mut dice = Dice::of(&format!("root {} {} {sequence}", item.platform, item.account));
    let number = dice.digits(11);
    match item.platform {
        Platform::Facebook => {
            let page = if item.origin == Origin::Tagged { &item.author.id } else { &item.account };
            let story = format!("{page}_12{number}{:03}", sequence % 1000);
            match item.form {
                Form::Reel => (format!("33{number}{:03}", sequence % 1000), vec![story]),
                Form::LoosePhoto => (format!("44{number}{:03}", sequence % 1000), vec![]),
                Form::Story => {
                    let short = story.rsplit('_').next().unwrap_or_default().to_owned();
                    (story, vec![short])
                }
                _ => (story, vec![]),
            }
        }
        Platform::Instagram => (format!("1790{number}{:03}", sequence % 1000), vec![]),
        Platform::X => (ids::snowflake(item.created_at, sequence), vec![]),
        Platform::Youtube => (dice.letters(11), vec![]),
        Platform::Bluesky => {
            let (by, collection) = match item.form {
                // To pass something on is an act of the account, with a record of its own.
                Form::Repost => (&item.account, "app.bsky.feed.repost"),
                _ => (&item.author.id, "app.bsky.feed.post"),
            };
            (format!("at://{by}/{collection}/{}", ids::tid(item.created_at, sequence)), vec![])
        }
    }
}

fn comment_id(item: &Item, root: &str, parent: &str, sequence: u64) -> String {
    let mut dice = Dice::of(&format!("comment {} {root} {sequence}", item.platform));
    match item.platform {
        Platform::Facebook => {
            let object = item.picture.as_deref().or(root.rsplit('_').next()).unwrap_or(root);
            format!("{object}_{}{:04}", dice.digits(11), sequence % 10_000)
        }
        Platform::Instagram => format!("1786{}{:03}", dice.digits(10), sequence % 1000),
        Platform::X => ids::snowflake(item.created_at, sequence),
        Platform::Youtube if parent == root => format!("Ug{}4AaABAg", dice.letters(17)),
        Platform::Youtube => format!("{parent}.{}", dice.letters(22)),
        Platform::Bluesky => {
            format!("at://{}/app.bsky.feed.post/{}", item.author.id, ids::tid(item.created_at, sequence))
        }
    }
}
