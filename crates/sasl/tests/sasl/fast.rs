//! Tokens through their life (XEP-0484), by a client of the tests' own.

use hmac::{Hmac, KeyInit, Mac};
use jid::DomainPart;
use sha2::Sha256;
use waxwing_sasl::{
    Bindings, Device, DeviceSecret, Failure, FastMechanism, FastSuccess, Hash, Keys, Mechanism, Offer,
    TlsVersion, Tokens,
};

use crate::client::{END_POINT, EXPORTER, keys, offer};

const JULIET: &str = "juliet@capulet.lit";

fn mac(token: &str, data: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(token.as_bytes()).unwrap();
    data.iter().for_each(|data| mac.update(data));
    mac.finalize().into_bytes().to_vec()
}

fn message(token: &str, channel: &[u8]) -> Vec<u8> {
    [b"juliet\0".as_slice(), &mac(token, &[b"Initiator", channel])].concat()
}

fn channel(mechanism: FastMechanism) -> &'static [u8] {
    match mechanism {
        FastMechanism::Exporter => &EXPORTER,
        FastMechanism::EndPoint => &END_POINT,
        FastMechanism::Unbound => b"",
    }
}

struct World {
    secret: DeviceSecret,
    keys: Keys,
    offer: Offer,
}

impl World {
    fn new() -> World {
        World { secret: DeviceSecret::new([1; 32]), keys: keys(), offer: offer(true, true) }
    }

    fn device<'a>(&'a self, id: &'a str) -> Device<'a> {
        Device { secret: &self.secret, account: JULIET, id, keys: Some(&self.keys) }
    }

    fn issue(&self, tokens: &mut Tokens, mechanism: FastMechanism) -> String {
        tokens.issue(&self.device("phone"), mechanism, 0, 1000)
    }

    fn login(
        &self,
        device: &Device<'_>,
        tokens: &Tokens,
        mechanism: FastMechanism,
        token: &str,
        count: Option<u64>,
        now: i64,
    ) -> Result<FastSuccess, Failure> {
        let attempt = self.offer.begin_fast(mechanism, &message(token, channel(mechanism)))?;
        assert_eq!(attempt.account().as_str(), JULIET);
        attempt.verify(device, tokens, count, now)
    }
}

const NONE: FastMechanism = FastMechanism::Unbound;

#[test]
fn a_token_works_with_its_mechanism_on_its_device_until_it_expires() {
    let world = World::new();
    for mechanism in FastMechanism::ALL {
        let mut tokens = Tokens::default();
        let token = world.issue(&mut tokens, mechanism);
        let device = world.device("phone");
        let success = world.login(&device, &tokens, mechanism, &token, None, 999).unwrap();
        assert_eq!(success.success.account.as_str(), JULIET);
        let answer = mac(&token, &[b"Responder", channel(mechanism)]);
        assert_eq!(success.success.data, Some(answer));
        for other in FastMechanism::ALL.into_iter().filter(|other| *other != mechanism) {
            let outcome = world.login(&device, &tokens, other, &token, None, 999);
            assert_eq!(outcome.err(), Some(Failure::NotAuthorized), "{other:?}");
        }
        let outcome = world.login(&world.device("desk"), &tokens, mechanism, &token, None, 999);
        assert_eq!(outcome.err(), Some(Failure::NotAuthorized));
        let outcome = world.login(&device, &tokens, mechanism, &token, None, 1000);
        assert_eq!(outcome.err(), Some(Failure::CredentialsExpired));
        // Who does not have it learns nothing of its time.
        let outcome = world.login(&device, &tokens, mechanism, "guess", None, 1000);
        assert_eq!(outcome.err(), Some(Failure::NotAuthorized));
    }
}

#[test]
fn another_password_account_or_secret_makes_it_void() {
    let world = World::new();
    let mut tokens = Tokens::default();
    let token = world.issue(&mut tokens, NONE);
    let (changed, secret) = (keys(), DeviceSecret::new([2; 32]));
    let device = world.device("phone");
    for other in [
        Device { keys: Some(&changed), ..device },
        Device { keys: None, ..device },
        Device { secret: &secret, ..device },
        Device { account: "romeo@capulet.lit", ..device },
    ] {
        let outcome = world.login(&other, &tokens, NONE, &token, None, 1);
        assert_eq!(outcome.err(), Some(Failure::NotAuthorized));
    }
    let outcome = world.login(&device, &Tokens::default(), NONE, &token, None, 1);
    assert_eq!(outcome.err(), Some(Failure::NotAuthorized));
    assert!(world.login(&device, &tokens, NONE, &token, None, 1).is_ok());
}

#[test]
fn another_channel_is_refused() {
    let world = World::new();
    let mut tokens = Tokens::default();
    let token = world.issue(&mut tokens, FastMechanism::Exporter);
    for wrong in [&[0; 32][..], b"", &END_POINT] {
        let attempt = world.offer.begin_fast(FastMechanism::Exporter, &message(&token, wrong)).unwrap();
        let outcome = attempt.verify(&world.device("phone"), &tokens, None, 1);
        assert_eq!(outcome.err(), Some(Failure::NotAuthorized));
    }
}

