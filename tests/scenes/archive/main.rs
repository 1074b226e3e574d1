//! The archive (XEP-0313, XEP-0059).

mod answers;
mod ask;
mod bounds;
mod contents;
mod lasting;
mod pages;
