//! IQ stanzas that a client sends (RFC 6121 §8.5, RFC 6120 §8.2.3).

use std::sync::Arc;

use waxwing_kernel::{Accepted, Account, At, Delivery, Host, Request, Session, Targets};
use waxwing_stanza::{Addr, Condition, IqType, Stanza, StanzaError, ns};

use crate::handle::refuse;
use crate::roster;
use crate::route::{Place, deliver, place};

/// Handles one IQ stanza of a client.
pub(crate) async fn send(session: &Arc<Session>, kind: IqType, stanza: Stanza) {
    let request = matches!(kind, IqType::Get | IqType::Set);
    let own = session.account.clone();
    let host = own.host.clone();
    let Some(to) = stanza.to.clone() else {
        if request {
            answer(session, At::Own, host, Some(own), stanza).await;
        }
        return;
    };
    let found = match place(own.core(), &to).await {
        Ok(found) => found,
        Err(error) => return refuse(session, &stanza, &error),
    };
    match found {
        Place::Component(component) => {
            let stanza = Arc::new(stanza);
            if let Err(error) = component.send(stanza.clone(), None) {
                refuse(session, &stanza, &error);
            }
        }
        Place::Elsewhere => refuse(session, &stanza, &StanzaError::elsewhere()),
        _ if to.resource().is_some() => to_resource(session, found, stanza).await,
        // What nobody waits for is dropped.
        _ if !request => drop(own.core().answers.take(&stanza)),
        Place::Server(host) => answer(session, At::Host, host, None, stanza).await,
        Place::Account(account) if account.id == own.id => {
            answer(session, At::Own, host, Some(account), stanza).await
        }
        Place::Account(account) => {
            let host = account.host.clone();
            let passing = waxwing_kernel::Passing {
                point: waxwing_kernel::Point::ToAccount,
                stanza: &stanza,
                account: &account,
                session: None,
            };
            // Someone who is blocked is answered as if there were no account.
            let shown = host.table().guard(&passing).await.is_ok();
            answer(session, At::Other, host, shown.then_some(account), stanza).await;
        }
        Place::Nobody(host) => answer(session, At::Other, host, None, stanza).await,
    }
}

/// To a full JID: that client's to answer (RFC 6121 §8.5.3).
async fn to_resource(session: &Arc<Session>, found: Place, stanza: Stanza) {
    let stanza = Arc::new(stanza);
    let delivered = match found {
        Place::Account(account) => deliver(&account, stanza.clone(), None, Targets::Full).await,
        _ => Ok(Accepted::NoSession),
    };
    match delivered {
        Ok(Accepted::Taken) | Err(None) => {}
        Ok(_) => refuse(session, &stanza, &StanzaError::nobody()),
        Err(Some(error)) => refuse(session, &stanza, &error),
    }
}

/// A request that the server answers, itself or for an account.
async fn answer(
    session: &Arc<Session>,
    at: At,
    host: Arc<Host>,
    account: Option<Arc<Account>>,
    stanza: Stanza,
) {
    let is_roster = stanza.has("query", ns::ROSTER);
    let set = stanza.kind == waxwing_stanza::Kind::Iq(IqType::Set);
    let answered = match at {
        At::Own if is_roster && set => match roster::set(session, &stanza).await {
            // Its push may wait for a commit or behind a backlog, and the result follows it (RFC 6121 §2.1.6).
            Ok(result) => {
                let delivery = Delivery::plain(result, Targets::Session(session.id));
                session.account.accept(delivery);
                return;
            }
            Err(error) => Err(error),
        },
        At::Own if is_roster => roster::get(session, &stanza).await,
        At::Other if is_roster && set => Err(Condition::Forbidden.into()),
        _ => ask_module(session, at, host, account, &stanza).await,
    };
    match answered {
        Ok(result) => session.push_own(result),
        Err(error) => refuse(session, &stanza, &error),
    }
}

async fn ask_module(
    session: &Arc<Session>,
    at: At,
    host: Arc<Host>,
    account: Option<Arc<Account>>,
    stanza: &Stanza,
) -> Result<Stanza, StanzaError> {
    let asker = (session.jid.clone(), Some(session.clone()));
    ask(asker, at, host, account, stanza).await
}

/// Asks the modules, for a client or (without a session) for somebody outside.
pub(crate) async fn ask(
    (from, session): (Addr, Option<Arc<Session>>),
    at: At,
    host: Arc<Host>,
    account: Option<Arc<Account>>,
    stanza: &Stanza,
) -> Result<Stanza, StanzaError> {
    let request =
        Request { payload: (), stanza: Arc::new(stanza.clone()), from, session, host: host.clone(), account };
    match host.table().answer(at, request).await {
        Some(Ok(reply)) => Ok(stanza.result(|out| out.extend_from_slice(reply.bytes()))),
        Some(Err(error)) => Err(error),
        // RFC 6121 §8.5.1: the same as where there is no such account.
        None => Err(Condition::ServiceUnavailable.into()),
    }
}
