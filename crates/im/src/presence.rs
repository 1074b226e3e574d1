//! Presence that a client sends (RFC 6121 §4).

use std::sync::Arc;

use waxwing_kernel::{Delivery, Resource, Session, Targets};
use waxwing_stanza::{Addr, Condition, PresenceType, Stanza, StanzaError, bare, ns};

use crate::handle::refuse;
use crate::transition::Step;
use crate::{broadcast, probe, route, subscription};

/// Handles one presence stanza of a client.
pub(crate) async fn send(session: &Arc<Session>, kind: PresenceType, stanza: Stanza) {
    match (kind, stanza.to.clone()) {
        (PresenceType::Available | PresenceType::Unavailable, None) => own(session, kind, stanza).await,
        (PresenceType::Available | PresenceType::Unavailable, Some(to)) => {
            directed(session, kind, stanza, to).await;
        }
        (PresenceType::Subscribe, Some(to)) => {
            subscription::send(session, stanza, bare(&to), Step::Subscribe).await
        }
        (PresenceType::Subscribed, Some(to)) => {
            subscription::send(session, stanza, bare(&to), Step::Subscribed).await;
        }
        (PresenceType::Unsubscribe, Some(to)) => {
            subscription::send(session, stanza, bare(&to), Step::Unsubscribe).await;
        }
        (PresenceType::Unsubscribed, Some(to)) => {
            subscription::send(session, stanza, bare(&to), Step::Unsubscribed).await;
        }
        (PresenceType::Probe, Some(to)) => probe::for_client(session, &to).await,
        (PresenceType::Error, Some(to)) if to.resource().is_some() => {
            broadcast::direct(&session.account, Arc::new(stanza), &to).await;
        }
        (PresenceType::Error | PresenceType::Probe, _) => {}
        (_, None) => refuse(session, &stanza, &StanzaError::new(Condition::BadRequest)),
    }
}

/// The session's own availability (RFC 6121 §4.2, §4.4, §4.5).
async fn own(session: &Arc<Session>, kind: PresenceType, stanza: Stanza) {
    let account = &session.account;
    let Ok(priority) = priority(&stanza) else {
        let error = StanzaError::new(Condition::BadRequest).text("priority is a number from -128 to 127");
        return refuse(session, &stanza, &error);
    };
    let stanza = Arc::new(stanza);
    if kind == PresenceType::Unavailable {
        withdraw(session, stanza).await;
        return;
    }
    let Some(was_available) = account.set_presence(session, kind, stanza.clone(), priority) else { return };
    broadcast::broadcast(account, stanza).await;
    if !was_available {
        arrive(session).await;
    }
}

/// After an initial presence: what the session has not seen (RFC 6121 §4.3, §3.1.3).
async fn arrive(session: &Arc<Session>) {
    let account = &session.account;
    probe::own_resources(session).await;
    let roster = match account.core().rosters.get(account.id).await {
        Ok(roster) => roster,
        Err(error) => {
            tracing::error!(account = %account.jid, %error, "a roster could not be loaded");
            return;
        }
    };
    for row in roster.rows.values() {
        if crate::transition::to(row) {
            probe::for_contact(session, &row.contact).await;
        }
        if let Some(request) = &row.request
            && let Some(request) = Stanza::restore(request)
        {
            let targets = Targets::Session(session.id);
            let _ = route::deliver(account, Arc::new(request), None, targets).await;
        }
    }
}

/// Changes the presence that a session shows without its client's doing, where `change` gives another, and shows it to
/// who saw the one before. Directed presence stays as it was sent.
pub async fn renew(session: &Arc<Session>, change: impl FnOnce(&Stanza) -> Option<Stanza>) {
    let account = &session.account;
    let changed = account.resource(session, |resource| {
        let changed = Arc::new(change(resource.presence.stanza.as_deref()?)?);
        resource.presence.stanza = Some(changed.clone());
        Some(changed)
    });
    let mut untold = changed.flatten();
    while let Some(stanza) = untold {
        broadcast::broadcast(account, stanza.clone()).await;
        // What the client has sent meanwhile may have been overtaken.
        let newest = account.resource(session, |resource| resource.presence.stanza.clone()).flatten();
        if newest.is_none() {
            let gone = broadcast::unavailable(Some(session.jid.clone()));
            broadcast::broadcast(account, Arc::new(gone)).await;
        }
        untold = newest.filter(|newest| !Arc::ptr_eq(newest, &stanza));
    }
}

