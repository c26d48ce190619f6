//! Bluesky: the AppView's public methods, everybody's personal data server at the same address, and the PLC directory.

use serde_json::{Value, json};

use super::bskyshow::Show;
use super::cid;
use super::graph;
use super::server::{Ask, Host, Reply};
use super::world::{Form, Item, Person, World};

/// A refusal: a status, a word and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(u16, &'static str, String);

type Answer = Result<Value, Fault>;

/// How deep a thread is shown when nothing is said.
const DEPTH: usize = 6;
/// How deep it is shown at most, whatever is asked for.
const DEEPEST: usize = 10;

/// Answers one call to the AppView or to a personal data server.
pub fn answer(world: &World, ask: &Ask) -> Reply {
    let state = world.lock();
    let show = Show { state: &state, ask };
    let method = ask.path.strip_prefix("/xrpc/").unwrap_or_default();
    if method == "com.atproto.sync.getBlob" {
        return match blob(&show) {
            Ok((mime, bytes)) => Reply::new(200, mime, bytes)
                .with("x-content-type-options", "nosniff")
                .with("content-security-policy", "default-src 'none'; sandbox"),
            Err(fault) => refusal(&fault),
        };
    }
    let answer = match method {
        _ if ask.method != "GET" => Err(invalid(format!("Incorrect HTTP method ({}) expected GET", ask.method))),
        "com.atproto.identity.resolveHandle" => resolve(&show),
        "com.atproto.repo.listRecords" => records(&show),
        "com.atproto.repo.getRecord" => record(&show),
        "com.atproto.sync.getRepoStatus" => status(&show),
        "app.bsky.actor.getProfile" => profile(&show),
        "app.bsky.feed.getAuthorFeed" => feed(&show),
        "app.bsky.feed.getPostThread" => thread(&show),
        "app.bsky.feed.getPosts" => posts(&show),
        "app.bsky.feed.getQuotes" => quotes(&show),
        _ => Err(Fault(501, "MethodNotImplemented", "Method Not Implemented".to_owned())),
    };
    match answer {
        Ok(value) => limited(Reply::json(200, &value), state.now.as_second(), ask.number),
        Err(fault) => limited(refusal(&fault), state.now.as_second(), ask.number),
    }
}

/// What is left of five minutes' calls. It never runs out by itself.
fn limited(reply: Reply, now: i64, number: u64) -> Reply {
    reply
        .with("ratelimit-limit", "3000")
        .with("ratelimit-remaining", (2_999 - number % 1_500).to_string())
        .with("ratelimit-reset", (now - now.rem_euclid(300) + 300).to_string())
        .with("ratelimit-policy", "3000;w=300")
}

fn refusal(Fault(status, error, message): &Fault) -> Reply {
    Reply::json(*status, &json!({ "error": error, "message": message }))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault(400, "InvalidRequest", message.into())
}

/// Answers one call to the PLC directory.
pub fn directory(world: &World, ask: &Ask) -> Reply {
    let state = world.lock();
    let show = Show { state: &state, ask };
    let did = ask.path.trim_matches('/');
    // The document of somebody who has deactivated stays.
    let Some(person) = show.people().into_iter().find(|person| person.id == did) else {
        return Reply::json(404, &json!({ "message": format!("DID not registered: {did}") }));
    };
    let key = format!("zQ3sh{}", super::ids::Dice::of(did).letters(44).replace(['-', '_'], "z"));
    let document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1", "https://w3id.org/security/suites/secp256k1-2019/v1"],
        "id": did, "alsoKnownAs": [format!("at://{}", person.handle)],
        "verificationMethod": [{ "id": format!("{did}#atproto"), "type": "Multikey", "controller": did, "publicKeyMultibase": key }],
        "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": ask.base(Host::Bluesky) }],
    });
    Reply::new(200, "application/did+ld+json", document.to_string().into_bytes())
}

/// A required parameter.
fn required<'a>(show: &Show<'a>, name: &str) -> Result<&'a str, Fault> {
    let method = show.ask.path.trim_start_matches("/xrpc/");
    show.ask.param(name).ok_or_else(|| invalid(format!("Invalid {method} params: Missing required key \"{name}\"")))
}

