//! A host with all modules over an embedded database, and clients without a stream, for tests.

mod came;

use std::sync::Arc;
use std::time::Duration;

use jid::Jid;
use minidom::Element;
use waxwing_kernel::{Account, Archive, Core, Host, Session, Settings, Setup};
use waxwing_stanza::Stanza;
use waxwing_store::{NewAccount, RosterRow, Subscription, Write, Writer, WriterOptions};

pub use came::{Came, StanzaExt, element};

const RETENTION: Duration = Duration::from_secs(365 * 86_400);

pub struct Server {
    pub core: Arc<Core>,
    pub host: Arc<Host>,
    _folder: tempfile::TempDir,
}

pub struct Client(pub Arc<Session>);

impl Server {
    pub async fn new() -> Server {
        Server::with(Archive::UntilDelivered).await
    }

    /// The host `c`; block lists of at most 3 entries, 2 reports, private storage of at most 1,000 bytes, pages of 10.
    pub async fn with(archive: Archive) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let store = waxwing_store_sqlite::open(&folder.path().join("db")).await.unwrap();
        let writer = Writer::start(store.clone(), WriterOptions::default());
        let settings = Settings {
            outbox_bytes: 1 << 20,
            pending_messages: 100,
            archived_messages: 100,
            archive_retention: RETENTION,
            resources: 10,
            linger: Duration::from_millis(10),
            cached_rosters: 100,
            roster_items: 100,
            subscription_requests: 100,
            subscription_request_bytes: 4096,
            directed_presence: 10,
            resend_keys: 100,
            strangers: waxwing_kernel::Pace { per_hour: 0, burst: 0 },
        };
        let core = Core::new(settings, store, writer, [1; 16], 1);
        let host = Host::new(&core, Arc::new(Jid::new("c").unwrap()), archive, RETENTION);
        core.set_hosts([host.clone()]);
        let setup = Setup {
            core: &core,
            host: &host,
            iterations: 4096,
            block_list_items: 3,
            reports: 2,
            contacts: Default::default(),
            private_bytes: 1000,
            command_sessions: 3,
            vcard_bytes: 1000,
            avatar_bytes: 100,
            archive_page: 10,
            archive_preferences: 3,
            push: Default::default(),
        };
        host.set_table(crate::install(&setup).unwrap());
        Server { core, host, _folder: folder }
    }

    /// The account, made at its first use.
    pub async fn account(&self, name: &str) -> Arc<Account> {
        let jid = format!("{name}@c");
        let new = NewAccount { jid: jid.clone(), keys: Vec::new(), admin: false, created: 0 };
        self.core.store.create_accounts(&[new]).await.unwrap();
        let jid = Arc::new(Jid::new(&jid).unwrap());
        self.core.directory.find(&self.host, &jid).await.unwrap().unwrap()
    }

    /// A client that has not sent presence.
    pub async fn connect(&self, name: &str, resource: &str) -> Client {
        let account = self.account(name).await;
        Client(waxwing_im::bind(&account, Some(resource)).await.unwrap())
    }

    /// A client that is available.
    pub async fn login(&self, name: &str, resource: &str) -> Client {
        let client = self.connect(name, resource).await;
        client.send("<presence/>").await;
        client.read();
        client
    }

    /// Makes the two see each other's presence.
    pub async fn befriend(&self, one: &str, other: &str) {
        for (owner, contact) in [(one, other), (other, one)] {
            let account = self.account(owner).await;
            let row = RosterRow {
                contact: format!("{contact}@c"),
                listed: true,
                subscription: Subscription::Both,
                ..RosterRow::default()
            };
            let write = Write::RosterSet { owner: account.id, version: 1, row };
            self.core.writer.commit(vec![write]).await.unwrap();
            self.core.rosters.forget(account.id);
        }
    }
}

impl Client {
    /// Sends one stanza, and waits until it has taken effect.
    pub async fn send(&self, xml: &str) {
        let mut stanza = stanza(xml);
        stanza.from = Some(self.0.jid.clone());
        waxwing_im::handle(self.0.clone(), stanza, self.0.receive()).await;
    }

    /// Everything that came since the last time.
    pub fn read(&self) -> Came {
        let mut out = Vec::new();
        self.0.outbox(|outbox| outbox.drain(&self.0.account, &mut out, 1 << 20));
        Came::parse(&String::from_utf8(out).unwrap())
    }

