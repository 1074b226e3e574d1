//! XEP-0115: Entity Capabilities, of the server. Clients' own pass through unchanged: nothing is stripped, so
//! `caps#optimize` (§8.4) is not claimed.

use std::sync::{Arc, OnceLock, Weak};

use waxwing_kernel::{About, Feature, Host, Module, On, Place, Setup, SetupError};
use waxwing_xml::Tag;

use crate::info::{CAPS_NODE, Info};

const CAPS: &str = "http://jabber.org/protocol/caps";

pub struct Caps {
    host: Weak<Host>,
    ver: OnceLock<String>,
}

impl Module for Caps {
    const ABOUT: About = About {
        xep: 115,
        version: "1.6.0",
        name: "Entity Capabilities",
        features: &[Feature(Place::Host, CAPS)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Caps, SetupError> {
        Ok(Caps { host: Arc::downgrade(setup.host), ver: OnceLock::new() })
    }

    fn install(on: &mut On<'_, Caps>) {
        on.stream_feature(Caps::write);
    }
}

impl Caps {
    /// §6.3: clients need not ask when they connect.
    fn write(self: &Arc<Self>, out: &mut Vec<u8>) {
        let Some(host) = self.host.upgrade() else { return };
        // Hashed at the first stream: the other modules are not there yet when this one is made.
        let ver = self.ver.get_or_init(|| Info::of_host(&host).ver());
        Tag::new(out, "c")
            .ns(CAPS)
            .attr("hash", "sha-1")
            .attr("node", CAPS_NODE)
            .attr("ver", ver)
            .end_empty();
    }
}
