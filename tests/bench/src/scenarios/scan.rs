//! One message from bytes to bytes in this process: split, scan, route, write; without TLS and without a socket.
//! Beside it, what a parse and a write of the same message by minidom cost.
//!
//! All modules are installed, stream management is on at both sides, the message is handed to the log's queue and
//! acknowledged before it is written, so the database stays out of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jid::Jid;
use waxwing_kernel::{Archive, Core, Host, Session, Settings, Setup};
use waxwing_stanza::Stanza;
use waxwing_store::{NewAccount, Writer, WriterOptions};
use waxwing_xml::{Element, Limits, Scope};

use crate::bench::Bench;
use crate::report::{Figure, Report, Target};
use crate::{Fault, allocations};

const fn figure(name: &'static str, unit: &'static str, targets: &'static [Target]) -> Figure {
    Figure::new("scan", name, unit).to_reach(targets)
}

const RATIO: Figure = figure("all four, as part of minidom's", "", &[Target::Most(1.0 / 6.0)]);
const WHOLE: Figure = figure("split, scan, route and write", "ns", &[]);
const SCAN: Figure = figure("split and scan", "ns", &[]);
const ROUTE: Figure = figure("route alone", "ns", &[]);
const WRITE: Figure = figure("write alone", "ns", &[]);
const ALLOCATIONS: Figure = figure("allocations of a message", "", &[]);
const CONFIRM: Figure = figure("acknowledgement (not in the sum)", "ns", &[]);
const TREE: Figure = figure("parse and write", "ns", &[]);

const US: &str = "Waxwing";
const LIMITS: Limits = Limits { frame: 262_144, depth: 100, attributes: 64 };

/// Messages handled one after the other before they are acknowledged together.
const BATCH: usize = 64;

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let folder = tempfile::tempdir_in(bench.folder())?;
    let mut lab = Lab::new(&folder.path().join("db")).await?;
    lab.settle().await?;
    let batches = (bench.scale.scans as usize).div_ceil(BATCH);
    for _ in 0..bench.scale.runs {
        let mut best = Steps::MAX;
        let (mut whole, mut tree) = (Duration::MAX, Duration::MAX);
        for _ in 0..batches {
            tree = tree.min(lab.tree()?);
            whole = whole.min(lab.whole().await?);
            best = best.min(lab.steps().await?);
        }
        let one = |time: Duration| time.as_secs_f64() * 1e9 / BATCH as f64;
        report.add(&RATIO, US, whole.as_secs_f64() / tree.as_secs_f64());
        report.add(&WHOLE, US, one(whole));
        let before = allocations::count();
        lab.whole().await?;
        report.add(&ALLOCATIONS, US, (allocations::count() - before) as f64 / BATCH as f64);
        report.add(&SCAN, US, one(best.scan));
        report.add(&ROUTE, US, one(best.route));
        report.add(&WRITE, US, one(best.write));
        report.add(&CONFIRM, US, one(best.confirm));
        report.add(&TREE, "minidom", one(tree));
    }
    match lab.core.writer.stats().writes {
        0 => Ok(()),
        writes => Err(Fault::new(format!("{writes} messages went to the database"))),
    }
}

/// The shortest time of each step over all batches: the one least disturbed.
struct Steps {
    scan: Duration,
    route: Duration,
    write: Duration,
    confirm: Duration,
}

impl Steps {
    const MAX: Steps =
        Steps { scan: Duration::MAX, route: Duration::MAX, write: Duration::MAX, confirm: Duration::MAX };

    fn min(self, other: Steps) -> Steps {
        Steps {
            scan: self.scan.min(other.scan),
            route: self.route.min(other.route),
            write: self.write.min(other.write),
            confirm: self.confirm.min(other.confirm),
        }
    }
}

/// A host with two clients that have no socket.
struct Lab {
    core: Arc<Core>,
    sender: Arc<Session>,
    recipient: Arc<Session>,
    messages: Vec<Vec<u8>>,
    out: Vec<u8>,
    /// What the recipient has acknowledged.
    h: u32,
}

impl Lab {
    async fn new(database: &std::path::Path) -> Result<Lab, Fault> {
        let store = waxwing_store_sqlite::open(database).await.map_err(|error| Fault::new(error.0))?;
        let writer = Writer::start(store.clone(), WriterOptions::default());
        let settings = Settings {
            outbox_bytes: 1 << 20,
            pending_messages: 10_000,
            archived_messages: 100_000,
            archive_retention: Duration::from_secs(365 * 86_400),
            resources: 10,
            // A batch is acknowledged long before.
            linger: Duration::from_secs(1),
            cached_rosters: 100,
            roster_items: 1000,
            subscription_requests: 100,
            subscription_request_bytes: 4096,
            directed_presence: 1000,
            resend_keys: 1000,
            strangers: waxwing_kernel::Pace { per_hour: 0, burst: 0 },
        };
        let core = Core::new(settings, store, writer, [1; 16], 1);
        let host =
            Host::new(&core, Arc::new(Jid::new(crate::DOMAIN)?), Archive::UntilDelivered, Duration::MAX);
        core.set_hosts([host.clone()]);
        let setup = Setup {
            core: &core,
            host: &host,
            iterations: 4096,
            block_list_items: 1000,
            reports: 2,
            contacts: Default::default(),
            private_bytes: 1000,
            command_sessions: 3,
            vcard_bytes: 1000,
            avatar_bytes: 100,
            archive_page: 100,
            archive_preferences: 1,
            push: Default::default(),
        };
        host.set_table(waxwing_xeps::install(&setup).map_err(|error| Fault::new(error.0))?);
        let sender = connect(&core, &host, "romeo").await?;
        let recipient = connect(&core, &host, "juliet").await?;
        let messages = (0..BATCH).map(|number| text(recipient.jid.as_str(), number).into_bytes());
        Ok(Lab { messages: messages.collect(), core, sender, recipient, out: Vec::new(), h: 0 })
    }

