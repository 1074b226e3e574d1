//! The rare writes: rosters, docs, accounts.

use tokio_postgres::types::ToSql;
use waxwing_store::{DeviceRow, OwnerId, RosterRow, Write, groups_to_text};

use crate::pipeline::Statement;
use crate::reports;
use crate::rows::position;

/// Every table with rows of an owner; the account itself goes last.
const REMOVE: [&str; 10] = [
    "DELETE FROM search_entries WHERE owner = $1",
    "DELETE FROM search_heads WHERE owner = $1",
    "DELETE FROM log WHERE owner = $1",
    "DELETE FROM log_heads WHERE owner = $1",
    "DELETE FROM resends WHERE owner = $1",
    "DELETE FROM roster WHERE owner = $1",
    "DELETE FROM docs WHERE owner = $1",
    "DELETE FROM devices WHERE owner = $1",
    "DELETE FROM reports WHERE owner = $1",
    "DELETE FROM accounts WHERE id = $1",
];

const ROSTER_VERSION: &str = "UPDATE accounts SET roster_version = $2 WHERE id = $1";

const ROSTER_SET: &str = "\
    INSERT INTO roster (owner, contact, listed, name, \"groups\", subscription, ask, approved, request) \
    SELECT id, $2, $3, $4, $5, $6, $7, $8, $9 FROM accounts WHERE id = $1 \
    ON CONFLICT (owner, contact) DO UPDATE SET listed = excluded.listed, name = excluded.name, \
    \"groups\" = excluded.\"groups\", subscription = excluded.subscription, ask = excluded.ask, \
    approved = excluded.approved, request = excluded.request";

const DOC_SET: &str = "\
    INSERT INTO docs (owner, kind, key, value) SELECT id, $2, $3, $4 FROM accounts WHERE id = $1 \
    ON CONFLICT (owner, kind, key) DO UPDATE SET value = excluded.value";

const DEVICE_SET: &str = "\
    INSERT INTO devices (owner, id, software, name, seen, tokens, first) \
    SELECT id, $2, $3, $4, $5, $6, $7 FROM accounts WHERE id = $1 AND NOT disabled \
    ON CONFLICT (owner, id) DO UPDATE SET software = excluded.software, name = excluded.name, \
    seen = excluded.seen, tokens = excluded.tokens";

const VOID_TOKENS: &str = "UPDATE devices SET tokens = '' WHERE owner = $1";

pub(crate) type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

pub(crate) fn statements<'a>(write: &'a Write, statements: &mut Vec<Statement<'a>>) {
    let mut run = |sql, values: Vec<Value<'a>>| statements.push(Statement { sql, values });
    match write {
        Write::RosterSet { owner, version, row } => {
            run(ROSTER_VERSION, roster_version(*owner, *version));
            run(ROSTER_SET, roster_row(*owner, row));
        }
        Write::RosterRemove { owner, version, contact } => {
            run(ROSTER_VERSION, roster_version(*owner, *version));
            run(
                "DELETE FROM roster WHERE owner = $1 AND contact = $2",
                vec![Box::new(*owner), Box::new(contact)],
            );
        }
        Write::DocSet { owner, kind, key, value } => {
            run(DOC_SET, vec![Box::new(*owner), Box::new(*kind), Box::new(key), Box::new(value)]);
        }
        Write::DocRemove { owner, kind, key } => run(
            "DELETE FROM docs WHERE owner = $1 AND kind = $2 AND key = $3",
            vec![Box::new(*owner), Box::new(*kind), Box::new(key)],
        ),
        Write::DeviceSet(row) => run(DEVICE_SET, device_row(row)),
        Write::DeviceRemove { owner, id } => {
            run("DELETE FROM devices WHERE owner = $1 AND id = $2", vec![Box::new(*owner), Box::new(id)]);
        }
        Write::Report { report, keep } => {
            run(reports::ADD, reports::row(report));
            run(reports::TRIM, vec![Box::new(report.owner), Box::new(i64::from(*keep))]);
        }
        Write::Keys { owner, keys } => {
            run("UPDATE accounts SET keys = $2 WHERE id = $1", vec![Box::new(*owner), Box::new(keys)]);
            run(VOID_TOKENS, vec![Box::new(*owner)]);
        }
        Write::UpgradeKeys { owner, from, to } => run(
            "UPDATE accounts SET keys = $2 WHERE id = $1 AND keys = $3",
            vec![Box::new(*owner), Box::new(to), Box::new(from)],
        ),
        Write::Disabled { owner, disabled } => {
            run(
                "UPDATE accounts SET disabled = $2 WHERE id = $1",
                vec![Box::new(*owner), Box::new(*disabled)],
            );
            if *disabled {
                run(VOID_TOKENS, vec![Box::new(*owner)]);
            }
        }
        Write::RemoveAccount { owner } => {
            for sql in REMOVE {
                run(sql, vec![Box::new(*owner)]);
            }
        }
        // `steps` makes rows of these.
        Write::Append(_) | Write::Settle { .. } | Write::ResendKeys(_) => {}
    }
}

fn device_row(row: &DeviceRow) -> Vec<Value<'_>> {
    vec![
        Box::new(row.owner),
        Box::new(&row.id),
        Box::new(&row.software),
        Box::new(&row.name),
        Box::new(row.seen),
        Box::new(&row.tokens),
        Box::new(row.first),
    ]
}

fn roster_version<'a>(owner: OwnerId, version: u64) -> Vec<Value<'a>> {
    vec![Box::new(owner), Box::new(position(version))]
}

fn roster_row(owner: OwnerId, row: &RosterRow) -> Vec<Value<'_>> {
    vec![
        Box::new(owner),
        Box::new(&row.contact),
        Box::new(row.listed),
        Box::new(&row.name),
        Box::new(groups_to_text(&row.groups)),
        Box::new(row.subscription.number()),
        Box::new(row.ask),
        Box::new(row.approved),
        Box::new(&row.request),
    ]
}
