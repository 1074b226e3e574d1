//! Who serves a session: a connection, or the keeper that waits for its resumption.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::Session;

use crate::Clients;
use crate::leases::Lease;
use crate::sm::{self, Enable};

/// The one right to serve a session: read for it, write for it, end it. Handed from owner to owner; an owner
/// that vanishes (a panic, a future that was dropped) leaves the session to a keeper or has it ended.
pub struct Held {
    clients: Arc<Clients>,
    session: Arc<Session>,
    lease: Option<Arc<Lease>>,
    care: Care,
    /// The server does not stop before this is gone.
    _running: Option<mpsc::Sender<()>>,
}

/// What becomes of the session when its `Held` is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    Rescue,
    /// It ended or has another owner.
    Nothing,
}

impl Held {
    pub fn new(clients: Arc<Clients>, session: Arc<Session>) -> Held {
        let _running = clients.running();
        Held { clients, session, lease: None, care: Care::Rescue, _running }
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub fn lease(&self) -> Option<&Arc<Lease>> {
        self.lease.as_ref()
    }

    /// Grants stream management (XEP-0198 §3), with resumption if it is wanted and to be had; answers it.
    pub fn enable(&mut self, enable: &Enable, out: &mut Vec<u8>) {
        let settings = &self.clients.settings;
        let max = enable.max.map_or(settings.resume, |max| max.min(settings.resume));
        if enable.resume && !max.is_zero() {
            self.lease = Some(self.clients.leases.grant(&self.session, max));
        }
        let resume = self.lease.as_ref().map(|lease| (lease.token.as_str(), lease.max));
        sm::write_enabled(out, resume, settings.location.as_deref());
    }

    /// Ends the session for good.
    pub async fn end(mut self) {
        if let Some(lease) = &self.lease {
            // Told to those who ask to resume: who only sends again is known by the keys, which stay.
            let h = self.session.inbound(|inbound| inbound.h());
            self.clients.leases.end(lease, h);
        }
        waxwing_im::end(&self.session).await;
        self.care = Care::Nothing;
    }

    /// The connection is gone: keeps the session for a resumption, or ends it where that was not granted.
    pub async fn lose(self) {
        if self.lease.is_some() && !self.session.has_ended() {
            self.hibernate();
        } else {
            self.end().await;
        }
    }

    fn hibernate(mut self) {
        self.session.account.hibernate(&self.session);
        let held = self.pass_on(Care::Rescue);
        tokio::spawn(keep(held));
    }

    fn pass_on(&mut self, care: Care) -> Held {
        self.care = Care::Nothing;
        Held {
            clients: self.clients.clone(),
            session: self.session.clone(),
            lease: self.lease.clone(),
            care,
            _running: self._running.clone(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.care == Care::Nothing {
            return;
        }
        // Without a runtime the process is at its end. What is rescued is not rescued again.
        let Ok(runtime) = Handle::try_current() else { return };
        let held = self.pass_on(Care::Nothing);
        if std::thread::panicking() {
            tracing::error!(jid = %self.session.jid, "a session ends by a panic");
            runtime.spawn(held.end());
        } else {
            runtime.spawn(held.lose());
        }
    }
}

/// Waits until the session is resumed, its time is over, or it is to end.
async fn keep(mut held: Held) {
    let Some(lease) = held.lease.clone() else { return held.end().await };
    let session = held.session.clone();
    let clients = held.clients.clone();
    let number = clients.hibernation.add(&session);
    let deadline = Instant::now() + lease.max;
    let why = loop {
        if let Some(closing) = session.closing() {
            break closing.condition;
        }
        if let Some(wanted) = lease.wanted() {
            clients.hibernation.remove(number);
            match wanted.send(held) {
                Ok(()) => return,
                // Who asked has gone meanwhile; the session keeps its time.
                Err(back) => held = back,
            }
        }
        tokio::select! {
            () = session.woken() => {}
            () = sleep_until(deadline) => break "not resumed in time",
        }
    };
    clients.hibernation.remove(number);
    tracing::info!(jid = %session.jid, why, "logged out");
    held.end().await;
}
