//! Resource binding within the authentication (XEP-0386).

use std::sync::Arc;

use jid::ResourcePart;
use waxwing_kernel::{Account, Closing, InlineBind, Session};
use waxwing_sasl::Failure;
use waxwing_stanza::{Condition, StanzaError, ns};
use waxwing_xml::{Element, Tag, attach};

use super::request::Agent;
use crate::held::Held;
use crate::login::Login;
use crate::login::exchange::{Refusal, Stop, part};
use crate::sm::Enable;

pub const BIND2: &str = "urn:xmpp:bind:0";

/// Bytes of a tag that is taken into the resource: RFC 7622 §3.4 gives the whole 1,023.
const TAG: usize = 512;

/// The device binds anew.
const REPLACED: Closing =
    Closing { condition: "conflict", text: "this client has begun another session", resumable: false };

/// Binds a resource of the server's making and switches on what was asked for with it; writes `<bound/>`.
pub async fn bind(
    login: &Login,
    agent: Option<&Agent>,
    wish: &Element,
    account: &Arc<Account>,
    told: &mut Vec<u8>,
) -> Result<Held, Stop> {
    let device = agent.and_then(|agent| agent.id.as_deref());
    let limits = &login.clients.settings.limits_before_auth;
    let enable = wish.child("enable", ns::SM).map(|child| part(limits, wish, child)).transpose()?;
    let enable = enable.as_ref().map(Enable::read);
    if let Some(device) = device {
        waxwing_im::end_device(account, device, REPLACED).await;
    }
    let mut bound = Vec::new();
    let prepare = |session: &Arc<Session>| {
        if let Some(device) = device {
            session.set_device(device);
        }
        if enable.is_some() {
            session.restart_counting();
        }
        account.host.table().bind_inline(&mut InlineBind { session, request: wish, out: &mut bound });
    };
    let resource = resource(login, account, device, wish);
    let session = waxwing_im::bind_prepared(account, Some(&resource), prepare).await.map_err(refusal)?;
    // From here on the session is owned, whatever happens to this future.
    let mut held = Held::new(login.clients.clone(), session);
    bound.append(&mut account.host.table().bound(held.session()).await);
    Tag::new(told, "bound").ns(BIND2).children(|out| {
        if let Some(enable) = &enable {
            held.enable(enable, out);
        }
        attach(out, &bound);
    });
    Ok(held)
}

/// `tag/name` (§3.2.1). The name is the same at every bind of one device with one tag.
fn resource(login: &Login, account: &Account, device: Option<&str>, wish: &Element) -> String {
    let tag = wish.child("tag", BIND2).map(|tag| tag.text(wish).trim().to_owned());
    // One that cannot be part of an address is left out.
    let tag = tag.filter(|tag| (1..=TAG).contains(&tag.len()));
    let tag = tag.and_then(|tag| ResourcePart::new(&tag).ok().map(|tag| tag.as_str().to_owned()));
    let tag = tag.unwrap_or_default();
    let name = match device {
        Some(device) => login.clients.secret.resource(account.jid.as_str(), device, &tag),
        None => waxwing_sasl::token(),
    };
    if tag.is_empty() { name } else { format!("{tag}/{name}") }
}

/// The specification knows no failed bind: the authentication fails, which is not complete before.
fn refusal(error: StanzaError) -> Stop {
    let (failure, text) = match error.condition {
        Condition::NotAllowed => (Failure::AccountDisabled, None),
        Condition::ResourceConstraint => {
            (Failure::TemporaryAuthFailure, Some("this account has too many clients connected"))
        }
        _ => (Failure::TemporaryAuthFailure, None),
    };
    Refusal { text, ..failure.into() }.into()
}
