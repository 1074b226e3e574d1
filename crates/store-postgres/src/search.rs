//! The words of archived messages.

use deadpool_postgres::Object;
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;
use waxwing_store::{LogQuery, OwnerId, Seq};

use crate::archive::{bound, bounds};
use crate::rows::position;

/// What was archived and is archived still, each once. A word that stands for the owner has a letter in it that no
/// word has: matches of others are passed over without being looked at.
const ADD: &str = "\
    WITH new AS (\
        INSERT INTO search_entries (owner, seq, words) \
        SELECT $1, entry.seq, array_to_tsvector(string_to_array(entry.words, ' ')) \
            FROM unnest($2::bigint[], $3::text[]) AS entry (seq, words) \
        WHERE (SELECT archived FROM log WHERE owner = $1 AND log.seq = entry.seq) \
        ON CONFLICT DO NOTHING) \
    INSERT INTO search_heads (owner, seq) SELECT id, $4 FROM accounts WHERE id = $1 \
    ON CONFLICT (owner) DO UPDATE SET seq = greatest(search_heads.seq, excluded.seq)";

fn mark(owner: OwnerId) -> String {
    format!("\u{e000}{owner}")
}

pub(crate) async fn add(
    client: &Object,
    owner: OwnerId,
    head: Seq,
    entries: &[(Seq, Vec<String>)],
) -> Result<(), Error> {
    let seqs: Vec<i64> = entries.iter().map(|(seq, _)| position(*seq)).collect();
    let words: Vec<String> = entries
        .iter()
        .map(|(_, words)| format!("{} {}", mark(owner), words.join(" ")).trim().to_owned())
        .collect();
    let add = client.prepare_cached(ADD).await?;
    client.execute(&add, &[&owner, &seqs, &words, &position(head)]).await.map(drop)
}

/// A statement for each combination of filters, all of them short texts of our own.
pub(crate) async fn page(
    client: &Object,
    owner: OwnerId,
    words: &[String],
    query: &LogQuery,
) -> Result<Vec<Seq>, Error> {
    let (after, before, limit) = (bound(query.after), bound(query.before), i64::from(query.limit));
    let among = query.among.as_deref().map(bounds);
    // Between quotes a word is a word, whatever else it would mean.
    let quoted = |word: &str| format!("'{}'", word.replace(['\'', '\\'], ""));
    let wanted: Vec<String> =
        std::iter::once(mark(owner)).chain(words.iter().cloned()).map(|word| quoted(&word)).collect();
    let wanted = wanted.join(" & ");
    // `OFFSET 0` keeps the planner from beginning elsewhere than with the words.
    let mut sql = "SELECT entry.seq FROM \
                   (SELECT owner, seq FROM search_entries WHERE words @@ $5::text::tsquery OFFSET 0) AS entry \
                   CROSS JOIN LATERAL (SELECT archived, peer, resource FROM log \
                   WHERE log.owner = entry.owner AND log.seq = entry.seq OFFSET 0) AS log \
                   WHERE entry.owner = $1 AND archived AND entry.seq > $2 AND entry.seq < $3"
        .to_owned();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&owner, &after, &before, &limit, &wanted];
    let mut filter = |column: &str, value, end: &str| {
        values.push(value);
        sql.push_str(&format!(" AND {column} ${}{end}", values.len()));
    };
    if let Some(peer) = &query.peer {
        filter("peer =", peer, "");
    }
    if let Some(resource) = &query.resource {
        filter("resource =", resource, "");
    }
    if let Some(among) = &among {
        filter("entry.seq = ANY (", among, ")");
    }
    sql.push_str(if query.backwards {
        " ORDER BY entry.seq DESC LIMIT $4"
    } else {
        " ORDER BY entry.seq LIMIT $4"
    });
    let select = client.prepare_cached(&sql).await?;
    let rows = client.query(&select, &values).await?;
    rows.iter().map(|row| row.try_get::<_, i64>(0).map(i64::cast_unsigned)).collect()
}
