//! What X's refusals mean, in words an operator can act on.

use jiff::SignedDuration;

use crate::model::{Exchange, Timestamp};
use crate::platform::Error;
use crate::platform::http::{Verdict, header, told_wait};
use crate::platform::lenient::Body;

/// Reads status and error body. What a lookup says about single posts is the caller's: 200 and 404 are taken.
pub fn judge(exchange: &Exchange, what: &str) -> Verdict {
    let told = Told::of(exchange);
    match exchange.status {
        200..=299 if told.json => Verdict::Take,
        200..=299 => Verdict::Again(format!("{what}: the answer was no JSON, perhaps cut short")),
        404 if told.json => Verdict::Take,
        429 if told.is("usage-capped") || told.is("usage-cap-exceeded") => Verdict::Refuse(capped(exchange, what)),
        429 => Verdict::Refuse(limited(exchange, what)),
        500.. => Verdict::Again(format!("{what}: X answered with trouble of its own (HTTP {})", exchange.status)),
        401 => refuse(format!(
            "{what}: X does not accept the credential (HTTP 401{}); make a new bearer token in the developer portal and \
             write it to the token_file of [platform.x]",
            told.words()
        )),
        402 => refuse(format!(
            "{what}: the X developer account has no credit left (HTTP 402); every call is refused until some is bought"
        )),
        403 => refuse(forbidden(&told, what)),
        status => Verdict::Refuse(Error::Unexpected {
            say: format!(
                "{what}: X refused the request (HTTP {status}{}); [platform.x] field_names may not suit its version",
                told.words()
            ),
        }),
    }
}

/// As [`judge`], for the account behind a credential: an application's token has none.
pub fn own_account(exchange: &Exchange, what: &str) -> Verdict {
    let told = Told::of(exchange);
    if exchange.status == 403 && told.is("unsupported-authentication") {
        return refuse(format!(
            "{what}: the token is an application's own and belongs to no account; it reads every public account: put those \
             of the district into the register"
        ));
    }
    judge(exchange, what)
}

fn refuse(say: String) -> Verdict {
    Verdict::Refuse(Error::Unauthorized { say })
}

fn forbidden(told: &Told, what: &str) -> String {
    let mend = if told.is("client-forbidden") || told.is("client-not-enrolled") {
        "the app must belong to a project whose plan includes this call"
    } else if told.is("unsupported-authentication") {
        "this call wants another kind of credential: the application's own bearer token"
    } else if told.is("usage-capped") {
        "the month's posts are used up"
    } else {
        "look at the app in X's developer portal: its plan, its permissions, and whether it is suspended"
    };
    format!("{what}: X forbids it (HTTP 403{}); {mend}", told.words())
}

/// The monthly cap: waiting a quarter of an hour does not help, so it is tried again a day later.
fn capped(exchange: &Exchange, what: &str) -> Error {
    let until = later(exchange.at, SignedDuration::from_hours(24));
    let say = format!(
        "{what}: the plan's posts for this month are used up; tried again in a day, or raise the cap in X's developer portal"
    );
    Error::RateLimited { until, say }
}

fn limited(exchange: &Exchange, what: &str) -> Error {
    let until = told_wait(exchange).unwrap_or_else(|| later(exchange.at, SignedDuration::from_mins(15)));
    let limit = header(exchange, "x-rate-limit-limit")
        .map(|limit| format!(" ({limit} calls in 15 minutes)"))
        .unwrap_or_default();
    let say = format!(
        "{what}: X's limit is reached{limit}; nothing more is asked before {}",
        until.strftime("%Y-%m-%d %H:%M UTC")
    );
    Error::RateLimited { until, say }
}

fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// X's error bodies come in two shapes; both have a title, some a type.
struct Told {
    json: bool,
    title: Option<String>,
    kinds: Vec<String>,
}

impl Told {
    fn of(exchange: &Exchange) -> Told {
        let body = Body::of(exchange);
        let Some(root) = body.root() else { return Told { json: false, title: None, kinds: Vec::new() } };
        let inner = if root.is_list("errors") { root.objects("errors") } else { Vec::new() };
        let message = inner.iter().find_map(|error| error.str("message"));
        let kinds = inner.iter().chain([&root]).filter_map(|object| object.str("type")).collect();
        Told { json: true, title: message.or_else(|| root.str_of(&["title", "detail"])), kinds }
    }

    /// Whether a type URL ends in this word.
    fn is(&self, word: &str) -> bool {
        self.kinds.iter().any(|kind| kind.rsplit('/').next() == Some(word))
    }

    fn words(&self) -> String {
        let title = self.title.as_deref().unwrap_or_default();
        if title.is_empty() { String::new() } else { format!(": {}", title.chars().take(160).collect::<String>()) }
    }
}
