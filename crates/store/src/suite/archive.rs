//! Reading the archive.

use std::time::{Duration, Instant};

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, entry};
use crate::{LogQuery, LogRow, OwnerId, Seq, Store, Write};

async fn seqs(store: &dyn Store, owner: OwnerId, query: LogQuery) -> Vec<Seq> {
    store.log_archived(owner, &query).await.unwrap().iter().map(|row| row.seq).collect()
}

pub async fn an_archive_in_pages(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let mut writes: Vec<Write> = (1..=10).map(|seq| append(a, seq * 10, ARCHIVED)).collect();
    // What is only pending is not of the archive, nor is another's.
    writes.extend([append(a, 15, PENDING), append(a, 25, BOTH), append(b, 35, ARCHIVED)]);
    apply(&*store, &writes).await;

    let all = || LogQuery::all(4);
    let rows = store.log_archived(a, &all()).await.unwrap();
    assert_eq!(rows[2], entry(a, 25, BOTH));
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [10, 20, 25, 30]);
    assert_eq!(seqs(&*store, a, LogQuery { after: 30, ..all() }).await, [40, 50, 60, 70]);
    assert_eq!(seqs(&*store, a, LogQuery { after: 85, ..all() }).await, [90, 100]);
    assert_eq!(seqs(&*store, a, LogQuery { after: 15, before: 30, ..all() }).await, [20, 25]);
    assert_eq!(seqs(&*store, a, LogQuery { backwards: true, ..all() }).await, [100, 90, 80, 70]);
    assert_eq!(seqs(&*store, a, LogQuery { backwards: true, before: 30, ..all() }).await, [25, 20, 10]);
    for nothing in [
        LogQuery { after: 100, ..all() },
        LogQuery { after: u64::MAX, ..all() },
        LogQuery { before: 10, ..all() },
        LogQuery { before: 0, ..all() },
        LogQuery { after: 40, before: 40, ..all() },
        LogQuery::all(0),
    ] {
        assert!(store.log_archived(a, &nothing).await.unwrap().is_empty(), "{nothing:?}");
    }
    assert!(store.log_archived(a + 1000, &all()).await.unwrap().is_empty());
}

pub async fn what_is_pending_and_archived(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let both = [20, 40, 60, 80].map(|seq| append(a, seq, BOTH));
    let others =
        [append(a, 10, ARCHIVED), append(a, 30, PENDING), append(a, 70, ARCHIVED), append(b, 50, BOTH)];
    apply(&*store, &both.into_iter().chain(others).collect::<Vec<_>>()).await;
    for (after, before, newest, expected) in [
        (0, u64::MAX, u64::MAX, &[20, 40, 60, 80][..]),
        (20, 80, 100, &[40, 60]),
        // The archive has six.
        (0, 1000, 6, &[20, 40, 60, 80]),
        (0, 1000, 4, &[40, 60, 80]),
        (0, 1000, 2, &[80]),
        (0, 70, 2, &[]),
        (0, 1000, 0, &[]),
        (60, 60, 100, &[]),
        (u64::MAX, u64::MAX, 100, &[]),
    ] {
        let seqs = store.log_pending_archived(a, after, before, newest).await.unwrap();
        assert_eq!(seqs, expected, "{after} {before} {newest}");
    }
    assert!(store.log_pending_archived(a + 1000, 0, 1000, 100).await.unwrap().is_empty());
}

