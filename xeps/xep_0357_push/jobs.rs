//! What is being done for registrations: one task for each that has something to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::{Account, now};
use waxwing_stanza::{IqType, Kind, prepare};
use waxwing_store::OwnerId;

use super::failure::{Failure, Lasting};
use super::notification::{Note, Waiting, publication};
use super::registration::{Ledger, Registration};
use super::{Need, Push, need};

/// Registrations with something to do. More are not served, and the log says so.
const MOST: usize = 100_000;
/// Publications that wait for their answers at once.
const AT_ONCE: usize = 256;
/// A device that was woken is not woken again before, but for a call.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a service has to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pauses after failures that pass, the first and the longest; each is twice the one before.
const PASSING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// The same after refusals, which only their service can end (§7.1: after a day, for example).
const REFUSED: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(86_400));
/// What has failed for so long is given up; the next message is a new beginning.
const GIVEN_UP: Duration = Duration::from_secs(86_400);
/// The ledger is stored this often at most.
const SAVE: Duration = Duration::from_secs(5);

type Key = (OwnerId, String);

/// See the module.
pub struct Jobs {
    running: Mutex<HashMap<Key, Arc<Job>>>,
    places: Semaphore,
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs { running: Mutex::default(), places: Semaphore::new(AT_ONCE) }
    }
}

struct Job {
    account: Arc<Account>,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    registration: Registration,
    /// What the device is to be woken for.
    due: Option<Note>,
    /// What is looked at again when the client has had time.
    watched: Option<Watched>,
    /// Not stored yet.
    dirty: bool,
    /// Enabled again: what failed before may go now.
    renewed: bool,
    /// Disabled.
    over: bool,
}

struct Watched {
    at: Instant,
    first: Note,
    /// The newest since, if another came.
    last: Option<Note>,
}

impl Jobs {
    /// A device is to be woken.
    pub fn note(&self, push: &Arc<Push>, account: &Arc<Account>, one: &Registration, note: Note) {
        self.with(push, one, account, |state| state.queue(note));
    }

    /// A device is to be woken if its client does not acknowledge a message.
    pub fn watch(&self, push: &Arc<Push>, account: &Arc<Account>, one: &Registration, note: Note) {
        let at = Instant::now() + push.policy.patience;
        self.with(push, one, account, |state| match &mut state.watched {
            Some(watched) => watched.last = Some(note),
            None => state.watched = Some(Watched { at, first: note, last: None }),
        });
    }

    /// It was enabled again: what is under way goes on with what was said now. Gives the ledger as it stands.
    pub fn replace(&self, owner: OwnerId, new: &Registration) -> Option<Ledger> {
        let job = self.running.lock().get(&(owner, new.key.clone())).cloned()?;
        let mut state = job.state.lock();
        let ledger = state.registration.ledger.clone();
        state.registration = Registration { ledger: ledger.clone(), ..new.clone() };
        state.renewed = true;
        job.wake.notify_one();
        Some(ledger)
    }

    /// The ledger of a registration with something to do.
    pub fn ledger(&self, owner: OwnerId, key: &str) -> Option<Ledger> {
        let job = self.running.lock().get(&(owner, key.to_owned())).cloned()?;
        let state = job.state.lock();
        Some(state.registration.ledger.clone())
    }

    /// It was disabled: nothing more is published (§6).
    pub fn stop(&self, owner: OwnerId, key: &str) {
        if let Some(job) = self.running.lock().remove(&(owner, key.to_owned())) {
            job.state.lock().over = true;
            job.wake.notify_one();
        }
    }

    /// Changes what there is to do for a registration, and has somebody do it.
    fn with(
        &self,
        push: &Arc<Push>,
        one: &Registration,
        account: &Arc<Account>,
        change: impl FnOnce(&mut State),
    ) {
        let key = (account.id, one.key.clone());
        let mut running = self.running.lock();
        if let Some(job) = running.get(&key) {
            change(&mut job.state.lock());
            return job.wake.notify_one();
        }
        if running.len() >= MOST {
            return tracing::warn!(account = %account.jid, "too many push notifications are under way: one is left out");
        }
        let mut state = State {
            registration: one.clone(),
            due: None,
            watched: None,
            dirty: false,
            renewed: false,
            over: false,
        };
        change(&mut state);
        let job = Job { account: account.clone(), state: Mutex::new(state), wake: Notify::new() };
        let job = Arc::new(job);
        running.insert(key.clone(), job.clone());
        tokio::spawn(run(push.clone(), key, job));
    }

