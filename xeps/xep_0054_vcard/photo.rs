//! The picture in a vCard (XEP-0153 §4.3, §4.4).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_xml::{Element, Limits, Scope, scan};

use super::VCARD;
use crate::picture::Hash;

/// Clients differ about the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The hash of the first picture, `None` where there is none in the vCard itself. Errors: `<not-acceptable/>` for one
/// that is no Base64, `<policy-violation/>` for one of more than `limit` bytes.
pub fn hash(vcard: &Element, limit: usize) -> Result<Option<Hash>, StanzaError> {
    let mut first = None;
    for photo in vcard.children().iter().filter(|child| child.is(vcard, "PHOTO", VCARD)) {
        let picture = picture(photo.bytes(vcard))?;
        if picture.len() > limit {
            return Err(too_large("a picture", limit));
        }
        if first.is_none() && !picture.is_empty() {
            first = Some(Hash::of(&picture));
        }
    }
    Ok(first)
}

/// The image, empty for none.
fn picture(photo: &[u8]) -> Result<Vec<u8>, StanzaError> {
    let limits = Limits { frame: usize::MAX, depth: usize::MAX, attributes: usize::MAX };
    // Judged before.
    let photo = scan(photo, &Scope::client(), &limits).map_err(|_| Condition::BadRequest)?;
    let Some(value) = photo.child("BINVAL", VCARD) else { return Ok(Vec::new()) };
    let mut encoded = value.text(&photo).into_owned();
    encoded.retain(|c| !c.is_ascii_whitespace());
    BASE64
        .decode(encoded)
        .map_err(|_| StanzaError::new(Condition::NotAcceptable).text("the BINVAL of the PHOTO is not Base64"))
}

pub fn too_large(what: &str, limit: usize) -> StanzaError {
    StanzaError::new(Condition::PolicyViolation).text(format!("{what} may have {limit} bytes here at most"))
}
