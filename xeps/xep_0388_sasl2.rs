//! XEP-0388: Extensible SASL Profile. It comes before the session, so it lives where streams begin, which also
//! advertise it (§2.1). Here the owner of an account looks at the devices that it names (its user agents), and signs
//! them out.

mod devices;

use std::sync::Arc;

use waxwing_kernel::{About, Command, Module, On, Run, Setup, SetupError, Stage};
use waxwing_stanza::StanzaError;

const LIST: Command = Command { node: "urn:x-waxwing:devices", name: "My devices" };
const REVOKE: Command = Command { node: "urn:x-waxwing:devices:revoke", name: "Sign out devices" };

pub struct Sasl2;

impl Module for Sasl2 {
    const ABOUT: About =
        About { xep: 388, version: "1.0.4", name: "Extensible SASL Profile", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Sasl2, SetupError> {
        Ok(Sasl2)
    }

    fn install(on: &mut On<'_, Sasl2>) {
        on.command(LIST, Sasl2::list);
        on.command(REVOKE, Sasl2::revoke);
    }
}

impl Sasl2 {
    async fn list(self: Arc<Self>, run: Run) -> Result<Stage, StanzaError> {
        devices::list(&run.session).await
    }

    async fn revoke(self: Arc<Self>, run: Run) -> Result<Stage, StanzaError> {
        devices::revoke(&run.session, &run.forms).await
    }
}
