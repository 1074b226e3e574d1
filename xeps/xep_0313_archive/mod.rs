//! XEP-0313: Message Archive Management. What an account's log keeps is read here; what it keeps is decided where
//! messages are sent.

mod ask;
mod form;
mod results;

use std::sync::Arc;

use waxwing_kernel::{
    About, Account, At, Feature, Full, Module, On, Place, Reply, Request, Setup, SetupError,
};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::{LogQuery, LogRow};
use waxwing_xml::Tag;
use xmpp_parsers::mam::{MetadataQuery, Query};

use self::ask::Ask;
use crate::archive::{MAM, must_have_archive, write_metadata};
use crate::presence::unanswering;
use crate::rsm;
use crate::words::Search;

pub struct MessageArchive {
    /// Results in a page, at most.
    page: u32,
    search: Arc<Search>,
}

impl Module for MessageArchive {
    const ABOUT: About = About {
        xep: 313,
        version: "1.1.3",
        name: "Message Archive Management",
        features: &[
            Feature(Place::Archive, MAM),
            Feature(Place::Archive, "urn:xmpp:mam:2#extended"),
            Feature(Place::Archive, "urn:xmpp:mam:2#groupchat-field"),
        ],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<MessageArchive, SetupError> {
        Ok(MessageArchive { page: setup.archive_page, search: Search::new() })
    }

    fn install(on: &mut On<'_, MessageArchive>) {
        on.get(At::Own, MessageArchive::form);
        on.set(At::Own, MessageArchive::query);
        on.get(At::Own, MessageArchive::metadata);
        on.get(At::Other, MessageArchive::forbid::<Query>);
        on.set(At::Other, MessageArchive::forbid::<Query>);
        on.get(At::Other, MessageArchive::forbid::<MetadataQuery>);
    }
}

impl MessageArchive {
    /// §4.1.5.
    async fn form(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        must_have_archive(request.own()?).await?;
        Ok(Reply::written(|out| Tag::new(out, "query").ns(MAM).children(form::write)))
    }

    /// §4: results as messages, then the reply.
    async fn query(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        let (account, session) = (request.own()?, request.session()?);
        must_have_archive(account).await?;
        let ask = Ask::of(&request.payload, account, self.page)?;
        ask.check_ids(account).await?;
        if !ask.words.is_empty() {
            self.search.catch_up(account).await?;
        }
        let page = account.read_archive(session, &ask.query, &ask.words).await;
        let page = page.map_err(unanswering)?.map_err(unread)?;
        let id = |seq| account.core().ids.stanza_id(account.id, seq);
        let ends = page.entries.first().zip(page.entries.last());
        let ends = ends.map(|(first, last)| (id(first.seq), id(last.seq)));
        let count = ask.everything.then(|| account.archived());
        let queryid = request.payload.queryid.as_ref().map(|id| id.0.as_str());
        let mut results = results::of(account, queryid, page.entries);
        if ask.flipped {
            results.reverse();
        }
        account.give_archived(session, results).map_err(unread)?;
        Ok(Reply::written(|out| {
            Tag::new(out, "fin").ns(MAM).attr_opt("complete", page.complete.then_some("true")).children(
                |out| {
                    let ends = ends.as_ref().map(|(first, last)| (first.as_str(), last.as_str()));
                    rsm::write(out, ends, count);
                },
            );
        }))
    }

    /// §5.
    async fn metadata(self: Arc<Self>, request: Request<MetadataQuery>) -> Result<Reply, StanzaError> {
        let account = request.own()?;
        must_have_archive(account).await?;
        let ends = end_of(account, false).await?.zip(end_of(account, true).await?);
        Ok(Reply::written(|out| write_metadata(out, account, ends.as_ref())))
    }

    /// An archive is its owner's (§8.1), whether there is one or not.
    async fn forbid<P>(self: Arc<Self>, _: Request<P>) -> Result<Reply, StanzaError> {
        Err(Condition::Forbidden.into())
    }
}

/// The oldest archived entry, or the newest.
async fn end_of(account: &Account, newest: bool) -> Result<Option<LogRow>, StanzaError> {
    let query = LogQuery { backwards: newest, ..LogQuery::all(1) };
    let rows = account.core().store.log_archived(account.id, &query).await.map_err(unanswering)?;
    Ok(rows.into_iter().next())
}

fn unread(_: Full) -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint).text("read what you were sent before")
}

#[cfg(test)]
mod tests;
