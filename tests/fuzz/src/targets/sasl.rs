//! Logins, from whoever has no account.

use jid::DomainPart;
use waxwing_sasl::{Begun, Bindings, Decoy, MIN_ITERATIONS, Mechanism, Offer};

use super::Target;
use crate::mutate::Random;

pub const SASL: Target = Target { name: "sasl", corpus: MESSAGES, pieces: PIECES, check: sasl };

const HOST: &str = "example.org";

/// Whatever is said, it claims an account of this host only, and proves nothing. The client's two messages are the
/// two lines of the input.
fn sasl(input: &[u8], _: &mut Random) -> Result<(), String> {
    let cut = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (first, last) = (&input[..cut], input.get(cut + 1..).unwrap_or(&[]));
    let host = DomainPart::new(HOST).map_err(|error| error.to_string())?;
    let bindings = Bindings { exporter: Some([7; 32]), end_point: Some(vec![8; 32]) };
    let offer = Offer::new(&host, Some(waxwing_sasl::TlsVersion(0x0304)), bindings, &Mechanism::ALL);
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
