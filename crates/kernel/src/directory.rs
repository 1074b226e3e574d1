//! Which accounts are in memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jid::Jid;
use parking_lot::Mutex;
use waxwing_stanza::{Addr, bare, bare_str};
use waxwing_store::StoreError;

use crate::{Account, Core, Host};

/// How often accounts that nobody uses are let go.
const SWEEP: Duration = Duration::from_secs(60);

/// What an address leads to.
pub enum Found {
    Account(Arc<Account>),
    Nobody,
}

/// Accounts by bare JID. One object per account, ever: positions in its log are given by it alone.
#[derive(Default)]
pub struct Directory {
    accounts: Mutex<HashMap<Box<str>, Arc<Account>>>,
}

impl Directory {
    /// The account if it is in memory: whoever has a session is.
    pub fn present(&self, jid: &Jid) -> Option<Arc<Account>> {
        self.accounts.lock().get(bare_str(jid)).cloned()
    }

    /// The account, loaded if need be. `host` is the host of the address's domain.
    pub async fn find(&self, host: &Arc<Host>, addr: &Addr) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.present(addr) {
            return Ok(Some(account));
        }
        let core = host.core();
        let Some(row) = core.store.account(bare_str(addr)).await? else { return Ok(None) };
        let loaded = Account::load(host.clone(), core, bare(addr), row).await?;
        // Two may load at once: the first to get here is the one.
        let mut accounts = self.accounts.lock();
        Ok(Some(accounts.entry(Box::from(bare_str(addr))).or_insert(loaded).clone()))
    }

    /// The account was removed: its name may be given anew.
    pub fn forget(&self, account: &Account) {
        self.accounts.lock().remove(bare_str(&account.jid));
    }

    /// Everyone in memory.
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.accounts.lock().values().cloned().collect()
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
        self.accounts.lock().retain(|_, account| Arc::strong_count(account) > 1 || !account.is_idle());
    }
}
