//! XEP-0480: SASL Upgrade Tasks. Part of the login, so it lives where streams begin, which also advertise it
//! (§2.1).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Upgrade;

impl Module for Upgrade {
    const ABOUT: About =
        About { xep: 480, version: "0.2.0", name: "SASL Upgrade Tasks", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Upgrade, SetupError> {
        Ok(Upgrade)
    }

    fn install(_: &mut On<'_, Upgrade>) {}
}