/// The session is available no more: contacts are told, and whoever got directed presence (§4.5.2, §4.6.3).
pub(crate) async fn withdraw(session: &Arc<Session>, stanza: Arc<Stanza>) {
    let seen = session.account.resource(session, |resource| {
        let seen = Seen::take(resource);
        resource.set_presence(PresenceType::Unavailable, stanza.clone(), 0);
        seen
    });
    if let Some(seen) = seen {
        let available = seen.available;
        tell_gone(session, stanza.clone(), seen).await;
        if available {
            // §4.5.2: the resource that it came from gets it as well.
            let own = Delivery::shared(stanza, Targets::Session(session.id));
            session.account.accept(Delivery { to: Some(session.jid.clone()), ..own });
        }
    }
}

/// Who saw a session.
pub(crate) struct Seen {
    /// Contacts and the own resources did.
    available: bool,
    /// Whom it sent presence directly.
    directed: Vec<Addr>,
}

impl Seen {
    pub fn take(resource: &mut Resource) -> Seen {
        Seen { available: resource.is_available(), directed: std::mem::take(&mut resource.directed) }
    }
}

/// Tells everyone who saw the session that it is gone.
pub(crate) async fn tell_gone(session: &Arc<Session>, stanza: Arc<Stanza>, seen: Seen) {
    let account = &session.account;
    let mut told = None;
    if seen.available {
        // Before anyone is told: who then asks when it was finds the answer.
        if !account.is_available() {
            account.host.table().gone(account, &stanza);
        }
        broadcast::broadcast(account, stanza.clone()).await;
        told = account.core().rosters.get(account.id).await.ok();
    }
    for to in seen.directed {
        // Contacts were told with the broadcast.
        if !told.as_ref().is_some_and(|roster| roster.shows_presence_to(&to)) {
            broadcast::direct(account, stanza.clone(), &to).await;
        }
    }
}

/// Directed presence (RFC 6121 §4.6).
async fn directed(session: &Arc<Session>, kind: PresenceType, stanza: Stanza, to: Addr) {
    let core = session.account.core();
    let (domain, account) = (to.domain(), &session.account);
    if let Some(component) = core.component(domain.as_str()) {
        if kind == PresenceType::Available && !component.is_connected() {
            let error = StanzaError::new(Condition::RemoteServerTimeout);
            return refuse(session, &stanza, &error.text("this component is not connected"));
        }
    } else if core.host(domain.as_str()).is_none() {
        // RFC 6120 §10.4: a client that joins a room elsewhere must not wait for ever.
        return refuse(session, &stanza, &StanzaError::elsewhere());
    }
    let limit = core.settings.directed_presence;
    let fits = account.resource(session, |resource| {
        resource.directed.retain(|known| *known != to);
        if kind == PresenceType::Available {
            if resource.directed.len() >= limit {
                return false;
            }
            resource.directed.push(to.clone());
        }
        true
    });
    if fits == Some(false) {
        let error = StanzaError::new(Condition::ResourceConstraint);
        return refuse(session, &stanza, &error.text("presence was sent directly to too many"));
    }
    broadcast::direct(account, Arc::new(stanza), &to).await;
}

/// RFC 6121 §4.7.2.3: from -128 to 127, 0 if absent.
fn priority(stanza: &Stanza) -> Result<i8, ()> {
    match stanza.child("priority", ns::CLIENT) {
        None => Ok(0),
        Some(child) => child.text(stanza.element()).trim().parse().map_err(|_| ()),
    }
}
