//! Subscription stanzas: the owner's roster changes, then the contact's (RFC 6121 §3).

use std::sync::Arc;

use waxwing_kernel::{Account, Core, Edit, Roster, Session, Targets};
use waxwing_stanza::{Addr, Condition, Kind, PresenceType, Stanza, StanzaError};
use waxwing_store::{RosterRow, StoreError, Write};

use crate::broadcast::send_out;
use crate::handle::refuse;
use crate::roster::push;
use crate::route::{Place, deliver, place};
use crate::transition::{Inbound, Step, inbound, outbound};
use crate::{announce_to, stranger, withdraw_from};

/// A client sends a step to a contact's bare JID.
pub(crate) async fn send(session: &Arc<Session>, mut stanza: Stanza, contact: Addr, step: Step) {
    let account = &session.account;
    if contact == account.jid {
        // One sees one's own presence as it is.
        return;
    }
    if step == Step::Subscribe
        && let Err(error) = admitted(account, &stanza, &contact).await
    {
        return refuse(session, &stanza, &error);
    }
    // §3.1.2: between bare JIDs, whatever the client wrote.
    let original = stanza.clone();
    stanza.from = Some(account.jid.clone());
    stanza.to = Some(contact.clone());
    // An answer changes the contact's side first. Where a crash comes between the two, the client sends it again, and
    // the request that it answers is still there. What asks is routed every time, so its own side comes first: the
    // contact may answer at once.
    let answers = matches!(step, Step::Subscribed | Step::Unsubscribed);
    let outcome = async {
        if answers {
            let Changed { routed, was_shown } = plan_outbound(account, &contact, step).await?;
            if routed {
                if step == Step::Unsubscribed && was_shown {
                    withdraw_from(account, &contact).await;
                }
                route(account, &contact, step, stanza, session).await;
            }
            change_outbound(account, &contact, step).await?;
            if step == Step::Subscribed && routed {
                announce_to(account, &contact).await;
            }
        } else if change_outbound(account, &contact, step).await?.routed {
            route(account, &contact, step, stanza, session).await;
        }
        Ok::<(), Refused>(())
    };
    match outcome.await {
        Ok(()) => {}
        Err(Refused::Limit) => refuse(session, &original, &crate::roster::full()),
        Err(Refused::Store(error)) => {
            tracing::error!(account = %account.jid, %error, "a subscription could not be stored");
            refuse(session, &original, &StanzaError::unanswering());
        }
    }
}

/// Whether a request is small enough to be kept as it came (§3.1.3): said of any, so it tells nothing of whom it is for.
pub(crate) fn is_keepable(core: &Core, request: &Stanza) -> Result<(), StanzaError> {
    if request.stored().len() <= core.settings.subscription_request_bytes {
        return Ok(());
    }
    Err(StanzaError::new(Condition::PolicyViolation).text("a request to see presence is shorter"))
}

/// Asking to see presence counts as a first message.
async fn admitted(account: &Arc<Account>, request: &Stanza, contact: &Addr) -> Result<(), StanzaError> {
    is_keepable(account.core(), request)?;
    match place(account.core(), contact).await? {
        Place::Account(recipient) => stranger::admit(account, Some(&recipient)).await,
        Place::Nobody(_) => stranger::admit(account, None).await,
        Place::Component(_) => {
            account.note_outside(contact.as_str());
            Ok(())
        }
        Place::Server(_) | Place::Elsewhere => Ok(()),
    }
}

struct Changed {
    routed: bool,
    was_shown: bool,
}

enum Refused {
    Limit,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Store(error)
    }
}

/// What a step would do on the owner's side, or why it cannot.
async fn plan_outbound(account: &Account, contact: &Addr, step: Step) -> Result<Changed, Refused> {
    let core = account.core();
    let roster = core.rosters.get(account.id).await?;
    step_outbound(&roster, contact, step, core.settings.roster_items).map(|(_, changed)| changed)
}

