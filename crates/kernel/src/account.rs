//! One account in memory: its sessions, and the end of its log that is not at rest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use waxwing_stanza::{Addr, PresenceType, Stanza};
use waxwing_store::{OwnerId, Seq, StoreError, StoredAccount, UnixMillis, Wanted};

use crate::archive::first_at;
use crate::archiving::Known;
use crate::commit::After;
use crate::devices::Devices;
use crate::resend::{Orphan, Orphans, WINDOW};
use crate::resource::Mode;
use crate::state::State;
use crate::strangers::Acquaintances;
use crate::{Archiving, Closing, Core, Host, ResendKey, Resource, Roster, Session, Ticket, Unread, now};

/// Rows with keys of messages sent that are read of an account, at most.
const RESEND_ROWS: u32 = 1024;

/// See the module.
pub struct Account {
    /// The bare JID.
    pub jid: Addr,
    pub id: OwnerId,
    pub host: Arc<Host>,
    core: Arc<Core>,
    /// Its archive's policy, for the way of every message.
    pub(crate) known: Known,
    /// One bit for each thing that a module knows of the account.
    flags: AtomicU64,
    acquaintances: Acquaintances,
    state: Mutex<State>,
    pub devices: Devices,
}

/// What a client has of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// It has no session.
    Absent,
    /// Its session waits to be resumed; `holds`: with the message unacknowledged.
    Asleep { holds: bool },
    /// It is connected; `holds`: the message is on its way, or will be.
    Awake { holds: bool },
}

impl Account {
    /// Reads an account whole, so that neither its kernel nor its modules need to ask for most of it later. To be
    /// called while nobody has the account.
    pub(crate) async fn load(host: &Arc<Host>, jid: Addr) -> Result<Option<Arc<Account>>, StoreError> {
        let (core, at) = (host.core(), now());
        let kinds: Vec<&str> = host.table().kinds().chain([Archiving::KIND]).collect();
        let wanted = Wanted { resends: (at - WINDOW, RESEND_ROWS), kinds: &kinds };
        let Some(stored) = core.store.load(jid.as_str(), &wanted).await? else { return Ok(None) };
        let StoredAccount { row, head, resends, roster, mut docs } = stored;
        let mut orphans = Orphans::default();
        for row in resends.iter().rev().filter(|row| row.boot != core.boot) {
            for key in row.keys.chunks_exact(16).filter_map(|key| Some(ResendKey(key.try_into().ok()?))) {
                orphans.add(Orphan { key, at: row.at, origin: None }, core.settings.resend_keys);
            }
        }
        // A position once given is never given again, also after its entry was deleted: the clock is beyond
        // every position given before, as one account takes less than 65,536 entries a millisecond.
        let floor = first_at(at);
        let state = State {
            resources: Vec::new(),
            next: floor.max(head.last + 1),
            committed: head.last,
            pending: head.pending,
            archived: head.archived,
            open: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_weight: 0,
            orphans,
            armed: false,
            settled_lately: false,
            unsynced: 0,
            closed: row.disabled,
            watched: None,
        };
        let account = Account {
            jid,
            id: row.id,
            host: host.clone(),
            core,
            flags: AtomicU64::new(0),
            acquaintances: Acquaintances::default(),
            known: Known::default(),
            state: Mutex::new(state),
            devices: Devices::default(),
        };
        account.core.rosters.fill(account.id, Roster::from(roster));
        account.load_archiving(docs.remove(Archiving::KIND).unwrap_or_default());
        host.table().load(&account, &mut docs);
        Ok(Some(Arc::new(account)))
    }

    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Looks at the bound resources.
    pub fn resources<R>(&self, with: impl FnOnce(&[Resource]) -> R) -> R {
        with(&self.state.lock().resources)
    }

    /// Changes one session's resource; `None` if it is bound no more.
    pub fn resource<R>(&self, session: &Session, with: impl FnOnce(&mut Resource) -> R) -> Option<R> {
        let mut state = self.state.lock();
        state.resources.iter_mut().find(|resource| resource.session.id == session.id).map(with)
    }

    /// How many messages wait for an acknowledgement.
    pub fn pending(&self) -> u64 {
        self.state.lock().pending
    }

    /// Whether any resource is available.
    pub fn is_available(&self) -> bool {
        self.state.lock().resources.iter().any(Resource::is_available)
    }

    /// Binds a session. `Err(Some(other))`: that session has the resource, end it first;
    /// `Err(None)`: the account has all the resources it may have, or was removed or disabled.
    pub fn bind(&self, session: &Arc<Session>) -> Result<(), Option<Arc<Session>>> {
        let mut state = self.state.lock();
        if let Some(other) = state.resources.iter().find(|other| other.name() == session.resource()) {
            return Err(Some(other.session.clone()));
        }
        // Those that wait to be resumed have a bound of their own.
        let connected = state.resources.iter().filter(|other| !other.session.is_hibernated()).count();
        if state.closed || connected >= self.core.settings.resources {
            return Err(None);
        }
        let joined = state.committed;
        // Most accounts have one; a vector would make room for four.
        state.resources.reserve_exact(1);
        state.resources.push(Resource::new(session.clone(), joined));
        Ok(())
    }

