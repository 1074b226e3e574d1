//! Unguessable names.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// An unguessable name: 144 bits from the operating system in base64url, 24 characters of
/// `A-Z a-z 0-9 - _`. For nonces, stream ids, resources, passwords.
///
/// # Panics
/// When the operating system has no randomness to give. A guessable token is worse than a lost session.
pub fn token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<18>())
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "nothing safe can follow without randomness")]
    getrandom::fill(&mut bytes).expect("the operating system's random generator");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_distinct_and_plain() {
        let (one, two) = (token(), token());
        assert_ne!(one, two);
        assert_eq!(one.len(), 24);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }
}
