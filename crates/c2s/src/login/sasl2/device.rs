//! The devices of an account: who logs in as which, and their tokens.

use std::sync::Arc;

use waxwing_kernel::{Account, now};
use waxwing_sasl::{Device, Failure, FastAttempt, FastMechanism, Tokens};
use waxwing_store::{DeviceRow, OwnerId, StoreError, Write};
use waxwing_xml::Tag;

use super::fast::{Accepted, FAST};
use super::request::{Agent, Request};
use crate::login::Login;
use crate::login::exchange::{Proof, Stage};

/// Devices of one account; the one that has not logged in for longest makes room.
const MOST: usize = 64;

/// A login at most this long after the last, in milliseconds, is not written down if nothing else is new.
const LATELY: i64 = 5 * 60 * 1000;

/// The device that logs in. Whoever has one holds the account's devices locked.
pub struct LoggingIn {
    row: DeviceRow,
    /// As it is stored; none for one that is new.
    stored: Option<DeviceRow>,
}

/// A token as it is told.
pub struct Issued {
    token: String,
    expires: i64,
}

impl Issued {
    pub fn write(&self, out: &mut Vec<u8>) {
        let expiry = waxwing_kernel::stamp(self.expires);
        Tag::new(out, "token").ns(FAST).attr("expiry", &expiry).attr("token", &self.token).end_empty();
    }
}

impl LoggingIn {
    /// `used`: the token that the client has proven itself with.
    pub async fn load(
        login: &Login,
        account: &Arc<Account>,
        agent: &Agent,
        id: &str,
        used: Option<&Accepted>,
    ) -> Result<LoggingIn, Failure> {
        let owner = account.id;
        let stored = match used.and_then(|used| used.device(account)) {
            Some(known) => Some(known),
            None => login.clients.core.store.device(owner, id).await.map_err(|error| failed(&error))?,
        };
        let tokens = stored.as_ref().map(|row| row.tokens.clone()).unwrap_or_default();
        let (software, name) = (agent.software.clone(), agent.device.clone());
        let seen = now();
        let first = stored.as_ref().map_or(seen, |row| row.first);
        let row = DeviceRow { owner, id: id.to_owned(), software, name, first, seen, tokens };
        Ok(LoggingIn { row, stored })
    }

    /// Uses and issues tokens as was asked for; what is stored of them is new before anybody is told. Returns the
    /// answer of the mechanism, and a token if one was issued.
    pub async fn log_in(
        mut self,
        login: &Login,
        stage: &Stage,
        request: &Request<'_>,
        proof: &Proof,
        attempt: Option<&FastAttempt>,
    ) -> Result<(Option<Vec<u8>>, Option<Issued>), Failure> {
        let mut tokens = readable(&self.row);
        let id = self.row.id.clone();
        let account = proof.account.jid.as_str();
        let device = Device { secret: &login.clients.secret, account, id: &id, keys: Some(&proof.keys) };
        let mut answer = None;
        // Asked for, or due to be replaced.
        let mut wanted = request.token.as_deref().and_then(|name| stage.fast(login, name));
        if let Some(attempt) = attempt {
            let used = request.fast.unwrap_or_default();
            let success = attempt.verify(&device, &tokens, used.count, self.row.seen)?;
            (answer, tokens) = (success.success.data, success.tokens);
            if used.invalidate {
                tokens = Tokens::default();
            } else {
                wanted = wanted.or_else(|| tokens.due(self.row.seen));
            }
        }
        let issued = wanted.map(|mechanism| self.issue(login, &device, &mut tokens, mechanism));
        self.row.tokens = tokens.to_bytes();
        self.store(login).await?;
        Ok((answer, issued))
    }

    fn issue(
        &self,
        login: &Login,
        device: &Device<'_>,
        tokens: &mut Tokens,
        mechanism: FastMechanism,
    ) -> Issued {
        let lifetime = i64::try_from(login.clients.settings.token_lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires = self.row.seen.saturating_add(lifetime);
        Issued { token: tokens.issue(device, mechanism, self.row.seen, expires), expires }
    }

    async fn store(self, login: &Login) -> Result<(), Failure> {
        let core = &login.clients.core;
        let mut unit = Vec::new();
        match &self.stored {
            Some(stored) => {
                let as_it_was = DeviceRow { seen: stored.seen, ..self.row.clone() };
                if as_it_was == *stored && self.row.seen.saturating_sub(stored.seen) < LATELY {
                    return Ok(());
                }
            }
            None => {
                let others = core.store.devices(self.row.owner).await.map_err(|error| failed(&error))?;
                let surplus = others.into_iter().skip(MOST - 1);
                unit.extend(surplus.map(|row| Write::DeviceRemove { owner: row.owner, id: row.id }));
            }
        }
        unit.push(Write::DeviceSet(self.row));
        core.writer.commit(unit).await.map_err(|error| failed(&error))
    }
}

/// Whether a device is still the account's: it may have been revoked since its login. To be asked with the account's
/// devices locked.
pub async fn is_known(login: &Login, owner: OwnerId, id: &str) -> bool {
    match login.clients.core.store.device(owner, id).await {
        Ok(row) => row.is_some(),
        Err(error) => {
            tracing::error!(%error, "a device could not be loaded");
            false
        }
    }
}

/// The tokens of a device, none where they are damaged.
pub fn readable(row: &DeviceRow) -> Tokens {
    Tokens::from_bytes(&row.tokens).unwrap_or_else(|error| {
        tracing::error!(owner = row.owner, device = row.id, %error, "a device must log in with its password");
        Tokens::default()
    })
}

pub fn failed(error: &StoreError) -> Failure {
    tracing::error!(%error, "a device could not be loaded or stored");
    Failure::TemporaryAuthFailure
}
