//! Runs of commands that wait for their next stage (XEP-0050 §3.3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minidom::Element;
use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_kernel::{Session, first_at, now};
use waxwing_stanza::{Addr, Condition, StanzaError};
use waxwing_store::OwnerId;

use crate::commands::{COMMANDS, bad};

/// How long a run waits.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct Sessions {
    waiting: Mutex<Runs>,
    /// The next run's. Grows over restarts too, so that an id is never given twice.
    next: AtomicU64,
    /// Runs of one account.
    limit: usize,
}

struct Runs {
    of: HashMap<OwnerId, Vec<Waiting>>,
    /// When those that waited too long were last removed.
    swept: Instant,
}

pub struct Waiting {
    pub number: u64,
    /// The full JID that goes on with it, nobody else.
    asker: Addr,
    node: &'static str,
    pub forms: Vec<Element>,
    pub last: bool,
    since: Instant,
}

impl Waiting {
    pub fn new(
        session: &Session,
        number: u64,
        node: &'static str,
        forms: Vec<Element>,
        last: bool,
    ) -> Waiting {
        Waiting { number, asker: session.jid.clone(), node, forms, last, since: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

impl Sessions {
    pub fn new(limit: usize) -> Sessions {
        let runs = Runs { of: HashMap::new(), swept: Instant::now() };
        Sessions { waiting: Mutex::new(runs), next: AtomicU64::new(first_at(now())), limit }
    }

    /// Of a run that begins.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets a run wait. Where the account has too many, the one that waits for longest is over.
    pub fn put(&self, session: &Session, run: Waiting) {
        let mut waiting = self.waiting.lock();
        if waiting.swept.elapsed() >= PATIENCE {
            waiting.swept = Instant::now();
            waiting.of.retain(|_, runs| {
                runs.retain(|run| !run.is_over());
                !runs.is_empty()
            });
        }
        let runs = waiting.of.entry(session.account.id).or_default();
        runs.push(run);
        if runs.len() > self.limit {
            runs.remove(0);
        }
    }

    /// A run to go on with, which is put back if it is to wait again. Errors: `<session-expired/>` for one that is over,
    /// `<bad-sessionid/>` for one that is not this client's or another command's, or that never was.
    pub fn take(&self, session: &Session, id: &str, node: &str) -> Result<Waiting, StanzaError> {
        let owner = session.account.id;
        let number = session.account.core().ids.position(owner, id).ok_or_else(|| bad("bad-sessionid"))?;
        let mut waiting = self.waiting.lock();
        let runs = waiting.of.get_mut(&owner).ok_or_else(expired)?;
        let at = runs.iter().position(|run| run.number == number).ok_or_else(expired)?;
        if runs.get(at).is_none_or(|run| run.asker != session.jid || run.node != node) {
            return Err(bad("bad-sessionid"));
        }
        let run = runs.remove(at);
        if runs.is_empty() {
            waiting.of.remove(&owner);
        }
        if run.is_over() { Err(expired()) } else { Ok(run) }
    }
}

/// What clients call it: the account's, and not to be guessed.
pub fn id(session: &Session, number: u64) -> String {
    session.account.core().ids.stanza_id(session.account.id, number)
}

fn expired() -> StanzaError {
    StanzaError::new(Condition::NotAllowed).app("session-expired", COMMANDS)
}
