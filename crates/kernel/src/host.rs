//! One hosted domain: its modules and its policies.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use waxwing_stanza::Addr;

use crate::{Archive, Core, Table};

/// See the module.
pub struct Host {
    pub domain: Addr,
    /// The policy of accounts that have none of their own.
    pub archive: Archive,
    /// How long archived messages of accounts are kept for which nothing else was said.
    pub retention: Duration,
    core: Weak<Core>,
    table: OnceLock<Table>,
}

impl Host {
    pub fn new(core: &Arc<Core>, domain: Addr, archive: Archive, retention: Duration) -> Arc<Host> {
        Arc::new(Host { domain, archive, retention, core: Arc::downgrade(core), table: OnceLock::new() })
    }

    /// Installs the modules; once, before the first session.
    pub fn set_table(&self, table: Table) {
        let _ = self.table.set(table);
    }

    pub fn table(&self) -> &Table {
        static EMPTY: OnceLock<Table> = OnceLock::new();
        self.table.get().unwrap_or_else(|| EMPTY.get_or_init(Table::default))
    }

    pub fn core(&self) -> Arc<Core> {
        // The core owns its hosts and lives as long as the process serves.
        #[allow(clippy::expect_used)]
        self.core.upgrade().expect("a host outlived its core")
    }
}
