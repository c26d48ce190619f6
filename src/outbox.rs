//! The outbox: what waits is sent, what nobody took is tried again, what was refused for good is said so.
//!
//! A mail is stored before it is sent and marked after: a crash in between sends it twice with the same Message-ID, never not
//! at all.

use anyhow::{Context as _, Result};
use jiff::SignedDuration;

use crate::db::{Db, mails};
use crate::mail::{self, Error, Mailer, Message};
use crate::model::Timestamp;

/// For so long a mail that is being sent is nobody else's to send.
const HELD: SignedDuration = SignedDuration::from_mins(5);
/// Between two tries of one mail.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// When so many in a row found nobody, the rest waits for the next look.
const GIVE_UP_AFTER: u32 = 3;

/// What one look at the outbox did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    pub sent: u32,
    pub refused: u32,
    pub postponed: u32,
}

/// Sends every mail that is due at `now`, urgent ones first. Trouble with the mail server is no error here: it is on record.
pub async fn send_due(db: &Db, mailer: &Mailer, now: Timestamp) -> Result<Sent> {
    let mut done = Sent::default();
    let mut away_in_a_row = 0;
    while away_in_a_row < GIVE_UP_AFTER {
        let Some(mail) = db.writer.write_async(move |tx| mails::take(tx, now, now + HELD)).await? else { break };
        let id = mail.id;
        let wait = wait_after(mail.tries);
        match mailer.send(&message(mail)?).await {
            Ok(receipt) => {
                away_in_a_row = 0;
                done.sent += 1;
                db.writer.write_async(move |tx| mails::sent(tx, id, &receipt.0, now)).await?;
            }
            Err(error @ Error::Refused { .. }) => {
                away_in_a_row = 0;
                done.refused += 1;
                tracing::error!("mail {id} was refused for good: {error}");
                let answer = error.to_string();
                db.writer.write_async(move |tx| mails::refused(tx, id, &answer, now)).await?;
            }
            Err(error) => {
                away_in_a_row += 1;
                done.postponed += 1;
                tracing::warn!("mail {id} waits: {error}");
                let answer = error.to_string();
                db.writer.write_async(move |tx| mails::postponed(tx, id, &answer, now + wait, now)).await?;
            }
        }
    }
    Ok(done)
}

/// 1, 2, 4, 8, 10, 10 … minutes.
fn wait_after(tries: u32) -> SignedDuration {
    let doubled = FIRST_WAIT * 2_i32.saturating_pow(tries.saturating_sub(1).min(8));
    doubled.min(LONGEST_WAIT)
}

/// The message as it was stored: the same bytes at each try.
fn message(mail: mails::Waiting) -> Result<Message> {
    let kind = mail::Kind::ALL.iter().copied().find(|kind| kind.as_str() == mail.kind);
    Ok(Message {
        kind: kind.with_context(|| format!("mail {} is of no known kind", mail.id))?,
        to: mail.recipient,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        important: mail.important,
        message_id: mail.message_id,
        date: mail.stored_at,
    })
}
