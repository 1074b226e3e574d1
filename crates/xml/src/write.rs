//! Writes XML to the end of a buffer. Nothing here fails: what XML cannot say is replaced by U+FFFD.

use crate::{Element, names, ns};

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
        attribute(self.out, "", name, value);
        self
    }

    /// Adds an attribute if it has a value.
    pub fn attr_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds an attribute as a judged element has it, if it does.
    pub fn attr_of(self, element: &Element, name: &str) -> Self {
        match element.written_attr(name) {
            Some(written) => {
                self.out.push(b' ');
                self.out.extend_from_slice(written);
                self
            }
            None => self.attr_opt(name, element.qualified_attr(name)),
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
            Some(prefix) => attribute(out, "xmlns:", prefix, namespace),
            None => attribute(out, "", "xmlns", namespace),
        }
    }
}

#[inline]
fn attribute(out: &mut Vec<u8>, prefix: &str, name: &str, value: &str) {
    out.reserve(prefix.len() + name.len() + value.len() + 4);
    out.push(b' ');
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(name.as_bytes());
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
    escape(out, content, false);
}

/// Appends what stands between the quotes of an attribute, whichever quotes these are.
pub fn escape_attr(out: &mut Vec<u8>, value: &str) {
    escape(out, value, true);
}

fn escape(out: &mut Vec<u8>, content: &str, attribute: bool) {
    let bytes = content.as_bytes();
    // Most have nothing to escape.
    if names::is_written_as_is(bytes) {
        return out.extend_from_slice(bytes);
    }
    let (mut written, mut at) = (0, 0);
    while let Some(next) = bytes[at..].iter().position(|&byte| names::needs_thought(byte)) {
        at += next;
        let (instead, length) = match bytes[at] {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            // Needed after `]]` only, and simpler always.
            b'>' => ("&gt;", 1),
            // Written out it would be read as a line feed or a space (XML 1.0 §2.11, §3.3.3).
            b'\r' => ("&#13;", 1),
            b'\'' if attribute => ("&apos;", 1),
            b'"' if attribute => ("&quot;", 1),
            b'\t' if attribute => ("&#9;", 1),
            b'\n' if attribute => ("&#10;", 1),
            b'\'' | b'"' | b'\t' | b'\n' => ("", 0),
            0xef if !matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf])) => ("", 0),
            // U+FFFE and U+FFFF.
            0xef => (REPLACEMENT, 3),
            _ => (REPLACEMENT, 1),
        };
        if length > 0 {
            out.extend_from_slice(&bytes[written..at]);
            out.extend_from_slice(instead.as_bytes());
            written = at + length;
        }
        at += length.max(1);
    }
    out.extend_from_slice(&bytes[written..]);
}

const REPLACEMENT: &str = "\u{fffd}";

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

/// Appends the header of a component stream, as a server sends it (XEP-0114 §3): without a version, for no features
/// follow.
pub fn component_header(out: &mut Vec<u8>, from: &str, id: &str) {
    out.extend_from_slice(b"<?xml version='1.0'?>");
    Tag::new(out, "stream:stream")
        .attr("from", from)
        .attr("id", id)
        .ns(ns::COMPONENT)
        .attr("xmlns:stream", ns::STREAMS)
        .start();
}

/// Appends the end of a stream.
pub fn stream_end(out: &mut Vec<u8>) {
    close(out, "stream:stream");
}
