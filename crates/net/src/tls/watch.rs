//! Certificates that change while we run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

use super::state::{files, print};
use super::{Tls, TlsSetup};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(3);

/// How long a renewal that failed is left alone.
const RETRY: Duration = Duration::from_secs(3600);

impl Tls {
    /// Starts a task that reloads when a certificate's file has changed, and renews our own leaf in time; it never ends by
    /// itself. What cannot be loaded is logged in one line, and the old certificates stay in force.
    pub fn watch(self: Arc<Self>) -> JoinHandle<()> {
        tokio::spawn(self.keep_watching())
    }

    async fn keep_watching(self: Arc<Self>) {
        let mut loaded = prints(&self.setup);
        let mut last = loaded.clone();
        let mut renew_from = SystemTime::UNIX_EPOCH;
        loop {
            tokio::time::sleep(EVERY).await;
            let seen = prints(&self.setup);
            // Certificate and key are replaced one after the other: wait until they rest.
            let changed = seen != loaded && seen == last;
            last.clone_from(&seen);
            let now = SystemTime::now();
            let due = now >= renew_from && self.state.read().renew_at.is_some_and(|at| at <= now);
            if !(changed || due) {
                continue;
            }
            // What failed is not tried again before the files change, a renewal not before an hour.
            loaded = seen;
            renew_from = now + RETRY;
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(())) => tracing::info!("certificates reloaded"),
                Ok(Err(error)) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
                Err(error) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
            }
        }
    }
}

fn prints(setup: &TlsSetup) -> Vec<Option<(SystemTime, u64, u64)>> {
    files(setup).iter().map(|path| print(path)).collect()
}
