//! Urgent mail, the weekly report and the outbox, over an archive made by hand.

mod alerts;
mod outbox;
mod tickets;
mod weekly;
mod world;
