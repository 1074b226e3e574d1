//! What goes over the admin socket: a request and its response, one JSON object a line.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jid::BareJid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use waxwing_sasl::Keys;

use crate::operator::{AccountInfo, DeviceInfo, Draft};
use crate::{AdminError, PushInfo, ReportContent, ReportInfo};

/// A line is at most this long: [`BATCH`] accounts with JIDs as long as they can be (2,047 bytes) and their keys.
const MAX_LINE: u64 = 2 * 1024 * 1024;

/// Accounts in one page of a list.
pub(crate) const PAGE: u32 = 500;

/// Accounts made by one request; their keys fit in a line.
pub(crate) const BATCH: usize = 500;

/// How long one line may take, in either direction; a response comes when the work is done.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    Create(Vec<WireDraft>),
    SetKeys { jid: String, keys: String },
    SetDisabled { jid: String, disabled: bool },
    Set { jid: String, setting: String },
    Remove { jid: String },
    Devices { jid: String },
    Revoke { jid: String, device: String },
    Show { jid: String },
    Push { jid: String },
    Reports { after: u64, host: Option<String>, reported: Option<String> },
    Report { id: u64 },
    RemoveReport { id: u64 },
    List { after: Option<String> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    Created(Vec<bool>),
    Done,
    Devices(Vec<DeviceInfo>),
    Account(AccountInfo),
    Push(Vec<PushInfo>),
    Reports(Vec<ReportInfo>),
    Report(ReportInfo, ReportContent),
    Accounts(Vec<AccountInfo>),
    Failed(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireDraft {
    jid: String,
    keys: String,
    admin: bool,
}

impl From<Draft> for WireDraft {
    fn from(Draft { jid, keys, admin }: Draft) -> Self {
        Self { jid: jid.into_inner(), keys: keys_to_text(&keys), admin }
    }
}

impl TryFrom<WireDraft> for Draft {
    type Error = AdminError;

    fn try_from(WireDraft { jid, keys, admin }: WireDraft) -> Result<Self, AdminError> {
        Ok(Self { jid: account(&jid)?, keys: keys_from_text(&keys)?, admin })
    }
}

pub(crate) fn keys_to_text(keys: &Keys) -> String {
    BASE64_STANDARD.encode(keys.to_bytes())
}

pub(crate) fn keys_from_text(text: &str) -> Result<Keys, AdminError> {
    BASE64_STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| Keys::from_bytes(&bytes).ok())
        .ok_or_else(|| AdminError("the keys cannot be read".into()))
}

/// The JID of an account: bare, with a localpart.
pub(crate) fn account(text: &str) -> Result<BareJid, AdminError> {
    // Twice, as all that a client writes: preparing once is not enough for every character (docs/jids.md).
    match BareJid::new(text).and_then(|once| BareJid::new(once.as_str())) {
        Ok(jid) if jid.node().is_some() => Ok(jid),
        Ok(_) => Err(AdminError(format!("{text:?} names no account, which is user@domain"))),
        Err(error) => Err(AdminError(format!("{text:?} is no JID: {error}"))),
    }
}

/// Sends one line.
pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let sent = tokio::time::timeout(PATIENCE, stream.write_all(&line)).await;
    sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Receives one line, `None` at the end of the stream.
pub(crate) async fn receive<T: for<'de> Deserialize<'de>>(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    if stream.take(MAX_LINE).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end, or too long"));
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
