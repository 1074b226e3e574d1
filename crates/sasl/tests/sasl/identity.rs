//! Who is logged in, and what is told of who is not.

use crate::client::{Client, decoy, keys, offer};
use jid::BareJid;
use proptest::prelude::*;
use waxwing_sasl::{Begun, Failure, Hash, Keys, MIN_ITERATIONS, Mechanism, PlainAttempt, Success};

fn scram(header: &str, username: &str, keys: &Keys) -> Result<Success, Failure> {
    let mut client = Client::new(Mechanism::Scram(Hash::Sha256), header);
    client.username = username.to_owned();
    client.login(&offer(false, false), Some(keys))
}

fn plain(message: &str) -> Result<PlainAttempt, Failure> {
    match offer(false, false).begin("PLAIN", message.as_bytes())? {
        Begun::Plain(attempt) => Ok(attempt),
        Begun::Scram(_) => panic!("not PLAIN"),
    }
}

#[test]
fn plain_checks_the_password() {
    let keys = keys();
    let verify = |message: &str| plain(message).and_then(|attempt| attempt.verify(Some(&keys), &decoy()));
    let success = verify("\0juliet\0pencil").unwrap();
    assert_eq!((success.account.as_str(), success.data), ("juliet@capulet.lit", None));
    assert!(verify("juliet@capulet.lit\0Juliet\0pencil").is_ok());
    assert_eq!(verify("\0juliet\0pencil2"), Err(Failure::NotAuthorized));
    assert_eq!(verify("\0juliet\0pencil\u{7}"), Err(Failure::NotAuthorized));
    assert_eq!(plain("\0nobody\0pencil").unwrap().verify(None, &decoy()), Err(Failure::NotAuthorized));
}

#[test]
fn plain_is_read_strictly() {
    for message in
        ["", "\0", "\0\0", "juliet", "\0juliet", "\0juliet\0", "\0\0pencil", "\0juliet\0pen\0cil", "\0\0\0\0"]
    {
        assert_eq!(plain(message).unwrap_err(), Failure::MalformedRequest, "{message:?}");
    }
}

#[test]
fn nobody_acts_for_another() {
    let keys = keys();
    for own in ["", "a=juliet@capulet.lit", "a=JULIET@capulet.lit"] {
        let success = scram(&format!("n,{own},"), "juliet", &keys).unwrap();
        assert_eq!(success.account.as_str(), "juliet@capulet.lit");
    }
    for other in
        ["romeo@capulet.lit", "juliet@montague.lit", "juliet@capulet.lit/balcony", "juliet", "capulet.lit"]
    {
        let failure = scram(&format!("n,a={other},"), "juliet", &keys);
        assert_eq!(failure, Err(Failure::InvalidAuthzid), "{other}");
        let failure = plain(&format!("{other}\0juliet\0pencil")).unwrap_err();
        assert_eq!(failure, Failure::InvalidAuthzid, "{other}");
    }
}

#[test]
fn names_and_passwords_are_prepared() {
    let prepared = Keys::derive("I\u{ad}X", MIN_ITERATIONS).unwrap();
    let attempt = plain("\0\u{2168}\0\u{2168}").unwrap();
    assert_eq!(attempt.account().as_str(), "ix@capulet.lit");
    assert!(attempt.verify(Some(&prepared), &decoy()).is_ok());
    let success = scram("n,,", "a=2Cb=3Dc", &keys()).unwrap();
    assert_eq!(success.account.as_str(), "a,b=c@capulet.lit");
}

