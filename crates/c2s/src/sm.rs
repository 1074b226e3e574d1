//! The elements of stream management (XEP-0198).

use std::time::Duration;

use waxwing_stanza::{Condition, ns};
use waxwing_xml::{Element, Tag};

/// `<enable/>` as the client asks for it.
pub struct Enable {
    pub resume: bool,
    /// The longest time to resume that it wants.
    pub max: Option<Duration>,
}

impl Enable {
    pub fn read(element: &Element) -> Enable {
        let seconds = element.attr("max").and_then(|max| max.parse().ok()).filter(|max| *max > 0);
        Enable {
            resume: matches!(element.attr("resume"), Some("true" | "1")),
            max: seconds.map(Duration::from_secs),
        }
    }
}

/// The `h` of `<a/>` and `<resume/>`: an `xs:unsignedInt`.
pub fn h(element: &Element) -> Option<u32> {
    element.attr("h")?.trim_ascii().parse().ok()
}

/// `<enabled/>`; with a token and its time where the stream can be resumed.
pub fn write_enabled(out: &mut Vec<u8>, resume: Option<(&str, Duration)>, location: Option<&str>) {
    let tag = Tag::new(out, "enabled").ns(ns::SM);
    match resume {
        Some((token, max)) => tag
            .attr("id", token)
            .attr("resume", "true")
            .attr("max", &max.as_secs().to_string())
            .attr_opt("location", location)
            .end_empty(),
        None => tag.end_empty(),
    }
}

pub fn write_resumed(out: &mut Vec<u8>, previd: &str, h: u32) {
    Tag::new(out, "resumed").ns(ns::SM).attr("previd", previd).attr("h", &h.to_string()).end_empty();
}

/// `<failed/>`, with what was handled of a session that is known and gone (XEP-0198 §4).
pub fn write_failed(out: &mut Vec<u8>, condition: Condition, h: Option<u32>) {
    let h = h.map(|h| h.to_string());
    Tag::new(out, "failed").ns(ns::SM).attr_opt("h", h.as_deref()).children(|out| {
        Tag::new(out, condition.element()).ns(ns::STANZAS).end_empty();
    });
}

pub fn write_ack(out: &mut Vec<u8>, h: u32) {
    Tag::new(out, "a").ns(ns::SM).attr("h", &h.to_string()).end_empty();
}

pub fn write_request(out: &mut Vec<u8>) {
    Tag::new(out, "r").ns(ns::SM).end_empty();
}
