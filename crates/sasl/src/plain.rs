//! PLAIN (RFC 4616).

use std::fmt;

use jid::{BareJid, DomainRef};
use subtle::ConstantTimeEq as _;

use crate::keys::HashKeys;
use crate::{Decoy, Failure, Hash, Keys, Success, prep};

/// The hashes by which a password is checked. Processors have instructions for SHA-256, and every account
/// made here has it: who lacks it takes another time than the decoy.
const PREFERRED: [Hash; 3] = [Hash::Sha256, Hash::Sha512, Hash::Sha1];

/// A PLAIN message (RFC 4616), its password not yet checked.
pub struct PlainAttempt {
    account: BareJid,
    password: String,
}

impl PlainAttempt {
    /// `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
    pub(crate) fn new(message: &str, host: &DomainRef) -> Result<PlainAttempt, Failure> {
        let mut parts = message.split('\0');
        let (Some(authzid), Some(username), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::MalformedRequest);
        };
        if username.is_empty() || password.is_empty() {
            return Err(Failure::MalformedRequest);
        }
        let authzid = Some(authzid).filter(|authzid| !authzid.is_empty());
        let account = prep::account(username, authzid, host)?;
        // No account has a password that cannot be prepared, so this says nothing of this one.
        let password = prep::password(password).map_err(|_| Failure::NotAuthorized)?.into_owned();
        Ok(PlainAttempt { account, password })
    }

    /// The account claimed.
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    /// Checks the password against the account's keys, none if there is no such account. Milliseconds of
    /// CPU, the same in both cases: not on a thread that serves streams, and a bounded number at a time.
    pub fn verify(self, keys: Option<&Keys>, decoy: &Decoy) -> Result<Success, Failure> {
        let hash = PREFERRED.into_iter().find(|hash| keys.is_some_and(|keys| keys.has(*hash)));
        let (expected, known) = decoy.or_decoy(keys, &self.account, hash.unwrap_or(PREFERRED[0]));
        let given = HashKeys::derive(expected.hash, &self.password, &expected.salt, expected.iterations);
        if bool::from(given.stored_key.ct_eq(&expected.stored_key) & known) {
            Ok(Success { account: self.account, data: None })
        } else {
            Err(Failure::NotAuthorized)
        }
    }
}

impl fmt::Debug for PlainAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainAttempt").field("account", &self.account).finish_non_exhaustive()
    }
}
