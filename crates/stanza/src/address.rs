//! JIDs as they travel: prepared once, then shared.

use std::sync::Arc;

use jid::Jid;

/// A prepared JID, shared by everything that mentions it.
pub type Addr = Arc<Jid>;

/// Prepares an address that somebody wrote. Preparation as the `jid` crate does it is final only the second time
/// for some characters (U+1F11A becomes `(K)`, which becomes `(k)`), and two addresses that look alike must not
/// name two accounts. `None`: it is no JID.
pub fn prepare(text: &str) -> Option<Jid> {
    let once = Jid::new(text).ok()?;
    if text.is_ascii() { Some(once) } else { Jid::new(once.as_str()).ok() }
}

/// The bare part of a JID, without allocating: neither a localpart nor a domain can hold a slash.
pub fn bare_str(jid: &Jid) -> &str {
    let all = jid.as_str();
    all.split_once('/').map_or(all, |(bare, _)| bare)
}

/// The bare form of an address; the address itself where it is bare already.
pub fn bare(addr: &Addr) -> Addr {
    if addr.is_bare() { addr.clone() } else { Arc::new(Jid::from(addr.to_bare())) }
}

/// Whether two JIDs belong to the same account.
pub fn same_bare(a: &Jid, b: &Jid) -> bool {
    bare_str(a) == bare_str(b)
}
