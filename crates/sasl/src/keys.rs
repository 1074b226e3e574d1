//! What is stored of a password.

use std::fmt;

use crate::prep::{self, Unfit};
use crate::{Hash, MAX_PASSWORD_BYTES, token};

/// PBKDF2 iterations for new passwords unless configured otherwise: what draft-melnikov-scram-sha-512 asks
/// for at least; a client that keeps to it may refuse SCRAM-SHA-512 with fewer.
pub const DEFAULT_ITERATIONS: u32 = 10_000;

/// Fewest iterations accepted (RFC 7677 §4).
pub const MIN_ITERATIONS: u32 = 4096;

/// Most iterations accepted: every client, and the server for PLAIN, pays them at each login.
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// Length of a new salt.
pub(crate) const SALT_BYTES: usize = 16;

/// First byte of the encoding.
const VERSION: u8 = 1;

/// What is stored of a password: for each hash the salt, the iterations, StoredKey and ServerKey
/// (RFC 5802 §3). The password cannot be read from it, but who has it can try passwords, and can
/// impersonate the server to this account.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// At least one, at most one of a hash.
    by_hash: Vec<HashKeys>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HashKeys {
    pub(crate) hash: Hash,
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

impl Keys {
    /// Keys of a new password for all hashes, each with a random salt of its own. About 10 ms of CPU at
    /// [`DEFAULT_ITERATIONS`]: not on a thread that serves streams.
    pub fn derive(password: &str, iterations: u32) -> Result<Keys, PasswordError> {
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            return Err(PasswordError::Iterations);
        }
        let password = prep::password(password)?;
        let derive = |hash| HashKeys::derive(hash, &password, &token::random::<SALT_BYTES>(), iterations);
        Ok(Keys { by_hash: Hash::ALL.into_iter().map(derive).collect() })
    }

    /// With keys for one more hash, made by who knows the password (XEP-0480 §3): none if there are keys for it
    /// already, or `salted` is no `SaltedPassword` (RFC 5802 §3) of this hash.
    pub fn with(&self, salting: &Salting, salted: &[u8]) -> Option<Keys> {
        let Salting { hash, iterations, salt } = salting;
        if self.has(*hash) || salted.len() != hash.output_bytes() {
            return None;
        }
        let mut by_hash = self.by_hash.clone();
        by_hash.push(HashKeys::of_salted(*hash, salted, salt, *iterations));
        Some(Keys { by_hash })
    }

    /// Whether the account can log in with this hash.
    pub fn has(&self, hash: Hash) -> bool {
        self.of(hash).is_some()
    }

    /// Something that a new password changes, and keys that are added to this one do not.
    pub(crate) fn fingerprint(&self) -> &[u8] {
        self.by_hash.first().map_or(&[], |keys| &keys.stored_key)
    }

    pub(crate) fn of(&self, hash: Hash) -> Option<&HashKeys> {
        self.by_hash.iter().find(|keys| keys.hash == hash)
    }

    /// The form to store: version, then for each hash its number, iterations (32 bits, big-endian), length
    /// of the salt, salt, StoredKey, ServerKey.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for keys in &self.by_hash {
            out.push(number(keys.hash));
            out.extend_from_slice(&keys.iterations.to_be_bytes());
            // Salts are ours (16 bytes) or came through `from_bytes`, which reads the length from a byte.
            out.push(keys.salt.len() as u8);
            out.extend_from_slice(&keys.salt);
            out.extend_from_slice(&keys.stored_key);
            out.extend_from_slice(&keys.server_key);
        }
        out
    }

    /// Reads what [`Keys::to_bytes`] wrote. Nothing is guessed: any deviation is an error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Keys, CorruptKeys> {
        read(bytes).ok_or(CorruptKeys)
    }

    #[cfg(test)]
    pub(crate) fn with_salt(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> Keys {
        Keys { by_hash: vec![HashKeys::derive(hash, password, salt, iterations)] }
    }
}

