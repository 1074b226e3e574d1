//! Messages (RFC 6121 §5, and §8 for where they go).

use std::sync::Arc;

use waxwing_kernel::{
    Accepted, Account, Component, Delivery, Keep, Passing, Point, ResendKey, Session, Targets, Ticket,
};
use waxwing_stanza::{Addr, MessageType, Stanza, StanzaError, bare_str};

use crate::handle::refuse;
use crate::route::{Place, place};
use crate::storing::{Storing, archives, is_receipt};
use crate::stranger;

/// Sends a client's message on its way.
pub(crate) async fn send(session: &Arc<Session>, kind: MessageType, mut stanza: Stanza, ticket: &Ticket) {
    // RFC 6120 §10.3.1: without an addressee it is for the sender's own account.
    let to = stanza.to.get_or_insert_with(|| session.account.jid.clone()).clone();
    let recipient = match place(session.account.core(), &to).await {
        Ok(Place::Account(account)) => account,
        Ok(Place::Server(_)) => return refuse(session, &stanza, &StanzaError::nobody()),
        Ok(Place::Nobody(_)) => {
            let error = admitted(session, kind, None).await.err();
            return refuse(session, &stanza, &error.unwrap_or_else(StanzaError::nobody));
        }
        Ok(Place::Component(component)) => return to_component(session, &component, stanza, ticket).await,
        Ok(Place::Elsewhere) => return refuse(session, &stanza, &StanzaError::elsewhere()),
        Err(error) => return refuse(session, &stanza, &error),
    };
    if let Err(error) = admitted(session, kind, Some(&recipient)).await {
        return refuse(session, &stanza, &error);
    }
    let passing = Passing { point: Point::ToAccount, stanza: &stanza, account: &recipient, session: None };
    match recipient.host.table().guard(&passing).await {
        Ok(()) => {}
        Err(None) => return,
        Err(Some(error)) => return refuse(session, &stanza, &error),
    }
    let Some(targets) = targets(kind, &stanza, &to) else {
        return refuse(session, &stanza, &StanzaError::nobody());
    };
    let sending = match Sending::plan(session, &recipient, &stanza, ticket).await {
        Ok(sending) => sending,
        Err(error) => {
            tracing::error!(%error, "a message could not be planned");
            return refuse(session, &stanza, &StanzaError::unanswering());
        }
    };
    sending.go(session, &recipient, Arc::new(stanza), targets, ticket).await;
}

/// Whether the sender may write to whom it may not have met. Errors and what comes from rooms are no first messages.
async fn admitted(
    session: &Session,
    kind: MessageType,
    recipient: Option<&Account>,
) -> Result<(), StanzaError> {
    match kind {
        MessageType::Error | MessageType::Groupchat => Ok(()),
        _ => stranger::admit(&session.account, recipient).await,
    }
}

/// To a component: handed over, and kept for the sender only. No log waits for a component that is not there.
async fn to_component(session: &Arc<Session>, component: &Component, stanza: Stanza, ticket: &Ticket) {
    let account = &session.account;
    let ours = match &stanza.to {
        Some(to) if Storing::of(&stanza) == Storing::Everything => archives(account, to).await,
        _ => Ok(false),
    };
    let ours = match ours {
        Ok(ours) => ours,
        Err(_) => return refuse(session, &stanza, &StanzaError::unanswering()),
    };
    let key = if session.is_numbered() { ResendKey::of(&stanza) } else { None };
    if key.is_some_and(|key| account.knows(session, ticket, key)) {
        return;
    }
    if let Some(to) = &stanza.to {
        account.note_outside(bare_str(to));
    }
    let stanza = Arc::new(stanza);
    if let Err(error) = component.send(stanza.clone(), None) {
        session.forget(ticket);
        if !crate::storing::is_lone_chat_state(&stanza) {
            refuse(session, &stanza, &error);
        }
        return;
    }
    let sending =
        Sending { key: None, theirs: None, ours, theirs_stands: false, ours_stands: false, own: false };
    sending.keep_ours(session, &stanza, ticket).await;
}

/// Where a message goes (RFC 6121 §8.5.2 and §8.5.3), `None` where it must not go anywhere.
pub(crate) fn targets(kind: MessageType, stanza: &Stanza, to: &Addr) -> Option<Targets> {
    let full = to.resource().is_some();
    match kind {
        MessageType::Chat if full => Some(Targets::FullElseMessages),
        MessageType::Normal if full && is_receipt(stanza) => Some(Targets::FullElseMessages),
        _ if full => Some(Targets::Full),
        MessageType::Groupchat => None,
        MessageType::Error => Some(Targets::Nobody),
        MessageType::Chat | MessageType::Normal | MessageType::Headline => Some(Targets::Messages),
    }
}

