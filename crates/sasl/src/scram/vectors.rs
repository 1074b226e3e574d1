//! Whole exchanges as the specifications print them.

use jid::DomainPart;

use super::*;
use crate::{Begun, Bindings, Mechanism};

struct Vector {
    mechanism: &'static str,
    client_first: &'static str,
    server_nonce: &'static str,
    salt: &'static str,
    server_first: &'static str,
    client_final: &'static str,
    server_final: &'static str,
}

/// Password `pencil`, 4096 iterations. `adjust` makes of our server the one that the example was made with.
fn check(vector: &Vector, adjust_first: impl Fn(&mut ScramFirst), adjust_second: impl Fn(&mut ScramSecond)) {
    let allowed = [Mechanism::from_name(vector.mechanism).unwrap(), Mechanism::Scram(Hash::Sha1)];
    let bindings = Bindings { exporter: Some([0; 32]), end_point: Some(vec![0; 32]) };
    let offer = Offer::new(
        &DomainPart::new("example.org").unwrap(),
        Some(crate::TlsVersion(0x0304)),
        bindings,
        &allowed,
    );
    let Ok(Begun::Scram(mut first)) = offer.begin(vector.mechanism, vector.client_first.as_bytes()) else {
        panic!("client-first-message refused");
    };
    assert_eq!(first.account().as_str(), "user@example.org");
    adjust_first(&mut first);
    let salt = BASE64_STANDARD.decode(vector.salt).unwrap();
    let keys = Keys::with_salt(first.hash(), "pencil", &salt, 4096);
    let decoy = Decoy::new([0; 32], 4096);
    let (mut second, server_first) = first.challenge(Some(&keys), &decoy, vector.server_nonce);
    adjust_second(&mut second);
    let server_first = String::from_utf8(server_first).unwrap();
    assert!(server_first.starts_with(vector.server_first), "{server_first}");
    let success = second.finish(vector.client_final.as_bytes()).unwrap();
    assert_eq!(success.data.as_deref(), Some(vector.server_final.as_bytes()));
}

/// The RFCs' examples know no attribute `h`: it is taken out of what is signed.
fn check_without_h(vector: &Vector) {
    check(
        vector,
        |_| (),
        |second| {
            let start = second.auth_message.find(",h=").unwrap();
            second.auth_message.replace_range(start.., ",");
        },
    );
}

#[test]
fn rfc_5802_section_5() {
    check_without_h(&Vector {
        mechanism: "SCRAM-SHA-1",
        client_first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        server_nonce: "3rfcNHYJY1ZVvWVs7j",
        salt: "QSXCR+Q6sek8bf92",
        server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,h=",
        client_final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        server_final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    });
}

#[test]
fn rfc_7677_section_3() {
    check_without_h(&Vector {
        mechanism: "SCRAM-SHA-256",
        client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,h=",
        client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        server_final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    });
}

/// The draft of SCRAM-SHA-512 prints no example; this is RFC 7677's with the values that Python's hashlib
/// and hmac give.
#[test]
fn sha_512() {
    check_without_h(&Vector {
        mechanism: "SCRAM-SHA-512",
        client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,h=",
        client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        server_final: "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    });
}

/// XEP-0474 §6.3: both binding types, attribute `h`, an extension in the client-final-message.
#[test]
fn xep_0474_full_example() {
    let vector = Vector {
        mechanism: "SCRAM-SHA-1-PLUS",
        client_first: "p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6",
        server_nonce: "a09117a6-ac50-4f2f-93f1-93799c2bddf6",
        salt: "QSXCR+Q6sek8bf92",
        server_first: "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
            s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=",
        client_final: "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,\
            r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
            x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=",
        server_final: "v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=",
    };
    check(&vector, fake_channel, |second| second.auth_message = second.auth_message.replace(",t=0304", ""));
}

/// XEP-0515 §5.3: the same with attribute `t`.
#[test]
fn xep_0515_full_example() {
    let vector = Vector {
        mechanism: "SCRAM-SHA-1-PLUS",
        client_first: "p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6",
        server_nonce: "a09117a6-ac50-4f2f-93f1-93799c2bddf6",
        salt: "QSXCR+Q6sek8bf92",
        server_first: "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
            s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=,t=0304",
        client_final: "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,\
            r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
            p=KHUfN8dSy1K95crT4D5y1ItLJfs=",
        server_final: "v=3w34ZIMVRkx2f2Ozb3/ecRPVdv4=",
    };
    check(&vector, fake_channel, |_| ());
}

/// The examples' channel gives twenty bytes where a real exporter gives 32.
fn fake_channel(first: &mut ScramFirst) {
    first.cbind_input = b"p=tls-exporter,,THIS IS FAKE CB DATA".to_vec();
}
