//! Stanza ids: unpredictable to clients, yet nothing but the position in the log (XEP-0313 §3 wants the first,
//! a table without an index of its own the second).

use aes::Aes128;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use waxwing_store::{OwnerId, Seq};

/// A keyed permutation of (owner, position), one AES block wide.
pub struct Ids {
    cipher: Aes128,
}

impl Ids {
    /// `key` is kept by the database: ids stay the same over restarts.
    pub fn new(key: [u8; 16]) -> Ids {
        Ids { cipher: Aes128::new(&key.into()) }
    }

    /// The id of a position, 22 characters.
    pub fn stanza_id(&self, owner: OwnerId, seq: Seq) -> String {
        let mut block = [0u8; 16];
        block[..8].copy_from_slice(&owner.to_be_bytes());
        block[8..].copy_from_slice(&seq.to_be_bytes());
        let mut block = Block::<Aes128>::from(block);
        self.cipher.encrypt_block(&mut block);
        URL_SAFE_NO_PAD.encode(block)
    }

    /// The position that an id stands for, if it is one of this owner's.
    pub fn position(&self, owner: OwnerId, id: &str) -> Option<Seq> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let mut block = Block::<Aes128>::from(bytes);
        self.cipher.decrypt_block(&mut block);
        let (of, seq) = (&block[..8], &block[8..]);
        (of == owner.to_be_bytes()).then(|| Seq::from_be_bytes(seq.try_into().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn an_id_leads_back_to_its_position_for_its_owner_only() {
        let ids = Ids::new([7; 16]);
        let id = ids.stanza_id(3, 41);
        assert_eq!(ids.position(3, &id), Some(41));
        assert_eq!(ids.position(4, &id), None);
        assert_eq!(ids.position(3, "nonsense"), None);
        assert_ne!(id, ids.stanza_id(3, 42));
    }
}
