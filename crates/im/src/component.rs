//! What a component sends, and what becomes of what it leaves unread.

use std::sync::Arc;

use waxwing_kernel::{
    Accepted, Account, Amending, At, Component, Core, Delivery, Keep, Passing, Point, Targets,
};
use waxwing_stanza::{Addr, Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError, bare};

use crate::broadcast::{available, send_out, unavailable};
use crate::message::{answers_absence, targets};
use crate::route::{Place, answer, deliver, place};
use crate::storing::{Storing, archives};
use crate::transition::Step;
use crate::{iq, stranger, subscription};

/// Handles one stanza of a component whole. `stanza.from` is an address at its domain, and there is a `to`.
pub async fn from_component(core: &Arc<Core>, component: &Arc<Component>, stanza: Stanza) {
    let Some(to) = stanza.to.clone() else { return };
    if matches!(stanza.kind, Kind::Iq(IqType::Result | IqType::Error)) {
        component.answered(&stanza);
    }
    let found = match place(core, &to).await {
        Ok(found) => found,
        Err(error) => return refuse(core, &stanza, &error),
    };
    if let Place::Component(other) = found {
        let stanza = Arc::new(stanza);
        if let Err(error) = other.send(stanza.clone(), None) {
            refuse(core, &stanza, &error);
        }
        return;
    }
    if let (Place::Elsewhere, false) =
        (&found, matches!(stanza.kind, Kind::Presence(PresenceType::Unavailable)))
    {
        return refuse(core, &stanza, &StanzaError::elsewhere());
    }
    let mut stanza = stanza;
    if let Place::Account(account) = &found {
        let amending = &mut Amending { stanza: &mut stanza, account };
        account.host.table().amend(Point::FromRemote, amending);
    }
    match stanza.kind {
        Kind::Message(kind) => message(core, kind, found, stanza).await,
        Kind::Presence(kind) => presence(core, component, kind, found, stanza).await,
        Kind::Iq(kind) => request(core, kind, found, stanza).await,
    }
}

/// A component's stream has ended: who waits for it is told (there is no log for what it did not read).
pub fn component_lost(core: &Core, unread: Vec<Arc<Stanza>>) {
    for stanza in unread {
        if !matches!(stanza.kind, Kind::Presence(_)) {
            let error = StanzaError::new(Condition::RemoteServerTimeout);
            refuse(core, &stanza, &error.text("this component is not connected"));
        }
    }
}

/// Answers with an error, where one may be answered.
fn refuse(core: &Core, stanza: &Stanza, error: &StanzaError) {
    if let Some(error) = stanza.error(error) {
        answer(core, error);
    }
}

/// Whether the account's guards let it in; where not, its sender is told as they say.
async fn is_let_in(core: &Core, account: &Arc<Account>, stanza: &Stanza) -> bool {
    let passing = Passing { point: Point::ToAccount, stanza, account, session: None };
    match account.host.table().guard(&passing).await {
        Ok(()) => true,
        Err(refused) => {
            if let Some(error) = refused {
                refuse(core, stanza, &error);
            }
            false
        }
    }
}

/// As a message of a client, but that nobody resends it: a component is not told what is durable.
async fn message(core: &Arc<Core>, kind: MessageType, found: Place, stanza: Stanza) {
    let (Some(to), Some(from)) = (stanza.to.clone(), stanza.from.clone()) else { return };
    let account = match found {
        Place::Account(account) => Some(account),
        _ => None,
    };
    let counts = !matches!(kind, MessageType::Error | MessageType::Groupchat) && to.node().is_some();
    if counts && let Err(error) = stranger::admit_outside(core, &from, account.as_deref()).await {
        return refuse(core, &stanza, &error);
    }
    let Some(account) = account else { return refuse(core, &stanza, &StanzaError::nobody()) };
    if !is_let_in(core, &account, &stanza).await {
        return;
    }
    let Some(targets) = targets(kind, &stanza, &to) else {
        return refuse(core, &stanza, &StanzaError::nobody());
    };
    let archived = match Storing::of(&stanza) {
        Storing::Nothing => None,
        Storing::Pending => Some(false),
        Storing::Everything => match archives(&account, &from).await {
            Ok(archived) => Some(archived),
            Err(_) => return refuse(core, &stanza, &StanzaError::unanswering()),
        },
    };
    let keep = match archived {
        None => None,
        Some(archived) => {
            let permit = core.writer.permit().await;
            Some(Keep { archived, pending: true, permit, key: None })
        }
    };
    let stanza = Arc::new(stanza);
    let waits = targets != Targets::Full;
    let delivery = Delivery { keep, waits, ..Delivery::shared(stanza.clone(), targets) };
    match account.accept(delivery) {
        Accepted::Taken => {}
        Accepted::NoSession if !answers_absence(&stanza, targets) => {}
        Accepted::NoSession => refuse(core, &stanza, &StanzaError::nobody()),
        Accepted::Full => {
            refuse(core, &stanza, &StanzaError::waiting());
        }
    }
}

