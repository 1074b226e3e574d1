//! A block list, and what it matches.

use std::collections::BTreeSet;

use jid::Jid;
use waxwing_stanza::bare_str;

/// The blocked JIDs of one account, prepared.
#[derive(Debug, Default)]
pub struct BlockList(BTreeSet<String>);

impl BlockList {
    /// XEP-0191 §6: the JID itself, its bare JID, its domain.
    pub fn blocks(&self, jid: &Jid) -> bool {
        !self.0.is_empty()
            && (self.contains(jid.as_str())
                || self.contains(bare_str(jid))
                || self.contains(jid.domain().as_str()))
    }

    /// Whether exactly this JID is an entry.
    pub fn contains(&self, item: &str) -> bool {
        self.0.contains(item)
    }

    pub fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<String> for BlockList {
    fn from_iter<I: IntoIterator<Item = String>>(items: I) -> BlockList {
        BlockList(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_forms_of_jids() {
        let cases = [
            ("a@b/c", &["a@b/c"][..], &["a@b", "a@b/d", "b", "b/c"][..]),
            ("a@b", &["a@b", "a@b/c"], &["b", "x@b", "b/a", "a@b.c"]),
            ("b/c", &["b/c"], &["b", "a@b/c", "b/d"]),
            ("b", &["b", "b/c", "a@b", "a@b/c"], &["c", "a@c", "x.b", "a@x.b"]),
        ];
        for (item, blocked, free) in cases {
            let list: BlockList = std::iter::once(item.to_owned()).collect();
            let blocks = |jid: &&str| list.blocks(&Jid::new(jid).unwrap());
            assert!(blocked.iter().all(blocks), "{item}");
            assert!(!free.iter().any(blocks), "{item}");
        }
        assert!(!BlockList::default().blocks(&Jid::new("a@b").unwrap()));
    }
}
