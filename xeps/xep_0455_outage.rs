//! XEP-0455: Service Outage Status, as far as its server is concerned: where to look while it cannot be reached (§2.1).

use waxwing_kernel::{About, InfoForm, Module, On, Setup, SetupError};

pub struct OutageStatus {
    addresses: Vec<String>,
}

impl Module for OutageStatus {
    const ABOUT: About =
        About { xep: 455, version: "0.4.0", name: "Service Outage Status", features: &[], identities: &[] };

    fn new(setup: &Setup<'_>) -> Result<OutageStatus, SetupError> {
        Ok(OutageStatus { addresses: setup.contacts.external_status.clone() })
    }

    fn install(on: &mut On<'_, OutageStatus>) {
        on.host_form(OutageStatus::form);
    }
}

impl OutageStatus {
    fn form(&self) -> InfoForm {
        InfoForm::new("urn:xmpp:sos:0", &[("external-status-addresses", &self.addresses)])
    }
}
