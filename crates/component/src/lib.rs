//! Streams of external components (XEP-0114): `jabber:component:accept`.
//!
//! [`Components::serve`] is the whole life of one connection: `login` leads from the first byte to a component that has
//! proven itself, `session` serves it until the stream ends.

mod components;
mod login;
mod session;
mod settings;

pub use components::Components;
pub use settings::{Secret, Settings};
