//! The link by which an owner answers without an account. Nothing of it is stored: it names the page and until when it works, and a
//! code over both and over the owner's address. Whoever has another address tomorrow has another code.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::SignedDuration;

use super::address;
use crate::config::{Config, read_secret};
use crate::db::accounts::Account;
use crate::model::Timestamp;
use crate::seal::{self, Keyed};

/// How long a link works.
const LIVES: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So much of the code stands in the link: 128 bits.
const CODE: usize = 16;

/// Makes and reads links under the archive's own key.
#[derive(Debug, Clone)]
pub struct Links {
    key: Keyed,
}

impl Links {
    /// The key lies in `secrets/tickets.key` and is made when it is not there yet.
    pub fn open(config: &Config) -> Result<Links> {
        let file = config.secrets_dir().join("tickets.key");
        if !file.exists() {
            make_key(&file).map_err(|error| anyhow!("the key of the owners' links could not be made: {error}"))?;
        }
        let secret = read_secret(&file)?;
        let key = hex::decode(secret.reveal()).ok().filter(|key| key.len() == 32);
        let key = key.with_context(|| format!("{} does not hold the key of the owners' links", file.display()))?;
        Ok(Links { key: Keyed::new(&key) })
    }

    /// What stands in the address of an owner's page: account, end and code.
    pub fn token(&self, account: &Account, now: Timestamp) -> String {
        let until = (now + LIVES).as_second();
        format!("{}.{until}.{}", account.id, BASE64.encode(self.code(account.id, address(account), until)))
    }

    /// The account that a token is for, when it is ours, not too old, and its owner's address is still the same. `account` finds
    /// an account by its number.
    pub fn read(
        &self,
        token: &str,
        now: Timestamp,
        account: impl FnOnce(i64) -> Result<Option<Account>>,
    ) -> Result<Option<Account>> {
        let Some((id, until, code)) = parts(token) else { return Ok(None) };
        let Some(account) = account(id)? else { return Ok(None) };
        let wanted = self.code(id, address(&account), until);
        let differs = wanted.iter().zip(&code).fold(u8::from(code.len() != CODE), |sum, (a, b)| sum | (a ^ b));
        let is_good = differs == 0 && until > now.as_second() && !address(&account).is_empty();
        Ok(is_good.then_some(account))
    }

    fn code(&self, account: i64, address: &str, until: i64) -> [u8; CODE] {
        let digest = hex::encode(seal::sha256(address.to_lowercase().as_bytes()));
        let whole = self.key.hash(format!("pagekeeper/ticket/v1\n{account}\n{digest}\n{until}").as_bytes());
        let mut code = [0; CODE];
        code.copy_from_slice(&whole[..CODE]);
        code
    }
}

fn parts(token: &str) -> Option<(i64, i64, Vec<u8>)> {
    let mut parts = token.split('.');
    let (id, until, code) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(())?;
    Some((id.parse().ok()?, until.parse().ok()?, BASE64.decode(code).ok()?))
}

/// Writes a new key beside its place and moves it there whole; one that lies there already stays.
fn make_key(file: &Path) -> Result<()> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("the system gives no random numbers")?;
    let folder = file.parent().context("it lies in no folder")?;
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    new.write_all(hex::encode(key).as_bytes())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => return Err(error.error.into()),
        _ => {}
    }
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::super::words::sample_account;
    use super::*;

    fn links(folder: &Path) -> Links {
        Links::open(&Config::parse("data_dir = \"d\"\n[district]\nname = \"Mesa Vista USD\"\n", folder).unwrap())
            .unwrap()
    }

    #[test]
    fn a_link_opens_its_own_page_until_its_time_and_while_the_owner_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let account = sample_account(now);
        let links = links(folder.path());
        let token = links.token(&account, now);
        let at = |days: i64| now + SignedDuration::from_hours(24 * days);
        let reads = |token: &str, now, account: &Account| {
            links.read(token, now, |id| Ok((id == account.id).then(|| account.clone()))).unwrap().is_some()
        };
        assert!(reads(&token, at(29), &account));
        assert!(!reads(&token, at(30), &account));
        let mut moved = account.clone();
        moved.row.owner_email = "luis.ortega@mesavista.example.org".into();
        assert!(!reads(&token, now, &moved), "another owner");
        let mut other = account.clone();
        other.id += 1;
        assert!(!reads(&token, now, &other) && !reads(&token.replacen('1', "2", 1), now, &other), "another page");
        let (start, code) = token.rsplit_once('.').unwrap();
        let flipped = if code.starts_with('A') { 'B' } else { 'A' };
        for wrong in ["", ".", "1..", "x.1.AA", &format!("{token}.x"), &format!("{start}."), &token[..token.len() - 2]]
        {
            assert!(!reads(wrong, now, &account), "{wrong}");
        }
        assert!(!reads(&format!("{start}.{flipped}{}", &code[1..]), now, &account));
        let later = token.split('.').nth(1).unwrap().parse::<i64>().unwrap() + 1000;
        assert!(!reads(&format!("1.{later}.{code}"), now, &account), "its end is under the code");
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_s_eyes() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let token = |links: &Links| links.token(&sample_account(now), now);
        let first = token(&links(folder.path()));
        assert_eq!(first, token(&links(folder.path())));
        let file = folder.path().join("d/secrets/tickets.key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&file).unwrap();
        assert_ne!(first, token(&links(folder.path())), "another key, another link");
        let shown = format!("{:?}", links(folder.path()));
        assert!(!shown.contains(fs::read_to_string(&file).unwrap().trim()), "{shown}");
    }
}
