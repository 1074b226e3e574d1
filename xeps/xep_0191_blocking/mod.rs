//! XEP-0191: Blocking Command.

mod list;
mod push;
mod visibility;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jid::Jid;
use waxwing_kernel::{
    About, Account, AccountCache, At, Feature, Kinds, Module, On, Passing, Place, Point, Reply, Request,
    Setup, SetupError, Verdict,
};
use waxwing_stanza::{Condition, ErrorType, Kind, MessageType, StanzaError, prepare, same_bare};
use waxwing_store::{Doc, MAX_KEY, Write};
use xmpp_parsers::blocking::BlocklistRequest;
use xso::FromXml;

use self::list::BlockList;
use crate::flags;
use crate::presence::unanswering;
use crate::reports::{self, Report};

const BLOCKING: &str = "urn:xmpp:blocking";
/// The kind of the docs: one for each entry, its key the blocked JID.
const KIND: &str = "blocked";

pub struct Blocking {
    lists: AccountCache<BlockList>,
    limit: usize,
    reports: u32,
    pushes: AtomicU64,
}

#[derive(FromXml)]
#[xml(namespace = BLOCKING, name = "block")]
struct Block {
    #[xml(child(n = ..))]
    items: Vec<Item>,
}

#[derive(FromXml)]
#[xml(namespace = BLOCKING, name = "item")]
struct Item {
    #[xml(attribute)]
    jid: String,
    #[xml(child(n = ..))]
    reports: Vec<Report>,
}

/// A misspelt item must not turn "these" into "all".
#[derive(FromXml)]
#[xml(namespace = BLOCKING, name = "unblock", on_unknown_child = Fail)]
struct Unblock {
    #[xml(extract(n = .., name = "item", fields(attribute(name = "jid", type_ = String))))]
    items: Vec<String>,
}

