//! XEP-0440: SASL Channel-Binding Type Capability. A stream feature before login (§2).

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct ChannelBinding;

impl Module for ChannelBinding {
    const ABOUT: About = About {
        xep: 440,
        version: "1.0.0",
        name: "SASL Channel-Binding Type Capability",
        features: &[],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<ChannelBinding, SetupError> {
        Ok(ChannelBinding)
    }

    fn install(_: &mut On<'_, ChannelBinding>) {}
}
