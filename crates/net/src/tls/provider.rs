//! Who does the arithmetic of TLS.

use rustls::crypto::{CryptoProvider, ring};

/// ring's. Keys are agreed upon by graviola where it knows the processor, because that is what a handshake costs most
/// and takes ring twice as long.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: groups().unwrap_or(ring::default_provider().kx_groups),
        ..ring::default_provider()
    }
}

type Groups = Vec<&'static dyn rustls::crypto::SupportedKxGroup>;

/// The groups that ring has too. Without these instructions of the processor graviola panics.
#[cfg(target_arch = "x86_64")]
fn groups() -> Option<Groups> {
    use rustls_graviola::kx::{P256, P384, X25519};
    graviola::util::is_cpu_supported().then(|| vec![&X25519 as _, &P256 as _, &P384 as _])
}

#[cfg(not(target_arch = "x86_64"))]
fn groups() -> Option<Groups> {
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_agree_upon_the_same_key() {
        let theirs = ring::default_provider().kx_groups;
        let ours = provider().kx_groups;
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_eq!(ours.name(), theirs.name());
            let (client, server) = (theirs.start().unwrap(), ours.start().unwrap());
            let share = server.pub_key().to_vec();
            let kept = server.complete(client.pub_key()).unwrap();
            assert_eq!(kept.secret_bytes(), client.complete(&share).unwrap().secret_bytes());
            // As the server of TLS 1.3 does it.
            let client = theirs.start().unwrap();
            let done = ours.start_and_complete(client.pub_key()).unwrap();
            assert_eq!(done.secret.secret_bytes(), client.complete(&done.pub_key).unwrap().secret_bytes());
        }
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for group in provider().kx_groups {
            let good = group.start().unwrap().pub_key().to_vec();
            let mut long = good.clone();
            long.push(0);
            // X25519's zero, a point of small order, leads to the same secret whatever the key (RFC 7748 §6.1); on the others'
            // curves nothing begins with it.
            for share in [&[][..], &good[1..], &long, &vec![0; good.len()]] {
                assert!(group.start().unwrap().complete(share).is_err(), "{:?}", group.name());
            }
        }
    }
}