impl Module for Blocking {
    const ABOUT: About = About {
        xep: 191,
        version: "1.3",
        name: "Blocking Command",
        features: &[Feature(Place::Host, BLOCKING)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Blocking, SetupError> {
        let store = setup.core.store.clone();
        let lists = AccountCache::new(setup.core.settings.cached_rosters, move |owner| {
            let store = store.clone();
            async move { Ok(store.docs(owner, KIND).await?.into_iter().map(|doc| doc.key).collect()) }
        });
        Ok(Blocking {
            lists,
            limit: setup.block_list_items,
            reports: setup.reports,
            pushes: AtomicU64::new(0),
        })
    }

    fn install(on: &mut On<'_, Blocking>) {
        on.load(KIND, Blocking::load);
        on.get(At::Own, Blocking::list);
        on.set(At::Own, Blocking::block);
        on.set(At::Own, Blocking::unblock);
        on.guard(Point::FromClient, Kinds::ALL, Blocking::refuse_outgoing);
        on.guard(Point::ToAccount, Kinds::ALL, Blocking::refuse_incoming);
    }
}

impl Blocking {
    /// Most accounts block nobody.
    fn load(self: &Arc<Self>, account: &Account, docs: Vec<Doc>) {
        let list: BlockList = docs.into_iter().map(|doc| doc.key).collect();
        account.set_flag(flags::BLOCKS_NOBODY, list.len() == 0);
        if list.len() > 0 {
            self.lists.fill(account.id, list);
        }
    }

    /// §3.2. From now on the session is told of changes.
    async fn list(self: Arc<Self>, request: Request<BlocklistRequest>) -> Result<Reply, StanzaError> {
        // No change comes between the list and the first push.
        let edit = self.lists.edit(request.own()?.id).await.map_err(unanswering)?;
        request.session()?.set_flag(flags::BLOCK_LIST, true);
        Ok(Reply::written(|out| push::write(out, "blocklist", edit.current.iter())))
    }

    /// §3.3.
    async fn block(self: Arc<Self>, request: Request<Block>) -> Result<Reply, StanzaError> {
        let account = &request.own()?.clone();
        let listed = request.payload.items;
        let items = jids(listed.iter().map(|item| &item.jid))?;
        if items.is_empty() {
            return Err(Condition::BadRequest.into());
        }
        reports::check(&listed.iter().map(|item| &*item.reports).collect::<Vec<_>>())?;
        let mut edit = self.lists.edit(account.id).await.map_err(unanswering)?;
        let before = edit.current.clone();
        let added: Vec<_> = items.iter().filter(|item| !before.contains(item)).cloned().collect();
        if before.len() + added.len() > self.limit {
            return Err(StanzaError::new(Condition::NotAllowed).text("the block list is full"));
        }
        let set = |key| Write::DocSet { owner: account.id, kind: KIND, key, value: Vec::new() };
        let mut writes: Vec<Write> = added.iter().cloned().map(set).collect();
        writes.extend(self.report(account, listed).await?);
        self.store(account, writes).await?;
        let after = edit.replace(before.iter().cloned().chain(added).collect());
        account.set_flag(flags::BLOCKS_NOBODY, after.len() == 0);
        self.push(account, "block", &items);
        // Others' lists are asked from here on, and one who waits for another must not hold a list himself.
        drop(edit);
        visibility::withdraw(account, &items, |jid| after.blocks(jid) && !before.blocks(jid)).await;
        Ok(Reply::empty())
    }

    /// What stores the reports that items came with (XEP-0377).
    async fn report(&self, account: &Account, items: Vec<Item>) -> Result<Vec<Write>, StanzaError> {
        let mut writes = Vec::new();
        for Item { jid, reports } in items {
            let Some(reported) = prepare(&jid) else { continue };
            let matched: BlockList = std::iter::once(reported.to_string()).collect();
            for report in reports {
                let sent_by = |from: &Jid| matched.blocks(from);
                writes.push(reports::write(account, &reported, report, sent_by, self.reports).await?);
            }
        }
        Ok(writes)
    }

    /// §3.4, and §3.5: no items are all.
    async fn unblock(self: Arc<Self>, request: Request<Unblock>) -> Result<Reply, StanzaError> {
        let items = jids(request.payload.items.iter())?;
        let account = request.own()?;
        let mut edit = self.lists.edit(account.id).await.map_err(unanswering)?;
        let before = edit.current.clone();
        let goes = |item: &&String| items.is_empty() || items.contains(*item);
        let removed: BTreeSet<String> = before.iter().filter(goes).cloned().collect();
        let remove = |key| Write::DocRemove { owner: account.id, kind: KIND, key };
        self.store(account, removed.iter().cloned().map(remove).collect()).await?;
        let after = edit.replace(before.iter().filter(|item| !removed.contains(*item)).cloned().collect());
        account.set_flag(flags::BLOCKS_NOBODY, after.len() == 0);
        self.push(account, "unblock", &items);
        drop(edit);
        visibility::announce(account, &removed, |jid| before.blocks(jid) && !after.blocks(jid)).await;
        Ok(Reply::empty())
    }

    async fn store(&self, account: &Account, writes: Vec<Write>) -> Result<(), StanzaError> {
        if writes.is_empty() {
            return Ok(());
        }
        account.core().writer.commit(writes).await.map_err(|error| {
            // It may be stored all the same: the list is read anew before anything passes.
            self.lists.forget(account.id);
            account.set_flag(flags::BLOCKS_NOBODY, false);
            unanswering(error)
        })
    }

    /// §3.3: what the account sends to whom it blocks comes back.
    fn refuse_outgoing(self: &Arc<Self>, passing: &Passing<'_>) -> Verdict {
        self.judge(passing, passing.stanza.to.as_deref(), || {
            if !passing.stanza.kind.may_be_answered() {
                return Verdict::Drop;
            }
            let error = StanzaError::new(Condition::NotAcceptable).kind(ErrorType::Cancel);
            let error = error.text("you have blocked this address");
            Verdict::Refuse(error.app("blocked", "urn:xmpp:blocking:errors"))
        })
    }

    /// §3.3: to whom it blocks the account seems to be offline.
    fn refuse_incoming(self: &Arc<Self>, passing: &Passing<'_>) -> Verdict {
        self.judge(passing, passing.stanza.from.as_deref(), || match passing.stanza.kind {
            Kind::Presence(_) => Verdict::Drop,
            // A room takes an error for a sign that the occupant is gone: one blocked voice in it would end the
            // stay. Errors for messages are a SHOULD.
            Kind::Message(MessageType::Groupchat) => Verdict::Drop,
            kind if kind.may_be_answered() => Verdict::Refuse(StanzaError::nobody()),
            _ => Verdict::Drop,
        })
    }

    /// Whether the account blocks the other side, and then `blocked`'s verdict. The account's own resources and
    /// the server itself are never blocked (§5).
    fn judge(
        self: &Arc<Self>,
        passing: &Passing<'_>,
        other: Option<&Jid>,
        blocked: impl FnOnce() -> Verdict,
    ) -> Verdict {
        let account = passing.account;
        if account.has_flag(flags::BLOCKS_NOBODY) {
            return Verdict::Pass;
        }
        let Some(other) = other else { return Verdict::Pass };
        if same_bare(other, &account.jid) || *other == *account.host.domain {
            return Verdict::Pass;
        }
        match self.lists.peek(account.id, |list| list.blocks(other)) {
            Some(true) => blocked(),
            Some(false) => Verdict::Pass,
            None => {
                let (module, account) = (self.clone(), account.clone());
                Verdict::AskAgain(Box::pin(async move {
                    let edit = module.lists.edit(account.id).await?;
                    account.set_flag(flags::BLOCKS_NOBODY, edit.current.len() == 0);
                    Ok(())
                }))
            }
        }
    }
}

/// The JIDs of a request, prepared, each once.
fn jids<'a>(items: impl Iterator<Item = &'a String>) -> Result<BTreeSet<String>, StanzaError> {
    // As every address is, or it would match none.
    let prepare = |item: &String| match prepare(item) {
        Some(jid) if jid.as_str().len() <= MAX_KEY => Ok(jid.to_string()),
        Some(_) => Err(StanzaError::new(Condition::NotAcceptable).text("a JID too long for a block list")),
        None => Err(Condition::JidMalformed.into()),
    };
    items.map(prepare).collect()
}

#[cfg(test)]
mod tests;
