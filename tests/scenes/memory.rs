//! What clients can make the server hold in memory (design promise 2): not more than `docs/memory.md` states,
//! while others go on talking.
//!
//! Every scene has a server of its own, since the peak of a process's resident memory is what is measured; each group
//! has a setting of its own for that.

use std::{cell::Cell, fs, process::Command, time::Duration};

use harness::{Client, Server, StanzaExt, Stream, scenes};
use tokio::time::timeout;

scenes! {
    [
        "limits.bytes_per_second=1000000000",
        "limits.byte_burst=1000000000",
    ]: a_client_that_stops_reading;
    [
        "limits.byte_burst=1000000000",
        "limits.bytes_per_second=1000000000",
    ]: one_without_stream_management;
    [
        "limits.bytes_per_second=1000000000",
        "limits.byte_burst=1000000000",
        "limits.pending_messages=200",
    ]: a_client_that_stops_reading_and_a_full_log;
    ["limits.login_timeout_seconds=120"]: silent_connections_before_login;
    ["limits.login_timeout_seconds=60"]: hostile_documents_before_login;
    ["limits.stanza=262144"]: hostile_documents_after_login;
}

const MIB: u64 = 1 << 20;

/// Growth when far more is sent to a client than it reads: the writer's queue (64 MiB, for all clients together) and
/// what the database holds while it writes that.
const STOPS_READING: u64 = 128 * MIB;

/// Growth by one connection that never logs in, whatever it sends.
const SILENT: u64 = 24 * 1024;

/// Growth by a document of any size.
const DOCUMENT: u64 = 4 * MIB;

const SENT: usize = 200 << 20;
const BODY: usize = 200_000;

/// How many of the messages it reads in the end, to see that they come from the first on and in order.
const READ_AGAIN: usize = 50;

async fn a_client_that_stops_reading(s: &Server) {
    stops_reading(s, true).await;
}

async fn one_without_stream_management(s: &Server) {
    stops_reading(s, false).await;
}

async fn stops_reading(s: &Server, numbered: bool) {
    while_others_talk(s, STOPS_READING, async |_| {
        let mut slow = s.login(&s.account(), "slow").await;
        if numbered {
            slow.enable().await;
        }
        slow.available(0).await;
        // From here on it does not read.
        let mut sender = s.user().await;
        flood(&mut sender, slow.bare(), SENT / BODY).await;
        sender.nothing().await;
        // It reads again, and nothing is missing.
        for number in 0..READ_AGAIN {
            assert_eq!(slow.message().await.id(), Some(&*format!("f{number}")));
        }
    })
    .await;
}

async fn a_client_that_stops_reading_and_a_full_log(s: &Server) {
    while_others_talk(s, STOPS_READING, async |_| {
        let mut slow = s.user().await;
        let mut sender = s.user().await;
        flood(&mut sender, slow.bare(), SENT / BODY).await;
        let refused = sender.drain().await;
        assert!(refused.iter().all(|it| it.condition() == "service-unavailable"));
        // What it had read unasked was pending no more.
        assert!((100..=SENT / BODY - 200).contains(&refused.len()), "{} refused", refused.len());
        assert!(refused.iter().all(|it| it.id() != Some("f0")));
        assert_eq!(slow.message().await.id(), Some("f0"));
    })
    .await;
}

/// Messages of [`BODY`] bytes, `f0` and so on.
async fn flood(sender: &mut Client, to: &str, count: usize) {
    let body = "x".repeat(BODY);
    for number in 0..count {
        let message = format!("<message to='{to}' type='chat' id='f{number}'><body>{body}</body></message>");
        sender.send_raw(message).await;
    }
}

async fn silent_connections_before_login(s: &Server) {
    const CONNECTIONS: usize = 2000;
    let limit = format!("--nofile={}:", CONNECTIONS * 2);
    let status = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit]).status();
    assert!(status.expect("prlimit (Debian: util-linux)").success(), "too few open files are allowed");
    while_others_talk(s, CONNECTIONS as u64 * SILENT, async |talk| {
        let mut silent = Vec::new();
        for number in 0..CONNECTIONS {
            silent.push(match number % 4 {
                // Nothing at all.
                0 | 1 => Stream::plain(s).await,
                // Encrypted, and no more.
                2 => Stream::direct(s).await,
                // Half an element of the greatest size.
                _ => {
                    let mut stream = Stream::plain(s).await;
                    stream.open().await;
                    stream.send(format!("<starttls>{}", "x".repeat(9000))).await;
                    stream
                }
            });
        }
        talk.go_on(50).await;
        drop(silent);
    })
    .await;
}

async fn hostile_documents_before_login(s: &Server) {
    for document in DOCUMENTS {
        while_others_talk(s, DOCUMENT, async |_| {
            let mut stream = Stream::direct(s).await;
            stream.open().await;
            document.feed(&mut stream).await;
        })
        .await;
    }
}

