//! `demo`: the whole job on a fictional district, over real HTTP on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use super::harvest::{everything, line};
use super::{Exit, print, serve};
use crate::app::App;
use crate::audit::attest::{self, Saying};
use crate::audit::topics;
use crate::config::Config;
use crate::db::accounts::{self, Registration};
use crate::db::attestations::Answer;
use crate::db::{flags, users};
use crate::harvest::Request;
use crate::mail::Mailer;
use crate::model::{Clock, Mode, Platform, Timestamp};
use crate::sandbox::world::Owner;
use crate::sandbox::{Account, Sandbox, World};
use crate::{alert, audit, jobs, outbox, web, weekly};

/// The packs and texts that ship with the program: the demo needs no file but the program itself.
pub const SHIPPED: &[(&str, &str)] = &[
    ("rules/abuse.toml", include_str!("../../config/rules/abuse.toml")),
    ("rules/accusations.toml", include_str!("../../config/rules/accusations.toml")),
    ("rules/claims.toml", include_str!("../../config/rules/claims.toml")),
    ("rules/conduct.toml", include_str!("../../config/rules/conduct.toml")),
    ("rules/exploitation.toml", include_str!("../../config/rules/exploitation.toml")),
    ("rules/harassment.toml", include_str!("../../config/rules/harassment.toml")),
    ("rules/hate.toml", include_str!("../../config/rules/hate.toml")),
    ("rules/obscenity.toml", include_str!("../../config/rules/obscenity.toml")),
    ("rules/phishing.toml", include_str!("../../config/rules/phishing.toml")),
    ("rules/political.toml", include_str!("../../config/rules/political.toml")),
    ("rules/privacy.toml", include_str!("../../config/rules/privacy.toml")),
    ("rules/self_harm.toml", include_str!("../../config/rules/self_harm.toml")),
    ("rules/spelling.toml", include_str!("../../config/rules/spelling.toml")),
    ("rules/threats.toml", include_str!("../../config/rules/threats.toml")),
    ("rules/words.toml", include_str!("../../config/rules/words.toml")),
    ("approvals.csv", include_str!("../../config/approvals.csv")),
    ("site-pages.txt", include_str!("../../config/site-pages.txt")),
    ("elections.toml", include_str!("../../config/elections.toml")),
    ("expectations.en.txt", include_str!("../../config/expectations.en.txt")),
    ("law/california.toml", include_str!("../../config/law/california.toml")),
    ("policy.toml", include_str!("../../config/policy.toml")),
];

/// Show the whole job on a fictional district.
///
/// Starts small copies of the platforms on loopback, makes an archive, harvests, flags, renders the weekly report and serves
/// it. The pages go on changing. Stop with Ctrl-C.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the archive is made; a fresh temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the web pages are served.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Do it all once without serving, print a summary and end.
    #[arg(long)]
    once: bool,
}

/// How often the pages change before the second look.
const CHANGES: u32 = 12;

/// How often they change while the demo serves.
const CHANGE_EVERY: Duration = Duration::from_secs(10);

impl Demo {
    pub async fn run(self) -> Result<Exit> {
        let dir = self.dir.clone().map_or_else(fresh_folder, Ok)?;
        let clock = Clock::System;
        let world = World::mesa_vista(clock.now());
        let sandbox = Sandbox::start(world).await?;
        let file = settle(&dir, &sandbox, &self.listen)?;
        eprintln!("Archive and mails: {}", dir.display());
        eprintln!("Its config:        {}", file.display());
        let config = Config::load(&file)?;
        App::init(&config, clock.now())?;
        let app = Arc::new(App::open(config, clock)?);
        register(&app, &sandbox).await?;
        people(&app).await?;
        first_looks(&app).await?;
        for _ in 0..CHANGES {
            sandbox.world().tick(app.clock.now());
        }
        eprintln!("\nThe pages have changed; a second look:");
        look(&app, Mode::Revisit, true).await?;
        look(&app, Mode::Recent, false).await?;
        mails(&app).await?;
        summary(&app)?;
        if !self.once {
            self.serve(app, sandbox).await?;
        }
        Ok(Exit::Done)
    }

