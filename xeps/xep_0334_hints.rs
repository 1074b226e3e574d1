//! XEP-0334: Message Processing Hints. `<no-store/>` is obeyed where the log takes messages in, `<no-copy/>` by
//! XEP-0280; disco has no feature for them (§8).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Hints;

impl Module for Hints {
    const ABOUT: About = About {
        xep: 334,
        version: "1.0.0",
        name: "Message Processing Hints",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Hints, SetupError> {
        Ok(Hints)
    }

    fn install(_: &mut On<'_, Hints>) {}
}
