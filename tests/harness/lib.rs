//! Drives the real binary over real sockets.
//!
//! An independent judge: nothing here uses the server's own crates. The client parses with rxml and
//! minidom, authenticates with a SCRAM of its own and speaks TLS through rustls. Scenes read like the
//! specification: who sends, who receives, and what must not happen.
//!
//! - [`Server`] is a running `waxwing serve` on a database, with accounts to hand out.
//! - [`Client`] is a logged-in session, [`Stream`] the bare stream below it.
//! - [`scenes!`] makes of every scene two tests, one on SQLite and one on Postgres, [`scenes_of_both_policies!`]
//!   four, with and without an archive.
//!
//! Silence is never proven by waiting: another stanza goes out behind the one in question, and what did not
//! come before it does not come at all (RFC 6120 §10.1).

mod client;
mod commands;
mod component;
mod databases;
mod process;
mod ready;
mod sasl2;
mod scene;
mod scram;
mod server;
mod sm;
mod stanza;
mod stream;
mod tls;
mod xml;

pub use client::{Client, Login, Plus};
pub use component::Component;
pub use databases::{Database, Held};
pub use sasl2::{agent, authenticate, hashed_token, identifier, token_proof};
pub use scene::{befriend, run, subscribe};
pub use scram::{Binding, Hash, Scram};
pub use server::{Account, DAY, Server};
pub use sm::{Sm, Suspended};
pub use stanza::{StanzaExt, element, ns};
pub use stream::{Event, Stream};
pub use xml::{Item, Reader};
