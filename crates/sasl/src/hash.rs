//! The hash functions of SCRAM.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    /// All of them, weakest first.
    pub const ALL: [Hash; 3] = [Hash::Sha1, Hash::Sha256, Hash::Sha512];

    /// Length of the output in bytes.
    pub(crate) fn output_bytes(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
        }
    }

    /// `H(data)` of RFC 5802 §2.2.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        #[cfg(test)]
        work::note(("digest", self, data.len()));
        match self {
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// `HMAC(key, data)` of RFC 5802 §2.2, the data in pieces.
    pub(crate) fn hmac(self, key: &[u8], data: &[&[u8]]) -> Vec<u8> {
        #[cfg(test)]
        work::note(("hmac", self, data.iter().map(|piece| piece.len()).sum()));
        match self {
            Hash::Sha1 => mac::<Hmac<Sha1>>(key, data),
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, data),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, data),
        }
    }

    /// `Hi(password, salt, iterations)` of RFC 5802 §2.2. Milliseconds of CPU.
    pub(crate) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        #[cfg(test)]
        work::note(("salted", self, iterations as usize));
        let mut out = vec![0; self.output_bytes()];
        match self {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut out),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut out),
            Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut out),
        }
        out
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[&[u8]]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC key");
    for piece in data {
        mac.update(piece);
    }
    mac.finalize().into_bytes().to_vec()
}

/// What was computed, so that tests can compare two ways by their work.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::RefCell;

    use super::Hash;

    /// The function, and how much of what it costs by: bytes or iterations.
    pub type Work = (&'static str, Hash, usize);

    thread_local! {
        static DONE: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
    }

    pub fn note(work: Work) {
        DONE.with_borrow_mut(|done| done.push(work));
    }

    /// What this thread has computed since it was last asked.
    pub fn take() -> Vec<Work> {
        DONE.take()
    }
}