/// The challenge for a name that nobody has: of the same form, and the same salt every time.
#[test]
fn unknown_accounts_are_challenged_like_known_ones() {
    let challenge = |username: &str, keys: Option<&Keys>| {
        let first = format!("n,,n={username},r=abcdefgh");
        let Ok(Begun::Scram(begun)) = offer(false, false).begin("SCRAM-SHA-512", first.as_bytes()) else {
            panic!("refused");
        };
        String::from_utf8(begun.challenge(keys, &decoy(), "12345678").1).unwrap()
    };
    let (real, fake) = (challenge("juliet", Some(&keys())), challenge("nobody", None));
    let form = |message: &str| -> Vec<(String, usize)> {
        message.split(',').map(|attribute| (attribute[..2].to_owned(), attribute.len())).collect()
    };
    assert_eq!(form(&real), form(&fake));
    assert_eq!(fake, challenge("nobody", None));
    assert_eq!(fake, challenge("NOBODY", None));
    assert_ne!(fake, challenge("nobody2", None));
}

/// Keys without the hash asked for count as none.
#[test]
fn a_missing_hash_is_a_failed_login() {
    let bytes = keys().to_bytes();
    let sha1_only = Keys::from_bytes(&bytes[..1 + 1 + 4 + 1 + 16 + 20 + 20]).unwrap();
    assert!(sha1_only.has(Hash::Sha1) && !sha1_only.has(Hash::Sha256));
    assert_eq!(scram("n,,", "juliet", &sha1_only), Err(Failure::NotAuthorized));
    let client = Client::new(Mechanism::Scram(Hash::Sha1), "n,,");
    assert!(client.login(&offer(false, false), Some(&sha1_only)).is_ok());
    assert!(plain("\0juliet\0pencil").unwrap().verify(Some(&sha1_only), &decoy()).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?} {:?}", plain("\0juliet\0pencil").unwrap(), decoy());
    assert!(!shown.contains("pencil") && !shown.contains("3, 3"), "{shown}");
    let shown = format!("{:?}", offer(true, true));
    assert!(!shown.contains("7, 7") && !shown.contains("9, 9"), "{shown}");
}

/// The longest name and authzid there are, every character escaped, still fit.
#[test]
fn the_longest_names_fit() {
    let name = "=2C".repeat(1023);
    let first = format!("n,a={name}@capulet.lit,n={name},r=abcdefgh");
    let begun = offer(false, false).begin("SCRAM-SHA-1", first.as_bytes());
    assert!(
        matches!(begun, Ok(Begun::Scram(first)) if first.account().as_str().len() == 1023 + "@capulet.lit".len())
    );
}

fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever the mechanism: the account is the username at this host, and an authzid names the same.
    #[test]
    fn the_account_is_who_authenticates(
        username in "[a-cA-C=,@/.\u{e9}\u{c9}\u{2168}]{1,4}",
        authzid in prop_oneof![Just(String::new()), "[a-cA-C=,\u{e9}]{0,2}@(capulet|montague)\\.lit(/x)?"],
    ) {
        let gs2_authzid = if authzid.is_empty() { String::new() } else { format!("a={}", escaped(&authzid)) };
        for mechanism in Mechanism::ALL {
            let message = match mechanism {
                Mechanism::Plain => format!("{authzid}\0{username}\0pencil"),
                Mechanism::Scram(_) => format!("n,{gs2_authzid},n={},r=abc", escaped(&username)),
                Mechanism::ScramPlus(_) => format!("p=tls-exporter,{gs2_authzid},n={},r=abc", escaped(&username)),
            };
            let account = match offer(true, false).begin(mechanism.name(), message.as_bytes()) {
                Ok(Begun::Scram(first)) => Ok(first.account().clone()),
                Ok(Begun::Plain(attempt)) => Ok(attempt.account().clone()),
                Err(failure) => Err(failure),
            };
            let own = BareJid::new(&format!("{username}@capulet.lit")).ok();
            let expected = match own {
                None => Err(Failure::NotAuthorized),
                Some(own) if authzid.is_empty() || BareJid::new(&authzid).as_ref() == Ok(&own) => Ok(own),
                Some(_) => Err(Failure::InvalidAuthzid),
            };
            prop_assert_eq!(account, expected, "{} {:?}", mechanism, message);
        }
    }
}
