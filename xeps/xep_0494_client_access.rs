//! XEP-0494: Client Access Management.
//!
//! An account's clients are the devices that name themselves when they log in (XEP-0388), and the sessions of clients that
//! do not. All of them have shown the password, which no revocation takes from them: they are signed out, and whoever
//! asked for it is told that only a new password keeps them out (§4.2).

use std::sync::Arc;

use minidom::Element;
use waxwing_kernel::{
    About, Account, At, Closing, Feature, Module, On, Place, Reply, Request, Session, Setup, SetupError, now,
    stamp,
};
use waxwing_sasl::Tokens;
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::DeviceRow;
use waxwing_xml::Tag;

use crate::presence::unanswering;

const CAM: &str = "urn:xmpp:cam:0";
/// In front of a resource: the id of a session whose client has none.
const SESSION: &str = "session/";

pub struct ClientAccess;

impl Module for ClientAccess {
    const ABOUT: About = About {
        xep: 494,
        version: "0.1.0",
        name: "Client Access Management",
        features: &[Feature(Place::Account, CAM)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<ClientAccess, SetupError> {
        Ok(ClientAccess)
    }

    fn install(on: &mut On<'_, ClientAccess>) {
        on.get_named(At::Own, "list", CAM, ClientAccess::list);
        on.set_named(At::Own, "revoke", CAM, ClientAccess::revoke);
    }
}

impl ClientAccess {
    /// §4.1: the last that logged in first.
    async fn list(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let account = request.own()?;
        let devices = account.core().store.devices(account.id).await.map_err(unanswering)?;
        let sessions = sessions(account);
        Ok(Reply::written(|out| {
            Tag::new(out, "clients").ns(CAM).children(|out| {
                for device in &devices {
                    let connected = sessions.iter().any(|session| session.device() == Some(&device.id));
                    write_device(out, device, connected);
                }
                for session in sessions.iter().filter(|session| session.device().is_none()) {
                    let id = format!("{SESSION}{}", session.resource());
                    write_client(out, &id, true, None, |_| {});
                }
            });
        }))
    }

    /// §4.2. The client that asks signs out by itself.
    async fn revoke(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let (account, own) = (request.own()?, request.session()?);
        let id = request.payload.attr("id").ok_or(StanzaError::new(Condition::BadRequest))?;
        let resource = id.strip_prefix(SESSION);
        if own.device() == Some(id) || own.device().is_none() && resource == Some(own.resource()) {
            return Err(StanzaError::new(Condition::NotAllowed).text("this client signs out by itself"));
        }
        let known = match resource {
            Some(resource) => end_unnamed(account, resource).await,
            None => waxwing_im::revoke_device(account, id).await.map_err(unanswering)?,
        };
        if !known {
            return Err(Condition::ItemNotFound.into());
        }
        tracing::info!(account = %account.jid, client = id, "a client was signed out by its owner");
        let error = StanzaError::new(Condition::ServiceUnavailable).app("password-reset-required", CAM);
        Err(error.text("the client is signed out; as long as it knows the password it can come back"))
    }
}

/// Those that wait to be resumed included.
fn sessions(account: &Account) -> Vec<Arc<Session>> {
    account.resources(|resources| resources.iter().map(|resource| resource.session.clone()).collect())
}

/// Ends the session of a client that has not named itself; says whether there was one.
async fn end_unnamed(account: &Account, resource: &str) -> bool {
    let found = sessions(account)
        .into_iter()
        .find(|session| session.device().is_none() && session.resource() == resource);
    let Some(session) = found else { return false };
    session.close(Closing {
        condition: "not-authorized",
        text: "the client was signed out",
        resumable: false,
    });
    waxwing_im::end(&session).await;
    true
}

fn write_device(out: &mut Vec<u8>, device: &DeviceRow, connected: bool) {
    let token = Tokens::from_bytes(&device.tokens).is_ok_and(|tokens| tokens.any_valid(now()));
    write_client(out, &device.id, connected, Some(device), |out| {
        if token {
            Tag::new(out, "fast").end_empty();
        }
    });
}

fn write_client(
    out: &mut Vec<u8>,
    id: &str,
    connected: bool,
    device: Option<&DeviceRow>,
    more: impl FnOnce(&mut Vec<u8>),
) {
    let connected = if connected { "true" } else { "false" };
    let client = Tag::new(out, "client").attr("connected", connected).attr("id", id).attr("type", "session");
    client.children(|out| {
        if let Some(device) = device {
            Tag::new(out, "first-seen").text(&stamp(device.first));
            Tag::new(out, "last-seen").text(&stamp(device.seen));
        }
        Tag::new(out, "auth").children(|out| {
            Tag::new(out, "password").end_empty();
            more(out);
        });
        Tag::new(out, "permission").attr("status", "unrestricted").end_empty();
        if let Some(device) = device {
            let names = [("software", &device.software), ("device", &device.name)];
            Tag::new(out, "user-agent").children(|out| {
                for (name, text) in names.into_iter().filter(|(_, text)| !text.is_empty()) {
                    Tag::new(out, name).text(text);
                }
            });
        }
    });
}
