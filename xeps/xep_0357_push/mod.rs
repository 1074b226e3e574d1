//! XEP-0357: Push Notifications, with Tigase's extensions.
//!
//! A registration belongs to the resource that enabled it: that is the device which is woken. It is woken when it has no
//! session, when its session waits to be resumed, or when it does not acknowledge a message in time. A message that is
//! in no archive wakes nobody once another device has taken it: there would be nothing left to fetch. What a room says
//! is in no log at all: it wakes the device whose session has it.

mod encrypt;
mod failure;
mod jobs;
mod notification;
mod registration;
mod rooms;
mod status;

use std::sync::Arc;

use minidom::Element;
use waxwing_kernel::{
    About, Account, AccountCache, At, Command, Device, Feature, Module, On, Place, PushPolicy, Reply,
    Request, Run, Setup, SetupError, Stage, Unread, now,
};
use waxwing_stanza::{Addr, Condition, StanzaError, bare_str};
use waxwing_store::{Doc, StoreError, Write};

use self::jobs::Jobs;
use self::notification::Note;
use self::registration::{KIND, Registration};
use crate::presence::unanswering;

pub const PUSH: &str = "urn:xmpp:push:0";

const STATUS: Command = Command { node: "urn:x-waxwing:push", name: "What became of my notifications" };

pub struct Push {
    policy: PushPolicy,
    registrations: AccountCache<Vec<Registration>>,
    jobs: Jobs,
}

impl Module for Push {
    const ABOUT: About = About {
        xep: 357,
        version: "0.4.1",
        name: "Push Notifications",
        features: &[
            Feature(Place::Account, PUSH),
            Feature(Place::Account, registration::AWAY),
            Feature(Place::Account, encrypt::ENCRYPT),
            Feature(Place::Account, encrypt::ENCRYPT_AES_128_GCM),
            Feature(Place::Account, rooms::GROUPCHAT),
            Feature(Place::Account, registration::IGNORE_UNKNOWN),
            Feature(Place::Account, registration::MUTED),
            Feature(Place::Account, registration::JINGLE),
            Feature(Place::Account, registration::PRIORITY),
        ],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Push, SetupError> {
        let store = setup.core.store.clone();
        let registrations = AccountCache::new(setup.core.settings.cached_rosters, move |owner| {
            let store = store.clone();
            async move {
                let docs = store.docs(owner, KIND).await?;
                Ok(docs.iter().filter_map(Registration::from_doc).collect())
            }
        });
        Ok(Push { policy: setup.push, registrations, jobs: Jobs::default() })
    }

    fn install(on: &mut On<'_, Push>) {
        on.load(KIND, Push::load);
        on.set_named(At::Own, "enable", PUSH, Push::enable);
        on.set_named(At::Own, "disable", PUSH, Push::disable);
        on.unread(Push::unread);
        on.asked(Push::asked);
        on.command(STATUS, Push::status);
    }
}

impl Push {
    /// Most accounts have none.
    fn load(self: &Arc<Self>, account: &Account, docs: Vec<Doc>) {
        if docs.is_empty() {
            account.set_watched(false);
        } else {
            let all = docs.iter().filter_map(Registration::from_doc).collect();
            self.registrations.fill(account.id, all);
        }
    }

    /// §5. The same service and node again replace what was said of them.
    async fn enable(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let (account, session) = (request.own()?, request.session()?);
        let mut new = Registration::read(&request.payload, session, now())?;
        if self.policy.registrations == 0 {
            return Err(Condition::NotAllowed.into());
        }
        let mut edit = self.registrations.edit(account.id).await.map_err(unanswering)?;
        let mut all = Vec::clone(&edit.current);
        if let Some(at) = all.iter().position(|other| other.key == new.key) {
            new.ledger = all.remove(at).ledger;
        }
        if let Some(ledger) = self.jobs.replace(account.id, &new) {
            new.ledger = ledger;
        }
        let mut writes = Vec::new();
        while all.len() >= self.policy.registrations {
            let oldest = all.remove(0);
            tracing::info!(account = %account.jid, service = %oldest.jid, "one push registration too many: the oldest goes");
            self.jobs.stop(account.id, &oldest.key);
            writes.push(oldest.removal(account.id));
        }
        writes.push(new.write(account.id)?);
        all.push(new);
        self.commit(account, writes).await.map_err(unanswering)?;
        edit.replace(all);
        self.set_watched(account);
        Ok(Reply::empty())
    }

