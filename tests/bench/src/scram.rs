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

/// `StoredKey` and `ServerKey` (RFC 5802 §3).
pub fn keys(password: &str, salt: &[u8], iterations: u32) -> ([u8; 20], [u8; 20]) {
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt, iterations);
    (Sha1::digest(mac(&salted, b"Client Key")).into(), mac(&salted, b"Server Key"))
}

/// What a `SaltedPassword` is made of: password, salt, iterations.
type Salting = (String, Vec<u8>, u32);

/// Those that were made. Clients keep theirs too; and every start of a server has the same accounts.
static SALTED: LazyLock<Mutex<HashMap<Salting, [u8; 20]>>> = LazyLock::new(Mutex::default);

pub struct Scram {
    bare: String,
    password: String,
}

impl Scram {
    /// `user` without `=` and `,`.
    pub fn new(user: &str, password: &str) -> Scram {
        let mut random = [0; 15];
        // Without randomness there is no login to measure.
        #[allow(clippy::expect_used)]
        getrandom::fill(&mut random).expect("randomness");
        Scram { bare: format!("n={user},r={}", STANDARD.encode(random)), password: password.to_owned() }
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

        let salted = salted(&self.password, salt, rounds);
        let client_key = mac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{without_proof}", self.bare);
        let signature = mac(&Sha1::digest(client_key), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        Ok(STANDARD.encode(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }
}

fn salted(password: &str, salt: Vec<u8>, iterations: u32) -> [u8; 20] {
    let known = || SALTED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (password.to_owned(), salt, iterations);
    if let Some(salted) = known().get(&key) {
        return *salted;
    }
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), &key.1, iterations);
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
