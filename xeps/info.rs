//! What the server and its accounts say of themselves: the answer of XEP-0030, hashed by XEP-0115.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};
use waxwing_kernel::{Host, Identity, InfoForm, Place};
use waxwing_xml::Tag;

use crate::form::DATA;

pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Names the software in XEP-0115's `node`.
pub const CAPS_NODE: &str = "urn:x-waxwing:server";

/// Identities and features, sorted and each once.
pub struct Info {
    identities: Vec<&'static Identity>,
    features: Vec<&'static str>,
    forms: Vec<InfoForm>,
}

impl Info {
    /// Of the server.
    pub fn of_host(host: &Host) -> Info {
        let mut forms = host.table().host_forms().to_vec();
        forms.sort_by_key(|form| form.kind);
        Info { forms, ..Info::of(host, &[Place::Host]) }
    }

    /// Of an account, with or without an archive.
    pub fn of_account(host: &Host, archive: bool) -> Info {
        let places: &[Place] = if archive { &[Place::Account, Place::Archive] } else { &[Place::Account] };
        Info::of(host, places)
    }

    fn of(host: &Host, places: &[Place]) -> Info {
        let table = host.table();
        let identities = places.iter().flat_map(|place| table.identities(*place)).collect();
        let features = places.iter().flat_map(|place| table.features(*place)).collect();
        Info::sorted(identities, features)
    }

    fn sorted(mut identities: Vec<&'static Identity>, mut features: Vec<&'static str>) -> Info {
        identities.sort_by_key(|identity| (identity.category, identity.kind));
        features.sort_unstable();
        features.dedup();
        Info { identities, features, forms: Vec::new() }
    }

    /// The payload of a disco#info result; `node` mirrors the request's (XEP-0030 §3.2).
    pub fn write(&self, out: &mut Vec<u8>, node: Option<&str>) {
        Tag::new(out, "query").ns(DISCO_INFO).attr_opt("node", node).children(|out| {
            for identity in &self.identities {
                let name = Some(identity.name).filter(|name| !name.is_empty());
                Tag::new(out, "identity")
                    .attr("category", identity.category)
                    .attr("type", identity.kind)
                    .attr_opt("name", name)
                    .end_empty();
            }
            for feature in &self.features {
                Tag::new(out, "feature").attr("var", feature).end_empty();
            }
            self.forms.iter().for_each(|form| write_form(out, form));
        });
    }

    /// The verification string (XEP-0115 §5.1), by SHA-1.
    pub fn ver(&self) -> String {
        let mut hash = Sha1::new();
        for identity in &self.identities {
            for part in [identity.category, "/", identity.kind, "//", identity.name, "<"] {
                hash.update(part);
            }
        }
        for feature in &self.features {
            hash.update(feature);
            hash.update("<");
        }
        for form in &self.forms {
            hash.update(form.kind);
            hash.update("<");
            for (name, values) in &form.fields {
                for part in std::iter::once(*name).chain(values.iter().map(String::as_str)) {
                    hash.update(part);
                    hash.update("<");
                }
            }
        }
        BASE64_STANDARD.encode(hash.finalize())
    }

    /// The node under which this very answer may be asked for (XEP-0115 §6.2).
    pub fn is_node(&self, node: &str) -> bool {
        let ver = node.strip_prefix(CAPS_NODE).and_then(|rest| rest.strip_prefix('#'));
        ver.is_some_and(|ver| ver == self.ver())
    }
}

/// XEP-0128 §3.
fn write_form(out: &mut Vec<u8>, form: &InfoForm) {
    Tag::new(out, "x").ns(DATA).attr("type", "result").children(|out| {
        let kind = Tag::new(out, "field").attr("var", "FORM_TYPE").attr("type", "hidden");
        kind.children(|out| Tag::new(out, "value").text(form.kind));
        for (name, values) in &form.fields {
            Tag::new(out, "field").attr("var", name).attr("type", "list-multi").children(|out| {
                values.iter().for_each(|value| Tag::new(out, "value").text(value));
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    static EXODUS: Identity =
        Identity { place: Place::Host, category: "client", kind: "pc", name: "Exodus 0.9.1" };

    #[test]
    fn the_example_of_the_specification() {
        let features = vec![
            "http://jabber.org/protocol/muc",
            "http://jabber.org/protocol/caps",
            "http://jabber.org/protocol/disco#items",
            DISCO_INFO,
            DISCO_INFO,
        ];
        let info = Info::sorted(vec![&EXODUS], features);
        assert_eq!(info.ver(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
        assert!(info.is_node("urn:x-waxwing:server#QgayPKawpkPSDYmwT/WM94uAlu0="));
        assert!(!info.is_node("urn:x-waxwing:server#"));
        assert!(!info.is_node("urn:x-waxwing:server"));
        assert!(!info.is_node("QgayPKawpkPSDYmwT/WM94uAlu0="));
    }
}
