//! A SCRAM client, written apart from the server's code.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jid::DomainPart;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use waxwing_sasl::{
    Begun, Bindings, Decoy, Failure, Hash, Keys, MIN_ITERATIONS, Mechanism, Offer, Success, token,
};

pub const EXPORTER: [u8; 32] = [7; 32];
pub const END_POINT: [u8; 48] = [9; 48];

pub fn offer(exporter: bool, end_point: bool) -> Offer {
    let bindings =
        Bindings { exporter: exporter.then_some(EXPORTER), end_point: end_point.then(|| END_POINT.to_vec()) };
    Offer::new(
        &DomainPart::new("capulet.lit").unwrap(),
        Some(waxwing_sasl::TlsVersion(0x0304)),
        bindings,
        &Mechanism::ALL,
    )
}

pub fn keys() -> Keys {
    Keys::derive("pencil", MIN_ITERATIONS).unwrap()
}

pub fn decoy() -> Decoy {
    Decoy::new([3; 32], MIN_ITERATIONS)
}

/// What the client says; every field can be made wrong.
pub struct Client {
    pub mechanism: Mechanism,
    pub gs2_header: String,
    pub username: String,
    pub password: String,
    pub nonce: String,
    /// The binding's data, appended to the gs2-header in `c=`.
    pub channel: Vec<u8>,
    /// Put in place of the gs2-header in `c=`.
    pub header_in_final: Option<String>,
    /// Put in place of the server's nonce.
    pub nonce_in_final: Option<String>,
}

impl Client {
    pub fn new(mechanism: Mechanism, gs2_header: &str) -> Client {
        Client {
            mechanism,
            gs2_header: gs2_header.to_owned(),
            username: "juliet".to_owned(),
            password: "pencil".to_owned(),
            nonce: token(),
            channel: Vec::new(),
            header_in_final: None,
            nonce_in_final: None,
        }
    }

    /// A whole login. The server's signature is checked, and its `h` against what it advertised.
    pub fn login(&self, offer: &Offer, keys: Option<&Keys>) -> Result<Success, Failure> {
        let bare = format!("n={},r={}", self.username, self.nonce);
        let first = format!("{}{bare}", self.gs2_header);
        let Begun::Scram(begun) = offer.begin(self.mechanism.name(), first.as_bytes())? else {
            panic!("not SCRAM");
        };
        let (second, server_first) = begun.challenge(keys, &decoy(), &token());
        let server_first = String::from_utf8(server_first).unwrap();
        let (client_final, expected) = self.answer(&bare, &server_first, offer);
        let success = second.finish(client_final.as_bytes())?;
        assert_eq!(success.data.as_deref(), Some(expected.as_bytes()), "the server's signature");
        Ok(success)
    }

    fn answer(&self, bare: &str, server_first: &str, offer: &Offer) -> (String, String) {
        let hash = self.mechanism.hash().unwrap();
        let field = |letter: &str| {
            let attribute = server_first.split(',').find(|attribute| attribute.starts_with(letter)).unwrap();
            attribute[2..].to_owned()
        };
        assert!(field("r=").starts_with(&self.nonce) && field("r=").len() >= self.nonce.len() + 20);
        assert_eq!(field("h="), advertised(hash, offer));
        let salt = BASE64_STANDARD.decode(field("s=")).unwrap();
        let salted = hi(hash, self.password.as_bytes(), &salt, field("i=").parse().unwrap());

        let mut cbind = self.header_in_final.as_ref().unwrap_or(&self.gs2_header).clone().into_bytes();
        cbind.extend_from_slice(&self.channel);
        let nonce = self.nonce_in_final.clone().unwrap_or_else(|| field("r="));
        let without_proof = format!("c={},r={nonce}", BASE64_STANDARD.encode(cbind));
        let auth_message = format!("{bare},{server_first},{without_proof}");

        let client_key = mac(hash, &salted, b"Client Key");
        let signature = mac(hash, &digest(hash, &client_key), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, bit)| key ^ bit).collect();
        let server = mac(hash, &mac(hash, &salted, b"Server Key"), auth_message.as_bytes());
        let client_final = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
        (client_final, format!("v={}", BASE64_STANDARD.encode(server)))
    }
}

fn advertised(hash: Hash, offer: &Offer) -> String {
    let mut mechanisms: Vec<_> = offer.mechanisms().map(Mechanism::name).collect();
    let mut types: Vec<_> = offer.binding_types().collect();
    mechanisms.sort();
    types.sort();
    let types = if types.is_empty() { String::new() } else { format!("\x1f{}", types.join("\x1e")) };
    BASE64_STANDARD.encode(digest(hash, format!("{}{types}", mechanisms.join("\x1e")).as_bytes()))
}

fn digest(hash: Hash, data: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => Sha1::digest(data).to_vec(),
        Hash::Sha256 => Sha256::digest(data).to_vec(),
        Hash::Sha512 => Sha512::digest(data).to_vec(),
    }
}

fn mac(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
        <M as KeyInit>::new_from_slice(key).unwrap().chain_update(data).finalize().into_bytes().to_vec()
    }
    match hash {
        Hash::Sha1 => of::<Hmac<Sha1>>(key, data),
        Hash::Sha256 => of::<Hmac<Sha256>>(key, data),
        Hash::Sha512 => of::<Hmac<Sha512>>(key, data),
    }
}

/// `Hi()` as RFC 5802 §2.2 spells it.
fn hi(hash: Hash, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
    let mut round = mac(hash, password, &[salt, &1u32.to_be_bytes()].concat());
    let mut sum = round.clone();
    for _ in 1..iterations {
        round = mac(hash, password, &round);
        sum.iter_mut().zip(&round).for_each(|(sum, bit)| *sum ^= bit);
    }
    sum
}
