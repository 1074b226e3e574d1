//! Whom an account shows its presence, for answers that reveal as much.

use waxwing_kernel::Request;
use waxwing_stanza::{Condition, StanzaError};

/// Whether the asker is subscribed to the presence of the account asked. An account that does not exist shows nothing.
pub async fn is_shown<P>(request: &Request<P>) -> Result<bool, StanzaError> {
    let Some(account) = &request.account else { return Ok(false) };
    match account.core().rosters.get(account.id).await {
        Ok(roster) => Ok(roster.shows_presence_to(&request.from)),
        Err(error) => Err(unanswering(error)),
    }
}

/// The error for a store that does not answer. Whoever asked is refused (a rule that cannot be loaded refuses).
pub fn unanswering(error: waxwing_store::StoreError) -> StanzaError {
    tracing::error!(%error, "the store does not answer a module");
    Condition::InternalServerError.into()
}