    /// §6. Without a node: all of that service.
    async fn disable(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let account = request.own()?;
        let service = registration::service(&request.payload)?;
        let node = request.payload.attr("node");
        self.remove(account, |one| {
            one.jid == service.as_str() && node.is_none_or(|node| one.node.as_deref() == Some(node))
        })
        .await
        .map_err(unanswering)?;
        Ok(Reply::empty())
    }

    /// As it stands now, which is stored later.
    async fn status(self: Arc<Self>, run: Run) -> Result<Stage, StanzaError> {
        let owner = run.session.account.id;
        let mut all = Vec::clone(&*self.registrations.get(owner).await.map_err(unanswering)?);
        for one in &mut all {
            if let Some(ledger) = self.jobs.ledger(owner, &one.key) {
                one.ledger = ledger;
            }
        }
        Ok(status::table(&all))
    }

    /// Takes registrations out, and nothing more is published to them.
    async fn remove(
        &self,
        account: &Account,
        gone: impl Fn(&Registration) -> bool,
    ) -> Result<(), StoreError> {
        let mut edit = self.registrations.edit(account.id).await?;
        let (gone, kept): (Vec<_>, Vec<_>) = edit.current.iter().cloned().partition(|one| gone(one));
        if gone.is_empty() {
            return Ok(());
        }
        for one in &gone {
            self.jobs.stop(account.id, &one.key);
        }
        self.commit(account, gone.iter().map(|one| one.removal(account.id)).collect()).await?;
        edit.replace(kept);
        self.set_watched(account);
        Ok(())
    }

    /// Hears of the account's messages while there is a registration. Looked at again afterwards: one may have come or
    /// gone meanwhile.
    fn set_watched(&self, account: &Account) {
        let any = || self.registrations.present(account.id).is_none_or(|all| !all.is_empty());
        let before = any();
        account.set_watched(before);
        if any() != before {
            account.set_watched(!before);
        }
    }

    /// Stores what became of a registration, unless it was disabled meanwhile.
    async fn save(&self, account: &Account, one: &Registration) -> Result<(), StoreError> {
        let mut edit = self.registrations.edit(account.id).await?;
        let mut all = Vec::clone(&edit.current);
        let Some(stored) = all.iter_mut().find(|other| other.key == one.key) else { return Ok(()) };
        stored.ledger = one.ledger.clone();
        let write =
            stored.write(account.id).map_err(|_| StoreError("a registration is no JSON".to_owned()))?;
        self.commit(account, vec![write]).await?;
        edit.replace(all);
        Ok(())
    }

    async fn commit(&self, account: &Account, writes: Vec<Write>) -> Result<(), StoreError> {
        account.core().writer.commit(writes).await.inspect_err(|_| {
            // It may be stored all the same.
            self.registrations.forget(account.id);
        })
    }

    /// An account has a message that nobody has acknowledged yet.
    fn unread(self: &Arc<Self>, unread: Unread) {
        let account = &unread.account;
        match self.registrations.present(account.id) {
            Some(all) if all.is_empty() => self.set_watched(account),
            known => {
                if let Some(node) = notification::ended(&unread) {
                    let push = self.clone();
                    tokio::spawn(async move { push.end(unread, node).await });
                    return;
                }
                let Some(note) = Note::of(&unread) else { return };
                self.clone().consider(account, note, known);
            }
        }
    }

    /// §8: the service takes no more publications to a node.
    async fn end(self: Arc<Self>, unread: Unread, node: String) {
        let Some(service) = &unread.stanza.from else { return };
        let is_it = |one: &Registration| one.jid == service.as_str() && one.node.as_deref() == Some(&node);
        if let Err(error) = self.remove(&unread.account, is_it).await {
            tracing::error!(account = %unread.account.jid, %error, "a push registration could not be removed");
        }
    }

    /// Somebody asks to see an account's presence.
    fn asked(self: &Arc<Self>, account: &Arc<Account>, by: &Addr) {
        let known = self.registrations.present(account.id);
        if known.as_ref().is_none_or(|all| !all.is_empty()) {
            self.clone().consider(account, Note::asked(by), known);
        }
    }

