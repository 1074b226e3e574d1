//! One stanza of a client, from the stream to its effects.

use std::sync::Arc;

use waxwing_kernel::{Amending, Passing, Point, Session, Ticket};
use waxwing_stanza::{Kind, Stanza, StanzaError};

use crate::{iq, message, presence};

/// Handles one stanza whole. `stanza.from` is the session's full JID. Answers go to the session's outbox; the
/// ticket is completed when every effect stands.
pub async fn handle(session: Arc<Session>, mut stanza: Stanza, ticket: Ticket) {
    let session = &session;
    let account = &session.account;
    let table = account.host.table();
    let passing = Passing { point: Point::FromClient, stanza: &stanza, account, session: Some(session) };
    if let Err(refused) = table.guard(&passing).await {
        if let Some(error) = refused {
            refuse(session, &stanza, &error);
        }
        return ticket.complete();
    }
    table.amend(Point::FromClient, &mut Amending { stanza: &mut stanza, account });
    match stanza.kind {
        Kind::Message(kind) => message::send(session, kind, stanza, &ticket).await,
        // Boxed: most are messages, and their way is made no larger for the others.
        Kind::Presence(kind) => Box::pin(presence::send(session, kind, stanza)).await,
        Kind::Iq(kind) => Box::pin(iq::send(session, kind, stanza)).await,
    }
    ticket.complete();
}

/// Answers a session's own stanza with an error, where one may be answered.
pub(crate) fn refuse(session: &Session, stanza: &Stanza, error: &StanzaError) {
    if let Some(answer) = stanza.error(error) {
        session.push_own(answer);
    }
}
