//! Tokens by which a session's stream can be resumed (XEP-0198 §4).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use waxwing_kernel::{Account, Session};
use waxwing_store::OwnerId;

use crate::held::Held;

/// How many sessions that are gone are remembered, to tell what was handled of them.
const REMEMBERED: usize = 10_000;

/// The right to resume one session.
pub struct Lease {
    pub token: String,
    /// How long the session waits for that after its connection broke.
    pub max: Duration,
    session: Arc<Session>,
    /// Who wants to serve the session from now on.
    wanted: Mutex<Option<oneshot::Sender<Held>>>,
}

/// See the module.
#[derive(Default)]
pub struct Leases(Mutex<Tokens>);

#[derive(Default)]
struct Tokens {
    live: HashMap<String, Arc<Lease>>,
    /// The account and the last `h` of sessions that are gone.
    gone: HashMap<String, (OwnerId, u32)>,
    /// Their tokens, oldest first.
    order: VecDeque<String>,
}

impl Lease {
    /// Asks whoever serves the session to hand it over; the newest who asks gets it.
    pub fn want(&self) -> oneshot::Receiver<Held> {
        let (sender, receiver) = oneshot::channel();
        *self.wanted.lock() = Some(sender);
        self.session.summon();
        receiver
    }

    /// To whom the session is to be handed over, if anybody asked.
    pub fn wanted(&self) -> Option<oneshot::Sender<Held>> {
        self.wanted.lock().take()
    }
}

impl Leases {
    pub fn grant(&self, session: &Arc<Session>, max: Duration) -> Arc<Lease> {
        let token = waxwing_sasl::token();
        let wanted = Mutex::default();
        let lease = Arc::new(Lease { token: token.clone(), max, session: session.clone(), wanted });
        self.0.lock().live.insert(token, lease.clone());
        lease
    }

    /// The lease of this account's session. `Err`: there is none; with the last `h` if there was one.
    pub fn find(&self, token: &str, account: &Account) -> Result<Arc<Lease>, Option<u32>> {
        let tokens = self.0.lock();
        match tokens.live.get(token) {
            Some(lease) if lease.session.account.id == account.id => Ok(lease.clone()),
            Some(_) => Err(None),
            None => Err(tokens.gone.get(token).filter(|(owner, _)| *owner == account.id).map(|(_, h)| *h)),
        }
    }

    /// The session is gone; `h` of its stanzas were handled.
    pub fn end(&self, lease: &Lease, h: u32) {
        let mut tokens = self.0.lock();
        if tokens.live.remove(&lease.token).is_none() {
            return;
        }
        if tokens.order.len() >= REMEMBERED
            && let Some(oldest) = tokens.order.pop_front()
        {
            tokens.gone.remove(&oldest);
        }
        tokens.gone.insert(lease.token.clone(), (lease.session.account.id, h));
        tokens.order.push_back(lease.token.clone());
    }
}