    /// Serves until Ctrl-C, while the pages go on changing.
    async fn serve(&self, app: Arc<App>, sandbox: Sandbox) -> Result<()> {
        let _lock = serve::only_one(&app)?;
        let token = web::SignIn::new_token()?;
        let listener = serve::bind(&app).await?;
        print("")?;
        print(format!("Open     {}", app.config.web.public_url))?;
        print(format!("Sign in  {}  as anybody of the list there", token.reveal()))?;
        print("The pages go on changing; Ctrl-C stops.")?;
        let clock = app.clock.clone();
        let changing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(CHANGE_EVERY).await;
                sandbox.world().tick(clock.now());
            }
        });
        let sign_in = web::SignIn::open(&app.config)?.for_demo(&token);
        let served = serve::serve(app, listener, sign_in).await;
        changing.abort();
        served
    }
}

fn fresh_folder() -> Result<PathBuf> {
    let name = format!("pagekeeper-demo-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
    Ok(dir)
}

/// Writes config, packs and credentials for an archive of a sandbox's pages in `dir`, and gives the config's path: for the demo
/// and for tests that want a whole archive.
pub fn settle(dir: &Path, sandbox: &Sandbox, listen: &str) -> Result<PathBuf> {
    for (name, text) in SHIPPED {
        let file = dir.join("config").join(name);
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(&file, text)?;
    }
    let secrets = dir.join("credentials");
    fs::create_dir_all(&secrets)?;
    for (token, standing) in sandbox.world().lock().tokens.clone() {
        let name = match standing.owner {
            Owner::SystemUser => "meta",
            Owner::App(Platform::X) => "x",
            Owner::App(Platform::Youtube) => "youtube",
            _ => continue,
        };
        fs::write(secrets.join(name), token)?;
    }
    fs::write(secrets.join("meta-app"), crate::sandbox::APP_SECRET)?;
    let file = dir.join("pagekeeper.toml");
    fs::write(&file, config_text(dir, sandbox, listen))?;
    Ok(file)
}

fn config_text(dir: &Path, sandbox: &Sandbox, listen: &str) -> String {
    let base = |platform| sandbox.base_url(platform);
    format!(
        r#"# The demo's configuration: a fictional district, its platforms on loopback.
data_dir = "{dir}/data"
time_zone = "America/Los_Angeles"

[district]
name = "Mesa Vista Unified School District"
official_numbers = ["760-555-0100", "760-555-0101", "760-555-0102"]
official_addresses = ["4100 Ocotillo Way"]
domains = ["mesavista.example.org"]

[policy]
clauses = "config/policy.toml"
comment_expectations = ["config/expectations.en.txt"]
elections = "config/elections.toml"

[law]
safety_basis = "counsel"
basis_date = "2026-08-11"
basis_reference = "Board resolution 2026-31 (invented)"
notice_date = "2026-08-18"
recorded_by = "District administrator"
file = "config/law/california.toml"

[concerns]
child_abuse_hotline = {{ name = "County child abuse hotline", number = "760-555-0160", verified_on = "2026-09-01" }}
law_enforcement = {{ name = "County sheriff", number = "760-555-0161", verified_on = "2026-09-01" }}
crisis_team = {{ name = "District crisis team", number = "760-555-0162", verified_on = "2026-09-01" }}

[ledger]
origin = "mesavista.example.org/pages"
checkpoint_dir = "checkpoints"

[web]
listen = "{listen}"
public_url = "http://{listen}"

[mail]
transport = "file"
dir = "mails"
from = "pagekeeper@mesavista.example.org"
administrator = "it@mesavista.example.org"

[weekly]
recipients = [{{ address = "superintendent@mesavista.example.org" }}]

[alerts]
recipients = [{{ address = "safety@mesavista.example.org" }}]
escalate_to = ["superintendent@mesavista.example.org"]

[audit]
approved_admins = ["Dolores Whitcomb", "Priya Ramanathan"]
approved_applications = ["Meta Business Suite"]
visitor_posts = false
profanity_filter = ["Medium", "Strong"]
age_gate = ["Anyone (13+)"]
expectations_url = "https://mesavista.example.org/social-media"
site_base = "{site}"
site_list = "config/site-pages.txt"
approvals = "config/approvals.csv"
page_words = ["condor", "ocotillo"]
system_user = true
accessible_from = 2026-09-01
settings = {{ USERS_CAN_TAG_PHOTOS = "false", REVIEW_POSTS_BY_OTHER = "true" }}

[rules]
dir = "config/rules"

[jobs]
harvest = "*/20 * * * * *"
revisit = "0 * * * * *"
alerts = "*/10 * * * * *"

[media]
allowed_hosts = ["127.0.0.1"]

[platform.facebook]
enabled = true
api_base = "{graph}"
token_file = "credentials/meta"
app_id = "{app_id}"
app_secret_file = "credentials/meta-app"
requests_per_minute = 6000

[platform.instagram]
enabled = true
api_base = "{graph}"
token_file = "credentials/meta"
app_id = "{app_id}"
app_secret_file = "credentials/meta-app"
requests_per_minute = 6000

[platform.x]
enabled = true
api_base = "{x}"
token_file = "credentials/x"
acknowledged_by = "District counsel (invented)"
acknowledged_on = "2026-08-20"
plan = "enterprise"
requests_per_minute = 6000

[platform.youtube]
enabled = true
api_base = "{youtube}"
api_key_file = "credentials/youtube"
units_per_day = 10000
requests_per_minute = 6000

[platform.bluesky]
enabled = true
api_base = "{bluesky}"
directory_base = "{directory}"
requests_per_minute = 6000
"#,
        dir = dir.display(),
        graph = base(Platform::Facebook),
        x = base(Platform::X),
        youtube = base(Platform::Youtube),
        bluesky = base(Platform::Bluesky),
        directory = sandbox.directory_base(),
        site = sandbox.base(crate::sandbox::Host::Site),
        app_id = crate::sandbox::APP_ID,
    )
}

/// Fills the register with the district's pages, and one that no API can read. Two rows are filled in as a whole register would be.
async fn register(app: &Arc<App>, sandbox: &Sandbox) -> Result<()> {
    let mut rows = registrations(sandbox);
    let stated = [
        ("mesa-vista-usd", "Dana Whitfield", "dana.whitfield@mesavista.example.org", "2026-08-03"),
        ("mesa-vista-high", "Luis Ortega", "luis.ortega@mesavista.example.org", "2026-08-12"),
    ];
    for (slug, owner, address, day) in stated {
        let Some(row) = rows.iter_mut().find(|row| row.slug == slug) else { continue };
        (row.owner_name, row.owner_email) = (owner.into(), address.into());
        (row.supervisor_notified_on, row.it_notified_on) = (day.into(), day.into());
        if slug == "mesa-vista-high" {
            row.extra.insert("owner_language".into(), "es".into());
        }
    }
    rows.push(Registration {
        slug: "mesa-vista-usd-nextdoor".into(),
        platform: "nextdoor".into(),
        handle: "mesa-vista-usd".into(),
        name: "Mesa Vista USD".into(),
        status: "active".into(),
        ..Registration::default()
    });
    let now = app.clock.now();
    app.db
        .writer
        .write_async(move |tx| rows.iter().try_for_each(|row| accounts::put(tx, row, Some("demo"), now).map(|_| ())))
        .await?;
    let app = app.clone();
    tokio::task::spawn_blocking(move || attested(&app, now)).await?
}

/// What a first collection has brought so far.
fn attested(app: &App, now: Timestamp) -> Result<()> {
    let said = [
        ("mesa-vista-usd", "two_factor", Answer::Yes, "By app, for both of us", "Dana Whitfield"),
        ("mesa-vista-usd", "blocked_words", Answer::Yes, "free money, crypto, giveaway", "Dana Whitfield"),
        ("mesa-vista-high", "two_factor", Answer::No, "The coach has none yet", "Luis Ortega"),
    ];
    for (slug, topic, answer, words, said_by) in said {
        let account = app.db.read(|conn| accounts::by_slug(conn, slug))?;
        let Some((account, topic)) = account.zip(topics::topic(topic)) else { continue };
        let (words, said_by) = (words.to_owned(), said_by.to_owned());
        let saying = Saying { topic, answer, words, said_by, until: None, file: None };
        attest::say(&app.db, &app.config, &account, vec![saying], "demo", now)?;
    }
    Ok(())
}

/// Somebody of every role, the one who sees most first by name. They come in by the demo's own sign-in.
async fn people(app: &Arc<App>) -> Result<()> {
    use crate::model::people::Role;
    let somebody = |name: &str, roles: &[Role], concerns: bool, schools: &[&str]| {
        let standing = users::Standing {
            display_name: name.to_owned(),
            roles: roles.to_vec(),
            schools: schools.iter().map(|school| (*school).to_owned()).collect(),
            concerns,
        };
        (name.to_lowercase().replace(' ', "."), standing)
    };
    let everybody = vec![
        somebody("Ada Quintero", &[Role::ItAuditor, Role::Reviewer], true, &[]),
        somebody("Bea Lindqvist", &[Role::Reviewer], false, &[]),
        somebody("Cal Moreno", &[Role::Reviewer], true, &["Ocotillo Middle School"]),
        somebody("Dev Okafor", &[Role::ItAuditor], false, &[]),
        somebody("Eve Sandoval", &[Role::RecordsOfficer], false, &[]),
        somebody("Fay Brandt", &[Role::Counsel], false, &[]),
        somebody("Gus Petrov", &[Role::LogAuditor], false, &[]),
        somebody("Hal Nakamura", &[Role::Administrator], false, &[]),
        somebody("Ivy Castell", &[Role::Viewer], false, &[]),
    ];
    let now = app.clock.now();
    app.db
        .writer
        .write_async(move |tx| {
            everybody.iter().try_for_each(|(name, who)| users::add(tx, name, who, "demo", now).map(|_| ()))
        })
        .await
}

/// The sandbox's pages as rows of the register.
pub fn registrations(sandbox: &Sandbox) -> Vec<Registration> {
    let row = |account: Account| Registration {
        slug: account.slug,
        platform: account.platform.as_str().into(),
        handle: account.handle,
        native_id: if account.platform == Platform::Bluesky { String::new() } else { account.id },
        name: account.name,
        school: account.school,
        status: "active".into(),
        ..Registration::default()
    };
    sandbox.world().accounts().into_iter().map(row).collect()
}

async fn first_looks(app: &Arc<App>) -> Result<()> {
    eprintln!("\nThe pages' facts:");
    look(app, Mode::Profile, false).await?;
    crate::connect::watch(&app.db, &app.config, &app.http, app.clock.now()).await?;
    eprintln!("\nEverything that still stands:");
    look(app, Mode::Backfill, false).await
}

async fn look(app: &Arc<App>, mode: Mode, every: bool) -> Result<()> {
    for (account, report) in everything(app, Request { mode, every, until: None }).await? {
        eprintln!("  {}", line(&account, &report));
    }
    Ok(())
}

/// Goes live, switches tickets on, makes the urgent mails, those to owners and the weekly report, and prints the report as it was sent.
async fn mails(app: &Arc<App>) -> Result<()> {
    let now = app.clock.now();
    app.db.writer.write_async(move |tx| crate::db::alerts::go_live(tx, "demo", now)).await?;
    let making = app.clone();
    let made = tokio::task::spawn_blocking(move || {
        making.follow(now)?;
        alert::tick(&making.db, &making.config, now)?;
        making.db.writer.write(move |tx| crate::db::tickets::switch(tx, true, "demo", now))?;
        audit::tickets::run(&making.db, &making.config, now)?;
        let next = jobs::next(&making.config.weekly.cron, now, &making.config.time_zone);
        let notes = crate::app::packs::notes(&making.db, &making.config, now)?;
        weekly::run(&making.db, &making.config, &weekly::Ask { next, notes, ..weekly::Ask::default() }, now)
    })
    .await??;
    if let Some(mail) = &app.config.mail {
        let sent = outbox::send_due(&app.db, &Mailer::open(mail)?, now).await?;
        let folder = mail.dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        eprintln!("\n{} mails written to {folder}. The weekly report:\n", sent.sent);
    }
    print(format!("Subject: {}\n\n{}", made.report.subject, made.report.text))
}

fn summary(app: &App) -> Result<()> {
    let (entries, open) = app.db.read(|conn| Ok((crate::db::ledger::size(conn)?, flags::list(conn, false)?)))?;
    let mut by_category = std::collections::BTreeMap::<&str, usize>::new();
    open.iter().for_each(|flag| *by_category.entry(flag.category.words()).or_default() += 1);
    print("")?;
    print(format!("Items searchable: {}", app.index()?.map_or(Ok(0), |index| index.count())?))?;
    print(format!("Ledger entries:   {entries}"))?;
    print(format!("Open flags:       {}", open.len()))?;
    for (words, count) in by_category {
        print(format!("{count:>8}  possible {words}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_of_the_config_folder_is_shipped_with_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
        for entry in fs::read_dir(folder).unwrap() {
            let name = format!("rules/{}", entry.unwrap().file_name().to_string_lossy());
            if !name.ends_with(".toml") {
                continue;
            }
            assert!(SHIPPED.iter().any(|(shipped, _)| *shipped == name), "{name} is not in SHIPPED");
        }
    }
}