    /// One message before what is measured: what a first message starts, and modules learn from it, is behind.
    async fn settle(&mut self) -> Result<(), Fault> {
        let element = self.scan(0)?;
        self.route(element).await?;
        self.write();
        self.confirm(1)
    }

    /// Each message all the way before the next.
    async fn whole(&mut self) -> Result<Duration, Fault> {
        self.out.clear();
        let begun = Instant::now();
        for number in 0..BATCH {
            let element = self.scan(number)?;
            self.route(element).await?;
            self.write();
        }
        let took = begun.elapsed();
        self.confirm(BATCH)?;
        Ok(took)
    }

    /// All messages one step before the next.
    async fn steps(&mut self) -> Result<Steps, Fault> {
        self.out.clear();
        let begun = Instant::now();
        let elements = (0..BATCH).map(|number| self.scan(number)).collect::<Result<Vec<_>, _>>()?;
        let scanned = begun.elapsed();
        for element in elements {
            self.route(element).await?;
        }
        let routed = begun.elapsed();
        self.write();
        let written = begun.elapsed();
        self.confirm(BATCH)?;
        let confirmed = begun.elapsed();
        Ok(Steps {
            scan: scanned,
            route: routed - scanned,
            write: written - routed,
            confirm: confirmed - written,
        })
    }

    /// As a stream does with what came in one read.
    fn scan(&mut self, number: usize) -> Result<Element, Fault> {
        let text = std::str::from_utf8(black_box(&self.messages[number])).ok();
        let front = text.and_then(|text| waxwing_xml::scan_front(text, &Scope::client(), &LIMITS));
        match front {
            Some((_, element)) => Ok(element),
            None => Err(Fault::new("not judged".to_owned())),
        }
    }

    async fn route(&self, element: Element) -> Result<(), Fault> {
        let mut stanza = Stanza::read(element).map_err(|error| Fault::new(format!("not read: {error:?}")))?;
        stanza.from = Some(self.sender.jid.clone());
        waxwing_im::handle(self.sender.clone(), stanza, self.sender.receive()).await;
        Ok(())
    }

    fn write(&mut self) {
        let (recipient, out) = (&self.recipient, &mut self.out);
        recipient.outbox(|outbox| outbox.drain(&recipient.account, out, 1 << 20));
    }

    /// The recipient acknowledges `count` messages, all it got; then the sender is told so.
    fn confirm(&mut self, count: usize) -> Result<(), Fault> {
        self.h = self.h.wrapping_add(count as u32);
        let taken = self.recipient.acknowledge(self.h);
        let outstanding = self.sender.inbound(|inbound| {
            inbound.tell();
            inbound.outstanding()
        });
        match (taken, outstanding) {
            (Ok(()), 0) => Ok(()),
            (taken, outstanding) => Err(Fault::new(format!(
                "of {count} messages {outstanding} are not acknowledged, sent were {taken:?}"
            ))),
        }
    }

    fn tree(&mut self) -> Result<Duration, Fault> {
        let begun = Instant::now();
        for message in &self.messages {
            let prefixes = Some("jabber:client".to_owned());
            let element = minidom::Element::from_reader_with_prefixes(black_box(&message[..]), prefixes)?;
            self.out.clear();
            element.write_to(&mut self.out)?;
            black_box(&self.out);
        }
        Ok(begun.elapsed())
    }
}

/// A client that is available and has stream management on.
async fn connect(core: &Arc<Core>, host: &Arc<Host>, name: &str) -> Result<Arc<Session>, Fault> {
    let failed = |why: &dyn std::fmt::Debug| Fault::new(format!("{name} cannot connect: {why:?}"));
    let jid = format!("{name}@{}", crate::DOMAIN);
    let account = NewAccount { jid: jid.clone(), keys: Vec::new(), admin: false, created: 0 };
    core.store.create_accounts(&[account]).await.map_err(|error| failed(&error))?;
    let found =
        core.directory.find(host, &Arc::new(Jid::new(&jid)?)).await.map_err(|error| failed(&error))?;
    let account = found.ok_or_else(|| failed(&"not found"))?;
    let session = waxwing_im::bind(&account, Some("balcony")).await.map_err(|error| failed(&error))?;
    let mut presence = Stanza::restore(b"<presence/>").ok_or_else(|| failed(&"presence"))?;
    presence.from = Some(session.jid.clone());
    waxwing_im::handle(session.clone(), presence, session.receive()).await;
    session.outbox(|outbox| outbox.drain(&account, &mut Vec::new(), 1 << 20));
    session.restart_counting();
    Ok(session)
}

/// A message as clients send it, about 360 bytes when it arrives.
fn text(to: &str, number: usize) -> String {
    format!(
        "<message to='{to}' type='chat' id='m0-{number}' xml:lang='en'>\
         <body>0 {number} Art thou not Romeo, and a Montague?</body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
         <origin-id xmlns='urn:xmpp:sid:0' id='m0-{number}'/>\
         <markable xmlns='urn:xmpp:chat-markers:0'/></message>"
    )
}
