//! Writing to people who do not know the sender: so many at once, and so many an hour (`strangers.*`).
//!
//! A message, or a request to see presence, is a first one where the recipient does not have the sender in the roster,
//! never wrote to the sender, shows it no presence, and did not get one before. A domain outside may send
//! [`DOMAIN`] times what one account may. An address that nobody has costs as much, or it could be told from others.

use std::sync::Arc;

use waxwing_kernel::{Account, Core};
use waxwing_stanza::{Addr, Condition, ErrorType, StanzaError, bare_str, same_bare};

/// How many times the pace of one account a whole domain outside has.
const DOMAIN: u32 = 10;

/// Whether one of our accounts may write to another now; `None`: to an address that nobody has.
pub(crate) async fn admit(sender: &Arc<Account>, recipient: Option<&Account>) -> Result<(), StanzaError> {
    let strangers = &sender.core().strangers;
    if recipient.is_some_and(|recipient| sender.has_met(recipient)) || strangers.unlimited() {
        return Ok(());
    }
    let known = match recipient {
        Some(recipient) => {
            recipient.id == sender.id || recipient.has_met(sender) || knows(recipient, &sender.jid).await?
        }
        None => false,
    };
    if !known && !strangers.take(&[(sender.jid.as_str(), 1)]) {
        return Err(refused());
    }
    if let Some(recipient) = recipient {
        sender.meet(recipient);
    }
    Ok(())
}

/// Whether somebody outside may write to an account, or to an address that nobody has.
pub(crate) async fn admit_outside(
    core: &Core,
    from: &Addr,
    recipient: Option<&Account>,
) -> Result<(), StanzaError> {
    let strangers = &core.strangers;
    if strangers.unlimited() {
        return Ok(());
    }
    let sender = bare_str(from);
    let pair = recipient.map(|recipient| strangers.number((sender, recipient.id)));
    let known = match (recipient, pair) {
        (Some(recipient), Some(pair)) => {
            strangers.have_met(pair) || recipient.wrote_outside(sender) || knows(recipient, from).await?
        }
        _ => false,
    };
    if known {
        return Ok(());
    }
    let domain = from.domain().as_str();
    // The domain itself is not one sender of many.
    let senders = [(domain, DOMAIN), (sender, 1)];
    let senders = if sender == domain { senders.get(..1) } else { senders.get(..) };
    if !strangers.take(senders.unwrap_or_default()) {
        return Err(refused());
    }
    if let Some(pair) = pair {
        strangers.note_met(pair);
    }
    Ok(())
}

/// Whether an account has somebody in its roster or shows them its presence.
async fn knows(account: &Account, other: &Addr) -> Result<bool, StanzaError> {
    let roster = account.core().rosters.get(account.id).await;
    let roster = roster.map_err(|_| StanzaError::unanswering())?;
    let listed = roster.row(other).is_some_and(|row| row.listed);
    let directed = |resources: &[waxwing_kernel::Resource]| {
        resources.iter().flat_map(|resource| &resource.directed).any(|to| same_bare(to, other))
    };
    Ok(listed || account.resources(directed))
}

fn refused() -> StanzaError {
    let error = StanzaError::new(Condition::PolicyViolation).kind(ErrorType::Wait);
    error.text("you write to too many people who do not know you: try again later")
}
