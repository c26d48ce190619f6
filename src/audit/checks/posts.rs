//! Whether everybody can read the district's own new posts, as far as words tell: pictures are not looked into.

use jiff::civil::Date;

use super::super::{Answer, Standard, Subject, fails, holds, not_said};
use super::words;
use crate::db::facts::Post;
use crate::model::{Kind, Media};
use crate::text::dates;

/// Its own posts from the day on which they are to be accessible, and that day.
fn posts<'s>(subject: &'s Subject, standard: &Standard) -> Result<(Vec<&'s Post>, Date), super::super::Verdict> {
    let (from, cite) = standard.accessible_from()?;
    let day = from.strftime("%b %-d, %Y");
    if from > standard.today {
        return Err(not_said(format!("nothing is asked before {day} ({cite})")));
    }
    if let (Some(why), true) = (&subject.not_kept, subject.posts.is_empty()) {
        return Err(not_said(format!("not read: {why}")));
    }
    let is_new = |post: &&Post| post.created_at.is_some_and(|at| dates::date(at, &standard.zone) >= from);
    let found: Vec<&Post> = subject.posts.iter().filter(is_new).collect();
    if found.is_empty() { Err(not_said(format!("no post of its own since {day} is known"))) } else { Ok((found, from)) }
}

/// Says of every post that falls short.
fn of_each(subject: &Subject, standard: &Standard, what: &str, falls_short: impl Fn(&Post) -> bool) -> Answer {
    let (posts, from) = posts(subject, standard)?;
    let short: Vec<&&Post> = posts.iter().filter(|post| falls_short(post)).collect();
    match short.len() {
        0 => holds(format!("none of its {} posts since {} {what}", posts.len(), from.strftime("%b %-d, %Y"))),
        count => {
            fails(format!("posts that {what}: {count} of {}", posts.len()), short.iter().map(|post| post.seq).take(50))
        }
    }
}

/// Pictures have words in their place. Facebook writes some by itself and does not say whose they are.
pub fn alt_text(subject: &Subject, standard: &Standard) -> Answer {
    let (posts, _) = posts(subject, standard)?;
    match subject.account.row.platform.as_str() {
        "facebook" => {
            return Err(not_said(
                "Facebook does not tell a person's words for a picture from those it makes by itself",
            ));
        }
        "youtube" => return Err(not_said("YouTube has no words in place of a picture")),
        _ => {}
    }
    // Of the pictures of an album Instagram does not tell it, and that it tells it at all shows only where somebody wrote some.
    let is_instagram = subject.account.row.platform == "instagram";
    let told = |post: &Post| !(is_instagram && post.content.media.len() > 1);
    let pictures = || posts.iter().copied().filter(|post| told(post)).flat_map(pictures_of);
    if posts.iter().all(|post| pictures_of(post).next().is_none()) {
        return holds("none of its posts has a picture");
    }
    let (bare, all) = (pictures().filter(|picture| is_bare(picture)).count(), pictures().count());
    if all == 0 || (is_instagram && bare == all) {
        return Err(not_said(format!("{} tells no words in place of any of its pictures", subject.platform())));
    }
    of_each(subject, standard, "have a picture without alt text", |post| told(post) && pictures_of(post).any(is_bare))
}

fn pictures_of(post: &Post) -> impl Iterator<Item = &Media> {
    post.content.media.iter().filter(|medium| post.kind != Kind::Video && !is_film(medium))
}

fn is_bare(picture: &Media) -> bool {
    picture.alt.as_deref().is_none_or(|alt| alt.trim().is_empty())
}

fn is_film(medium: &Media) -> bool {
    medium.mime.as_deref().is_some_and(|mime| mime.starts_with("video"))
}

/// Films have captions that somebody wrote; those that YouTube makes by itself do not count.
pub fn captions(subject: &Subject, standard: &Standard) -> Answer {
    let (posts, from) = posts(subject, standard)?;
    let films: Vec<&Post> = posts.into_iter().filter(|post| has_film(post)).collect();
    if films.is_empty() {
        return holds(format!("none of its posts since {} is a film", from.strftime("%b %-d, %Y")));
    }
    let list = subject.list("captions", "whether its films have captions")?;
    let told = |film: &&Post| list.fact(film.item.split_once(':')?.1).map(|told| (film.seq, told == "true"));
    let known: Vec<(u64, bool)> = films.iter().filter_map(told).collect();
    let bare: Vec<u64> = known.iter().filter(|(_, has)| !has).map(|(seq, _)| *seq).collect();
    match (bare.len(), known.len()) {
        (_, 0) => Err(not_said("it was not asked yet whether its films have captions")),
        (0, known) => holds(format!("its {known} newest films have captions")),
        (count, known) => fails(
            format!("newest films without captions that somebody wrote: {count} of {known}"),
            std::iter::once(list.seq).chain(bare.into_iter().take(50)),
        ),
    }
}

fn has_film(post: &Post) -> bool {
    post.kind == Kind::Video || post.content.media.iter().any(is_film)
}

/// Several words in one tag begin with capitals each, so that a voice can read them.
pub fn hashtags(subject: &Subject, standard: &Standard) -> Answer {
    of_each(subject, standard, "have a tag of several words without capitals between them", |post| {
        words::has_run_on_tag(&post.content.text, &standard.names)
    })
}

/// A link's words say where it leads.
pub fn click_here(subject: &Subject, standard: &Standard) -> Answer {
    of_each(subject, standard, "say \"click here\" or the like", |post| words::is_blind(&post.content.text))
}

/// Sentences are not in capitals: a voice may spell them letter by letter.
pub fn capitals(subject: &Subject, standard: &Standard) -> Answer {
    of_each(subject, standard, "have sentences in capitals", |post| words::shouts(&post.content.text, &standard.names))
}

/// What a flyer says stands in the text too.
pub fn flyers(subject: &Subject, standard: &Standard) -> Answer {
    let (posts, _) = posts(subject, standard)?;
    let has_picture = |post: &Post| !post.content.media.is_empty();
    let says = |post: &Post| words::points_to_a_picture(&post.content.text);
    if posts.iter().any(|post| has_picture(post) && says(post)) {
        return of_each(subject, standard, "send readers to a picture for what its text leaves out", |post| {
            has_picture(post) && says(post)
        });
    }
    let few = |post: &&&Post| has_picture(post) && post.content.text.split_whitespace().count() < 10;
    match posts.iter().filter(few).count() {
        0 => holds("no picture of its posts stands almost alone"),
        count => Err(not_said(format!(
            "{count} posts have a picture and few words; whether the picture has more was not looked at"
        ))),
    }
}
