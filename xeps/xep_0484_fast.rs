//! XEP-0484: Fast Authentication Streamlining Tokens. Part of the login, so it lives where streams begin, which
//! also advertise it (§3.1).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Fast;

impl Module for Fast {
    const ABOUT: About = About {
        xep: 484,
        version: "0.2.0",
        name: "Fast Authentication Streamlining Tokens",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Fast, SetupError> {
        Ok(Fast)
    }

    fn install(_: &mut On<'_, Fast>) {}
}
