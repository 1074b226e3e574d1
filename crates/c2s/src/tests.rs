//! Who owns a session: connections come and go, panics and resumptions included.

mod unproven;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jid::Jid;
use tempfile::TempDir;
use tokio::time::timeout;
use waxwing_kernel::{Account, Archive, Core, Host, Session};
use waxwing_net::ThrottleLimits;
use waxwing_net::tls::{Tls, TlsSetup};
use waxwing_sasl::{Decoy, DeviceSecret, Mechanism};
use waxwing_store::{NewAccount, Writer, WriterOptions};
use waxwing_xml::Limits;

use crate::held::Held;
use crate::sm::Enable;
use crate::{Clients, Pace, Settings};

const LIMITS: Limits = Limits { frame: 10_000, depth: 100, attributes: 64 };

struct World {
    clients: Arc<Clients>,
    host: Arc<Host>,
    folder: TempDir,
}

fn settings() -> Settings {
    let pace = Pace { rate: 1000, burst: 1000 };
    let window = Duration::from_secs(300);
    Settings {
        mechanisms: Mechanism::ALL.to_vec(),
        iterations: 4096,
        token_lifetime: Duration::from_secs(600),
        registration: false,
        registrations_per_hour: 5,
        failed_logins: ThrottleLimits { per_account: 10, per_address: 100, window },
        login_timeout: Duration::from_secs(30),
        limits_before_auth: LIMITS,
        limits: LIMITS,
        stanzas: pace,
        bytes: pace,
        uncommitted: 256,
        idle: Duration::from_secs(600),
        answer: Duration::from_secs(60),
        resume: Duration::from_secs(600),
        location: None,
        hibernated_per_account: 2,
        hibernated: 3,
        hibernated_bytes: 1 << 20,
    }
}

fn kernel_settings() -> waxwing_kernel::Settings {
    waxwing_kernel::Settings {
        outbox_bytes: 1 << 20,
        pending_messages: 100,
        archived_messages: 100,
        archive_retention: Duration::from_secs(365 * 86_400),
        resources: 10,
        linger: Duration::from_millis(100),
        cached_rosters: 10,
        roster_items: 10,
        subscription_requests: 100,
        subscription_request_bytes: 4096,
        directed_presence: 10,
        resend_keys: 10,
        strangers: waxwing_kernel::Pace { per_hour: 0, burst: 0 },
    }
}

impl World {
    async fn start() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = waxwing_store_sqlite::open(&folder.path().join("waxwing.sqlite")).await.unwrap();
        let writer = Writer::start(store.clone(), WriterOptions::default());
        let core = Core::new(kernel_settings(), store, writer, [7; 16], 1);
        let domain = Arc::new(Jid::new("localhost").unwrap());
        let host = Host::new(&core, domain, Archive::UntilDelivered, Duration::MAX);
        core.set_hosts([host.clone()]);
        let tls = Tls::load(TlsSetup {
            hosts: vec!["localhost".to_owned()],
            folder: folder.path().join("tls"),
            files: None,
            by_host: BTreeMap::new(),
            alpn: Vec::new(),
        });
        let clients = Clients::new(
            core,
            settings(),
            tls.unwrap(),
            Decoy::new([1; 32], 4096),
            DeviceSecret::new([2; 32]),
        );
        World { clients, host, folder }
    }

    async fn account(&self, name: &str) -> Arc<Account> {
        let jid = format!("{name}@localhost");
        let new = NewAccount { jid: jid.clone(), keys: Vec::new(), admin: false, created: 0 };
        self.clients.core.store.create_accounts(&[new]).await.unwrap();
        let addr = Arc::new(Jid::new(&jid).unwrap());
        self.clients.core.directory.find(&self.host, &addr).await.unwrap().unwrap()
    }

    /// A session that can be resumed, and the token to do so.
    async fn resumable(&self, account: &Arc<Account>, max: Duration) -> (Held, String) {
        let session = waxwing_im::bind(account, None).await.unwrap();
        let mut held = Held::new(self.clients.clone(), session);
        held.enable(&Enable { resume: true, max: Some(max) }, &mut Vec::new());
        let token = held.lease().unwrap().token.clone();
        (held, token)
    }
}

