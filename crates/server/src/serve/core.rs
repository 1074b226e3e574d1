//! The kernel of a running server, made from the configuration and the database.

use std::sync::Arc;
use std::time::Duration;

use jid::Jid;
use tokio::task::JoinHandle;
use waxwing_config::{ArchivePolicy, Config, Uri};
use waxwing_kernel::{Archive, Contacts, Core, Host, Pace, PushPolicy, PushSummary, Settings, Setup, now};
use waxwing_store::{Store, Writer, WriterOptions, WriterStats};

/// How many accounts' rosters stay in memory.
const CACHED_ROSTERS: usize = 20_000;
/// Keys kept per account to know a message that is sent again.
const RESEND_KEYS: usize = 1_000;
/// How often rows whose time is over are removed, and how many at once.
const EXPIRY: Duration = Duration::from_secs(600);
const EXPIRY_ROWS: u32 = 5_000;
/// For how long a message that is sent again is known.
const RESEND_WINDOW: i64 = 24 * 3600 * 1000;

/// What the database keeps for the server itself.
pub struct Secrets {
    /// Of the stanza ids.
    pub stanza_ids: [u8; 16],
    /// Of what unknown users are answered.
    pub decoy: [u8; 32],
}

/// Makes the kernel with all hosts and their modules.
pub async fn make(config: &Config, store: Arc<dyn Store>) -> Result<(Arc<Core>, Secrets), String> {
    let secrets = Secrets {
        stanza_ids: secret(&*store, "stanza-id-key").await?,
        decoy: secret(&*store, "decoy-key").await?,
    };
    let boot = next_boot(&*store).await?;
    let writer = Writer::start(store.clone(), WriterOptions::default());
    let core = Core::new(settings(config), store, writer, secrets.stanza_ids, boot);
    let mut hosts = Vec::new();
    for name in &config.hosts {
        let domain = Jid::new(name.as_str()).map_err(|error| format!("domain {name}: {error}"))?;
        let policy = config.archive.hosts.get(name).copied().unwrap_or(config.archive.policy);
        let retention = config.archive.retention_hosts.get(name).copied().unwrap_or(config.archive.retention);
        let host = Host::new(&core, Arc::new(domain), archive(policy), retention);
        let setup = Setup {
            core: &core,
            host: &host,
            iterations: config.sasl.iterations,
            block_list_items: config.limits.blocked_items,
            reports: config.reports.per_account,
            contacts: contacts(config),
            private_bytes: config.limits.private_bytes,
            command_sessions: config.limits.command_sessions,
            vcard_bytes: config.limits.vcard_bytes,
            avatar_bytes: config.limits.avatar_bytes,
            archive_page: config.archive.page,
            archive_preferences: config.archive.preferences,
            push: push(config),
        };
        let table = waxwing_xeps::install(&setup).map_err(|error| error.to_string())?;
        if let Some(fault) = table.faults().first() {
            return Err(format!("the modules do not fit together: {fault}"));
        }
        host.set_table(table);
        hosts.push(host);
    }
    core.set_hosts(hosts);
    core.set_components(super::components::all(config)?);
    Ok((core, secrets))
}

fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    Settings {
        outbox_bytes: limits.outbox_bytes,
        pending_messages: limits.pending_messages,
        archived_messages: config.archive.max_entries,
        archive_retention: config.archive.retention,
        resources: limits.sessions_per_account,
        linger: config.delivery.linger,
        cached_rosters: CACHED_ROSTERS,
        roster_items: limits.roster_items,
        subscription_requests: limits.subscription_requests,
        subscription_request_bytes: limits.subscription_request_bytes,
        directed_presence: limits.directed_presence,
        resend_keys: RESEND_KEYS,
        strangers: Pace { per_hour: config.strangers.per_hour, burst: config.strangers.burst },
    }
}

fn contacts(config: &Config) -> Contacts {
    let texts = |uris: &[Uri]| uris.iter().map(|uri| uri.0.clone()).collect();
    let contact = &config.contact;
    Contacts {
        abuse: texts(&contact.abuse),
        admin: texts(&contact.admin),
        feedback: texts(&contact.feedback),
        sales: texts(&contact.sales),
        security: texts(&contact.security),
        status: texts(&contact.status),
        support: texts(&contact.support),
        external_status: texts(&contact.external_status),
    }
}

