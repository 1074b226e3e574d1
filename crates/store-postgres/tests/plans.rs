//! How Postgres goes about the statements whose tables grow.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use pgtest::Cluster;
use waxwing_store::{LogQuery, LogRow, Marks, NewAccount, OwnerId, Seq, Store, Write};

/// What was planned while there was nothing yet is planned for good, until Postgres looks at the table by itself.
const SMALL: u64 = 10;
const LARGE: u64 = 3_000;

fn entry(owner: OwnerId, seq: Seq) -> Write {
    Write::Append(LogRow {
        owner,
        seq,
        at: 0,
        marks: Marks { archived: true, pending: false },
        peer: Arc::from("juliet@example.org"),
        stanza: b"<message/>"[..].into(),
    })
}

async fn append(store: &dyn Store, owner: OwnerId, seqs: std::ops::RangeInclusive<Seq>) {
    let writes: Vec<Write> = seqs.map(|seq| entry(owner, seq)).collect();
    store.apply(&writes.iter().collect::<Vec<_>>()).await.unwrap();
}

#[tokio::test]
async fn entries_of_known_positions_are_not_looked_for_in_the_whole_archive() {
    let cluster = Cluster::shared();
    let url = cluster.fresh_database().await;
    let store = waxwing_store_postgres::open(&url).await.unwrap();
    let new = NewAccount { jid: "romeo@example.net".to_owned(), keys: Vec::new(), admin: false, created: 0 };
    let owner = store.create_accounts(&[new]).await.unwrap()[0].unwrap();
    let words = ["balcony".to_owned()];

    append(store.as_ref(), owner, 1..=SMALL).await;
    let mut known = 0;
    for head in [SMALL, LARGE] {
        append(store.as_ref(), owner, SMALL + 1..=head).await;
        let found: Vec<_> = [1, head].map(|seq| (seq, words.to_vec())).into();
        store.search_add(owner, head, &found).await.unwrap();
        assert_eq!(store.log_archived_at(owner, &[1, head, head + 1]).await.unwrap(), 2);
        assert_eq!(store.search(owner, &words, &LogQuery::all(1)).await.unwrap(), [1]);
        let page = store.log_archived(owner, &LogQuery::all(2)).await.unwrap();
        assert_eq!(page.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
        let among = LogQuery { among: Some(vec![1, 1, head]), ..LogQuery::all(9) };
        known = store.log_archived(owner, &among).await.unwrap().len();
    }
    // What its connections read is counted when they have ended.
    store.close().await;
    drop(store);
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..1_000 {
        if cluster.select_in(&url, others).await == ["0"] {
            break;
        }
    }
    assert_eq!(known, 2);
    let read = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE indexrelname IN ('log_peer', 'log_position')";
    let read: u64 = cluster.select_in(&url, read).await[0].parse().unwrap();
    assert!(read < LARGE / 2, "{read} entries of indexes");
}
