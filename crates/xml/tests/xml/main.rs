//! Tests of what the crate promises, hostile input above all.

#![allow(clippy::unwrap_used)]

mod corpus;
mod differential;
mod header;
mod oracle;
mod scan;
mod split;
mod write;
