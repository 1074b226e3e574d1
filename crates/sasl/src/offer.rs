//! What one stream offers, and accepts.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jid::{DomainPart, DomainRef};

use crate::{Failure, Hash, MAX_MESSAGE_BYTES, Mechanism, PlainAttempt, ScramFirst};

/// What binds a login to this stream's TLS channel. Both are none without TLS.
#[derive(Clone, Default)]
pub struct Bindings {
    /// `tls-exporter` (RFC 9266 §2): 32 bytes exported with the label `EXPORTER-Channel-Binding` and an
    /// empty context. Only of TLS 1.3, or 1.2 with extended master secret.
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4.1): hash of the server's own certificate.
    pub end_point: Option<Vec<u8>>,
}

impl Bindings {
    /// Those that are there, best first, under their IANA names.
    fn list(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let exporter = self.exporter.as_ref().map(|data| ("tls-exporter", data.as_slice()));
        let end_point = self.end_point.as_ref().map(|data| ("tls-server-end-point", data.as_slice()));
        exporter.into_iter().chain(end_point)
    }
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list().map(|(name, _)| name)).finish()
    }
}

/// The version number of TLS (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2): 0x0304 for 1.3, 0x0303 for 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersion(pub u16);

/// What one stream offers. The same table is advertised, accepted, and hashed for the client to check
/// (XEP-0474), so the three cannot differ.
#[derive(Debug)]
pub struct Offer {
    host: DomainPart,
    tls: Option<TlsVersion>,
    mechanisms: Vec<Mechanism>,
    /// Empty unless a -PLUS mechanism is offered, and the reverse (XEP-0440 §3, rules 4 and 5).
    bindings: Bindings,
}

/// A login begun: the account claimed, nothing proven.
#[derive(Debug)]
pub enum Begun {
    Scram(ScramFirst),
    Plain(PlainAttempt),
}

impl Offer {
    /// The offer of a stream to `host`, `tls` none in the clear: of the mechanisms allowed, PLAIN needs TLS and a
    /// -PLUS mechanism needs a binding.
    pub fn new(
        host: &DomainRef,
        tls: Option<TlsVersion>,
        bindings: Bindings,
        allowed: &[Mechanism],
    ) -> Offer {
        let possible = |mechanism: &Mechanism| match mechanism {
            Mechanism::Plain => tls.is_some(),
            Mechanism::Scram(_) => true,
            Mechanism::ScramPlus(_) => tls.is_some() && bindings.list().next().is_some(),
        };
        let mechanisms: Vec<Mechanism> = Mechanism::ALL
            .into_iter()
            .filter(|mechanism| allowed.contains(mechanism) && possible(mechanism))
            .collect();
        let plus = mechanisms.iter().any(|mechanism| mechanism.is_plus());
        let bindings = if plus { bindings } else { Bindings::default() };
        Offer { host: host.to_owned(), tls, mechanisms, bindings }
    }

    /// The mechanisms to advertise, strongest first.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        self.mechanisms.iter().copied()
    }

    /// The channel-binding types to advertise (XEP-0440 §2); where there are none, no element at all.
    pub fn binding_types(&self) -> impl Iterator<Item = &'static str> {
        self.bindings.list().map(|(name, _)| name)
    }

    /// The mechanism of this name if it is offered. To be asked alone only when the client sent no initial
    /// response: it then gets an empty challenge, and its answer goes to [`Offer::begin`] (RFC 6120 §6.4.2).
    pub fn select(&self, name: &str) -> Result<Mechanism, Failure> {
        match Mechanism::from_name(name) {
            Some(mechanism) if self.mechanisms.contains(&mechanism) => Ok(mechanism),
            Some(Mechanism::Plain) if self.tls.is_none() => Err(Failure::EncryptionRequired),
            _ => Err(Failure::InvalidMechanism),
        }
    }

    /// Reads the client's first message.
    pub fn begin(&self, mechanism: &str, initial: &[u8]) -> Result<Begun, Failure> {
        let mechanism = self.select(mechanism)?;
        let message = text(initial)?;
        match mechanism {
            Mechanism::Plain => PlainAttempt::new(message, &self.host).map(Begun::Plain),
            Mechanism::Scram(hash) => ScramFirst::new(message, hash, false, self).map(Begun::Scram),
            Mechanism::ScramPlus(hash) => ScramFirst::new(message, hash, true, self).map(Begun::Scram),
        }
    }

    pub(crate) fn host(&self) -> &DomainRef {
        &self.host
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the client was told that the channel can be bound.
    pub(crate) fn binds(&self) -> bool {
        self.binding_types().next().is_some()
    }

    /// Name and data of a binding type if it is offered.
    pub(crate) fn binding(&self, name: &str) -> Option<(&'static str, &[u8])> {
        self.bindings.list().find(|(offered, _)| *offered == name)
    }

    /// Attribute `t` of the server-first-message (XEP-0515 §5.1): the TLS version as four hexadecimal digits.
    pub(crate) fn tls_attribute(&self) -> Option<String> {
        self.tls.map(|TlsVersion(version)| format!("{version:04x}"))
    }

    /// Attribute `h` of the server-first-message (XEP-0474 §6.1): base64 of the hash over everything
    /// advertised, sorted by octets.
    pub(crate) fn advertised_hash(&self, hash: Hash) -> String {
        let mut mechanisms: Vec<&str> = self.mechanisms().map(Mechanism::name).collect();
        mechanisms.sort_unstable();
        let mut advertised = mechanisms.join("\u{1e}");
        let mut types: Vec<&str> = self.binding_types().collect();
        if !types.is_empty() {
            types.sort_unstable();
            advertised.push('\u{1f}');
            advertised.push_str(&types.join("\u{1e}"));
        }
        BASE64_STANDARD.encode(hash.digest(advertised.as_bytes()))
    }
}