async fn presence(
    core: &Core,
    component: &Arc<Component>,
    kind: PresenceType,
    found: Place,
    mut stanza: Stanza,
) {
    let (Some(to), Some(from)) = (stanza.to.clone(), stanza.from.clone()) else { return };
    let account = match found {
        Place::Account(account) => Some(account),
        _ => None,
    };
    if kind == PresenceType::Subscribe && to.node().is_some() {
        let admitted = match subscription::is_keepable(core, &stanza) {
            Ok(()) => stranger::admit_outside(core, &from, account.as_deref()).await,
            refused => refused,
        };
        if let Err(error) = admitted {
            return refuse(core, &stanza, &error);
        }
    }
    // RFC 6121 §8.5.1: presence to nobody is met with silence.
    let Some(account) = account else { return };
    let step = match kind {
        PresenceType::Available | PresenceType::Unavailable | PresenceType::Error => {
            let targets = if to.resource().is_some() { Targets::Full } else { Targets::Available };
            let _ = deliver(&account, Arc::new(stanza), None, targets).await;
            return;
        }
        PresenceType::Probe => return probed(component, &account, &stanza, &from).await,
        PresenceType::Subscribe => Step::Subscribe,
        PresenceType::Subscribed => Step::Subscribed,
        PresenceType::Unsubscribe => Step::Unsubscribe,
        PresenceType::Unsubscribed => Step::Unsubscribed,
    };
    // §3.1.2: between bare JIDs, whatever it wrote.
    let contact = bare(&from);
    stanza.from = Some(contact.clone());
    stanza.to = Some(account.jid.clone());
    subscription::receive(&account, &contact, step, Some(stanza)).await;
}

/// RFC 6121 §4.3.2.
async fn probed(component: &Component, account: &Arc<Account>, probe: &Stanza, from: &Addr) {
    let Ok(roster) = account.core().rosters.get(account.id).await else { return };
    let passing = Passing { point: Point::ToAccount, stanza: probe, account, session: None };
    if account.host.table().guard(&passing).await.is_err() {
        return;
    }
    if !roster.shows_presence_to(from) {
        let kind = Kind::Presence(PresenceType::Unsubscribed);
        let stanza = Stanza::build(kind, Some(account.jid.clone()), None, None, |_| {});
        return send_out(component, Arc::new(stanza), &bare(from));
    }
    let presences = available(account);
    if presences.is_empty() {
        return send_out(component, Arc::new(unavailable(Some(account.jid.clone()))), from);
    }
    presences.into_iter().for_each(|stanza| send_out(component, stanza, from));
}

async fn request(core: &Arc<Core>, kind: IqType, found: Place, stanza: Stanza) {
    let (Some(to), Some(from)) = (stanza.to.clone(), stanza.from.clone()) else { return };
    if to.resource().is_some() {
        let stanza = Arc::new(stanza);
        let delivered = match found {
            Place::Account(account) => deliver(&account, stanza.clone(), None, Targets::Full).await,
            _ => Ok(Accepted::NoSession),
        };
        return match delivered {
            Ok(Accepted::Taken) | Err(None) => {}
            Ok(_) => refuse(core, &stanza, &StanzaError::nobody()),
            Err(Some(error)) => refuse(core, &stanza, &error),
        };
    }
    if matches!(kind, IqType::Result | IqType::Error) {
        // What nobody waits for is dropped.
        core.answers.take(&stanza);
        return;
    }
    let (at, host, account) = match found {
        Place::Server(host) => (At::Host, host, None),
        Place::Nobody(host) => (At::Other, host, None),
        Place::Account(account) => {
            let passing =
                Passing { point: Point::ToAccount, stanza: &stanza, account: &account, session: None };
            let host = account.host.clone();
            // Someone who is blocked is answered as if there were no account.
            let shown = host.table().guard(&passing).await.is_ok();
            (At::Other, host, shown.then_some(account))
        }
        Place::Component(_) | Place::Elsewhere => return,
    };
    match iq::ask((from, None), at, host, account, &stanza).await {
        Ok(result) => answer(core, result),
        Err(error) => refuse(core, &stanza, &error),
    }
}
