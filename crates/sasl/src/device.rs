//! What is made for one device of an account.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::Hash;

/// A secret of the server, from which what a device gets is derived and so need not be stored.
pub struct DeviceSecret([u8; 32]);

impl DeviceSecret {
    /// `secret` must be random, stay the same across restarts and be told to nobody; what was derived from another
    /// is void.
    pub fn new(secret: [u8; 32]) -> DeviceSecret {
        DeviceSecret(secret)
    }

    /// The name of the device's session (XEP-0386 §3.2.1): 16 characters of `A-Z a-z 0-9 - _`, the same for the same
    /// account, device and tag; tells nothing of the device's id.
    pub fn resource(&self, account: &str, device: &str, tag: &str) -> String {
        let name = self.derive("resource", &[account.as_bytes(), device.as_bytes(), tag.as_bytes()]);
        BASE64_URL_SAFE_NO_PAD.encode(name.get(..12).unwrap_or_default())
    }

    /// 32 bytes for a purpose and its parts, each with its length, so that no two lists of parts are alike.
    pub(crate) fn derive(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut input = Vec::new();
        for part in [purpose.as_bytes()].iter().chain(parts) {
            input.extend_from_slice(&(part.len() as u64).to_be_bytes());
            input.extend_from_slice(part);
        }
        Hash::Sha256.hmac(&self.0, &[&input])
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_name_and_shares_it_with_nobody() {
        let secret = DeviceSecret::new([1; 32]);
        let name = secret.resource("a@x", "d", "t");
        assert_eq!(name.len(), 16);
        assert_eq!(name, secret.resource("a@x", "d", "t"));
        for (account, device, tag) in
            [("b@x", "d", "t"), ("a@x", "e", "t"), ("a@x", "d", "u"), ("a@xd", "", "t")]
        {
            assert_ne!(name, secret.resource(account, device, tag));
        }
        assert_ne!(name, DeviceSecret::new([2; 32]).resource("a@x", "d", "t"));
    }
}
