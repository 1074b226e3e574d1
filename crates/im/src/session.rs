//! The beginning and the end of a session.

use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Account, Closing, Session};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::{StoreError, Write};

use crate::broadcast::unavailable;
use crate::presence::{Seen, tell_gone};

/// Binds a resource: `requested`, prepared already, or one that the server makes. The newest session wins: an
/// older one of the same name is closed with `<conflict/>`. Errors: `<resource-constraint/>` when the account
/// has as many as it may, `<not-allowed/>` when it was removed or disabled, `<bad-request/>` for a bad name.
pub async fn bind(account: &Arc<Account>, requested: Option<&str>) -> Result<Arc<Session>, StanzaError> {
    bind_prepared(account, requested, |_| {}).await
}

/// As [`bind`]; `prepare` has the session before anything can reach it.
pub async fn bind_prepared(
    account: &Arc<Account>,
    requested: Option<&str>,
    prepare: impl FnOnce(&Arc<Session>),
) -> Result<Arc<Session>, StanzaError> {
    let made;
    let resource = match requested {
        Some(resource) => resource,
        None => {
            made = waxwing_sasl::token();
            &made
        }
    };
    let jid = format!("{}/{resource}", account.jid);
    let jid = Arc::new(Jid::new(&jid).map_err(|_| StanzaError::new(Condition::BadRequest))?);
    let session = Session::new(account.core().next_session(), jid, account.clone());
    prepare(&session);
    loop {
        match account.bind(&session) {
            Ok(()) => return Ok(session),
            Err(Some(older)) => {
                older.close(Closing {
                    condition: "conflict",
                    text: "another client took this resource",
                    resumable: false,
                });
                end(&older).await;
            }
            Err(None) if account.is_closed() => return Err(Condition::NotAllowed.into()),
            Err(None) => {
                let error = StanzaError::new(Condition::ResourceConstraint);
                return Err(error.text("this account has too many clients connected"));
            }
        }
    }
}

/// Ends the account's sessions on a device, those that wait to be resumed included, and says how many they were.
/// A device has one session: the one before ends when it binds another.
pub async fn end_device(account: &Account, device: &str, closing: Closing) -> usize {
    let sessions: Vec<Arc<Session>> = account.resources(|resources| {
        let sessions = resources.iter().map(|resource| &resource.session);
        sessions.filter(|session| session.device() == Some(device)).cloned().collect()
    });
    for session in &sessions {
        session.close(closing);
        end(session).await;
    }
    sessions.len()
}

/// Forgets one of the account's devices: its tokens are void, its sessions end. Says whether there was one.
pub async fn revoke_device(account: &Account, device: &str) -> Result<bool, StoreError> {
    // Whoever logs in as it now has done so, or finds it gone.
    let _locked = account.devices.lock().await;
    let core = account.core();
    if core.store.device(account.id, device).await?.is_none() {
        return Ok(false);
    }
    let remove = Write::DeviceRemove { owner: account.id, id: device.to_owned() };
    core.writer.commit(vec![remove]).await?;
    let revoked = Closing { condition: "not-authorized", text: "the device was revoked", resumable: false };
    end_device(account, device, revoked).await;
    Ok(true)
}

/// Ends a session for good: what it had not acknowledged is passed on or waits, requests that it would have had
/// to answer get their error, and everyone who saw it learns that it is gone. A second call does nothing.
pub async fn end(session: &Arc<Session>) {
    let account = &session.account;
    let seen = account.resource(session, Seen::take);
    if !account.end(session) {
        return;
    }
    if let Some(seen) = seen {
        let gone = Arc::new(unavailable(Some(session.jid.clone())));
        tell_gone(session, gone, seen).await;
    }
}
