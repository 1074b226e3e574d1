//! What a client registered, and what became of it.

use minidom::Element;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use waxwing_kernel::Session;
use waxwing_stanza::{Condition, StanzaError, bare_str, prepare};
use waxwing_store::{Doc, OwnerId, UnixMillis, Write};
use waxwing_xml::Tag;

use super::encrypt::Encryption;
use super::rooms::{GROUPCHAT, Room};

/// The kind of the docs.
pub const KIND: &str = "push";
pub const JINGLE: &str = "tigase:push:jingle:0";
pub const AWAY: &str = "tigase:push:away:0";
pub const PRIORITY: &str = "tigase:push:priority:0";
pub const IGNORE_UNKNOWN: &str = "tigase:push:filter:ignore-unknown:0";
pub const MUTED: &str = "tigase:push:filter:muted:0";
const DATA: &str = "jabber:x:data";
const OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";

/// Bytes of one registration, all of it.
const MOST: usize = 32 * 1024;

/// One service and node of an account. As JSON it is a doc, of which the operator's command shows some.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registration {
    #[serde(skip)]
    pub key: String,
    /// The push service.
    pub jid: String,
    pub node: Option<String>,
    /// Whose client enabled it: the device that it wakes.
    pub resource: String,
    /// As it named itself when it logged in (XEP-0388), if it did.
    #[serde(default)]
    pub device: Option<String>,
    /// What every publication repeats: credentials, mostly. Names and values.
    pub options: Option<Vec<(String, Vec<String>)>>,
    pub encryption: Option<Encryption>,
    pub priority: bool,
    /// Calls are told as such.
    #[serde(default)]
    pub jingle: bool,
    /// Also while others are connected and away.
    pub away: bool,
    pub ignore_unknown: bool,
    /// Bare JIDs.
    pub muted: Vec<String>,
    /// The rooms that may wake it; `None`: all.
    #[serde(default)]
    pub rooms: Option<Vec<Room>>,
    pub ledger: Ledger,
}

/// What became of a registration. Times are milliseconds since 1970, 0 for never.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub registered: UnixMillis,
    /// Messages that it was to be woken for.
    pub queued: u64,
    pub last_queued: UnixMillis,
    /// Notifications published.
    pub sent: u64,
    pub last_sent: UnixMillis,
    /// Results that came.
    pub answered: u64,
    pub last_answered: UnixMillis,
    /// Errors that came, or no answer.
    pub errors: u64,
    pub last_error_at: UnixMillis,
    /// The condition of the last.
    pub last_error: Option<String>,
}

/// The `jid` that enable and disable must have.
pub fn service(payload: &Element) -> Result<waxwing_stanza::Addr, StanzaError> {
    let jid = payload.attr("jid").ok_or(StanzaError::new(Condition::BadRequest))?;
    prepare(jid).ok_or(Condition::JidMalformed.into())
}

impl Registration {
    /// Reads an `<enable/>`.
    ///
    /// # Errors
    /// `<bad-request/>`, `<jid-malformed/>`, `<not-acceptable/>` for an encryption that is not known,
    /// `<policy-violation/>` for one that is too large.
    pub fn read(
        enable: &Element,
        session: &Session,
        registered: UnixMillis,
    ) -> Result<Registration, StanzaError> {
        let jid = service(enable)?.as_str().to_owned();
        let node = enable.attr("node").map(str::to_owned);
        let options = enable.get_child("x", DATA).map(read_options).transpose()?;
        let encryption = enable.children().find_map(Encryption::read).transpose()?;
        let muted = enable.get_child("muted", MUTED).map(read_muted).unwrap_or_default();
        let key =
            Sha1::new().chain_update(&jid).chain_update([0]).chain_update(node.as_deref().unwrap_or(""));
        let registration = Registration {
            key: key.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            jid,
            node,
            resource: session.resource().to_owned(),
            device: session.device().map(str::to_owned),
            options,
            encryption,
            priority: enable.has_child("priority", PRIORITY),
            jingle: enable.has_child("jingle", JINGLE),
            away: matches!(enable.attr("away"), Some("true" | "1")),
            ignore_unknown: enable.has_child("ignore-unknown", IGNORE_UNKNOWN),
            muted,
            rooms: enable.get_child("groupchat", GROUPCHAT).map(Room::read_all),
            ledger: Ledger { registered, ..Ledger::default() },
        };
        match registration.json() {
            Some(json) if json.len() <= MOST => Ok(registration),
            _ => Err(StanzaError::new(Condition::PolicyViolation).text("this registration is too large")),
        }
    }

