//! Fills the pages with two years of everyday posts and the talk under them.

use jiff::SignedDuration;

use super::ids::Dice;
use super::state::person;
use super::texts::{self, COMMENTS_EN, COMMENTS_ES, PEOPLE, POSTS_EN, POSTS_ES, POSTS_SPORT};
use super::world::{Account, File, Form, Item, Language, Link, Medium, Origin, Person, State};
use crate::model::{Platform, Timestamp};

/// Fills every account, oldest post first.
pub fn fill(state: &mut State) {
    for account in state.accounts.clone() {
        let mut dice = Dice::of(&format!("seed {}", account.slug));
        let count = posts_of(account.platform);
        for number in (0..count).rev() {
            let at = when(&mut dice, state.now, number, count);
            everyday(state, &account, &mut dice, at);
        }
        if account.platform == Platform::Facebook {
            visitors(state, &account, &mut dice);
        }
    }
}

fn posts_of(platform: Platform) -> i64 {
    match platform {
        Platform::Facebook => 36,
        Platform::Instagram => 22,
        Platform::X => 28,
        Platform::Youtube => 14,
        Platform::Bluesky => 18,
    }
}

/// Close together of late, further apart the further back: from hours ago to about two years.
fn when(dice: &mut Dice, now: Timestamp, number: i64, count: i64) -> Timestamp {
    let hours = number * number * 24 * 640 / (count * count) + number * 7 + 5;
    let jitter = i64::try_from(dice.below(3 * 3600)).unwrap_or(0);
    let at = now - SignedDuration::from_hours(hours) - SignedDuration::from_secs(jitter);
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn everyday(state: &mut State, account: &Account, dice: &mut Dice, at: Timestamp) {
    let form = form(account.platform, dice);
    let text = post_text(account, dice);
    let id = state.post(account, account.as_person(), &text, (Origin::Own, form), at);
    let (media, link) = (media(form, account.platform, dice), (form == Form::Link).then(|| link(dice)));
    let (reactions, shares) = (dice.below(240), dice.below(4) * dice.below(9));
    state.attach(&id, media);
    state.change(&id, |item| {
        // On X a link is a part of the text.
        if let Some(link) = link.as_ref().filter(|_| item.platform == Platform::X) {
            item.text = format!("{} {}", item.text, link.url);
        }
        item.link = link;
        item.reactions = i64::try_from(reactions).unwrap_or(0);
        item.shares = i64::try_from(shares).unwrap_or(0);
    });
    if form != Form::Story && form != Form::Repost {
        let comments = dice.pick(&[&0_u64, &1, &2, &3, &3, &4, &5, &6, &8, &11]).to_owned();
        talk(state, &id, comments, dice);
    }
}

fn form(platform: Platform, dice: &mut Dice) -> Form {
    let forms: &[&Form] = match platform {
        Platform::Facebook => &[
            &Form::Status,
            &Form::Status,
            &Form::Status,
            &Form::Photo,
            &Form::Photo,
            &Form::Photo,
            &Form::Link,
            &Form::Link,
            &Form::Album,
            &Form::Video,
            &Form::Reel,
            &Form::LoosePhoto,
        ],
        Platform::Instagram => &[&Form::Photo, &Form::Photo, &Form::Photo, &Form::Album, &Form::Reel, &Form::Video],
        Platform::X => &[&Form::Status, &Form::Status, &Form::Status, &Form::Photo, &Form::Link],
        Platform::Youtube => &[&Form::Video],
        Platform::Bluesky => &[&Form::Status, &Form::Status, &Form::Photo, &Form::Link],
    };
    *dice.pick(forms)
}

/// The platform-neutral text of one post, its gaps filled in.
pub fn post_text(account: &Account, dice: &mut Dice) -> String {
    let list = match (account.language, account.slug.as_str()) {
        (Language::Spanish, _) => POSTS_ES,
        (_, "condor-athletics" | "mesa-vista-high-instagram") if dice.chance(60) => POSTS_SPORT,
        _ => POSTS_EN,
    };
    let days = if account.language == Language::Spanish { texts::DAYS_ES } else { texts::DAYS_EN };
    let text = dice.pick(list).replace("{day}", dice.pick(days)).replace("{school}", dice.pick(texts::SCHOOLS));
    let surname = dice.pick(PEOPLE).to_owned();
    text.replace("{n}", &(dice.below(40) + 12).to_string()).replace("{name}", &surname)
}

/// A comment of the everyday kind and who writes it.
pub fn comment_text(item: &Item, dice: &mut Dice) -> (Person, &'static str) {
    let spanish = item.language == Language::Spanish || dice.chance(8);
    let text = dice.pick(if spanish { COMMENTS_ES } else { COMMENTS_EN });
    (person(item.platform, dice.pick(PEOPLE)), text)
}

/// So many comments under a root, some with replies, some answered by the page itself.
pub fn talk(state: &mut State, root: &str, comments: u64, dice: &mut Dice) {
    let Some(root) = state.item(root).cloned() else { return };
    for _ in 0..comments {
        say(state, &root, &root, dice);
    }
}

/// One comment, perhaps answered, under a root or a picture of it.
fn say(state: &mut State, root: &Item, under: &Item, dice: &mut Dice) {
    let at = later(dice, root.created_at, state.now, 50);
    let (author, text) = comment_text(root, dice);
    let comment = state.comment(under, author, text, at);
    oddities(state, &comment, dice);
    if dice.chance(30) {
        replies(state, root, &comment, dice);
    }
}

/// A few words under single pictures of Facebook's albums, now and then with an answer.
pub fn talk_under_pictures(state: &mut State) {
    let album = |item: &&Item| item.platform == Platform::Facebook && item.form == Form::Album;
    let albums: Vec<Item> = state.items.iter().filter(album).cloned().collect();
    for album in albums {
        let mut dice = Dice::of(&format!("pictures of {}", album.id));
        for medium in &album.media {
            let under = Item { picture: Some(medium.id.clone()), ..album.clone() };
            for _ in 0..*dice.pick(&[&0_u64, &0, &0, &1, &2]) {
                say(state, &album, &under, &mut dice);
            }
        }
    }
}

fn replies(state: &mut State, root: &Item, comment: &str, dice: &mut Dice) {
    let mut under = comment.to_owned();
    for number in 0..=dice.below(3) {
        let Some(parent) = state.item(&under).cloned() else { return };
        let at = later(dice, parent.created_at, state.now, 9);
        let spanish = root.language == Language::Spanish;
        let page = state.account(&root.account).filter(|_| number == 0 && dice.chance(50)).map(Account::as_person);
        let (author, list) = match (page, spanish) {
            (Some(page), true) => (page, texts::ANSWERS_ES),
            (Some(page), false) => (page, texts::ANSWERS_EN),
            (None, true) => (person(root.platform, dice.pick(PEOPLE)), texts::REPLIES_ES),
            (None, false) => (person(root.platform, dice.pick(PEOPLE)), texts::REPLIES_EN),
        };
        let reply = state.comment(&parent, author, dice.pick(list), at);
        if dice.chance(50) {
            under = reply;
        }
    }
}

/// A moment after `from` and before now, within so many hours.
pub fn later(dice: &mut Dice, from: Timestamp, now: Timestamp, hours: u64) -> Timestamp {
    let room = u64::try_from(now.duration_since(from).as_secs()).unwrap_or(0).saturating_sub(60);
    let seconds = 20 + dice.below((hours * 3600).min(room.max(1)));
    let at = (from + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(20))).min(now);
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// What platforms do to comments now and then.
fn oddities(state: &mut State, comment: &str, dice: &mut Dice) {
    let (withheld, hidden, held, liked) = (dice.chance(9), dice.chance(4), dice.chance(2), dice.below(12));
    state.change(comment, |item| {
        item.author_withheld = withheld && matches!(item.platform, Platform::Facebook | Platform::Instagram);
        item.hidden = hidden && !matches!(item.platform, Platform::X | Platform::Youtube);
        item.held = held && matches!(item.platform, Platform::Facebook | Platform::Instagram | Platform::Youtube);
        item.reactions = i64::try_from(liked).unwrap_or(0);
    });
    if dice.chance(3) && state.item(comment).is_some_and(|item| item.platform == Platform::Facebook) {
        let picture = media(Form::Photo, Platform::Facebook, dice);
        state.attach(comment, picture);
    }
}

pub fn media(form: Form, platform: Platform, dice: &mut Dice) -> Vec<Medium> {
    let count = match form {
        Form::Photo | Form::LoosePhoto | Form::Story => 1,
        Form::Album if platform == Platform::Instagram => 2 + dice.below(8),
        Form::Album => 3 + dice.below(14),
        Form::Video | Form::Reel => 1,
        Form::Status | Form::Link | Form::Repost => 0,
    };
    let film = matches!(form, Form::Video | Form::Reel);
    (0..count).map(|_| medium(film, dice)).collect()
}

fn medium(film: bool, dice: &mut Dice) -> Medium {
    const ALTS: &[&str] = &[
        "Students in blue shirts hold a banner that reads GO CONDORS",
        "May be an image of one or more people and people standing",
        "A garden bed with chard and carrots",
        "Niños con trajes de baile folklórico",
        "",
    ];
    let file = match (film, dice.below(4)) {
        (true, _) => File::Mp4,
        (false, 0) => File::Png,
        (false, _) => File::Jpeg,
    };
    let alt = dice.chance(60).then(|| dice.pick(ALTS).to_owned()).filter(|alt| !alt.is_empty());
    Medium { id: format!("6{}", dice.digits(14)), file, alt }
}

fn link(dice: &mut Dice) -> Link {
    const LINKS: &[(&str, &str, &str)] = &[
        (
            "https://www.mesavista.example.org/board/agenda?item=7&lang=en",
            "Board agenda",
            "Regular meeting of the Board of Education",
        ),
        ("https://www.mesavista.example.org/enroll", "Enroll now", "How to enroll a new student in Mesa Vista Unified"),
        (
            "https://news.example.org/mesa-vista-robotics",
            "Desert robots",
            "How a high school team built a champion out of spare parts",
        ),
        ("https://www.mesavista.example.org/calendario", "Calendario escolar", "Fechas importantes del año escolar"),
    ];
    let (url, title, description) = LINKS[usize::try_from(dice.below(LINKS.len() as u64)).unwrap_or(0)];
    Link { url: url.to_owned(), title: title.to_owned(), description: description.to_owned() }
}

/// Posts by others: on the page itself, and elsewhere with the page named.
fn visitors(state: &mut State, account: &Account, dice: &mut Dice) {
    for number in 1..5 {
        let at = when(dice, state.now, number * 4, 24);
        let author = person(Platform::Facebook, dice.pick(PEOPLE));
        let text = dice.pick(if account.language == Language::Spanish { COMMENTS_ES } else { COMMENTS_EN });
        let origin = if number == 3 { Origin::Tagged } else { Origin::Visitor };
        let text = if origin == Origin::Tagged { format!("{text} With {}", account.name) } else { text.to_owned() };
        let id = state.post(account, author, &text, (origin, Form::Status), at);
        state.change(&id, |item| item.author_withheld = number == 2);
        let comments = dice.below(3);
        talk(state, &id, comments, dice);
    }
}
