//! Passwords: which are good enough, and how they are kept. What is asked follows OWASP ASVS 5.0, chapter 6.2.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

use super::super::Error;

/// The shortest and the longest password, in characters.
const LEAST: usize = 15;
const MOST: usize = 256;

/// So many characters of a password are none of the words that everybody knows.
const LEFT: usize = 8;

/// What a hash costs (OWASP): 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// So many are hashed at once, and so many wait: memory stays bounded however many try to sign in.
const AT_ONCE: usize = 2;
const MOST_WAITING: usize = 32;

/// What an unknown user's password is compared with: the same work, and no password has this hash.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cGFnZWtlZXBlci9ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords, a few at a time.
pub struct Passwords {
    turns: Semaphore,
    waiting: AtomicUsize,
    done: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords { turns: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0), done: AtomicUsize::new(0) }
    }
}

impl Passwords {
    /// Whether a password is that of a hash. Without a hash nobody's is compared with: it takes as long, and it never is.
    pub async fn is(&self, password: &str, hash: Option<String>) -> Result<bool, Error> {
        let password = normal(password);
        self.in_turn(move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let hash = PasswordHash::new(hash).map_err(|error| anyhow!("a stored password hash: {error}"))?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    /// A password as it is kept: a PHC string with a salt of its own.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = normal(password);
        self.in_turn(move || {
            let hash = argon2()?.hash_password(password.as_bytes());
            Ok(hash.map_err(|error| anyhow!("could not hash a password: {error}"))?.to_string())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, run: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T, Error> {
        let _place = Place::take(&self.waiting)?;
        let _turn = self.turns.acquire().await.context("the turns never end")?;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(tokio::task::spawn_blocking(run).await.context("a hash was lost")??)
    }

    /// How many hashes were made: a test compares the work.
    #[cfg(test)]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }
}

/// A place among those who wait, given back however the wait ends.
struct Place<'p>(&'p AtomicUsize);

impl Place<'_> {
    fn take(waiting: &AtomicUsize) -> Result<Place<'_>, Error> {
        let place = Place(waiting);
        if waiting.fetch_add(1, Ordering::SeqCst) >= AT_ONCE + MOST_WAITING {
            let say = "Too many people sign in at this moment. Try again in a minute.";
            return Err(Error::Refused(StatusCode::SERVICE_UNAVAILABLE, say.into()));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why a password is not taken, in words; `None` when it is. `known`: what somebody who knows her and the district would try.
pub fn fault(password: &str, known: &[&str]) -> Option<String> {
    let password = normal(password);
    let length = password.chars().count();
    if length < LEAST {
        return Some(format!("The password has {length} characters. It needs at least {LEAST}: a few words are fine."));
    }
    if length > MOST {
        return Some(format!("The password has {length} characters. It may have at most {MOST}."));
    }
    let words: Vec<&str> = known
        .iter()
        .flat_map(|text| std::iter::once(*text).chain(text.split(|c: char| !c.is_alphanumeric())))
        .filter(|word| word.chars().count() > 2)
        .chain(["pagekeeper"])
        .collect();
    (zxcvbn(&password, &words).score() < Score::Three || is_made_of(&password, &words)).then(|| {
        "This password is easy to guess: it is a common one, or made of your name, the district's or a pattern. Take a few words \
         that have nothing to do with each other."
            .to_owned()
    })
}

/// Whether little is left of a password when the known words are taken out of it, however often they stand there.
fn is_made_of(password: &str, words: &[&str]) -> bool {
    let whole = password.to_lowercase();
    let left = words.iter().fold(whole.clone(), |left, word| left.replace(&word.to_lowercase(), ""));
    left.len() < whole.len() && left.chars().filter(|c| !c.is_whitespace()).count() < LEFT
}

/// One spelling of every letter, so that a password is the same on every keyboard.
fn normal(password: &str) -> String {
    password.nfc().collect()
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| anyhow!("argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_enough_and_no_common_one() {
        let known = ["priya.nair", "Priya Nair", "Mesa Vista Unified School District", "mesavista.example.org"];
        const LONG: &str = "tin heron sleeps on brass, seven lamps above gravel, a kettle names the winter, green violins refuse a staircase, owls count";
        for (password, words) in [
            ("fourteen chars", "14 characters"),
            ("passwordpassword", "easy to guess"),
            ("111111111111111111", "easy to guess"),
            ("qwertyuiopasdfgh", "easy to guess"),
            ("Priya Nair Priya Nair", "easy to guess"),
            ("MesaVistaUnified", "easy to guess"),
            ("pagekeeperpagekeeper", "easy to guess"),
        ] {
            let fault = fault(password, &known).unwrap_or_else(|| panic!("{password} was taken"));
            assert!(fault.contains(words), "{password}: {fault}");
        }
        assert!(fault(&"ab c".repeat(65), &known).unwrap().contains("at most 256"));
        for password in
            ["tin heron sleeps on brass", "цапля спит на латунной крыше", "🦩🎷🪣🧭🪁🦔🎺🪵🧿🪺🦑🎻🪞🧶🪲🦚", LONG]
        {
            assert_eq!(fault(password, &known), None, "{password}");
        }
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_in_any_spelling_of_its_letters() {
        let passwords = Passwords::default();
        let hash = passwords.hash("caf\u{e9} on the brass roof").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.is("cafe\u{301} on the brass roof", Some(hash.clone())).await.unwrap());
        assert!(!passwords.is("cafe on the brass roof", Some(hash.clone())).await.unwrap());
        assert!(!passwords.is("", None).await.unwrap());
        assert_ne!(hash, passwords.hash("caf\u{e9} on the brass roof").await.unwrap());
        assert_eq!(passwords.done(), 5, "nobody's password is the same work");
    }

    #[tokio::test]
    async fn no_more_wait_than_there_are_places() {
        let passwords = Passwords::default();
        let held: Vec<_> = (0..AT_ONCE + MOST_WAITING).map(|_| Place::take(&passwords.waiting).unwrap()).collect();
        assert!(matches!(passwords.is("x", None).await, Err(Error::Refused(StatusCode::SERVICE_UNAVAILABLE, _))));
        drop(held);
        assert!(passwords.is("x", None).await.is_ok());
    }
}
