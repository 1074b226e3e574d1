//! Logging in with a token (XEP-0484), by the mechanisms HT (draft-schmaus-kitten-sasl-ht-09).

mod tokens;

use std::fmt;

use jid::BareJid;
use subtle::{Choice, ConstantTimeEq as _};

use crate::{Failure, Hash, Offer, Success, prep};

pub use tokens::{CorruptTokens, Device, Tokens};

/// Bytes of HMAC-SHA-256.
const MAC_BYTES: usize = 32;

/// A mechanism that takes tokens. They stand apart from [`Mechanism`](crate::Mechanism): neither SASL1 nor the
/// downgrade protection of SCRAM knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FastMechanism {
    /// Bound to `tls-exporter`.
    Exporter,
    /// Bound to `tls-server-end-point`.
    EndPoint,
    /// Bound to nothing but the token.
    Unbound,
}

impl FastMechanism {
    /// All of them, in the order in which they are advertised: strongest first.
    pub const ALL: [FastMechanism; 3] =
        [FastMechanism::Exporter, FastMechanism::EndPoint, FastMechanism::Unbound];

    /// The name (draft-schmaus-kitten-sasl-ht-09 §2).
    pub fn name(self) -> &'static str {
        match self {
            FastMechanism::Exporter => "HT-SHA-256-EXPR",
            FastMechanism::EndPoint => "HT-SHA-256-ENDP",
            FastMechanism::Unbound => "HT-SHA-256-NONE",
        }
    }

    /// Its number in what is stored; never to be reused.
    fn number(self) -> u8 {
        match self {
            FastMechanism::Exporter => 1,
            FastMechanism::EndPoint => 2,
            FastMechanism::Unbound => 3,
        }
    }
}

impl Offer {
    /// The mechanisms for tokens to advertise, strongest first. A token is no way around a rule for passwords: bound
    /// ones need a -PLUS mechanism that is offered, and the unbound one a mechanism without binding.
    pub fn fast_mechanisms(&self) -> impl Iterator<Item = FastMechanism> {
        FastMechanism::ALL.into_iter().filter(|mechanism| self.channel(*mechanism).is_some())
    }

    /// The mechanism of this name if it is offered.
    pub fn fast(&self, name: &str) -> Option<FastMechanism> {
        self.fast_mechanisms().find(|mechanism| mechanism.name() == name)
    }

    /// The data that a mechanism is bound to; none if it is not offered.
    fn channel(&self, mechanism: FastMechanism) -> Option<&[u8]> {
        match mechanism {
            FastMechanism::Exporter => self.binding("tls-exporter").map(|(_, data)| data),
            FastMechanism::EndPoint => self.binding("tls-server-end-point").map(|(_, data)| data),
            FastMechanism::Unbound => {
                let unbound = self.mechanisms().any(|mechanism| !mechanism.is_plus());
                (unbound && self.is_encrypted()).then_some(&[])
            }
        }
    }

    /// Reads the client's message, which is its only one.
    pub fn begin_fast(&self, mechanism: FastMechanism, message: &[u8]) -> Result<FastAttempt, Failure> {
        let channel = self.channel(mechanism).ok_or(Failure::InvalidMechanism)?.to_vec();
        // authcid NUL initiator-hashed-token
        let end = message.iter().position(|byte| *byte == 0).ok_or(Failure::MalformedRequest)?;
        let (username, hashed) = message.split_at(end);
        let username = crate::offer::text(username)?;
        let hashed: [u8; MAC_BYTES] =
            hashed.get(1..).and_then(|hashed| hashed.try_into().ok()).ok_or(Failure::MalformedRequest)?;
        if username.is_empty() {
            return Err(Failure::MalformedRequest);
        }
        let account = prep::account(username, None, self.host())?;
        Ok(FastAttempt { account, mechanism, channel, hashed })
    }
}

/// A client's message: the account claimed, nothing proven.
pub struct FastAttempt {
    account: BareJid,
    mechanism: FastMechanism,
    channel: Vec<u8>,
    hashed: [u8; MAC_BYTES],
}

/// How a client that has proven itself with a token goes on.
#[derive(Debug)]
pub struct FastSuccess {
    pub success: Success,
    /// The tokens as they are from now on, and whether that differs from before.
    pub tokens: Tokens,
    pub changed: bool,
}

impl FastAttempt {
    /// The account claimed.
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    pub fn mechanism(&self) -> FastMechanism {
        self.mechanism
    }

    /// Judges the message by the device's tokens, none for a device or an account that is not known: same work,
    /// refused like a wrong token. `count` is what the client says of how often it has used the token; once it did,
    /// no count may come twice (XEP-0484 §3.4), except bound to the exporter, where nothing can. An expired token is told as such to who has it.
    pub fn verify(
        &self,
        device: &Device<'_>,
        tokens: &Tokens,
        count: Option<u64>,
        now: i64,
    ) -> Result<FastSuccess, Failure> {
        let fits = |slot: &tokens::Slot| -> Choice {
            let token = device.token(slot);
            let expected = Hash::Sha256.hmac(token.as_bytes(), &[b"Initiator", &self.channel]);
            expected.ct_eq(&self.hashed)
        };
        let (used, slot) = tokens.find(self.mechanism, fits).ok_or(Failure::NotAuthorized)?;
        if slot.expires <= now {
            return Err(Failure::CredentialsExpired);
        }
        if count.is_some_and(|count| count <= slot.count) {
            return Err(Failure::NotAuthorized);
        }
        let response = Hash::Sha256.hmac(device.token(slot).as_bytes(), &[b"Responder", &self.channel]);
        let after = tokens.used(used, count);
        let changed = after != *tokens;
        let success = Success { account: self.account.clone(), data: Some(response) };
        Ok(FastSuccess { success, tokens: after, changed })
    }
}

impl fmt::Debug for FastAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastAttempt")
            .field("account", &self.account)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}
