//! The roster (RFC 6121 §2).

use std::collections::HashSet;
use std::sync::Arc;

use waxwing_kernel::{Account, Component, Delivery, Roster, Session, Targets};
use waxwing_stanza::{Addr, Condition, IqType, Kind, Stanza, StanzaError, ns};
use waxwing_store::{RosterRow, Subscription, Write};
use waxwing_xml::Tag;
use xmpp_parsers::minidom::Element;

use crate::broadcast::send_out;
use crate::route::{Place, place};
use crate::subscription::{commit, forget, new_row, receive, step_stanza};
use crate::transition::{Step, from, to};
use crate::withdraw_from;

/// Characters in the name of a contact or of a group (RFC 6121 §2.1.2.4 leaves the limit to the server).
const NAME: usize = 1023;
/// Groups of one contact.
const GROUPS: usize = 64;

/// Versioning (§2.6.1) and pre-approval (§3.4.1).
pub fn write_stream_features(out: &mut Vec<u8>) {
    Tag::new(out, "ver").ns("urn:xmpp:features:rosterver").end_empty();
    Tag::new(out, "sub").ns("urn:xmpp:features:pre-approval").end_empty();
}

/// Answers a roster get of the account's own session.
pub(crate) async fn get(session: &Arc<Session>, stanza: &Stanza) -> Result<Stanza, StanzaError> {
    let account = &session.account;
    // Interested before the roster is read: a change meanwhile is pushed.
    account.resource(session, |resource| resource.interested = true);
    let roster = account.core().rosters.get(account.id).await.map_err(|_| StanzaError::unanswering())?;
    let query = stanza.child("query", ns::ROSTER);
    let known = query.and_then(|query| query.attr(stanza.element(), "ver"));
    let version = version(account, &roster);
    if known.as_deref() == Some(&version) {
        return Ok(stanza.result(|_| {}));
    }
    Ok(stanza.result(|out| {
        let ver = known.is_some().then_some(version.as_str());
        Tag::new(out, "query").ns(ns::ROSTER).attr_opt("ver", ver).children(|out| {
            for row in roster.rows.values().filter(|row| row.listed) {
                write_item(out, row);
            }
        });
    }))
}

/// The account's number keeps a client from taking a roster for that of an earlier account of the same name.
fn version(account: &Account, roster: &Roster) -> String {
    format!("{}-{}", account.id, roster.version)
}

fn write_item(out: &mut Vec<u8>, row: &RosterRow) {
    let subscription = match row.subscription {
        Subscription::None => "none",
        Subscription::To => "to",
        Subscription::From => "from",
        Subscription::Both => "both",
    };
    let item = Tag::new(out, "item")
        .attr("jid", &row.contact)
        .attr_opt("name", row.name.as_deref())
        .attr("subscription", subscription)
        .attr_opt("ask", row.ask.then_some("subscribe"))
        .attr_opt("approved", row.approved.then_some("true"));
    item.children(|out| {
        for group in &row.groups {
            Tag::new(out, "group").text(group);
        }
    });
}

/// Tells every session that asked for the roster how a contact stands now (§2.1.6).
pub(crate) fn push(account: &Arc<Account>, roster: &Roster, contact: &Addr) {
    let version = version(account, roster);
    let row = roster.row(contact).filter(|row| row.listed);
    let kind = Kind::Iq(IqType::Set);
    let id = format!("push-{version}");
    let stanza = Stanza::build(kind, Some(account.jid.clone()), None, Some(&id), |out| {
        Tag::new(out, "query").ns(ns::ROSTER).attr("ver", &version).children(|out| match row {
            Some(row) => write_item(out, row),
            None => {
                Tag::new(out, "item")
                    .attr("jid", contact.as_str())
                    .attr("subscription", "remove")
                    .end_empty();
            }
        });
    });
    let stanza = Arc::new(stanza);
    let interested: Vec<(u64, Addr)> = account.resources(|resources| {
        let asked = resources.iter().filter(|resource| resource.interested);
        asked.map(|resource| (resource.session.id, resource.session.jid.clone())).collect()
    });
    for (session, jid) in interested {
        let delivery = Delivery::shared(stanza.clone(), Targets::Session(session));
        account.accept(Delivery { to: Some(jid), ..delivery });
    }
}

/// What a roster set asks for.
enum Change {
    Set { contact: Addr, name: Option<String>, groups: Vec<String> },
    Remove { contact: Addr },
}

/// Answers a roster set of the account's own session. The push is out before the result is.
pub(crate) async fn set(session: &Arc<Session>, stanza: &Stanza) -> Result<Stanza, StanzaError> {
    let account = &session.account;
    match read_change(stanza)? {
        Change::Set { contact, .. } | Change::Remove { contact } if contact == account.jid => {
            return Err(StanzaError::new(Condition::NotAllowed).text("nobody is their own contact"));
        }
        Change::Set { contact, name, groups } => update(account, &contact, name, groups).await?,
        Change::Remove { contact } => remove(account, &contact).await?,
    }
    Ok(stanza.result(|_| {}))
}

