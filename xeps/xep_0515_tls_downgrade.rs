//! XEP-0515: TLS Channel-Binding Downgrade Protection. An attribute of SCRAM in both SASL profiles (§5.1).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct TlsDowngrade;

impl Module for TlsDowngrade {
    const ABOUT: About = About {
        xep: 515,
        version: "0.1.0",
        name: "TLS Channel-Binding Downgrade Protection",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<TlsDowngrade, SetupError> {
        Ok(TlsDowngrade)
    }

    fn install(_: &mut On<'_, TlsDowngrade>) {}
}
