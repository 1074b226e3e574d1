//! XEP-0157: Contact Addresses for XMPP Services, as the operator configured them.

use waxwing_kernel::{About, Contacts, InfoForm, Module, On, Setup, SetupError};

pub struct ContactAddresses {
    contacts: Contacts,
}

impl Module for ContactAddresses {
    const ABOUT: About = About {
        xep: 157,
        version: "1.1.1",
        name: "Contact Addresses for XMPP Services",
        features: &[],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<ContactAddresses, SetupError> {
        Ok(ContactAddresses { contacts: setup.contacts.clone() })
    }

    fn install(on: &mut On<'_, ContactAddresses>) {
        on.host_form(ContactAddresses::form);
    }
}

impl ContactAddresses {
    /// §3.
    fn form(&self) -> InfoForm {
        let contacts = &self.contacts;
        let fields = [
            ("abuse-addresses", &contacts.abuse),
            ("admin-addresses", &contacts.admin),
            ("feedback-addresses", &contacts.feedback),
            ("sales-addresses", &contacts.sales),
            ("security-addresses", &contacts.security),
            ("status-addresses", &contacts.status),
            ("support-addresses", &contacts.support),
        ];
        InfoForm::new("http://jabber.org/network/serverinfo", &fields)
    }
}
