//! XEP-0377: Blocking Command Reports. They come inside of XEP-0191's command, which hands them to
//! [`reports`](crate::reports).

use waxwing_kernel::{About, Feature, Module, On, Place, Setup, SetupError};

use crate::reports::REPORTING;

pub struct Reports;

impl Module for Reports {
    const ABOUT: About = About {
        xep: 377,
        version: "0.4.1",
        name: "Blocking Command Reports",
        features: &[Feature(Place::Host, REPORTING)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Reports, SetupError> {
        Ok(Reports)
    }

    fn install(_: &mut On<'_, Reports>) {}
}
