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

#[cfg(test)]
mod tests {

    use waxwing_xml::{Limits, Scope};

    use super::*;

    fn element(xml: &str) -> Element {
        let limits = Limits { frame: 1000, depth: 10, attributes: 10 };
        waxwing_xml::scan(xml.as_bytes(), &Scope::client(), &limits).unwrap()
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn enable_asks_for_what_is_well_formed_only() {
        let enable =
            |attrs: &str| Enable::read(&element(&format!("<enable xmlns='urn:xmpp:sm:3' {attrs}/>")));
        assert!(!enable("").resume);
        assert!(
            enable("resume='true'").resume && enable("resume='1'").resume && !enable("resume='yes'").resume
        );
        assert_eq!(enable("max='60'").max, Some(Duration::from_secs(60)));
        for max in ["", "0", "-1", "x", "99999999999999999999999"] {
            assert_eq!(enable(&format!("max='{max}'")).max, None, "{max}");
        }
    }

    #[test]
    fn h_is_an_unsigned_int() {
        let h = |value: &str| h(&element(&format!("<a xmlns='urn:xmpp:sm:3' h='{value}'/>")));
        assert_eq!(h("4294967295"), Some(u32::MAX));
        for wrong in ["", "-1", "4294967296", "1.0", "one"] {
            assert_eq!(h(wrong), None, "{wrong}");
        }
        assert_eq!(super::h(&element("<a xmlns='urn:xmpp:sm:3'/>")), None);
    }

    #[test]
    fn what_is_not_granted_is_not_told() {
        let enabled = written(|out| write_enabled(out, None, Some("example.org:5222")));
        assert_eq!(enabled, "<enabled xmlns='urn:xmpp:sm:3'/>");
        let resume = Some(("token", Duration::from_secs(600)));
        assert_eq!(
            written(|out| write_enabled(out, resume, Some("example.org:5222"))),
            "<enabled xmlns='urn:xmpp:sm:3' id='token' resume='true' max='600' location='example.org:5222'/>"
        );
        assert_eq!(
            written(|out| write_failed(out, Condition::ItemNotFound, Some(3))),
            "<failed xmlns='urn:xmpp:sm:3' h='3'><item-not-found \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        );
    }
}
