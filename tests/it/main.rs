mod archive;
mod facebook;
mod recorded_others;
mod store;
mod tidy;
mod unit;