/// How a password is to be salted for one more hash.
#[derive(Clone, Debug)]
pub struct Salting {
    pub hash: Hash,
    pub iterations: u32,
    /// Random.
    pub salt: Vec<u8>,
}

impl Salting {
    /// With a salt of its own.
    pub fn new(hash: Hash, iterations: u32) -> Salting {
        Salting { hash, iterations, salt: token::random::<SALT_BYTES>().to_vec() }
    }
}

fn read(bytes: &[u8]) -> Option<Keys> {
    let (&VERSION, mut rest) = bytes.split_first()? else { return None };
    let mut by_hash: Vec<HashKeys> = Vec::with_capacity(Hash::ALL.len());
    while !rest.is_empty() {
        let [id] = *take::<1>(&mut rest)?;
        let hash = Hash::ALL.into_iter().find(|hash| number(*hash) == id)?;
        let iterations = u32::from_be_bytes(*take::<4>(&mut rest)?);
        let [salt_length] = *take::<1>(&mut rest)?;
        let salt = rest.split_off(..usize::from(salt_length))?.to_vec();
        let stored_key = rest.split_off(..hash.output_bytes())?.to_vec();
        let server_key = rest.split_off(..hash.output_bytes())?.to_vec();
        let sound = !salt.is_empty() && (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations);
        if !sound || by_hash.iter().any(|other| other.hash == hash) {
            return None;
        }
        by_hash.push(HashKeys { hash, iterations, salt, stored_key, server_key });
    }
    (!by_hash.is_empty()).then_some(Keys { by_hash })
}

fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

/// A hash's number in stored keys; never to be reused.
fn number(hash: Hash) -> u8 {
    match hash {
        Hash::Sha1 => 1,
        Hash::Sha256 => 2,
        Hash::Sha512 => 3,
    }
}

impl HashKeys {
    /// RFC 5802 §3, from a password already prepared.
    pub(crate) fn derive(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> HashKeys {
        HashKeys::of_salted(hash, &hash.salted(password.as_bytes(), salt, iterations), salt, iterations)
    }

    fn of_salted(hash: Hash, salted: &[u8], salt: &[u8], iterations: u32) -> HashKeys {
        HashKeys {
            hash,
            iterations,
            salt: salt.to_vec(),
            stored_key: hash.digest(&hash.hmac(salted, &[b"Client Key"])),
            server_key: hash.hmac(salted, &[b"Server Key"]),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.by_hash).finish()
    }
}

impl fmt::Debug for HashKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// Why no keys can be made of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// It is empty, or nothing is left of it after preparation.
    Empty,
    /// It is longer than [`MAX_PASSWORD_BYTES`].
    TooLong,
    /// It holds something that SASLprep (RFC 4013) prohibits: control characters, right-to-left text mixed
    /// with left-to-right, characters that Unicode 3.2 did not know (emoji).
    Prohibited,
    /// The iterations are not between [`MIN_ITERATIONS`] and [`MAX_ITERATIONS`].
    Iterations,
}

impl From<Unfit> for PasswordError {
    fn from(unfit: Unfit) -> PasswordError {
        match unfit {
            Unfit::Empty => PasswordError::Empty,
            Unfit::TooLong => PasswordError::TooLong,
            Unfit::Prohibited => PasswordError::Prohibited,
        }
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Empty => f.write_str("the password is empty"),
            PasswordError::TooLong => write!(f, "the password is longer than {MAX_PASSWORD_BYTES} bytes"),
            PasswordError::Prohibited => f.write_str("the password has characters not allowed in passwords"),
            PasswordError::Iterations => {
                write!(f, "the iterations are not between {MIN_ITERATIONS} and {MAX_ITERATIONS}")
            }
        }
    }
}

impl std::error::Error for PasswordError {}

/// Stored keys that cannot be read: damaged, or written by a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptKeys;

impl fmt::Display for CorruptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored password keys cannot be read")
    }
}

