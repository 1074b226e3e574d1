//! XEP-0054: vcard-temp. The server answers for its accounts, whether they are connected or not.

mod photo;

use std::sync::Arc;

use waxwing_kernel::{
    About, Account, AccountCache, Amending, At, Feature, Kinds, Module, On, Passing, Place, Point, Reply,
    Request, Setup, SetupError, Verdict,
};
use waxwing_stanza::{Condition, Kind, PresenceType, StanzaError};
use waxwing_store::{Doc, Write};
use waxwing_xml::{Limits, Scope, attach, scan};
use xso::FromXml;

use crate::flags;
use crate::picture::{self, Hash};
use crate::presence::unanswering;

const VCARD: &str = "vcard-temp";
/// The kinds of the docs, one each for an account: the vCard as it came, and the SHA-1 of its picture.
const KIND: &str = "vcard";
const PICTURE: &str = "vcard-picture";

pub struct Vcards {
    /// The hash of each account's picture, for its presence (XEP-0153).
    pictures: AccountCache<Option<Hash>>,
    /// Bytes of a vCard.
    limit: usize,
    /// Bytes of the picture in it, decoded.
    picture_limit: usize,
}

/// What is inside is read from the bytes.
#[derive(FromXml)]
#[xml(namespace = VCARD, name = "vCard")]
struct Vcard;

