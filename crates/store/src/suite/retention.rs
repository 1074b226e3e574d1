//! Taking the oldest off.

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, pending};
use crate::{ArchiveHead, LogHead, LogQuery, Write};

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

pub async fn what_is_too_old_goes(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let mut writes: Vec<Write> = (1..=5000).map(|seq| append(a, seq, ARCHIVED)).collect();
    writes.extend([
        append(a, 5001, BOTH),
        append(a, 5002, PENDING),
        append(a, 5003, BOTH),
        append(b, 1, ARCHIVED),
    ]);
    apply(&*store, &writes).await;
    let words = |seq| (seq, vec!["word".to_owned()]);
    store.search_add(a, 5003, &[words(1), words(5001), words(5003)]).await.unwrap();
    assert_eq!(store.expire_archive(a, 1).await.unwrap(), 0);
    assert_eq!(store.expire_archive(a, 5003).await.unwrap(), 5001);
    assert_eq!(store.expire_archive(a, 5003).await.unwrap(), 0);
    assert_eq!(store.log_marks(a, 5000).await.unwrap(), None);
    assert_eq!(store.log_marks(a, 5001).await.unwrap(), Some(PENDING));
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 5003, pending: 3, archived: 1 });
    assert_eq!(store.log_head(b).await.unwrap(), LogHead { last: 1, pending: 0, archived: 1 });
    let found = store.search(a, &["word".to_owned()], &LogQuery::all(10)).await.unwrap();
    assert_eq!(found, [5003]);
    assert_eq!(store.expire_archive(a, u64::MAX).await.unwrap(), 1);
    assert_eq!(store.expire_archive(b + 1000, u64::MAX).await.unwrap(), 0);
}

pub async fn archives_in_pages(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let mut owners = Vec::new();
    for name in ["a@x", "b@x", "c@x", "d@x"] {
        owners.push(account(&*store, name).await);
    }
    let [a, b, c, d] = owners[..] else { panic!() };
    let doc = |owner, key: &str| Write::DocSet { owner, kind: "k", key: key.to_owned(), value: vec![1] };
    apply(
        &*store,
        &[
            append(a, 3, PENDING),
            append(a, 4, ARCHIVED),
            append(a, 5, ARCHIVED),
            append(b, 1, PENDING),
            append(c, 7, BOTH),
            append(d, 9, ARCHIVED),
            doc(a, "other"),
            doc(c, "key"),
            doc(b, "key"),
        ],
    )
    .await;
    let head = |owner, jid: &str, oldest, doc: Option<u8>| ArchiveHead {
        owner,
        jid: jid.to_owned(),
        oldest,
        doc: doc.map(|byte| vec![byte]),
    };
    let page = store.archives(0, "k", "key", 2).await.unwrap();
    assert_eq!(page, [head(a, "a@x", 4, None), head(c, "c@x", 7, Some(1))]);
    assert_eq!(store.archives(c, "k", "key", 2).await.unwrap(), [head(d, "d@x", 9, None)]);
    assert!(store.archives(d, "k", "key", 2).await.unwrap().is_empty());
}

pub async fn positions_are_not_used_again(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    apply(&*store, &[append(a, 1, ARCHIVED), append(a, 2, ARCHIVED)]).await;
    store.trim_archive(a, 0).await.unwrap();
    assert_eq!(store.log_head(a).await.unwrap(), LogHead { last: 2, pending: 0, archived: 0 });
}
