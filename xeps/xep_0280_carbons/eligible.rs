//! Which messages are copied (XEP-0280 §6.1, all of it: `urn:xmpp:carbons:rules:0` promises so).

use minidom::Element;
use waxwing_stanza::{Kind, MessageType, Stanza, decode, ns};

use super::CARBONS;

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0249.
const CONFERENCE: &str = "jabber:x:conference";

/// Whether a message that is no error is copied.
pub fn is_eligible(stanza: &Stanza, incoming: bool) -> bool {
    let Kind::Message(kind) = stanza.kind else { return false };
    let private = stanza.has("private", CARBONS) || stanza.has("no-copy", ns::HINTS);
    if private || matches!(kind, MessageType::Groupchat | MessageType::Error) {
        return false;
    }
    let from_full = stanza.from.as_ref().is_some_and(|from| from.resource().is_some());
    if incoming && from_full && stanza.has("x", MUC_USER) {
        // A room's private message: the room sends it to every joined client itself.
        return is_mediated_invitation(stanza);
    }
    match kind {
        MessageType::Chat => true,
        MessageType::Normal if stanza.has("body", ns::CLIENT) => true,
        _ => {
            stanza.has_ns(ns::RECEIPTS)
                || stanza.has_ns(ns::CHAT_STATES)
                || stanza.has_ns(ns::MARKERS)
                || stanza.has("x", CONFERENCE)
                || is_mediated_invitation(stanza)
        }
    }
}

/// XEP-0045 §7.8.2.
fn is_mediated_invitation(stanza: &Stanza) -> bool {
    let Some(x) = stanza.child("x", MUC_USER) else { return false };
    decode::<Element>(stanza, x).is_ok_and(|x| x.has_child("invite", MUC_USER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::message;

    #[test]
    fn the_rules_one_by_one() {
        let room = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
        let invite = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/></x>";
        let direct = "<x xmlns='jabber:x:conference' jid='r@c'/>";
        let (in_bare, in_full, out) = ("m@c", "m@c/n", "");
        let cases = [
            ("chat", "", out, true),
            ("chat", "<private xmlns='urn:xmpp:carbons:2'/>", out, false),
            ("chat", "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>", in_full, false),
            ("", "", in_full, false),
            ("", "<body>x</body>", in_full, true),
            ("", "<body xmlns='http://www.w3.org/1999/xhtml'/>", in_full, false),
            ("", "<received xmlns='urn:xmpp:receipts' id='1'/>", out, true),
            ("", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", out, true),
            ("headline", "<active xmlns='http://jabber.org/protocol/chatstates'/>", in_full, true),
            ("headline", "<body>x</body>", in_full, false),
            ("groupchat", "<body>x</body>", out, false),
            (
                "groupchat",
                "<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
                in_full,
                false,
            ),
            ("", direct, in_full, true),
            ("", invite, in_bare, true),
            ("", invite, out, true),
            ("", room, in_bare, false),
            ("chat", room, in_full, false),
            ("chat", room, out, true),
        ];
        for (kind, payload, from, expected) in cases {
            let stanza = message(kind, from, "a@b", payload);
            assert_eq!(is_eligible(&stanza, !from.is_empty()), expected, "{kind:?} {payload} from {from:?}");
        }
    }
}
