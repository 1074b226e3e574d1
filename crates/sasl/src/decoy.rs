//! Keys for accounts that do not exist.

use std::fmt;

use jid::BareJid;
use subtle::Choice;

use crate::keys::{HashKeys, SALT_BYTES};
use crate::{Hash, Keys};

/// Keys for accounts that do not exist, so that a login cannot tell whether one does: the same name gets
/// the same salt at every attempt, as a real account would, and no password fits.
#[derive(Clone)]
pub struct Decoy {
    secret: [u8; 32],
    iterations: u32,
}

impl Decoy {
    /// `secret` must be random, stay the same across restarts (a salt that changes gives the decoy away)
    /// and be told to nobody. `iterations` must be what new accounts get; an account with another number
    /// can be told from one that does not exist.
    pub fn new(secret: [u8; 32], iterations: u32) -> Decoy {
        Decoy { secret, iterations }
    }

    /// Keys that no password is known for.
    fn keys_for(&self, account: &BareJid, hash: Hash) -> HashKeys {
        let part = |label: &[u8]| hash.hmac(&self.secret, &[label, &[0], account.as_str().as_bytes()]);
        let mut salt = part(b"salt");
        salt.truncate(SALT_BYTES);
        let (stored_key, server_key) = (part(b"stored key"), part(b"server key"));
        HashKeys { hash, iterations: self.iterations, salt, stored_key, server_key }
    }

    /// The account's keys for this hash, or decoy keys; and whether they are real. Both cost the same.
    pub(crate) fn or_decoy(&self, keys: Option<&Keys>, account: &BareJid, hash: Hash) -> (HashKeys, Choice) {
        let decoy = self.keys_for(account, hash);
        let real = keys.and_then(|keys| keys.of(hash));
        (real.unwrap_or(&decoy).clone(), Choice::from(u8::from(real.is_some())))
    }
}

impl fmt::Debug for Decoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoy").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use jid::DomainPart;

    use super::*;
    use crate::hash::work::{self, Work};
    use crate::{Begun, Bindings, DEFAULT_ITERATIONS, Failure, MIN_ITERATIONS, Mechanism, Offer, TlsVersion};

    fn salt(secret: u8, account: &str, hash: Hash) -> Vec<u8> {
        let decoy = Decoy::new([secret; 32], DEFAULT_ITERATIONS);
        decoy.keys_for(&BareJid::new(account).unwrap(), hash).salt
    }

    #[test]
    fn a_decoy_looks_like_an_account() {
        let romeo = salt(1, "romeo@montague.lit", Hash::Sha256);
        assert_eq!(romeo, salt(1, "romeo@montague.lit", Hash::Sha256), "same at every attempt");
        assert_ne!(romeo, salt(1, "paris@montague.lit", Hash::Sha256));
        assert_ne!(romeo, salt(1, "romeo@capulet.lit", Hash::Sha256));
        assert_ne!(romeo, salt(1, "romeo@montague.lit", Hash::Sha512));
        assert_ne!(romeo, salt(2, "romeo@montague.lit", Hash::Sha256), "cannot be foretold");
        let real = Keys::derive("pencil", DEFAULT_ITERATIONS).unwrap();
        assert_eq!(romeo.len(), real.of(Hash::Sha256).unwrap().salt.len());
    }

    /// What a failing login with these keys computes, function by function.
    fn work_of(mechanism: Mechanism, keys: Option<&Keys>) -> Vec<Work> {
        let host = DomainPart::new("montague.lit").unwrap();
        let offer = Offer::new(&host, Some(TlsVersion(0x0304)), Bindings::default(), &Mechanism::ALL);
        let decoy = Decoy::new([1; 32], MIN_ITERATIONS);
        let first = if mechanism == Mechanism::Plain { "\0romeo\0wrong" } else { "n,,n=romeo,r=abcdefgh" };
        let begun = offer.begin(mechanism.name(), first.as_bytes()).unwrap();
        work::take();
        let outcome = match begun {
            Begun::Plain(attempt) => attempt.verify(keys, &decoy),
            Begun::Scram(first) => {
                let proof = BASE64_STANDARD.encode(vec![0; first.hash().output_bytes()]);
                let (second, _) = first.challenge(keys, &decoy, "ijklmnop");
                second.finish(format!("c=biws,r=abcdefghijklmnop,p={proof}").as_bytes())
            }
        };
        assert_eq!(outcome, Err(Failure::NotAuthorized));
        work::take()
    }

    /// Nobody learns by the time that an answer takes whether an account exists: the same is computed.
    #[test]
    fn a_decoy_costs_what_an_account_does() {
        let real = Keys::derive("pencil", MIN_ITERATIONS).unwrap();
        for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| !mechanism.is_plus()) {
            let known = work_of(mechanism, Some(&real));
            assert_eq!(work_of(mechanism, None), known, "{}", mechanism.name());
            let derived = known.iter().any(|(function, ..)| *function == "salted");
            assert_eq!(derived, mechanism == Mechanism::Plain, "{known:?}");
        }
    }
}
