//! Stream features (RFC 6120 §4.3.2), in the order of XEP-0170.

use waxwing_kernel::Host;
use waxwing_sasl::Offer;
use waxwing_stanza::ns;
use waxwing_xml::Tag;

/// XEP-0077 §8.
const REGISTER: &str = "http://jabber.org/features/iq-register";
/// XEP-0440.
const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";

/// TLS and nothing else.
pub fn before_tls(out: &mut Vec<u8>) {
    Tag::new(out, "stream:features").children(|out| {
        Tag::new(out, "starttls").ns(ns::TLS).children(|out| Tag::new(out, "required").end_empty());
    });
}

pub fn before_login(out: &mut Vec<u8>, offer: &Offer, registration: bool) {
    Tag::new(out, "stream:features").children(|out| {
        if registration {
            Tag::new(out, "register").ns(REGISTER).end_empty();
        }
        let mut types = offer.binding_types().peekable();
        if types.peek().is_some() {
            Tag::new(out, "sasl-channel-binding").ns(CHANNEL_BINDING).children(|out| {
                for kind in types {
                    Tag::new(out, "channel-binding").attr("type", kind).end_empty();
                }
            });
        }
        Tag::new(out, "mechanisms").ns(ns::SASL).children(|out| {
            for mechanism in offer.mechanisms() {
                Tag::new(out, "mechanism").text(mechanism.name());
            }
        });
    });
}

pub fn after_login(out: &mut Vec<u8>, host: &Host) {
    Tag::new(out, "stream:features").children(|out| {
        Tag::new(out, "bind").ns(ns::BIND).children(|out| Tag::new(out, "required").end_empty());
        // RFC 3921 §3 had it; who still asks for it may leave it out.
        Tag::new(out, "session").ns(ns::SESSION).children(|out| Tag::new(out, "optional").end_empty());
        Tag::new(out, "sm").ns(ns::SM).end_empty();
        waxwing_im::write_stream_features(out);
        host.table().write_stream_features(out);
    });
}
