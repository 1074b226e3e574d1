//! The log.

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, entry, pending};
use crate::{LogHead, LogRow, Write};

pub async fn appends_are_pending_in_order(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    // Positions have holes and interleave with another owner's.
    apply(
        &*store,
        &[append(a, 3, PENDING), append(b, 1, PENDING), append(a, 7, BOTH), append(a, 9, ARCHIVED)],
    )
    .await;
    apply(&*store, &[append(a, 12, PENDING)]).await;
    let rows = store.log_pending(a, 0, 100).await.unwrap();
    assert_eq!(rows, [entry(a, 3, PENDING), entry(a, 7, BOTH), entry(a, 12, PENDING)]);
    assert_eq!(pending(&*store, b).await, [1]);
    assert_eq!(store.log_marks(a, 9).await.unwrap(), Some(ARCHIVED));
    assert_eq!(store.log_marks(a, 8).await.unwrap(), None);
    assert_eq!(store.log_marks(a, u64::MAX).await.unwrap(), None);
}

pub async fn pending_in_pages(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let writes: Vec<Write> = (1..=10).map(|seq| append(a, seq * 10, PENDING)).collect();
    apply(&*store, &writes).await;
    let page = |after, limit| {
        let store = &store;
        async move {
            let rows = store.log_pending(a, after, limit).await.unwrap();
            rows.iter().map(|row| row.seq).collect::<Vec<_>>()
        }
    };
    assert_eq!(page(0, 4).await, [10, 20, 30, 40]);
    assert_eq!(page(40, 4).await, [50, 60, 70, 80]);
    assert_eq!(page(85, 4).await, [90, 100]);
    assert!(page(100, 4).await.is_empty());
    assert!(page(u64::MAX, 4).await.is_empty());
    assert!(page(0, 0).await.is_empty());
}

pub async fn an_append_is_idempotent(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let first = [append(a, 1, BOTH), append(a, 2, ARCHIVED), append(a, 3, PENDING)];
    apply(&*store, &first).await;
    let other = Write::Append(LogRow { stanza: b"other".as_slice().into(), ..entry(a, 1, BOTH) });
    apply(&*store, &[other]).await;
    apply(&*store, &first).await;
    // Some known, some new: a batch that was tried again after others had joined would look so.
    apply(&*store, &[append(a, 2, ARCHIVED), append(a, 4, ARCHIVED)]).await;
    assert_eq!(store.log_pending(a, 0, 10).await.unwrap(), [entry(a, 1, BOTH), entry(a, 3, PENDING)]);
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 4, pending: 2, archived: 3 });
}

pub async fn settling_takes_marks_off(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    apply(
        &*store,
        &[append(a, 1, PENDING), append(a, 2, BOTH), append(a, 3, PENDING), append(b, 1, PENDING)],
    )
    .await;
    let settle = [Write::Settle { owner: a, seqs: vec![1, 2, 99] }];
    apply(&*store, &settle).await;
    apply(&*store, &settle).await;
    assert_eq!(store.log_marks(a, 1).await.unwrap(), None);
    assert_eq!(store.log_marks(a, 2).await.unwrap(), Some(ARCHIVED));
    assert_eq!(pending(&*store, a).await, [3]);
    assert_eq!(pending(&*store, b).await, [1]);
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 3, pending: 1, archived: 1 });
}

pub async fn settled_before_written(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let seqs = vec![1, 2];
    apply(
        &*store,
        &[append(a, 1, PENDING), append(a, 2, BOTH), append(a, 3, PENDING), Write::Settle { owner: a, seqs }],
    )
    .await;
    assert_eq!(store.log_marks(a, 1).await.unwrap(), None);
    assert_eq!(store.log_marks(a, 2).await.unwrap(), Some(ARCHIVED));
    assert_eq!(pending(&*store, a).await, [3]);
}

pub async fn a_large_batch_of_every_size(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let mut writes = Vec::new();
    for seq in 1..=2345 {
        let size = usize::try_from(seq * 7 % 900).unwrap();
        writes.push(Write::Append(LogRow { stanza: vec![b'x'; size].into(), ..entry(a, seq, BOTH) }));
        writes.push(append(b, seq, PENDING));
    }
    writes.push(Write::Append(LogRow { stanza: vec![b'y'; 1 << 20].into(), ..entry(a, 3000, PENDING) }));
    apply(&*store, &writes).await;
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 3000, pending: 2346, archived: 2345 });
    let rows = store.log_pending(a, 0, 5000).await.unwrap();
    assert_eq!(rows[1000].stanza.len(), 1001 * 7 % 900);
    assert_eq!(rows[2345].stanza.len(), 1 << 20);
    assert!(rows.is_sorted_by_key(|row| row.seq));

    let odd = |owner| Write::Settle { owner, seqs: (1..=2345).step_by(2).collect() };
    apply(&*store, &[odd(a), odd(b)]).await;
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 3000, pending: 1173, archived: 2345 });
    assert_eq!(store.log_head(b).await.unwrap(), LogHead { last: 2344, pending: 1172, archived: 0 });
}

pub async fn order_around_a_removal(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    apply(
        &*store,
        &[
            append(a, 1, BOTH),
            append(b, 1, PENDING),
            Write::RemoveAccount { owner: a },
            append(a, 2, BOTH),
            append(b, 2, PENDING),
        ],
    )
    .await;
    assert_eq!(store.log_head(a).await.unwrap(), LogHead::default());
    assert_eq!(pending(&*store, b).await, [1, 2]);
}

pub async fn what_a_log_looks_like(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    assert_eq!(store.log_head(a).await.unwrap(), LogHead::default());
    assert_eq!(store.log_head(a + 1000).await.unwrap(), LogHead::default());
    apply(&*store, &[append(a, 5, PENDING)]).await;
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 5, pending: 1, archived: 0 });
    apply(&*store, &[append(a, 4, BOTH), append(a, i64::MAX.unsigned_abs(), ARCHIVED)]).await;
    let head = store.log_head(a).await.unwrap();
    assert_eq!(head, LogHead { last: i64::MAX.unsigned_abs(), pending: 2, archived: 2 });
}
