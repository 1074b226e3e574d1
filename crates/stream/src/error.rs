//! Stream errors (RFC 6120 §4.9).

use std::borrow::Cow;

use waxwing_kernel::Closing;
use waxwing_stanza::ns;
use waxwing_xml::{Fault, Tag};

/// A stream error, to be sent before the stream's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamError {
    /// The condition's element name (RFC 6120 §4.9.3).
    pub condition: &'static str,
    /// For people, in English.
    pub text: Option<Cow<'static, str>>,
    /// XEP-0198 §5: what the client claims to have handled, and what it was sent.
    pub handled_too_high: Option<(u32, u32)>,
}

impl StreamError {
    pub fn new(condition: &'static str) -> StreamError {
        StreamError { condition, text: None, handled_too_high: None }
    }

    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> StreamError {
        self.text = Some(text.into());
        self
    }

    /// XEP-0198 §5: an acknowledgement of more than was sent.
    pub fn handled_too_high(h: u32, sent: u32) -> StreamError {
        StreamError { handled_too_high: Some((h, sent)), ..StreamError::new("undefined-condition") }
            .text(format!("You acknowledged {h} stanzas, but I only sent you {sent} so far."))
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        Tag::new(out, "stream:error").children(|out| {
            Tag::new(out, self.condition).ns(ns::STREAMS).end_empty();
            if let Some(text) = &self.text {
                Tag::new(out, "text").ns(ns::STREAMS).attr("xml:lang", "en").text(text);
            }
            if let Some((h, sent)) = self.handled_too_high {
                Tag::new(out, "handled-count-too-high")
                    .ns(ns::SM)
                    .attr("h", &h.to_string())
                    .attr("send-count", &sent.to_string())
                    .end_empty();
            }
        });
    }
}

impl From<Fault> for StreamError {
    fn from(fault: Fault) -> StreamError {
        let error = StreamError::new(fault.condition());
        match fault {
            Fault::PolicyViolation(limit) => error.text(limit),
            _ => error,
        }
    }
}

impl From<Closing> for StreamError {
    fn from(closing: Closing) -> StreamError {
        StreamError::new(closing.condition).text(closing.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_comes_first_then_text_then_what_is_particular() {
        let mut out = Vec::new();
        StreamError::handled_too_high(10, 8).write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>You acknowledged 10 stanzas, but I \
             only sent you 8 so far.</text>\
             <handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error>"
        );
    }
}
