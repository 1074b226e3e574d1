//! The resumption of a stream (XEP-0198 §4) on a new connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use waxwing_kernel::{Account, Session};
use waxwing_stanza::Condition;
use waxwing_xml::Element;

use super::Login;
use crate::error::{End, StreamError};
use crate::held::Held;
use crate::sm;

/// How long the old connection has to let go, and what it received to become durable.
const HANDOVER: Duration = Duration::from_secs(10);

/// Why a session is not resumed.
pub struct Refused {
    pub condition: Condition,
    /// How much of it was handled, if it is known.
    pub h: Option<u32>,
}

/// A session that goes on here.
pub struct Resumed {
    pub held: Held,
    previd: String,
    /// How much of it was handled.
    h: u32,
}

impl Resumed {
    pub fn write(&self, out: &mut Vec<u8>) {
        sm::write_resumed(out, &self.previd, self.h);
    }
}

/// Resumes a session of this account. Refused, the client may bind instead.
pub async fn resume(
    login: &Login,
    account: &Account,
    element: &Element,
) -> Result<Result<Resumed, Refused>, End> {
    let (Some(previd), Some(h)) = (element.attr("previd"), sm::h(element)) else {
        return Ok(Err(Refused { condition: Condition::BadRequest, h: None }));
    };
    let held = match take_over(login, account, previd).await {
        Ok(held) => held,
        Err(refused) => return Ok(Err(refused)),
    };
    let session = held.session();
    if let Err(sent) = session.acknowledge(h) {
        return Err(StreamError::handled_too_high(h, sent).into());
    }
    let handled = session.inbound(|inbound| inbound.tell());
    session.account.wake(session);
    Ok(Ok(Resumed { held, previd: previd.to_owned(), h: handled }))
}

/// Gets the session from whoever serves it.
async fn take_over(login: &Login, account: &Account, token: &str) -> Result<Held, Refused> {
    let lease = login.clients.leases.find(token, account);
    // The lease itself is not kept: when the session ends, the answer is that nobody will answer.
    let wanted = lease.map_err(|h| Refused { condition: Condition::ItemNotFound, h })?.want();
    let deadline = Instant::now() + HANDOVER;
    let held = match timeout_at(deadline, wanted).await {
        Ok(Ok(held)) => held,
        // It ended, or somebody asked for it after us.
        Ok(Err(_)) => return Err(Refused { condition: Condition::ItemNotFound, h: None }),
        Err(_) => return Err(Refused { condition: Condition::ResourceConstraint, h: None }),
    };
    let session = held.session().clone();
    // The client sends again what `h` does not count, and counts on from `h`: nothing may be under way.
    if timeout_at(deadline, settled(&session)).await.is_err() {
        return Err(Refused { condition: Condition::ResourceConstraint, h: None });
    }
    if is_over(&session) {
        held.end().await;
        return Err(Refused { condition: Condition::ItemNotFound, h: None });
    }
    Ok(held)
}

async fn settled(session: &Arc<Session>) {
    while session.inbound(|inbound| inbound.outstanding()) > 0 && !is_over(session) {
        session.woken().await;
    }
}

/// The session ends or is to end.
fn is_over(session: &Session) -> bool {
    session.closing().is_some() || session.has_ended()
}
