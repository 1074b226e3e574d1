//! XEP-0388: Extensible SASL Profile. It comes before the session, so it lives where streams begin, which also
//! advertise it (§2.1).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Sasl2;

impl Module for Sasl2 {
    const ABOUT: About =
        About { xep: 388, version: "1.0.4", name: "Extensible SASL Profile", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Sasl2, SetupError> {
        Ok(Sasl2)
    }

    fn install(_: &mut On<'_, Sasl2>) {}
}
