//! Where an address leads, and the last step to an account.

use std::sync::Arc;

use waxwing_kernel::{Accepted, Account, Component, Core, Delivery, Host, Passing, Point, Targets};
use waxwing_stanza::{Addr, Stanza, StanzaError};

/// What a local or foreign address stands for.
pub(crate) enum Place {
    /// The server itself: a hosted domain, with no localpart.
    Server(Arc<Host>),
    /// A local account.
    Account(Arc<Account>),
    /// A local address that no account has.
    Nobody(Arc<Host>),
    /// A component's domain.
    Component(Arc<Component>),
    /// A domain that is not hosted here.
    Elsewhere,
}

/// Finds out what an address stands for. `Err`: the store does not answer.
pub(crate) async fn place(core: &Core, to: &Addr) -> Result<Place, StanzaError> {
    let domain = to.domain().as_str();
    let Some(host) = core.host(domain) else {
        let component = core.component(domain).cloned();
        return Ok(component.map_or(Place::Elsewhere, Place::Component));
    };
    if to.node().is_none() {
        return Ok(Place::Server(host.clone()));
    }
    match core.directory.find(host, to).await {
        Ok(Some(account)) => Ok(Place::Account(account)),
        Ok(None) => Ok(Place::Nobody(host.clone())),
        Err(error) => {
            tracing::error!(%error, "an account could not be looked up");
            Err(StanzaError::unanswering())
        }
    }
}

/// Asks the guards of an account, then hands it a stanza that no log keeps. `Err(None)`: dropped in silence.
pub(crate) async fn deliver(
    account: &Arc<Account>,
    stanza: Arc<Stanza>,
    to: Option<Addr>,
    targets: Targets,
) -> Result<Accepted, Option<StanzaError>> {
    let passing = Passing { point: Point::ToAccount, stanza: &stanza, account, session: None };
    account.host.table().guard(&passing).await?;
    let delivery = Delivery { to, ..Delivery::shared(stanza, targets) };
    Ok(account.accept(delivery))
}

/// Sends an answer that the server made to a local full JID or to a component's; one to somewhere else has no way to
/// go yet.
pub(crate) fn answer(core: &Core, stanza: Stanza) {
    let Some(to) = stanza.to.clone() else { return };
    if core.answers.take(&stanza) {
        return;
    }
    if let Some(account) = core.directory.present(&to) {
        account.accept(Delivery::plain(stanza, Targets::Full));
    } else if let Some(component) = core.component(to.domain().as_str()) {
        // Where it cannot take it, nobody waits for it.
        let _ = component.send(Arc::new(stanza), None);
    }
}