async fn hostile_documents_after_login(s: &Server) {
    for document in DOCUMENTS {
        while_others_talk(s, DOCUMENT, async |_| {
            let mut stream = Stream::direct(s).await;
            stream.open().await;
            stream.login(&s.account()).await;
            stream.bind(None).await;
            document.feed(&mut stream).await;
        })
        .await;
    }
}

/// A document in pieces, and the stream error that it ends with.
struct Document {
    name: &'static str,
    start: &'static str,
    repeated: &'static str,
    times: usize,
    condition: &'static str,
}

const DOCUMENTS: &[Document] = &[
    Document {
        name: "a stanza of 100 MB",
        start: "<message to='nobody@localhost'><body>",
        repeated: "0123456789",
        times: 10_000_000,
        condition: "policy-violation",
    },
    Document {
        name: "an attribute of 100 MB",
        start: "<message to='",
        repeated: "0123456789",
        times: 10_000_000,
        condition: "policy-violation",
    },
    Document {
        name: "a name of 100 MB",
        start: "<message><",
        repeated: "abcdefghij",
        times: 10_000_000,
        condition: "policy-violation",
    },
    Document {
        name: "100,000 elements in one another",
        start: "<message>",
        repeated: "<a>",
        times: 100_000,
        condition: "policy-violation",
    },
    Document {
        name: "100,000 namespaces in one another",
        start: "<message>",
        repeated: "<a:a xmlns:a='a'>",
        times: 100_000,
        condition: "policy-violation",
    },
    Document {
        name: "a billion laughs",
        start: "<!DOCTYPE lolz [<!ENTITY lol0 'lol'>",
        repeated: "<!ENTITY lol1 '&lol0;&lol0;&lol0;&lol0;&lol0;&lol0;&lol0;&lol0;&lol0;&lol0;'>",
        times: 10_000,
        condition: "restricted-xml",
    },
    Document {
        name: "a million attributes",
        start: "<message",
        repeated: " a=''",
        times: 1_000_000,
        condition: "policy-violation",
    },
];

impl Document {
    /// Sends the document until the server has had enough, and expects the stream error.
    async fn feed(&self, stream: &mut Stream) {
        let at_once = 10_000;
        let piece = self.repeated.repeat(at_once);
        stream.send(self.start).await;
        for _ in 0..self.times.div_ceil(at_once) {
            // A server that has closed does not read: writing stops when the sockets' buffers are full.
            if timeout(Duration::from_secs(5), stream.send(&piece)).await.is_err() {
                break;
            }
        }
        assert_eq!(stream.failed().await, self.condition, "{}", self.name);
    }
}

/// A pair that talks all the time.
#[derive(Default)]
struct Talk {
    /// Questions answered.
    said: Cell<u32>,
    over: Cell<bool>,
}

impl Talk {
    /// Each message is answered before the next.
    async fn between(&self, mut a: Client, mut b: Client) {
        while !self.over.get() || self.said.get() < 3 {
            let said = self.said.get();
            a.say(b.jid(), &format!("question {said}")).await;
            assert_eq!(b.message().await.body(), Some(format!("question {said}")));
            b.say(a.jid(), &format!("answer {said}")).await;
            assert_eq!(a.message().await.body(), Some(format!("answer {said}")));
            self.said.set(said + 1);
        }
    }

    /// Waits until so many more questions were answered.
    async fn go_on(&self, more: u32) {
        let enough = self.said.get() + more;
        while self.said.get() < enough {
            tokio::task::yield_now().await;
        }
    }
}

/// Does something beside a pair that talks all the time. Meanwhile the server's resident memory grows by `bound` at
/// most.
async fn while_others_talk(s: &Server, bound: u64, what: impl AsyncFnOnce(&Talk)) {
    let (a, b) = s.pair().await;
    let before = reset_peak(s);
    let talk = Talk::default();
    let attack = async {
        what(&talk).await;
        talk.over.set(true);
    };
    tokio::join!(attack, talk.between(a, b));
    let grown = memory(s, "VmHWM").saturating_sub(before);
    eprintln!(
        "{:?}: from {} KiB by {} KiB, {} questions answered",
        s.database(),
        before >> 10,
        grown >> 10,
        talk.said.get()
    );
    assert!(grown <= bound, "the server grew by {grown} bytes, {bound} were allowed");
}

/// Forgets the highest resident memory so far (proc(5), `clear_refs`); returns the present one.
fn reset_peak(s: &Server) -> u64 {
    fs::write(format!("/proc/{}/clear_refs", s.pid()), "5").expect("clear_refs");
    memory(s, "VmRSS")
}

/// A line of the server's `/proc/PID/status`, in bytes.
fn memory(s: &Server, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", s.pid())).expect("the server's status");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("a size");
    kib.trim().parse::<u64>().expect("a number") * 1024
}
