//! Frames are cut alike however they are chunked, and what is too big is refused when it gets too big.

use waxwing_xml::{Cut, Fault, Limits, MAX_NAME, Splitter, scan};

use crate::corpus;

const LIMITS: Limits = Limits { frame: 20_000, depth: 8, attributes: 8 };
const HEADER: &str = "<?xml version='1.0'?>\n<stream:stream to='a' xmlns='jabber:client' xmlns:stream='s'>";

type Cuts = (Vec<Cut>, Option<Fault>);

fn element(frame: &str) -> Cut {
    Cut::Element(Box::from(frame.as_bytes()))
}

/// All cuts of the chunks in turn, and the fault that ends them.
fn cuts<'a>(limits: Limits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Cuts {
    let (mut splitter, mut cuts) = (Splitter::new(limits), Vec::new());
    for mut chunk in chunks {
        while !chunk.is_empty() {
            match splitter.feed(chunk) {
                Err(fault) => return (cuts, Some(fault)),
                Ok((taken, cut)) => {
                    assert!(taken > 0 && (cut.is_some() || taken == chunk.len()));
                    assert!(cut.is_none() || !splitter.in_frame());
                    cuts.extend(cut);
                    chunk = &chunk[taken..];
                }
            }
        }
    }
    (cuts, None)
}

fn whole(stream: &[u8]) -> Cuts {
    cuts(LIMITS, [stream])
}

/// The result of the whole, which every way of chunking must have too.
fn always(stream: &[u8]) -> Cuts {
    let expected = whole(stream);
    for at in 0..=stream.len().min(600) {
        let (head, tail) = stream.split_at(at);
        assert_eq!(cuts(LIMITS, [head, tail]), expected, "cut at {at}: {}", stream.escape_ascii());
    }
    for size in [1, 2, 3, 7] {
        assert_eq!(cuts(LIMITS, stream.chunks(size)), expected, "by {size}: {}", stream.escape_ascii());
    }
    expected
}

fn after_header(rest: &[u8]) -> Cuts {
    let (mut cuts, fault) = always(&[HEADER.as_bytes(), rest].concat());
    assert_eq!(cuts.remove(0), Cut::Header(HEADER.as_bytes().into()));
    (cuts, fault)
}

#[test]
fn a_stream() {
    let stream =
        b" <a/>\r\n\t<b x='>' y=\"'/>\"><c/>t</b ><d><![CDATA[</d>]] ></d>]]]></d></stream:stream \n>";
    let expected = vec![
        element("<a/>"),
        element("<b x='>' y=\"'/>\"><c/>t</b >"),
        element("<d><![CDATA[</d>]] ></d>]]]></d>"),
        Cut::End,
    ];
    assert_eq!(after_header(stream), (expected, None));
}

#[test]
fn every_good_frame() {
    for frame in corpus::GOOD {
        assert_eq!(after_header(frame.as_bytes()), (vec![element(frame)], None));
    }
}

#[test]
fn every_bad_frame() {
    for (frame, _) in corpus::BAD {
        let (cuts, fault) = after_header(frame);
        let judged = cuts.iter().all(|cut| match cut {
            Cut::Element(bytes) => {
                let limits = Limits { attributes: 64, ..LIMITS };
                scan(bytes, &waxwing_xml::Scope::client(), &limits).is_ok()
            }
            _ => true,
        });
        // What needs more than one frame to be wrong: two elements, or space around one.
        let several = matches!(*frame, b"" | b"<a/> " | b" <a/>" | b"<a/><b/>");
        // What has not come to its end yet.
        let waiting = fault.is_none() && cuts.is_empty();
        assert!(fault.is_some() || !judged || waiting || several, "{}", frame.escape_ascii());
    }
}

