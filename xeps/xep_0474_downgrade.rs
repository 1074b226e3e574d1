//! XEP-0474: SASL SCRAM Downgrade Protection. An attribute of SCRAM in both SASL profiles (§5.1).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Downgrade;

impl Module for Downgrade {
    const ABOUT: About = About {
        xep: 474,
        version: "0.5.0",
        name: "SASL SCRAM Downgrade Protection",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Downgrade, SetupError> {
        Ok(Downgrade)
    }

    fn install(_: &mut On<'_, Downgrade>) {}
}