fn push(config: &Config) -> PushPolicy {
    PushPolicy {
        summary: match config.push.summary {
            waxwing_config::PushSummary::Count => PushSummary::Count,
            waxwing_config::PushSummary::Sender => PushSummary::Sender,
            waxwing_config::PushSummary::Body => PushSummary::Body,
        },
        patience: config.push.patience,
        registrations: config.limits.push_registrations,
    }
}

fn archive(policy: ArchivePolicy) -> Archive {
    match policy {
        ArchivePolicy::Always => Archive::Always,
        ArchivePolicy::Roster => Archive::Roster,
        ArchivePolicy::Never => Archive::Never,
        ArchivePolicy::UntilDelivered => Archive::UntilDelivered,
    }
}

/// A secret that is made at the first start and kept.
async fn secret<const N: usize>(store: &dyn Store, name: &str) -> Result<[u8; N], String> {
    let failed = |why: String| format!("the database's {name}: {why}");
    if let Some(kept) = store.meta(name).await.map_err(|error| failed(error.0))? {
        return kept.try_into().map_err(|_| failed("is damaged: restore a backup".into()));
    }
    let mut fresh = [0; N];
    getrandom::fill(&mut fresh).map_err(|error| failed(error.to_string()))?;
    store.set_meta(name, &fresh).await.map_err(|error| failed(error.0))?;
    Ok(fresh)
}

/// The number of this start.
async fn next_boot(store: &dyn Store) -> Result<u64, String> {
    let last = store.meta("boot").await.map_err(|error| error.0)?;
    let last = last.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    store.set_meta("boot", &(last + 1).to_be_bytes()).await.map_err(|error| error.0)?;
    Ok(last + 1)
}

/// Takes the archived mark off what is too old, removes old reports, and forgets keys that no resend can have any more.
pub fn start_expiry(core: Arc<Core>, config: &Config) -> JoinHandle<()> {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let reported = millis(config.reports.retention);
    tokio::spawn(async move {
        loop {
            let archive = core.expire_archives(now()).await.map(|()| 0);
            let reports = core.store.expire_reports(now().saturating_sub(reported), EXPIRY_ROWS).await;
            let resends = core.store.expire_resend_rows(now() - RESEND_WINDOW, EXPIRY_ROWS).await;
            let mut more = false;
            for result in [archive, reports, resends] {
                match result {
                    Ok(count) => more |= count >= u64::from(EXPIRY_ROWS),
                    Err(error) => tracing::warn!(%error, "what is too old could not be removed"),
                }
            }
            // A large backlog goes in steps that let others at the database.
            tokio::time::sleep(if more { Duration::from_millis(200) } else { EXPIRY }).await;
        }
    })
}

/// Stops in good order: everything in memory is written, and resends are known by what was not acknowledged.
pub async fn stop(core: &Core) {
    let accounts = core.directory.all();
    for account in &accounts {
        account.commit_all();
    }
    core.late.flush(&core.writer).await;
    core.writer.flush().await;
    // Written as a start's that never was, before this one's go: killed in between, there are too many and none is lost.
    let kept = core.boot | 1 << 62;
    for account in accounts {
        let orphans = account.orphans();
        if orphans.is_empty() {
            continue;
        }
        let at = orphans.iter().map(|(_, at)| *at).max().unwrap_or_else(now);
        let keys = orphans.iter().flat_map(|(key, _)| key.0).collect();
        let row = waxwing_store::ResendRow { owner: account.id, boot: kept, at, keys };
        if let Err(error) = core.writer.commit(vec![waxwing_store::Write::ResendKeys(row)]).await {
            tracing::warn!(%error, "keys of messages sent could not be kept");
        }
    }
    if let Err(error) = core.store.forget_boot(core.boot).await {
        tracing::warn!(%error, "keys of messages sent could not be tidied up");
    }
    core.writer.stop().await;
    core.store.close().await;
    let WriterStats { entries, writes, batches, .. } = core.writer.stats();
    tracing::info!(entries, writes, batches, "stopped; written since the start");
}
