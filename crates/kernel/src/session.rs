//! One bound client, from bind to the end of its last stream: it outlives a connection that may be resumed.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use smallvec::SmallVec;
use waxwing_stanza::{Addr, Stanza};

use crate::inbound::Inbound;
use crate::{Account, Closing, Entry, Outbox, Ticket};

/// Tells sessions of this process apart, also two that have the same full JID one after the other.
pub type SessionId = u64;

/// See the module.
pub struct Session {
    pub id: SessionId,
    /// The full JID.
    pub jid: Addr,
    pub account: Arc<Account>,
    /// Which of the account's devices it is on, if the client said so when it logged in.
    device: OnceLock<Box<str>>,
    outbox: Mutex<Outbox>,
    inbound: Mutex<Inbound>,
    /// There is something to look at, and who looks.
    rung: AtomicBool,
    waker: AtomicWaker,
    /// It is, or was, to be given up by whoever serves it.
    summoned: AtomicBool,
    /// Reads its log, to be told without the account's lock.
    behind: AtomicBool,
    /// One bit for each thing that modules switch on per session.
    flags: AtomicU64,
    numbered: AtomicBool,
    hibernated: AtomicBool,
    ended: AtomicBool,
}

impl Session {
    pub fn new(id: SessionId, jid: Addr, account: Arc<Account>) -> Arc<Session> {
        let limit = account.core().settings.outbox_bytes;
        Arc::new(Session {
            id,
            jid,
            account,
            device: OnceLock::new(),
            outbox: Mutex::new(Outbox::new(limit)),
            inbound: Mutex::default(),
            rung: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            summoned: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            flags: AtomicU64::new(0),
            numbered: AtomicBool::new(false),
            hibernated: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })
    }

    pub fn resource(&self) -> &str {
        self.jid.resource().map_or("", |resource| resource.as_str())
    }

    pub fn device(&self) -> Option<&str> {
        self.device.get().map(|device| &**device)
    }

    /// Says which device it is on; once.
    pub fn set_device(&self, device: &str) {
        let _ = self.device.set(device.into());
    }

    /// The entry's place in the outbox, or the entry back where it does not fit.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), Entry> {
        if self.outbox.lock().push(entry)? {
            self.wake();
        }
        Ok(())
    }

    /// Answers to the session's own requests: what does not fit closes the stream.
    pub fn push_own(&self, stanza: Stanza) {
        if self.push(Entry::new(Arc::new(stanza))).is_err() {
            self.overflow();
        }
    }

    /// It takes in less than it is sent, of a sort that no log keeps.
    pub(crate) fn overflow(&self) {
        self.close(Closing {
            condition: "policy-violation",
            text: "more was sent to this client than it read",
            resumable: false,
        });
    }

    /// Has the stream closed by whoever serves it.
    pub fn close(&self, closing: Closing) {
        self.outbox.lock().close(closing);
        self.summon();
    }

    /// Has whoever serves it look whether to go on.
    pub fn summon(&self) {
        self.summoned.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether there may be a reason not to go on: it was summoned, or has ended.
    pub fn is_summoned(&self) -> bool {
        self.summoned.load(Ordering::Acquire)
    }

    pub fn closing(&self) -> Option<Closing> {
        self.outbox.lock().closing()
    }

    /// The outbox, for the connection that serves this session.
    pub fn outbox<R>(&self, with: impl FnOnce(&mut Outbox) -> R) -> R {
        with(&mut self.outbox.lock())
    }

    /// The counters, for the connection that serves this session.
    pub fn inbound<R>(&self, with: impl FnOnce(&mut Inbound) -> R) -> R {
        with(&mut self.inbound.lock())
    }

    /// Whether nobody looks at the client. While that is so, presence and lone chat states may rest in its outbox, each
    /// sender's newest only, until something else goes out. They are written when it is over, before whatever comes
    /// then.
    pub fn set_unwatched(&self, unwatched: bool) {
        self.outbox.lock().set_unwatched(unwatched);
        if !unwatched {
            self.wake();
        }
    }

    /// Resolves when there is something to look at: output, an acknowledgement due, a reason to close. One waits at a
    /// time: whoever serves it.
    pub async fn woken(&self) {
        poll_fn(|cx| self.poll_woken(cx)).await;
    }

    /// The same, polled.
    pub fn poll_woken(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.was_woken() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // It may have rung meanwhile.
        if self.was_woken() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether there is something to look at, told once.
    pub fn was_woken(&self) -> bool {
        // Mostly not, and to look is cheap. Who rings after that finds who waits: to register is to see all before it.
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }

    pub fn wake(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Counts a stanza in. The ticket stands for its handling; effects that last longer take another.
    pub fn receive(self: &Arc<Session>) -> Ticket {
        let n = self.inbound.lock().receive();
        Ticket::new(self.clone(), n)
    }

    /// Starts counting anew, both ways (XEP-0198 `<enable/>`).
    pub fn restart_counting(&self) {
        self.inbound.lock().restart();
        self.outbox.lock().number();
        self.numbered.store(true, Ordering::Release);
    }

    /// Whether stream management is on (XEP-0198 `<enable/>`).
    pub fn is_numbered(&self) -> bool {
        self.numbered.load(Ordering::Acquire)
    }

    /// Takes an `h` of the client. `Err`: more than was sent, which was so many.
    pub fn acknowledge(&self, h: u32) -> Result<(), u32> {
        let mut entries: SmallVec<[Entry; 8]> = SmallVec::new();
        let outcome = self.outbox.lock().acknowledge(h, |entry| entries.push(entry));
        // The account's lock comes before the outbox's.
        self.account.acknowledged(self, &entries);
        outcome
    }

    /// Without XEP-0198: everything written so far has reached the client.
    pub fn reached(&self) {
        let mut entries: SmallVec<[Entry; 8]> = SmallVec::new();
        self.outbox(|outbox| outbox.reached(outbox.unacked(), |entry| entries.push(entry)));
        self.account.acknowledged(self, &entries);
    }

    pub(crate) fn reopen(&self, n: u64) {
        self.inbound.lock().reopen(n);
    }

    pub(crate) fn complete(&self, n: u64) {
        let mut inbound = self.inbound.lock();
        let closed = inbound.close(n);
        let look = closed.grown && (inbound.due() || inbound.outstanding() == 0);
        drop(inbound);
        if look {
            self.wake();
        }
        closed.followers.into_iter().for_each(Ticket::complete);
    }

    /// Takes no account's lock: a ticket may be dropped anywhere.
    pub(crate) fn lose(&self, n: u64) {
        let followers = self.inbound.lock().fail(n);
        self.close(Closing {
            condition: "internal-server-error",
            text: "what was sent could not be stored",
            resumable: false,
        });
        followers.into_iter().for_each(Ticket::lose);
    }

    /// The stanza was refused: if it is sent again, that is a new message.
    pub fn forget(&self, ticket: &Ticket) {
        let followers = self.inbound.lock().forget(ticket.number());
        followers.into_iter().for_each(Ticket::lose);
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

    /// Whether it reads its log.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    pub(crate) fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Release);
    }

    /// No connection serves it; it waits to be resumed.
    pub fn is_hibernated(&self) -> bool {
        self.hibernated.load(Ordering::Acquire)
    }

    pub(crate) fn set_hibernated(&self, hibernated: bool) {
        self.hibernated.store(hibernated, Ordering::Release);
    }

    /// Marks it as ended; `false` if it was.
    pub(crate) fn end(&self) -> bool {
        let first = !self.ended.swap(true, Ordering::AcqRel);
        self.summoned.store(true, Ordering::Release);
        first
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}
