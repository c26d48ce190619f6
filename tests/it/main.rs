mod archive;
mod facebook;
mod store;
mod tidy;
mod unit;
