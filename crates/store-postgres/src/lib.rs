//! The store on Postgres: one connection that writes, in pipelined transactions, and a pool that reads.

mod accounts;
mod archive;
mod connection;
mod error;
mod load;
mod one;
mod open;
mod pipeline;
mod reports;
mod retention;
mod rows;
mod search;
mod store;
mod url;

pub use open::open;