fn read_change(stanza: &Stanza) -> Result<Change, StanzaError> {
    let bad = |text: &'static str| StanzaError::new(Condition::BadRequest).text(text);
    let child = stanza.child("query", ns::ROSTER).ok_or_else(|| bad("no query"))?;
    let query: Element = waxwing_stanza::decode(stanza, child)?;
    let mut items = query.children();
    let (Some(item), None) = (items.next(), items.next()) else { return Err(bad("not exactly one item")) };
    if !item.is("item", ns::ROSTER) {
        return Err(bad("not an item"));
    }
    let contact = waxwing_stanza::prepare(item.attr("jid").unwrap_or_default())
        .ok_or_else(|| StanzaError::new(Condition::JidMalformed).text("a contact needs a valid JID"))?;
    if contact.resource().is_some() {
        return Err(bad("a contact is a bare JID"));
    }
    if item.attr("subscription") == Some("remove") {
        return Ok(Change::Remove { contact });
    }
    let name = item.attr("name").filter(|name| !name.is_empty()).map(str::to_owned);
    let groups: Vec<String> =
        item.children().filter(|child| child.is("group", ns::ROSTER)).map(Element::text).collect();
    let too_long = |text: &String| text.chars().count() > NAME;
    if groups.iter().any(String::is_empty) {
        return Err(StanzaError::new(Condition::NotAcceptable).text("a group needs a name"));
    }
    if name.as_ref().is_some_and(too_long) || groups.iter().any(too_long) || groups.len() > GROUPS {
        return Err(StanzaError::new(Condition::NotAcceptable).text("a name is too long, or too many groups"));
    }
    if groups.iter().collect::<HashSet<_>>().len() != groups.len() {
        return Err(bad("a group twice"));
    }
    Ok(Change::Set { contact, name, groups })
}

/// Adds a contact or changes what the owner calls it; a subscription is not changed this way (§2.1.2.5).
async fn update(
    account: &Arc<Account>,
    contact: &Addr,
    name: Option<String>,
    groups: Vec<String>,
) -> Result<(), StanzaError> {
    let core = account.core();
    let mut edit = core.rosters.edit(account.id).await.map_err(|_| StanzaError::unanswering())?;
    let before = edit.current.row(contact).cloned();
    let row = before.clone().unwrap_or_else(|| new_row(contact));
    if !row.listed && edit.current.contacts() >= core.settings.roster_items {
        return Err(full());
    }
    let row = RosterRow { listed: true, name, groups, ..row };
    commit(account, &mut edit, &before, &row).await.map_err(|error| store_failed(account, &error))?;
    // A set that changes nothing is pushed too, as a version of its own: §2.3.3 and §2.6.3 have no exception.
    push(account, &edit.current, contact);
    Ok(())
}

/// Takes a contact out, and with it both subscriptions (§2.5.2).
async fn remove(account: &Arc<Account>, contact: &Addr) -> Result<(), StanzaError> {
    let core = account.core();
    let roster = core.rosters.get(account.id).await.map_err(|_| StanzaError::unanswering())?;
    let row = roster.row(contact).filter(|row| row.listed).cloned();
    let Some(row) = row else { return Err(Condition::ItemNotFound.into()) };
    // The contact's side first: where a crash comes between the two, the client finds the contact there and tries again.
    part(account, contact, &row, Parting::Removed).await?;
    let mut edit = core.rosters.edit(account.id).await.map_err(|_| StanzaError::unanswering())?;
    if edit.current.row(contact).is_none() {
        // Another session of the account was first.
        return Ok(());
    }
    let mut roster = (*edit.current).clone();
    roster.version += 1;
    roster.rows.remove(contact.as_str());
    let write = Write::RosterRemove {
        owner: account.id,
        version: roster.version,
        contact: contact.as_str().to_owned(),
    };
    core.writer.commit(vec![write]).await.map_err(|error| store_failed(account, &error))?;
    let roster = edit.replace(roster);
    push(account, &roster, contact);
    Ok(())
}

/// Why a contact is told that both subscriptions are over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The owner took the contact out. One who blocks the owner hears nothing of it.
    Removed,
    /// The owner's account goes, and what the contact's roster says of it too, whoever is blocked: the name may be
    /// another's one day.
    Gone,
}

/// Tells a contact that both subscriptions are over, as far as there were any. `Err`: the store does not answer.
pub(crate) async fn part(
    account: &Arc<Account>,
    contact: &Addr,
    row: &RosterRow,
    parting: Parting,
) -> Result<(), StanzaError> {
    let other = match place(account.core(), contact).await? {
        Place::Account(other) => other,
        Place::Component(component) => {
            part_outside(account, &component, contact, row).await;
            return Ok(());
        }
        Place::Server(_) | Place::Nobody(_) | Place::Elsewhere => return Ok(()),
    };
    let step = async |step| match parting {
        Parting::Removed => {
            receive(&other, &account.jid, step, None).await;
            Ok(())
        }
        Parting::Gone => {
            forget(&other, &account.jid, step).await.map_err(|error| store_failed(&other, &error))
        }
    };
    if to(row) || row.ask {
        step(Step::Unsubscribe).await?;
    }
    if from(row) || row.request.is_some() {
        if from(row) {
            withdraw_from(account, contact).await;
        }
        step(Step::Unsubscribed).await?;
    }
    Ok(())
}

/// The same for a contact at a component.
async fn part_outside(account: &Arc<Account>, component: &Component, contact: &Addr, row: &RosterRow) {
    let step = |step| send_out(component, Arc::new(step_stanza(step, &account.jid, contact)), contact);
    if to(row) || row.ask {
        step(Step::Unsubscribe);
    }
    if from(row) {
        withdraw_from(account, contact).await;
    }
    if from(row) || row.request.is_some() {
        step(Step::Unsubscribed);
    }
}

/// One contact more than `limits.roster_items`.
pub(crate) fn full() -> StanzaError {
    StanzaError::new(Condition::NotAllowed).text("the roster is full")
}

fn store_failed(account: &Account, error: &waxwing_store::StoreError) -> StanzaError {
    tracing::error!(account = %account.jid, %error, "a roster could not be stored");
    StanzaError::unanswering()
}
