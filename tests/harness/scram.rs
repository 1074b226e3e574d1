//! SCRAM as a client (RFC 5802, 7677), with a free hand to send what a client must not.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// What the client says about channel binding (RFC 5802 §6): the gs2-cbind-flag and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `n`: the client does not support it.
    No,
    /// `y`: the client supports it and thinks that the server does not.
    Unoffered,
    /// `p=type`, with the data from the client's own side of the connection.
    Bound(&'static str, Vec<u8>),
}

/// One exchange.
pub struct Scram {
    hash: Hash,
    gs2: String,
    cbind: Vec<u8>,
    bare: String,
    nonce: String,
    password: String,
    server_signature: Vec<u8>,
}

impl Scram {
    pub fn new(hash: Hash, user: &str, password: &str, authzid: &str, binding: &Binding) -> Scram {
        let mut random = [0u8; 18];
        getrandom::fill(&mut random).expect("randomness");
        let nonce = STANDARD.encode(random);
        let authzid = if authzid.is_empty() { String::new() } else { format!("a={}", saslname(authzid)) };
        let (flag, data) = match binding {
            Binding::No => ("n".to_owned(), Vec::new()),
            Binding::Unoffered => ("y".to_owned(), Vec::new()),
            Binding::Bound(kind, data) => (format!("p={kind}"), data.clone()),
        };
        Scram {
            hash,
            gs2: format!("{flag},{authzid},"),
            cbind: data,
            bare: format!("n={},r={nonce}", saslname(user)),
            nonce,
            password: password.to_owned(),
            server_signature: Vec::new(),
        }
    }

    pub fn first(&self) -> String {
        format!("{}{}", self.gs2, self.bare)
    }

    /// The client-final-message. Panics when the server-first-message is not as RFC 5802 §5.1 says.
    pub fn last(&mut self, server_first: &str) -> String {
        let nonce = attribute(server_first, 'r').expect("a nonce");
        assert!(nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len(), "the nonce is extended");
        let salt = STANDARD.decode(attribute(server_first, 's').expect("a salt")).expect("base64");
        let rounds: u32 = attribute(server_first, 'i').expect("iterations").parse().expect("a number");
        assert!(rounds >= 4096, "RFC 7677 §4: at least 4096 iterations, not {rounds}");

        let salted = self.hash.pbkdf2(self.password.as_bytes(), &salt, rounds);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let stored_key = self.hash.digest(&client_key);
        let cbind = STANDARD.encode([self.gs2.as_bytes(), &self.cbind].concat());
        let without_proof = format!("c={cbind},r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.bare);
        let signature = self.hash.hmac(&stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let server_key = self.hash.hmac(&salted, b"Server Key");
        self.server_signature = self.hash.hmac(&server_key, signed.as_bytes());
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }

    /// Whether the server knows the keys too.
    pub fn verify(&self, server_final: &str) -> bool {
        attribute(server_final, 'v') == Some(STANDARD.encode(&self.server_signature))
    }
}

impl Hash {
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Hash::Sha1 => mac::<Hmac<Sha1>>(key, data),
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, data),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, data),
        }
    }

    pub fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
        match self {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, salt, rounds).to_vec(),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, rounds).to_vec(),
            Hash::Sha512 => pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password, salt, rounds).to_vec(),
        }
    }
}

/// The value of one attribute of a SCRAM message.
pub fn attribute(message: &str, name: char) -> Option<String> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn saslname(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3.
    #[test]
    fn the_rfc_example() {
        let mut scram = Scram::new(Hash::Sha256, "user", "pencil", "", &Binding::No);
        scram.nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        scram.bare = "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned();
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server_first =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            scram.last(server_first),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }
}
