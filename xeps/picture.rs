//! What presence says of a person's picture (XEP-0153), by the hash of the one in the vCard. Where a client does not say
//! it, the server does (XEP-0398 §4, of which this much needs no PEP).

use std::fmt::Write as _;

use sha1::{Digest, Sha1};
use waxwing_stanza::Stanza;
use waxwing_xml::{Limits, Scope, Tag, scan};

const UPDATE: &str = "vcard-temp:x:update";

/// The SHA-1 of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 20]);

impl Hash {
    pub fn of(picture: &[u8]) -> Hash {
        Hash(Sha1::digest(picture).into())
    }

    /// Reads back [`Hash::bytes`].
    pub fn read(bytes: &[u8]) -> Option<Hash> {
        Some(Hash(bytes.try_into().ok()?))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In lower case (XEP-0153 §3.1).
    fn hex(self) -> String {
        self.0.iter().fold(String::with_capacity(40), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// An available presence that says the hash, `None` where it says something of a picture already: that there is none, or
/// which. An empty `<x/>` says nothing yet, and is replaced.
pub fn added(presence: &Stanza, hash: Hash) -> Option<Stanza> {
    said(presence).is_none().then(|| with(presence, Some(hash)))
}

/// A presence as it is after the picture has changed, `None` where it stays: who says `old` is told as saying `new`, who
/// says nothing too, and who says something else is left alone.
pub fn renewed(presence: &Stanza, old: Option<Hash>, new: Option<Hash>) -> Option<Stanza> {
    let changes = match (said(presence), old) {
        (None, _) => new.is_some(),
        (Some(said), Some(old)) => said.eq_ignore_ascii_case(&old.hex()),
        (Some(_), None) => false,
    };
    changes.then(|| with(presence, new))
}

/// The content of `<photo/>`, empty for "no picture".
fn said(presence: &Stanza) -> Option<String> {
    let update = presence.child("x", UPDATE)?;
    let limits = Limits { frame: usize::MAX, depth: usize::MAX, attributes: usize::MAX };
    let update = scan(presence.bytes_of(update), &Scope::client(), &limits).ok()?;
    let photo = update.child("photo", UPDATE)?;
    Some(photo.text(&update).trim().to_owned())
}

fn with(presence: &Stanza, hash: Option<Hash>) -> Stanza {
    let mut presence = presence.clone();
    presence.hide(|child, element| child.is(element, "x", UPDATE));
    presence.with(|out| {
        Tag::new(out, "x").ns(UPDATE).children(|out| {
            Tag::new(out, "photo").text(&hash.map(Hash::hex).unwrap_or_default());
        });
    })
}
