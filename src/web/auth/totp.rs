//! The second factor: six digits of a half minute (RFC 6238), and codes for the day on which the telephone is lost.

use anyhow::{Result, anyhow};
use qrcodegen::{QrCode, QrCodeEcc};
use totp_rs::{Builder, Secret, Totp};

use super::digest;
use crate::model::Timestamp;
use crate::seal::Hash;

/// How many recovery codes a person gets, of how many letters: 80 bits each.
const CODES: usize = 10;
const LETTERS: usize = 16;

/// 32 letters that nobody takes for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A person's second factor.
pub struct SecondFactor(Totp);

impl SecondFactor {
    /// SHA-1, 30 seconds, 6 digits, one step of slack on either side: what every authenticator app does.
    pub fn new(secret: &[u8], user: &str, district: &str) -> Result<SecondFactor> {
        let issuer = format!("pagekeeper {district}").replace(':', " ");
        let built = Builder::new()
            .with_secret(Secret::new(secret.into()))
            .with_account_name(user)
            .with_issuer(Some(issuer.trim()))
            .build();
        built.map(SecondFactor).map_err(|error| anyhow!("a second factor: {error}"))
    }

    /// The half minute whose code this is, where it is one of now. The caller takes each once.
    pub fn step(&self, code: &str, now: Timestamp) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = u64::try_from(now.as_second()).ok().filter(|_| is_code)?;
        i64::try_from(self.0.check(&code, seconds)?).ok()
    }

    /// What an app is given: as a link, and the secret alone to type in.
    pub fn link(&self) -> Result<String> {
        self.0.to_url().map_err(|error| anyhow!("a second factor: {error}"))
    }

    #[cfg(test)]
    pub fn code(&self, now: Timestamp) -> String {
        self.0.generate(now.as_second() as u64).to_string()
    }
}

/// A secret as people type it: groups of four letters.
pub fn typed(secret: &[u8]) -> String {
    let letters: Vec<char> = Secret::new(secret.into()).to_base32().chars().filter(|c| *c != '=').collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// A picture of a text for a camera: the side in modules with its quiet border, and the dark modules as the path of an SVG.
pub fn picture(text: &str) -> Result<(i32, String)> {
    use std::fmt::Write as _;
    let code =
        QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| anyhow!("the link is too long for a picture"))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            write!(path, "M{} {}h1v1h-1z", x + 4, y + 4)?;
        }
    }
    Ok((code.size() + 8, path))
}

/// Fresh recovery codes.
pub fn new_codes() -> Result<Vec<String>> {
    let mut bytes = [0; CODES * LETTERS];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    let code = |letters: &[char]| letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>();
    Ok(letters.chunks(LETTERS).map(|letters| code(letters).join("-")).collect())
}

/// What is kept of a recovery code, where the text can be one.
pub fn code_digest(text: &str) -> Option<Hash> {
    let letters: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    (letters.len() == LETTERS).then(|| digest("recovery", &letters.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc_and_one_step_early_or_late_is_fine() {
        let factor = SecondFactor::new(b"12345678901234567890", "priya.nair", "Mesa Vista: USD").unwrap();
        // RFC 6238, appendix B, the last six digits.
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(factor.code(at(second)), code);
            assert_eq!(factor.step(code, at(second)), Some(second / 30));
            assert_eq!(factor.step(code, at(second + 30)), Some(second / 30));
            assert_eq!(factor.step(code, at(second + 90)), None);
        }
        assert_eq!(factor.step(" 287 082 ", at(59)), Some(1));
        for wrong in ["", "28708", "2870820", "287083", "２８７０８２", "abcdef"] {
            assert_eq!(factor.step(wrong, at(59)), None, "{wrong}");
        }
        let link = factor.link().unwrap();
        assert!(
            link.starts_with("otpauth://totp/") && link.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{link}"
        );
        assert_eq!(typed(b"12345678901234567890"), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let (side, path) = picture(&link).unwrap();
        assert!(side > 40 && path.starts_with("M4 4h1v1h-1z"));
    }

    #[test]
    fn recovery_codes_are_each_another_and_read_with_or_without_their_hyphens() {
        let codes = new_codes().unwrap();
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), CODES);
        let typed = codes[0].replace('-', " ").to_uppercase();
        assert_eq!(code_digest(&typed), code_digest(&codes[0]));
        assert!(code_digest(&codes[0]).is_some() && code_digest("123456").is_none());
    }
}
