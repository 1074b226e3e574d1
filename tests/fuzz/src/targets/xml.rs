//! The way of a stream's bytes up to the judged stanza.

use waxwing_xml::{Limits, Splitter, header, ns};

use super::Target;
use crate::corpus::{BAD, GOOD, PIECES};
use crate::mutate::Random;
use crate::oracle;

pub const SPLIT: Target = Target { name: "split", corpus: STREAMS, pieces: PIECES, check: split };
pub const SCAN: Target = Target { name: "scan", corpus: FRAMES, pieces: PIECES, check: scan };
pub const HEADER: Target = Target { name: "header", corpus: HEADERS, pieces: PIECES, check: stream_header };

/// Chunks change nothing, and a limit holds.
fn split(input: &[u8], random: &mut Random) -> Result<(), String> {
    let limits = Limits { frame: 512, depth: 6, attributes: 6 };
    let whole = cuts(limits, input, |rest| rest);
    let pieces = cuts(limits, input, |rest| 1 + random.below(rest.min(40)));
    if whole == pieces { Ok(()) } else { Err(format!("whole: {whole:?}\nin pieces: {pieces:?}")) }
}

/// What a splitter makes of the input, `size` telling for how much is left how much comes next.
fn cuts(limits: Limits, input: &[u8], mut size: impl FnMut(usize) -> usize) -> Vec<String> {
    let (mut splitter, mut cuts) = (Splitter::new(limits), Vec::new());
    let mut rest = input;
    while !rest.is_empty() {
        let (mut chunk, tail) = rest.split_at(size(rest.len()));
        rest = tail;
        while !chunk.is_empty() {
            match splitter.feed(chunk) {
                Ok((taken, cut)) => {
                    chunk = &chunk[taken..];
                    cuts.extend(cut.map(|cut| format!("{cut:?}")));
                }
                Err(fault) => {
                    cuts.push(fault.to_string());
                    return cuts;
                }
            }
        }
    }
    cuts
}

/// What scan accepts, rxml accepts and reads the same.
fn scan(input: &[u8], random: &mut Random) -> Result<(), String> {
    let content = if random.below(2) == 0 { ns::CLIENT } else { ns::SERVER };
    oracle::agree(input, content).map(drop)
}

/// A header that is accepted, rxml accepts too, and both read the simplest stanza under it as one.
fn stream_header(input: &[u8], _: &mut Random) -> Result<(), String> {
    let Ok(header) = header(input) else { return Ok(()) };
    let stanza = b"<presence/>";
    let ours = waxwing_xml::scan(stanza.as_slice(), &header.scope, &oracle::LIMITS);
    if !ours.is_ok_and(|element| element.is("presence", ns::CLIENT)) {
        return Err(format!("no stanza under {header:?}"));
    }
    let text = String::from_utf8_lossy(input);
    // rxml wants every document standalone.
    let theirs = oracle::read(&text, stanza).is_some() || text.contains("standalone");
    if theirs { Ok(()) } else { Err("header accepts what rxml refuses".to_owned()) }
}

const STREAMS: &[&[u8]] = &[
    b"<?xml version='1.0'?><stream:stream to='a' version='1.0' xmlns='jabber:client' \
      xmlns:stream='http://etherx.jabber.org/streams'><message to='b'><body>c &lt; d</body></message> \n\
      <iq type='get' id=\"e>\"><query xmlns='f'/></iq><presence/></stream:stream>",
    b"<stream:stream><a><![CDATA[</a>]]]]></a><b c='>' d=\"'/>\"/><e><f><g/></f></e></stream:stream>",
];

const HEADERS: &[&[u8]] = &[
    b"<?xml version='1.0' encoding='UTF-8'?><stream:stream from='a@b' to='b' version='1.0' xml:lang='en' \
      xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    b"<stream:stream xmlns:db='jabber:server:dialback' id='c&amp;d' xmlns='jabber:server' \
      xmlns:stream='http://etherx.jabber.org/streams'>",
];

const FRAMES: &[&[u8]] = &frames();

/// Good ones first, then bad ones, which one change may make good.
const fn frames() -> [&'static [u8]; GOOD.len() + BAD.len()] {
    let mut frames: [&[u8]; GOOD.len() + BAD.len()] = [b""; GOOD.len() + BAD.len()];
    let mut at = 0;
    while at < frames.len() {
        frames[at] = if at < GOOD.len() { GOOD[at].as_bytes() } else { BAD[at - GOOD.len()].0 };
        at += 1;
    }
    frames
}
