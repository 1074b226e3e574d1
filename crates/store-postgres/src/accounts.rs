//! Making and reading accounts and their rosters.

use std::collections::HashMap;

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::{Error, Row};
use waxwing_store::{
    AccountRow, DeviceRow, NewAccount, OwnerId, Roster, RosterRow, StoreError, Subscription, groups_from_text,
};

use crate::error::store_error;

/// One statement is one transaction.
pub(crate) async fn create(
    client: &ClientWrapper,
    new: &[NewAccount],
) -> Result<Vec<Option<OwnerId>>, Error> {
    let jids: Vec<&str> = new.iter().map(|account| &*account.jid).collect();
    let keys: Vec<&[u8]> = new.iter().map(|account| &*account.keys).collect();
    let admins: Vec<bool> = new.iter().map(|account| account.admin).collect();
    let created: Vec<i64> = new.iter().map(|account| account.created).collect();
    let insert = client
        .prepare_cached(
            "INSERT INTO accounts (jid, keys, admin, created) \
             SELECT * FROM unnest($1::text[], $2::bytea[], $3::bool[], $4::bigint[]) \
             ON CONFLICT DO NOTHING RETURNING jid, id",
        )
        .await?;
    let rows = client.query(&insert, &[&jids, &keys, &admins, &created]).await?;
    let mut made: HashMap<&str, OwnerId> = HashMap::with_capacity(rows.len());
    for row in &rows {
        made.insert(row.try_get(0)?, row.try_get(1)?);
    }
    // Of several with one JID the first was made.
    Ok(jids.into_iter().map(|jid| made.remove(jid)).collect())
}

pub(crate) fn account(row: &Row) -> Result<AccountRow, Error> {
    Ok(AccountRow {
        id: row.try_get(0)?,
        jid: row.try_get(1)?,
        keys: row.try_get(2)?,
        disabled: row.try_get(3)?,
        admin: row.try_get(4)?,
        created: row.try_get(5)?,
    })
}

pub(crate) fn on_device(row: &Row) -> Result<(AccountRow, Option<DeviceRow>), Error> {
    let device = row.try_get::<_, Option<OwnerId>>(6)?.map(|_| device_from(row, 6)).transpose()?;
    Ok((account(row)?, device))
}

pub(crate) fn device(row: &Row) -> Result<DeviceRow, Error> {
    device_from(row, 0)
}

fn device_from(row: &Row, first: usize) -> Result<DeviceRow, Error> {
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
pub(crate) async fn roster(client: &Object, owner: OwnerId) -> Result<Roster, StoreError> {
    let read = async {
        let select = client
            .prepare_cached(
                "SELECT roster_version, contact, listed, name, \"groups\", subscription, ask, approved, request \
                 FROM accounts LEFT JOIN roster ON owner = id WHERE id = $1 ORDER BY contact",
            )
            .await?;
        client.query(&select, &[&owner]).await
    };
    roster_of(&read.await.map_err(|error| store_error(&error))?)
}

/// The version in every row, a row without a contact where there is none.
pub(crate) fn roster_of(rows: &[Row]) -> Result<Roster, StoreError> {
    let mut roster = Roster::default();
    for row in rows {
        let get = |error| store_error(&error);
        roster.version = row.try_get::<_, i64>(0).map_err(get)?.cast_unsigned();
        if let Some(name) = row.try_get::<_, Option<String>>(1).map_err(get)? {
            roster.rows.push(contact(row, name)?);
        }
    }
    Ok(roster)
}

fn contact(row: &Row, contact: String) -> Result<RosterRow, StoreError> {
    let get = |error| store_error(&error);
    Ok(RosterRow {
        contact,
        listed: row.try_get(2).map_err(get)?,
        name: row.try_get(3).map_err(get)?,
        groups: groups_from_text(row.try_get(4).map_err(get)?)?,
        subscription: Subscription::from_number(row.try_get(5).map_err(get)?)?,
        ask: row.try_get(6).map_err(get)?,
        approved: row.try_get(7).map_err(get)?,
        request: row.try_get(8).map_err(get)?,
    })
}