    /// Has whoever is to be woken woken.
    fn consider(self: Arc<Self>, account: &Arc<Account>, note: Note, known: Option<Arc<Vec<Registration>>>) {
        let account = account.clone();
        tokio::spawn(async move { self.wake(&account, note, known).await });
    }

    async fn wake(
        self: Arc<Self>,
        account: &Arc<Account>,
        note: Note,
        known: Option<Arc<Vec<Registration>>>,
    ) {
        let all = match known {
            Some(all) => all,
            None => match self.registrations.get(account.id).await {
                Ok(all) => all,
                Err(error) => {
                    return tracing::error!(account = %account.jid, %error, "push registrations cannot be read");
                }
            },
        };
        self.set_watched(account);
        for one in all.iter() {
            if !self.wants(account, one, &note).await {
                continue;
            }
            match need(account, one, &note, false).await {
                Need::Now => self.jobs.note(&self, account, one, note.clone()),
                Need::Later => self.jobs.watch(&self, account, one, note.clone()),
                Need::No => {}
            }
        }
    }

    /// The filters that the client asked for.
    async fn wants(&self, account: &Account, one: &Registration, note: &Note) -> bool {
        let sender = bare_str(&note.from);
        if one.muted.iter().any(|muted| muted == sender) {
            return false;
        }
        if let Some(message) = note.message.as_ref().filter(|message| rooms::is_groupchat(message)) {
            return rooms::wants(one.rooms.as_deref(), message);
        }
        // Where the roster cannot be read, nobody is known.
        !one.ignore_unknown
            || account
                .core()
                .rosters
                .get(account.id)
                .await
                .is_ok_and(|roster| roster.rows.get(sender).is_some_and(|row| row.listed))
    }
}

/// Whether a device is to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Now,
    /// If that is still so when its client has had time.
    Later,
    No,
}

/// `late`: it has had time.
async fn need(account: &Account, one: &Registration, note: &Note, late: bool) -> Need {
    let Some(unread) = &note.message else { return asked(account, one, &note.from).await };
    let wait = if late { Need::Now } else { Need::Later };
    let device = account.device(&one.resource, Some(unread));
    if unread.seq.is_none() {
        // Nobody else will give it to it.
        return match device {
            Device::Awake { holds: true } => wait,
            Device::Asleep { holds: true } => Need::Now,
            _ => Need::No,
        };
    }
    match device {
        Device::Awake { holds: true } => wait,
        // Connected and not given it: it has it already, or is given it when it becomes available.
        Device::Awake { holds: false } if unread.held => Need::No,
        Device::Asleep { holds: true } => Need::Now,
        Device::Asleep { .. } | Device::Absent if unread.archived || !unread.held => {
            if late && !unread.archived { while_pending(account, unread).await } else { Need::Now }
        }
        Device::Asleep { .. } | Device::Absent if one.away && all_away(account) => Need::Now,
        _ if late => while_pending(account, unread).await,
        _ => Need::Later,
    }
}

/// Whoever is available was told of the request, and is told when it becomes so.
async fn asked(account: &Account, one: &Registration, by: &Addr) -> Need {
    let waits = match account.core().rosters.get(account.id).await {
        Ok(roster) => roster.row(by).is_some_and(|row| row.request.is_some()),
        Err(_) => true,
    };
    let there = matches!(account.device(&one.resource, None), Device::Awake { .. });
    if waits && !there { Need::Now } else { Need::No }
}

async fn while_pending(account: &Account, unread: &Unread) -> Need {
    // Where it cannot be told, one wake-up too many is better than a message that nobody sees.
    let Some(seq) = unread.seq else { return Need::No };
    match account.is_pending(seq).await {
        Ok(false) => Need::No,
        _ => Need::Now,
    }
}

/// Whether everyone connected says that nobody looks.
fn all_away(account: &Account) -> bool {
    account.resources(|resources| {
        let shows = resources.iter().filter(|resource| !resource.session.is_hibernated());
        shows.filter_map(|resource| resource.presence.stanza.as_ref()).all(|presence| {
            let show = presence.child("show", waxwing_stanza::ns::CLIENT);
            show.is_some_and(|show| matches!(&*show.text(presence.element()), "away" | "xa"))
        })
    })
}
