//! Presence to those who may see it (RFC 6121 §4.2, §4.4, §4.5).

use std::sync::Arc;

use waxwing_kernel::{Account, Passing, Point, Resource, Targets};
use waxwing_stanza::{Addr, Kind, PresenceType, Stanza};

use crate::route::deliver;

/// Sends a session's presence to the account's own available resources and to the contacts that are shown it.
pub(crate) async fn broadcast(account: &Arc<Account>, stanza: Arc<Stanza>) {
    let _ = deliver(account, stanza.clone(), Some(account.jid.clone()), Targets::Available).await;
    for contact in viewers(account).await {
        if lets_out(account, &stanza, &contact.jid).await {
            let to = contact.jid.clone();
            let _ = deliver(&contact, stanza.clone(), Some(to), Targets::Available).await;
        }
    }
}

/// Whether the account's own guards let presence out to a contact: it may be one whom it blocks.
async fn lets_out(account: &Arc<Account>, stanza: &Stanza, to: &Addr) -> bool {
    let mut addressed = stanza.clone();
    addressed.to = Some(to.clone());
    let passing = Passing { point: Point::FromClient, stanza: &addressed, account, session: None };
    account.host.table().guard(&passing).await.is_ok()
}

/// The contacts that are shown the account's presence, as far as they are in memory: others have no session. One
/// whose roster cannot be loaded shows itself to nobody.
async fn viewers(account: &Account) -> Vec<Arc<Account>> {
    let roster = match account.core().rosters.get(account.id).await {
        Ok(roster) => roster,
        Err(error) => {
            tracing::error!(account = %account.jid, %error, "a roster could not be loaded");
            return Vec::new();
        }
    };
    let shown = roster.rows.values().filter(|row| crate::transition::from(row));
    shown.filter_map(|row| account.core().directory.present_at(&row.contact)).collect()
}

/// Sends directed presence of a session, to a full or bare JID, if somebody is there.
pub(crate) async fn direct(account: &Account, stanza: Arc<Stanza>, to: &Addr) {
    let Some(contact) = account.core().directory.present(to) else { return };
    let targets = if to.resource().is_some() { Targets::Full } else { Targets::Available };
    let mut addressed = (*stanza).clone();
    addressed.to = Some(to.clone());
    let _ = deliver(&contact, Arc::new(addressed), None, targets).await;
}

/// Shows a contact the presence of all available resources of an account, as far as the contact has a session.
pub async fn announce_to(account: &Arc<Account>, contact: &Addr) {
    let Some(contact) = account.core().directory.present(contact) else { return };
    for stanza in available(account) {
        let _ = deliver(&contact, stanza, Some(contact.jid.clone()), Targets::Available).await;
    }
}

/// Tells a contact that all available resources of an account are gone.
pub async fn withdraw_from(account: &Arc<Account>, contact: &Addr) {
    let Some(contact) = account.core().directory.present(contact) else { return };
    for stanza in available(account) {
        let gone = unavailable(stanza.from.clone());
        let _ = deliver(&contact, Arc::new(gone), Some(contact.jid.clone()), Targets::Available).await;
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
