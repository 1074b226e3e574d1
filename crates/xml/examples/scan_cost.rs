//! What one message costs from bytes to bytes, beside a parse and write by minidom of the same message.
//!
//!     cargo run --release -p waxwing-xml --example scan_cost

use std::hint::black_box;
use std::time::{Duration, Instant};

use waxwing_xml::{Cut, Limits, Scope, Splitter, Tag, attach, close, scan};

const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const MESSAGE: &[u8] = b"<message to='juliet@example.com/balcony' type='chat' id='ktx72v49-1' xml:lang='en'>\
    <body>Art thou not Romeo, and a Montague?</body><active xmlns='http://jabber.org/protocol/chatstates'/>\
    <request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='ktx72v49-1'/>\
    <markable xmlns='urn:xmpp:chat-markers:0'/></message>";
const LIMITS: Limits = Limits { frame: 262_144, depth: 100, attributes: 64 };

fn main() {
    println!("{} bytes", MESSAGE.len());
    let mut splitter = Splitter::new(LIMITS);
    let _ = splitter.feed(HEADER);
    let mut out = Vec::with_capacity(1024);
    let ours = measure("split, scan and write", || {
        let Ok((_, Some(Cut::Element(frame)))) = splitter.feed(black_box(MESSAGE)) else { return };
        let Ok(message) = scan(&frame, &Scope::client(), &LIMITS) else { return };
        out.clear();
        Tag::new(&mut out, "message")
            .attr("from", "romeo@example.net/orchard")
            .attr_opt("to", message.attr("to"))
            .attr_opt("id", message.attr("id"))
            .attr_opt("type", message.attr("type"))
            .attr_opt("xml:lang", message.lang())
            .start();
        for child in message.children() {
            attach(&mut out, child.bytes(&message));
        }
        close(&mut out, "message");
        black_box(&out);
    });
    measure("of which split", || {
        black_box(splitter.feed(black_box(MESSAGE)).is_ok());
    });
    let text = String::from_utf8_lossy(MESSAGE);
    let theirs = measure("minidom, parse and write", || {
        let Ok(message) = minidom::Element::from_reader_with_prefixes(
            black_box(text.as_bytes()),
            Some("jabber:client".to_owned()),
        ) else {
            return;
        };
        out.clear();
        let _ = message.write_to(&mut out);
        black_box(&out);
    });
    println!("1/{:.1}", theirs.as_secs_f64() / ours.as_secs_f64());
}

/// The best of several rounds, which is the one least disturbed.
fn measure(what: &str, mut run: impl FnMut()) -> Duration {
    const ROUNDS: u32 = 10;
    const RUNS: u32 = 10_000;
    let round = |_| {
        let start = Instant::now();
        for _ in 0..RUNS {
            run();
        }
        start.elapsed() / RUNS
    };
    let best = (0..ROUNDS).map(round).min().unwrap_or_default();
    println!("{what}: {best:?}");
    best
}