/// §3.5: the old one works until the new one is used, and one that was never used ends with the next.
#[test]
fn rotation() {
    let world = World::new();
    let device = world.device("phone");
    let login = |tokens: &Tokens, token: &str| world.login(&device, tokens, NONE, token, None, 1);
    let mut tokens = Tokens::default();
    let first = world.issue(&mut tokens, NONE);
    let mut tokens = login(&tokens, &first).unwrap().tokens;
    assert_eq!((tokens.due(499), tokens.due(500)), (None, Some(NONE)));
    let lost = world.issue(&mut tokens, NONE);
    let after = login(&tokens, &first).unwrap();
    assert!(!after.changed);
    let mut tokens = after.tokens;
    let second = world.issue(&mut tokens, NONE);
    assert!(login(&tokens, &lost).is_err() && login(&tokens, &first).is_ok());
    let after = login(&tokens, &second).unwrap();
    assert!(after.changed);
    assert!(login(&after.tokens, &first).is_err() && login(&after.tokens, &second).is_ok());
}

#[test]
fn no_count_comes_twice() {
    let world = World::new();
    let device = world.device("phone");
    let mut tokens = Tokens::default();
    let token = world.issue(&mut tokens, NONE);
    for (count, fits) in
        [(Some(0), false), (Some(3), true), (Some(3), false), (Some(2), false), (None, true), (Some(4), true)]
    {
        match world.login(&device, &tokens, NONE, &token, count, 1) {
            Ok(success) if fits => tokens = success.tokens,
            outcome => assert!(!fits && outcome.err() == Some(Failure::NotAuthorized), "{count:?}"),
        }
    }
}

#[test]
fn what_is_stored_can_be_read_and_holds_no_token() {
    let world = World::new();
    let mut tokens = Tokens::default();
    assert!(tokens.to_bytes().is_empty() && !tokens.any_valid(0));
    let first = world.issue(&mut tokens, NONE);
    tokens = world.login(&world.device("phone"), &tokens, NONE, &first, Some(7), 1).unwrap().tokens;
    let second = world.issue(&mut tokens, FastMechanism::EndPoint);
    let bytes = tokens.to_bytes();
    assert_eq!(Tokens::from_bytes(&bytes), Ok(tokens.clone()));
    assert!(tokens.any_valid(999) && !tokens.any_valid(1000));
    for token in [&first, &second] {
        assert!(!bytes.windows(16).any(|window| token.as_bytes().windows(16).any(|part| part == window)));
        assert!(!format!("{tokens:?}").contains(token.as_str()));
    }
    for length in 1..bytes.len() {
        let cut = &bytes[..length];
        // One whole token is a whole too.
        assert!(Tokens::from_bytes(cut).is_err() || (length - 1) * 2 == bytes.len() - 1, "{length}");
    }
    for at in [0, 1, 2] {
        let mut damaged = bytes.clone();
        damaged[at] = 99;
        assert!(Tokens::from_bytes(&damaged).is_err(), "{at}");
    }
}

#[test]
fn garbage_is_refused() {
    let world = World::new();
    let hashed = [7; 32];
    for message in [
        b"".to_vec(),
        b"juliet".to_vec(),
        b"juliet\0".to_vec(),
        [b"\0".as_slice(), &hashed].concat(),
        [b"juliet\0".as_slice(), &hashed[1..]].concat(),
        [b"juliet\0".as_slice(), &hashed, b"\0"].concat(),
        [b"\xff\0".as_slice(), &hashed].concat(),
        [&[b'x'; 2000], b"\0".as_slice(), &hashed].concat(),
    ] {
        let outcome = world.offer.begin_fast(NONE, &message);
        assert_eq!(outcome.err(), Some(Failure::MalformedRequest), "{}", message.escape_ascii());
    }
    let other = [b"romeo@montague.lit\0".as_slice(), &hashed].concat();
    assert_eq!(world.offer.begin_fast(NONE, &other).err(), Some(Failure::NotAuthorized));
}

/// What an operator does not allow for passwords is not allowed for tokens.
#[test]
fn what_is_offered_follows_the_mechanisms() {
    let offered = |tls: bool, bindings: bool, allowed: &[Mechanism]| -> Vec<&str> {
        let bindings = match bindings {
            true => Bindings { exporter: Some(EXPORTER), end_point: Some(END_POINT.to_vec()) },
            false => Bindings::default(),
        };
        let host = DomainPart::new("capulet.lit").unwrap();
        let offer = Offer::new(&host, tls.then_some(TlsVersion(0x0304)), bindings, allowed);
        offer.fast_mechanisms().map(FastMechanism::name).collect()
    };
    let (plus, plain) = (Mechanism::ScramPlus(Hash::Sha256), Mechanism::Scram(Hash::Sha256));
    let bound = ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP"];
    assert_eq!(offered(true, true, &[plus, plain]), [bound[0], bound[1], "HT-SHA-256-NONE"]);
    assert_eq!(offered(true, true, &[plus]), bound);
    assert_eq!(offered(true, true, &[plain]), ["HT-SHA-256-NONE"]);
    assert_eq!(offered(true, false, &[plus, plain]), ["HT-SHA-256-NONE"]);
    assert!(offered(false, true, &[plus, plain]).is_empty());
}

#[test]
fn what_is_bound_to_one_connection_needs_no_count() {
    let world = World::new();
    let device = world.device("phone");
    let mut tokens = Tokens::default();
    let token = world.issue(&mut tokens, FastMechanism::Exporter);
    let first = world.login(&device, &tokens, FastMechanism::Exporter, &token, Some(1), 1).unwrap();
    for count in [Some(2), None] {
        let next = world.login(&device, &first.tokens, FastMechanism::Exporter, &token, count, 1).unwrap();
        assert!(!next.changed, "nothing to store");
    }
}
