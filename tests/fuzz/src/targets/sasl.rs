//! Logins, from whoever has no account.

use jid::DomainPart;
use waxwing_sasl::{
    Begun, Bindings, Decoy, Device, DeviceSecret, MIN_ITERATIONS, Mechanism, Offer, TlsVersion, Tokens,
};

use super::Target;
use crate::mutate::Random;

pub const SASL: Target = Target { name: "sasl", corpus: MESSAGES, pieces: PIECES, check: sasl };

pub const FAST: Target = Target { name: "fast", corpus: TOKENS, pieces: PIECES, check: fast };

const HOST: &str = "example.org";

/// Whatever is said, it claims an account of this host only, and proves nothing. The client's two messages are the
/// two lines of the input.
fn sasl(input: &[u8], _: &mut Random) -> Result<(), String> {
    let cut = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (first, last) = (&input[..cut], input.get(cut + 1..).unwrap_or(&[]));
    let host = DomainPart::new(HOST).map_err(|error| error.to_string())?;
    let bindings = Bindings { exporter: Some([7; 32]), end_point: Some(vec![8; 32]) };
    let offer = Offer::new(&host, Some(TlsVersion(0x0304)), bindings, &Mechanism::ALL);
    let decoy = Decoy::new([9; 32], MIN_ITERATIONS);
    for mechanism in offer.mechanisms() {
        match offer.begin(mechanism.name(), first) {
            Err(_) => {}
            Ok(Begun::Plain(attempt)) => here(attempt.account())?,
            Ok(Begun::Scram(scram)) => {
                here(scram.account())?;
                let (second, _) = scram.challenge(None, &decoy, SERVER_NONCE);
                if let Ok(success) = second.finish(last) {
                    return Err(format!("{} let {} in", mechanism.name(), success.account));
                }
            }
        }
    }
    Ok(())
}

/// Tokens: what a client says of one, and what was stored of them. Whatever it is, nobody gets in who has none, and what
/// can be read is written the same.
fn fast(input: &[u8], _: &mut Random) -> Result<(), String> {
    let host = DomainPart::new(HOST).map_err(|error| error.to_string())?;
    let bindings = Bindings { exporter: Some([7; 32]), end_point: Some(vec![8; 32]) };
    let offer = Offer::new(&host, Some(TlsVersion(0x0304)), bindings, &Mechanism::ALL);
    let secret = DeviceSecret::new([9; 32]);
    let cut = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (message, stored) = (&input[..cut], input.get(cut + 1..).unwrap_or(&[]));
    let tokens = match Tokens::from_bytes(stored) {
        Ok(tokens) if Tokens::from_bytes(&tokens.to_bytes()).as_ref() != Ok(&tokens) => {
            return Err("tokens are written otherwise than they were read".to_owned());
        }
        tokens => tokens.unwrap_or_default(),
    };
    for mechanism in offer.fast_mechanisms() {
        let Ok(attempt) = offer.begin_fast(mechanism, message) else { continue };
        here(attempt.account())?;
        let device = Device { secret: &secret, account: attempt.account().as_str(), id: "phone", keys: None };
        // Any that is found by chance would be found by anybody.
        if let Ok(success) = attempt.verify(&device, &tokens, None, 0) {
            return Err(format!("{} let {} in", mechanism.name(), success.success.account));
        }
    }
    Ok(())
}

fn here(account: &jid::BareJid) -> Result<(), String> {
    if account.domain().as_str() == HOST { Ok(()) } else { Err(format!("{account} is claimed")) }
}

const SERVER_NONCE: &str = "s3rv3r";

const MESSAGES: &[&[u8]] = &[
    b"\0juliet\0r0m30",
    b"juliet@example.org\0juliet\0r0m30",
    b"n,,n=juliet,r=cl13nt\nc=biws,r=cl13nts3rv3r,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"y,a=juliet@example.org,n=ju=2Cliet=3D,r=cl13nt\nc=eSxhPWp1bGlldEBleGFtcGxlLm9yZyw=,r=cl13nts3rv3r,p=AA==",
    b"p=tls-exporter,,n=juliet,r=cl13nt,x=y\nc=cD10bHMtZXhwb3J0ZXIsLAcH,r=cl13nts3rv3r,z=,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
];

const TOKENS: &[&[u8]] = &[
    b"juliet\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\x01\x01\x03AAAAAAAAAAAAAAAA\0\0\0\0\0\0\0\x01\x7f\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0",
    b"juliet\0BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\n\x01\x02\x01BBBBBBBBBBBBBBBB\0\0\0\0\0\0\0\x01\x7f\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x09",
    b"\0\n",
];

const PIECES: &[&str] = &[
    "\0",
    "\n",
    ",",
    "=",
    "n,,",
    "y,,",
    "p=tls-server-end-point,,",
    "a=",
    "n=",
    "r=",
    "m=",
    "c=",
    "p=",
    "=2C",
    "=3D",
    "=",
    "cl13nt",
    "s3rv3r",
    "@example.org",
    "@example.net",
    "biws",
    "AA==",
];
