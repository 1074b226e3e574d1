//! The client's two messages (RFC 5802 §7). Parsers for a grammar without quoting: commas part
//! attributes, and no value has one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Failure;

/// Longest client nonce in bytes. RFC 5802 sets none; clients send 16 to 64.
const MAX_NONCE_BYTES: usize = 256;

/// The gs2-cbind-flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag<'m> {
    /// `n`: the client does not support channel binding.
    Unsupported,
    /// `y`: it does, but thinks the server does not.
    NotOffered,
    /// `p=name`
    Bound(&'m str),
}

#[derive(Debug)]
pub(super) struct ClientFirst<'m> {
    /// With its closing comma.
    pub gs2_header: &'m str,
    pub flag: Flag<'m>,
    pub authzid: Option<String>,
    pub bare: &'m str,
    pub username: String,
    pub nonce: &'m str,
}

impl<'m> ClientFirst<'m> {
    pub(super) fn parse(message: &'m str) -> Result<Self, Failure> {
        let mut parts = message.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Failure::MalformedRequest);
        };
        let flag = match flag {
            "n" => Flag::Unsupported,
            "y" => Flag::NotOffered,
            _ => Flag::Bound(flag.strip_prefix("p=").ok_or(Failure::MalformedRequest)?),
        };
        let authzid = match authzid {
            "" => None,
            _ => Some(name(value(authzid, 'a')?)?),
        };

        let mut attributes = bare.split(',');
        let username = name(value(attributes.next().unwrap_or_default(), 'n')?)?;
        let nonce = value(attributes.next().unwrap_or_default(), 'r')?;
        if nonce.len() > MAX_NONCE_BYTES || !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::MalformedRequest);
        }
        extensions(attributes)?;
        let gs2_header = &message[..message.len() - bare.len()];
        Ok(ClientFirst { gs2_header, flag, authzid, bare, username, nonce })
    }
}

#[derive(Debug)]
pub(super) struct ClientFinal<'m> {
    /// Everything before `,p=`, which the proof is made over.
    pub without_proof: &'m str,
    pub cbind_input: Vec<u8>,
    pub nonce: &'m str,
    /// As long as the hash.
    pub proof: Vec<u8>,
}

impl<'m> ClientFinal<'m> {
    pub(super) fn parse(message: &'m str, hash_length: usize) -> Result<Self, Failure> {
        let (without_proof, proof) = message.rsplit_once(',').ok_or(Failure::MalformedRequest)?;
        let mut attributes = without_proof.split(',');
        let cbind_input = base64(value(attributes.next().unwrap_or_default(), 'c')?)?;
        let nonce = value(attributes.next().unwrap_or_default(), 'r')?;
        extensions(attributes)?;
        let proof = base64(value(proof, 'p')?)?;
        if proof.len() != hash_length {
            return Err(Failure::MalformedRequest);
        }
        Ok(ClientFinal { without_proof, cbind_input, nonce, proof })
    }
}

/// The value of attribute `letter`, which is due here and is not empty.
fn value(attribute: &str, letter: char) -> Result<&str, Failure> {
    match attribute.strip_prefix(letter).and_then(|rest| rest.strip_prefix('=')) {
        Some(value) if !value.is_empty() && !value.contains('\0') => Ok(value),
        _ => Err(Failure::MalformedRequest),
    }
}

/// Attributes that we do not know are passed over, but for `m`: it says that the message must not be
/// accepted by who does not know it (RFC 5802 §5.1), wherever it stands.
fn extensions<'m>(attributes: impl Iterator<Item = &'m str>) -> Result<(), Failure> {
    for attribute in attributes {
        let letter = attribute.chars().next().filter(char::is_ascii_alphabetic);
        match letter {
            Some(letter) if letter != 'm' => value(attribute, letter)?,
            _ => return Err(Failure::MalformedRequest),
        };
    }
    Ok(())
}

/// A saslname: comma and equals sign are written `=2C` and `=3D`, any other use of `=` is an error.
fn name(escaped: &str) -> Result<String, Failure> {
    let mut pieces = escaped.split('=');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(Failure::MalformedRequest),
        };
        name.push(character);
        name.push_str(rest);
    }
    Ok(name)
}

/// RFC 5802 §5.1 wants canonical base64: padded, no stray bits, no white space.
fn base64(value: &str) -> Result<Vec<u8>, Failure> {
    BASE64_STANDARD.decode(value).map_err(|_| Failure::MalformedRequest)
}
