//! The rare writes: rosters, docs, accounts.

use sqlx::SqliteConnection;
use waxwing_store::{DeviceRow, OwnerId, RosterRow, Write, groups_to_text};

use crate::reports;
use crate::rows::position;

/// Every table with rows of an owner; the account itself goes last.
const REMOVE: [&str; 11] = [
    "DELETE FROM search_words WHERE rowid IN (SELECT id FROM search_entries WHERE owner = ?)",
    "DELETE FROM search_entries WHERE owner = ?",
    "DELETE FROM search_heads WHERE owner = ?",
    "DELETE FROM log WHERE owner = ?",
    "DELETE FROM log_heads WHERE owner = ?",
    "DELETE FROM resends WHERE owner = ?",
    "DELETE FROM roster WHERE owner = ?",
    "DELETE FROM docs WHERE owner = ?",
    "DELETE FROM devices WHERE owner = ?",
    "DELETE FROM reports WHERE owner = ?",
    "DELETE FROM accounts WHERE id = ?",
];

pub(crate) async fn apply(conn: &mut SqliteConnection, write: &Write) -> sqlx::Result<()> {
    match write {
        Write::RosterSet { owner, version, row } => {
            roster_version(conn, *owner, *version).await?;
            roster_set(conn, *owner, row).await
        }
        Write::RosterRemove { owner, version, contact } => {
            roster_version(conn, *owner, *version).await?;
            sqlx::query("DELETE FROM roster WHERE owner = ? AND contact = ?")
                .bind(*owner)
                .bind(contact.as_str())
                .execute(conn)
                .await
                .map(drop)
        }
        Write::DocSet { owner, kind, key, value } => sqlx::query(
            "INSERT INTO docs (owner, kind, key, value) SELECT id, ?2, ?3, ?4 FROM accounts WHERE id = ?1 \
             ON CONFLICT (owner, kind, key) DO UPDATE SET value = excluded.value",
        )
        .bind(*owner)
        .bind(*kind)
        .bind(key.as_str())
        .bind(value.as_slice())
        .execute(conn)
        .await
        .map(drop),
        Write::DocRemove { owner, kind, key } => {
            sqlx::query("DELETE FROM docs WHERE owner = ? AND kind = ? AND key = ?")
                .bind(*owner)
                .bind(*kind)
                .bind(key.as_str())
                .execute(conn)
                .await
                .map(drop)
        }
        Write::DeviceSet(row) => device_set(conn, row).await,
        Write::DeviceRemove { owner, id } => sqlx::query("DELETE FROM devices WHERE owner = ? AND id = ?")
            .bind(*owner)
            .bind(id.as_str())
            .execute(conn)
            .await
            .map(drop),
        Write::Report { report, keep } => reports::add(conn, report, *keep).await,
        Write::Keys { owner, keys } => {
            sqlx::query("UPDATE accounts SET keys = ? WHERE id = ?")
                .bind(keys.as_slice())
                .bind(*owner)
                .execute(&mut *conn)
                .await?;
            void_tokens(conn, *owner).await
        }
        Write::UpgradeKeys { owner, from, to } => {
            sqlx::query("UPDATE accounts SET keys = ? WHERE id = ? AND keys = ?")
                .bind(to.as_slice())
                .bind(*owner)
                .bind(from.as_slice())
                .execute(conn)
                .await
                .map(drop)
        }
        Write::Disabled { owner, disabled } => {
            sqlx::query("UPDATE accounts SET disabled = ? WHERE id = ?")
                .bind(*disabled)
                .bind(*owner)
                .execute(&mut *conn)
                .await?;
            if *disabled { void_tokens(conn, *owner).await } else { Ok(()) }
        }
        Write::RemoveAccount { owner } => {
            for sql in REMOVE {
                sqlx::query(sql).bind(*owner).execute(&mut *conn).await?;
            }
            Ok(())
        }
        // `steps` makes rows of these.
        Write::Append(_) | Write::Settle { .. } | Write::ResendKeys(_) => Ok(()),
    }
}

async fn device_set(conn: &mut SqliteConnection, row: &DeviceRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO devices (owner, id, software, name, seen, tokens, first) \
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM accounts WHERE id = ?1 AND disabled = 0 \
         ON CONFLICT (owner, id) DO UPDATE SET software = excluded.software, name = excluded.name, \
         seen = excluded.seen, tokens = excluded.tokens",
    )
    .bind(row.owner)
    .bind(row.id.as_str())
    .bind(row.software.as_str())
    .bind(row.name.as_str())
    .bind(row.seen)
    .bind(row.tokens.as_slice())
    .bind(row.first)
    .execute(conn)
    .await
    .map(drop)
}

async fn void_tokens(conn: &mut SqliteConnection, owner: OwnerId) -> sqlx::Result<()> {
    sqlx::query("UPDATE devices SET tokens = x'' WHERE owner = ?").bind(owner).execute(conn).await.map(drop)
}

async fn roster_version(conn: &mut SqliteConnection, owner: OwnerId, version: u64) -> sqlx::Result<()> {
    sqlx::query("UPDATE accounts SET roster_version = ? WHERE id = ?")
        .bind(position(version))
        .bind(owner)
        .execute(conn)
        .await
        .map(drop)
}

async fn roster_set(conn: &mut SqliteConnection, owner: OwnerId, row: &RosterRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO roster (owner, contact, listed, name, \"groups\", subscription, ask, approved, request) \
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM accounts WHERE id = ?1 \
         ON CONFLICT (owner, contact) DO UPDATE SET listed = excluded.listed, name = excluded.name, \
         \"groups\" = excluded.\"groups\", subscription = excluded.subscription, ask = excluded.ask, \
         approved = excluded.approved, request = excluded.request",
    )
    .bind(owner)
    .bind(row.contact.as_str())
    .bind(row.listed)
    .bind(row.name.as_deref())
    .bind(groups_to_text(&row.groups))
    .bind(row.subscription.number())
    .bind(row.ask)
    .bind(row.approved)
    .bind(row.request.as_deref())
    .execute(conn)
    .await
    .map(drop)
}