/// What becomes of one message in the logs of both sides.
struct Sending {
    key: Option<ResendKey>,
    /// The recipient's log takes it in, and whether archived.
    theirs: Option<bool>,
    /// The sender's archive takes it in.
    ours: bool,
    /// A resend whose recipient's entry stands.
    theirs_stands: bool,
    /// A resend whose sender's entry stands.
    ours_stands: bool,
    own: bool,
}

impl Sending {
    async fn plan(
        session: &Arc<Session>,
        recipient: &Arc<Account>,
        stanza: &Stanza,
        ticket: &Ticket,
    ) -> Result<Sending, waxwing_store::StoreError> {
        let account = &session.account;
        let own = account.id == recipient.id;
        let storing = Storing::of(stanza);
        let to = stanza.to.as_ref().unwrap_or(&recipient.jid);
        let theirs = match storing {
            Storing::Nothing => None,
            Storing::Pending => Some(false),
            Storing::Everything => Some(archives(recipient, &session.jid).await?),
        };
        let ours = !own && storing == Storing::Everything && archives(account, to).await?;
        let key = if session.is_numbered() && theirs.is_some() { ResendKey::of(stanza) } else { None };
        let stands = |key: Option<ResendKey>| key.is_some_and(|key| account.knows(session, ticket, key));
        let theirs_stands = stands(key);
        let ours_stands = ours && stands(key.map(ResendKey::own));
        Ok(Sending { key, theirs, ours, theirs_stands, ours_stands, own })
    }

    async fn go(
        self,
        session: &Arc<Session>,
        recipient: &Arc<Account>,
        stanza: Arc<Stanza>,
        targets: Targets,
        ticket: &Ticket,
    ) {
        let account = &session.account;
        let stands = if self.ours { self.ours_stands } else { self.theirs_stands };
        if !self.own && !stands {
            self.keep_ours(session, &stanza, ticket).await;
        }
        if self.theirs_stands {
            tracing::debug!(account = %account.jid, "a resent message was known");
            return;
        }
        let keep = match self.theirs {
            None => None,
            Some(archived) => {
                let permit = account.core().writer.permit().await;
                let key = self.key.map(|key| (account.id, key));
                Some(Keep { archived, pending: true, permit, key })
            }
        };
        // One to a full JID that nobody has waits only where it counts as one to the bare JID.
        let waits = targets != Targets::Full;
        let effect = keep.is_some().then(|| ticket.another());
        let delivery = Delivery {
            stanza: stanza.clone(),
            to: None,
            targets,
            keep,
            ticket: effect,
            waits,
            point: Point::ToAccount,
        };
        match recipient.accept(delivery) {
            Accepted::Taken => {}
            Accepted::NoSession => {
                session.forget(ticket);
                if answers_absence(&stanza, targets) {
                    refuse(session, &stanza, &StanzaError::nobody());
                }
            }
            Accepted::Full => {
                session.forget(ticket);
                refuse(session, &stanza, &StanzaError::waiting());
            }
        }
    }

    /// The sender's own entry, and the copies for its other sessions.
    async fn keep_ours(&self, session: &Arc<Session>, stanza: &Arc<Stanza>, ticket: &Ticket) {
        let account = &session.account;
        if !self.ours && account.has_only(session) {
            return;
        }
        let keep = if self.ours {
            let permit = account.core().writer.permit().await;
            let key = self.key.map(|key| (account.id, key.own()));
            Some(Keep { archived: true, pending: false, permit, key })
        } else {
            None
        };
        let ticket = keep.is_some().then(|| ticket.another());
        account.accept(Delivery {
            stanza: stanza.clone(),
            to: None,
            targets: Targets::Nobody,
            keep,
            ticket,
            waits: true,
            point: Point::FromClient,
        });
    }
}

/// Whether the sender is told that nobody took it: not for headlines to the bare JID (RFC 6121 §8.5.2.2.1),
/// nor for a typing notice.
pub(crate) fn answers_absence(stanza: &Stanza, targets: Targets) -> bool {
    use waxwing_stanza::Kind;
    match stanza.kind {
        Kind::Message(MessageType::Headline) => targets == Targets::Full,
        Kind::Message(MessageType::Error) => false,
        _ => !crate::storing::is_lone_chat_state(stanza),
    }
}
