//! JIDs as they travel: prepared once, then shared.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use jid::{BareJid, Jid};

/// A prepared JID, shared by everything that mentions it.
pub type Addr = Arc<Jid>;

/// Prepares an address that somebody wrote. Preparation as the `jid` crate does it is final only the second time
/// for some characters (U+1F11A becomes `(K)`, which becomes `(k)`), and two addresses that look alike must not
/// name two accounts. `None`: it is no JID.
///
/// Most of what is written is prepared already and was met a moment ago: each thread keeps what it prepared last, and
/// gives it out again for the price of a comparison.
pub fn prepare(text: &str) -> Option<Addr> {
    if text.len() > LONG {
        return prepare_anew(text);
    }
    MET.with_borrow_mut(|met| {
        if met.is_empty() {
            met.resize(MEETINGS / 2, [None, None]);
        }
        // The remainder is below the length.
        let [newer, older] = &mut met[FixedState::default().hash_one(text) as usize % (MEETINGS / 2)];
        for slot in [&*newer, &*older] {
            if let Some(addr) = slot.as_ref().filter(|addr| addr.as_str() == text) {
                return Some(addr.clone());
            }
        }
        let addr = prepare_anew(text)?;
        *older = newer.replace(addr.clone());
        Some(addr)
    })
}

/// How many addresses a thread keeps, two in each place, and of what length in bytes: 600 KiB at most. Who writes many
/// only makes others be prepared anew.
const MEETINGS: usize = 2048;
const LONG: usize = 256;

thread_local! {
    static MET: RefCell<Vec<[Option<Addr>; 2]>> = const { RefCell::new(Vec::new()) };
}

fn prepare_anew(text: &str) -> Option<Addr> {
    let once = Jid::new(text).ok()?;
    if text.is_ascii() { Some(Arc::new(once)) } else { Jid::new(once.as_str()).ok().map(Arc::new) }
}

/// An account's address as its user or the operator wrote it, prepared as every address that a client writes later: until
/// it stays. `None` if it is no `user@domain`.
///
/// ```
/// let alice = waxwing_stanza::prepare_account("\u{1f130}lice@localhost").unwrap();
/// assert_eq!(alice.as_str(), "alice@localhost");
/// assert_eq!(waxwing_stanza::prepare_account("localhost"), None);
/// ```
pub fn prepare_account(text: &str) -> Option<BareJid> {
    let addr = prepare_anew(text).filter(|addr| addr.is_bare() && addr.node().is_some())?;
    Some(addr.to_bare())
}

/// The bare part of a JID, without allocating.
pub fn bare_str(jid: &Jid) -> &str {
    let all = jid.as_str();
    // The resource stands last, after a slash.
    let bare = jid.resource().and_then(|resource| all.get(..all.len() - resource.as_str().len() - 1));
    bare.unwrap_or(all)
}

/// The bare form of an address; the address itself where it is bare already.
pub fn bare(addr: &Addr) -> Addr {
    if addr.is_bare() { addr.clone() } else { Arc::new(Jid::from(addr.to_bare())) }
}

/// Whether two JIDs belong to the same account.
pub fn same_bare(a: &Jid, b: &Jid) -> bool {
    bare_str(a) == bare_str(b)
}
