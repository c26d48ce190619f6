//! The words of a mail to an owner: what is not as it should be, what to click, what to paste, and how to answer.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::super::{CHECKS, Check};
use super::spanish;
use crate::config::Config;
use crate::db::accounts::{Account, Registration};
use crate::mail::{self, Message};
use crate::model::{AccountStatus, Timestamp};
use crate::seal;
use crate::text::dates;
use crate::text::letter::{Letter, Mark, count};

/// One thing to mend.
pub(super) struct Thing<'t> {
    pub check: &'static Check,
    pub what: &'t str,
    /// When the owner said that it is done, and when it was seen to fail again.
    pub said_done: Option<(Timestamp, Timestamp)>,
}

/// A page and what it wants.
pub(super) struct PageOf<'t> {
    pub account: &'t Account,
    /// Where she answers.
    pub link: String,
    pub things: Vec<Thing<'t>>,
}

/// A mail to one owner on all her pages.
pub(super) struct Words<'w> {
    pub config: &'w Config,
    pub pages: Vec<PageOf<'w>>,
    pub mark: Mark,
    /// She was mailed about every one of them before.
    pub is_reminder: bool,
    pub now: Timestamp,
}

pub(super) struct Written {
    pub subject: String,
    pub letter: Letter,
}

impl Words<'_> {
    pub fn write(&self) -> Written {
        let subject = self.subject();
        let mut letter = Letter::new(&subject);
        if let Some(notice) = self.mark.notice() {
            letter.notice(notice);
        }
        self.english(&mut letter);
        if self.pages.iter().any(|page| wants_spanish(page.account)) {
            letter.language("es");
            self.spanish(&mut letter);
        }
        Written { subject: self.mark.subject(&subject), letter }
    }

    /// *Your page Mesa Vista High (Facebook): 2 things to fix*
    fn subject(&self) -> String {
        let reminder = if self.is_reminder { "Reminder: " } else { "" };
        let things = format!("{} to fix", count(self.things(), "thing", "things"));
        match &self.pages[..] {
            [page] => format!("{reminder}Your page {}: {things}", page.account.title()),
            pages => format!("{reminder}Your pages: {things} on {} pages", pages.len()),
        }
    }

    fn things(&self) -> u64 {
        self.pages.iter().map(|page| page.things.len() as u64).sum()
    }

    fn english(&self, letter: &mut Letter) {
        let district = &self.config.district.name;
        let named = self.name().map_or_else(String::new, |name| format!("{name}, "));
        let (you, what) = if named.is_empty() { ("You", "") } else { ("you", named.as_str()) };
        let pages = match &self.pages[..] {
            [page] => format!("the page {} of {district}", page.account.title()),
            _ => format!("the following pages of {district}"),
        };
        letter.paragraph(format!(
            "{what}{you} are listed as the owner of {pages}. The audit against the district's guidelines found {} to fix. It takes \
             about 5 minutes.",
            count(self.things(), "thing", "things")
        ));
        for page in &self.pages {
            if self.pages.len() > 1 {
                letter.heading(page.account.title());
            }
            for thing in &page.things {
                self.thing(letter, thing);
            }
            letter.link("Done · I need help · This is not my page", &page.link);
        }
        letter.quiet(
            "The link works for 30 days and without signing in. It opens a page with these three buttons; opening it changes nothing.",
        );
        letter
            .quiet("We check again by ourselves. We never ask for a password; the IT help desk can confirm this mail.");
    }

    fn thing(&self, letter: &mut Letter, thing: &Thing<'_>) {
        let check = thing.check;
        let again = thing.said_done.map_or_else(String::new, |(said, seen)| {
            let day = |at| dates::day(at, self.now, &self.config.time_zone);
            format!(" You answered on {} that it is done; on {} it was still so.", day(said), day(seen))
        });
        let what = thing.what.trim_end_matches('.');
        let text = self.to_paste(check, "en");
        let act = match (check.id, &text) {
            ("emergency", Some(_)) => "Edit the page's About text and paste this",
            _ => check.act.trim_end_matches('.'),
        };
        letter.item(format!("Asked ({}): {}. Now: {what}.{again} What to do: {act}.", check.clause, check.title));
        text.into_iter().for_each(|text| letter.paste(text));
    }

    fn spanish(&self, letter: &mut Letter) {
        let district = &self.config.district.name;
        let named = self.name().map_or_else(|| "Usted".to_owned(), |name| format!("{name}: usted"));
        let pages = match &self.pages[..] {
            [page] => format!("la página {} de {district}", page.account.title()),
            _ => format!("las siguientes páginas de {district}"),
        };
        letter.paragraph(format!(
            "{named} figura como responsable de {pages}. La revisión según las normas del distrito encontró {} por corregir. Toma unos \
             5 minutos.",
            count(self.things(), "cosa", "cosas")
        ));
        for page in &self.pages {
            if self.pages.len() > 1 {
                letter.heading(page.account.title());
            }
            for thing in &page.things {
                let (title, act) = spanish::of(thing.check.id).unwrap_or((thing.check.title, thing.check.act));
                let again = if thing.said_done.is_some() {
                    " Usted respondió que ya está listo, pero la última revisión encontró que sigue igual."
                } else {
                    ""
                };
                letter.item(format!("Se pide ({}): {title}.{again} Qué hacer: {act}.", thing.check.clause));
                self.to_paste(thing.check, "es").into_iter().for_each(|text| letter.paste(text));
            }
            letter.link("Listo · Necesito ayuda · Esta página no es mía", &page.link);
        }
        letter.quiet(
            "El enlace funciona por 30 días y sin iniciar sesión. Abre una página con estos tres botones; abrirla no cambia nada.",
        );
        letter.quiet(
            "Nosotros volvemos a revisar. Nunca pedimos contraseñas; el servicio de ayuda de informática puede confirmar este correo.",
        );
    }

    fn name(&self) -> Option<&str> {
        self.pages.iter().map(|page| page.account.row.owner_name.as_str()).find(|name| !name.is_empty())
    }

    /// What the check wants on the page, in the district's own words: its expectations whole, or what they say of an emergency.
    /// In Spanish only what there is in Spanish: the rest stands above.
    fn to_paste(&self, check: &Check, language: &str) -> Option<String> {
        let own = expectations(&self.config.policy.comment_expectations, language);
        match check.id {
            "expectations" => {
                let link = self.config.audit.expectations_url.iter().filter(|_| language == "en").cloned();
                Some(link.chain(own).collect::<Vec<_>>().join("\n\n")).filter(|text| !text.is_empty())
            }
            "emergency" => own.and_then(|text| of_emergency(&text)).or_else(|| {
                let words = "Esta página no se vigila las 24 horas. En una emergencia llame al 911; en una crisis llame o envíe un \
                             mensaje de texto al 988.";
                (language == "es").then(|| words.to_owned())
            }),
            _ => None,
        }
    }
}

