//! Fetches the bytes of pictures and films into content-addressed files. Nothing is decoded.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use jiff::SignedDuration;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::Error;
use super::http::{Auth, Call, Http, Trust, plain_judge};
use super::unreachable::unreachable_host;
use crate::model::{Media, Timestamp};

/// A medium whose bytes now lie in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// SHA-256 of the bytes; the file is `ab/cdef…` of it in hex, under the media folder.
    pub sha256: [u8; 32],
    pub size: u64,
    /// What the bytes are by their own beginning, else what the server said.
    pub mime: String,
}

/// Why a medium was not had.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    #[error(transparent)]
    Platform(#[from] Error),
    /// Our own disk failed, and not the platform: the process ends (invariant 6), and the medium stays wanted.
    #[error("{0:#}")]
    Storage(anyhow::Error),
}

/// Reads `medium` from a host that `allowed` admits and `trust` lets be talked to, `max_bytes` at most, into `folder`.
///
/// Bytes go to a temporary file, which is synced, renamed to its digest and its folder synced: a file under a digest is
/// whole.
pub async fn fetch(
    http: &Http,
    medium: &Media,
    trust: Trust,
    allowed: &(dyn Fn(&str) -> bool + Sync),
    max_bytes: u64,
    folder: &Path,
) -> Result<Fetched, Missed> {
    let call = call(medium, trust, allowed)?;
    http.admit(&call).await?;
    let reading = download(http, &call, medium, max_bytes, folder);
    // A film takes longer than an answer: as long as a slow line needs, and no longer.
    let deadline = http.media_deadline(max_bytes);
    let late = |_elapsed| transient(&call, "was not complete in time");
    tokio::time::timeout(deadline, reading).await.map_err(late)?
}

fn call(medium: &Media, trust: Trust, allowed: &(dyn Fn(&str) -> bool + Sync)) -> Result<Call, Error> {
    let what = format!("medium {}", medium.native_id);
    let unexpected = |words: String| Error::Unexpected { say: format!("{what}: {words}") };
    let url = medium.url.as_deref().ok_or_else(|| unexpected("the platform gave no address for it".to_owned()))?;
    let url = Url::parse(url).map_err(|error| unexpected(format!("its address cannot be read: {error}")))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if !allowed(&host) {
        return Err(unexpected(format!("{host} is not among the allowed media hosts (media.allowed_hosts)")));
    }
    Ok(Call {
        method: reqwest::Method::GET,
        url,
        proof: None,
        form: Vec::new(),
        auth: Auth::None,
        meters: vec![format!("media:{host}")],
        cost: 1,
        trust,
        capture: false,
        judge: plain_judge,
        what,
    })
}

async fn download(http: &Http, call: &Call, medium: &Media, max_bytes: u64, folder: &Path) -> Result<Fetched, Missed> {
    let mut response = http.open(call).await?;
    refuse_status(call, response.status().as_u16())?;
    let told = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let told = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if response.content_length().is_some_and(|length| length > max_bytes) {
        return Err(too_large(call, max_bytes).into());
    }
    let mut file = Incoming::begin(folder).map_err(|error| storage(call, error))?;
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_host(call, error))? {
        if file.size + chunk.len() as u64 > max_bytes {
            return Err(too_large(call, max_bytes).into());
        }
        file.add(&chunk).map_err(|error| storage(call, error))?;
    }
    if file.size == 0 {
        return Err(transient(call, "is empty: the server sent no bytes").into());
    }
    let mime = mime(&told, &file.head, medium.mime.as_deref())
        .map_err(|words| Error::Unexpected { say: format!("{}: {words}", call.what) })?;
    file.keep(folder, mime).map_err(|error| storage(call, error))
}

fn refuse_status(call: &Call, status: u16) -> Result<(), Error> {
    match status {
        200 => Ok(()),
        403 | 404 | 410 => Err(Error::Gone {
            say: format!("{}: its link has expired or it was taken away (HTTP {status})", call.what),
        }),
        300..=399 => Err(Error::Unexpected {
            say: format!("{}: the server sent us elsewhere (HTTP {status}), which is not followed", call.what),
        }),
        429 | 500.. => Err(transient(call, &format!("could not be had now (HTTP {status})"))),
        _ => Err(Error::Unexpected { say: format!("{}: the server answered with HTTP {status}", call.what) }),
    }
}

fn transient(call: &Call, words: &str) -> Error {
    Error::Transient { say: format!("{}: {words}", call.what) }
}

fn too_large(call: &Call, max_bytes: u64) -> Error {
    Error::Unexpected { say: format!("{}: it is larger than {} MiB (media.max_bytes)", call.what, max_bytes >> 20) }
}

fn storage(call: &Call, error: anyhow::Error) -> Missed {
    Missed::Storage(error.context(format!("{} could not be written", call.what)))
}

/// How the names of files begin that are not kept yet.
const INCOMING: &str = ".incoming-";

/// A file of which nothing was written for so long is nobody's any more.
const LEFT_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Removes what a crash has left of files that were being written.
pub fn sweep(folder: &Path, now: Timestamp) -> anyhow::Result<()> {
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(()) };
    for file in files {
        let file = file?;
        let is_ours = file.file_name().to_string_lossy().starts_with(INCOMING);
        let written_at = file.metadata().and_then(|facts| facts.modified()).ok().map(Timestamp::try_from);
        if is_ours && matches!(written_at, Some(Ok(at)) if at + LEFT_AFTER < now) {
            // Another process may have removed it in the meantime.
            let _ = std::fs::remove_file(file.path());
        }
    }
    Ok(())
}

