//! XEP-0203: Delayed Delivery. The core stamps what it delivers late; here forged stamps are taken out.

use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{About, Amending, Kinds, Module, On, Point, Setup, SetupError};
use waxwing_stanza::ns::DELAY;

pub struct Delay;

impl Module for Delay {
    const ABOUT: About =
        About { xep: 203, version: "2.0", name: "Delayed Delivery", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Delay, SetupError> {
        Ok(Delay)
    }

    fn install(on: &mut On<'_, Delay>) {
        for point in [Point::FromClient, Point::FromRemote] {
            on.amend(point, Kinds::MESSAGE, Delay::strip);
            on.amend(point, Kinds::PRESENCE, Delay::strip);
        }
    }
}

impl Delay {
    /// §5: what claims to be stamped by us and is not is discarded; other stamps pass.
    fn strip(self: &Arc<Self>, amending: &mut Amending<'_>) {
        if !amending.stanza.has_ns(DELAY) {
            return;
        }
        let core = amending.account.core();
        amending.stanza.hide(|child, element| {
            let from = child.is(element, "delay", DELAY).then(|| child.attr(element, "from")).flatten();
            let from = from.and_then(|from| Jid::new(&from).ok());
            from.is_some_and(|from| from.node().is_none() && core.host(from.domain().as_str()).is_some())
        });
    }
}
