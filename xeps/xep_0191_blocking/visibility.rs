//! Whoever is blocked sees the account go, whoever is unblocked sees it come (XEP-0191 §3.3, §3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Account, Delivery, Passing, Point, Roster, Targets};
use waxwing_stanza::{Addr, Kind, PresenceType, Stanza, prepare, same_bare};

/// Sends unavailable presence to those who were shown presence and are blocked now, also where it was sent to
/// them directly. `affected` says who is blocked now and was not before.
pub async fn withdraw(account: &Arc<Account>, items: &BTreeSet<String>, affected: impl Fn(&Jid) -> bool) {
    let viewers = match roster(account).await {
        Some(roster) => viewers(account, &roster, items, &affected),
        None => Vec::new(),
    };
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
            let (kind, from) = (Kind::Presence(PresenceType::Unavailable), Some(session.jid.clone()));
            send(account, Stanza::build(kind, from, Some(to.clone()), None, |_| {}), to).await;
        }
    }
}

/// Sends the presence of all available resources to those who may see it and are blocked no more, and asks those whom
/// the account sees for theirs: what they sent meanwhile was dropped. `affected` says who was blocked before and is not
/// now.
pub async fn announce(account: &Arc<Account>, items: &BTreeSet<String>, affected: impl Fn(&Jid) -> bool) {
    let Some(roster) = roster(account).await else { return };
    let presences: Vec<Arc<Stanza>> = account.resources(|resources| {
        resources.iter().filter_map(|resource| resource.presence.stanza.clone()).collect()
    });
    for to in &viewers(account, &roster, items, &affected) {
        for presence in &presences {
            let mut presence = Stanza::clone(presence);
            presence.to = Some(to.clone());
            send(account, presence, to).await;
        }
    }
    let resources = resources(items);
    for contact in contacts(&roster).filter(|contact| roster.sees_presence_of(contact)) {
        if affected(&contact) || resources.iter().any(|item| same_bare(item, &contact) && affected(item)) {
            waxwing_im::probe_again(account, &contact).await;
        }
    }
}

async fn roster(account: &Account) -> Option<Arc<Roster>> {
    let roster = account.core().rosters.get(account.id).await;
    roster
        .inspect_err(|error| tracing::error!(account = %account.jid, %error, "a roster could not be loaded"))
        .ok()
}

fn contacts(roster: &Roster) -> impl Iterator<Item = Addr> {
    // As they were prepared.
    roster.rows.keys().filter_map(|contact| Jid::new(contact).ok()).map(Arc::new)
}

/// The items that are full JIDs.
fn resources(items: &BTreeSet<String>) -> Vec<Addr> {
    items.iter().filter_map(|item| prepare(item)).filter(|item| item.resource().is_some()).collect()
}

/// Who is affected of those that are shown the account's presence: clients that are available here, and whom we know to
/// be at a component.
fn viewers(
    account: &Account,
    roster: &Roster,
    items: &BTreeSet<String>,
    affected: impl Fn(&Jid) -> bool,
) -> Vec<Addr> {
    let resources = resources(items);
    let mut viewers: Vec<Addr> = Vec::new();
    for contact in contacts(roster).filter(|contact| roster.shows_presence_to(contact)) {
        if let Some(here) = account.core().directory.present(&contact) {
            here.resources(|resources| {
                let available = resources.iter().filter(|resource| resource.is_available());
                viewers.extend(available.map(|resource| resource.session.jid.clone()));
            });
        } else if affected(&contact) {
            viewers.push(contact);
        } else {
            viewers.extend(resources.iter().filter(|item| same_bare(item, &contact)).cloned());
        }
    }
    viewers.retain(|viewer| affected(viewer));
    viewers
}

/// To whoever is connected here, and does not block the account in turn; or to a component.
async fn send(account: &Account, presence: Stanza, to: &Addr) {
    let core = account.core();
    if let Some(component) = core.component(to.domain().as_str()) {
        // One that is not connected has nobody to show it to.
        let _ = component.send(Arc::new(presence), None);
        return;
    }
    let Some(contact) = core.directory.present(to) else { return };
    let passing = Passing { point: Point::ToAccount, stanza: &presence, account: &contact, session: None };
    if contact.host.table().guard(&passing).await.is_ok() {
        let targets = if to.resource().is_some() { Targets::Full } else { Targets::Available };
        contact.accept(Delivery::plain(presence, targets));
    }
}
