//! XEP-0386: Bind 2. Part of the login, so it lives where streams begin; what modules do with a bind they register
//! by `bind_inline`.

use waxwing_kernel::{About, Module, On, Setup, SetupError};

pub struct Bind2;

impl Module for Bind2 {
    const ABOUT: About = About { xep: 386, version: "1.1.0", name: "Bind 2", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Bind2, SetupError> {
        Ok(Bind2)
    }

    fn install(_: &mut On<'_, Bind2>) {}
}
