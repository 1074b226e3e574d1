//! Registration before login (XEP-0077 §3.1), under TLS only.

use std::sync::Arc;

use jid::{BareJid, NodePart};
use waxwing_kernel::{Host, now};
use waxwing_sasl::Keys;
use waxwing_stanza::{Condition, IqType, Kind, Stanza, StanzaError, ns};
use waxwing_store::NewAccount;
use waxwing_xml::{Element, Scope, Tag};

use super::Login;

const REGISTER: &str = "jabber:iq:register";

/// Answers a request to register. `false`: the element is none, or registration is closed: then it is a stanza
/// before authentication like any other (RFC 6120 §4.9.3.12).
pub async fn answer(login: &mut Login, host: &Arc<Host>, element: &Element) -> bool {
    if !login.clients.settings.registration
        || element.ns() != ns::CLIENT
        || element.child("query", REGISTER).is_none()
    {
        return false;
    }
    let Ok(iq) = Stanza::read(element.clone()) else { return false };
    let outcome = match iq.kind {
        Kind::Iq(_) if iq.id().is_none() => Err(Condition::BadRequest.into()),
        Kind::Iq(IqType::Get) => Ok(iq.result(write_fields)),
        Kind::Iq(IqType::Set) => register(login, host, &iq).await.map(|()| iq.result(|_| {})),
        _ => return false,
    };
    let answer = outcome.or_else(|error| iq.error(&error).ok_or(error));
    if let Ok(answer) = answer {
        answer.write(login.out(), None, |_| {});
    }
    true
}

fn write_fields(out: &mut Vec<u8>) {
    Tag::new(out, "query").ns(REGISTER).children(|out| {
        Tag::new(out, "instructions").text("Choose a username and a password.");
        Tag::new(out, "username").end_empty();
        Tag::new(out, "password").end_empty();
    });
}

/// Makes the account; once this returns it is durable.
async fn register(login: &mut Login, host: &Arc<Host>, iq: &Stanza) -> Result<(), StanzaError> {
    let (username, password) = credentials(login, iq)?;
    let username =
        NodePart::new(&username).map_err(|_| unfit("the username cannot be used in an address"))?;
    let jid = BareJid::from_parts(Some(&username), host.domain.domain());
    let jid = waxwing_stanza::prepare_account(jid.as_str())
        .ok_or_else(|| unfit("the username cannot be used in an address"))?;
    if login.clients.registrations.take(login.peer.ip()).is_err() {
        let error = StanzaError::new(Condition::ResourceConstraint);
        return Err(error.text("too many accounts were registered from this address"));
    }
    let iterations = login.clients.settings.iterations;
    let keys = login.clients.work.run(move || Keys::derive(&password, iterations)).await;
    let keys = keys.ok_or(Condition::InternalServerError)?.map_err(|error| unfit(error.to_string()))?;
    let new = NewAccount { jid: jid.to_string(), keys: keys.to_bytes(), admin: false, created: now() };
    match login.clients.core.store.create_accounts(&[new]).await.as_deref() {
        Ok([Some(_)]) => {
            tracing::info!(%jid, peer = %login.peer, "registered");
            Ok(())
        }
        Ok(_) => Err(Condition::Conflict.into()),
        Err(error) => {
            tracing::error!(%jid, %error, "an account could not be made");
            Err(Condition::InternalServerError.into())
        }
    }
}

/// Username and password; an empty one counts as not given (XEP-0077 §3.1.1).
fn credentials(login: &Login, iq: &Stanza) -> Result<(String, String), StanzaError> {
    let query = iq.child("query", REGISTER).ok_or(Condition::BadRequest)?;
    let limits = login.clients.settings.limits_before_auth;
    // A child's bytes were judged with their stanza and stand for themselves.
    let query = waxwing_xml::scan(iq.bytes_of(query), &Scope::client(), &limits)
        .map_err(|_| Condition::BadRequest)?;
    let field = |name| {
        let text = query.child(name, REGISTER)?.text(&query).into_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    let both = field("username").zip(field("password"));
    both.ok_or_else(|| unfit("username and password are required"))
}

fn unfit(text: impl Into<std::borrow::Cow<'static, str>>) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).text(text)
}
