//! Taking the oldest off.

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, entry, pending};
use crate::{LogHead, LogRow, Write};

pub async fn trimming_keeps_the_newest(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let writes: Vec<Write> =
        (1..=5000).flat_map(|seq| [append(a, seq, ARCHIVED), append(b, seq, ARCHIVED)]).collect();
    apply(&*store, &writes).await;
    assert_eq!(store.trim_archive(a, 5000).await.unwrap(), 0);
    assert_eq!(store.trim_archive(a, 10).await.unwrap(), 4990);
    assert_eq!(store.trim_archive(a, 10).await.unwrap(), 0);
    assert_eq!(store.log_marks(a, 4990).await.unwrap(), None);
    assert_eq!(store.log_marks(a, 4991).await.unwrap(), Some(ARCHIVED));
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 5000, pending: 0, archived: 10 });
    assert_eq!(store.log_head(b).await.unwrap(), LogHead { last: 5000, pending: 0, archived: 5000 });
    assert_eq!(store.trim_archive(a + 1000, 0).await.unwrap(), 0);
}

pub async fn trimming_keeps_pending(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    apply(&*store, &[append(a, 1, PENDING), append(a, 2, BOTH), append(a, 3, ARCHIVED), append(a, 4, BOTH)])
        .await;
    assert_eq!(store.trim_archive(a, 1).await.unwrap(), 2);
    assert_eq!(store.log_marks(a, 2).await.unwrap(), Some(PENDING));
    assert_eq!(store.log_marks(a, 3).await.unwrap(), None);
    assert_eq!(store.log_marks(a, 4).await.unwrap(), Some(BOTH));
    assert_eq!(pending(&*store, a).await, [1, 2, 4]);
    // Archived no more, so settling deletes it.
    apply(&*store, &[Write::Settle { owner: a, seqs: vec![2] }]).await;
    assert_eq!(store.log_marks(a, 2).await.unwrap(), None);
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 4, pending: 2, archived: 1 });
}

pub async fn expiry_is_bounded(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let at = |owner, seq, at, marks| Write::Append(LogRow { at, ..entry(owner, seq, marks) });
    // Many of one moment, to be cut in the middle.
    let mut writes: Vec<Write> = (1..=10).map(|seq| at(a, seq, 100, ARCHIVED)).collect();
    writes.extend([
        at(b, 1, 90, BOTH),
        at(b, 2, 100, ARCHIVED),
        at(b, 3, 100, PENDING),
        at(b, 4, 200, ARCHIVED),
    ]);
    apply(&*store, &writes).await;
    assert_eq!(store.expire_archive(90, 100).await.unwrap(), 0);
    assert_eq!(store.expire_archive(150, 5).await.unwrap(), 5);
    assert_eq!(store.log_marks(b, 1).await.unwrap(), Some(PENDING));
    let archived = store.log_head(a).await.unwrap().archived + store.log_head(b).await.unwrap().archived;
    assert_eq!(archived, 13 - 5);
    assert_eq!(store.expire_archive(150, 100).await.unwrap(), 7);
    assert_eq!(store.expire_archive(150, 100).await.unwrap(), 0);
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 10, pending: 0, archived: 0 });
    assert_eq!(store.log_head(b).await.unwrap(), LogHead { last: 4, pending: 2, archived: 1 });
    assert_eq!(store.expire_archive(1000, 0).await.unwrap(), 0);
}

pub async fn positions_are_not_used_again(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    apply(&*store, &[append(a, 1, ARCHIVED), append(a, 2, ARCHIVED)]).await;
    store.trim_archive(a, 0).await.unwrap();
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 2, pending: 0, archived: 0 });
}