fn number(show: &Show<'_>, name: &str, default: usize, (least, most): (usize, usize)) -> Result<usize, Fault> {
    let Some(asked) = show.ask.param(name) else { return Ok(default) };
    let method = show.ask.path.trim_start_matches("/xrpc/");
    match asked.parse::<usize>() {
        Ok(number) if number > most => {
            Err(invalid(format!("Invalid {method} params: integer too big (maximum {most}, got {number})")))
        }
        Ok(number) if number < least => {
            Err(invalid(format!("Invalid {method} params: integer too small (minimum {least}, got {number})")))
        }
        Ok(number) => Ok(number),
        Err(_) => Err(invalid(format!("Invalid {method} params: Expected integer value type (got \"{asked}\")"))),
    }
}

fn address<'a>(show: &Show<'a>, name: &str) -> Result<&'a str, Fault> {
    let uri = required(show, name)?;
    let method = show.ask.path.trim_start_matches("/xrpc/");
    let good = uri.starts_with("at://did:") && uri.split('/').count() == 5;
    if good { Ok(uri) } else { Err(invalid(format!("Invalid {method} params: Invalid at-uri (got \"{uri}\")"))) }
}

fn resolve(show: &Show<'_>) -> Answer {
    let handle = required(show, "handle")?;
    match show.actor(handle).filter(|person| person.handle == handle) {
        Some(person) => Ok(json!({ "did": person.id })),
        None => Err(invalid("Unable to resolve handle")),
    }
}

/// Somebody as the AppView knows her.
fn actor(show: &Show<'_>) -> Result<Person, Fault> {
    let person = show.actor(required(show, "actor")?).ok_or_else(|| invalid("Profile not found"))?;
    if show.is_away(&person.id) {
        return Err(Fault(400, "AccountDeactivated", "Account is deactivated".to_owned()));
    }
    Ok(person)
}

fn profile(show: &Show<'_>) -> Answer {
    Ok(show.profile(&actor(show)?))
}

/// The repository that a call to a data server is about: one that is deactivated is not found.
fn repository(show: &Show<'_>) -> Result<Person, Fault> {
    let name = required(show, "repo")?;
    let person = show.actor(name).filter(|person| !show.is_away(&person.id));
    person.ok_or_else(|| invalid(format!("Could not find repo: {name}")))
}

fn records(show: &Show<'_>) -> Answer {
    let person = repository(show)?;
    let collection = required(show, "collection")?;
    let limit = number(show, "limit", 50, (1, 100))?;
    let mut all = show.repository(&person, collection);
    // Newest record key first, unless reversed.
    all.sort_by(|a, b| b.0.cmp(&a.0));
    if show.ask.param("reverse") == Some("true") {
        all.reverse();
    }
    let start = show.ask.param("cursor").and_then(|cursor| all.iter().position(|(uri, _)| uri.ends_with(cursor)));
    let page: Vec<&(String, Value)> = all.iter().skip(start.map_or(0, |at| at + 1)).take(limit).collect();
    let entries = page.iter().map(|(uri, value)| json!({ "uri": uri, "cid": cid::of_record(value), "value": value }));
    let mut body = json!({ "records": entries.collect::<Vec<Value>>() });
    // The key of the last record leads on, even where nothing follows.
    if let Some((uri, _)) = page.last() {
        body["cursor"] = json!(uri.rsplit('/').next());
    }
    Ok(body)
}

fn record(show: &Show<'_>) -> Answer {
    let person = repository(show)?;
    let (collection, rkey) = (required(show, "collection")?, required(show, "rkey")?);
    let uri = format!("at://{}/{collection}/{rkey}", person.id);
    match show.repository(&person, collection).into_iter().find(|(known, _)| *known == uri) {
        Some((uri, value)) => Ok(json!({ "uri": uri, "cid": cid::of_record(&value), "value": value })),
        None => Err(Fault(400, "RecordNotFound", format!("Could not locate record: {uri}"))),
    }
}

fn status(show: &Show<'_>) -> Answer {
    let did = required(show, "did")?;
    let person = show.people().into_iter().find(|person| person.id == did);
    match person {
        None => Err(Fault(400, "RepoNotFound", format!("Could not find repo for DID: {did}"))),
        Some(person) if show.is_away(&person.id) => Ok(json!({ "did": did, "active": false, "status": "deactivated" })),
        Some(_) => Ok(json!({ "did": did, "active": true, "rev": super::ids::tid(show.state.now, 0) })),
    }
}

