//! Stream features (RFC 6120 §4.3.2), in the order of XEP-0170.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use waxwing_kernel::Host;
use waxwing_sasl::{Hash, Offer};
use waxwing_stanza::ns;
use waxwing_xml::Tag;

use super::sasl2::{BIND2, FAST, SASL2, UPGRADE, offered, task};
use crate::Settings;

/// XEP-0077 §8.
const REGISTER: &str = "http://jabber.org/features/iq-register";
/// XEP-0440.
const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
/// XEP-0478.
const STREAM_LIMITS: &str = "urn:xmpp:stream-limits:0";
/// XEP-0509.
pub const CONFIG: &str = "urn:xmpp:iap:0";
/// XEP-0509 §2.3: the only scheme there is.
pub const SCHEME: &str = "opaque";

/// What the stream takes until other features are told (XEP-0478).
#[derive(Clone, Copy)]
pub struct StreamLimits {
    bytes: usize,
    /// `None`: silence is not what a stream ends for.
    idle: Option<Duration>,
}

impl StreamLimits {
    /// Before login there is a time for all of it (`login_timeout`), none for silence.
    fn before_login(settings: &Settings) -> StreamLimits {
        StreamLimits { bytes: settings.limits_before_auth.frame, idle: None }
    }

    pub fn after_login(settings: &Settings) -> StreamLimits {
        StreamLimits { bytes: settings.limits.frame, idle: Some(settings.idle) }
    }

    fn write(self, out: &mut Vec<u8>) {
        Tag::new(out, "limits").ns(STREAM_LIMITS).children(|out| {
            Tag::new(out, "max-bytes").text(&self.bytes.to_string());
            if let Some(idle) = self.idle {
                Tag::new(out, "idle-seconds").text(&idle.as_secs().to_string());
            }
        });
    }
}

/// TLS and nothing else (RFC 6120 §5.4.1).
pub fn before_tls(out: &mut Vec<u8>) {
    Tag::new(out, "stream:features").children(|out| {
        Tag::new(out, "starttls").ns(ns::TLS).children(|out| Tag::new(out, "required").end_empty());
    });
}

/// Writes what is offered before authentication; returns its version, by which a client tells whether it would be
/// offered something else than the last time (XEP-0509).
pub fn before_login(out: &mut Vec<u8>, host: &Host, offer: &Offer, settings: &Settings) -> String {
    let mut version = String::new();
    Tag::new(out, "stream:features").children(|out| {
        let start = out.len();
        write_before_login(out, host, offer, settings);
        // Short: a client sends it back with each login.
        let hash = Hash::Sha256.digest(out.get(start..).unwrap_or_default());
        version = BASE64_STANDARD.encode(hash.get(..18).unwrap_or_default());
        let tag = Tag::new(out, "config-version").ns(CONFIG).attr("scheme", SCHEME);
        tag.attr("value", &version).end_empty();
    });
    version
}

fn write_before_login(out: &mut Vec<u8>, host: &Host, offer: &Offer, settings: &Settings) {
    if settings.registration {
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
    Tag::new(out, "mechanisms").ns(ns::SASL).children(|out| write_mechanisms(out, offer));
    Tag::new(out, "authentication").ns(SASL2).children(|out| {
        write_mechanisms(out, offer);
        Tag::new(out, "inline").children(|out| {
            Tag::new(out, "sm").ns(ns::SM).end_empty();
            let mut tokens = offer.fast_mechanisms().peekable();
            if tokens.peek().is_some() && !settings.token_lifetime.is_zero() {
                Tag::new(out, "fast").ns(FAST).children(|out| {
                    for mechanism in tokens {
                        Tag::new(out, "mechanism").text(mechanism.name());
                    }
                });
            }
            Tag::new(out, "bind").ns(BIND2).children(|out| {
                Tag::new(out, "inline").children(|out| {
                    for feature in host.table().inline_features().chain([ns::SM]) {
                        Tag::new(out, "feature").attr("var", feature).end_empty();
                    }
                });
            });
        });
        for hash in offered(offer) {
            Tag::new(out, "upgrade").ns(UPGRADE).text(&task(hash));
        }
    });
    StreamLimits::before_login(settings).write(out);
}

fn write_mechanisms(out: &mut Vec<u8>, offer: &Offer) {
    for mechanism in offer.mechanisms() {
        Tag::new(out, "mechanism").text(mechanism.name());
    }
}

/// What a client has already when it is told what else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    No,
    Resource,
    /// And stream management.
    Managed,
}

pub fn after_login(out: &mut Vec<u8>, host: &Host, limits: StreamLimits, bound: Bound) {
    Tag::new(out, "stream:features").children(|out| {
        if bound == Bound::No {
            Tag::new(out, "bind").ns(ns::BIND).children(|out| Tag::new(out, "required").end_empty());
            // RFC 3921 §3 had it; who still asks for it may leave it out.
            Tag::new(out, "session").ns(ns::SESSION).children(|out| Tag::new(out, "optional").end_empty());
        }
        if bound != Bound::Managed {
            Tag::new(out, "sm").ns(ns::SM).end_empty();
        }
        waxwing_im::write_stream_features(out);
        host.table().write_stream_features(out);
        limits.write(out);
    });
}