const LONG: Duration = Duration::from_secs(600);

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(10), wait).await.is_ok(), "not {what}");
}

fn has_ended(session: &Arc<Session>) -> impl Fn() -> bool {
    let session = session.clone();
    move || session.has_ended()
}

#[tokio::test]
async fn a_panic_ends_its_own_session_only() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let (held, _) = world.resumable(&account, LONG).await;
    let (bystander, _) = world.resumable(&account, LONG).await;
    let session = held.session().clone();
    let task = tokio::spawn(async move {
        let _held = held;
        panic!("on purpose");
    });
    assert!(task.await.is_err());
    eventually("ended", has_ended(&session)).await;
    assert!(!bystander.session().has_ended());
}

#[tokio::test]
async fn a_session_whose_owner_vanishes_waits_to_be_resumed() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let (held, token) = world.resumable(&account, LONG).await;
    let session = held.session().clone();
    drop(held);
    eventually("hibernated", || session.is_hibernated()).await;
    let wanted = world.clients.leases.find(&token, &account).map(|lease| lease.want());
    let held = timeout(Duration::from_secs(10), wanted.ok().unwrap()).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(held.session(), &session));
    held.end().await;
    assert!(session.has_ended());
    assert!(matches!(world.clients.leases.find(&token, &account), Err(Some(0))), "what was handled is known");
}

#[tokio::test]
async fn a_session_without_a_lease_ends_with_its_connection() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let session = waxwing_im::bind(&account, None).await.unwrap();
    Held::new(world.clients.clone(), session.clone()).lose().await;
    assert!(session.has_ended());
}

#[tokio::test]
async fn a_session_that_is_not_resumed_in_time_ends() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let (held, token) = world.resumable(&account, Duration::from_millis(20)).await;
    let session = held.session().clone();
    held.lose().await;
    eventually("ended", has_ended(&session)).await;
    assert!(world.clients.leases.find(&token, &account).is_err());
}

#[tokio::test]
async fn a_token_is_worth_nothing_to_another_account() {
    let world = World::start().await;
    let (juliet, romeo) = (world.account("juliet").await, world.account("romeo").await);
    let (held, token) = world.resumable(&juliet, LONG).await;
    assert!(matches!(world.clients.leases.find(&token, &romeo), Err(None)));
    held.end().await;
    assert!(matches!(world.clients.leases.find(&token, &romeo), Err(None)));
}

#[tokio::test]
async fn the_newest_who_asks_gets_the_session() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let (held, token) = world.resumable(&account, LONG).await;
    let lease = world.clients.leases.find(&token, &account).ok().unwrap();
    let (first, second) = (lease.want(), lease.want());
    held.lose().await;
    assert!(first.await.is_err());
    assert!(timeout(Duration::from_secs(10), second).await.unwrap().is_ok());
}

#[tokio::test]
async fn of_too_many_hibernated_sessions_the_oldest_end() {
    let world = World::start().await;
    let (juliet, romeo) = (world.account("juliet").await, world.account("romeo").await);
    let mut sessions = Vec::new();
    for account in [&juliet, &juliet, &juliet, &romeo, &romeo] {
        let (held, _) = world.resumable(account, LONG).await;
        let session = held.session().clone();
        held.lose().await;
        let registered = session.clone();
        eventually("hibernated", move || registered.is_hibernated()).await;
        // The keeper is a task of its own: let it count the session in.
        tokio::time::sleep(Duration::from_millis(20)).await;
        sessions.push(session);
    }
    // Two of one account, three in all.
    eventually("bounded", has_ended(&sessions[0])).await;
    eventually("bounded", has_ended(&sessions[1])).await;
    assert!(sessions[2..].iter().all(|session| !session.has_ended()));
}

#[tokio::test]
async fn a_stop_ends_hibernated_sessions_too() {
    let world = World::start().await;
    let account = world.account("juliet").await;
    let (held, _) = world.resumable(&account, LONG).await;
    let session = held.session().clone();
    held.lose().await;
    timeout(Duration::from_secs(5), world.clients.shutdown()).await.unwrap();
    assert!(session.has_ended());
}
