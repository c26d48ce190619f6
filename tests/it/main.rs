mod archive;
mod facebook;
mod instagram;
mod sandbox;
mod store;
mod mails;
mod tidy;
mod unit;
