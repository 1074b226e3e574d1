//! Reading an account whole.
//!
//! A statement is handed to the connection's thread, and each of its rows back, which costs more than what is read: so
//! this is one statement, of one row for each account. What there may be several of comes as JSON, bytes in it as
//! hexadecimal digits.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use waxwing_store::{
    AccountRow, Doc, LogHead, ResendRow, Roster, RosterRow, StoreError, StoredAccount, Subscription, Wanted,
    groups_from_text,
};

use crate::error::store_error;
use crate::lookups::Found;

/// A limit that is a parameter and nothing else has SQLite compile the statement anew each time it is bound: its planner
/// looks at the value. Behind a sign it does not.
const LOAD: &str = "\
    SELECT id, jid, keys, disabled, admin, created, roster_version, \
        max(coalesce((SELECT max(seq) FROM log WHERE owner = accounts.id), 0), \
            coalesce((SELECT last FROM log_heads WHERE owner = accounts.id), 0)), \
        (SELECT count(*) FROM log WHERE owner = accounts.id AND pending = 1), \
        coalesce((SELECT archived FROM log_heads WHERE owner = accounts.id), 0), \
        (SELECT json_group_array(json_array(boot, at, hex(keys))) FROM (\
            SELECT boot, at, keys FROM resends WHERE owner = accounts.id AND at >= ?2 \
            ORDER BY at DESC, boot DESC LIMIT +?3)), \
        (SELECT json_group_array(json_array(contact, listed, name, \"groups\", subscription, ask, approved, \
            iif(request IS NULL, NULL, hex(request)))) FROM roster WHERE owner = accounts.id), \
        (SELECT json_group_array(json_array(kind, key, hex(value))) FROM docs \
            WHERE owner = accounts.id AND kind IN (SELECT value FROM json_each(?4))) \
    FROM accounts WHERE jid IN (SELECT value FROM json_each(?1))";

type Resend = (i64, i64, String);
type Contact = (String, i64, Option<String>, String, i64, i64, i64, Option<String>);
type KindDoc = (String, String, String);

/// `jids`: a JSON array.
pub(crate) async fn several(
    reader: &mut SqliteConnection,
    jids: &str,
    wanted: &Wanted<'_>,
) -> Found<StoredAccount> {
    let (since, limit) = wanted.resends;
    let kinds = serde_json::Value::from(wanted.kinds).to_string();
    let rows = sqlx::query(LOAD).bind(jids).bind(since).bind(limit).bind(kinds).fetch_all(reader).await;
    let named = |row: SqliteRow| Ok((row.try_get(1).map_err(store_error)?, whole(&row)));
    rows.map_err(store_error)?.into_iter().map(named).collect()
}

fn whole(row: &SqliteRow) -> Result<StoredAccount, StoreError> {
    let mut stored = account(row).map_err(store_error)?;
    let owner = stored.row.id;
    for (boot, at, keys) in many::<Resend>(row, 10)? {
        stored.resends.push(ResendRow { owner, boot: boot.cast_unsigned(), at, keys: bytes(&keys)? });
    }
    stored.resends.sort_by_key(|row| std::cmp::Reverse((row.at, row.boot)));
    for row in many(row, 11)? {
        stored.roster.rows.push(contact(row)?);
    }
    stored.roster.rows.sort_by(|one, other| one.contact.cmp(&other.contact));
    for (kind, key, value) in many::<KindDoc>(row, 12)? {
        stored.docs.entry(kind).or_default().push(Doc { key, value: bytes(&value)? });
    }
    stored.docs.values_mut().for_each(|docs| docs.sort_by(|one, other| one.key.cmp(&other.key)));
    Ok(stored)
}

fn account(row: &SqliteRow) -> sqlx::Result<StoredAccount> {
    let number = |at: usize| row.try_get::<i64, _>(at).map(i64::cast_unsigned);
    Ok(StoredAccount {
        row: AccountRow {
            id: row.try_get(0)?,
            jid: row.try_get(1)?,
            keys: row.try_get(2)?,
            disabled: row.try_get(3)?,
            admin: row.try_get(4)?,
            created: row.try_get(5)?,
        },
        head: LogHead { last: number(7)?, pending: number(8)?, archived: number(9)? },
        resends: Vec::new(),
        roster: Roster { version: number(6)?, rows: Vec::new() },
        docs: Default::default(),
    })
}

fn contact(row: Contact) -> Result<RosterRow, StoreError> {
    let (contact, listed, name, groups, subscription, ask, approved, request) = row;
    Ok(RosterRow {
        contact,
        listed: listed != 0,
        name,
        groups: groups_from_text(&groups)?,
        subscription: Subscription::from_number(subscription)?,
        ask: ask != 0,
        approved: approved != 0,
        request: request.as_deref().map(bytes).transpose()?,
    })
}

fn many<T: serde::de::DeserializeOwned>(row: &SqliteRow, at: usize) -> Result<Vec<T>, StoreError> {
    let text: &str = row.try_get(at).map_err(store_error)?;
    serde_json::from_str(text).map_err(|error| StoreError(format!("reading an account: {error}")))
}

fn bytes(digits: &str) -> Result<Vec<u8>, StoreError> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let byte = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let (pairs, rest) = digits.as_bytes().as_chunks();
    let bytes = pairs.iter().map(byte).collect::<Option<_>>().filter(|_| rest.is_empty());
    bytes.ok_or_else(|| StoreError("reading an account: no hexadecimal digits".to_owned()))
}
