//! Whether everybody can read the district's own new posts, as far as words tell: pictures are not looked into.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::super::{Answer, Standard, Subject, fails, holds, not_said};
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
            fails(format!("{count} of its {} posts {what}", posts.len()), short.iter().map(|post| post.seq).take(50))
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
    of_each(subject, standard, "have a picture without words in its place", |post| {
        told(post) && pictures_of(post).any(is_bare)
    })
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

/// Films have captions that somebody wrote. That they have none is no finding: the archive would not see it mended.
pub fn captions(subject: &Subject, standard: &Standard) -> Answer {
    let (posts, from) = posts(subject, standard)?;
    let films: Vec<u64> = posts.iter().filter(|post| has_film(post)).map(|post| post.seq).collect();
    if films.is_empty() {
        return holds(format!("none of its posts since {} is a film", from.strftime("%b %-d, %Y")));
    }
    let known: Vec<bool> =
        subject.captions.iter().filter(|(seq, _)| films.contains(seq)).map(|(_, has)| *has).collect();
    match (known.iter().filter(|has| !**has).count(), known.len()) {
        (_, 0) => Err(not_said(format!("{} does not tell whether its films have captions", subject.platform()))),
        (0, known) => holds(format!("its {known} newest films have captions")),
        // What was written since makes no new version: it is not known whether it is still so.
        (bare, known) => Err(not_said(format!(
            "{bare} of its {known} newest films had no captions that somebody wrote when they were kept"
        ))),
    }
}

fn has_film(post: &Post) -> bool {
    post.kind == Kind::Video || post.content.media.iter().any(is_film)
}

/// Several words in one tag begin with capitals each, so that a voice can read them.
pub fn hashtags(subject: &Subject, standard: &Standard) -> Answer {
    of_each(subject, standard, "have a tag of several words in small letters", |post| {
        tags(&post.content.text).any(runs_on)
    })
}

fn tags(text: &str) -> impl Iterator<Item = &str> {
    let ends = |mark: char| !(mark.is_alphanumeric() || mark == '_');
    let tags = text.split_whitespace().filter_map(|word| word.strip_prefix('#'));
    tags.map(move |rest| rest.split(ends).next().unwrap_or_default())
}

/// Longer than one word is, and without a second capital, a figure or a stroke that parts it.
fn runs_on(tag: &str) -> bool {
    tag.chars().count() > 12 && tag.chars().skip(1).all(char::is_lowercase)
}

/// A link's words say where it leads.
pub fn click_here(subject: &Subject, standard: &Standard) -> Answer {
    static BLIND: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:click|tap|press)\s+here\b|\bhaga?\s+cli[ck]\s+aqu[ií]|\blearn\s+more\s*:?\s*https?://")
            .expect("a constant")
    });
    of_each(subject, standard, "say \"click here\" or the like", |post| BLIND.is_match(&post.content.text))
}

/// Sentences are not in capitals: a voice may spell them letter by letter.
pub fn capitals(subject: &Subject, standard: &Standard) -> Answer {
    of_each(subject, standard, "have sentences in capitals", |post| shouts(&post.content.text))
}

/// Five words in a row, of three letters and more, in capitals alone.
fn shouts(text: &str) -> bool {
    let mut row = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().filter(|letter| letter.is_alphabetic()).collect();
        let is_loud = letters.len() >= 3 && letters.iter().all(|letter| letter.is_uppercase());
        row = match (is_loud, letters.len() < 3) {
            (true, _) => row + 1,
            (false, true) => row,
            (false, false) => 0,
        };
        if row >= 5 {
            return true;
        }
    }
    false
}

/// What a flyer says stands in the text too.
pub fn flyers(subject: &Subject, standard: &Standard) -> Answer {
    static POINTS: LazyLock<Regex> = LazyLock::new(|| {
        let english = r"\b(?:see|check|read|view)\s+(?:the\s+|our\s+|attached\s+)*(?:flyer|flier|poster|image|graphic|picture)|\b(?:details|info(?:rmation)?)\s+(?:are\s+|is\s+)?(?:in|on)\s+(?:the\s+|our\s+)?(?:flyer|flier|poster|image|graphic|picture)";
        let spanish = r"\b(?:vea|ver|consulte)\s+(?:el\s+|la\s+)?(?:volante|folleto|imagen|cartel)";
        Regex::new(&format!("(?i){english}|{spanish}")).expect("a constant")
    });
    let (posts, _) = posts(subject, standard)?;
    let has_picture = |post: &Post| !post.content.media.is_empty();
    let says = |post: &Post| POINTS.is_match(&post.content.text) && !tells_when(&post.content.text);
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

/// A time of day, or a day with a figure.
fn tells_when(text: &str) -> bool {
    static WHEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b\d{1,2}(?::\d\d)?\s*[ap]\.?\s?m\b|\b\d{1,2}:\d\d\b|\b\d{1,2}/\d{1,2}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2}\b").expect("a constant")
    });
    WHEN.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_several_words_are_told_from_single_ones() {
        let found = |text: &str| tags(text).any(runs_on);
        assert!(found("Go #mesavistacondorsfootball!"));
        assert!(!found("Go #MesaVistaCondorsFootball, #condors, #classof2027senioryear and #a_long_tag_with_strokes"));
    }

    #[test]
    fn shouting_is_five_loud_words_in_a_row() {
        assert!(shouts("COME TO THE BIG GAME TONIGHT"));
        assert!(shouts("ALL OF THE BUSES ARE LATE TODAY"));
        assert!(!shouts("The ASB, PTA, DELAC and ELAC meet"));
        assert!(!shouts("GAME DAY! See you there"));
    }

    #[test]
    fn a_time_is_found_however_it_is_written() {
        for text in ["at 6 p.m. today", "18:30", "on Nov 3", "by 11/20"] {
            assert!(tells_when(text), "{text}");
        }
        assert!(!tells_when("see the flyer for room 12"));
    }
}
