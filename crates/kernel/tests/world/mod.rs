//! A server without streams: accounts in a real database, and clients that take what the outbox writes.
#![allow(dead_code)] // Each test binary uses its part.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jid::Jid;
use tempfile::TempDir;
use waxwing_kernel::{Account, Archive, Core, Host, Session, Settings, Setup};
use waxwing_stanza::{Kind, PresenceType, Stanza};
use waxwing_store::{NewAccount, Store, Writer, WriterOptions};
use waxwing_xml::{Limits, Scope};

pub use store::Trying;
#[allow(unused_imports)]
pub use store::Writes;

const LIMITS: Limits = Limits { frame: 1 << 20, depth: 100, attributes: 64 };

pub struct World {
    pub core: Arc<Core>,
    pub host: Arc<Host>,
    pub store: Arc<Trying>,
}

/// Nothing is written for want of an acknowledgement.
pub fn patient() -> Settings {
    Settings { linger: Duration::from_secs(60), ..settings() }
}

pub fn settings() -> Settings {
    Settings {
        outbox_bytes: 1 << 20,
        pending_messages: 10_000,
        archived_messages: 100_000,
        archive_retention: Duration::from_secs(365 * 86_400),
        resources: 10,
        linger: Duration::from_millis(100),
        cached_rosters: 100,
        roster_items: 100,
        subscription_requests: 100,
        subscription_request_bytes: 4096,
        directed_presence: 100,
        resend_keys: 1000,
        strangers: waxwing_kernel::Pace { per_hour: 0, burst: 0 },
    }
}

impl World {
    /// A new one, and the folder that its database is in.
    pub async fn fresh(archive: Archive, settings: Settings) -> (World, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (World::start(folder.path(), 1, archive, settings).await, folder)
    }

    pub async fn start(folder: &Path, boot: u64, archive: Archive, settings: Settings) -> World {
        let store = Trying::open(&folder.join("waxwing.db")).await;
        let options = WriterOptions { retry_for: Duration::ZERO, ..WriterOptions::default() };
        let writer = Writer::start(store.clone(), options);
        let retention = settings.archive_retention;
        let core = Core::new(settings, store.clone(), writer, [7; 16], boot);
        let host = Host::new(&core, addr("x"), archive, retention);
        core.set_hosts([host.clone()]);
        World { core, host, store }
    }

    /// With all modules, before the first session.
    pub fn install_modules(&self) {
        let setup = Setup {
            core: &self.core,
            host: &self.host,
            iterations: 4096,
            block_list_items: 100,
            reports: 2,
            contacts: Default::default(),
            archive_page: 100,
            archive_preferences: 10,
            private_bytes: 1000,
            command_sessions: 3,
            vcard_bytes: 1000,
            avatar_bytes: 100,
            push: Default::default(),
        };
        self.host.set_table(waxwing_xeps::install(&setup).unwrap());
    }

    /// The account, made if need be.
    pub async fn account(&self, name: &str) -> Arc<Account> {
        let jid = format!("{name}@x");
        let new = NewAccount { jid: jid.clone(), keys: Vec::new(), admin: false, created: 0 };
        self.store.create_accounts(&[new]).await.unwrap();
        self.core.directory.find(&self.host, &addr(&jid)).await.unwrap().unwrap()
    }

    /// A client with XEP-0198, not available yet.
    pub async fn client(&self, name: &str, resource: &str) -> Client {
        let client = self.plain_client(name, resource).await;
        client.session.restart_counting();
        client
    }

    /// A client without XEP-0198, not available yet.
    pub async fn plain_client(&self, name: &str, resource: &str) -> Client {
        let account = self.account(name).await;
        let session = waxwing_im::bind(&account, Some(resource)).await.unwrap();
        Client { session, received: 0 }
    }

    /// Messages of an account that carry the mark in the database, once all is written.
    pub async fn stored(&self, account: &Account) -> u64 {
        self.core.writer.flush().await;
        self.store.log_head(account.id).await.unwrap().pending
    }
}

pub fn addr(jid: &str) -> Arc<Jid> {
    Arc::new(Jid::new(jid).unwrap())
}

