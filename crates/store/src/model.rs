//! The rows, as both databases hold them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::StoreError;

/// The database's number of an account; never used again after the account is removed.
pub type OwnerId = i64;

/// The position of an entry in its owner's log: grows, has holes, is never shown to clients. At most `i64::MAX`.
pub type Seq = u64;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMillis = i64;

/// An account as stored. `keys` are opaque here: SCRAM keys as `waxwing-sasl` encodes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub id: OwnerId,
    /// The bare JID, prepared.
    pub jid: String,
    pub keys: Vec<u8>,
    pub disabled: bool,
    pub admin: bool,
    pub created: UnixMillis,
}

/// Which of what is stored of an account [`Store::load`](crate::Store::load) reads.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Resend rows since then, the newest, at most so many.
    pub resends: (UnixMillis, u32),
    /// Docs of these kinds.
    pub kinds: &'a [&'static str],
}

/// An account as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccount {
    pub row: AccountRow,
    pub head: LogHead,
    /// Newest first.
    pub resends: Vec<ResendRow>,
    pub roster: Roster,
    /// By kind, those of one kind by key. A kind without docs is not there.
    pub docs: HashMap<String, Vec<Doc>>,
}

/// An account about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    pub jid: String,
    pub keys: Vec<u8>,
    pub admin: bool,
    pub created: UnixMillis,
}

/// The two marks of a log entry; an entry with neither is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    pub archived: bool,
    pub pending: bool,
}

/// One entry of an account's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    pub owner: OwnerId,
    pub seq: Seq,
    pub at: UnixMillis,
    pub marks: Marks,
    /// The other side, with its resource where the stanza had one: the sender of what the owner got, the addressee
    /// of what it sent.
    pub peer: Arc<str>,
    /// The stanza as XML in the scope `jabber:client`.
    pub stanza: Arc<[u8]>,
}

impl LogRow {
    /// The other side's bare JID, and its resource, empty for none.
    pub fn parties(&self) -> (&str, &str) {
        self.peer.split_once('/').unwrap_or((&self.peer, ""))
    }
}

/// Which archived entries of a log are read. The bounds are positions outside of what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    pub after: Seq,
    pub before: Seq,
    /// With this bare JID on the other side only.
    pub peer: Option<String>,
    /// And with this resource.
    pub resource: Option<String>,
    /// Only these positions.
    pub among: Option<Vec<Seq>>,
    /// The newest come first.
    pub backwards: bool,
    pub limit: u32,
}

impl LogQuery {
    /// The first `limit` of everything.
    pub fn all(limit: u32) -> LogQuery {
        LogQuery {
            after: 0,
            before: Seq::MAX,
            peer: None,
            resource: None,
            among: None,
            backwards: false,
            limit,
        }
    }
}

/// What an account's log looks like when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogHead {
    /// The greatest position that is present or was ever archived, 0 for neither. So a position whose stanza id
    /// clients may remember is not used again, however much of the archive has been taken off since.
    pub last: Seq,
    /// How many entries are pending.
    pub pending: u64,
    /// How many entries are archived: a counter kept with every append, never counted at login.
    pub archived: u64,
}

/// An archive with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveHead {
    pub owner: OwnerId,
    /// The account's bare JID.
    pub jid: String,
    /// Where its oldest entry is.
    pub oldest: Seq,
    /// The doc that was asked for.
    pub doc: Option<Vec<u8>>,
}

/// RFC 6121 §2.1.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subscription {
    #[default]
    None,
    To,
    From,
    Both,
}

impl Subscription {
    /// As the databases hold it.
    pub fn number(self) -> i64 {
        match self {
            Subscription::None => 0,
            Subscription::To => 1,
            Subscription::From => 2,
            Subscription::Both => 3,
        }
    }

    /// The inverse of [`number`](Subscription::number).
    pub fn from_number(number: i64) -> Result<Subscription, StoreError> {
        match number {
            0 => Ok(Subscription::None),
            1 => Ok(Subscription::To),
            2 => Ok(Subscription::From),
            3 => Ok(Subscription::Both),
            _ => Err(StoreError("a roster row's subscription is damaged".to_owned())),
        }
    }
}

/// One contact in a roster, or a request from someone who is not listed yet (`listed` is false then).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RosterRow {
    /// The contact's bare JID, prepared.
    pub contact: String,
    /// Whether clients see it as a roster item.
    pub listed: bool,
    pub name: Option<String>,
    pub groups: Vec<String>,
    pub subscription: Subscription,
    /// We asked and have no answer ("Pending Out").
    pub ask: bool,
    /// RFC 6121 §3.4.
    pub approved: bool,
    /// Their unanswered request as XML ("Pending In").
    pub request: Option<Vec<u8>>,
}

/// A roster as loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    /// Counts the changes; 0 for a roster never written.
    pub version: u64,
    pub rows: Vec<RosterRow>,
}

/// One value of an owner, under a kind (which module) and a key. At most
/// [`MAX_KIND`](crate::MAX_KIND) and [`MAX_KEY`](crate::MAX_KEY) bytes long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    pub key: String,
    pub value: Vec<u8>,
}

/// A client of an account that said which installation it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    pub owner: OwnerId,
    /// Its own, the same at every login.
    pub id: String,
    /// Names for people, by its own word; perhaps empty.
    pub software: String,
    pub name: String,
    /// When it first logged in.
    pub first: UnixMillis,
    /// When it last logged in.
    pub seen: UnixMillis,
    /// Opaque here: what `waxwing-sasl` keeps of its tokens, empty for none.
    pub tokens: Vec<u8>,
}

/// Keys of messages that a sender had accepted in one batch (16 bytes each, one after another).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendRow {
    pub owner: OwnerId,
    /// Which start of the server wrote it.
    pub boot: u64,
    pub at: UnixMillis,
    pub keys: Vec<u8>,
}
