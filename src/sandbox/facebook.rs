//! The Graph API's Facebook half: pages, posts, comments, photos, albums, reels, stories, as version 26.0 gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::graph::{self, Caller, Fault, Field};
use super::server::{Ask, Reply};
use super::world::{Account, Form, Item, Medium, Owner, State, World};
use super::{fbnode, grant, instagram};
use crate::model::Platform;

/// One call, and the world as it stands while it is answered.
pub(super) struct View<'a> {
    pub state: &'a State,
    pub ask: &'a Ask,
    pub caller: Caller,
}

/// Anything with an id on the Graph.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    User,
    Page(&'a Account),
    Post(&'a Item),
    Comment(&'a Item),
    Photo(&'a Item, &'a Medium),
    /// A reel, or the film of a video post.
    Video(&'a Item, &'a Medium),
    Album(&'a Account, Option<&'a Item>),
    Instagram(&'a Account),
    Media(&'a Item),
    Child(&'a Item, &'a Medium),
    Remark(&'a Item),
}

pub(super) type Params = BTreeMap<String, String>;

/// Answers one call to the Graph.
pub fn answer(world: &World, ask: &Ask) -> Reply {
    let mut state = world.lock();
    let path = ask.path.trim_matches('/');
    let path = graph::version(ask).map_or(path, |version| path[version.len()..].trim_start_matches('/'));
    if path == "oauth/access_token" {
        return graph::reply(ask, None, grant::exchange(&mut state, ask));
    }
    if path == "refresh_access_token" {
        return graph::reply(ask, None, grant::refresh(&mut state, ask));
    }
    if path == "debug_token" {
        let token = ask.param("input_token").unwrap_or_default();
        return graph::reply(ask, None, grant::debugger(&state, ask).map(|()| grant::debug(&state, token)));
    }
    let caller = match graph::caller(&state, ask) {
        Ok(caller) => caller,
        Err(fault) => return graph::reply(ask, None, Err(fault)),
    };
    let view = View { state: &state, ask, caller };
    let answer = if ask.method == "GET" { view.read(path) } else { Err(unsupported(&ask.method)) };
    graph::reply(ask, Some(&view.caller), answer)
}

/// The archive only reads; a sandbox that let it write would hide a mistake.
fn unsupported(method: &str) -> Fault {
    Fault {
        kind: "GraphMethodException",
        ..Fault::new(400, 100, format!("Unsupported {} request.", method.to_lowercase()))
    }
}

impl<'a> View<'a> {
    fn read(&self, path: &str) -> Result<Value, Fault> {
        let mut segments = path.split('/');
        let (id, edge) = (segments.next().unwrap_or_default(), segments.next());
        let params: Params = self.ask.query.iter().rev().cloned().collect();
        let asked = self.ask.param("fields").unwrap_or_default();
        let fields = graph::fields(asked).ok_or_else(|| {
            Fault::new(
                400,
                2500,
                format!("Syntax error \"Expected end of string instead of \"{{\".\" at character {}", asked.len()),
            )
        })?;
        match (id, edge) {
            ("", None) => self.many(&params, &fields),
            (id, None) => self.node(self.find(id)?, &fields),
            (id, Some(edge)) => self.edge(self.find(id)?, edge, &params, &fields),
        }
    }

    /// Several nodes at once: one bad id fails the whole call.
    fn many(&self, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
        let Some(ids) = params.get("ids") else {
            return Err(Fault::new(
                400,
                2500,
                "An active access token must be used to query information about the current user.",
            ));
        };
        let mut out = Map::new();
        for id in ids.split(',').map(str::trim) {
            let missing =
                || Fault::new(404, 803, format!("(#803) Some of the aliases you requested do not exist: {id}"));
            out.insert(id.to_owned(), self.node(self.find(id).map_err(|_| missing())?, fields)?);
        }
        Ok(Value::Object(out))
    }

    /// What an id stands for, as far as the caller may see it.
    fn find(&self, id: &str) -> Result<Node<'a>, Fault> {
        if id == "me" || id == Node::User.id() {
            return match &self.caller.owner {
                Owner::Page(page) => {
                    self.state.account(page).map(Node::Page).ok_or_else(|| Fault::missing(id, "GraphMethodException"))
                }
                _ => Ok(Node::User),
            };
        }
        let node = self.look_up(id).ok_or_else(|| Fault::missing(id, "GraphMethodException"))?;
        self.allowed(node, id)?;
        Ok(node)
    }

    fn look_up(&self, id: &str) -> Option<Node<'a>> {
        let account =
            |account: &&Account| account.id == id || (account.platform == Platform::Facebook && account.handle == id);
        if let Some(account) = self.state.accounts.iter().find(account) {
            return match account.platform {
                Platform::Facebook => Some(Node::Page(account)),
                Platform::Instagram => Some(Node::Instagram(account)),
                _ => None,
            };
        }
        self.album(id).or_else(|| self.item(id)).or_else(|| self.medium(id))
    }

    fn album(&self, id: &str) -> Option<Node<'a>> {
        let page = |item: &Item| self.state.account(&item.account);
        let timeline =
            |account: &&Account| account.platform == Platform::Facebook && fbnode::album_id(account, None) == id;
        let timeline = self.state.accounts.iter().find(timeline).map(|account| Node::Album(account, None));
        timeline.or_else(|| {
            let albums = self.visible(|item| item.platform == Platform::Facebook && item.form == Form::Album);
            albums.into_iter().find_map(|item| {
                let account = page(item)?;
                (fbnode::album_id(account, Some(item)) == id).then_some(Node::Album(account, Some(item)))
            })
        })
    }

    fn item(&self, id: &str) -> Option<Node<'a>> {
        let named = |item: &Item| item.id == id || item.aliases.iter().any(|alias| alias == id) || short(item, id);
        let item = self.visible(named).into_iter().next()?;
        match (item.platform, item.parent.is_some(), item.form) {
            (Platform::Facebook, true, _) => Some(Node::Comment(item)),
            (Platform::Facebook, _, Form::LoosePhoto) => Some(Node::Photo(item, item.media.first()?)),
            (Platform::Facebook, _, Form::Reel) if item.id == id => Some(Node::Video(item, item.media.first()?)),
            (Platform::Facebook, ..) => Some(Node::Post(item)),
            (Platform::Instagram, true, _) => Some(Node::Remark(item)),
            (Platform::Instagram, ..) if !self.state.faded(item) => Some(Node::Media(item)),
            _ => None,
        }
    }

    fn medium(&self, id: &str) -> Option<Node<'a>> {
        let items = self.visible(|item| item.media.iter().any(|medium| medium.id == id));
        let item = items.into_iter().next()?;
        let medium = item.media.iter().find(|medium| medium.id == id)?;
        match (item.platform, item.form) {
            (Platform::Facebook, Form::Video | Form::Reel) => Some(Node::Video(item, medium)),
            (Platform::Facebook, _) => Some(Node::Photo(item, medium)),
            (Platform::Instagram, _) => Some(Node::Child(item, medium)),
            _ => None,
        }
    }

    /// Shown items of the Graph's platforms that meet a condition, oldest first.
    pub(super) fn visible(&self, condition: impl Fn(&Item) -> bool) -> Vec<&'a Item> {
        let meant = |item: &&Item| condition(item) && self.state.is_shown(item);
        let mut found: Vec<&'a Item> = self.state.items.iter().filter(meant).collect();
        found.sort_by_key(graph::by_time);
        found
    }

    /// A page's token opens that page and its Instagram account; the system user's opens all. An unpublished page is closed.
    fn allowed(&self, node: Node<'a>, id: &str) -> Result<(), Fault> {
        let account = match node {
            Node::User => return Ok(()),
            Node::Page(account) | Node::Instagram(account) | Node::Album(account, _) => Some(account),
            Node::Post(item) | Node::Comment(item) | Node::Photo(item, _) | Node::Video(item, _) => {
                self.state.account(&item.account)
            }
            Node::Media(item) | Node::Child(item, _) | Node::Remark(item) => self.state.account(&item.account),
        };
        let Some(account) = account.filter(|account| account.published) else {
            return Err(Fault::missing(id, "GraphMethodException"));
        };
        if self.caller.owner.is_somebody()
            && account.platform == Platform::Facebook
            && !self.caller.grant.has(&account.id)
        {
            return Err(Fault::missing(id, "GraphMethodException"));
        }
        match &self.caller.owner {
            Owner::Page(page) if *page == account.id || account.linked.as_ref() == Some(page) => Ok(()),
            Owner::Page(_) if matches!(node, Node::Page(_)) => Ok(()),
            Owner::Page(_) => Err(Fault::permission("pages_read_engagement")),
            Owner::SystemUser | Owner::User => Ok(()),
            Owner::App(_) => Err(Fault::dead(0)),
        }
    }

    /// A node with the fields asked for, or with the few it has by default. The id always comes.
    pub(super) fn node(&self, node: Node<'a>, fields: &[Field]) -> Result<Value, Fault> {
        let full = match node {
            Node::Instagram(_) | Node::Media(_) | Node::Child(..) | Node::Remark(_) => instagram::full(self, node),
            _ => fbnode::full(self, node),
        };
        let names: Vec<Field> = if fields.is_empty() {
            node.defaults().iter().map(|&name| Field { name: name.to_owned(), ..Field::default() }).collect()
        } else {
            fields.to_vec()
        };
        let mut out = Map::new();
        for field in &names {
            if let Some(value) = full.get(&field.name) {
                out.insert(field.key().to_owned(), graph::select(value.clone(), &field.sub));
            } else if node.edges().contains(&field.name.as_str()) {
                let params = field.arguments.iter().cloned().collect();
                let value = self.edge(node, &field.name, &params, &field.sub)?;
                out.insert(field.key().to_owned(), value);
            } else if !node.known().contains(&field.name.as_str()) {
                return Err(Fault::field(&field.name, node.type_name()));
            }
        }
        // A comment has no id to show to who may not moderate.
        if let Some(id) = full.get("id").filter(|_| !out.contains_key("id")) {
            out.insert("id".to_owned(), id.clone());
        }
        Ok(Value::Object(out))
    }

    pub(super) fn edge(&self, node: Node<'a>, edge: &str, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
        if !node.edges().contains(&edge) {
            return Err(Fault::field(edge, node.type_name()));
        }
        match node {
            Node::Instagram(_) | Node::Media(_) | Node::Child(..) | Node::Remark(_) => {
                instagram::edge(self, node, edge, params, fields)
            }
            _ => fbnode::edge(self, node, edge, params, fields),
        }
    }

    /// A page of nodes under an edge.
    pub(super) fn list<T: Clone>(
        &self,
        (node, edge, params): (Node<'a>, &str, &Params),
        slice: &graph::Slice<T>,
        show: impl Fn(&T) -> Result<Value, Fault>,
    ) -> Result<Map<String, Value>, Fault> {
        let data = slice.items.iter().map(show).collect::<Result<Vec<Value>, Fault>>()?;
        Ok(graph::page(self.ask, &self.caller.token, (&node.id(), edge, params), slice, data))
    }
}

/// A comment may be asked for by the last part of its id alone.
fn short(item: &Item, id: &str) -> bool {
    item.platform == Platform::Facebook && item.parent.is_some() && item.id.rsplit('_').next() == Some(id)
}
