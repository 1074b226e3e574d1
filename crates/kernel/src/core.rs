//! What all hosts of a server share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;
use waxwing_store::{Store, UnixMillis, Writer};

use crate::clock::Clock;
use crate::ids::Ids;
use crate::linger::Linger;
use crate::{
    AccountCache, Answers, Archiving, Component, Directory, Host, LastSeen, Late, Pace, Roster, SessionId,
    Strangers,
};

/// Pages of logs that are read at once: each holds up to 32 of the largest stanzas.
const LOG_READERS: usize = 16;

/// Bounds and times, as configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes that may wait in one session's outbox, and as many that may be unacknowledged.
    pub outbox_bytes: usize,
    /// Pending messages per account (XEP-0160 §2).
    pub pending_messages: u64,
    /// Archived messages per account; the oldest go.
    pub archived_messages: u64,
    /// How long archived messages are kept where no host says otherwise.
    pub archive_retention: Duration,
    /// Connected sessions per account, those that wait to be resumed not counted.
    pub resources: usize,
    /// How long a message that goes to a connected client waits for its acknowledgement before it is written.
    pub linger: Duration,
    /// How many accounts' rosters stay in memory, and as many archive settings.
    pub cached_rosters: usize,
    /// Contacts per roster.
    pub roster_items: usize,
    /// People per account, contacts not counted, whose request to see its presence waits for an answer.
    pub subscription_requests: usize,
    /// Bytes of one such request.
    pub subscription_request_bytes: usize,
    /// Addresses to which one session may have sent directed presence.
    pub directed_presence: usize,
    /// Keys kept per account to know a resend by.
    pub resend_keys: usize,
    /// How often one account may write to people who do not know it.
    pub strangers: Pace,
}

/// See the module.
pub struct Core {
    pub settings: Settings,
    pub store: Arc<dyn Store>,
    pub writer: Writer,
    pub ids: Ids,
    /// Counts the starts of this database's server: tells rows of this run from those of an earlier one.
    pub boot: u64,
    pub directory: Directory,
    pub rosters: AccountCache<Roster>,
    pub archiving: AccountCache<Archiving>,
    pub last_seen: AccountCache<LastSeen>,
    /// Docs that are written late.
    pub late: Late,
    /// Requests of the server's own.
    pub answers: Answers,
    /// Who wrote to people that do not know them.
    pub strangers: Strangers,
    pub(crate) linger: Linger,
    pub(crate) clock: Clock,
    /// Who may read a page of a log now.
    pub(crate) log_readers: Semaphore,
    hosts: OnceLock<HashMap<Box<str>, Arc<Host>, RandomState>>,
    components: OnceLock<BTreeMap<Box<str>, Arc<Component>>>,
    sessions: AtomicU64,
}

impl Core {
    /// `key`: of the stanza ids, kept by the database.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        writer: Writer,
        key: [u8; 16],
        boot: u64,
    ) -> Arc<Core> {
        let rosters = AccountCache::new(settings.cached_rosters, {
            let store = store.clone();
            move |owner| {
                let store = store.clone();
                async move { Ok(Roster::from(store.roster(owner).await?)) }
            }
        });
        let archiving = AccountCache::new(settings.cached_rosters, {
            let store = store.clone();
            move |owner| {
                let store = store.clone();
                async move { Archiving::read(store.docs(owner, Archiving::KIND).await?) }
            }
        });
        let last_seen = AccountCache::new(settings.cached_rosters, {
            let store = store.clone();
            move |owner| {
                let store = store.clone();
                async move { LastSeen::stored(&*store, owner).await }
            }
        });
        let core = Arc::new(Core {
            strangers: Strangers::new(settings.strangers),
            settings,
            store,
            writer,
            ids: Ids::new(key),
            boot,
            directory: Directory::default(),
            rosters,
            archiving,
            last_seen,
            late: Late::default(),
            answers: Answers::default(),
            linger: Linger::default(),
            clock: Clock::new(),
            log_readers: Semaphore::new(LOG_READERS),
            hosts: OnceLock::new(),
            components: OnceLock::new(),
            sessions: AtomicU64::new(1),
        });
        Linger::start(&core);
        Late::start(&core);
        Directory::start_sweeping(&core);
        core
    }

    /// Names the domains served; once, before the first session.
    pub fn set_hosts(&self, hosts: impl IntoIterator<Item = Arc<Host>>) {
        let hosts = hosts.into_iter().map(|host| (Box::from(host.domain.as_str()), host)).collect();
        let _ = self.hosts.set(hosts);
    }

    /// The host of a prepared domain, if it is one of ours.
    pub fn host(&self, domain: &str) -> Option<&Arc<Host>> {
        self.hosts.get()?.get(domain)
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.hosts.get().into_iter().flat_map(HashMap::values)
    }

    /// Names the domains that components serve; once, before the first session.
    pub fn set_components(&self, components: impl IntoIterator<Item = Arc<Component>>) {
        let named = components.into_iter().map(|component| (Box::from(component.domain.as_str()), component));
        let _ = self.components.set(named.collect());
    }

    /// The component of a prepared domain, if one serves it.
    pub fn component(&self, domain: &str) -> Option<&Arc<Component>> {
        self.components.get()?.get(domain)
    }

    /// All components, by their domains.
    pub fn components(&self) -> impl Iterator<Item = &Arc<Component>> {
        self.components.get().into_iter().flat_map(BTreeMap::values)
    }

    pub fn next_session(&self) -> SessionId {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }
}

/// XEP-0082 date and time in UTC, with milliseconds.
pub fn stamp(at: UnixMillis) -> String {
    let (days, millis) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000));
    // Civil date from days since 1970, with years that begin in March, so that the leap day comes last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn stamps_are_utc_dates() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(stamp(1_795_478_399_999), "2026-11-23T23:59:59.999Z");
    }
}