fn step_outbound(
    roster: &Roster,
    contact: &Addr,
    step: Step,
    limit: usize,
) -> Result<(RosterRow, Changed), Refused> {
    let mut row = roster.row(contact).cloned().unwrap_or_else(|| new_row(contact));
    let (was_listed, was_shown) = (row.listed, crate::transition::from(&row));
    let routed = outbound(&mut row, step);
    if row.listed && !was_listed && roster.contacts() >= limit {
        return Err(Refused::Limit);
    }
    Ok((row, Changed { routed, was_shown }))
}

/// The owner's side of a step: durable and pushed when it returns.
async fn change_outbound(account: &Arc<Account>, contact: &Addr, step: Step) -> Result<Changed, Refused> {
    let core = account.core();
    let mut edit = core.rosters.edit(account.id).await?;
    let before = edit.current.row(contact).cloned();
    let (row, changed) = step_outbound(&edit.current, contact, step, core.settings.roster_items)?;
    if before.as_ref() != Some(&row) && commit(account, &mut edit, &before, &row).await? {
        push(account, &edit.current, contact);
    }
    Ok(changed)
}

/// Brings a step to the contact's side.
async fn route(account: &Arc<Account>, contact: &Addr, step: Step, stanza: Stanza, session: &Session) {
    match place(account.core(), contact).await {
        Ok(Place::Account(recipient)) => {
            receive(&recipient, &account.jid, step, Some(stanza)).await;
        }
        // RFC 6121 §8.5.1: presence to nobody is met with silence.
        Ok(Place::Nobody(_) | Place::Server(_)) => {}
        Ok(Place::Component(component)) => {
            let stanza = Arc::new(stanza);
            if let Err(error) = component.send(stanza.clone(), None) {
                refuse(session, &stanza, &error);
            }
        }
        Ok(Place::Elsewhere) => refuse(session, &stanza, &StanzaError::elsewhere()),
        Err(error) => refuse(session, &stanza, &error),
    }
}

/// A step arrives from a contact. `stanza`: as it came; one is made where it was left out. One that asks where as many
/// wait for an answer as may is met with silence, as one to nobody is: an error would tell that the account is there.
pub(crate) async fn receive(account: &Arc<Account>, contact: &Addr, step: Step, stanza: Option<Stanza>) {
    let stanza = Arc::new(stanza.unwrap_or_else(|| step_stanza(step, contact, &account.jid)));
    let passing = waxwing_kernel::Passing {
        point: waxwing_kernel::Point::ToAccount,
        stanza: &stanza,
        account,
        session: None,
    };
    if account.host.table().guard(&passing).await.is_err() {
        return;
    }
    match take(account, contact, step, stanza).await {
        Ok(Inbound::Full) => {
            tracing::info!(account = %account.jid, "a request for presence is dropped: too many wait for an answer");
        }
        Ok(_) => {}
        Err(error) => {
            tracing::error!(account = %account.jid, %error, "a subscription could not be stored");
        }
    }
}

/// The contact's account is gone: so is what the roster says of it, whether or not the owner blocks it.
pub(crate) async fn forget(account: &Arc<Account>, contact: &Addr, step: Step) -> Result<(), StoreError> {
    take(account, contact, step, Arc::new(step_stanza(step, contact, &account.jid))).await.map(drop)
}

async fn take(
    account: &Arc<Account>,
    contact: &Addr,
    step: Step,
    stanza: Arc<Stanza>,
) -> Result<Inbound, StoreError> {
    let (reaction, was_shown) = change_inbound(account, contact, step, &stanza).await?;
    match reaction {
        // §3.3.3. Who only asked and takes that back does not learn which resources there are.
        Inbound::Deliver if step == Step::Unsubscribe && was_shown => withdraw_from(account, contact).await,
        Inbound::Deliver | Inbound::Ignore | Inbound::Full => {}
        Inbound::Approve => {
            let answer = step_stanza(Step::Subscribed, &account.jid, contact);
            match place(account.core(), contact).await {
                Ok(Place::Account(asker)) => {
                    Box::pin(receive(&asker, &account.jid, Step::Subscribed, Some(answer))).await;
                    announce_to(account, contact).await;
                }
                Ok(Place::Component(component)) => {
                    send_out(&component, Arc::new(answer), contact);
                    announce_to(account, contact).await;
                }
                _ => {}
            }
        }
    }
    Ok(reaction)
}

