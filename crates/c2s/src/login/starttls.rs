//! STARTTLS (RFC 6120 §5), which is required: nothing else is offered before it.

use waxwing_net::tls::{Alpn, Bindings};
use waxwing_sasl::Failure;
use waxwing_stanza::ns;
use waxwing_xml::Tag;

use super::exchange::Profile;
use super::{Login, features};
use crate::error::{End, StreamError};

/// Opens the stream in the clear and has it encrypted.
pub async fn require(login: &mut Login) -> Result<Bindings, End> {
    login.open(None).await?;
    features::before_tls(login.out());
    loop {
        let element = login.element().await?;
        if element.is("starttls", ns::TLS) {
            break;
        }
        if element.is("auth", ns::SASL) {
            Profile::Sasl1.write_failure(login.out(), Failure::EncryptionRequired.into());
        } else if element.is("authenticate", Profile::Sasl2.ns()) {
            Profile::Sasl2.write_failure(login.out(), Failure::EncryptionRequired.into());
        } else {
            login.too_early(&element)?;
        }
    }
    // What an attacker puts behind <starttls/> would seem to have come encrypted.
    if login.stream.has_input() {
        return Err(StreamError::new("policy-violation").text("nothing may follow <starttls/>").into());
    }
    Tag::new(login.out(), "proceed").ns(ns::TLS).end_empty();
    login.flush().await?;
    login.encrypt(Alpn::None).await
}
