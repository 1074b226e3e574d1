//! Writes XML to the end of a buffer. Nothing here fails: what XML cannot say is replaced by U+FFFD.

use crate::{names, ns};

/// A start tag being written. Names are the program's own and must be XML names; values may be anything.
///
/// ```
/// # use waxwing_xml::Tag;
/// let mut out = Vec::new();
/// Tag::new(&mut out, "iq").attr("type", "result").attr_opt("id", Some("1")).children(|out| {
///     Tag::new(out, "query").ns("jabber:iq:version").children(|out| {
///         Tag::new(out, "name").text("Fish & Chips");
///     });
/// });
/// assert_eq!(
///     String::from_utf8(out).unwrap(),
///     "<iq type='result' id='1'><query xmlns='jabber:iq:version'><name>Fish &amp; Chips</name></query></iq>"
/// );
/// ```
#[must_use = "a tag is open until it is ended"]
#[derive(Debug)]
pub struct Tag<'o, 'n> {
    out: &'o mut Vec<u8>,
    name: &'n str,
}

impl<'o, 'n> Tag<'o, 'n> {
    /// Begins a tag.
    pub fn new(out: &'o mut Vec<u8>, name: &'n str) -> Self {
        debug_assert!(names::is_qualified(name), "{name:?} is no name");
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        Tag { out, name }
    }

    /// Declares the default namespace.
    pub fn ns(self, namespace: &str) -> Self {
        self.attr("xmlns", namespace)
    }

    /// Adds an attribute.
    pub fn attr(self, name: &str, value: &str) -> Self {
        debug_assert!(names::is_qualified(name), "{name:?} is no name");
        attribute(self.out, &["", name], value);
        self
    }

    /// Adds an attribute if it has a value.
    pub fn attr_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Ends an element without content.
    pub fn end_empty(self) {
        self.out.extend_from_slice(b"/>");
    }

    /// Ends an element whose content `write` appends.
    pub fn children(self, write: impl FnOnce(&mut Vec<u8>)) {
        let Tag { out, name } = self;
        out.push(b'>');
        write(out);
        close(out, name);
    }

    /// Ends an element whose content is text.
    pub fn text(self, content: &str) {
        self.children(|out| text(out, content));
    }

    /// Ends the start tag only; [`close`] ends the element.
    pub fn start(self) {
        self.out.push(b'>');
    }

    /// Appends a namespace declaration by itself, to stand in a tag.
    pub(crate) fn declaration(out: &mut Vec<u8>, prefix: Option<&str>, namespace: &str) {
        match prefix {
            Some(prefix) => attribute(out, &["xmlns:", prefix], namespace),
            None => attribute(out, &["", "xmlns"], namespace),
        }
    }
}

fn attribute(out: &mut Vec<u8>, name: &[&str; 2], value: &str) {
    out.push(b' ');
    out.extend_from_slice(name[0].as_bytes());
    out.extend_from_slice(name[1].as_bytes());
    out.extend_from_slice(b"='");
    escape_attr(out, value);
    out.push(b'\'');
}

/// Appends an end tag.
pub fn close(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Appends character data.
pub fn text(out: &mut Vec<u8>, content: &str) {
    escape(out, content, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        // Needed after `]]` only, and simpler always.
        b'>' => Some("&gt;"),
        // Written out it would be read as a line feed (XML 1.0 §2.11).
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

/// Appends what stands between the quotes of an attribute, whichever quotes these are.
pub fn escape_attr(out: &mut Vec<u8>, value: &str) {
    escape(out, value, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        // Written out they would be read as spaces (XML 1.0 §3.3.3).
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

fn escape(out: &mut Vec<u8>, content: &str, reference: impl Fn(u8) -> Option<&'static str>) {
    let legal = names::all_legal(content);
    let mut written = 0;
    for (at, c) in content.char_indices() {
        let instead = match u8::try_from(c).ok().filter(u8::is_ascii).and_then(&reference) {
            Some(reference) => reference,
            None if !legal && !names::is_legal(c) => "\u{fffd}",
            None => continue,
        };
        out.extend_from_slice(&content.as_bytes()[written..at]);
        out.extend_from_slice(instead.as_bytes());
        written = at + c.len_utf8();
    }
    out.extend_from_slice(&content.as_bytes()[written..]);
}

/// Appends bytes that [`crate::scan`] judged: a whole element, or a child by its range.
pub fn attach(out: &mut Vec<u8>, judged: &[u8]) {
    out.extend_from_slice(judged);
}

/// Appends the header of a client stream with its XML declaration (RFC 6120 §4.7, §11.5), as a server sends it.
pub fn stream_header(out: &mut Vec<u8>, from: &str, to: Option<&str>, id: &str, lang: &str) {
    out.extend_from_slice(b"<?xml version='1.0'?>");
    Tag::new(out, "stream:stream")
        .attr("from", from)
        .attr_opt("to", to)
        .attr("id", id)
        .attr("version", "1.0")
        .attr("xml:lang", lang)
        .ns(ns::CLIENT)
        .attr("xmlns:stream", ns::STREAMS)
        .start();
}

/// Appends the end of a stream.
pub fn stream_end(out: &mut Vec<u8>) {
    close(out, "stream:stream");
}
