//! The command's side of the admin socket.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jid::BareJid;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use waxwing_sasl::Keys;
use waxwing_store::ReportQuery;

use crate::operator::{AccountInfo, DeviceInfo, Draft, Operator, Setting};
use crate::socket::SocketPath;
use crate::wire::{self, PATIENCE, Request, Response};
use crate::{AdminError, PushInfo, ReportContent, ReportInfo};

/// An [`Operator`] that asks the running server, with a connection for each request.
pub struct Remote {
    path: PathBuf,
}

impl Remote {
    /// Looks for the server that listens at `path`; `None` when none does.
    ///
    /// # Errors
    /// There is a socket and it cannot be used: another user's, or the server is stuck.
    pub async fn connect(path: &Path) -> Result<Option<Self>, AdminError> {
        if !path.exists() {
            return Ok(None);
        }
        match open(path).await {
            Ok(_) => Ok(Some(Self { path: path.to_owned() })),
            // Left by a server that was killed.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) =>
            {
                Ok(None)
            }
            Err(error) => Err(AdminError(format!("{}: cannot reach the server: {error}", path.display()))),
        }
    }

    async fn ask(&self, request: Request) -> Result<Response, AdminError> {
        let exchange = async {
            let mut stream = open(&self.path).await?;
            wire::send(&mut stream, &request).await?;
            wire::receive(&mut stream).await
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok(Some(Response::Failed(why)))) => Err(AdminError(why)),
            Ok(Ok(Some(response))) => Ok(response),
            Ok(Ok(None)) => Err(AdminError("the server closed the admin socket without an answer".into())),
            Ok(Err(error)) => Err(AdminError(format!("the server did not answer: {error}"))),
            Err(_) => Err(AdminError(format!("the server did not answer within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn done(&self, request: Request) -> Result<(), AdminError> {
        match self.ask(request).await? {
            Response::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }
}

async fn open(path: &Path) -> io::Result<BufReader<UnixStream>> {
    let short = SocketPath::new(path)?;
    Ok(BufReader::new(UnixStream::connect(&short.path).await?))
}

fn unexpected() -> AdminError {
    AdminError("the server gave another answer than this command knows: are they of one version?".into())
}

#[async_trait]
impl Operator for Remote {
    async fn create(&self, drafts: Vec<Draft>) -> Result<Vec<bool>, AdminError> {
        let count = drafts.len();
        match self.ask(Request::Create(drafts.into_iter().map(Into::into).collect())).await? {
            Response::Created(made) if made.len() == count => Ok(made),
            _ => Err(unexpected()),
        }
    }

    async fn set_keys(&self, jid: &BareJid, keys: Keys) -> Result<(), AdminError> {
        self.done(Request::SetKeys { jid: jid.to_string(), keys: wire::keys_to_text(&keys) }).await
    }

    async fn set_disabled(&self, jid: &BareJid, disabled: bool) -> Result<(), AdminError> {
        self.done(Request::SetDisabled { jid: jid.to_string(), disabled }).await
    }

    async fn set(&self, jid: &BareJid, setting: Setting) -> Result<(), AdminError> {
        self.done(Request::Set { jid: jid.to_string(), setting: setting.to_string() }).await
    }

    async fn remove(&self, jid: &BareJid) -> Result<(), AdminError> {
        self.done(Request::Remove { jid: jid.to_string() }).await
    }

    async fn devices(&self, jid: &BareJid) -> Result<Vec<DeviceInfo>, AdminError> {
        match self.ask(Request::Devices { jid: jid.to_string() }).await? {
            Response::Devices(devices) => Ok(devices),
            _ => Err(unexpected()),
        }
    }

    async fn revoke(&self, jid: &BareJid, device: &str) -> Result<(), AdminError> {
        self.done(Request::Revoke { jid: jid.to_string(), device: device.to_owned() }).await
    }

    async fn show(&self, jid: &BareJid) -> Result<AccountInfo, AdminError> {
        match self.ask(Request::Show { jid: jid.to_string() }).await? {
            Response::Account(info) => Ok(info),
            _ => Err(unexpected()),
        }
    }

    async fn push(&self, jid: &BareJid) -> Result<Vec<PushInfo>, AdminError> {
        match self.ask(Request::Push { jid: jid.to_string() }).await? {
            Response::Push(registrations) => Ok(registrations),
            _ => Err(unexpected()),
        }
    }

    async fn reports(&self, query: &ReportQuery) -> Result<Vec<ReportInfo>, AdminError> {
        let ReportQuery { after, host, reported } = query.clone();
        match self.ask(Request::Reports { after, host, reported }).await? {
            Response::Reports(page) => Ok(page),
            _ => Err(unexpected()),
        }
    }

    async fn report(&self, id: u64) -> Result<(ReportInfo, ReportContent), AdminError> {
        match self.ask(Request::Report { id }).await? {
            Response::Report(info, content) => Ok((info, content)),
            _ => Err(unexpected()),
        }
    }

    async fn remove_report(&self, id: u64) -> Result<(), AdminError> {
        self.done(Request::RemoveReport { id }).await
    }

    async fn list(&self, after: Option<&str>) -> Result<Vec<AccountInfo>, AdminError> {
        match self.ask(Request::List { after: after.map(str::to_owned) }).await? {
            Response::Accounts(page) => Ok(page),
            _ => Err(unexpected()),
        }
    }
}
