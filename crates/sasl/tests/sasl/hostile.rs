//! Malformed messages get a defined failure, whatever they are.

use crate::client::{decoy, keys, offer};
use proptest::prelude::*;
use waxwing_sasl::{Begun, Failure, Keys, Mechanism, ScramSecond};

fn begin(mechanism: &str, message: &str) -> Result<Begun, Failure> {
    offer(true, true).begin(mechanism, message.as_bytes())
}

fn second() -> ScramSecond {
    let Ok(Begun::Scram(first)) = begin("SCRAM-SHA-1", "n,,n=juliet,r=abc") else { panic!("refused") };
    first.challenge(None, &decoy(), "def").0
}

#[test]
fn client_first_messages() {
    assert!(begin("SCRAM-SHA-1", "n,,n=juliet,r=abc").is_ok());
    assert!(begin("SCRAM-SHA-1", "n,,n=juliet,r=abc,x=1,Y=2=3").is_ok(), "unknown extensions");
    let nonce = "x".repeat(257);
    for message in [
        "",
        ",",
        ",,",
        "n",
        "n,,",
        "n,n=juliet,r=abc",
        "n,,n=juliet",
        "n,,n=juliet,r=",
        "n,,r=abc,n=juliet",
        "n,,n=,r=abc",
        "x,,n=juliet,r=abc",
        "N,,n=juliet,r=abc",
        "nn,,n=juliet,r=abc",
        "p=,,n=juliet,r=abc",
        "p,,n=juliet,r=abc",
        "F,n,,n=juliet,r=abc",
        "n,juliet@capulet.lit,n=juliet,r=abc",
        "n,a=,n=juliet,r=abc",
        "n,a=a=b,n=juliet,r=abc",
        "n,,m=1,n=juliet,r=abc",
        "n,,n=juliet,r=abc,m=1",
        "n,,n=juliet,r=abc,",
        "n,,n=juliet,r=abc,x",
        "n,,n=juliet,r=abc,x=",
        "n,,n=juliet,r=abc,1=2",
        "n,,n=juliet,r=abc,é=2",
        "n,,n=juliet,r=abc\0",
        "n,,n=jul\0iet,r=abc",
        "n,,n=juliet,r=a c",
        "n,,n=juliet,r=ä",
        "n,,n=jul=iet,r=abc",
        "n,,n=juliet=,r=abc",
        "n,,n=juliet=2,r=abc",
        "n,,n=juliet=2c,r=abc",
        "n,,n=juliet=é,r=abc",
        &format!("n,,n=juliet,r={nonce}"),
        &format!("n,,n={},r=abc", "x".repeat(1024)),
    ] {
        assert_eq!(begin("SCRAM-SHA-1", message).unwrap_err(), Failure::MalformedRequest, "{message:?}");
    }
}

#[test]
fn client_final_messages() {
    let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for message in [
        "c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "c=biws,r=abcdef,x=1,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "c=biws,r=abcde,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        assert_eq!(second().finish(message.as_bytes()), Err(Failure::NotAuthorized), "{message}");
    }
    for message in [
        String::new(),
        "p=".to_owned(),
        format!("p={proof}"),
        format!("c=biws,p={proof}"),
        format!("r=abcdef,c=biws,p={proof}"),
        format!("c=,r=abcdef,p={proof}"),
        format!("c=biw,r=abcdef,p={proof}"),
        format!("c=bi ws,r=abcdef,p={proof}"),
        format!("c=biws,r=,p={proof}"),
        format!("c=biws,r=abcdef,m=1,p={proof}"),
        format!("c=biws,r=abcdef,,p={proof}"),
        format!("c=biws,r=abcdef,p={proof},x=1"),
        format!("c=biws,r=abcdef,p={proof},"),
        "c=biws,r=abcdef".to_owned(),
        "c=biws,r=abcdef,p=".to_owned(),
        "c=biws,r=abcdef,p=AAAA".to_owned(),
        format!("c=biws,r=abcdef,p={proof}AAAA"),
        "c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAB=".to_owned(),
        format!("c=biws,r={},p={proof}", "x".repeat(8000)),
    ] {
        assert_eq!(second().finish(message.as_bytes()), Err(Failure::MalformedRequest), "{message:?}");
    }
    assert_eq!(second().finish(b"c=biws,r=\xff,p=AAAA"), Err(Failure::MalformedRequest));
}

/// Messages made of the grammar's own pieces get further than random bytes.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "n",
        "y",
        "p=",
        "p=tls-exporter",
        "a=",
        "n=",
        "r=",
        "c=",
        "p=",
        "m=",
        "x=",
        ",",
        "=",
        "=2C",
        "=3D",
        "biws",
        "juliet",
        "@",
        "capulet.lit",
        "/",
        "\0",
        " ",
        "é",
        "\u{fdfa}",
        "\u{ad}",
        "\u{627}",
        "\u{1f600}",
        "AAAA",
        "\u{10ffff}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        pieces().prop_map(String::into_bytes),
        (pieces(), pieces()).prop_map(|(name, rest)| format!("n,,n={name},r=abc{rest}").into_bytes()),
        (pieces(), pieces()).prop_map(|(user, password)| format!("\0{user}\0{password}").into_bytes()),
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_first_message_panics(message in any_message()) {
        let offer = offer(true, true);
        for mechanism in Mechanism::ALL {
            if let Ok(Begun::Scram(first)) = offer.begin(mechanism.name(), &message) {
                prop_assert_eq!(first.account().domain().as_str(), "capulet.lit");
                first.challenge(None, &decoy(), "def");
            }
        }
    }

    #[test]
    fn no_final_message_panics_or_passes(message in any_message()) {
        prop_assert!(second().finish(&message).is_err());
    }

    #[test]
    fn no_stored_keys_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Keys::from_bytes(&bytes);
    }

    #[test]
    fn stored_keys_with_one_byte_changed_read_whole_or_not_at_all(at in 0usize..300, to in any::<u8>()) {
        let mut bytes = STORED.with(Clone::clone);
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(keys) = Keys::from_bytes(&bytes) {
            prop_assert_eq!(keys.to_bytes(), bytes);
        }
    }
}

thread_local! {
    static STORED: Vec<u8> = keys().to_bytes();
}