    /// Takes in a presence broadcast of the session's own. A session that begins to take messages gets what is
    /// pending before anything newer. Says whether it was available before, `None` if it is bound no more.
    pub fn set_presence(
        &self,
        session: &Session,
        kind: PresenceType,
        stanza: Arc<Stanza>,
        priority: i8,
    ) -> Option<bool> {
        let mut after = After::new(self);
        let mut state = self.lock();
        let resource = state.resource_of(session.id)?;
        let was_available = resource.is_available();
        let took = resource.takes_messages();
        resource.set_presence(kind, stanza, priority);
        if resource.takes_messages() && !took {
            for seq in std::mem::take(&mut resource.acknowledged) {
                if let Ok(index) = state.find(seq) {
                    self.settle_open(&mut state, index, &mut after);
                }
            }
            if state.pending > 0
                && let Some(resource) = state.resource_of(session.id)
            {
                resource.set_mode(Mode::Behind(0));
                resource.session.wake();
            }
        }
        drop(state);
        after.run();
        Some(was_available)
    }

    /// Whether a message that one of the account's sessions sends is a resend of one that was accepted on an earlier
    /// stream; counts once. Where that one is not durable yet, the stanza of `ticket` is not before it is. The message
    /// is remembered until its client is told that it is safe: to be called before anything of it is done, what
    /// another stream sends again meanwhile waits for this one.
    pub fn knows(&self, session: &Arc<Session>, ticket: &Ticket, key: ResendKey) -> bool {
        let mut state = self.state.lock();
        let origin = state.origin(key);
        let (n, limit) = (ticket.number(), self.core.settings.resend_keys);
        if !session.inbound(|inbound| inbound.remember(n, key, limit)) {
            let orphan = Orphan { key, at: now(), origin: Some((session.clone(), n)) };
            state.orphans.add(orphan, limit);
        }
        drop(state);
        match origin {
            None => false,
            Some(None) => true,
            Some(Some((session, n))) => ticket.another().follow(&session, n),
        }
    }

    /// Whether the account has no other session.
    pub fn has_only(&self, session: &Session) -> bool {
        self.state.lock().resources.iter().all(|resource| resource.session.id == session.id)
    }

    /// Keys of messages that were accepted and whose clients were not told so, for a stop in good order.
    pub fn orphans(&self) -> Vec<(ResendKey, UnixMillis)> {
        let state = self.state.lock();
        let mut keys: Vec<_> = state.orphans.keys().collect();
        for resource in &state.resources {
            resource.session.inbound(|inbound| keys.extend(inbound.keys().map(|key| (key, now()))));
        }
        keys
    }

    pub fn has_flag(&self, bit: u64) -> bool {
        self.flags.load(Ordering::Acquire) & bit != 0
    }

    pub fn set_flag(&self, bit: u64, on: bool) {
        if on {
            self.flags.fetch_or(bit, Ordering::AcqRel);
        } else {
            self.flags.fetch_and(!bit, Ordering::AcqRel);
        }
    }

    /// Whether the account may write to another without asking how often it may write to strangers.
    pub fn has_met(&self, other: &Account) -> bool {
        self.acquaintances.has(other.id.unsigned_abs())
    }

    /// From now on it may.
    pub fn meet(&self, other: &Account) {
        self.acquaintances.add(other.id.unsigned_abs());
    }

    /// Whether it wrote to this bare JID outside.
    pub fn wrote_outside(&self, other: &str) -> bool {
        self.acquaintances.has(self.core.strangers.number(other))
    }

    /// It writes to this bare JID outside.
    pub fn note_outside(&self, other: &str) {
        self.acquaintances.add(self.core.strangers.number(other));
    }

    /// Whether modules hear of the account's unread messages. Until it is said they do, so that they can find out.
    pub fn set_watched(&self, watched: bool) {
        self.state.lock().watched = Some(watched);
    }

    /// What the client of a resource has of a message, if it is about one.
    pub fn device(&self, resource: &str, message: Option<&Unread>) -> Device {
        let state = self.state.lock();
        let Some(found) = state.resources.iter().find(|other| other.name() == resource) else {
            return Device::Absent;
        };
        let holds = message.is_some_and(|message| found.holds(message));
        match found.session.is_hibernated() {
            true => Device::Asleep { holds },
            false => Device::Awake { holds },
        }
    }

    /// Whether nobody has acknowledged an entry of the log yet.
    pub async fn is_pending(&self, seq: Seq) -> Result<bool, StoreError> {
        let open = |state: &State| state.find(seq).ok().map(|index| state.open[index].pending);
        if let Some(pending) = open(&self.state.lock()) {
            return Ok(pending);
        }
        // At rest, or settled: of that the database may not know yet.
        self.core.writer.flush().await;
        Ok(self.core.store.log_marks(self.id, seq).await?.is_some_and(|marks| marks.pending))
    }

    /// Closes every stream and lets nobody bind; sessions that no connection serves are returned to be ended.
    pub fn close(&self, closing: Closing) -> Vec<Arc<Session>> {
        let mut state = self.state.lock();
        state.closed = true;
        let sessions: Vec<_> = state.resources.iter().map(|resource| resource.session.clone()).collect();
        drop(state);
        for session in &sessions {
            session.close(closing);
        }
        sessions
    }

    /// Whether it was removed or disabled.
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Lets sessions bind again.
    pub fn reopen(&self) {
        self.state.lock().closed = false;
    }

    /// Nothing in memory that a load would not bring back. Asked from time to time: what was settled by the time
    /// before is in the database.
    pub(crate) fn is_idle(&self) -> bool {
        let mut state = self.state.lock();
        !std::mem::take(&mut state.settled_lately)
            && state.resources.is_empty()
            && state.open.is_empty()
            && state.waiting.is_empty()
            && state.orphans.is_empty(now())
            && !state.armed
    }
}
