//! SCRAM (RFC 5802 §3, §5).

mod message;
#[cfg(test)]
mod vectors;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jid::BareJid;
use subtle::{Choice, ConstantTimeEq as _};

use crate::keys::HashKeys;
use crate::offer::{Offer, text};
use crate::{Decoy, Failure, Hash, Keys, Success, prep};
use message::{ClientFinal, ClientFirst, Flag};

/// A client-first-message that was read and may go on.
pub struct ScramFirst {
    account: BareJid,
    hash: Hash,
    client_first_bare: String,
    client_nonce: String,
    /// What `c=` must hold (RFC 5802 §5.1): the gs2-header as it was sent, then the binding's data.
    cbind_input: Vec<u8>,
    binding: Option<&'static str>,
    /// Attributes that tell the client what it should have seen: XEP-0474's `h`, XEP-0515's `t`.
    protection: String,
}

/// The challenge is out, the proof not yet in.
pub struct ScramSecond {
    account: BareJid,
    keys: HashKeys,
    known: Choice,
    nonce: String,
    cbind_input: Vec<u8>,
    /// AuthMessage (RFC 5802 §3) up to the client-final-message, with the comma.
    auth_message: String,
}

impl ScramFirst {
    pub(crate) fn new(message: &str, hash: Hash, plus: bool, offer: &Offer) -> Result<ScramFirst, Failure> {
        let first = ClientFirst::parse(message)?;
        let binding = bind(first.flag, plus, offer)?;
        let account = prep::account(&first.username, first.authzid.as_deref(), offer.host())?;
        let mut cbind_input = first.gs2_header.as_bytes().to_vec();
        if let Some((_, data)) = binding {
            cbind_input.extend_from_slice(data);
        }
        let mut protection = format!("h={}", offer.advertised_hash(hash));
        if let Some(version) = offer.tls_attribute() {
            protection.push_str(",t=");
            protection.push_str(&version);
        }
        Ok(ScramFirst {
            account,
            hash,
            client_first_bare: first.bare.to_owned(),
            client_nonce: first.nonce.to_owned(),
            cbind_input,
            binding: binding.map(|(name, _)| name),
            protection,
        })
    }

    /// The account claimed.
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    /// The hash whose keys are needed.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The channel-binding type that the client chose, for the log.
    pub fn binding(&self) -> Option<&'static str> {
        self.binding
    }

    /// The server-first-message, from the account's keys: none if there is no such account; without this
    /// hash they count as none. `server_nonce` is a fresh [`token`](crate::token()).
    pub fn challenge(self, keys: Option<&Keys>, decoy: &Decoy, server_nonce: &str) -> (ScramSecond, Vec<u8>) {
        let (keys, known) = decoy.or_decoy(keys, &self.account, self.hash);
        let nonce = self.client_nonce + server_nonce;
        let salt = BASE64_STANDARD.encode(&keys.salt);
        let server_first = format!("r={nonce},s={salt},i={},{}", keys.iterations, self.protection);
        let auth_message = format!("{},{server_first},", self.client_first_bare);
        let second = ScramSecond {
            account: self.account,
            keys,
            known,
            nonce,
            cbind_input: self.cbind_input,
            auth_message,
        };
        (second, server_first.into_bytes())
    }
}

/// The binding to hold, by the client's flag (RFC 5802 §6).
fn bind<'o>(
    flag: Flag<'_>,
    plus: bool,
    offer: &'o Offer,
) -> Result<Option<(&'static str, &'o [u8])>, Failure> {
    match flag {
        Flag::Unsupported if !plus => Ok(None),
        // The client could bind and believes we cannot. If we said we can, somebody took it off the list.
        Flag::NotOffered if !plus && offer.binds() => Err(Failure::NotAuthorized),
        Flag::NotOffered if !plus => Ok(None),
        Flag::Bound(name) if plus => offer.binding(name).map(Some).ok_or(Failure::NotAuthorized),
        // A -PLUS mechanism without a binding, or a binding without one.
        _ => Err(Failure::MalformedRequest),
    }
}

impl ScramSecond {
    /// Judges the client-final-message. Nonce, binding and proof are always all computed and fail alike.
    pub fn finish(self, client_final: &[u8]) -> Result<Success, Failure> {
        let last = ClientFinal::parse(text(client_final)?, self.keys.hash.output_bytes())?;
        let auth_message = [self.auth_message.as_bytes(), last.without_proof.as_bytes()];
        let hash = self.keys.hash;

        let signature = hash.hmac(&self.keys.stored_key, &auth_message);
        let client_key: Vec<u8> = last.proof.iter().zip(&signature).map(|(p, s)| p ^ s).collect();
        let proven = hash.digest(&client_key).ct_eq(&self.keys.stored_key);
        let same_channel = last.cbind_input.ct_eq(&self.cbind_input);
        let same_nonce = last.nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        if !bool::from(proven & same_channel & same_nonce & self.known) {
            return Err(Failure::NotAuthorized);
        }
        let verifier = BASE64_STANDARD.encode(hash.hmac(&self.keys.server_key, &auth_message));
        Ok(Success { account: self.account, data: Some(format!("v={verifier}").into_bytes()) })
    }
}

impl fmt::Debug for ScramFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramFirst")
            .field("account", &self.account)
            .field("hash", &self.hash)
            .field("binding", &self.binding)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ScramSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramSecond").field("account", &self.account).finish_non_exhaustive()
    }
}
