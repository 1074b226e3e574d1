//! XEP-0431: Full Text Search in MAM. It is declared here; the field is one of the archive's form.

use waxwing_kernel::{About, Feature, Module, On, Place, Setup, SetupError};

const FULLTEXT: &str = "urn:xmpp:fulltext:0";

pub struct FullTextSearch;

impl Module for FullTextSearch {
    const ABOUT: About = About {
        xep: 431,
        version: "0.2.0",
        name: "Full Text Search in MAM",
        features: &[Feature(Place::Archive, FULLTEXT)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<FullTextSearch, SetupError> {
        Ok(FullTextSearch)
    }

    fn install(_: &mut On<'_, FullTextSearch>) {}
}
