//! What can be done with accounts.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use jid::BareJid;
use serde::{Deserialize, Serialize};
use waxwing_sasl::{Keys, Tokens};
use waxwing_store::{DeviceRow, ReportQuery};

use waxwing_kernel::{Archive, Archiving, LastSeen, Retention};

use crate::{AdminError, PushInfo, ReportContent, ReportInfo};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct Draft {
    pub jid: BareJid,
    pub keys: Keys,
    pub admin: bool,
}

/// One setting of an account, written `name=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `archive`: the policy of its archive, `None` (`default`) for the host's.
    Archive(Option<Archive>),
    /// `retention`: how long archived messages are kept, in days, `None` (`default`) for the host's.
    Retention(Option<Retention>),
    /// `last_seen`: who may know when its owner was last there.
    LastSeen(LastSeen),
}

impl FromStr for Setting {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<Self, AdminError> {
        match text.split_once('=') {
            Some(("archive", "default")) => Ok(Self::Archive(None)),
            Some(("archive", policy)) => match Archive::named(policy) {
                Some(policy) => Ok(Self::Archive(Some(policy))),
                None => Err(AdminError(format!(
                    "archive is one of always, roster, never, until-delivered, default, not {policy:?}"
                ))),
            },
            Some(("retention", "default")) => Ok(Self::Retention(None)),
            Some(("retention", days)) => match Retention::read(days) {
                Some(retention) => Ok(Self::Retention(Some(retention))),
                None => {
                    let (least, most) = Retention::DAYS.into_inner();
                    Err(AdminError(format!("retention is {least} to {most} days or default, not {days:?}")))
                }
            },
            Some(("last_seen", who)) => match LastSeen::named(who) {
                Some(seen) => Ok(Self::LastSeen(seen)),
                // XEP-0012 §8.
                None => Err(AdminError(format!(
                    "last_seen is contacts or nobody, and everyone is not on offer; not {who:?}"
                ))),
            },
            _ => Err(AdminError(format!(
                "{text:?} is no setting: write archive=POLICY, retention=DAYS or last_seen=WHO"
            ))),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(policy) => write!(f, "archive={}", policy.map_or("default", Archive::name)),
            Self::Retention(None) => f.write_str("retention=default"),
            Self::Retention(Some(retention)) => write!(f, "retention={}", retention.in_days()),
            Self::LastSeen(seen) => write!(f, "last_seen={}", seen.name()),
        }
    }
}

/// What is shown of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// The bare JID, prepared.
    pub jid: String,
    pub admin: bool,
    pub disabled: bool,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created: i64,
    /// Messages that wait to be delivered.
    pub pending: u64,
    /// Resources that are bound now.
    pub resources: Vec<String>,
    /// Who may know when its owner was last there.
    pub last_seen: String,
    /// The policy of its archive, and the days that this keeps messages; `default`: its host's.
    pub archive: String,
    pub retention: String,
}

impl AccountInfo {
    pub fn tell_archiving(&mut self, archiving: &Archiving) {
        let default = || "default".to_owned();
        self.archive = archiving.policy.map_or_else(default, |policy| policy.name().to_owned());
        self.retention =
            archiving.retention.map_or_else(default, |retention| retention.in_days().to_string());
    }
}

/// A client of an account that says which installation it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    pub id: String,
    /// Names by its own word; perhaps empty.
    pub software: String,
    pub name: String,
    /// When it last logged in, to five minutes. Milliseconds since 1970-01-01T00:00:00Z.
    pub seen: i64,
    /// Whether it can log in without the password.
    pub token: bool,
}

impl From<DeviceRow> for DeviceInfo {
    fn from(row: DeviceRow) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        // One that cannot be read is worth nothing to its device either.
        let token = Tokens::from_bytes(&row.tokens).is_ok_and(|tokens| tokens.any_valid(now));
        let DeviceRow { id, software, name, seen, .. } = row;
        Self { id, software, name, seen, token }
    }
}

/// Somebody who can do it: the running server, or a command on a database that no server uses.
///
/// Whether an account's domain is served is judged before; everything else is judged here, and what fails changes
/// nothing.
#[async_trait]
pub trait Operator: Send + Sync + 'static {
    /// Makes accounts in one transaction. Says of each, in order, whether it was made; one that existed stays as it
    /// was.
    async fn create(&self, drafts: Vec<Draft>) -> Result<Vec<bool>, AdminError>;

    /// Gives an account a new password. Its resumable sessions end, its devices' tokens are void.
    async fn set_keys(&self, jid: &BareJid, keys: Keys) -> Result<(), AdminError>;

    /// Disables or enables an account. Sessions of a disabled one end, its devices' tokens are void.
    async fn set_disabled(&self, jid: &BareJid, disabled: bool) -> Result<(), AdminError>;

    /// Changes a setting of an account. An archive that is to keep nothing is emptied.
    async fn set(&self, jid: &BareJid, setting: Setting) -> Result<(), AdminError>;

    /// Removes an account with everything that it owns; its contacts lose their subscriptions and its sessions end
    /// (XEP-0077 §3.2).
    async fn remove(&self, jid: &BareJid) -> Result<(), AdminError>;

    /// The devices of an account, the last that logged in first.
    async fn devices(&self, jid: &BareJid) -> Result<Vec<DeviceInfo>, AdminError>;

    /// Forgets a device of an account: its tokens are void, its sessions end. With the password it may come back.
    async fn revoke(&self, jid: &BareJid, device: &str) -> Result<(), AdminError>;

    /// One account.
    async fn show(&self, jid: &BareJid) -> Result<AccountInfo, AdminError>;

    /// The registrations of one account for push notifications, and what became of them.
    async fn push(&self, jid: &BareJid) -> Result<Vec<PushInfo>, AdminError>;

    /// Reports, oldest first, from after `query.after`, a page of them; empty at the end.
    async fn reports(&self, query: &ReportQuery) -> Result<Vec<ReportInfo>, AdminError>;

    /// One report with what it says.
    async fn report(&self, id: u64) -> Result<(ReportInfo, ReportContent), AdminError>;

    /// Removes a report.
    async fn remove_report(&self, id: u64) -> Result<(), AdminError>;

    /// Accounts in the order of their JIDs, from after `after`, a page of them; empty at the end. `pending`,
    /// `resources` and settings are not told here.
    async fn list(&self, after: Option<&str>) -> Result<Vec<AccountInfo>, AdminError>;
}
