//! XEP-0030: Service Discovery.

use std::sync::Arc;

use waxwing_kernel::{
    About, Account, At, Feature, Identity, Module, On, Place, Reply, Request, Setup, SetupError,
};
use waxwing_stanza::{Condition, ErrorType, StanzaError};
use waxwing_xml::Tag;
use xmpp_parsers::disco::{DiscoInfoQuery, DiscoItemsQuery};

use crate::commands::{COMMANDS, offers};
use crate::form::DATA;
use crate::info::{DISCO_INFO, Info};

const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";

pub struct Disco;

impl Module for Disco {
    const ABOUT: About = About {
        xep: 30,
        version: "2.5.0",
        name: "Service Discovery",
        features: &[
            Feature(Place::Host, DISCO_INFO),
            Feature(Place::Host, DISCO_ITEMS),
            Feature(Place::Account, DISCO_INFO),
            Feature(Place::Account, DISCO_ITEMS),
        ],
        identities: &[
            Identity { place: Place::Host, category: "server", kind: "im", name: "Waxwing" },
            Identity { place: Place::Account, category: "account", kind: "registered", name: "" },
        ],
    };

    fn new(_: &Setup<'_>) -> Result<Disco, SetupError> {
        Ok(Disco)
    }

    fn install(on: &mut On<'_, Disco>) {
        on.get(At::Host, Disco::host_info);
        on.get(At::Own, Disco::own_info);
        on.get(At::Other, Disco::other_info);
        on.get(At::Host, Disco::host_items);
        on.get(At::Own, Disco::items);
        on.get(At::Other, Disco::other_items);
    }
}

impl Disco {
    async fn host_info(self: Arc<Self>, request: Request<DiscoInfoQuery>) -> Result<Reply, StanzaError> {
        let info = Info::of_host(&request.host);
        match &request.payload.node {
            Some(node) if !info.is_node(node) => command_info(&request, node),
            node => Ok(Reply::written(|out| info.write(out, node.as_deref()))),
        }
    }

    async fn own_info(self: Arc<Self>, request: Request<DiscoInfoQuery>) -> Result<Reply, StanzaError> {
        match &request.payload.node {
            Some(node) => command_info(&request, node),
            None => account_info(request.own()?).await,
        }
    }

    /// XEP-0030 §8: whoever is not shown the account's presence learns no more than of an account that does not
    /// exist.
    async fn other_info(self: Arc<Self>, request: Request<DiscoInfoQuery>) -> Result<Reply, StanzaError> {
        match &request.account {
            Some(account) if crate::presence::is_shown(&request).await? => match request.payload.node {
                Some(_) => Err(Condition::ItemNotFound.into()),
                None => account_info(account).await,
            },
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// The components, connected or not: which there are is the operator's to say.
    async fn host_items(self: Arc<Self>, request: Request<DiscoItemsQuery>) -> Result<Reply, StanzaError> {
        if let Some(node) = &request.payload.node {
            return command_items(&request, node, request.host.domain.as_str());
        }
        let core = request.host.core();
        Ok(Reply::written(|out| {
            Tag::new(out, "query").ns(DISCO_ITEMS).children(|out| {
                for component in core.components() {
                    Tag::new(out, "item").attr("jid", component.domain.as_str()).end_empty();
                }
            });
        }))
    }

    /// An account has no items but its commands.
    async fn items(self: Arc<Self>, request: Request<DiscoItemsQuery>) -> Result<Reply, StanzaError> {
        match &request.payload.node {
            Some(node) => command_items(&request, node, request.own()?.jid.as_str()),
            None => Ok(no_items(None)),
        }
    }

    /// XEP-0030 §8: an account that does not exist has no items either, whatever the node.
    async fn other_items(self: Arc<Self>, request: Request<DiscoItemsQuery>) -> Result<Reply, StanzaError> {
        Ok(no_items(request.payload.node.as_deref()))
    }
}

async fn account_info(account: &Account) -> Result<Reply, StanzaError> {
    let policy = account.archive_policy().await.map_err(crate::presence::unanswering)?;
    Ok(Reply::written(|out| Info::of_account(&account.host, policy.keeps()).write(out, None)))
}

/// What a node of commands is (XEP-0050 §2.2).
fn command_info(request: &Request<DiscoInfoQuery>, node: &str) -> Result<Reply, StanzaError> {
    let (kind, name) = match request.host.table().command(node) {
        Some(command) => ("command-node", command.name),
        None if node == COMMANDS => ("command-list", "Commands"),
        None => return Err(Condition::ItemNotFound.into()),
    };
    if !offers(request) {
        return Err(StanzaError::new(Condition::Forbidden).kind(ErrorType::Cancel));
    }
    Ok(Reply::written(|out| {
        Tag::new(out, "query").ns(DISCO_INFO).attr("node", node).children(|out| {
            let identity = Tag::new(out, "identity").attr("category", "automation").attr("type", kind);
            identity.attr("name", name).end_empty();
            for feature in [COMMANDS, DATA] {
                Tag::new(out, "feature").attr("var", feature).end_empty();
            }
        });
    }))
}

/// The commands of `jid` under the node that is their list, nothing under one of them (XEP-0050 §2.2).
fn command_items(request: &Request<DiscoItemsQuery>, node: &str, jid: &str) -> Result<Reply, StanzaError> {
    let table = request.host.table();
    if node != COMMANDS && table.command(node).is_none() {
        return Err(Condition::ItemNotFound.into());
    }
    let listed = node == COMMANDS && offers(request);
    Ok(Reply::written(|out| {
        Tag::new(out, "query").ns(DISCO_ITEMS).attr("node", node).children(|out| {
            for command in table.commands().filter(|_| listed) {
                let item = Tag::new(out, "item").attr("jid", jid);
                item.attr("node", command.node).attr("name", command.name).end_empty();
            }
        });
    }))
}

fn no_items(node: Option<&str>) -> Reply {
    Reply::written(|out| Tag::new(out, "query").ns(DISCO_ITEMS).attr_opt("node", node).end_empty())
}

#[cfg(test)]
mod tests;