/// The file in a language, by its name (`expectations.es.txt`); for English else the first one. Lines of a paragraph are joined: the
/// page that it is pasted into breaks them itself.
fn expectations(files: &[PathBuf], language: &str) -> Option<String> {
    let named = |file: &&PathBuf| {
        file.file_stem().and_then(|stem| Path::new(stem).extension()).is_some_and(|word| word == language)
    };
    let file = files.iter().find(named).or_else(|| files.first().filter(|_| language == "en"))?;
    Some(joined(&std::fs::read_to_string(file).ok()?))
}

fn joined(text: &str) -> String {
    let paragraph = |text: &str| {
        let mut out = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let breaks = line.starts_with(['-', '•', '*']);
            if !out.is_empty() {
                out.push(if breaks { '\n' } else { ' ' });
            }
            out.push_str(line);
        }
        out
    };
    let unix = text.replace("\r\n", "\n");
    unix.split("\n\n").map(paragraph).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The paragraph that names both numbers.
fn of_emergency(text: &str) -> Option<String> {
    text.split("\n\n").find(|text| text.contains("911") && text.contains("988")).map(str::to_owned)
}

fn wants_spanish(account: &Account) -> bool {
    account.row.extra.get("owner_language").is_some_and(|language| language.trim().eq_ignore_ascii_case("es"))
}

/// A sample for `mail test`, marked *test*, from an invented page.
pub fn sample(to: &str, config: &Config, now: Timestamp) -> Message {
    let account = sample_account(now);
    let thing = |id: &str, what: &'static str| {
        let check = CHECKS.iter().find(|check| check.id == id).unwrap_or(&CHECKS[0]);
        Thing { check, what, said_done: None }
    };
    let things = vec![
        thing("visitor_posts", "visitors may post on it"),
        thing("emergency", "it leaves out: that nobody watches it around the clock, 911, 988"),
    ];
    let page = PageOf { account: &account, link: config.link("/answer/sample"), things };
    let words = Words { config, pages: vec![page], mark: Mark::Test, is_reminder: false, now };
    let written = words.write();
    Message {
        to: to.to_owned(),
        subject: written.subject,
        text: written.letter.text(),
        html: written.letter.html(),
        important: false,
        message_id: message_id(config, to, &[format!("test {now}")]),
        kind: mail::Kind::Ticket,
        date: now,
    }
}

/// An invented page with an owner.
pub(super) fn sample_account(now: Timestamp) -> Account {
    let row = Registration {
        slug: "sample-high".into(),
        platform: "facebook".into(),
        name: "Sample High".into(),
        owner_name: "Dana Whitfield".into(),
        owner_email: "dana.whitfield@mesavista.example.org".into(),
        ..Registration::default()
    };
    Account {
        id: 1,
        row,
        status: AccountStatus::Active,
        added_at: now - SignedDuration::from_hours(24),
        trouble: None,
        trouble_since: None,
        parked_until: None,
    }
}

/// The same for the same mail, however often it is made.
pub(super) fn message_id(config: &Config, to: &str, what: &[String]) -> String {
    let digest = seal::sha256(format!("ticket\n{to}\n{}", what.join("\n")).as_bytes());
    format!("<ticket-{}@{}>", hex::encode(&digest[..8]), config.mail_domain())
}
