//! What a module is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{About, Core, Host, On};

/// A XEP, or another feature, that takes part through named points only. One instance for each hosted domain.
pub trait Module: Sized + Send + Sync + 'static {
    const ABOUT: About;

    /// Opens what it keeps and reads its options.
    fn new(setup: &Setup<'_>) -> Result<Self, SetupError>;

    /// Everything that it takes part in, on one screen.
    fn install(on: &mut On<'_, Self>);
}

/// What a module is made from.
pub struct Setup<'a> {
    pub core: &'a Arc<Core>,
    pub host: &'a Arc<Host>,
    /// Rounds for the keys of a new password.
    pub iterations: u32,
    /// Entries that a block list may have.
    pub block_list_items: usize,
    /// Reports to the operator that are kept of one account; the oldest go.
    pub reports: u32,
    pub contacts: Contacts,
    /// Bytes that private storage may take per account.
    pub private_bytes: usize,
    /// Runs of commands that an account may have at a time.
    pub command_sessions: usize,
    /// Bytes that a vCard may have.
    pub vcard_bytes: usize,
    /// Bytes that the picture in a vCard may have, decoded.
    pub avatar_bytes: usize,
    /// Results in one page of an archive.
    pub archive_page: u32,
    /// JIDs that an account's archive preferences may name.
    pub archive_preferences: usize,
    pub push: PushPolicy,
}

/// Where the operator can be reached: URIs, by what for.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    pub abuse: Vec<String>,
    pub admin: Vec<String>,
    pub feedback: Vec<String>,
    pub sales: Vec<String>,
    pub security: Vec<String>,
    pub status: Vec<String>,
    pub support: Vec<String>,
    /// Documents that programs read while the server cannot be reached.
    pub external_status: Vec<String>,
}

/// What services that wake devices are told, and when.
#[derive(Debug, Clone, Copy)]
pub struct PushPolicy {
    pub summary: PushSummary,
    /// How long a connected client has to acknowledge a message before it is woken by other means.
    pub patience: Duration,
    /// Registrations per account; the oldest goes.
    pub registrations: usize,
}

impl Default for PushPolicy {
    fn default() -> PushPolicy {
        PushPolicy { summary: PushSummary::Count, patience: Duration::from_secs(10), registrations: 20 }
    }
}

/// What they are told of a message; each says what the ones before say too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PushSummary {
    Count,
    Sender,
    Body,
}

/// A module cannot work as configured; the text says why, for people.
#[derive(Debug)]
pub struct SetupError(pub String);

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SetupError {}
