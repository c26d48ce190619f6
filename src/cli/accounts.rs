//! `accounts`: the register.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{Exit, Usage, print, print_json};
use crate::app::App;
use crate::audit::{attest, topics};
use crate::db::accounts::{self, Account, COLUMNS, Put, Registration};
use crate::model::{A_PERSON, Platform, platform_title};
use crate::platform::{self, Target};
use crate::text::sheet;

/// The register of official pages.
#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List the register, with what is not kept and why.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Add or change rows from a CSV file with a header.
    Import {
        /// A row needs a platform and a `native_id` or a handle; without a status it is active.
        file: PathBuf,
    },
    /// Write the register as CSV.
    Export,
    Retire(super::retire::Retire),
    /// List what a platform's credential reaches, as register rows with status proposed.
    Discover {
        /// facebook or instagram: the others' credentials belong to no page, so put those accounts into the register.
        #[arg(value_parser = |word: &str| word.parse::<Platform>())]
        platform: Platform,
        /// Write the rows here instead of to standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Accounts {
    pub fn run(self, app: App) -> Result<Exit> {
        match self {
            Accounts::List { json } => list(&app, json),
            Accounts::Import { file } => import(&app, &file),
            Accounts::Export => export(&app),
            Accounts::Retire(retire) => super::runtime()?.block_on(retire.run(app)),
            Accounts::Discover { platform, out } => super::runtime()?.block_on(discover(&app, platform, out)),
        }
    }
}

/// Why an account is not kept at the moment, in words.
pub fn not_kept(app: &App, account: &Account) -> Option<String> {
    app.config.why_off(&account.row.platform).or_else(|| account.trouble.clone())
}

fn list(app: &App, json: bool) -> Result<Exit> {
    let (register, looks) = app.db.read(|conn| Ok((accounts::all(conn)?, attest::looks(conn, &app.config)?)))?;
    for account in &register {
        let why = not_kept(app, account);
        let look = topics::is_bookmark(account)
            .then(|| looks.get(&account.id).map_or("nobody has looked at it yet", String::as_str));
        if json {
            let mut row = serde_json::to_value(&account.row)?;
            row["not_kept"] = why.into();
            row["bookmark"] = look.into();
            print_json(&row)?;
            continue;
        }
        let kept = match (account.row.status.as_str(), why) {
            ("active", None) => "kept".to_owned(),
            ("active", Some(why)) => match look {
                Some(look) => format!("not kept: {why}; bookmark, {look}"),
                None => format!("not kept: {why}"),
            },
            (status, _) => status.to_owned(),
        };
        print(format!(
            "{:<34} {:<10} {:<30} {kept}",
            account.row.slug,
            platform_title(&account.row.platform),
            account.row.name
        ))?;
    }
    if register.is_empty() {
        eprintln!("The register is empty: pagekeeper accounts import FILE.csv");
    }
    Ok(Exit::Done)
}

fn import(app: &App, file: &std::path::Path) -> Result<Exit> {
    let rows = read_csv(&std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?)
        .map_err(|error| Usage(format!("{}: {error:#}", file.display())))?;
    let (mut done, mut refused) = (0, 0);
    for (number, mut row) in rows {
        if row.slug.is_empty() {
            row.slug = app.db.read(|conn| {
                accounts::free_slug(conn, if row.handle.is_empty() { &row.native_id } else { &row.handle })
            })?;
        }
        if is_person(app, &row)? {
            refused += 1;
            eprintln!(
                "{}:{number}: column handle: {} {A_PERSON}: have a page made and register that (III.3)",
                file.display(),
                row.native_id
            );
            continue;
        }
        let (now, actor) = (app.clock.now(), super::system_user());
        let why = app.config.why_off(&row.platform);
        let slug = row.slug.clone();
        match app.db.writer.write(move |tx| accounts::put(tx, &row, Some(&actor), now)) {
            Ok(Put::Same) => {}
            Ok(put) => {
                done += 1;
                let what = if put == Put::Added { "added" } else { "changed" };
                eprintln!("{what}: {slug}{}", why.map(|why| format!(" (not kept: {why})")).unwrap_or_default());
            }
            Err(error) if !crate::db::is_storage(&error) => {
                refused += 1;
                eprintln!("{}:{number}: {error:#}", file.display());
            }
            Err(error) => return Err(error),
        }
    }
    eprintln!("{done} rows added or changed, {refused} refused.");
    Ok(if refused == 0 { Exit::Done } else { Exit::Partly })
}

