//! XEP-0153: vCard-Based Avatars. It is declared here; the hash is added to presence by the module of the vCard.

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct VcardAvatars;

impl Module for VcardAvatars {
    const ABOUT: About =
        About { xep: 153, version: "1.1.1", name: "vCard-Based Avatars", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<VcardAvatars, SetupError> {
        Ok(VcardAvatars)
    }

    fn install(_: &mut On<'_, VcardAvatars>) {}
}