/// The contact's side of a step: durable, delivered and pushed when it returns. Says also whether the contact
/// was shown the account's presence before it.
async fn change_inbound(
    account: &Arc<Account>,
    contact: &Addr,
    step: Step,
    stanza: &Arc<Stanza>,
) -> Result<(Inbound, bool), StoreError> {
    let core = account.core();
    let mut edit = core.rosters.edit(account.id).await?;
    let before = edit.current.row(contact).cloned();
    if before.is_none() {
        if step != Step::Subscribe {
            return Ok((Inbound::Ignore, false));
        }
        // They do not take the place of contacts: strangers must not be able to fill a roster.
        if edit.current.strangers() >= core.settings.subscription_requests {
            return Ok((Inbound::Full, false));
        }
    }
    let mut row = before.clone().unwrap_or_else(|| new_row(contact));
    let was_shown = crate::transition::from(&row);
    let reaction = inbound(&mut row, step, (step == Step::Subscribe).then(|| stanza.stored().to_vec()));
    if reaction == Inbound::Ignore {
        return Ok((reaction, was_shown));
    }
    let asked = row.request.is_some() && before.as_ref().is_none_or(|before| before.request.is_none());
    let changed = before.as_ref() != Some(&row) && commit(account, &mut edit, &before, &row).await?;
    if reaction == Inbound::Deliver {
        // §3.1.6: before the roster push, and to those who asked for the roster; a request goes to whoever is
        // available (§3.1.3).
        let targets = if step == Step::Subscribe { Targets::Available } else { Targets::Interested };
        let _ = deliver(account, stanza.clone(), None, targets).await;
    }
    if changed {
        push(account, &edit.current, contact);
    }
    if asked {
        account.host.table().asked(account, contact);
    }
    Ok((reaction, was_shown))
}

pub(crate) fn step_stanza(step: Step, from: &Addr, to: &Addr) -> Stanza {
    let kind = match step {
        Step::Subscribe => PresenceType::Subscribe,
        Step::Subscribed => PresenceType::Subscribed,
        Step::Unsubscribe => PresenceType::Unsubscribe,
        Step::Unsubscribed => PresenceType::Unsubscribed,
    };
    Stanza::build(Kind::Presence(kind), Some(from.clone()), Some(to.clone()), None, |_| {})
}

pub(crate) fn new_row(contact: &Addr) -> RosterRow {
    RosterRow { contact: contact.as_str().to_owned(), ..RosterRow::default() }
}

/// Stores a row as the roster's next version; one that holds nothing any more goes. Says whether clients see a difference.
pub(crate) async fn commit(
    account: &Arc<Account>,
    edit: &mut Edit<'_, Roster>,
    before: &Option<RosterRow>,
    row: &RosterRow,
) -> Result<bool, StoreError> {
    let mut roster = (*edit.current).clone();
    roster.version += 1;
    let version = roster.version;
    let owner = account.id;
    let empty = !row.listed && row.request.is_none();
    let write = if empty {
        roster.rows.remove(&row.contact);
        Write::RosterRemove { owner, version, contact: row.contact.clone() }
    } else {
        roster.rows.insert(row.contact.clone(), row.clone());
        Write::RosterSet { owner, version, row: row.clone() }
    };
    if empty && before.is_none() {
        return Ok(false);
    }
    account.core().writer.commit(vec![write]).await?;
    edit.replace(roster);
    let visible = |row: &RosterRow| {
        let RosterRow { listed, name, groups, subscription, ask, approved, .. } = row.clone();
        listed.then_some((name, groups, subscription, ask, approved))
    };
    Ok(before.as_ref().and_then(visible) != visible(row))
}