    /// Whether there was nothing left to do: then the job is over.
    fn finish(&self, key: &Key, job: &Job) -> bool {
        let mut running = self.running.lock();
        let idle = job.state.lock().is_idle();
        if idle {
            running.remove(key);
        }
        idle
    }
}

impl State {
    /// The newest stands for all; a call for more than what came after it, and a message for more than a request.
    fn queue(&mut self, note: Note) {
        let ledger = &mut self.registration.ledger;
        ledger.queued += 1;
        ledger.last_queued = now();
        self.dirty = true;
        if self.due.as_ref().is_none_or(|due| due.weight() <= note.weight()) {
            self.due = Some(note);
        }
    }

    fn is_idle(&self) -> bool {
        self.due.is_none() && self.watched.is_none() && !self.dirty
    }
}

/// What a job does next.
enum Next {
    Send(Note),
    Look(Watched),
    Save,
    Wait(Instant),
    Finish,
    End,
}

/// When a job may do what.
struct Times {
    send: Instant,
    save: Instant,
    /// In a row.
    failures: u32,
    /// When the first of these was.
    failing: Instant,
}

async fn run(push: Arc<Push>, key: Key, job: Arc<Job>) {
    let begun = Instant::now();
    let mut times = Times { send: begun, save: begun + SAVE, failures: 0, failing: begun };
    loop {
        match job.next(&mut times) {
            Next::Send(note) => {
                if need(&job.account, &job.registration(), &note, true).await == Need::Now {
                    job.send(&push, note, &mut times).await;
                }
            }
            Next::Look(watched) => job.look(&push, watched).await,
            Next::Save => {
                job.save(&push).await;
                times.save = Instant::now() + SAVE;
            }
            Next::Wait(until) => tokio::select! {
                () = sleep_until(until) => {}
                () = job.wake.notified() => {}
            },
            Next::Finish if push.jobs.finish(&key, &job) => return,
            Next::Finish => {}
            Next::End => return push.jobs.stop(key.0, &key.1),
        }
    }
}

/// How long nothing is tried after a failure that came after so many others.
fn pause(kind: Lasting, failures: u32) -> Duration {
    let (first, longest) = match kind {
        Lasting::Passing => PASSING,
        Lasting::Refused | Lasting::Permanent => REFUSED,
    };
    first.saturating_mul(1 << failures.min(20)).min(longest)
}

impl Job {
    fn registration(&self) -> Registration {
        self.state.lock().registration.clone()
    }

    fn next(&self, times: &mut Times) -> Next {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.over || self.account.is_closed() {
            return Next::End;
        }
        if std::mem::take(&mut state.renewed) {
            (times.send, times.failures) = (now, 0);
        }
        let call = state.due.as_ref().is_some_and(|note| note.call.is_some());
        if (times.send <= now || call && times.failures == 0)
            && let Some(note) = state.due.take()
        {
            return Next::Send(note);
        }
        if let Some(watched) = state.watched.take_if(|watched| watched.at <= now) {
            return Next::Look(watched);
        }
        if state.dirty && times.save <= now {
            return Next::Save;
        }
        let due = state.due.is_some().then_some(times.send);
        let watched = state.watched.as_ref().map(|watched| watched.at);
        let save = state.dirty.then_some(times.save);
        [due, watched, save].into_iter().flatten().min().map_or(Next::Finish, Next::Wait)
    }

    /// The client had time.
    async fn look(&self, push: &Push, watched: Watched) {
        let Watched { first, last, .. } = watched;
        let need = need(&self.account, &self.registration(), &first, true).await;
        let mut state = self.state.lock();
        match (need, last) {
            (Need::Now, last) => state.queue(last.unwrap_or(first)),
            // It acknowledged the first; the newest has had less time.
            (_, Some(next)) if state.watched.is_none() => {
                let at = Instant::now() + push.policy.patience;
                state.watched = Some(Watched { at, first: next, last: None });
            }
            _ => {}
        }
    }

