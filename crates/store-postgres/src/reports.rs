//! What users reported.

use tokio_postgres::{Error, Row};
use waxwing_store::{Report, ReportHead};

use crate::one::Value;
use crate::rows::position;

pub(crate) const ADD: &str = "\
    INSERT INTO reports (id, owner, host, reported, bare, domain, reason, messages, content) \
    SELECT $2, id, $3, $4, $5, $6, $7, $8, $9 FROM accounts WHERE id = $1 ON CONFLICT DO NOTHING";

pub(crate) const TRIM: &str = "\
    DELETE FROM reports WHERE owner = $1 AND id NOT IN \
    (SELECT id FROM reports WHERE owner = $1 ORDER BY id DESC LIMIT $2)";

pub(crate) const PAGE: &str = "\
    SELECT reports.id, jid, reported, reason, messages FROM reports JOIN accounts ON accounts.id = owner \
    WHERE reports.id > $1 AND ($2::text IS NULL OR host = $2) \
    AND ($3::text IS NULL OR $3 IN (reported, bare, domain)) ORDER BY reports.id LIMIT $4";

pub(crate) const ONE: &str = "\
    SELECT reports.id, jid, reported, reason, messages, content FROM reports \
    JOIN accounts ON accounts.id = owner WHERE reports.id = $1";

pub(crate) const EXPIRE: &str =
    "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE id < $1 ORDER BY id LIMIT $2)";

pub(crate) fn row(report: &Report) -> Vec<Value<'_>> {
    let (bare, domain) = report.parties();
    vec![
        Box::new(report.owner),
        Box::new(position(report.id)),
        Box::new(&report.host),
        Box::new(&report.reported),
        Box::new(bare),
        Box::new(domain),
        Box::new(&report.reason),
        Box::new(i64::from(report.messages)),
        Box::new(&report.content),
    ]
}

pub(crate) fn head(row: &Row) -> Result<ReportHead, Error> {
    Ok(ReportHead {
        id: row.try_get::<_, i64>(0)?.cast_unsigned(),
        reporter: row.try_get(1)?,
        reported: row.try_get(2)?,
        reason: row.try_get(3)?,
        messages: u32::try_from(row.try_get::<_, i64>(4)?).unwrap_or(u32::MAX),
    })
}
