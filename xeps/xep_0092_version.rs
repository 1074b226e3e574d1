//! XEP-0092: Software Version, of the server. The operating system is nobody's business (§5).

use std::sync::Arc;

use waxwing_kernel::{About, At, Feature, Module, On, Place, Reply, Request, Setup, SetupError};
use waxwing_stanza::StanzaError;
use xmpp_parsers::version::{VersionQuery, VersionResult};

pub struct Version;

impl Module for Version {
    const ABOUT: About = About {
        xep: 92,
        version: "1.1",
        name: "Software Version",
        features: &[Feature(Place::Host, "jabber:iq:version")],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Version, SetupError> {
        Ok(Version)
    }

    fn install(on: &mut On<'_, Version>) {
        on.get(At::Host, Version::get);
    }
}

impl Version {
    async fn get(self: Arc<Self>, _: Request<VersionQuery>) -> Result<Reply, StanzaError> {
        Reply::payload(&VersionResult {
            name: "Waxwing".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            os: None,
        })
    }
}