/// A message of any mechanism here is UTF-8 and short.
pub(crate) fn text(message: &[u8]) -> Result<&str, Failure> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(Failure::MalformedRequest);
    }
    std::str::from_utf8(message).map_err(|_| Failure::MalformedRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(tls: bool, bindings: Bindings, allowed: &[Mechanism]) -> Offer {
        let tls = tls.then_some(TlsVersion(0x0304));
        Offer::new(&DomainPart::new("example.org").unwrap(), tls, bindings, allowed)
    }

    fn both() -> Bindings {
        Bindings { exporter: Some([1; 32]), end_point: Some(vec![2; 32]) }
    }

    /// XEP-0474 §6.3.
    #[test]
    fn advertised_hash_of_the_specification() {
        let allowed = [Mechanism::Scram(Hash::Sha1), Mechanism::ScramPlus(Hash::Sha1)];
        assert_eq!(offer(true, both(), &allowed).advertised_hash(Hash::Sha1), "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    }

    #[test]
    fn without_bindings_the_hash_has_mechanisms_only() {
        let offer = offer(true, Bindings::default(), &Mechanism::ALL);
        let listed = b"PLAIN\x1eSCRAM-SHA-1\x1eSCRAM-SHA-256\x1eSCRAM-SHA-512";
        assert_eq!(offer.advertised_hash(Hash::Sha256), BASE64_STANDARD.encode(Hash::Sha256.digest(listed)));
    }

    #[test]
    fn plus_and_binding_types_come_together() {
        let pluses = |offer: &Offer| offer.mechanisms().filter(|m| m.is_plus()).count();
        let full = offer(true, both(), &Mechanism::ALL);
        assert_eq!((pluses(&full), full.binding_types().count()), (3, 2));
        let unbound = offer(true, Bindings::default(), &Mechanism::ALL);
        assert_eq!((pluses(&unbound), unbound.binding_types().count()), (0, 0));
        let bare = offer(true, both(), &[Mechanism::Scram(Hash::Sha1)]);
        assert_eq!((pluses(&bare), bare.binding_types().count()), (0, 0));
        let clear = offer(false, both(), &Mechanism::ALL);
        assert_eq!((pluses(&clear), clear.binding_types().count()), (0, 0));
    }

    #[test]
    fn what_is_not_advertised_is_not_accepted() {
        for tls in [false, true] {
            for bindings in [Bindings::default(), both()] {
                for allowed in [&[][..], &Mechanism::ALL[..2], &Mechanism::ALL[3..5], &Mechanism::ALL[..]] {
                    let offer = offer(tls, bindings.clone(), allowed);
                    for mechanism in Mechanism::ALL {
                        let advertised = offer.mechanisms().any(|other| other == mechanism);
                        assert_eq!(offer.select(mechanism.name()).is_ok(), advertised, "{mechanism}");
                    }
                }
            }
        }
    }

    #[test]
    fn refused_mechanisms() {
        let clear = offer(false, Bindings::default(), &Mechanism::ALL);
        assert_eq!(clear.select("PLAIN"), Err(Failure::EncryptionRequired));
        let secure = offer(true, Bindings::default(), &[Mechanism::Scram(Hash::Sha256)]);
        for name in ["PLAIN", "SCRAM-SHA-256-PLUS", "scram-sha-256", "EXTERNAL", ""] {
            assert_eq!(secure.select(name), Err(Failure::InvalidMechanism), "{name}");
        }
        assert_eq!(secure.begin("SCRAM-SHA-256", b"\xff").unwrap_err(), Failure::MalformedRequest);
        let long = [b'x'; MAX_MESSAGE_BYTES + 1];
        assert_eq!(secure.begin("SCRAM-SHA-256", &long).unwrap_err(), Failure::MalformedRequest);
    }
}
