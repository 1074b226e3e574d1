//! XEP-0478: Stream Limits Advertisement. The streams advertise and hold them.

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct StreamLimits;

impl Module for StreamLimits {
    const ABOUT: About = About {
        xep: 478,
        version: "0.2.0",
        name: "Stream Limits Advertisement",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<StreamLimits, SetupError> {
        Ok(StreamLimits)
    }

    fn install(_: &mut On<'_, StreamLimits>) {}
}
