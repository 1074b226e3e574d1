//! Which accounts are in memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::quality::RandomState;
use jid::Jid;
use parking_lot::Mutex;
use waxwing_stanza::{Addr, bare, bare_str};
use waxwing_store::StoreError;

use crate::{Account, Core, Host};

/// How often accounts that nobody uses are let go.
const SWEEP: Duration = Duration::from_secs(60);

/// Accounts by bare JID. One object per account, ever: positions in its log are given by it alone.
#[derive(Default)]
pub struct Directory {
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    accounts: HashMap<Box<str>, Arc<Account>, RandomState>,
    /// How often something was taken out: what was being loaded meanwhile may be out of date.
    taken: u64,
}

impl Directory {
    /// The account if it is in memory: whoever has a session is.
    pub fn present(&self, jid: &Jid) -> Option<Arc<Account>> {
        self.present_at(bare_str(jid))
    }

    /// The same for a bare JID that was prepared before.
    pub fn present_at(&self, bare: &str) -> Option<Arc<Account>> {
        self.present.lock().accounts.get(bare).cloned()
    }

    /// The account, loaded if need be. `host` is the host of the address's domain.
    pub async fn find(&self, host: &Arc<Host>, addr: &Addr) -> Result<Option<Arc<Account>>, StoreError> {
        loop {
            let taken = {
                let present = self.present.lock();
                if let Some(account) = present.accounts.get(bare_str(addr)) {
                    return Ok(Some(account.clone()));
                }
                present.taken
            };
            let core = host.core();
            let Some(row) = core.store.account(bare_str(addr)).await? else { return Ok(None) };
            let loaded = Account::load(host.clone(), core, bare(addr), row).await?;
            // Two may load at once: the first to get here is the one.
            let mut present = self.present.lock();
            if present.taken == taken {
                return Ok(Some(present.accounts.entry(Box::from(bare_str(addr))).or_insert(loaded).clone()));
            }
        }
    }

    /// The account was removed: its name may be given anew.
    pub fn forget(&self, account: &Account) {
        let mut present = self.present.lock();
        present.taken += 1;
        present.accounts.remove(bare_str(&account.jid));
    }

    /// Everyone in memory.
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.present.lock().accounts.values().cloned().collect()
    }

    pub(crate) fn start_sweeping(core: &Arc<Core>) {
        let core: Weak<Core> = Arc::downgrade(core);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(core) = core.upgrade() else { return };
                core.directory.sweep();
            }
        });
    }

    /// Lets go of accounts that only the directory holds and that have nothing in memory which a load would
    /// not bring back. Whoever takes one out does so under this lock, so none is taken while it goes.
    fn sweep(&self) {
        let mut present = self.present.lock();
        let before = present.accounts.len();
        present.accounts.retain(|_, account| !account.is_idle() || Arc::strong_count(account) > 1);
        present.taken += u64::from(present.accounts.len() < before);
    }
}
