//! The server's side of the admin socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use waxwing_store::ReportQuery;

use crate::AdminError;
use crate::operator::{Draft, Operator};
use crate::socket::SocketPath;
use crate::wire::{self, BATCH, PATIENCE, Request, Response};

/// Commands served at the same time; more wait.
const MAX_CONNECTIONS: usize = 8;

/// The socket that commands reach the running server by. Only the server's own user and root are let in. It ends,
/// and its file is removed, when this is dropped.
pub struct AdminServer {
    path: PathBuf,
    inode: u64,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Listens at `path` (mode 0600). A file left there by a server that was killed is replaced.
    ///
    /// # Errors
    /// Another server answers there, or the socket cannot be made.
    pub fn start(path: &Path, operator: Arc<dyn Operator>) -> Result<Self, AdminError> {
        let failed =
            |error: io::Error| AdminError(format!("{}: cannot listen there: {error}", path.display()));
        let short = SocketPath::new(path).map_err(failed)?;
        if std::os::unix::net::UnixStream::connect(&short.path).is_ok() {
            return Err(AdminError(format!(
                "another Waxwing is running on this data folder ({})",
                path.display()
            )));
        }
        match fs::remove_file(&short.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&short.path).map_err(failed)?;
        fs::set_permissions(&short.path, Permissions::from_mode(0o600)).map_err(failed)?;
        // The owner of a socket that we have just made is the user that we run as.
        let data = fs::symlink_metadata(&short.path).map_err(failed)?;
        let task = tokio::spawn(accept(listener, data.uid(), operator));
        Ok(Self { path: path.to_owned(), inode: data.ino(), task })
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.task.abort();
        // Not one that another server has put there since.
        if fs::symlink_metadata(&self.path).is_ok_and(|data| data.ino() == self.inode)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the admin socket's file stays");
        }
    }
}

async fn accept(listener: UnixListener, user: u32, operator: Arc<dyn Operator>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Aborted with this task.
    let mut served = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        while served.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let operator = operator.clone();
                served.spawn(async move {
                    let _place = place;
                    if let Err(error) = serve(stream, user, operator).await {
                        tracing::warn!(%error, "an admin command broke off");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept admin commands for now");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, user: u32, operator: Arc<dyn Operator>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != user && peer != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {peer} may not use it")));
    }
    let mut stream = BufReader::new(stream);
    let line = tokio::time::timeout(PATIENCE, wire::receive(&mut stream)).await;
    let Some(request) = line.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? else {
        // A command that only looked whether we are here.
        return Ok(());
    };
    let response = answer(request, &*operator).await.unwrap_or_else(|error| Response::Failed(error.0));
    wire::send(&mut stream, &response).await
}

async fn answer(request: Request, operator: &dyn Operator) -> Result<Response, AdminError> {
    Ok(match request {
        Request::Create(drafts) if drafts.len() > BATCH => {
            return Err(AdminError(format!("at most {BATCH} accounts at a time")));
        }
        Request::Create(drafts) => {
            let drafts = drafts.into_iter().map(Draft::try_from).collect::<Result<Vec<_>, _>>()?;
            let count = drafts.len();
            let made = operator.create(drafts).await?;
            tracing::info!(
                accounts = made.iter().filter(|made| **made).count(),
                asked = count,
                "accounts made"
            );
            Response::Created(made)
        }
        Request::SetKeys { jid, keys } => {
            operator.set_keys(&wire::account(&jid)?, wire::keys_from_text(&keys)?).await?;
            tracing::info!(jid, "password changed by the operator");
            Response::Done
        }
        Request::SetDisabled { jid, disabled } => {
            operator.set_disabled(&wire::account(&jid)?, disabled).await?;
            tracing::info!(jid, disabled, "account disabled or enabled by the operator");
            Response::Done
        }
        Request::Set { jid, setting } => {
            operator.set(&wire::account(&jid)?, setting.parse()?).await?;
            tracing::info!(jid, setting, "account changed by the operator");
            Response::Done
        }
        Request::Remove { jid } => {
            operator.remove(&wire::account(&jid)?).await?;
            tracing::info!(jid, "account removed by the operator");
            Response::Done
        }
        Request::Devices { jid } => Response::Devices(operator.devices(&wire::account(&jid)?).await?),
        Request::Revoke { jid, device } => {
            operator.revoke(&wire::account(&jid)?, &device).await?;
            tracing::info!(jid, device, "device revoked by the operator");
            Response::Done
        }
        Request::Show { jid } => Response::Account(operator.show(&wire::account(&jid)?).await?),
        Request::Push { jid } => Response::Push(operator.push(&wire::account(&jid)?).await?),
        Request::Reports { after, host, reported } => {
            Response::Reports(operator.reports(&ReportQuery { after, host, reported }).await?)
        }
        Request::Report { id } => {
            let (info, content) = operator.report(id).await?;
            Response::Report(info, content)
        }
        Request::RemoveReport { id } => {
            operator.remove_report(id).await?;
            tracing::info!(report = crate::report_name(id), "report removed by the operator");
            Response::Done
        }
        Request::List { after } => Response::Accounts(operator.list(after.as_deref()).await?),
    })
}
