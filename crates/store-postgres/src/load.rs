//! Reading an account whole: statements sent one behind the other, without waiting for the answer to each.

use deadpool_postgres::Object;
use futures_util::future::try_join4;
use tokio_postgres::{Error, Row};
use waxwing_store::{AccountRow, Doc, LogHead, ResendRow, Roster, StoreError, StoredAccount, Wanted};

use crate::accounts::{account, roster_of};
use crate::error::store_error;

/// With what its log looks like.
const ACCOUNT: &str = "\
    SELECT id, jid, keys, disabled, admin, created, \
        greatest((SELECT max(seq) FROM log WHERE owner = accounts.id), (SELECT last FROM log_heads WHERE owner = accounts.id), 0), \
        (SELECT count(*) FROM log WHERE owner = accounts.id AND pending), \
        coalesce((SELECT archived FROM log_heads WHERE owner = accounts.id), 0) \
    FROM accounts WHERE jid = $1";

const RESENDS: &str = "\
    SELECT owner, boot, at, keys FROM resends WHERE owner = (SELECT id FROM accounts WHERE jid = $1) AND at >= $2 \
    ORDER BY at DESC, boot DESC LIMIT $3";

const ROSTER: &str = "\
    SELECT roster_version, contact, listed, name, \"groups\", subscription, ask, approved, request \
    FROM accounts LEFT JOIN roster ON owner = id WHERE jid = $1 ORDER BY contact";

const DOCS: &str = "\
    SELECT kind, key, value FROM docs WHERE owner = (SELECT id FROM accounts WHERE jid = $1) AND kind = ANY ($2) \
    ORDER BY kind, key";

pub(crate) async fn load(
    client: &Object,
    jid: &str,
    wanted: &Wanted<'_>,
) -> Result<Option<StoredAccount>, StoreError> {
    let (since, limit) = (wanted.resends.0, i64::from(wanted.resends.1));
    let read = async {
        let (account, resends, roster, docs) = try_join4(
            client.prepare_cached(ACCOUNT),
            client.prepare_cached(RESENDS),
            client.prepare_cached(ROSTER),
            client.prepare_cached(DOCS),
        )
        .await?;
        try_join4(
            client.query(&account, &[&jid]),
            client.query(&resends, &[&jid, &since, &limit]),
            client.query(&roster, &[&jid]),
            client.query(&docs, &[&jid, &wanted.kinds]),
        )
        .await
    };
    let (accounts, resends, roster, docs) = read.await.map_err(|error| store_error(&error))?;
    let Some(first) = accounts.first() else { return Ok(None) };
    let mut stored = stored(first).map_err(|error| store_error(&error))?;
    stored.resends =
        resends.iter().map(resend).collect::<Result<_, _>>().map_err(|error| store_error(&error))?;
    stored.roster = roster_of(&roster)?;
    for row in &docs {
        let (kind, doc) = doc(row).map_err(|error| store_error(&error))?;
        stored.docs.entry(kind).or_default().push(doc);
    }
    Ok(Some(stored))
}

fn stored(row: &Row) -> Result<StoredAccount, Error> {
    let number = |at| row.try_get::<_, i64>(at).map(i64::cast_unsigned);
    let head = LogHead { last: number(6)?, pending: number(7)?, archived: number(8)? };
    let row: AccountRow = account(row)?;
    Ok(StoredAccount { row, head, resends: Vec::new(), roster: Roster::default(), docs: Default::default() })
}

fn resend(row: &Row) -> Result<ResendRow, Error> {
    let boot = row.try_get::<_, i64>(1)?.cast_unsigned();
    Ok(ResendRow { owner: row.try_get(0)?, boot, at: row.try_get(2)?, keys: row.try_get(3)? })
}

fn doc(row: &Row) -> Result<(String, Doc), Error> {
    Ok((row.try_get(0)?, Doc { key: row.try_get(1)?, value: row.try_get(2)? }))
}