    /// Sends a request, and gives everything that came since.
    pub async fn ask(&self, kind: &str, to: &str, payload: &str) -> Came {
        let to = if to.is_empty() { String::new() } else { format!("to='{to}'") };
        self.send(&format!("<iq id='q' type='{kind}' {to}>{payload}</iq>")).await;
        self.read()
    }
}

/// A stanza as it is read from a stream.
pub fn stanza(xml: &str) -> Stanza {
    Stanza::restore(xml.as_bytes()).unwrap()
}

/// A message; an empty type or address is left out.
pub fn message(kind: &str, from: &str, to: &str, payload: &str) -> Stanza {
    let attrs = [("type", kind), ("from", from), ("to", to)];
    let attrs = attrs.iter().filter(|(_, value)| !value.is_empty());
    let attrs: String = attrs.map(|(name, value)| format!(" {name}='{value}'")).collect();
    stanza(&format!("<message id='m'{attrs}>{payload}</message>"))
}

#[tokio::test]
async fn everything_registered_in_its_order() {
    let server = Server::new().await;
    let listing = server.host.table().listing().join("\n");
    assert_eq!(listing, include_str!("listing.txt").trim_end(), "\n{listing}\n");
}

#[test]
fn the_reference_is_current() {
    let reference = crate::reference();
    assert_eq!(reference, include_str!("../docs/xeps.md"), "docs/xeps.md is stale: cargo xtask docs");
}

#[test]
fn the_reference_has_a_line_for_every_module() {
    let reference = crate::reference();
    assert_eq!(reference.lines().filter(|line| line.starts_with("| [")).count(), crate::ABOUTS.len());
    assert!(reference.contains("| `msgoffline` |"));
}

#[tokio::test]
async fn small_queries() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "a").await;
    let version = romeo.ask("get", "c", "<query xmlns='jabber:iq:version'/>").await;
    let version = version.payload("query", "jabber:iq:version");
    assert_eq!(version.must("name", "jabber:iq:version").text(), "Waxwing");
    for to in ["c", "", "romeo@c"] {
        romeo.ask("get", to, "<ping xmlns='urn:xmpp:ping'/>").await.done();
    }
    let time = romeo.ask("get", "c", "<time xmlns='urn:xmpp:time'/>").await;
    let time = time.payload("time", "urn:xmpp:time");
    assert_eq!(time.children().map(Element::name).collect::<Vec<_>>(), ["tzo", "utc"]);
    assert_eq!(time.must("tzo", "urn:xmpp:time").text(), "+00:00");
    let utc = time.must("utc", "urn:xmpp:time").text();
    assert!(utc.starts_with('2') && utc.ends_with('Z'), "{utc}");
}

fn alike(one: &Element, other: &Element) -> bool {
    let same = |name: &str| one.attr(name) == other.attr(name);
    one.is(other.name(), other.ns().as_str()) && same("id") && same("stamp")
}

#[tokio::test]
async fn forged_stamps_and_ids_are_taken_out() {
    let server = Server::new().await;
    let (romeo, juliet) = (server.login("romeo", "a").await, server.login("juliet", "a").await);
    let passes = [
        "<stanza-id xmlns='urn:xmpp:sid:0' by='room@far' id='1'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>",
        "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>",
        "<delay xmlns='urn:xmpp:delay' from='far' stamp='x'/>",
        "<delay xmlns='urn:xmpp:delay' from='romeo@c' stamp='x'/>",
        "<delay xmlns='urn:xmpp:delay' stamp='x'/>",
    ];
    let cut = [
        "<stanza-id xmlns='urn:xmpp:sid:0' by='Juliet@C' id='1'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='romeo@c' id='1'/>",
        "<delay xmlns='urn:xmpp:delay' from='C' stamp='x'/>",
    ];
    for (payloads, stays) in [(&passes[..], true), (&cut[..], false)] {
        for payload in payloads {
            let body = "<body>b</body>";
            romeo.send(&format!("<message to='juliet@c' type='chat'>{payload}{body}</message>")).await;
            let (got, payload) = (juliet.read(), element(payload));
            assert_eq!(got.bodies(), ["b"]);
            // Not even under another spelling of the address.
            let kept: Vec<&Element> = got.only().children().filter(|it| alike(it, &payload)).collect();
            assert_eq!(kept, if stays { vec![&payload] } else { vec![] }, "{got:?}");
        }
    }
}
