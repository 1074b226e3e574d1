//! One change, and what every database refuses of it.

use smallvec::SmallVec;

use crate::{DeviceRow, LogRow, OwnerId, Report, ResendRow, RosterRow, Seq};

/// Bytes in a bare JID and in the key of a doc: a bare JID at its longest (RFC 7622 §3.1). An index entry of
/// Postgres holds no more than 2,700.
pub const MAX_KEY: usize = 2047;

/// Bytes in the kind of a doc.
pub const MAX_KIND: usize = 128;

/// Bytes in a resource (RFC 7622 §3.4).
const MAX_RESOURCE: usize = 1023;

/// Bytes in one write. Far above what any module stores: a guard for memory, not a quota.
pub const MAX_WRITE: usize = 16 << 20;

/// What is stored together or not at all: the sender's entry and the recipient's, mostly.
pub type Unit = SmallVec<[Write; 2]>;

/// One change. All are idempotent: applying a batch a second time changes nothing.
/// One for an owner who does not exist (any more) changes nothing either, as if the removal had come after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Appends to a log. An entry already present at that position stays as it is.
    Append(LogRow),
    /// Takes the pending mark off; what has no mark left is deleted. Absent positions are ignored.
    Settle { owner: OwnerId, seqs: Vec<Seq> },
    /// Keys of accepted messages, to know a resend by.
    ResendKeys(ResendRow),
    /// Sets one contact and the roster's version.
    RosterSet { owner: OwnerId, version: u64, row: RosterRow },
    /// Takes one contact out and sets the roster's version.
    RosterRemove { owner: OwnerId, version: u64, contact: String },
    /// Sets one doc.
    DocSet { owner: OwnerId, kind: &'static str, key: String, value: Vec<u8> },
    /// Removes one doc.
    DocRemove { owner: OwnerId, kind: &'static str, key: String },
    /// Sets one device, unless its account is disabled.
    DeviceSet(DeviceRow),
    /// Removes one device.
    DeviceRemove { owner: OwnerId, id: String },
    /// Adds a report, and removes the owner's oldest until `keep` are left.
    Report { report: Report, keep: u32 },
    /// Replaces an account's keys and takes the tokens from its devices.
    Keys { owner: OwnerId, keys: Vec<u8> },
    /// Replaces an account's keys if they still are `from`: the password is the same.
    UpgradeKeys { owner: OwnerId, from: Vec<u8>, to: Vec<u8> },
    /// Disables or enables an account; disabling takes the tokens from its devices.
    Disabled { owner: OwnerId, disabled: bool },
    /// Removes an account and every row that it owns.
    RemoveAccount { owner: OwnerId },
}

impl Write {
    /// About how much memory its content takes, in bytes.
    pub fn bytes(&self) -> usize {
        const FIXED: usize = size_of::<Write>();
        FIXED
            + match self {
                Write::Append(row) => row.peer.len() + row.stanza.len(),
                Write::Settle { seqs, .. } => seqs.len() * size_of::<Seq>(),
                Write::ResendKeys(row) => row.keys.len(),
                Write::RosterSet { row, .. } => {
                    row.contact.len()
                        + row.name.as_ref().map_or(0, String::len)
                        + row.groups.iter().map(|group| group.len() + size_of::<String>()).sum::<usize>()
                        + row.request.as_ref().map_or(0, Vec::len)
                }
                Write::RosterRemove { contact, .. } => contact.len(),
                Write::DocSet { key, value, .. } => key.len() + value.len(),
                Write::DocRemove { key, .. } => key.len(),
                Write::DeviceSet(row) => {
                    row.id.len() + row.software.len() + row.name.len() + row.tokens.len()
                }
                Write::DeviceRemove { id, .. } => id.len(),
                Write::Report { report, .. } => {
                    report.host.len() + 3 * report.reported.len() + report.reason.len() + report.content.len()
                }
                Write::Keys { keys, .. } => keys.len(),
                Write::UpgradeKeys { from, to, .. } => from.len() + to.len(),
                Write::Disabled { .. } | Write::RemoveAccount { .. } => 0,
            }
    }

    /// Whether no database could hold it, and why: a NUL in text (Postgres has no such text), a position,
    /// version or start above `i64::MAX`, an entry without a mark, a key above [`MAX_KEY`] or a
    /// kind above [`MAX_KIND`], more than [`MAX_WRITE`]. The [`Writer`](crate::Writer) asks before every batch, so that one bad write costs the
    /// others nothing and both databases refuse alike.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Write::Append(row) => {
                number(row.seq)?;
                if !row.marks.archived && !row.marks.pending {
                    return Err("an entry without a mark");
                }
                let (bare, resource) = row.parties();
                key(bare)?;
                if resource.len() > MAX_RESOURCE {
                    return Err("a resource that is too long");
                }
                text(resource)?;
            }
            Write::Settle { seqs, .. } => seqs.iter().try_for_each(|seq| number(*seq))?,
            Write::ResendKeys(row) => number(row.boot)?,
            Write::RosterSet { version, row, .. } => {
                number(*version)?;
                key(&row.contact)?;
                row.name.as_deref().map_or(Ok(()), text)?;
                row.groups.iter().try_for_each(|group| text(group))?;
            }
            Write::RosterRemove { version, contact, .. } => {
                number(*version)?;
                key(contact)?;
            }
            Write::DocSet { kind, key: name, .. } | Write::DocRemove { kind, key: name, .. } => {
                if kind.len() > MAX_KIND {
                    return Err("a kind that is too long");
                }
                text(kind)?;
                key(name)?;
            }
            Write::DeviceSet(row) => {
                key(&row.id)?;
                text(&row.software)?;
                text(&row.name)?;
            }
            Write::DeviceRemove { id, .. } => key(id)?,
            Write::Report { report, .. } => {
                number(report.id)?;
                [&report.host, &report.reported, &report.reason].into_iter().try_for_each(|it| text(it))?;
            }
            Write::Keys { .. }
            | Write::UpgradeKeys { .. }
            | Write::Disabled { .. }
            | Write::RemoveAccount { .. } => {}
        }
        if self.bytes() > MAX_WRITE { Err("more bytes than one write may have") } else { Ok(()) }
    }
}

fn number(value: u64) -> Result<(), &'static str> {
    if i64::try_from(value).is_ok() { Ok(()) } else { Err("a number above the database's") }
}

fn text(value: &str) -> Result<(), &'static str> {
    if value.as_bytes().contains(&0) { Err("a NUL in text") } else { Ok(()) }
}

fn key(value: &str) -> Result<(), &'static str> {
    if value.len() > MAX_KEY {
        return Err("a key that is too long");
    }
    text(value)
}