impl Module for Vcards {
    const ABOUT: About = About {
        xep: 54,
        version: "1.3.0",
        name: "vcard-temp",
        features: &[Feature(Place::Host, VCARD), Feature(Place::Account, VCARD)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Vcards, SetupError> {
        let store = setup.core.store.clone();
        let pictures = AccountCache::new(setup.core.settings.cached_rosters, move |owner| {
            let store = store.clone();
            async move { Ok(store.doc(owner, PICTURE, "").await?.and_then(|doc| Hash::read(&doc))) }
        });
        Ok(Vcards { pictures, limit: setup.vcard_bytes, picture_limit: setup.avatar_bytes })
    }

    fn install(on: &mut On<'_, Vcards>) {
        on.load(PICTURE, Vcards::load);
        on.get(At::Own, Vcards::own);
        on.get(At::Other, Vcards::other);
        on.get(At::Host, Vcards::host);
        on.set(At::Own, Vcards::set);
        on.set(At::Other, Vcards::forbid);
        on.set(At::Host, Vcards::forbid);
        // XEP-0153, by the module that knows the picture.
        on.guard(Point::FromClient, Kinds::PRESENCE, Vcards::load_picture);
        on.amend(Point::FromClient, Kinds::PRESENCE, Vcards::show_picture);
    }
}

impl Vcards {
    fn load(self: &Arc<Self>, account: &Account, docs: Vec<Doc>) {
        let hash = docs.first().and_then(|doc| Hash::read(&doc.value));
        account.set_flag(flags::NO_PICTURE, hash.is_none());
        if hash.is_some() {
            self.pictures.fill(account.id, hash);
        }
    }

    /// §3.1.
    async fn own(self: Arc<Self>, request: Request<Vcard>) -> Result<Reply, StanzaError> {
        stored(request.own()?).await?.ok_or(Condition::ItemNotFound.into())
    }

    /// §3.3: for everybody (§6). Who has none looks like who does not exist.
    async fn other(self: Arc<Self>, request: Request<Vcard>) -> Result<Reply, StanzaError> {
        let vcard = match &request.account {
            Some(account) => stored(account).await?,
            None => None,
        };
        vcard.ok_or(Condition::ServiceUnavailable.into())
    }

    /// The server has none of its own.
    async fn host(self: Arc<Self>, _: Request<Vcard>) -> Result<Reply, StanzaError> {
        Err(Condition::ItemNotFound.into())
    }

    /// §3.2.
    async fn forbid(self: Arc<Self>, _: Request<Vcard>) -> Result<Reply, StanzaError> {
        Err(Condition::Forbidden.into())
    }

    /// §3.2: all of it each time. An empty one is none.
    async fn set(self: Arc<Self>, request: Request<Vcard>) -> Result<Reply, StanzaError> {
        let account = request.own()?;
        let payload = request.stanza.children().next().ok_or(StanzaError::new(Condition::BadRequest))?;
        let bytes = request.stanza.bytes_of(payload);
        if bytes.len() > self.limit {
            return Err(photo::too_large("a vCard", self.limit));
        }
        let limits = Limits { frame: usize::MAX, depth: usize::MAX, attributes: usize::MAX };
        // Judged before.
        let vcard = scan(bytes, &Scope::client(), &limits).map_err(|_| Condition::BadRequest)?;
        let new = photo::hash(&vcard, self.picture_limit)?;
        let writes = match vcard.children() {
            [] => vec![remove(account, KIND), remove(account, PICTURE)],
            _ => vec![set(account, KIND, bytes.to_vec()), picture_write(account, new)],
        };
        let mut edit = self.pictures.edit(account.id).await.map_err(unanswering)?;
        account.core().writer.commit(writes).await.map_err(|error| {
            // It may be stored all the same.
            self.pictures.forget(account.id);
            account.set_flag(flags::NO_PICTURE, false);
            unanswering(error)
        })?;
        let old = *edit.current;
        edit.replace(new);
        account.set_flag(flags::NO_PICTURE, new.is_none());
        drop(edit);
        if old != new {
            show_change(account, old, new).await;
        }
        Ok(Reply::empty())
    }

    /// An account without a picture pays for the look at one flag.
    fn load_picture(self: &Arc<Self>, passing: &Passing<'_>) -> Verdict {
        let account = passing.account;
        // Without a session it is a presence that passed here before.
        if account.has_flag(flags::NO_PICTURE)
            || passing.session.is_none()
            || passing.stanza.kind != Kind::Presence(PresenceType::Available)
            || self.pictures.peek(account.id, |_| ()).is_some()
        {
            return Verdict::Pass;
        }
        let (module, account) = (self.clone(), account.clone());
        Verdict::AskAgain(Box::pin(async move {
            let edit = module.pictures.edit(account.id).await?;
            account.set_flag(flags::NO_PICTURE, edit.current.is_none());
            Ok(())
        }))
    }

    fn show_picture(self: &Arc<Self>, amending: &mut Amending<'_>) {
        let account = amending.account;
        let available = amending.stanza.kind == Kind::Presence(PresenceType::Available);
        if !available || account.has_flag(flags::NO_PICTURE) {
            return;
        }
        if let Some(Some(hash)) = self.pictures.peek(account.id, |hash| *hash)
            && let Some(shown) = picture::added(amending.stanza, hash)
        {
            *amending.stanza = shown;
        }
    }
}

async fn stored(account: &Account) -> Result<Option<Reply>, StanzaError> {
    let doc = account.core().store.doc(account.id, KIND, "").await.map_err(unanswering)?;
    Ok(doc.map(|vcard| Reply::written(|out| attach(out, &vcard))))
}

fn set(account: &Account, kind: &'static str, value: Vec<u8>) -> Write {
    Write::DocSet { owner: account.id, kind, key: String::new(), value }
}

fn remove(account: &Account, kind: &'static str) -> Write {
    Write::DocRemove { owner: account.id, kind, key: String::new() }
}

fn picture_write(account: &Account, hash: Option<Hash>) -> Write {
    match hash {
        Some(hash) => set(account, PICTURE, hash.bytes().to_vec()),
        None => remove(account, PICTURE),
    }
}

/// Contacts learn of another picture by presence, which no client needs to send again for that.
async fn show_change(account: &Account, old: Option<Hash>, new: Option<Hash>) {
    let sessions: Vec<_> =
        account.resources(|resources| resources.iter().map(|resource| resource.session.clone()).collect());
    for session in sessions {
        waxwing_im::renew_presence(&session, |presence| picture::renewed(presence, old, new)).await;
    }
}

#[cfg(test)]
mod tests;