/// The bytes behind a CID: those of a picture that somebody put into her own repository.
fn blob(show: &Show<'_>) -> Result<(&'static str, Vec<u8>), Fault> {
    let (did, cid) = (required(show, "did")?, required(show, "cid")?);
    if show.is_away(did) {
        return Err(Fault(400, "RepoDeactivated", format!("Repo has been deactivated: {did}")));
    }
    show.blob(Some(did), cid).ok_or_else(|| Fault(400, "BlobNotFound", "Blob not found".to_owned()))
}

/// The AppView's own picture service: `/img/SIZE/plain/DID/CID@jpeg`.
pub fn image(world: &World, ask: &Ask) -> Reply {
    let state = world.lock();
    let show = Show { state: &state, ask };
    let name = ask.path.rsplit('/').next().unwrap_or_default();
    match show.blob(None, name.split('@').next().unwrap_or(name)) {
        Some((mime, bytes)) => Reply::new(200, mime, bytes),
        None => Reply::new(404, "text/plain", b"not found".to_vec()),
    }
}

fn feed(show: &Show<'_>) -> Answer {
    let person = actor(show)?;
    let limit = number(show, "limit", 50, (1, 100))?;
    let filter = show.ask.param("filter").unwrap_or("posts_with_replies");
    let wanted = |item: &&Item| {
        let by = if item.form == Form::Repost { &item.account } else { &item.author.id };
        let kept = match filter {
            "posts_no_replies" => item.parent.is_none(),
            "posts_with_media" => item.form != Form::Repost && !item.media.is_empty(),
            "posts_and_author_threads" => item.parent.is_none() || show.answers_herself(item),
            _ => true,
        };
        *by == person.id && kept
    };
    let mut all: Vec<&Item> = show.given().filter(wanted).collect();
    all.sort_by_key(|item| std::cmp::Reverse(graph::by_time(item)));
    let slice = graph::slice(&all, graph::by_time, true, show.ask.param("cursor"), limit);
    let mut body = json!({ "feed": slice.items.iter().map(|item| show.entry(item)).collect::<Vec<Value>>() });
    if let Some(after) = slice.after.filter(|_| slice.more) {
        body["cursor"] = json!(after);
    }
    Ok(body)
}

fn thread(show: &Show<'_>) -> Answer {
    let uri = address(show, "uri")?;
    let depth = number(show, "depth", DEPTH, (0, 1_000))?.min(DEEPEST);
    let height = number(show, "parentHeight", 80, (0, 1_000))?;
    let Some(item) = show.post(uri) else {
        return Err(Fault(400, "NotFound", format!("Post not found: {uri}")));
    };
    let mut node = show.node(item, depth);
    if let Some(parent) = show.above(item, height) {
        node["parent"] = parent;
    }
    let mut body = json!({ "thread": node });
    let root = item.root.as_deref().and_then(|root| show.state.item(root)).unwrap_or(item);
    if let Some(gate) = show.gate(root) {
        body["threadgate"] = gate;
    }
    Ok(body)
}

/// Posts by their addresses; those that are not there are left out without a word.
fn posts(show: &Show<'_>) -> Answer {
    let uris: Vec<&str> =
        show.ask.query.iter().filter(|(name, _)| name == "uris").map(|(_, uri)| uri.as_str()).collect();
    if uris.is_empty() {
        return Err(invalid("Invalid app.bsky.feed.getPosts params: Missing required key \"uris\""));
    }
    if uris.len() > 25 {
        let message = format!("Invalid app.bsky.feed.getPosts params: array too big (maximum 25, got {})", uris.len());
        return Err(invalid(message));
    }
    Ok(json!({ "posts": uris.iter().filter_map(|uri| show.shown(uri)).collect::<Vec<Value>>() }))
}

/// Nobody in this world quotes; the list is there and empty.
fn quotes(show: &Show<'_>) -> Answer {
    let uri = address(show, "uri")?;
    number(show, "limit", 50, (1, 100))?;
    Ok(json!({ "uri": uri, "posts": [] }))
}
