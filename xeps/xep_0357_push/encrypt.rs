//! Notifications that only the client can read (`tigase:push:encrypt:0`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minidom::Element;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_xml::Tag;

use super::notification::Note;
use super::rooms;

pub const ENCRYPT: &str = "tigase:push:encrypt:0";
pub const ENCRYPT_AES_128_GCM: &str = "tigase:push:encrypt:aes-128-gcm";

/// Bytes of a payload where the client does not say: what the services of the phones' makers take is 4 KiB.
const MOST: usize = 3000;

/// How a client wants them encrypted.
#[derive(Clone, Serialize, Deserialize)]
pub struct Encryption {
    /// Base64.
    key: String,
    /// Bytes of the encrypted payload, as it is written.
    max_size: usize,
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encryption")
    }
}

impl Encryption {
    /// `None` for another element.
    pub fn read(element: &Element) -> Option<Result<Encryption, StanzaError>> {
        element.is("encrypt", ENCRYPT).then(|| {
            let refused = |text: &'static str| StanzaError::new(Condition::NotAcceptable).text(text);
            if !matches!(element.attr("alg"), Some("aes-128-gcm" | ENCRYPT_AES_128_GCM)) {
                return Err(refused("only aes-128-gcm is known"));
            }
            let key: String = element.text().split_whitespace().collect();
            if BASE64_STANDARD.decode(&key).is_ok_and(|key| key.len() == 16) {
                let max_size = element.attr("max-size").and_then(|size| size.parse().ok()).unwrap_or(MOST);
                Ok(Encryption { key, max_size: max_size.clamp(512, MOST) })
            } else {
                Err(refused("the key of aes-128-gcm is 16 bytes as Base64"))
            }
        })
    }

    /// Writes `<encrypted/>`; `false` where that cannot be done. `rings`: a call is said to be one outside too, which
    /// services need to have the device ring.
    pub fn write(&self, out: &mut Vec<u8>, note: &Note, unread: u64, rings: bool) -> bool {
        let (Some(mut payload), Some(nonce)) = (self.payload(note, unread), nonce()) else { return false };
        let key =
            BASE64_STANDARD.decode(&self.key).ok().and_then(|key| UnboundKey::new(&AES_128_GCM, &key).ok());
        let Some(key) = key.map(LessSafeKey::new) else { return false };
        let sealed =
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut payload);
        if sealed.is_err() {
            return false;
        }
        let iv = BASE64_STANDARD.encode(nonce);
        let kind = (rings && note.call.is_some()).then_some("voip");
        let tag = Tag::new(out, "encrypted").ns(ENCRYPT).attr("iv", &iv).attr_opt("type", kind);
        tag.text(&BASE64_STANDARD.encode(payload));
        true
    }

    /// The message is cut until it fits.
    fn payload(&self, note: &Note, unread: u64) -> Option<Vec<u8>> {
        let room = self.max_size / 4 * 3 - 16;
        let mut body = note.body.as_deref().unwrap_or_default();
        loop {
            let json = serde_json::to_vec(&content(note, body, unread)).ok()?;
            if json.len() <= room || body.is_empty() {
                return Some(json);
            }
            let least = body.len().saturating_sub((json.len() - room).max(1));
            body = &body[..(0..=least).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0)];
        }
    }
}

fn content(note: &Note, body: &str, unread: u64) -> Value {
    let mut content = json!({
        "unread": unread,
        "sender": waxwing_stanza::bare_str(&note.from),
        "type": if note.message.is_some() { "chat" } else { "subscribe" },
    });
    if note.message.as_ref().is_some_and(rooms::is_groupchat) {
        content["type"] = "groupchat".into();
        content["nickname"] = note.from.resource().map(|nick| nick.as_str()).into();
    }
    if !body.is_empty() {
        content["message"] = body.into();
    }
    if let Some(call) = &note.call {
        // Whom to answer is the device that calls.
        content["sender"] = note.from.as_str().into();
        content["type"] = "call".into();
        content["sid"] = call.sid.as_str().into();
        content["media"] = call.media.as_slice().into();
    }
    content
}

fn nonce() -> Option<[u8; NONCE_LEN]> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).ok()?;
    Some(nonce)
}
