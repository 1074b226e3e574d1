//! XEP-0059: Result Set Management. It is declared here and used by whoever pages.

use waxwing_kernel::{About, Feature, Module, On, Place, Setup, SetupError};

use crate::rsm::RSM;

pub struct Rsm;

impl Module for Rsm {
    const ABOUT: About = About {
        xep: 59,
        version: "1.0",
        name: "Result Set Management",
        features: &[Feature(Place::Archive, RSM)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Rsm, SetupError> {
        Ok(Rsm)
    }

    fn install(_: &mut On<'_, Rsm>) {}
}
