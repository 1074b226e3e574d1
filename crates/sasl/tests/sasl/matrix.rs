//! Every mechanism, every set of bindings, every gs2-cbind-flag: what comes of it.

use crate::client::{Client, END_POINT, EXPORTER, keys, offer};
use waxwing_sasl::{Failure, Hash, Mechanism};

const FLAGS: [&str; 5] = ["n", "y", "p=tls-exporter", "p=tls-server-end-point", "p=tls-unique"];

type Outcome = Result<(), Failure>;

const OK: Outcome = Ok(());
const NO: Outcome = Err(Failure::NotAuthorized);
const BAD: Outcome = Err(Failure::MalformedRequest);
const NONE: Outcome = Err(Failure::InvalidMechanism);

/// (exporter, end point), -PLUS or not, outcome by flag in the order of `FLAGS`.
#[rustfmt::skip]
const GOLDEN: [((bool, bool), bool, [Outcome; 5]); 8] = [
    //                        n     y     exporter  end-point  unique
    ((false, false), false, [OK,   OK,   BAD,      BAD,       BAD]),
    ((false, false), true,  [NONE, NONE, NONE,     NONE,      NONE]),
    ((true,  false), false, [OK,   NO,   BAD,      BAD,       BAD]),
    ((true,  false), true,  [BAD,  BAD,  OK,       NO,        NO]),
    ((false, true),  false, [OK,   NO,   BAD,      BAD,       BAD]),
    ((false, true),  true,  [BAD,  BAD,  NO,       OK,        NO]),
    ((true,  true),  false, [OK,   NO,   BAD,      BAD,       BAD]),
    ((true,  true),  true,  [BAD,  BAD,  OK,       OK,        NO]),
];

fn channel(flag: &str) -> Vec<u8> {
    match flag {
        "p=tls-exporter" => EXPORTER.to_vec(),
        "p=tls-server-end-point" => END_POINT.to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn golden() {
    let keys = keys();
    for ((exporter, end_point), plus, outcomes) in GOLDEN {
        for hash in Hash::ALL {
            let mechanism = if plus { Mechanism::ScramPlus(hash) } else { Mechanism::Scram(hash) };
            for (flag, expected) in FLAGS.into_iter().zip(outcomes) {
                let case = format!("{mechanism} {flag} exporter {exporter} end point {end_point}");
                let offer = offer(exporter, end_point);
                let mut client = Client::new(mechanism, &format!("{flag},,"));
                client.channel = channel(flag);
                let outcome = client.login(&offer, Some(&keys));
                assert_eq!(outcome.as_ref().map(|_| ()).map_err(|f| *f), expected, "{case}");
                if let Ok(success) = outcome {
                    assert_eq!(success.account.as_str(), "juliet@capulet.lit", "{case}");
                }

                if expected == OK {
                    client.password = "pencils".to_owned();
                    assert_eq!(client.login(&offer, Some(&keys)), Err(Failure::NotAuthorized), "{case}");
                    client.password = "pencil".to_owned();
                    assert_eq!(client.login(&offer, None), Err(Failure::NotAuthorized), "{case}");
                }
            }
        }
    }
}

/// Somebody between client and server has a TLS channel of his own with each.
#[test]
fn another_channel_is_refused() {
    let (keys, offer) = (keys(), offer(true, true));
    for flag in ["p=tls-exporter", "p=tls-server-end-point"] {
        let mut client = Client::new(Mechanism::ScramPlus(Hash::Sha256), &format!("{flag},,"));
        let whole = channel(flag);
        let mut changed = whole.clone();
        changed[0] ^= 1;
        for wrong in [changed, whole[1..].to_vec(), [whole.clone(), vec![0]].concat(), Vec::new()] {
            client.channel = wrong;
            assert_eq!(client.login(&offer, Some(&keys)), Err(Failure::NotAuthorized), "{flag}");
        }
    }
}

#[test]
fn the_header_must_be_the_same_twice() {
    let (keys, offer) = (keys(), offer(false, false));
    for (first, last) in [("n,,", "y,,"), ("y,,", "n,,"), ("n,a=juliet@capulet.lit,", "n,,"), ("n,,", "n,, ")]
    {
        let mut client = Client::new(Mechanism::Scram(Hash::Sha256), first);
        client.header_in_final = Some(last.to_owned());
        assert_eq!(client.login(&offer, Some(&keys)), Err(Failure::NotAuthorized), "{first} {last}");
    }
}

#[test]
fn the_nonce_must_be_the_servers() {
    let (keys, offer) = (keys(), offer(false, false));
    let mut client = Client::new(Mechanism::Scram(Hash::Sha256), "n,,");
    for nonce in [client.nonce.clone(), "other".to_owned()] {
        client.nonce_in_final = Some(nonce);
        assert_eq!(client.login(&offer, Some(&keys)), Err(Failure::NotAuthorized));
    }
}
