//! XEP-0114: Jabber Component Protocol. Its streams are served by a crate of their own; disco#items names the components.

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Components;

impl Module for Components {
    const ABOUT: About =
        About { xep: 114, version: "1.6", name: "Jabber Component Protocol", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Components, SetupError> {
        Ok(Components)
    }

    fn install(_: &mut On<'_, Components>) {}
}
