//! Which messages wake a device, and what its service is told.

use std::sync::Arc;

use minidom::Element;
use waxwing_kernel::{PushSummary, Unread};
use waxwing_stanza::{Addr, IqType, Kind, MessageType, Stanza, decode, ns, same_bare};
use waxwing_xml::Tag;

use super::PUSH;
use super::registration::{JINGLE, PRIORITY, Registration, write_field};
use super::rooms;

const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const SUMMARY: &str = "urn:xmpp:push:summary";
/// XEP-0353.
const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
/// XEP-0167.
const RTP: &str = "urn:xmpp:jingle:apps:rtp:1";

/// Bytes of a call's session id, and of the name of a medium; kinds of media.
const LONGEST_SID: usize = 256;
const LONGEST_MEDIUM: usize = 16;
const MOST_MEDIA: usize = 4;
/// XEP-0384 in both of its forms, XEP-0373, XEP-0027.
const ENCRYPTED: &[(&str, &str)] = &[
    ("encrypted", "eu.siacs.conversations.axolotl"),
    ("encrypted", "urn:xmpp:omemo:2"),
    ("openpgp", "urn:xmpp:openpgp:0"),
    ("x", "jabber:x:encrypted"),
];

/// What a device is woken for: the newest message, or somebody who asks to see the account's presence.
#[derive(Clone)]
pub struct Note {
    /// `None`: a request for presence.
    pub message: Option<Unread>,
    pub from: Addr,
    /// What may be shown, of a message that is not encrypted.
    pub body: Option<Arc<str>>,
    pub call: Option<Arc<Call>>,
}

/// Somebody calls (XEP-0353).
#[derive(Debug)]
pub struct Call {
    /// The session's id.
    pub sid: String,
    /// `audio`, `video`.
    pub media: Vec<String>,
}

impl Note {
    /// `None` where a person has nothing to look at: a receipt, a marker, a state, a key, something of one's own.
    pub fn of(unread: &Unread) -> Option<Note> {
        let stanza = &unread.stanza;
        if matches!(stanza.kind, Kind::Message(MessageType::Error | MessageType::Headline)) {
            return None;
        }
        let from = stanza.from.clone().filter(|from| !same_bare(from, &unread.account.jid))?;
        if rooms::is_groupchat(unread) && !rooms::is_news(unread) {
            return None;
        }
        if let Some(propose) = stanza.child("propose", JINGLE_MESSAGE) {
            let call = Call::of(&decode(stanza, propose).ok()?)?;
            return Some(Note { call: Some(Arc::new(call)), ..Note::about(unread, from) });
        }
        if is_encrypted(stanza) {
            return Some(Note::about(unread, from));
        }
        let body = stanza.child("body", ns::CLIENT)?.text(stanza.element());
        Some(Note { body: Some(Arc::from(&*body)), ..Note::about(unread, from) })
    }

    fn about(unread: &Unread, from: Addr) -> Note {
        Note { message: Some(unread.clone()), from, body: None, call: None }
    }

    /// Somebody asks to see the account's presence.
    pub fn asked(by: &Addr) -> Note {
        Note { message: None, from: by.clone(), body: None, call: None }
    }

    /// Where there is room for one only, the greater is told.
    pub fn weight(&self) -> u8 {
        match (&self.call, &self.message) {
            (Some(_), _) => 2,
            (None, Some(_)) => 1,
            (None, None) => 0,
        }
    }
}

impl Call {
    fn of(propose: &Element) -> Option<Call> {
        let sid = propose.attr("id").filter(|sid| sid.len() <= LONGEST_SID)?.to_owned();
        let media =
            propose.children().filter(|it| it.is("description", RTP)).filter_map(|it| it.attr("media"));
        let mut media: Vec<String> =
            media.filter(|it| it.len() <= LONGEST_MEDIUM).take(MOST_MEDIA).map(str::to_owned).collect();
        media.dedup();
        Some(Call { sid, media })
    }