impl std::error::Error for CorruptKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_one_more_hash() {
        let sha1 = Keys::with_salt(Hash::Sha1, "pencil", b"salt", MIN_ITERATIONS);
        let salting = Salting::new(Hash::Sha256, MIN_ITERATIONS);
        let salted = Hash::Sha256.salted(b"pencil", &salting.salt, MIN_ITERATIONS);
        let both = sha1.with(&salting, &salted).unwrap();
        let expected = Keys::with_salt(Hash::Sha256, "pencil", &salting.salt, MIN_ITERATIONS);
        assert_eq!(both.of(Hash::Sha256), expected.of(Hash::Sha256));
        assert_eq!(both.of(Hash::Sha1), sha1.of(Hash::Sha1));
        assert_eq!(both.fingerprint(), sha1.fingerprint(), "the password is the same");
        assert_eq!(Keys::from_bytes(&both.to_bytes()), Ok(both.clone()));
        assert_eq!(both.with(&salting, &salted), None);
        assert_eq!(sha1.with(&salting, &salted[1..]), None);
    }

    #[test]
    fn what_is_stored_can_be_read() {
        let keys = Keys::derive("pencil", MIN_ITERATIONS).unwrap();
        assert!(Hash::ALL.into_iter().all(|hash| keys.has(hash)));
        assert_eq!(Keys::from_bytes(&keys.to_bytes()), Ok(keys));
    }

    #[test]
    fn damaged_keys_are_refused() {
        let whole = Keys::derive("pencil", MIN_ITERATIONS).unwrap().to_bytes();
        let one_hash = 1 + 1 + 4 + 1 + SALT_BYTES + 20 + 20;
        for length in 0..whole.len() {
            let ends_between_hashes = length == one_hash || length == one_hash + 6 + SALT_BYTES + 64;
            assert_eq!(Keys::from_bytes(&whole[..length]).is_ok(), ends_between_hashes, "{length}");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            Keys::from_bytes(&bytes)
        };
        assert_eq!(changed(0, 2), Err(CorruptKeys), "version");
        assert_eq!(changed(1, 9), Err(CorruptKeys), "unknown hash");
        assert_eq!(changed(2, 1), Err(CorruptKeys), "too many iterations");
        assert_eq!(changed(4, 0), Err(CorruptKeys), "too few iterations");
        assert_eq!(changed(6, 0), Err(CorruptKeys), "no salt");
        let twice = [&whole[..one_hash], &whole[1..one_hash]].concat();
        assert_eq!(Keys::from_bytes(&twice), Err(CorruptKeys), "one hash twice");
    }

    #[test]
    fn salts_differ() {
        let keys = Keys::derive("pencil", MIN_ITERATIONS).unwrap();
        let other = Keys::derive("pencil", MIN_ITERATIONS).unwrap();
        assert_ne!(keys.of(Hash::Sha256).unwrap().salt, other.of(Hash::Sha256).unwrap().salt);
        assert_ne!(keys.of(Hash::Sha256).unwrap().salt, keys.of(Hash::Sha1).unwrap().salt);
    }

    #[test]
    fn bad_passwords_and_iterations_are_refused() {
        assert_eq!(Keys::derive("", MIN_ITERATIONS), Err(PasswordError::Empty));
        assert_eq!(Keys::derive("a\u{7}", MIN_ITERATIONS), Err(PasswordError::Prohibited));
        assert_eq!(Keys::derive("a", MIN_ITERATIONS - 1), Err(PasswordError::Iterations));
        assert_eq!(Keys::derive("a", MAX_ITERATIONS + 1), Err(PasswordError::Iterations));
    }

    #[test]
    fn secrets_are_not_printed() {
        let shown = format!("{:?}", Keys::derive("pencil", MIN_ITERATIONS).unwrap());
        assert!(shown.contains("Sha512") && !shown.contains("key") && !shown.contains("salt"), "{shown}");
    }
}
