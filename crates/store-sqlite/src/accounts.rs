//! Making and reading accounts and their rosters.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use waxwing_store::{
    AccountRow, DeviceRow, NewAccount, OwnerId, Roster, RosterRow, StoreError, Subscription, groups_from_text,
};

use crate::error::store_error;
use crate::lookups::Found;

pub(crate) async fn create(
    conn: &mut SqliteConnection,
    new: &[NewAccount],
) -> sqlx::Result<Vec<Option<OwnerId>>> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let mut made = Vec::with_capacity(new.len());
    for account in new {
        let id = sqlx::query_scalar(
            "INSERT INTO accounts (jid, keys, admin, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(account.jid.as_str())
        .bind(account.keys.as_slice())
        .bind(account.admin)
        .bind(account.created)
        .fetch_optional(&mut *transaction)
        .await?;
        made.push(id);
    }
    transaction.commit().await?;
    Ok(made)
}

/// `jids`: a JSON array.
pub(crate) async fn several(reader: &mut SqliteConnection, jids: &str) -> Found<AccountRow> {
    let rows = sqlx::query(
        "SELECT id, jid, keys, disabled, admin, created FROM accounts \
         WHERE jid IN (SELECT value FROM json_each(?))",
    )
    .bind(jids)
    .try_map(account)
    .fetch_all(reader)
    .await
    .map_err(store_error)?;
    Ok(rows.into_iter().map(|row| (row.jid.clone(), Ok(row))).collect())
}

pub(crate) async fn page(
    reader: &mut SqliteConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<AccountRow>, StoreError> {
    // Every JID is greater than the empty text.
    sqlx::query(
        "SELECT id, jid, keys, disabled, admin, created FROM accounts WHERE jid > ? ORDER BY jid LIMIT ?",
    )
    .bind(after.unwrap_or(""))
    .bind(limit)
    .try_map(account)
    .fetch_all(reader)
    .await
    .map_err(store_error)
}

fn account(row: SqliteRow) -> sqlx::Result<AccountRow> {
    Ok(AccountRow {
        id: row.try_get(0)?,
        jid: row.try_get(1)?,
        keys: row.try_get(2)?,
        disabled: row.try_get(3)?,
        admin: row.try_get(4)?,
        created: row.try_get(5)?,
    })
}

pub(crate) async fn on_device(
    reader: &mut SqliteConnection,
    jid: &str,
    id: &str,
) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError> {
    sqlx::query(
        "SELECT accounts.id, jid, keys, disabled, admin, created, owner, devices.id, software, name, seen, tokens, \
         first FROM accounts LEFT JOIN devices ON owner = accounts.id AND devices.id = ?2 WHERE jid = ?1",
    )
    .bind(jid)
    .bind(id)
    .try_map(|row: SqliteRow| {
        let device = row.try_get::<Option<OwnerId>, _>(6)?.map(|_| device_from(&row, 6)).transpose()?;
        Ok((account(row)?, device))
    })
    .fetch_optional(reader)
    .await
    .map_err(store_error)
}

pub(crate) fn device(row: SqliteRow) -> sqlx::Result<DeviceRow> {
    device_from(&row, 0)
}

fn device_from(row: &SqliteRow, first: usize) -> sqlx::Result<DeviceRow> {
    Ok(DeviceRow {
        owner: row.try_get(first)?,
        id: row.try_get(first + 1)?,
        software: row.try_get(first + 2)?,
        name: row.try_get(first + 3)?,
        seen: row.try_get(first + 4)?,
        tokens: row.try_get(first + 5)?,
        first: row.try_get(first + 6)?,
    })
}

/// Version and rows of one moment: one statement, the version in every row, and a row without a contact where there
/// is none.
pub(crate) async fn roster(reader: &mut SqliteConnection, owner: OwnerId) -> Result<Roster, StoreError> {
    let rows = sqlx::query(
        "SELECT roster_version, contact, listed, name, \"groups\", subscription, ask, approved, request \
         FROM accounts LEFT JOIN roster ON owner = id WHERE id = ? ORDER BY contact",
    )
    .bind(owner)
    .fetch_all(reader)
    .await
    .map_err(store_error)?;
    let mut roster = Roster::default();
    for row in &rows {
        roster.version = row.try_get::<i64, _>(0).map_err(store_error)?.cast_unsigned();
        if row.try_get::<Option<&str>, _>(1).map_err(store_error)?.is_some() {
            roster.rows.push(contact(row)?);
        }
    }
    Ok(roster)
}

fn contact(row: &SqliteRow) -> Result<RosterRow, StoreError> {
    let groups: &str = row.try_get(4).map_err(store_error)?;
    Ok(RosterRow {
        contact: row.try_get(1).map_err(store_error)?,
        listed: row.try_get(2).map_err(store_error)?,
        name: row.try_get(3).map_err(store_error)?,
        groups: groups_from_text(groups)?,
        subscription: Subscription::from_number(row.try_get(5).map_err(store_error)?)?,
        ask: row.try_get(6).map_err(store_error)?,
        approved: row.try_get(7).map_err(store_error)?,
        request: row.try_get(8).map_err(store_error)?,
    })
}
