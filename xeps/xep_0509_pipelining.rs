//! XEP-0509: Initial Authentication Pipelining. A stream feature before login (§2.1), and a failure that counts for
//! nothing where a client reckoned with another (§2.2).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Pipelining;

impl Module for Pipelining {
    const ABOUT: About = About {
        xep: 509,
        version: "0.2.0",
        name: "Initial Authentication Pipelining",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Pipelining, SetupError> {
        Ok(Pipelining)
    }

    fn install(_: &mut On<'_, Pipelining>) {}
}
