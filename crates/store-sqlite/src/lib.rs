//! The store on SQLite: one writing connection, a few that read beside it (WAL), `synchronous=FULL`.

mod accounts;
mod archive;
mod error;
mod load;
mod lookups;
mod many;
mod one;
mod open;
mod readers;
mod reports;
mod retention;
mod rows;
mod search;
mod store;

pub use open::open;