pub async fn one_conversation(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let with = |seq, peer: &str| Write::Append(LogRow { peer: peer.into(), ..entry(a, seq, ARCHIVED) });
    let writes = [
        with(1, "r@y"),
        with(2, "r@y/one"),
        with(3, "j@y/one"),
        with(4, "r@y/two"),
        with(5, "y/one"),
        with(6, "y"),
        with(7, "r@y/one/and more"),
        Write::Append(LogRow { peer: "r@y".into(), ..entry(a, 8, PENDING) }),
    ];
    apply(&*store, &writes).await;
    let of = |bare: &str, resource: Option<&str>| LogQuery {
        peer: Some(bare.to_owned()),
        resource: resource.map(str::to_owned),
        ..LogQuery::all(10)
    };
    assert_eq!(seqs(&*store, a, of("r@y", None)).await, [1, 2, 4, 7]);
    assert_eq!(seqs(&*store, a, of("r@y", Some("one"))).await, [2]);
    assert_eq!(seqs(&*store, a, of("r@y", Some("one/and more"))).await, [7]);
    assert_eq!(seqs(&*store, a, of("y", None)).await, [5, 6]);
    assert_eq!(seqs(&*store, a, of("y", Some("one"))).await, [5]);
    assert!(seqs(&*store, a, of("r@y", Some("three"))).await.is_empty());
    assert!(seqs(&*store, a, of("%", None)).await.is_empty());
    let late = LogQuery { after: 1, before: 7, backwards: true, limit: 1, ..of("r@y", None) };
    let rows = store.log_archived(a, &late).await.unwrap();
    assert_eq!((rows.len(), &*rows[0].peer), (1, "r@y/two"));
}

pub async fn some_positions(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let most = i64::MAX.unsigned_abs();
    apply(
        &*store,
        &[append(a, 1, ARCHIVED), append(a, 2, BOTH), append(a, 3, PENDING), append(a, most, ARCHIVED)],
    )
    .await;
    apply(&*store, &[append(b, 4, ARCHIVED)]).await;
    let among = |seqs: &[Seq]| LogQuery { among: Some(seqs.to_vec()), ..LogQuery::all(10) };
    assert_eq!(seqs(&*store, a, among(&[2, 1, 3, 4, 2])).await, [1, 2]);
    assert_eq!(seqs(&*store, a, LogQuery { limit: 1, backwards: true, ..among(&[1, 2]) }).await, [2]);
    assert!(seqs(&*store, a, among(&[])).await.is_empty());
    assert_eq!(store.log_archived_at(a, &[1, 2, 3, 4]).await.unwrap(), 2);
    assert_eq!(store.log_archived_at(a, &[most]).await.unwrap(), 1);
    assert_eq!(store.log_archived_at(a, &[]).await.unwrap(), 0);
    store.trim_archive(a, 1).await.unwrap();
    assert_eq!(store.log_archived_at(a, &[1, 2]).await.unwrap(), 0);
}

/// Twenty thousand entries: a page anywhere in them, of everything and of one conversation among many, is found
/// without a walk. What figures there are stand in the documentation; this only fails when it is a walk.
pub async fn a_page_costs_the_same_everywhere(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    for first in (1..=20_000).step_by(2_000) {
        let entry = |seq| {
            let peer = format!("p{}@y/r", seq % 7).into();
            Write::Append(LogRow { peer, ..entry(a, seq, ARCHIVED) })
        };
        let writes: Vec<Write> = (first..first + 2_000).map(entry).collect();
        apply(&*store, &writes).await;
    }
    let peer = Some("p3@y".to_owned());
    for backwards in [false, true] {
        for peer in [None, peer.clone()] {
            let page = LogQuery { peer, backwards, ..LogQuery::all(50) };
            let mut times = Vec::new();
            for middle in [1_000, 10_000, 19_000] {
                let query = if backwards {
                    LogQuery { before: middle, ..page.clone() }
                } else {
                    LogQuery { after: middle, ..page.clone() }
                };
                let mut best = Duration::MAX;
                for _ in 0..5 {
                    let begun = Instant::now();
                    assert_eq!(store.log_archived(a, &query).await.unwrap().len(), 50);
                    best = best.min(begun.elapsed());
                }
                times.push(best);
            }
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            assert!(*most < *least * 8 + Duration::from_millis(5), "{page:?}: {times:?}");
        }
    }
}
