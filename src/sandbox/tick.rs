//! Pages go on changing: one plausible thing at a time.

use jiff::SignedDuration;

use super::ids::Dice;
use super::seed::{comment_text, media, post_text};
use super::state::person;
use super::world::{Form, Item, Note, Origin, State};
use crate::model::{Category, Kind, Platform, Timestamp};

/// What the public writes now and then that somebody must see.
const ALARMS: &[(&str, Category)] = &[
    ("I swear I will shoot him when school lets out", Category::ThreatViolence),
    ("i want to end my life and i have a plan", Category::SelfHarm),
    ("Call me at 760-555-0177 after six", Category::PiiPhone),
    ("My coach keeps asking me to send him private pictures", Category::SexualExploitation),
    ("Mi padrastro me golpea cuando mi mamá no está", Category::ChildAbuseDisclosure),
];

/// Moves the world to `now`, lets one thing happen and says what, without anybody's words.
pub fn tick(state: &mut State, now: Timestamp) -> String {
    state.now = now.max(state.now);
    let turn = state.next();
    let mut dice = Dice::of(&format!("tick {turn}"));
    match dice.below(20) {
        0..=2 => new_post(state, &mut dice),
        3 => alarm(state, &mut dice),
        4 => edited(state, &mut dice),
        5 => hidden(state, &mut dice),
        6 => deleted(state, &mut dice),
        7 => profile(state, &mut dice),
        _ => new_comment(state, &mut dice),
    }
}

/// A root of the last two weeks that takes comments, or failing that any.
fn lively(state: &State, dice: &mut Dice) -> Option<Item> {
    let since = state.now - SignedDuration::from_hours(24 * 14);
    let roots = |from: Timestamp| -> Vec<&Item> {
        let open = |item: &&Item| {
            item.parent.is_none()
                && item.gone_at.is_none()
                && !item.comments_off
                && item.created_at >= from
                && !matches!(item.form, Form::Story | Form::Repost | Form::LoosePhoto)
        };
        state.items.iter().filter(open).collect()
    };
    let recent = roots(since);
    let all = if recent.is_empty() { roots(Timestamp::MIN) } else { recent };
    all.get(usize::try_from(dice.below(all.len() as u64)).unwrap_or(0)).copied().cloned()
}

fn comment_of(state: &State, dice: &mut Dice) -> Option<Item> {
    let root = lively(state, dice)?;
    let thread = state.thread(&root.id);
    thread.get(usize::try_from(dice.below(thread.len() as u64)).unwrap_or(0)).copied().cloned()
}

fn new_comment(state: &mut State, dice: &mut Dice) -> String {
    let Some(root) = lively(state, dice) else { return "nothing happened".to_owned() };
    let thread = state.thread(&root.id);
    let under = thread.last().filter(|_| dice.chance(35)).copied().cloned().unwrap_or_else(|| root.clone());
    let (author, text) = comment_text(&root, dice);
    let now = state.now;
    let id = state.comment(&under, author, text, now);
    format!("new {} on {}: {id}", if under.kind == Kind::Comment { "reply" } else { "comment" }, slug(state, &root))
}

fn new_post(state: &mut State, dice: &mut Dice) -> String {
    let accounts = state.accounts.clone();
    let Some(account) = accounts.get(usize::try_from(dice.below(accounts.len() as u64)).unwrap_or(0)) else {
        return "nothing happened".to_owned();
    };
    let form = match account.platform {
        Platform::Facebook | Platform::Instagram if dice.chance(15) => Form::Story,
        Platform::Instagram => Form::Photo,
        Platform::Youtube => Form::Video,
        _ if dice.chance(40) => Form::Photo,
        _ => Form::Status,
    };
    let text = if form == Form::Story { String::new() } else { post_text(account, dice) };
    let now = state.now;
    let id = state.post(account, account.as_person(), &text, (Origin::Own, form), now);
    let media = media(form, account.platform, dice);
    state.attach(&id, media);
    format!("new post on {}: {id}", account.slug)
}

fn alarm(state: &mut State, dice: &mut Dice) -> String {
    let Some(root) = lively(state, dice) else { return "nothing happened".to_owned() };
    let (text, category) = ALARMS[usize::try_from(dice.below(ALARMS.len() as u64)).unwrap_or(0)];
    let (author, now) = (person(root.platform, &format!("Visitor {}", dice.below(900))), state.now);
    let id = state.comment(&root, author, text, now);
    state.change(&id, |item| item.note = Some(Note::Flag(category)));
    format!("comment of concern on {}: {id}", slug(state, &root))
}

fn edited(state: &mut State, dice: &mut Dice) -> String {
    match comment_of(state, dice) {
        Some(item) if !matches!(item.platform, Platform::X | Platform::Bluesky) => {
            state.edit(&item.id, &format!("{} (edited)", item.text));
            format!("comment edited on {}: {}", slug(state, &item), item.id)
        }
        _ => new_comment(state, dice),
    }
}

fn hidden(state: &mut State, dice: &mut Dice) -> String {
    match comment_of(state, dice) {
        Some(item) if matches!(item.platform, Platform::Facebook | Platform::Instagram) => {
            state.change(&item.id, |item| item.hidden = true);
            format!("comment hidden on {}: {}", slug(state, &item), item.id)
        }
        _ => new_comment(state, dice),
    }
}

fn deleted(state: &mut State, dice: &mut Dice) -> String {
    match comment_of(state, dice) {
        Some(item) => {
            state.delete(&item.id);
            format!("comment deleted on {}: {}", slug(state, &item), item.id)
        }
        None => new_comment(state, dice),
    }
}

fn profile(state: &mut State, dice: &mut Dice) -> String {
    let at = usize::try_from(dice.below(state.accounts.len() as u64)).unwrap_or(0);
    let Some(account) = state.accounts.get_mut(at) else { return "nothing happened".to_owned() };
    account.followers += 7;
    account.about = format!("{} Now enrolling!", account.about.trim_end_matches(" Now enrolling!"));
    format!("profile changed: {}", account.slug)
}

fn slug(state: &State, item: &Item) -> String {
    state.account(&item.account).map(|account| account.slug.clone()).unwrap_or_default()
}