pub fn scan(xml: &str) -> Stanza {
    Stanza::read(waxwing_xml::scan(xml.as_bytes(), &Scope::client(), &LIMITS).unwrap()).unwrap()
}

/// One message as a client got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub body: String,
    pub late: bool,
    /// Its stanza id.
    pub id: Option<String>,
}

pub struct Client {
    pub session: Arc<Session>,
    /// Stanzas since counting began: the `h` of this client.
    pub received: u32,
}

impl Client {
    pub fn account(&self) -> &Arc<Account> {
        &self.session.account
    }

    pub fn available(&self, priority: i8) {
        self.presence(PresenceType::Available, priority);
    }

    pub fn unavailable(&self) {
        self.presence(PresenceType::Unavailable, 0);
    }

    fn presence(&self, kind: PresenceType, priority: i8) {
        let from = Some(self.session.jid.clone());
        let stanza = Arc::new(Stanza::build(Kind::Presence(kind), from, None, None, |_| {}));
        self.account().set_presence(&self.session, kind, stanza, priority).unwrap();
    }

    /// Sends a chat message to a JID. The body is its id too.
    pub async fn send(&self, to: &str, body: &str) {
        let xml = format!("<message type='chat' to='{to}' id='{body}'><body>{body}</body></message>");
        self.send_xml(&xml).await;
    }

    pub async fn send_xml(&self, xml: &str) {
        let mut stanza = scan(xml);
        stanza.from = Some(self.session.jid.clone());
        let ticket = self.session.receive();
        waxwing_im::handle(self.session.clone(), stanza, ticket).await;
    }

    /// The `h` that this client is told.
    pub fn told(&self) -> u32 {
        self.session.inbound(|inbound| inbound.tell())
    }

    /// Whether everything it sent stands.
    pub fn stands(&self) -> bool {
        self.session.inbound(|inbound| inbound.outstanding()) == 0
    }

    /// Waits until everything it sent stands.
    pub async fn sent(&self) {
        let waiting = async {
            while !self.stands() {
                self.session.woken().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("what was sent does not stand");
    }

    /// The next stanza, if one is there; the log is not read.
    pub fn next(&mut self) -> Option<Stanza> {
        let mut out = Vec::new();
        let account = self.account().clone();
        self.session.outbox(|outbox| outbox.drain(&account, &mut out, 1));
        if out.is_empty() {
            return None;
        }
        self.received = self.received.wrapping_add(1);
        Some(Stanza::restore(&out).expect("a stanza"))
    }

    /// Everything that is there, the log included; not acknowledged.
    pub async fn read(&mut self) -> Vec<Got> {
        let mut got = Vec::new();
        loop {
            while let Some(stanza) = self.next() {
                got.extend(message(&stanza));
            }
            if !self.account().should_read(&self.session) {
                return got;
            }
            self.account().clone().read_log(&self.session).await.unwrap();
        }
    }

    /// As [`Client::read`], the bodies only.
    pub async fn bodies(&mut self) -> Vec<String> {
        self.read().await.into_iter().map(|got| got.body).collect()
    }

    /// Acknowledges all that was read.
    pub fn acknowledge(&self) {
        if self.session.is_numbered() {
            self.session.acknowledge(self.received).expect("an h that fits");
        } else {
            self.session.reached();
        }
    }

    pub fn hibernate(&self) {
        self.account().hibernate(&self.session);
    }

    /// Resumes with an `h`.
    pub fn resume(&mut self) {
        self.acknowledge();
        self.account().wake(&self.session);
    }

    pub async fn end(self) {
        waxwing_im::end(&self.session).await;
    }
}

/// A message with a body; an error is one whose body is "error".
pub fn message(stanza: &Stanza) -> Option<Got> {
    let element = stanza.element();
    if let Kind::Message(waxwing_stanza::MessageType::Error) = stanza.kind {
        return Some(Got { body: "error".to_owned(), late: false, id: None });
    }
    let body = stanza.child("body", "jabber:client")?.text(element).into_owned();
    let late = stanza.has("delay", "urn:xmpp:delay");
    let id = stanza.child("stanza-id", "urn:xmpp:sid:0").and_then(|child| child.attr(element, "id"));
    Some(Got { body, late, id: id.map(|id| id.into_owned()) })
}
