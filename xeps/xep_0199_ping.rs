//! XEP-0199: XMPP Ping. To another's bare JID it is not answered here: RFC 6121 §8.5.1 decides.

use std::sync::Arc;

use waxwing_kernel::{About, At, Feature, Module, On, Place, Reply, Request, Setup, SetupError};
use waxwing_stanza::StanzaError;
use xmpp_parsers::ping;

pub struct Ping;

impl Module for Ping {
    const ABOUT: About = About {
        xep: 199,
        version: "2.0.1",
        name: "XMPP Ping",
        features: &[Feature(Place::Host, "urn:xmpp:ping")],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Ping, SetupError> {
        Ok(Ping)
    }

    fn install(on: &mut On<'_, Ping>) {
        on.get(At::Host, Ping::pong);
        on.get(At::Own, Ping::pong);
    }
}

impl Ping {
    async fn pong(self: Arc<Self>, _: Request<ping::Ping>) -> Result<Reply, StanzaError> {
        Ok(Reply::empty())
    }
}