/// A file that is being written; removed again unless it is kept.
pub struct Incoming {
    file: tempfile::NamedTempFile,
    digest: Sha256,
    size: u64,
    head: Vec<u8>,
}

impl Incoming {
    pub fn begin(folder: &Path) -> anyhow::Result<Incoming> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = tempfile::Builder::new().prefix(INCOMING).tempfile_in(folder)?;
        Ok(Incoming { file, digest: Sha256::new(), size: 0, head: Vec::new() })
    }

    pub fn add(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let wanted = 512_usize.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(wanted));
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        Ok(self.file.write_all(bytes)?)
    }

    pub fn keep(self, folder: &Path, mime: String) -> anyhow::Result<Fetched> {
        let sha256: [u8; 32] = self.digest.finalize().into();
        let name = hex::encode(sha256);
        let under = folder.join(&name[..2]);
        std::fs::create_dir_all(&under)?;
        self.file.as_file().sync_all()?;
        let path = under.join(&name[2..]);
        self.file.persist(&path).with_context(|| format!("cannot keep {}", path.display()))?;
        std::fs::File::open(&under)?.sync_all()?;
        std::fs::File::open(folder)?.sync_all()?;
        Ok(Fetched { sha256, size: self.size, mime })
    }
}

/// What the bytes are, or in words why they are not what was wanted.
fn mime(told: &str, head: &[u8], wanted: Option<&str>) -> Result<String, String> {
    let family = |mime: &str| mime.split('/').next().unwrap_or_default().to_owned();
    let found = match by_magic(head) {
        Some(found) => found.to_owned(),
        None if is_markup(head) || told.starts_with("text/") || told.contains("html") || told.contains("json") => {
            let what = if is_markup(head) || told.contains("html") { "a web page" } else { "text" };
            return Err(format!("the server sent {what} instead of a picture or film"));
        }
        None if matches!(family(told).as_str(), "image" | "video" | "audio") => told.to_owned(),
        None if told == "application/octet-stream" || told.is_empty() => "application/octet-stream".to_owned(),
        None => return Err(format!("the server sent {told} instead of a picture or film")),
    };
    match wanted {
        Some(wanted) if family(wanted) != family(&found) && found != "application/octet-stream" => {
            Err(format!("the server sent {found} where {wanted} was announced"))
        }
        _ => Ok(found),
    }
}

fn is_markup(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    start.first() == Some(&b'<') || start.first() == Some(&b'{')
}

fn by_magic(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, magic: &[u8]| head.get(from..from + magic.len()) == Some(magic);
    Some(match head {
        _ if at(0, b"\xff\xd8\xff") => "image/jpeg",
        _ if at(0, b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => "image/gif",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "image/webp",
        _ if at(4, b"ftypavif") || at(4, b"ftypavis") => "image/avif",
        _ if at(4, b"ftyphei") || at(4, b"ftypmif1") => "image/heic",
        _ if at(4, b"ftypM4A") => "audio/mp4",
        _ if at(4, b"ftypqt") => "video/quicktime",
        _ if at(4, b"ftyp") => "video/mp4",
        _ if at(0, b"\x1a\x45\xdf\xa3") => "video/webm",
        _ if at(0, b"ID3") || at(0, b"\xff\xfb") => "audio/mpeg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_named_by_their_beginning_and_web_pages_refused() {
        let jpeg = b"\xff\xd8\xff\xe0rest";
        assert_eq!(mime("image/png", jpeg, None).as_deref(), Ok("image/jpeg"));
        assert_eq!(mime("image/x-new", b"....", None).as_deref(), Ok("image/x-new"));
        assert!(mime("image/jpeg", b"  <!doctype html>", None).unwrap_err().contains("a web page"));
        assert!(mime("application/json", b"[]", None).unwrap_err().contains("text"));
        assert!(mime("application/zip", b"PK", None).unwrap_err().contains("application/zip"));
        assert!(mime("image/jpeg", jpeg, Some("video/mp4")).unwrap_err().contains("announced"));
    }

    #[test]
    fn what_a_crash_left_is_removed_after_a_day_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = Incoming::begin(folder.path()).unwrap().file.keep().unwrap().1;
        let kept = folder.path().join("kept");
        std::fs::write(&kept, "kept").unwrap();
        let written = Timestamp::try_from(left.metadata().unwrap().modified().unwrap()).unwrap();
        sweep(folder.path(), written + LEFT_AFTER).unwrap();
        assert!(left.exists());
        sweep(folder.path(), written + LEFT_AFTER + SignedDuration::from_secs(1)).unwrap();
        assert!(!left.exists() && kept.exists());
        sweep(&folder.path().join("none"), written).unwrap();
    }

    #[test]
    fn a_host_that_is_not_allowed_is_not_asked() {
        let medium =
            Media { native_id: "1".into(), url: Some("https://evil.example/a.jpg".into()), ..Media::default() };
        let error = call(&medium, Trust::Foreign, &|host| host.ends_with(".fbcdn.net")).unwrap_err();
        assert!(error.to_string().contains("evil.example is not among the allowed media hosts"));
    }
}
