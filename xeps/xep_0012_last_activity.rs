//! XEP-0012: Last Activity.
//!
//! When the last resource of an account goes, time and status are written late, with those of others: a crash within
//! seconds of it, or while the account is online, leaves the departure before.

mod privacy;

use std::sync::Arc;
use std::time::Instant;

use waxwing_kernel::{
    About, Account, At, Command, Feature, Kinds, LastSeen, Module, On, Passing, Place, Point, Reply, Request,
    Run, Setup, SetupError, Stage, Verdict, now,
};
use waxwing_stanza::{Condition, IqType, Kind, Stanza, StanzaError, ns::CLIENT, same_bare};
use waxwing_store::UnixMillis;
use waxwing_xml::Tag;
use xso::FromXml;

use crate::presence;

const LAST: &str = "jabber:iq:last";
/// The kind of the doc, one for each account.
const KIND: &str = "last";
/// Bytes of a status that are kept.
const STATUS: usize = 1024;
const PRIVACY: Command =
    Command { node: "urn:x-waxwing:last-seen", name: "Who may see when I was last here" };

pub struct LastActivity {
    started: Instant,
}

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
        Ok(LastActivity { started: Instant::now() })
    }

    fn install(on: &mut On<'_, LastActivity>) {
        on.get(At::Host, LastActivity::uptime);
        on.get(At::Own, LastActivity::own);
        on.get(At::Other, LastActivity::other);
        on.guard(Point::ToAccount, Kinds::IQ, LastActivity::refuse_strangers);
        on.gone(LastActivity::gone);
        on.command(PRIVACY, LastActivity::privacy);
    }
}

impl LastActivity {
    /// §5.
    async fn uptime(self: Arc<Self>, _: Request<Query>) -> Result<Reply, StanzaError> {
        Ok(reply(self.started.elapsed().as_secs(), ""))
    }

    async fn own(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        answer(request.own()?).await
    }

    /// §3: only to those who may see the account's presence, and to none of them if its owner says so.
    async fn other(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        match &request.account {
            Some(account) if presence::is_shown(&request).await? && tells(account).await? => {
                answer(account).await
            }
            _ => Err(Condition::Forbidden.into()),
        }
    }

    async fn privacy(self: Arc<Self>, run: Run) -> Result<Stage, StanzaError> {
        privacy::stage(&run.session.account, run.forms.first()).await
    }

    /// §4: a client is not asked by those who may not know. Where that resource is not, the guard says nothing, so that
    /// the answer is the same as for an account that does not exist.
    fn refuse_strangers(self: &Arc<Self>, passing: &Passing<'_>) -> Verdict {
        let (stanza, account) = (passing.stanza, passing.account);
        let (Kind::Iq(IqType::Get), Some(from), Some(to)) = (stanza.kind, &stanza.from, &stanza.to) else {
            return Verdict::Pass;
        };
        let resource = to.resource().map(|resource| resource.as_str());
        if resource.is_none() || !stanza.has("query", LAST) || same_bare(from, &account.jid) {
            return Verdict::Pass;
        }
        let core = account.core();
        match (core.rosters.present(account.id), core.last_seen.present(account.id)) {
            (Some(roster), Some(seen)) if *seen == LastSeen::Contacts && roster.shows_presence_to(from) => {
                Verdict::Pass
            }
            (Some(_), Some(_)) => {
                let bound = account.resources(|all| all.iter().any(|bound| Some(bound.name()) == resource));
                if bound { Verdict::Refuse(Condition::Forbidden.into()) } else { Verdict::Pass }
            }
            _ => {
                let account = account.clone();
                Verdict::AskAgain(Box::pin(async move {
                    account.last_seen().await?;
                    account.core().rosters.get(account.id).await.map(drop)
                }))
            }
        }
    }

    fn gone(self: &Arc<Self>, account: &Arc<Account>, unavailable: &Stanza) {
        let status = unavailable.child("status", CLIENT).map(|status| status.text(unavailable.element()));
        let mut status = status.unwrap_or_default().into_owned();
        status.truncate(status.floor_char_boundary(STATUS));
        account.core().late.set(account.id, KIND, Departure { at: now(), status }.write());
    }
}

async fn tells(account: &Account) -> Result<bool, StanzaError> {
    Ok(account.last_seen().await.map_err(presence::unanswering)? == LastSeen::Contacts)
}

async fn answer(account: &Account) -> Result<Reply, StanzaError> {
    if account.is_available() {
        return Ok(reply(0, ""));
    }
    let core = account.core();
    let doc = match core.late.get(account.id, KIND) {
        Some(doc) => Some(doc),
        None => core.store.doc(account.id, KIND, "").await.map_err(presence::unanswering)?,
    };
    let departure = doc.and_then(|doc| Departure::read(&doc));
    let departure = departure.ok_or(StanzaError::new(Condition::ItemNotFound))?;
    let seconds = (now() - departure.at).max(0) / 1000;
    Ok(reply(seconds.unsigned_abs(), &departure.status))
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
