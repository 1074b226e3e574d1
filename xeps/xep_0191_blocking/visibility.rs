//! Whoever is blocked sees the account go, whoever is unblocked sees it come (XEP-0191 §3.3, §3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Account, Delivery, Passing, Point, Targets};
use waxwing_stanza::{Addr, Kind, PresenceType, Stanza, bare_str};

/// Sends unavailable presence to those who were shown presence and are blocked now, also where it was sent to
/// them directly. `affected` says who is blocked now and was not before.
pub async fn withdraw(account: &Arc<Account>, items: &BTreeSet<String>, affected: impl Fn(&Jid) -> bool) {
    let viewers = viewers(account, items, &affected).await;
    let sessions: Vec<_> =
        account.resources(|resources| resources.iter().map(|resource| resource.session.clone()).collect());
    for session in sessions {
        let shown = account.resource(&session, |resource| {
            let (gone, stay) =
                std::mem::take(&mut resource.directed).into_iter().partition(|to| affected(to));
            resource.directed = stay;
            (resource.is_available(), gone)
        });
        let Some((available, mut directed)) = shown else { continue };
        directed.retain(|to: &Addr| !(available && viewers.contains(to)));
        let viewers = viewers.iter().filter(|_| available);
        for to in viewers.chain(&directed) {
            let from = Some(session.jid.clone());
            let gone = Stanza::build(
                Kind::Presence(PresenceType::Unavailable),
                from,
                Some(to.clone()),
                None,
                |_| {},
            );
            send(account, gone, to).await;
        }
    }
}

/// Sends the presence of all available resources to those who may see it and are blocked no more. `affected`
/// says who was blocked before and is not now.
pub async fn announce(account: &Arc<Account>, items: &BTreeSet<String>, affected: impl Fn(&Jid) -> bool) {
    let viewers = viewers(account, items, &affected).await;
    let presences: Vec<Arc<Stanza>> = account.resources(|resources| {
        resources.iter().filter_map(|resource| resource.presence.stanza.clone()).collect()
    });
    for to in &viewers {
        for presence in &presences {
            let mut presence = Stanza::clone(presence);
            presence.to = Some(to.clone());
            send(account, presence, to).await;
        }
    }
}

/// Affected contacts that are shown the account's presence; and where one resource of a contact is affected, that.
async fn viewers(account: &Account, items: &BTreeSet<String>, affected: impl Fn(&Jid) -> bool) -> Vec<Addr> {
    let roster = match account.core().rosters.get(account.id).await {
        Ok(roster) => roster,
        Err(error) => {
            tracing::error!(account = %account.jid, %error, "a roster could not be loaded");
            return Vec::new();
        }
    };
    let contacts = roster.rows.keys().filter_map(|contact| Jid::new(contact).ok());
    let contacts = contacts.filter(|contact| roster.shows_presence_to(contact) && affected(contact));
    let items = items.iter().filter_map(|item| Jid::new(item).ok()).filter(|item| item.resource().is_some());
    let resources = items.filter(|item| {
        let contact = Jid::new(bare_str(item));
        roster.shows_presence_to(item) && affected(item) && !contact.is_ok_and(|contact| affected(&contact))
    });
    contacts.chain(resources).map(Arc::new).collect()
}

/// To whoever is connected here, and does not block the account in turn.
async fn send(account: &Account, presence: Stanza, to: &Addr) {
    let Some(contact) = account.core().directory.present(to) else { return };
    let passing = Passing { point: Point::ToAccount, stanza: &presence, account: &contact, session: None };
    if contact.host.table().guard(&passing).await.is_ok() {
        let targets = if to.resource().is_some() { Targets::Full } else { Targets::Available };
        contact.accept(Delivery::plain(presence, targets));
    }
}
