//! Bounds on the sessions that wait to be resumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use waxwing_kernel::{Closing, Session, SessionId};

use crate::Clients;

/// How often it is looked at how much these sessions have grown.
const SWEEP: Duration = Duration::from_secs(5);

/// One session too many waits.
const TOO_MANY: Closing = Closing {
    condition: "resource-constraint",
    text: "too many sessions wait to be resumed",
    resumable: false,
};

/// Sessions that wait to be resumed, in the order in which they began to.
pub struct Hibernation {
    sessions: usize,
    per_account: usize,
    bytes: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    sessions: BTreeMap<u64, Arc<Session>>,
}

impl Hibernation {
    /// How many may wait, how many of one account, and how many bytes they may hold together.
    pub fn new(sessions: usize, per_account: usize, bytes: usize) -> Hibernation {
        Hibernation { sessions, per_account, bytes, waiting: Mutex::default() }
    }

    /// Counts a session in; the oldest end where that is one too many.
    pub fn add(&self, session: &Arc<Session>) -> u64 {
        let mut waiting = self.waiting.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.sessions.insert(number, session.clone());
        while waiting.sessions.len() > self.sessions
            && let Some((_, oldest)) = waiting.sessions.pop_first()
        {
            oldest.close(TOO_MANY);
        }
        drop(waiting);
        self.bound_account(session);
        number
    }

    pub fn remove(&self, number: u64) {
        self.waiting.lock().sessions.remove(&number);
    }

    /// The account's oldest session ends where too many of its own wait.
    fn bound_account(&self, session: &Session) {
        let mut waiting: Vec<(SessionId, Arc<Session>)> = session.account.resources(|all| {
            let asleep = all.iter().map(|resource| &resource.session).filter(|it| it.is_hibernated());
            asleep.map(|it| (it.id, it.clone())).collect()
        });
        waiting.sort_unstable_by_key(|(id, _)| *id);
        let surplus = waiting.len().saturating_sub(self.per_account);
        for (_, oldest) in waiting.into_iter().take(surplus) {
            oldest.close(TOO_MANY);
        }
    }

    /// Ends the oldest until the rest holds no more than it may.
    fn sweep(&self) {
        let sessions: Vec<Arc<Session>> = self.waiting.lock().sessions.values().cloned().collect();
        let mut bytes = 0;
        for session in sessions.iter().rev() {
            bytes += session.account.resource(session, |resource| resource.weight()).unwrap_or_default();
            if bytes > self.bytes {
                session.close(TOO_MANY);
            }
        }
    }

    /// Looks after the bound on bytes for as long as the server runs.
    pub fn start_sweeping(clients: &Arc<Clients>) {
        let clients: Weak<Clients> = Arc::downgrade(clients);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(clients) = clients.upgrade() else { return };
                clients.hibernation.sweep();
            }
        });
    }
}