    pub fn from_doc(doc: &Doc) -> Option<Registration> {
        let registration: Registration = serde_json::from_slice(&doc.value).ok()?;
        Some(Registration { key: doc.key.clone(), ..registration })
    }

    fn json(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    pub fn write(&self, owner: OwnerId) -> Result<Write, StanzaError> {
        let value = self.json().ok_or(StanzaError::new(Condition::InternalServerError))?;
        Ok(Write::DocSet { owner, kind: KIND, key: self.key.clone(), value })
    }

    pub fn removal(&self, owner: OwnerId) -> Write {
        Write::DocRemove { owner, kind: KIND, key: self.key.clone() }
    }

    /// The `<publish-options/>` of every publication (§7), where the client gave any.
    pub fn write_options(&self, out: &mut Vec<u8>) {
        let Some(options) = &self.options else { return };
        Tag::new(out, "publish-options").children(|out| {
            Tag::new(out, "x").ns(DATA).attr("type", "submit").children(|out| {
                write_field(out, "FORM_TYPE", Some("hidden"), [OPTIONS]);
                for (name, values) in options {
                    write_field(out, name, None, values.iter().map(String::as_str));
                }
            });
        });
    }
}

/// One field of a form.
pub fn write_field<'a>(
    out: &mut Vec<u8>,
    name: &str,
    kind: Option<&str>,
    values: impl IntoIterator<Item = &'a str>,
) {
    Tag::new(out, "field").attr("var", name).attr_opt("type", kind).children(|out| {
        for value in values {
            Tag::new(out, "value").text(value);
        }
    });
}

/// §5: a form of type publish-options.
fn read_options(form: &Element) -> Result<Vec<(String, Vec<String>)>, StanzaError> {
    let bad = || StanzaError::new(Condition::BadRequest).text("not a form of publish-options");
    let mut fields = Vec::new();
    let mut is_options = false;
    for field in form.children().filter(|child| child.is("field", DATA)) {
        let name = field.attr("var").ok_or_else(bad)?;
        let values: Vec<String> =
            field.children().filter(|child| child.is("value", DATA)).map(Element::text).collect();
        if name == "FORM_TYPE" {
            is_options = values == [OPTIONS];
        } else {
            fields.push((name.to_owned(), values));
        }
    }
    if is_options { Ok(fields) } else { Err(bad()) }
}

fn read_muted(muted: &Element) -> Vec<String> {
    let jids = muted.children().filter_map(|item| prepare(item.attr("jid")?));
    jids.map(|jid| bare_str(&jid).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was stored when neither calls nor rooms were told apart.
    #[test]
    fn an_older_registration_is_read() {
        let value = br#"{"jid":"push.example","node":"n","resource":"phone","options":null,"encryption":null,"priority":true,
            "away":false,"ignore_unknown":false,"muted":[],"ledger":{"registered":1,"queued":0,"last_queued":0,"sent":0,
            "last_sent":0,"answered":0,"last_answered":0,"errors":0,"last_error_at":0,"last_error":null}}"#;
        let read = Registration::from_doc(&Doc { key: "k".to_owned(), value: value.to_vec() }).unwrap();
        assert_eq!((&*read.key, &*read.jid, read.priority, read.jingle), ("k", "push.example", true, false));
        assert!(read.rooms.is_none());
    }
}
