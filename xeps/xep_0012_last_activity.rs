//! XEP-0012: Last Activity.
//!
//! When the last resource of an account goes, time and status are written, not awaited: a crash within the moment
//! of the commit, or while the account is online, leaves the departure before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use smallvec::smallvec;
use waxwing_kernel::{
    About, Account, At, Feature, Kinds, Module, On, Passing, Place, Point, Reply, Request, Setup, SetupError,
    Verdict, now,
};
use waxwing_stanza::{Condition, IqType, Kind, Stanza, StanzaError, ns::CLIENT, same_bare};
use waxwing_store::{Done, OnCommit, Outcome, OwnerId, UnixMillis, Write};
use waxwing_xml::Tag;
use xso::FromXml;

use crate::presence;

const LAST: &str = "jabber:iq:last";
/// The kind of the doc, one for each account.
const KIND: &str = "last";
/// Bytes of a status that are kept.
const STATUS: usize = 1024;

pub struct LastActivity {
    started: Instant,
    unwritten: Arc<Unwritten>,
}

/// Departures that are not in the database yet: no more than the writer's queue holds.
#[derive(Default)]
struct Unwritten(Mutex<HashMap<OwnerId, Departure>>);

/// When an account went offline, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Departure {
    at: UnixMillis,
    status: String,
}

#[derive(FromXml)]
#[xml(namespace = LAST, name = "query")]
struct Query;

impl Module for LastActivity {
    const ABOUT: About = About {
        xep: 12,
        version: "2.0",
        name: "Last Activity",
        features: &[Feature(Place::Host, LAST), Feature(Place::Account, LAST)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<LastActivity, SetupError> {
        Ok(LastActivity { started: Instant::now(), unwritten: Arc::default() })
    }

    fn install(on: &mut On<'_, LastActivity>) {
        on.get(At::Host, LastActivity::uptime);
        on.get(At::Own, LastActivity::own);
        on.get(At::Other, LastActivity::other);
        on.guard(Point::ToAccount, Kinds::IQ, LastActivity::refuse_strangers);
        on.gone(LastActivity::gone);
    }
}

impl LastActivity {
    /// §5.
    async fn uptime(self: Arc<Self>, _: Request<Query>) -> Result<Reply, StanzaError> {
        Ok(reply(self.started.elapsed().as_secs(), ""))
    }

    async fn own(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        self.answer(request.own()?).await
    }

    /// §3: only to those who may see the account's presence.
    async fn other(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        match &request.account {
            Some(account) if presence::is_shown(&request).await? => self.answer(account).await,
            _ => Err(Condition::Forbidden.into()),
        }
    }

    async fn answer(&self, account: &Account) -> Result<Reply, StanzaError> {
        if account.is_available() {
            return Ok(reply(0, ""));
        }
        let unwritten = self.unwritten.0.lock().get(&account.id).cloned();
        let departure = match unwritten {
            Some(departure) => Some(departure),
            None => {
                let doc = account.core().store.doc(account.id, KIND, "").await;
                doc.map_err(presence::unanswering)?.and_then(|doc| Departure::read(&doc))
            }
        };
        let departure = departure.ok_or(StanzaError::new(Condition::ItemNotFound))?;
        let seconds = (now() - departure.at).max(0) / 1000;
        Ok(reply(seconds.unsigned_abs(), &departure.status))
    }

    /// §4: a client is not asked by those who may not see its presence. Where that resource is not, the guard says
    /// nothing, so that the answer is the same as for an account that does not exist.
    fn refuse_strangers(self: &Arc<Self>, passing: &Passing<'_>) -> Verdict {
        let (stanza, account) = (passing.stanza, passing.account);
        let (Kind::Iq(IqType::Get), Some(from), Some(to)) = (stanza.kind, &stanza.from, &stanza.to) else {
            return Verdict::Pass;
        };
        let resource = to.resource().map(|resource| resource.as_str());
        if resource.is_none() || !stanza.has("query", LAST) || same_bare(from, &account.jid) {
            return Verdict::Pass;
        }
        match account.core().rosters.present(account.id) {
            Some(roster) if roster.shows_presence_to(from) => Verdict::Pass,
            Some(_) => {
                let bound = account.resources(|all| all.iter().any(|bound| Some(bound.name()) == resource));
                if bound { Verdict::Refuse(Condition::Forbidden.into()) } else { Verdict::Pass }
            }
            None => {
                let account = account.clone();
                Verdict::AskAgain(Box::pin(
                    async move { account.core().rosters.get(account.id).await.map(drop) },
                ))
            }
        }
    }

    fn gone(self: &Arc<Self>, account: &Arc<Account>, unavailable: &Stanza) {
        let status = unavailable.child("status", CLIENT).map(|status| status.text(unavailable.element()));
        let mut status = status.unwrap_or_default().into_owned();
        status.truncate(status.floor_char_boundary(STATUS));
        let departure = Departure { at: now(), status };
        let writer = &account.core().writer;
        let Some(permit) = writer.try_permit() else {
            tracing::warn!(account = %account.jid, "the writer is behind: a last activity is not kept");
            return;
        };
        let value = departure.write();
        let token = departure.at.unsigned_abs();
        self.unwritten.0.lock().insert(account.id, departure);
        let done: Arc<dyn OnCommit> =
            Arc::new(Written { unwritten: self.unwritten.clone(), owner: account.id });
        let unit = smallvec![Write::DocSet { owner: account.id, kind: KIND, key: String::new(), value }];
        writer.submit(permit, unit, Done(Some((done, token))));
    }
}

/// Takes a departure out of memory when its write has ended, however it did.
struct Written {
    unwritten: Arc<Unwritten>,
    owner: OwnerId,
}

impl OnCommit for Written {
    fn committed(self: Arc<Self>, at: u64, _: Outcome) {
        let mut unwritten = self.unwritten.0.lock();
        if unwritten.get(&self.owner).is_some_and(|departure| departure.at.unsigned_abs() == at) {
            unwritten.remove(&self.owner);
        }
    }
}

impl Departure {
    /// As the doc holds it: eight bytes of time, then the status.
    fn write(&self) -> Vec<u8> {
        [&self.at.to_be_bytes(), self.status.as_bytes()].concat()
    }

    fn read(doc: &[u8]) -> Option<Departure> {
        let (at, status) = doc.split_first_chunk::<8>()?;
        let status = std::str::from_utf8(status).ok()?;
        Some(Departure { at: UnixMillis::from_be_bytes(*at), status: status.to_owned() })
    }
}

fn reply(seconds: u64, status: &str) -> Reply {
    Reply::written(|out| {
        Tag::new(out, "query").ns(LAST).attr("seconds", &seconds.to_string()).text(status);
    })
}

#[cfg(test)]
mod tests;
