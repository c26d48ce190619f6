//! Pictures and films under signed links that run out, as the platforms' delivery networks serve them.

use jiff::SignedDuration;

use super::ids::Dice;
use super::picture;
use super::server::{Ask, Reply};
use super::world::{File, Medium, World};
use crate::model::Timestamp;

/// A signed link, good for six days. `oe` is the expiry in hexadecimal Unix seconds, the same for a whole day as on the real ones.
pub fn url(base: &str, medium: &Medium, now: Timestamp) -> String {
    let day = now.as_second() - now.as_second().rem_euclid(86_400);
    let expiry = day + SignedDuration::from_hours(24 * 7).as_secs();
    let signature = Dice::of(&format!("{} {expiry:X}", medium.id)).letters(22);
    format!(
        "{base}/v/t39.30808-6/{}_n.{}?_nc_cat=103&ccb=1-7&oh={signature}&oe={expiry:X}",
        medium.id,
        medium.file.extension()
    )
}

const LASTING: &[&str] = &["/media/", "/profile_images/", "/vi/", "/ytc/"];

/// The bytes, or 403 once the link has run out or its signature is wrong.
pub fn answer(world: &World, ask: &Ask) -> Reply {
    let name = ask.path.rsplit('/').next().unwrap_or_default();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "jpg"));
    // Pictures of a film are named by size, in a folder of the film's.
    let film = ask.path.strip_prefix("/vi/").and_then(|rest| rest.split('/').next());
    let id = film.unwrap_or_else(|| stem.trim_end_matches("_n")).to_owned();
    let file = match extension {
        "png" => File::Png,
        "mp4" => File::Mp4,
        _ => File::Jpeg,
    };
    let expiry = ask.param("oe").unwrap_or_default();
    let expected = Dice::of(&format!("{id} {expiry}")).letters(22);
    // X and YouTube give their pictures under lasting links.
    if LASTING.iter().any(|start| ask.path.starts_with(start)) {
        return Reply::new(200, file.mime(), picture::bytes(&Medium { id, file, alt: None }));
    }
    let live = i64::from_str_radix(expiry, 16).is_ok_and(|at| at > world.now().as_second());
    if !live || ask.param("oh") != Some(expected.as_str()) {
        return Reply::new(403, "text/plain", b"URL signature expired".to_vec());
    }
    Reply::new(200, file.mime(), picture::bytes(&Medium { id, file, alt: None }))
}
