//! Resource binding (RFC 6120 §7), or the resumption of a stream in its place (XEP-0198 §4).

use std::sync::Arc;

use jid::ResourcePart;
use waxwing_kernel::{Account, Session};
use waxwing_stanza::{Condition, IqType, Kind, Stanza, StanzaError, ns};
use waxwing_xml::{Element, Scope, Tag};

use super::sasl2::is_known;
use super::{Login, features, resume};
use crate::error::{End, StreamError};
use crate::held::Held;
use crate::sm;

/// A client that is who it says it is.
pub struct Proven {
    pub account: Arc<Account>,
    /// By which mechanism, for the log.
    pub mechanism: &'static str,
    /// The device that it says to be on.
    pub device: Option<String>,
}

/// Opens the authenticated stream anew (RFC 6120 §6.4.6) and has its client bind a resource or resume a session.
pub async fn restart(login: &mut Login, proven: Proven) -> Result<Held, End> {
    let limits = login.clients.settings.limits;
    login.restart(limits);
    login.open(Some(&proven.account.host)).await?;
    let told = features::StreamLimits::after_login(&login.clients.settings);
    features::after_login(login.out(), &proven.account.host, told, features::Bound::No);
    bind(login, proven).await
}

/// Has the client of an authenticated stream bind a resource or resume a session.
pub async fn bind(login: &mut Login, proven: Proven) -> Result<Held, End> {
    let limits = login.clients.settings.limits;
    let Proven { account, mechanism, device } = proven;
    let (held, what) = loop {
        let element = login.element().await?;
        if element.is("resume", ns::SM) {
            match resume::resume(login, &account, &element).await? {
                Ok(resumed) => {
                    resumed.write(login.out());
                    break (resumed.held, "resumed");
                }
                Err(refused) => {
                    sm::write_failed(login.out(), refused.condition, refused.h);
                    continue;
                }
            }
        }
        let Some(iq) = bind_request(&element) else {
            login.too_early(&element)?;
            continue;
        };
        let mut locked = None;
        if let Some(device) = &device {
            locked = Some(account.devices.lock().await);
            if !is_known(login, account.id, device).await {
                return Err(StreamError::new("not-authorized").text("the device was revoked").into());
            }
        }
        let prepare = |session: &Arc<Session>| {
            if let Some(device) = &device {
                session.set_device(device);
            }
        };
        let session = match requested(&iq, &limits) {
            Ok(resource) => waxwing_im::bind_prepared(&account, resource.as_deref(), prepare).await,
            Err(error) => Err(error),
        };
        match session {
            Ok(session) => {
                // From here on the session is owned, whatever happens to this future.
                let held = Held::new(login.clients.clone(), session);
                write_result(login.out(), &iq, &held);
                break (held, "logged in");
            }
            Err(error) => {
                drop(locked);
                if let Some(answer) = iq.error(&error) {
                    answer.write(login.out(), None, |_| {});
                }
            }
        }
    };
    login.log(&held, mechanism, what);
    Ok(held)
}

fn bind_request(element: &Element) -> Option<Stanza> {
    element.child("bind", ns::BIND)?;
    let iq = Stanza::read(element.clone()).ok()?;
    (iq.kind == Kind::Iq(IqType::Set)).then_some(iq)
}

/// The resource asked for, prepared; `None`: whichever the server makes.
fn requested(iq: &Stanza, limits: &waxwing_xml::Limits) -> Result<Option<String>, StanzaError> {
    let bad = |_| StanzaError::from(Condition::BadRequest);
    if iq.id().is_none() {
        return Err(Condition::BadRequest.into());
    }
    let bind = iq.child("bind", ns::BIND).ok_or(Condition::BadRequest)?;
    // A child's bytes were judged with their stanza and stand for themselves.
    let bind = waxwing_xml::scan(iq.bytes_of(bind), &Scope::client(), limits).map_err(|_| bad(()))?;
    let resource = bind.child("resource", ns::BIND).map(|resource| resource.text(&bind));
    match resource.filter(|resource| !resource.is_empty()) {
        None => Ok(None),
        Some(resource) => {
            let resource = ResourcePart::new(&resource).map_err(|_| bad(()))?;
            Ok(Some(resource.as_str().to_owned()))
        }
    }
}

fn write_result(out: &mut Vec<u8>, iq: &Stanza, held: &Held) {
    let result = iq.result(|out| {
        Tag::new(out, "bind").ns(ns::BIND).children(|out| {
            Tag::new(out, "jid").text(held.session().jid.as_str());
        });
    });
    result.write(out, None, |_| {});
}
