//! Requests that the server makes, for itself or for an account.

use std::sync::Arc;
use std::time::Duration;

use waxwing_kernel::{Accepted, Core, Targets};
use waxwing_stanza::{Condition, Stanza, StanzaError};

use crate::route::{Place, deliver, place};

/// Sends a request (whose id nobody can guess) to a component or to a local client, and waits for the answer.
///
/// # Errors
/// It cannot be sent, or no answer comes within `patience`: `<remote-server-timeout/>`. An answer that is an error is
/// none of these.
pub async fn ask(core: &Core, request: Stanza, patience: Duration) -> Result<Stanza, StanzaError> {
    let Some((to, expected)) = request.to.clone().zip(core.answers.expect(&request)) else {
        return Err(Condition::BadRequest.into());
    };
    let request = Arc::new(request);
    match place(core, &to).await? {
        Place::Component(component) => component.send(request, None)?,
        Place::Account(account) if to.resource().is_some() => {
            match deliver(&account, request, None, Targets::Full).await {
                Ok(Accepted::Taken) => {}
                Err(Some(error)) => return Err(error),
                Ok(_) | Err(None) => return Err(Condition::ServiceUnavailable.into()),
            }
        }
        Place::Elsewhere => return Err(Condition::RemoteServerNotFound.into()),
        Place::Account(_) | Place::Server(_) | Place::Nobody(_) => {
            return Err(Condition::ServiceUnavailable.into());
        }
    }
    let answer = tokio::time::timeout(patience, expected.wait()).await.ok().flatten();
    answer.ok_or_else(|| StanzaError::new(Condition::RemoteServerTimeout).text("no answer came"))
}
