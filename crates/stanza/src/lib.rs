//! Stanzas as heads over shared bytes, their errors and typed payloads.
//!
//! A [`Stanza`] is what the scanner judged (its bytes and where its children lie) plus the head that we answer
//! for: kind, `from`, `to`. It is written by writing a new head and copying the children's bytes; nothing on
//! the way of a message becomes a tree. Typed payloads are decoded from a child's bytes by who wants them.

mod address;
mod error;
mod kind;
pub mod ns;
mod stanza;
mod typed;

pub use address::{Addr, bare, bare_str, prepare, prepare_account, same_bare};
pub use error::{Condition, ErrorType, StanzaError};
pub use kind::{IqType, Kind, MessageType, PresenceType};
pub use stanza::{ReadError, Stanza};
pub use typed::{decode, encode};