/// Rows of a register file with their line numbers. Unknown columns are kept.
pub fn read_csv(bytes: &[u8]) -> Result<Vec<(u64, Registration)>> {
    let table = sheet::read(bytes)?;
    anyhow::ensure!(
        table.header.iter().any(|column| column == "platform"),
        "line 1: the header has no column `platform`; the columns are {}",
        COLUMNS.join(", ")
    );
    let mut rows: Vec<(u64, Registration)> = Vec::new();
    let mut met = HashMap::new();
    for found in &table.rows {
        let (line, row) = (found.line, registration(&table.header, found)?);
        for (column, value, name) in names(&row) {
            if let Some(first) = met.insert((column, name), line) {
                anyhow::bail!("line {line}, column {column}: {value} stands in line {first} too");
            }
        }
        rows.push((line, row));
    }
    Ok(rows)
}

/// What no two rows may share, by column: as it is written, and as it is compared.
fn names(row: &Registration) -> Vec<(&'static str, String, String)> {
    let on_platform = |value: &str| format!("{}:{value}", row.platform);
    // A handle is free again once its page has another: only where it is all that is known does it name one page.
    let alone = row.native_id.is_empty() || row.handle.is_empty();
    let handle = if alone { row.handle.trim_start_matches('@').to_lowercase() } else { String::new() };
    let found = [
        ("slug", row.slug.clone(), row.slug.clone()),
        ("native_id", row.native_id.clone(), on_platform(&row.native_id)),
        ("handle", row.handle.clone(), on_platform(&handle)),
    ];
    found.into_iter().filter(|(_, value, name)| !value.is_empty() && !name.ends_with(':')).collect()
}

fn registration(header: &[String], found: &sheet::Row) -> Result<Registration> {
    let (line, mut row) = (found.line, Registration::default());
    for (column, value) in header.iter().zip(&found.cells) {
        match row.column(column) {
            Some(cell) => cell.clone_from(value),
            None if value.is_empty() => {}
            None => _ = row.extra.insert(column.clone(), value.clone()),
        }
    }
    row.platform = row.platform.to_lowercase();
    if row.status.is_empty() {
        "active".clone_into(&mut row.status);
    }
    anyhow::ensure!(!row.platform.is_empty(), "line {line}, column platform: the platform is not named");
    if row.platform == "facebook"
        && let Some(id) = numbered(&row.handle)
    {
        anyhow::ensure!(
            !id.is_empty() && (row.native_id.is_empty() || row.native_id == id),
            "line {line}, column handle: {} does not name the page's id: give it as native_id",
            row.handle
        );
        (row.native_id, row.handle) = (id.to_owned(), String::new());
    }
    anyhow::ensure!(
        !row.native_id.is_empty() || !row.handle.is_empty(),
        "line {line}, columns native_id and handle: give the page's native_id or its handle"
    );
    row.status
        .parse::<crate::model::AccountStatus>()
        .map_err(|error| anyhow::anyhow!("line {line}, column status: {error}"))?;
    Ok(row)
}

