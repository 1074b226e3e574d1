//! Runs of commands that wait for their next stage (XEP-0050 §3.3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_kernel::{Session, first_at, now};
use waxwing_stanza::{Addr, Condition, StanzaError};
use waxwing_store::OwnerId;

use crate::commands::{COMMANDS, bad};

/// How long a run waits.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bytes of all runs of a host, about.
const ROOM: usize = 64 << 20;

pub struct Sessions {
    waiting: Mutex<Runs>,
    /// The next run's. Grows over restarts too, so that an id is never given twice.
    next: AtomicU64,
    /// Runs of one account.
    limit: usize,
}

struct Runs {
    of: HashMap<OwnerId, Vec<Waiting>>,
    bytes: usize,
    /// When those that waited too long were last removed.
    swept: Instant,
}

pub struct Waiting {
    pub number: u64,
    /// The full JID that goes on with it, nobody else.
    asker: Addr,
    node: &'static str,
    /// As XML: a tree of them takes many times their bytes.
    pub forms: Vec<String>,
    pub last: bool,
    since: Instant,
}

impl Waiting {
    pub fn new(
        session: &Session,
        number: u64,
        node: &'static str,
        forms: Vec<String>,
        last: bool,
    ) -> Waiting {
        Waiting { number, asker: session.jid.clone(), node, forms, last, since: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }

    fn bytes(&self) -> usize {
        size_of::<Waiting>() + self.asker.as_str().len() + self.forms.iter().map(String::len).sum::<usize>()
    }
}

impl Runs {
    fn sweep(&mut self) {
        self.swept = Instant::now();
        self.of.retain(|_, runs| {
            runs.retain(|run| !run.is_over());
            !runs.is_empty()
        });
        self.bytes = self.of.values().flatten().map(Waiting::bytes).sum();
    }

    fn remove(&mut self, owner: OwnerId, at: usize) -> Option<Waiting> {
        let runs = self.of.get_mut(&owner)?;
        let run = (at < runs.len()).then(|| runs.remove(at))?;
        if runs.is_empty() {
            self.of.remove(&owner);
        }
        self.bytes -= run.bytes();
        Some(run)
    }
}

impl Sessions {
    pub fn new(limit: usize) -> Sessions {
        let runs = Runs { of: HashMap::new(), bytes: 0, swept: Instant::now() };
        Sessions { waiting: Mutex::new(runs), next: AtomicU64::new(first_at(now())), limit }
    }

    /// Of a run that begins.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets a run wait. Where the account has too many, the one that waits for longest is over. Errors:
    /// `<resource-constraint/>` where all accounts together have too many.
    pub fn put(&self, session: &Session, run: Waiting) -> Result<(), StanzaError> {
        let owner = session.account.id;
        let mut waiting = self.waiting.lock();
        if waiting.swept.elapsed() >= PATIENCE {
            waiting.sweep();
        }
        if waiting.of.get(&owner).is_some_and(|runs| runs.len() >= self.limit) {
            waiting.remove(owner, 0);
        }
        if waiting.bytes + run.bytes() > ROOM {
            let error = StanzaError::new(Condition::ResourceConstraint);
            return Err(error.text("too many commands wait for their next stage"));
        }
        waiting.bytes += run.bytes();
        waiting.of.entry(owner).or_default().push(run);
        Ok(())
    }

    /// A run to go on with, which is put back if it is to wait again. Errors: `<session-expired/>` for one that is over,
    /// `<bad-sessionid/>` for one that is not this client's or another command's, or that never was.
    pub fn take(&self, session: &Session, id: &str, node: &str) -> Result<Waiting, StanzaError> {
        let owner = session.account.id;
        let number = session.account.core().ids.position(owner, id).ok_or_else(|| bad("bad-sessionid"))?;
        let mut waiting = self.waiting.lock();
        let runs = waiting.of.get(&owner).map_or(&[][..], Vec::as_slice);
        let at = runs.iter().position(|run| run.number == number).ok_or_else(expired)?;
        if runs.get(at).is_none_or(|run| run.asker != session.jid || run.node != node) {
            return Err(bad("bad-sessionid"));
        }
        waiting.remove(owner, at).filter(|run| !run.is_over()).ok_or_else(expired)
    }
}

/// What clients call it: the account's, and not to be guessed.
pub fn id(session: &Session, number: u64) -> String {
    session.account.core().ids.stanza_id(session.account.id, number)
}

fn expired() -> StanzaError {
    StanzaError::new(Condition::NotAllowed).app("session-expired", COMMANDS)
}
