//! What others write about the district's accounts on X: posts that name one, and posts that quote one of its posts.

use jiff::SignedDuration;

use super::state::person;
use super::world::{Form, Origin, State};
use crate::model::{Platform, Timestamp};

/// Of each account on X: posts that name it, with talk of strangers under one and the account's answer there, and posts that
/// quote its newest posts.
pub fn fill(state: &mut State) {
    let accounts = state.accounts.clone();
    for account in accounts.iter().filter(|account| account.platform == Platform::X) {
        let now = state.now;
        for (hours, author, text) in [
            (2_300, "Pat Reyes", "Who runs the lost and found?"),
            (250, "Sam Ortiz", "Is the late bus running on Friday?"),
            (26, "Lee Marsh", "Thank you for the fast answer today."),
        ] {
            state.now = moment(now - SignedDuration::from_hours(hours));
            mention(state, &account.slug, author, text);
        }
        elsewhere(state, &account.slug, now - SignedDuration::from_hours(52));
        for (number, hours) in [(5, 30), (3, 20), (2, 3)] {
            state.now = moment(now - SignedDuration::from_hours(hours));
            let own = state.items.iter().filter(|item| item.author.id == account.id && item.parent.is_none());
            let mut own: Vec<(Timestamp, String)> = own.map(|item| (item.created_at, item.id.clone())).collect();
            own.sort();
            let before: Vec<&(Timestamp, String)> = own.iter().filter(|(at, _)| *at < state.now).collect();
            if let Some((_, id)) = before.len().checked_sub(number).and_then(|at| before.get(at)) {
                quote(state, &id.clone(), "Kevin Marsh", "Everybody should read this.");
            }
        }
        state.now = now;
    }
}

/// A thread that somebody else began: with words between strangers, and one that the account answers.
fn elsewhere(state: &mut State, slug: &str, at: Timestamp) {
    let now = std::mem::replace(&mut state.now, moment(at));
    let begun = mention(state, slug, "Rosa Delgadillo", "Long line at the east gate again.");
    state.now = moment(at + SignedDuration::from_mins(9));
    let talk = begun.and_then(|root| state.add_comment(&root, "Jo Park", "Same on Tuesday."));
    state.now = moment(at + SignedDuration::from_mins(40));
    let answer = talk.and_then(|talk| state.add_answer(&talk, "We have opened a second lane."));
    state.now = moment(at + SignedDuration::from_mins(45));
    answer.and_then(|answer| state.add_comment(&answer, "Jo Park", "That helps, thanks!"));
    state.now = now;
}

/// Times on X are told to the second where ids are made of them.
fn moment(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

pub fn mention(state: &mut State, slug_or_id: &str, author: &str, text: &str) -> Option<String> {
    let (now, account) = (state.now, state.account(slug_or_id)?.clone());
    let text = format!("@{} {text}", account.handle);
    Some(state.post(&account, person(Platform::X, author), &text, (Origin::Tagged, Form::Status), now))
}

pub fn quote(state: &mut State, post: &str, author: &str, text: &str) -> Option<String> {
    let (now, quoted) = (state.now, state.item(post)?.clone());
    let account = state.account(&quoted.account)?.clone();
    let id = state.post(&account, person(Platform::X, author), text, (Origin::Tagged, Form::Status), now);
    state.change(&id, |item| item.quotes = Some(quoted.id));
    Some(id)
}