    async fn send(&self, push: &Push, note: Note, times: &mut Times) {
        let account = &self.account;
        let registration = self.registration();
        if self.is_revoked(&registration).await {
            return self.end(push, &registration, "the device was revoked").await;
        }
        let Some(service) = prepare(&registration.jid) else { return };
        let waiting = self.waiting(&note).await;
        let request = publication(&account.jid, service, &registration, &note, waiting, push.policy.summary);
        let Ok(_place) = push.jobs.places.acquire().await else { return };
        self.write(|ledger| (ledger.sent, ledger.last_sent) = (ledger.sent + 1, now()));
        let failure = match waxwing_im::ask(account.core(), request, PATIENCE).await {
            Ok(answer) if answer.kind == Kind::Iq(IqType::Result) => None,
            Ok(error) => Some(Failure::of(&error)),
            Err(error) => Some(Failure::from(error)),
        };
        let Some(failure) = failure else {
            self.write(|ledger| (ledger.answered, ledger.last_answered) = (ledger.answered + 1, now()));
            (times.send, times.failures) = (Instant::now() + INTERVAL, 0);
            return;
        };
        self.write(|ledger| {
            (ledger.errors, ledger.last_error_at) = (ledger.errors + 1, now());
            ledger.last_error = Some(failure.condition.clone());
        });
        let (account_jid, service) = (&account.jid, &registration.jid);
        if failure.kind == Lasting::Permanent {
            self.end(push, &registration, &failure.condition).await;
        }
        tracing::debug!(account = %account_jid, service, condition = failure.condition, "a push notification failed");
        let pause = pause(failure.kind, times.failures);
        let now = Instant::now();
        if times.failures == 0 {
            times.failing = now;
        }
        (times.send, times.failures) = (now + pause, times.failures + 1);
        // Tried again, unless a newer one came meanwhile.
        if now < times.failing + GIVEN_UP {
            self.state.lock().due.get_or_insert(note);
        }
    }

    /// Whoever has it is told nothing more of the account. Where that cannot be looked up, it is told.
    async fn is_revoked(&self, registration: &Registration) -> bool {
        let Some(device) = &registration.device else { return false };
        matches!(self.account.core().store.device(self.account.id, device).await, Ok(None))
    }

    async fn end(&self, push: &Push, registration: &Registration, why: &str) {
        let (account, service) = (&self.account.jid, &registration.jid);
        tracing::info!(%account, service, why, "a push registration ends");
        let gone = push.remove(&self.account, |one| one.key == registration.key).await;
        if let Err(error) = gone {
            tracing::error!(%account, %error, "a push registration could not be removed");
        }
    }

    async fn waiting(&self, note: &Note) -> Waiting {
        let account = &self.account;
        // Another device may have taken the message meanwhile.
        let messages = account.pending().max(u64::from(note.message.is_some()));
        let roster = account.core().rosters.get(account.id).await;
        Waiting { messages, requests: roster.map_or(0, |roster| roster.requests()) }
    }

    fn write(&self, change: impl FnOnce(&mut Ledger)) {
        let mut state = self.state.lock();
        change(&mut state.registration.ledger);
        state.dirty = true;
    }

    /// Stores the ledger.
    async fn save(&self, push: &Push) {
        self.state.lock().dirty = false;
        if let Err(error) = push.save(&self.account, &self.registration()).await {
            tracing::warn!(account = %self.account.jid, %error, "what became of push notifications could not be stored");
            self.state.lock().dirty = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_twice_the_one_before() {
        let seconds = |kind, failures: [u32; 4]| failures.map(|number| pause(kind, number).as_secs());
        assert_eq!(seconds(Lasting::Passing, [0, 1, 5, 6]), [5, 10, 160, 300]);
        assert_eq!(seconds(Lasting::Refused, [0, 1, 7, 8]), [600, 1200, 76_800, 86_400]);
        assert_eq!(seconds(Lasting::Passing, [20, 21, 1000, u32::MAX]), [300; 4]);
    }
}
