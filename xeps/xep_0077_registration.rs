//! XEP-0077: In-Band Registration, of an account that is logged in: a new password, and the account's removal.
//! Making an account comes before authentication, where streams begin.

use std::sync::Arc;

use minidom::Element;
use tokio::sync::Semaphore;
use waxwing_im::{end, remove_account};
use waxwing_kernel::{
    About, At, Closing, Feature, Module, On, Place, Reply, Request, Session, Setup, SetupError,
};
use waxwing_sasl::Keys;
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::Write;
use waxwing_xml::Tag;

use crate::presence::unanswering;

const REGISTER: &str = "jabber:iq:register";

pub struct Registration {
    /// PBKDF2 rounds.
    iterations: u32,
    /// One: new passwords, however many, take one processor.
    deriving: Semaphore,
}

impl Module for Registration {
    const ABOUT: About = About {
        xep: 77,
        version: "2.4",
        name: "In-Band Registration",
        features: &[Feature(Place::Host, REGISTER)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Registration, SetupError> {
        Ok(Registration { iterations: setup.iterations, deriving: Semaphore::new(1) })
    }

    fn install(on: &mut On<'_, Registration>) {
        for at in [At::Host, At::Own] {
            on.get_named(at, "query", REGISTER, Registration::get);
            on.set_named(at, "query", REGISTER, Registration::set);
        }
    }
}

impl Registration {
    /// §3.1: what is on file. The password is not.
    async fn get(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let name = request.own()?.jid.node().map_or("", |node| node.as_str());
        Ok(Reply::written(|out| {
            Tag::new(out, "query").ns(REGISTER).children(|out| {
                Tag::new(out, "registered").end_empty();
                Tag::new(out, "username").text(name);
                Tag::new(out, "password").end_empty();
            });
        }))
    }

    async fn set(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let query = &request.payload;
        if query.has_child("remove", REGISTER) {
            return remove(&request).await;
        }
        let field = |name| query.get_child(name, REGISTER).map(Element::text);
        let (Some(username), Some(password)) = (field("username"), field("password")) else {
            return Err(Condition::BadRequest.into());
        };
        // One may change one's own only.
        if !is_own_name(request.own()?.jid.node(), &username) {
            return Err(Condition::BadRequest.into());
        }
        self.change_password(&request, password).await
    }

    /// §3.3.
    async fn change_password(
        &self,
        request: &Request<Element>,
        password: String,
    ) -> Result<Reply, StanzaError> {
        let iterations = self.iterations;
        let turn = self.deriving.acquire().await.map_err(|_| Condition::InternalServerError)?;
        let derived = tokio::task::spawn_blocking(move || Keys::derive(&password, iterations)).await;
        drop(turn);
        let keys = match derived {
            Ok(Ok(keys)) => keys,
            Ok(Err(unfit)) => return Err(StanzaError::new(Condition::NotAcceptable).text(unfit.to_string())),
            Err(_) => return Err(Condition::InternalServerError.into()),
        };
        let account = request.own()?;
        let write = Write::Keys { owner: account.id, keys: keys.to_bytes() };
        account.core().writer.commit(vec![write]).await.map_err(unanswering)?;
        account.devices.tokens_voided();
        tracing::info!(account = %account.jid, "the password was changed in band");
        for session in hibernated(request.session()?) {
            session.close(Closing {
                condition: "not-authorized",
                text: "the password was changed",
                resumable: false,
            });
            end(&session).await;
        }
        Ok(Reply::empty())
    }
}

/// §3.2.
async fn remove(request: &Request<Element>) -> Result<Reply, StanzaError> {
    if request.payload.children().count() != 1 {
        return Err(Condition::BadRequest.into());
    }
    let account = request.own()?;
    tracing::info!(account = %account.jid, "the account is removed in band");
    remove_account(account).await.map_err(unanswering)?;
    Ok(Reply::empty())
}

/// The account's sessions that wait to be resumed: who comes back must know the new password.
fn hibernated(session: &Session) -> Vec<Arc<Session>> {
    session.account.resources(|resources| {
        let sessions = resources.iter().map(|resource| &resource.session);
        sessions.filter(|session| session.is_hibernated()).cloned().collect()
    })
}

/// Whether a username, once prepared, is the localpart.
fn is_own_name(own: Option<&jid::NodeRef>, username: &str) -> bool {
    jid::NodePart::new(username).is_ok_and(|name| own.is_some_and(|own| name.as_str() == own.as_str()))
}

#[cfg(test)]
mod tests;
