//! Asking for and telling the current presence (RFC 6121 §4.3).

use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Account, Session, Targets};
use waxwing_stanza::{Addr, Kind, PresenceType, Stanza, bare};

use crate::broadcast::available;
use crate::route::{Place, deliver, place};
use crate::subscription;
use crate::transition::Step;

/// What came of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The contact's presence was sent to whom it concerns, or nothing is to be said.
    Told,
    /// The contact is not there, and the asker may know.
    Away,
    /// There is no such account, or it shows the asker nothing: both answer alike.
    Unsubscribed,
}

/// The server asks for a session that has just become available.
async fn for_session(session: &Arc<Session>, contact: &Addr) {
    if ask(session, contact).await == Answer::Unsubscribed {
        // The contact's roster says otherwise than ours: ours is mended.
        subscription::receive(&session.account, contact, Step::Unsubscribed, None).await;
    }
}

/// Asks anew for the presence of a contact that an account is subscribed to, for all of its available sessions: some of it
/// was kept from them.
pub async fn probe_again(account: &Arc<Account>, contact: &Addr) {
    let sessions: Vec<Arc<Session>> = account.resources(|resources| {
        let available = resources.iter().filter(|resource| resource.is_available());
        available.map(|resource| resource.session.clone()).collect()
    });
    for session in sessions {
        for_contact(&session, contact.as_str()).await;
    }
}

/// The server asks somebody who is in the account's roster, for a session. One who is not in memory has no session, and
/// nothing to show.
pub(crate) async fn for_contact(session: &Arc<Session>, contact: &str) {
    match session.account.core().directory.present_at(contact) {
        Some(contact) => for_session(session, &contact.jid).await,
        None => outside(session, contact).await,
    }
}

/// A client asks by itself.
pub(crate) async fn for_client(session: &Arc<Session>, contact: &Addr) {
    let contact = bare(contact);
    let kind = match ask(session, &contact).await {
        Answer::Told => return,
        Answer::Away => PresenceType::Unavailable,
        Answer::Unsubscribed => PresenceType::Unsubscribed,
    };
    let to = Some(session.jid.clone());
    let stanza = Stanza::build(Kind::Presence(kind), Some(contact), to, None, |_| {});
    tell(session, Arc::new(stanza)).await;
}

/// The server asks somebody at a component for a session (RFC 6121 §4.3.1), whose answer goes to that session. Whom
/// the account blocks is not asked.
async fn outside(session: &Arc<Session>, contact: &str) {
    let account = &session.account;
    let core = account.core();
    let Some(component) = contact.rsplit('@').next().and_then(|domain| core.component(domain)) else {
        return;
    };
    let Ok(contact) = Jid::new(contact) else { return };
    let (kind, from) = (Kind::Presence(PresenceType::Probe), Some(session.jid.clone()));
    let probe = Stanza::build(kind, from, Some(Arc::new(contact)), None, |_| {});
    let passing = waxwing_kernel::Passing {
        point: waxwing_kernel::Point::FromClient,
        stanza: &probe,
        account,
        session: Some(session),
    };
    if account.host.table().guard(&passing).await.is_ok() {
        // One that is not connected has nobody to show.
        let _ = component.send(Arc::new(probe), None);
    }
}

async fn ask(session: &Arc<Session>, contact: &Addr) -> Answer {
    let account = &session.account;
    let core = account.core();
    let contact = match place(core, contact).await {
        Ok(Place::Account(contact)) => contact,
        Ok(Place::Nobody(_)) => return Answer::Unsubscribed,
        Ok(Place::Component(_)) => {
            outside(session, contact.as_str()).await;
            return Answer::Told;
        }
        Ok(Place::Server(_) | Place::Elsewhere) | Err(_) => return Answer::Told,
    };
    match core.rosters.get(contact.id).await {
        Ok(roster) if contact.id == account.id || roster.shows_presence_to(&account.jid) => {}
        Ok(_) => return Answer::Unsubscribed,
        // It cannot be told whether the asker may know: nothing is shown, and nothing changed.
        Err(_) => return Answer::Told,
    }
    // Whom the contact blocks gets no answer at all.
    let probe = Kind::Presence(PresenceType::Probe);
    let probe = Stanza::build(probe, Some(session.jid.clone()), Some(contact.jid.clone()), None, |_| {});
    let passing = waxwing_kernel::Passing {
        point: waxwing_kernel::Point::ToAccount,
        stanza: &probe,
        account: &contact,
        session: None,
    };
    if contact.host.table().guard(&passing).await.is_err() {
        return Answer::Told;
    }
    let presences = available(&contact);
    if presences.is_empty() {
        return Answer::Away;
    }
    for stanza in presences {
        tell(session, stanza).await;
    }
    Answer::Told
}

/// Tells a session the presence of the account's other resources (RFC 6121 §4.2.2).
pub(crate) async fn own_resources(session: &Arc<Session>) {
    for stanza in available(&session.account) {
        if stanza.from.as_ref() != Some(&session.jid) {
            tell(session, stanza).await;
        }
    }
}

/// A broadcast names no addressee: it is this session's because it asked.
async fn tell(session: &Session, presence: Arc<Stanza>) {
    let to = Some(session.jid.clone());
    let _ = deliver(&session.account, presence, to, Targets::Session(session.id)).await;
}
