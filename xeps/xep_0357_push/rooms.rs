//! What rooms say, and which of it wakes a device (`tigase:push:filter:groupchat:0`).

use minidom::Element;
use serde::{Deserialize, Serialize};
use waxwing_kernel::Unread;
use waxwing_stanza::{Kind, MessageType, Stanza, bare_str, decode, ns, prepare};

use super::notification::is_encrypted;

pub const GROUPCHAT: &str = "tigase:push:filter:groupchat:0";
/// XEP-0372.
const REFERENCE: &str = "urn:xmpp:reference:0";

/// A room that may wake a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its bare JID.
    jid: String,
    /// Only where somebody is mentioned who is called so there.
    mentioned: Option<String>,
}

impl Room {
    /// The rules of a `<groupchat/>`: rooms that are not in it, or are to be silent, wake nobody.
    pub fn read_all(groupchat: &Element) -> Vec<Room> {
        let rule = |room: &Element| {
            let jid = prepare(room.attr("jid")?)?;
            let jid = bare_str(&jid).to_owned();
            match room.attr("allow")? {
                "always" => Some(Room { jid, mentioned: None }),
                "mentioned" => {
                    Some(Room { jid, mentioned: Some(room.attr("nick").unwrap_or_default().to_owned()) })
                }
                _ => None,
            }
        };
        groupchat.children().filter(|child| child.is("room", GROUPCHAT)).filter_map(rule).collect()
    }
}

pub fn is_groupchat(message: &Unread) -> bool {
    message.stanza.kind == Kind::Message(MessageType::Groupchat)
}

/// Whether it is new, and somebody else's: not of a room's history (XEP-0045 §7.2.13), nor what the account itself said
/// there, under a name that one of its sessions has in the room.
pub fn is_news(message: &Unread) -> bool {
    let Some(from) = &message.stanza.from else { return false };
    let own = |resources: &[waxwing_kernel::Resource]| {
        resources.iter().any(|resource| resource.directed.contains(from))
    };
    !message.stanza.has("delay", ns::DELAY) && !message.account.resources(own)
}

/// Whether it may wake a device with these rules; without any, whatever a room says may.
pub fn wants(rules: Option<&[Room]>, message: &Unread) -> bool {
    let Some(rules) = rules else { return true };
    let Some(from) = &message.stanza.from else { return false };
    let room = bare_str(from);
    rules.iter().filter(|rule| rule.jid == room).any(|rule| {
        rule.mentioned
            .as_ref()
            .is_none_or(|nick| mentions(&message.stanza, message.account.jid.as_str(), room, nick))
    })
}

/// By name in what may be read of it, or as XEP-0372 has it.
fn mentions(message: &Stanza, account: &str, room: &str, nick: &str) -> bool {
    let body = message.child("body", ns::CLIENT).filter(|_| !is_encrypted(message));
    if body.is_some_and(|body| says(&body.text(message.element()), nick)) {
        return true;
    }
    let (account, occupant) = (format!("xmpp:{account}"), format!("xmpp:{room}/{nick}"));
    message.children().filter(|child| child.is(message.element(), "reference", REFERENCE)).any(|child| {
        decode::<Element>(message, child).is_ok_and(|reference| {
            let uri = reference.attr("uri");
            reference.attr("type") == Some("mention") && (uri == Some(&account) || uri == Some(&occupant))
        })
    })
}

/// Whether a name is in a text as a word, however it is written.
fn says(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let apart = |side: Option<char>| side.is_none_or(|next| !next.is_alphanumeric());
    // A match begins and ends where a character does, so neither slice panics.
    !name.is_empty()
        && text.match_indices(&name).any(|(at, _)| {
            apart(text[..at].chars().next_back()) && apart(text[at + name.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::message;

    #[test]
    fn a_name_is_a_word() {
        for (text, name, said) in [
            ("Juliet: are you there?", "juliet", true),
            ("thanks, JULIET", "Juliet", true),
            ("@juliet", "juliet", true),
            ("the julietta", "juliet", false),
            ("xjuliet juliet", "juliet", true),
            ("ÄRMEL", "ärmel", true),
            ("anything", "", false),
            ("", "juliet", false),
        ] {
            assert_eq!(says(text, name), said, "{name:?} in {text:?}");
        }
    }

    #[test]
    fn who_is_mentioned() {
        let hidden = "<body>juliet</body><encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>";
        let refers = |kind: &str, uri: &str| {
            format!("<body>x</body><reference xmlns='{REFERENCE}' type='{kind}' uri='{uri}'/>")
        };
        for (payload, mentioned) in [
            ("<body>hello juliet</body>".to_owned(), true),
            ("<body>hello</body>".to_owned(), false),
            (hidden.to_owned(), false),
            (refers("mention", "xmpp:j@c"), true),
            (refers("mention", "xmpp:room@r/juliet"), true),
            (refers("mention", "xmpp:other@c"), false),
            (refers("data", "xmpp:j@c"), false),
        ] {
            let message = message("groupchat", "room@r/romeo", "j@c/one", &payload);
            assert_eq!(mentions(&message, "j@c", "room@r", "juliet"), mentioned, "{payload}");
        }
    }

    #[test]
    fn rules_are_read() {
        let rules: Element = format!(
            "<groupchat xmlns='{GROUPCHAT}'><room jid='A@r/x' allow='always'/>\
             <room jid='b@r' allow='mentioned' nick='J'/><room jid='c@r' allow='never'/><room jid='d@r'/>\
             <room allow='always'/><room jid='@' allow='always'/></groupchat>"
        )
        .parse()
        .unwrap();
        let room = |jid: &str, mentioned: Option<&str>| Room {
            jid: jid.to_owned(),
            mentioned: mentioned.map(str::to_owned),
        };
        assert_eq!(Room::read_all(&rules), [room("a@r", None), room("b@r", Some("J"))]);
    }
}