    fn write(&self, out: &mut Vec<u8>) {
        Tag::new(out, "jingle").ns(JINGLE).attr("action", "propose").attr("sid", &self.sid).children(|out| {
            for medium in &self.media {
                Tag::new(out, "media").text(medium);
            }
        });
    }
}

/// The node that its service says is closed to the account (§8).
pub fn ended(unread: &Unread) -> Option<String> {
    let stanza = &unread.stanza;
    let pubsub: Element = decode(stanza, stanza.child("pubsub", PUBSUB)?).ok()?;
    let affiliation = pubsub.get_child("affiliation", PUBSUB)?;
    let ours = affiliation.attr("jid") == Some(unread.account.jid.as_str());
    let closed = matches!(affiliation.attr("affiliation"), Some("none" | "outcast"));
    (ours && closed).then(|| pubsub.attr("node").map(str::to_owned))?
}

/// Something to read is in it, and not keys only (XEP-0384 §5.7, a message without a payload).
pub fn is_encrypted(stanza: &Stanza) -> bool {
    ENCRYPTED.iter().any(|(name, namespace)| {
        stanza.child(name, namespace).is_some_and(|child| {
            *name != "encrypted"
                || decode::<Element>(stanza, child).is_ok_and(|it| it.has_child("payload", *namespace))
        })
    })
}

/// What waits for the account.
#[derive(Clone, Copy)]
pub struct Waiting {
    pub messages: u64,
    /// People who ask to see its presence.
    pub requests: usize,
}

/// §7: one publication.
pub fn publication(
    account: &Addr,
    service: Addr,
    one: &Registration,
    note: &Note,
    waiting: Waiting,
    policy: PushSummary,
) -> Stanza {
    let id = waxwing_sasl::token();
    Stanza::build(Kind::Iq(IqType::Set), Some(account.clone()), Some(service), Some(&id), |out| {
        Tag::new(out, "pubsub").ns(PUBSUB).children(|out| {
            Tag::new(out, "publish").attr_opt("node", one.node.as_deref()).children(|out| {
                Tag::new(out, "item").children(|out| {
                    Tag::new(out, "notification")
                        .ns(PUSH)
                        .children(|out| write(out, one, note, waiting, policy));
                });
            });
            one.write_options(out);
        });
    })
}

fn write(out: &mut Vec<u8>, one: &Registration, note: &Note, waiting: Waiting, policy: PushSummary) {
    // What is encrypted must not stand beside it in the clear.
    match &one.encryption {
        Some(encryption) => {
            encryption.write(out, note, waiting.messages, one.jingle);
        }
        None => {
            write_summary(out, note, waiting, policy);
            if let Some(call) = note.call.as_ref().filter(|_| one.jingle && policy >= PushSummary::Sender) {
                call.write(out);
            }
        }
    }
    if one.priority && note.message.is_some() {
        Tag::new(out, "priority").ns(PRIORITY).text("high");
    }
}

fn write_summary(out: &mut Vec<u8>, note: &Note, waiting: Waiting, policy: PushSummary) {
    Tag::new(out, "x").ns("jabber:x:data").attr("type", "submit").children(|out| {
        write_field(out, "FORM_TYPE", Some("hidden"), [SUMMARY]);
        write_field(out, "message-count", None, [waiting.messages.to_string().as_str()]);
        if waiting.requests > 0 {
            write_field(out, "pending-subscription-count", None, [waiting.requests.to_string().as_str()]);
        }
        if policy >= PushSummary::Sender && note.message.is_some() {
            write_field(out, "last-message-sender", None, [note.from.as_str()]);
        }
        if let Some(body) = note.body.as_deref().filter(|_| policy >= PushSummary::Body) {
            let cut = (0..=body.len().min(1024)).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
            write_field(out, "last-message-body", None, [&body[..cut]]);
        }
    });
}
