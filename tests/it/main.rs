mod archive;
mod facebook;
mod recorded_others;
mod sandbox;
mod store;
mod mails;
mod tidy;
mod unit;
