//! XEP-0160: Best Practices for Handling Offline Messages. What is pending is delivered by the core; here it is said.

use waxwing_kernel::{About, Feature, Module, On, Place, Setup, SetupError};

pub struct Offline;

impl Module for Offline {
    const ABOUT: About = About {
        xep: 160,
        version: "1.0.1",
        name: "Best Practices for Handling Offline Messages",
        features: &[Feature(Place::Host, "msgoffline")],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Offline, SetupError> {
        Ok(Offline)
    }

    fn install(_: &mut On<'_, Offline>) {}
}
