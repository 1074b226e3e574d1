//! Accounts, sessions, the order point and the module interface.
//!
//! Knows stanzas and who is connected; knows no XEP number, no SQL and no socket. The rules of RFC 6121 that
//! decide who gets what stand in `waxwing-im`; this crate holds the places where a decision takes effect.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod about;
mod account;
mod answers;
mod archive;
mod archiving;
mod behind;
mod cache;
mod clock;
mod command;
mod commit;
mod component;
mod core;
mod devices;
mod directory;
mod entry;
mod guard;
mod host;
mod ids;
mod inbound;
mod inline;
mod iq;
mod joining;
mod last_seen;
mod late;
mod linger;
mod module;
mod on;
mod order;
mod outbox;
mod resend;
mod resource;
mod retention;
mod roster;
mod session;
mod state;
mod strangers;
mod table;
mod ticket;

pub use about::{About, Feature, Identity, InfoForm, Place};
pub use account::{Account, Device};
pub use answers::{Answers, Expected};
pub use archive::{ArchivePage, Archived, Full, at_of, first_at};
pub use archiving::{Archive, ArchivePreferences, ArchiveRule, Archiving, policy_write};
pub use cache::{AccountCache, Edit};
pub use clock::now;
pub use command::{Command, Run, Stage};
pub use component::{Component, Link};
pub use core::{Core, Settings, stamp};
pub use devices::{Devices, DevicesAt};
pub use directory::Directory;
pub use entry::Entry;
pub use guard::{Amending, Copying, Kinds, Load, Passing, Point, Unread, Verdict};
pub use host::Host;
pub use inbound::Inbound;
pub use inline::InlineBind;
pub use iq::{At, Reply, Request};
pub use last_seen::LastSeen;
pub use late::Late;
pub use module::{Contacts, Module, PushPolicy, PushSummary, Setup, SetupError};
pub use on::On;
pub use order::{Accepted, Delivery, Keep, Targets};
pub use outbox::{Closing, Outbox};
pub use resend::ResendKey;
pub use resource::{Presence, Resource};
pub use retention::{Retention, retention_write};
pub use roster::Roster;
pub use session::{Session, SessionId};
pub use strangers::{Pace, Strangers};
pub use table::Table;
pub use ticket::Ticket;