#[test]
fn between_frames() {
    assert_eq!(after_header(b"  \n").1, None);
    assert_eq!(after_header(b"x").1, Some(Fault::BadFormat));
    assert_eq!(after_header(b"<a/>&amp;").1, Some(Fault::BadFormat));
    assert_eq!(after_header(b"<![CDATA[x]]>").1, Some(Fault::BadFormat));
    assert_eq!(after_header(b"</a>").1, Some(Fault::NotWellFormed));
    assert_eq!(after_header(b"</stream:streams>").1, Some(Fault::NotWellFormed));
    assert_eq!(after_header(b"</stream:stream/>").1, Some(Fault::NotWellFormed));
    assert_eq!(after_header(b"<?xml version='1.0'?>").1, Some(Fault::RestrictedXml));
    assert_eq!(after_header(b"<!-- x -->").1, Some(Fault::RestrictedXml));
    assert_eq!(after_header(b"<a><!DOCTYPE").1, Some(Fault::RestrictedXml));
}

#[test]
fn before_the_header() {
    assert_eq!(always(b"GET / HTTP/1.1").1, Some(Fault::NotWellFormed));
    assert_eq!(always(b"\x16\x03\x01").1, Some(Fault::NotWellFormed));
    assert_eq!(always(b"</stream:stream>").1, Some(Fault::NotWellFormed));
    assert_eq!(always(b"<!DOCTYPE a [<!ENTITY b 'c'>]>").1, Some(Fault::RestrictedXml));
    assert_eq!(always(b"<?xml version='1.0'?><?xml version='1.0'?>").1, Some(Fault::RestrictedXml));
    assert_eq!(always(b"<?xml version='1.0'>").1, Some(Fault::NotWellFormed));
    assert_eq!(always(b"<?xml version='1.0'?>x").1, Some(Fault::NotWellFormed));
    assert_eq!(always(b"\xff\xfe<\0").1, Some(Fault::UnsupportedEncoding));
    assert_eq!(always(b"\0<\0?").1, Some(Fault::UnsupportedEncoding));
    assert_eq!(always(b"\xef\xbb\xbf<stream:stream>").1, Some(Fault::NotWellFormed));
}

/// How many bytes of `hostile`, endlessly repeated inside a stanza, are taken before the fault.
fn taken_of(start: &str, hostile: &str) -> (usize, Fault) {
    let mut splitter = Splitter::new(LIMITS);
    splitter.feed(HEADER.as_bytes()).unwrap();
    splitter.feed(start.as_bytes()).unwrap();
    let mut taken = start.len();
    for byte in hostile.bytes().cycle() {
        match splitter.feed(&[byte]) {
            Ok(_) => taken += 1,
            Err(fault) => return (taken, fault),
        }
    }
    unreachable!("the cycle has no end")
}

#[test]
fn limits_hold_while_the_frame_arrives() {
    let policy = |start: &str, hostile: &str, at: usize| {
        let (taken, fault) = taken_of(start, hostile);
        assert!(matches!(fault, Fault::PolicyViolation(_)), "{fault}");
        assert_eq!(taken, at, "{start}{hostile}");
    };
    policy("<a>", "x", LIMITS.frame);
    policy("<a>", "<b/>", LIMITS.frame);
    policy("<a><![CDATA[", "]", LIMITS.frame);
    policy("", "<a>", 3 * 8 + 1);
    policy("<a", " b=''", 2 + 5 * 8 + 3);
    policy("<a", "x", 1 + MAX_NAME);
    policy("<a b='", "x", 6 + MAX_NAME);
    policy("<a", " ", 1 + MAX_NAME);
    policy("<a></a", " ", 5 + MAX_NAME);
}

#[test]
fn a_frame_in_one_piece_may_have_the_size_of_the_limit() {
    let frame = format!("<a>{}</a>", "x".repeat(LIMITS.frame - 7));
    let after = |frame: &str| whole(format!("{HEADER}{frame}").as_bytes()).1;
    assert_eq!(after(&frame), None);
    assert!(matches!(after(&frame.replacen('x', "xx", 1)), Some(Fault::PolicyViolation(_))));
}

#[test]
fn limits_may_grow_after_authentication() {
    let mut splitter = Splitter::new(Limits { frame: 100, ..LIMITS });
    splitter.feed(HEADER.as_bytes()).unwrap();
    splitter.set_limits(LIMITS);
    let frame = format!("<a>{}</a>", "x".repeat(200));
    assert_eq!(splitter.feed(frame.as_bytes()), Ok((frame.len(), Some(element(&frame)))));
    assert!(!splitter.in_frame());
}