/// The id in an address of a page, or of a person, that has no name of its own.
fn numbered(handle: &str) -> Option<&str> {
    let (_, rest) = handle.split_once("profile.php").or_else(|| handle.split_once("people/"))?;
    Some(
        rest.split(['=', '/', '&', '?', '#'])
            .find(|word| word.len() > 4 && word.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or_default(),
    )
}

/// Whether Facebook says that a row without a name is a person's profile, which is not registered.
fn is_person(app: &App, row: &Registration) -> Result<bool> {
    if row.platform != "facebook" || !row.handle.is_empty() || app.config.why_off("facebook").is_some() {
        return Ok(false);
    }
    let target = target(app, Platform::Facebook, row)?;
    let endpoint = platform::Endpoint::of(&app.config, Platform::Facebook);
    let asked = platform::facebook::not_reached(&app.http, &target, &endpoint, String::new());
    Ok(super::runtime()?.block_on(asked).error.to_string().contains(A_PERSON))
}

fn export(app: &App) -> Result<Exit> {
    let mut rows: Vec<Registration> = app.db.read(accounts::all)?.into_iter().map(|account| account.row).collect();
    write_csv(std::io::stdout().lock(), &mut rows)?;
    Ok(Exit::Done)
}

fn write_csv(out: impl std::io::Write, rows: &mut [Registration]) -> Result<()> {
    let extra: std::collections::BTreeSet<String> = rows.iter().flat_map(|row| row.extra.keys().cloned()).collect();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.iter().copied().chain(extra.iter().map(String::as_str)))?;
    for row in rows {
        let mut record: Vec<String> =
            COLUMNS.iter().map(|column| row.column(column).map(|cell| cell.clone()).unwrap_or_default()).collect();
        record.extend(extra.iter().map(|column| row.extra.get(column).cloned().unwrap_or_default()));
        writer.write_record(record.iter().map(|cell| sheet::safe_cell(cell)))?;
    }
    Ok(writer.flush()?)
}

/// A row to be asked about with the platform's own credential.
fn target(app: &App, platform: Platform, row: &Registration) -> Result<Target> {
    let section = app.config.platform(platform);
    Ok(Target {
        platform,
        native_id: row.native_id.clone(),
        handle: row.handle.clone(),
        token: app.config.credential(platform, "")?,
        app_secret: section.map(|section| section.app_secret()).transpose()?.flatten(),
        field_names: "tweet".into(),
        full_archive: false,
    })
}

async fn discover(app: &App, platform: Platform, out: Option<PathBuf>) -> Result<Exit> {
    if let Some(why) = app.config.why_off(platform.as_str()) {
        return Err(Usage(why).into());
    }
    let target = target(app, platform, &Registration::default())?;
    let reached = platform::discover(&app.http, &target, &platform::Endpoint::of(&app.config, platform))
        .await
        .map_err(|failure| anyhow::anyhow!("{}", failure.error))?;
    let register = app.db.read(accounts::all)?;
    let mine: Vec<&Account> = register.iter().filter(|account| account.connector() == Some(platform)).collect();
    let mut rows = Vec::new();
    for page in &reached {
        let known = mine.iter().find(|account| account.row.native_id == page.native_id);
        match known {
            Some(account) => eprintln!("registered: {} ({})", page.name, account.row.slug),
            None => eprintln!("not registered: {} ({})", page.name, page.handle),
        }
        let slug = known.map_or_else(
            || app.db.read(|conn| accounts::free_slug(conn, &page.handle)),
            |account| Ok(account.row.slug.clone()),
        )?;
        rows.push(Registration {
            slug,
            platform: platform.as_str().into(),
            native_id: page.native_id.clone(),
            handle: page.handle.clone(),
            name: page.name.clone(),
            status: "proposed".into(),
            ..Registration::default()
        });
    }
    for account in mine.iter().filter(|account| !reached.iter().any(|page| page.native_id == account.row.native_id)) {
        eprintln!("registered but not reached by this credential: {} ({})", account.row.name, account.row.slug);
    }
    match out {
        Some(file) => write_csv(
            std::fs::File::create(&file).with_context(|| format!("could not write {}", file.display()))?,
            &mut rows,
        )?,
        None => write_csv(std::io::stdout().lock(), &mut rows)?,
    }
    Ok(Exit::Done)
}
