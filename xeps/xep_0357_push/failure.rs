//! How long a failed publication stays failed.

use minidom::Element;
use waxwing_stanza::{Condition, Stanza, StanzaError, decode, ns};

/// Why a publication failed.
pub struct Failure {
    /// The condition's name.
    pub condition: String,
    pub kind: Lasting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// There is no such node any more (XEP-0060 §7.1.3): it will never work.
    Permanent,
    /// The service does not want it: tried seldom.
    Refused,
    Passing,
}

impl Failure {
    /// What an error stanza says.
    pub fn of(stanza: &Stanza) -> Failure {
        let error = stanza.child("error", ns::CLIENT).and_then(|it| decode::<Element>(stanza, it).ok());
        let condition = error.as_ref().and_then(|error| {
            error.children().find(|child| child.has_ns(ns::STANZAS) && child.name() != "text")
        });
        let condition = condition.map_or("undefined-condition", Element::name);
        let condition: String = condition.chars().take(64).collect();
        let wait = error.as_ref().is_some_and(|error| error.attr("type") == Some("wait"));
        let kind = match condition.as_str() {
            "item-not-found" | "gone" if !wait => Lasting::Permanent,
            "internal-server-error"
            | "recipient-unavailable"
            | "remote-server-timeout"
            | "resource-constraint"
            | "service-unavailable" => Lasting::Passing,
            _ if wait => Lasting::Passing,
            _ => Lasting::Refused,
        };
        Failure { condition, kind }
    }
}

impl From<StanzaError> for Failure {
    /// It did not even reach the service, or no answer came.
    fn from(error: StanzaError) -> Failure {
        let kind = match error.condition {
            Condition::RemoteServerNotFound | Condition::BadRequest => Lasting::Refused,
            _ => Lasting::Passing,
        };
        Failure { condition: error.condition.element().to_owned(), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::stanza;

    #[test]
    fn only_a_node_that_is_gone_ends_a_registration() {
        use Lasting::{Passing, Permanent, Refused};
        let cases = [
            ("cancel", "item-not-found", Permanent),
            ("cancel", "gone", Permanent),
            ("wait", "item-not-found", Passing),
            ("wait", "resource-constraint", Passing),
            ("wait", "policy-violation", Passing),
            ("cancel", "service-unavailable", Passing),
            ("cancel", "internal-server-error", Passing),
            ("cancel", "remote-server-timeout", Passing),
            ("auth", "forbidden", Refused),
            ("auth", "not-authorized", Refused),
            ("cancel", "not-allowed", Refused),
            ("cancel", "conflict", Refused),
            ("modify", "bad-request", Refused),
            ("cancel", "feature-not-implemented", Refused),
            ("cancel", "something-else", Refused),
        ];
        for (kind, condition, lasting) in cases {
            let xml = format!(
                "<iq type='error' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'/><error type='{kind}'>\
                 <text xmlns='{ns}'>x</text><{condition} xmlns='{ns}'/></error></iq>",
                ns = ns::STANZAS
            );
            let failure = Failure::of(&stanza(&xml));
            assert_eq!((failure.condition.as_str(), failure.kind), (condition, lasting), "{kind}");
        }
        let empty = Failure::of(&stanza("<iq type='error' id='1'/>"));
        assert_eq!((empty.condition.as_str(), empty.kind), ("undefined-condition", Refused));
    }
}
