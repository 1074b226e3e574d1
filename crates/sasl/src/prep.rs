//! Preparation of usernames and passwords with SASLprep (RFC 4013), as stored strings: a code point that
//! Unicode 3.2 did not assign is refused, since clients disagree on what to make of it.

use std::borrow::Cow;

use jid::{BareJid, DomainRef, NodePart};

use crate::Failure;

/// Longest password in bytes, before and after preparation.
pub const MAX_PASSWORD_BYTES: usize = 1023;

/// RFC 7622 §3.3: longest localpart. Checked before preparation too, which may multiply the length.
const MAX_USERNAME_BYTES: usize = 1023;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Empty,
    TooLong,
    Prohibited,
}

pub(crate) fn password(raw: &str) -> Result<Cow<'_, str>, Unfit> {
    if raw.len() > MAX_PASSWORD_BYTES {
        return Err(Unfit::TooLong);
    }
    let prepared = stringprep::saslprep(raw).map_err(|_| Unfit::Prohibited)?;
    match prepared.len() {
        0 => Err(Unfit::Empty),
        n if n > MAX_PASSWORD_BYTES => Err(Unfit::TooLong),
        _ => Ok(prepared),
    }
}

/// The account that a client claims: `username` is the localpart at `host` (RFC 6120 §6.3.7).
///
/// An authorization identity must be the very same bare JID (RFC 6120 §6.3.8): nobody acts for another, so
/// the account authenticated and the session's account cannot differ.
///
/// What can be no account's name fails like wrong credentials; that tells nothing of accounts that exist.
pub(crate) fn account(username: &str, authzid: Option<&str>, host: &DomainRef) -> Result<BareJid, Failure> {
    if username.len() > MAX_USERNAME_BYTES {
        return Err(Failure::MalformedRequest);
    }
    let prepared = stringprep::saslprep(username).map_err(|_| Failure::NotAuthorized)?;
    let localpart = NodePart::new(&prepared).map_err(|_| Failure::NotAuthorized)?;
    let account = BareJid::from_parts(Some(&localpart), host);
    match authzid {
        Some(other) if BareJid::new(other).as_ref() != Ok(&account) => Err(Failure::InvalidAuthzid),
        _ => Ok(account),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4013 §3.
    #[test]
    fn saslprep_examples() {
        assert_eq!(password("I\u{ad}X").as_deref(), Ok("IX"));
        assert_eq!(password("user").as_deref(), Ok("user"));
        assert_eq!(password("USER").as_deref(), Ok("USER"));
        assert_eq!(password("\u{aa}").as_deref(), Ok("a"));
        assert_eq!(password("\u{2168}").as_deref(), Ok("IX"));
        assert_eq!(password("\u{7}"), Err(Unfit::Prohibited));
        assert_eq!(password("\u{627}1"), Err(Unfit::Prohibited));
    }

    #[test]
    fn passwords_have_bounds() {
        assert_eq!(password(""), Err(Unfit::Empty));
        assert_eq!(password("\u{ad}"), Err(Unfit::Empty));
        assert!(password(&"x".repeat(MAX_PASSWORD_BYTES)).is_ok());
        assert_eq!(password(&"x".repeat(MAX_PASSWORD_BYTES + 1)), Err(Unfit::TooLong));
        // One character of three bytes that NFKC makes thirty-three of.
        assert_eq!(password(&"\u{fdfa}".repeat(300)), Err(Unfit::TooLong));
    }

    #[test]
    fn only_oneself_is_authorized() {
        let host = jid::DomainPart::new("capulet.lit").unwrap().into_owned();
        let as_whom = |authzid| account("Juliet", authzid, &host).map(|jid| jid.to_string());
        let juliet = Ok("juliet@capulet.lit".to_owned());
        assert_eq!(as_whom(None), juliet);
        assert_eq!(as_whom(Some("juliet@capulet.lit")), juliet);
        assert_eq!(as_whom(Some("JULIET@Capulet.lit")), juliet);
        for other in [
            "romeo@capulet.lit",
            "juliet@montague.lit",
            "juliet@capulet.lit/balcony",
            "capulet.lit",
            "juliet",
            "",
        ] {
            assert_eq!(as_whom(Some(other)), Err(Failure::InvalidAuthzid), "{other}");
        }
    }

    #[test]
    fn usernames_are_localparts() {
        let host = jid::DomainPart::new("capulet.lit").unwrap().into_owned();
        for name in ["", "juliet@capulet.lit", "a/b", "a b", "a\u{0}b", "\u{ad}", "\u{627}1", "<x>"] {
            assert_eq!(account(name, None, &host), Err(Failure::NotAuthorized), "{name:?}");
        }
        assert_eq!(account(&"x".repeat(1024), None, &host), Err(Failure::MalformedRequest));
    }
}
