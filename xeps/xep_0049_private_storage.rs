//! XEP-0049: Private XML Storage. One doc for each namespace, its elements as they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use waxwing_kernel::{
    About, AccountCache, At, Feature, Module, On, Place, Reply, Request, Setup, SetupError,
};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::{MAX_KEY, Write};
use waxwing_xml::{Element, Limits, Scope, Tag, attach, scan};
use xso::FromXml;

use crate::presence::unanswering;

const PRIVATE: &str = "jabber:iq:private";
/// The kind of the docs, the key is the namespace.
const KIND: &str = "private";

pub struct PrivateStorage {
    /// Bytes that each namespace takes.
    sizes: AccountCache<BTreeMap<String, usize>>,
    /// Bytes per account.
    limit: usize,
}

/// What is inside is read from the bytes.
#[derive(FromXml)]
#[xml(namespace = PRIVATE, name = "query")]
struct Query;

impl Module for PrivateStorage {
    const ABOUT: About = About {
        xep: 49,
        version: "1.2",
        name: "Private XML Storage",
        features: &[Feature(Place::Host, PRIVATE)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<PrivateStorage, SetupError> {
        let store = setup.core.store.clone();
        let sizes = AccountCache::new(setup.core.settings.cached_rosters, move |owner| {
            let store = store.clone();
            async move {
                let docs = store.docs(owner, KIND).await?;
                Ok(docs.into_iter().map(|doc| (doc.key, doc.value.len())).collect())
            }
        });
        Ok(PrivateStorage { sizes, limit: setup.private_bytes })
    }

    fn install(on: &mut On<'_, PrivateStorage>) {
        on.get(At::Own, PrivateStorage::get);
        on.set(At::Own, PrivateStorage::set);
        for at in [At::Host, At::Other] {
            on.get(at, PrivateStorage::forbid);
            on.set(at, PrivateStorage::forbid);
        }
    }
}

impl PrivateStorage {
    async fn get(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        let query = self.read(&request)?;
        // A client must not ask for more than one namespace at a time.
        let [wanted] = query.children() else { return Err(Condition::BadRequest.into()) };
        let ns = checked(wanted.ns(&query))?;
        let account = request.own()?;
        let stored = account.core().store.doc(account.id, KIND, ns).await.map_err(unanswering)?;
        // Nothing stored: the element comes back as it was asked for.
        let content = stored.as_deref().unwrap_or_else(|| wanted.bytes(&query));
        Ok(Reply::written(|out| Tag::new(out, "query").ns(PRIVATE).children(|out| attach(out, content))))
    }

    /// Replaces what is stored of each namespace in it.
    async fn set(self: Arc<Self>, request: Request<Query>) -> Result<Reply, StanzaError> {
        let query = self.read(&request)?;
        let mut values: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for child in query.children() {
            let value = values.entry(checked(child.ns(&query))?).or_default();
            value.extend_from_slice(child.bytes(&query));
        }
        if values.is_empty() {
            return Err(Condition::NotAcceptable.into());
        }
        let account = request.own()?;
        let mut edit = self.sizes.edit(account.id).await.map_err(unanswering)?;
        let mut sizes = BTreeMap::clone(&edit.current);
        sizes.extend(values.iter().map(|(ns, value)| ((*ns).to_owned(), value.len())));
        if sizes.iter().map(|(ns, size)| ns.len() + size).sum::<usize>() > self.limit {
            return Err(full());
        }
        let set = |(ns, value): (&str, Vec<u8>)| Write::DocSet {
            owner: account.id,
            kind: KIND,
            key: ns.to_owned(),
            value,
        };
        let writes = values.into_iter().map(set).collect();
        account.core().writer.commit(writes).await.map_err(|error| {
            // It may be stored all the same.
            self.sizes.forget(account.id);
            unanswering(error)
        })?;
        edit.replace(sizes);
        Ok(Reply::empty())
    }

    /// §2.3, for accounts that exist and those that do not.
    async fn forbid(self: Arc<Self>, _: Request<Query>) -> Result<Reply, StanzaError> {
        Err(Condition::Forbidden.into())
    }

    /// The payload, each child of it with the namespaces that it needs, so that it can stand elsewhere.
    fn read(&self, request: &Request<Query>) -> Result<Element, StanzaError> {
        let stanza = &request.stanza;
        let payload = stanza.children().next().ok_or(StanzaError::new(Condition::BadRequest))?;
        let bytes = stanza.bytes_of(payload);
        // Judged before: only the size is new, and what is over both of these could not be stored.
        let limits = Limits { frame: bytes.len() + self.limit, depth: usize::MAX, attributes: usize::MAX };
        scan(bytes, &Scope::client(), &limits).map_err(|_| full())
    }
}

/// §2.3 leaves it to servers to refuse the reserved namespaces; `jabber:client` would change its meaning in a reply.
fn checked(ns: &str) -> Result<&str, StanzaError> {
    let reserved = ns.starts_with("jabber:") || ns.starts_with("http://jabber.org/") || ns == "vcard-temp";
    if reserved || ns.is_empty() || ns.len() > MAX_KEY {
        return Err(StanzaError::new(Condition::NotAcceptable).text("this namespace cannot be stored"));
    }
    Ok(ns)
}

fn full() -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint).text("the private storage of this account is full")
}

#[cfg(test)]
mod tests;
