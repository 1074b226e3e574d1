//! SCRAM-SHA-1 as a client (RFC 5802), without channel binding: the strongest mechanism that all servers compared
//! here speak alike.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};

use crate::Fault;

/// What ejabberd 23.01 has fixed.
pub const ITERATIONS: u32 = 4096;

/// Of every account: neither servers nor clients are made to hash for minutes what is known.
pub const PASSWORD: &str = "bench";

/// `StoredKey` and `ServerKey` (RFC 5802 §3).
pub fn keys(salt: &[u8]) -> ([u8; 20], [u8; 20]) {
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(PASSWORD.as_bytes(), salt, ITERATIONS);
    (Sha1::digest(mac(&salted, b"Client Key")).into(), mac(&salted, b"Server Key"))
}

/// How a `SaltedPassword` is made: salt and iterations.
type Salting = (Vec<u8>, u32);

/// Those that were made. Clients keep theirs too.
static SALTED: LazyLock<Mutex<HashMap<Salting, [u8; 20]>>> = LazyLock::new(Mutex::default);

pub struct Scram {
    bare: String,
}

impl Scram {
    /// `user` without `=` and `,`.
    pub fn new(user: &str) -> Scram {
        let mut random = [0; 15];
        // Without randomness there is no login to measure.
        #[allow(clippy::expect_used)]
        getrandom::fill(&mut random).expect("randomness");
        Scram { bare: format!("n={user},r={}", STANDARD.encode(random)) }
    }

    /// The initial response, in base64.
    pub fn first(&self) -> String {
        STANDARD.encode(format!("n,,{}", self.bare))
    }

    /// The response to the server's challenge, both in base64.
    pub fn last(&self, challenge: &str) -> Result<String, Fault> {
        let bad = || Fault::new(format!("no SCRAM challenge: {challenge}"));
        let challenge = STANDARD.decode(challenge).map_err(|_| bad())?;
        let challenge = String::from_utf8(challenge).map_err(|_| bad())?;
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = part("r=").ok_or_else(bad)?;
        let salt = part("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(bad)?;
        let rounds = part("i=").and_then(|rounds| rounds.parse().ok()).ok_or_else(bad)?;

        let salted = salted(salt, rounds);
        let client_key = mac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{without_proof}", self.bare);
        let signature = mac(&Sha1::digest(client_key), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        Ok(STANDARD.encode(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }
}

fn salted(salt: Vec<u8>, iterations: u32) -> [u8; 20] {
    let known = || SALTED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (salt, iterations);
    if let Some(salted) = known().get(&key) {
        return *salted;
    }
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(PASSWORD.as_bytes(), &key.0, iterations);
    known().insert(key, salted);
    salted
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 20] {
    // HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key).expect("a key");
    mac.update(data);
    mac.finalize().into_bytes().into()
}
