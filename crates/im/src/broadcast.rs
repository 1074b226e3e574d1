//! Presence to those who may see it (RFC 6121 §4.2, §4.4, §4.5).

use std::sync::Arc;

use jid::Jid;
use smallvec::SmallVec;
use waxwing_kernel::{Account, Component, Core, Passing, Point, Resource, Session, Targets};
use waxwing_stanza::{Addr, Kind, PresenceType, Stanza};

use crate::route::deliver;

/// Sends a session's presence to the account's own available resources and to the contacts that are shown it.
pub(crate) async fn broadcast(account: &Arc<Account>, stanza: Arc<Stanza>) {
    let _ = deliver(account, stanza.clone(), Some(account.jid.clone()), Targets::Available).await;
    for viewer in viewers(account).await {
        show(account, &stanza, &viewer).await;
    }
}

/// A contact that somebody answers for.
enum Viewer {
    Here(Arc<Account>),
    /// Somebody at a component.
    Component(Arc<Component>, Addr),
}

/// Shows a contact a presence of the account, as far as the account's own guards let it out: it may block the contact,
/// or one of its resources.
async fn show(account: &Arc<Account>, presence: &Arc<Stanza>, viewer: &Viewer) {
    let mut addressed = Stanza::clone(presence);
    match viewer {
        Viewer::Here(contact) => {
            let to = Some(contact.jid.clone());
            let sessions: SmallVec<[Arc<Session>; 4]> = contact.resources(|resources| {
                let available = resources.iter().filter(|resource| resource.is_available());
                available.map(|resource| resource.session.clone()).collect()
            });
            let mut let_out = SmallVec::<[_; 4]>::new();
            for session in &sessions {
                if lets_out(account, &mut addressed, &session.jid).await {
                    let_out.push(session.id);
                }
            }
            if let_out.len() == sessions.len() {
                let _ = deliver(contact, presence.clone(), to, Targets::Available).await;
                return;
            }
            for id in let_out {
                let _ = deliver(contact, presence.clone(), to.clone(), Targets::Session(id)).await;
            }
        }
        Viewer::Component(component, contact) => {
            if lets_out(account, &mut addressed, contact).await {
                send_out(component, presence.clone(), contact);
            }
        }
    }
}

/// Presence to somebody at a component. One that is not connected misses it, as a server that is not reached does.
pub(crate) fn send_out(component: &Component, presence: Arc<Stanza>, to: &Addr) {
    let _ = component.send(presence, Some(to.clone()));
}

/// The component that an address belongs to.
pub(crate) fn component_of<'a>(core: &'a Core, address: &Addr) -> Option<&'a Arc<Component>> {
    core.component(address.domain().as_str())
}

/// Whether the account's own guards let a presence out to an address.
async fn lets_out(account: &Arc<Account>, presence: &mut Stanza, to: &Addr) -> bool {
    presence.to = Some(to.clone());
    let passing = Passing { point: Point::FromClient, stanza: presence, account, session: None };
    account.host.table().guard(&passing).await.is_ok()
}

/// The contacts that are shown the account's presence, as far as they are in memory (others have no session) or at a
/// component. One whose roster cannot be loaded shows itself to nobody.
async fn viewers(account: &Account) -> Vec<Viewer> {
    let roster = match account.core().rosters.get(account.id).await {
        Ok(roster) => roster,
        Err(error) => {
            tracing::error!(account = %account.jid, %error, "a roster could not be loaded");
            return Vec::new();
        }
    };
    let shown = roster.rows.values().filter(|row| crate::transition::from(row));
    shown.filter_map(|row| viewer(account.core(), &row.contact)).collect()
}

fn viewer(core: &Core, contact: &str) -> Option<Viewer> {
    if let Some(account) = core.directory.present_at(contact) {
        return Some(Viewer::Here(account));
    }
    let component = core.component(contact.rsplit('@').next()?)?;
    Some(Viewer::Component(component.clone(), Arc::new(Jid::new(contact).ok()?)))
}

/// Sends directed presence of a session, to a full or bare JID, if somebody is there.
pub(crate) async fn direct(account: &Arc<Account>, stanza: Arc<Stanza>, to: &Addr) {
    if to.resource().is_none() {
        if let Some(viewer) = viewer(account.core(), to.as_str()) {
            show(account, &stanza, &viewer).await;
        }
        return;
    }
    if let Some(component) = component_of(account.core(), to) {
        return send_out(component, stanza, to);
    }
    let Some(contact) = account.core().directory.present(to) else { return };
    let mut addressed = (*stanza).clone();
    addressed.to = Some(to.clone());
    let _ = deliver(&contact, Arc::new(addressed), None, Targets::Full).await;
}

/// Shows a contact the presence of all available resources of an account, as far as the contact has a session.
pub async fn announce_to(account: &Arc<Account>, contact: &Addr) {
    let Some(viewer) = viewer(account.core(), contact.as_str()) else { return };
    for stanza in available(account) {
        show(account, &stanza, &viewer).await;
    }
}

/// Tells a contact that all available resources of an account are gone.
pub async fn withdraw_from(account: &Arc<Account>, contact: &Addr) {
    let Some(viewer) = viewer(account.core(), contact.as_str()) else { return };
    for stanza in available(account) {
        show(account, &Arc::new(unavailable(stanza.from.clone())), &viewer).await;
    }
}

/// An unavailable presence made by the server.
pub(crate) fn unavailable(from: Option<Addr>) -> Stanza {
    Stanza::build(Kind::Presence(PresenceType::Unavailable), from, None, None, |_| {})
}

/// The last presence of each available resource.
pub(crate) fn available(account: &Account) -> Vec<Arc<Stanza>> {
    let presence = |resource: &Resource| resource.presence.stanza.clone();
    account.resources(|resources| resources.iter().filter_map(presence).collect())
}
