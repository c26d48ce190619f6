mod archive;
mod store;
mod tidy;
