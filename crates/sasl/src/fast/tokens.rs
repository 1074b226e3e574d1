//! What is kept of a device's tokens. The tokens themselves are not: they are made from the server's secret and what
//! is kept, so that who reads the database has none.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::Choice;

use super::FastMechanism;
use crate::{DeviceSecret, Keys, token};

const NONCE_BYTES: usize = 16;

/// First byte of the encoding.
const VERSION: u8 = 1;

/// A token is replaced when it is used at this age, in milliseconds, or at half of its time if that is sooner.
const ROTATION: i64 = 24 * 3600 * 1000;

/// Whose tokens they are: they work for this account with this password, on this device.
#[derive(Clone, Copy)]
pub struct Device<'a> {
    pub secret: &'a DeviceSecret,
    /// The account's bare JID.
    pub account: &'a str,
    pub id: &'a str,
    /// The account's keys; none if there is no such account.
    pub keys: Option<&'a Keys>,
}

/// A device's tokens: the one that it uses, and a newer one that it has not used yet (XEP-0484 §5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    current: Option<Slot>,
    new: Option<Slot>,
}

/// What one token is made from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    mechanism: FastMechanism,
    nonce: [u8; NONCE_BYTES],
    issued: i64,
    pub(super) expires: i64,
    /// The greatest count that came with it.
    pub(super) count: u64,
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Current,
    New,
}

impl Device<'_> {
    pub(super) fn token(&self, slot: &Slot) -> String {
        let fingerprint = self.keys.map(Keys::fingerprint).unwrap_or_default();
        let token = self.secret.derive(
            "token",
            &[
                self.account.as_bytes(),
                self.id.as_bytes(),
                fingerprint,
                &[slot.mechanism.number()],
                &slot.nonce,
                &slot.issued.to_be_bytes(),
                &slot.expires.to_be_bytes(),
            ],
        );
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }
}

impl Tokens {
    /// A new token for the device, valid until `expires` (milliseconds since 1970). One that was issued before and
    /// never used is void; the one in use stays valid until the new one is used (XEP-0484 §3.5).
    pub fn issue(&mut self, device: &Device<'_>, mechanism: FastMechanism, now: i64, expires: i64) -> String {
        let slot = Slot { mechanism, nonce: token::random(), issued: now, expires, count: 0 };
        let token = device.token(&slot);
        self.new = Some(slot);
        token
    }

    /// The mechanism for a new token, where the one that was used is due to be replaced.
    pub fn due(&self, now: i64) -> Option<FastMechanism> {
        let slot = self.current.as_ref()?;
        let age = ROTATION.min(slot.expires.saturating_sub(slot.issued) / 2);
        (now >= slot.issued.saturating_add(age)).then_some(slot.mechanism)
    }

    /// Whether any of them works still.
    pub fn any_valid(&self, now: i64) -> bool {
        [&self.current, &self.new].into_iter().flatten().any(|slot| slot.expires > now)
    }

    /// The token that fits. Both places are looked at, and an empty one takes as long as a full one.
    pub(super) fn find(
        &self,
        mechanism: FastMechanism,
        fits: impl Fn(&Slot) -> Choice,
    ) -> Option<(Which, &Slot)> {
        let nobodys = Slot { mechanism, nonce: [0; NONCE_BYTES], issued: 0, expires: 0, count: 0 };
        let mut found = None;
        for (which, slot) in [(Which::Current, &self.current), (Which::New, &self.new)] {
            let fitting = fits(slot.as_ref().unwrap_or(&nobodys));
            if let Some(slot) = slot
                && bool::from(fitting)
                && slot.mechanism == mechanism
            {
                found = Some((which, slot));
            }
        }
        found
    }

    /// The tokens after this one was used: an older one is void then.
    pub(super) fn used(&self, which: Which, count: Option<u64>) -> Tokens {
        let mut after = self.clone();
        if which == Which::New {
            after.current = after.new.take();
        }
        // What is bound to the exporter proves nothing on any other connection (RFC 9266): nobody can send it twice, and
        // a count of it would only have to be stored each time.
        if let (Some(slot), Some(count)) = (&mut after.current, count)
            && slot.mechanism != FastMechanism::Exporter
        {
            slot.count = slot.count.max(count);
        }
        after
    }

    /// The form to store: nothing for no tokens; else a version, then for each token which of the two it is (1: in
    /// use, 2: new), the mechanism's number, the nonce, both times and the count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (place, slot) in [(1, &self.current), (2, &self.new)] {
            let Some(slot) = slot else { continue };
            if out.is_empty() {
                out.push(VERSION);
            }
            out.extend_from_slice(&[place, slot.mechanism.number()]);
            out.extend_from_slice(&slot.nonce);
            out.extend_from_slice(&slot.issued.to_be_bytes());
            out.extend_from_slice(&slot.expires.to_be_bytes());
            out.extend_from_slice(&slot.count.to_be_bytes());
        }
        out
    }

    /// Reads what [`Tokens::to_bytes`] wrote. Nothing is guessed: any deviation is an error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Tokens, CorruptTokens> {
        read(bytes).ok_or(CorruptTokens)
    }
}

fn read(bytes: &[u8]) -> Option<Tokens> {
    let mut tokens = Tokens::default();
    let Some((version, mut rest)) = bytes.split_first() else { return Some(tokens) };
    if *version != VERSION || rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let [place, number] = *take::<2>(&mut rest)?;
        let mechanism = FastMechanism::ALL.into_iter().find(|mechanism| mechanism.number() == number)?;
        let nonce = *take(&mut rest)?;
        let (issued, expires) =
            (i64::from_be_bytes(*take(&mut rest)?), i64::from_be_bytes(*take(&mut rest)?));
        let count = u64::from_be_bytes(*take(&mut rest)?);
        let slot = match place {
            1 => &mut tokens.current,
            2 => &mut tokens.new,
            _ => return None,
        };
        if slot.replace(Slot { mechanism, nonce, issued, expires, count }).is_some() {
            return None;
        }
    }
    Some(tokens)
}

fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("mechanism", &self.mechanism)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Stored tokens that cannot be read: damaged, or written by a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptTokens;

impl fmt::Display for CorruptTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored tokens cannot be read")
    }
}

impl std::error::Error for CorruptTokens {}
