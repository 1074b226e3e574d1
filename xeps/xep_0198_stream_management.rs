//! XEP-0198: Stream Management. Every stanza passes it, so it lives in the core and the streams, which also advertise
//! it (§2); disco has no feature for it.

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct StreamManagement;

impl Module for StreamManagement {
    const ABOUT: About =
        About { xep: 198, version: "1.6.3", name: "Stream Management", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<StreamManagement, SetupError> {
        Ok(StreamManagement)
    }

    fn install(_: &mut On<'_, StreamManagement>) {}
}
