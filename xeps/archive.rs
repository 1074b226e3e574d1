//! What the XEPs about an account's archive share.

use waxwing_kernel::Account;
use waxwing_stanza::{Condition, StanzaError};

use crate::presence::unanswering;

pub const MAM: &str = "urn:xmpp:mam:2";
/// XEP-0431's field of a query's form.
pub const FULLTEXT_FIELD: &str = "{urn:xmpp:fulltext:0}fulltext";

/// Where nothing is archived the account has no such feature.
pub async fn must_have_archive(account: &Account) -> Result<(), StanzaError> {
    let policy = account.archive_policy().await.map_err(unanswering)?;
    if policy.keeps() { Ok(()) } else { Err(Condition::ServiceUnavailable.into()) }
}
