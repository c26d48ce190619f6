mod archive;
mod store;
mod tidy;
mod unit;
