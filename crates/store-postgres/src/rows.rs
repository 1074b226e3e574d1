//! The frequent writes: appends, settles, resend keys, each one statement over arrays.

use tokio_postgres::types::ToSql;
use waxwing_store::{LogRow, OwnerId, ResendRow, Rows, Seq};

use crate::pipeline::Statement;

/// What was there before is not counted again.
const APPEND: &str = "\
    WITH new AS (\
        INSERT INTO log (owner, seq, at, archived, pending, peer, resource, stanza) \
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bool[], $5::bool[], $6::text[], $7::text[], \
            $8::bytea[]) AS entry (owner, seq, at, archived, pending, peer, resource, stanza) \
        WHERE EXISTS (SELECT FROM accounts WHERE id = entry.owner) \
        ON CONFLICT DO NOTHING RETURNING owner, seq, archived) \
    INSERT INTO log_heads (owner, last, archived) \
    SELECT owner, max(seq), count(*) FROM new WHERE archived GROUP BY owner \
    ON CONFLICT (owner) DO UPDATE SET last = greatest(log_heads.last, excluded.last), \
        archived = log_heads.archived + excluded.archived";

/// Without the heads, for what is only pending.
const APPEND_PENDING: &str = "\
    INSERT INTO log (owner, seq, at, archived, pending, peer, resource, stanza) \
    SELECT owner, seq, at, false, true, peer, resource, stanza \
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[]) \
            AS entry (owner, seq, at, peer, resource, stanza) \
    WHERE EXISTS (SELECT FROM accounts WHERE id = entry.owner) \
    ON CONFLICT DO NOTHING";

const SETTLE: &str = "\
    WITH settled AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS entry (owner, seq)), \
    gone AS (\
        DELETE FROM log USING settled \
        WHERE log.owner = settled.owner AND log.seq = settled.seq AND NOT log.archived) \
    UPDATE log SET pending = false FROM settled \
    WHERE log.owner = settled.owner AND log.seq = settled.seq AND log.archived AND log.pending";

/// Two batches of one owner may have the same time: the second adds its keys. Keys that are there already are those
/// of a batch that is tried again.
const RESENDS: &str = "\
    INSERT INTO resends (owner, boot, at, keys) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) AS row (owner, boot, at, keys) \
    WHERE EXISTS (SELECT FROM accounts WHERE id = row.owner) \
    ON CONFLICT (owner, at, boot) DO UPDATE SET keys = resends.keys || excluded.keys \
    WHERE position(excluded.keys IN resends.keys) = 0";

pub(crate) fn statements<'a>(rows: &Rows<'a>, statements: &mut Vec<Statement<'a>>) {
    if !rows.appends.is_empty() {
        statements.push(append(&rows.appends));
    }
    if !rows.settles.is_empty() {
        statements.push(settle(&rows.settles));
    }
    if !rows.resends.is_empty() {
        statements.push(keep_resends(&rows.resends));
    }
}

fn append<'a>(rows: &[&'a LogRow]) -> Statement<'a> {
    let owners: Vec<OwnerId> = rows.iter().map(|row| row.owner).collect();
    let seqs: Vec<i64> = rows.iter().map(|row| position(row.seq)).collect();
    let times: Vec<i64> = rows.iter().map(|row| row.at).collect();
    let (peers, resources): (Vec<&'a str>, Vec<&'a str>) = rows.iter().map(|row| row.parties()).unzip();
    let stanzas: Vec<&'a [u8]> = rows.iter().map(|row| &*row.stanza).collect();
    if rows.iter().all(|row| !row.marks.archived) {
        let values: Vec<Box<dyn ToSql + Sync + Send + 'a>> = vec![
            Box::new(owners),
            Box::new(seqs),
            Box::new(times),
            Box::new(peers),
            Box::new(resources),
            Box::new(stanzas),
        ];
        return Statement { sql: APPEND_PENDING, values };
    }
    let archived: Vec<bool> = rows.iter().map(|row| row.marks.archived).collect();
    let pending: Vec<bool> = rows.iter().map(|row| row.marks.pending).collect();
    Statement {
        sql: APPEND,
        values: vec![
            Box::new(owners),
            Box::new(seqs),
            Box::new(times),
            Box::new(archived),
            Box::new(pending),
            Box::new(peers),
            Box::new(resources),
            Box::new(stanzas),
        ],
    }
}

fn settle<'a>(settles: &[(OwnerId, Seq)]) -> Statement<'a> {
    let owners: Vec<OwnerId> = settles.iter().map(|(owner, _)| *owner).collect();
    let seqs: Vec<i64> = settles.iter().map(|(_, seq)| position(*seq)).collect();
    Statement { sql: SETTLE, values: vec![Box::new(owners), Box::new(seqs)] }
}

fn keep_resends<'a>(rows: &[ResendRow]) -> Statement<'a> {
    let owners: Vec<OwnerId> = rows.iter().map(|row| row.owner).collect();
    let boots: Vec<i64> = rows.iter().map(|row| position(row.boot)).collect();
    let times: Vec<i64> = rows.iter().map(|row| row.at).collect();
    let keys: Vec<Vec<u8>> = rows.iter().map(|row| row.keys.clone()).collect();
    Statement {
        sql: RESENDS,
        values: vec![Box::new(owners), Box::new(boots), Box::new(times), Box::new(keys)],
    }
}

/// Exact: the writer refuses what is above `i64::MAX` (`Write::check`).
pub(crate) fn position(value: u64) -> i64 {
    value.cast_signed()
}
