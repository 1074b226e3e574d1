//! What the XEPs about an account's archive share.

use waxwing_kernel::{Account, stamp};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::LogRow;
use waxwing_xml::Tag;

use crate::presence::unanswering;

pub const MAM: &str = "urn:xmpp:mam:2";
/// XEP-0431's field of a query's form.
pub const FULLTEXT_FIELD: &str = "{urn:xmpp:fulltext:0}fulltext";

/// Where nothing is archived the account has no such feature.
pub async fn must_have_archive(account: &Account) -> Result<(), StanzaError> {
    let policy = account.archive_policy().await.map_err(unanswering)?;
    if policy.keeps() { Ok(()) } else { Err(Condition::ServiceUnavailable.into()) }
}

/// XEP-0313 §5: the ends of the archive, none of one that is empty.
pub fn write_metadata(out: &mut Vec<u8>, account: &Account, ends: Option<&(LogRow, LogRow)>) {
    Tag::new(out, "metadata").ns(MAM).children(|out| {
        let Some((start, end)) = ends else { return };
        for (name, row) in [("start", start), ("end", end)] {
            Tag::new(out, name)
                .attr("id", &account.core().ids.stanza_id(account.id, row.seq))
                .attr("timestamp", &stamp(row.at))
                .end_empty();
        }
    });
}
