//! What is sealed by a key that lies outside of the database and of its backups: whoever has the database alone has no second factor.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// The key. Whoever restores a backup without it gives everybody a new link.
pub struct Vault {
    sealing: LessSafeKey,
    deriving: hmac::Key,
}

impl Vault {
    /// The key in this file, made when it is not there yet, for the owner's eyes alone.
    pub fn open(file: &Path) -> Result<Vault> {
        if !file.exists() {
            let folder = file.parent().context("a file lies in a folder")?;
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
            write_private(file, &super::random(32)?).with_context(|| format!("write {}", file.display()))?;
        }
        let key = hex::decode(crate::config::read_secret(file)?.reveal());
        let key =
            key.with_context(|| format!("{} does not hold the key that pagekeeper wrote there", file.display()))?;
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, &key);
        let sealing = sealing.map_err(|_| anyhow!("the key in {} is not 32 bytes long", file.display()))?;
        Ok(Vault { sealing: LessSafeKey::new(sealing), deriving: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// Seals a secret for one purpose: the nonce, then what is sealed. 96 random bits are enough for a few thousand users.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
        let mut sealed = secret.to_vec();
        let (at, purpose) = (Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()));
        let done = self.sealing.seal_in_place_append_tag(at, purpose, &mut sealed);
        done.map_err(|_| anyhow!("a secret could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// `None`: it was sealed by another key or for another purpose, or was changed.
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = sealed.to_vec();
        let (at, purpose) = (Nonce::assume_unique_for_key(*nonce), Aad::from(purpose.as_bytes()));
        let opened = self.sealing.open_in_place(at, purpose, &mut text).ok()?;
        Some(opened.to_vec())
    }

    /// The same 20 bytes for the same input, which nobody can tell without the key.
    pub fn derive(&self, purpose: &str, input: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.deriving);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(input);
        context.sign().as_ref()[..20].to_vec()
    }
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets/users.key");
        let vault = Vault::open(&file).unwrap();
        let sealed = vault.seal("totp 1", b"canary").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"canary"));
        assert_ne!(sealed, vault.seal("totp 1", b"canary").unwrap());
        let again = Vault::open(&file).unwrap();
        assert_eq!(again.unseal("totp 1", &sealed).as_deref(), Some(b"canary".as_slice()));
        assert_eq!(again.unseal("totp 2", &sealed), None);
        assert_eq!(again.derive("link", b"x"), vault.derive("link", b"x"));
        assert_ne!(again.derive("link", b"x"), vault.derive("link", b"y"));
        let other = Vault::open(&folder.path().join("other.key")).unwrap();
        assert_eq!(other.unseal("totp 1", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(vault.unseal("totp 1", &changed), None);
        assert_eq!(vault.unseal("totp 1", &[]), None);
    }

    #[test]
    fn the_key_s_file_is_the_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.key");
        Vault::open(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "not a key").unwrap();
        assert!(Vault::open(&file).is_err());
    }
}
