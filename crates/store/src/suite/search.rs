//! Searching the archive.

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, entry};
use crate::{LogQuery, LogRow, OwnerId, Seq, Store, Write};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

async fn found(store: &dyn Store, owner: OwnerId, text: &str, query: LogQuery) -> Vec<Seq> {
    store.search(owner, &words(text), &query).await.unwrap()
}

pub async fn words_are_found(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let with = |seq, peer: &str| Write::Append(LogRow { peer: peer.into(), ..entry(a, seq, ARCHIVED) });
    let writes =
        [with(1, "r@y/1"), with(2, "j@y"), append(a, 3, BOTH), append(a, 4, PENDING), with(5, "r@y")];
    apply(&*store, &writes).await;
    apply(&*store, &[append(b, 1, ARCHIVED)]).await;
    assert_eq!(store.search_head(a).await.unwrap(), 0);
    let entries = [
        (1, words("the lärk and or not near")),
        (2, words("the nightingale")),
        (3, words("the lärk 漢 字")),
        (4, words("the lärk")),
        (5, Vec::new()),
        (6, words("the lärk")),
    ];
    store.search_add(a, 6, &entries).await.unwrap();
    store.search_add(a, 3, &entries[..3]).await.unwrap();
    store.search_add(b, 1, &[(1, words("the lärk"))]).await.unwrap();
    assert_eq!(store.search_head(a).await.unwrap(), 6);
    let all = || LogQuery::all(10);
    // Archived ones only, each once, the owner's only.
    assert_eq!(found(&*store, a, "lärk", all()).await, [1, 3]);
    assert_eq!(found(&*store, b, "lärk", all()).await, [1]);
    assert_eq!(found(&*store, a, "lärk the", all()).await, [1, 3]);
    assert_eq!(found(&*store, a, "字", all()).await, [3]);
    assert_eq!(found(&*store, a, "the", LogQuery { limit: 2, backwards: true, ..all() }).await, [3, 2]);
    assert_eq!(found(&*store, a, "the", LogQuery { after: 1, before: 3, ..all() }).await, [2]);
    assert_eq!(found(&*store, a, "the", LogQuery { peer: Some("r@y".into()), ..all() }).await, [1]);
    assert_eq!(found(&*store, a, "the", LogQuery { among: Some(vec![2, 5]), ..all() }).await, [2]);
    let full = LogQuery { peer: Some("r@y".into()), resource: Some("2".into()), ..all() };
    assert!(found(&*store, a, "the", full).await.is_empty());
    // What means something to a database means nothing here.
    for nothing in ["lark", "lär", "or the lark", "lärk nightingale", "not lärk x"] {
        assert!(found(&*store, a, nothing, all()).await.is_empty(), "{nothing}");
    }
    assert_eq!(found(&*store, a, "and or not near", all()).await, [1]);
    assert!(found(&*store, a + 1000, "the", all()).await.is_empty());
}

pub async fn what_is_gone_is_not_found(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    for owner in [a, b] {
        let writes: Vec<Write> = (1..=6).map(|seq| append(owner, seq, BOTH)).collect();
        apply(&*store, &writes).await;
        let entries: Vec<_> = (1..=6).map(|seq| (seq, words("word"))).collect();
        store.search_add(owner, 6, &entries).await.unwrap();
    }
    let all = || LogQuery::all(10);
    store.trim_archive(a, 4).await.unwrap();
    assert_eq!(found(&*store, a, "word", all()).await, [3, 4, 5, 6]);
    assert_eq!(found(&*store, b, "word", all()).await, [1, 2, 3, 4, 5, 6]);
    for (owner, taken) in [(a, 1), (b, 3)] {
        assert_eq!(store.expire_archive(owner, 4).await.unwrap(), taken);
    }
    assert_eq!(found(&*store, a, "word", all()).await, [4, 5, 6]);
    assert_eq!(found(&*store, b, "word", all()).await, [4, 5, 6]);
    apply(&*store, &[Write::RemoveAccount { owner: a }]).await;
    assert!(found(&*store, a, "word", all()).await.is_empty());
    assert_eq!(store.search_head(a).await.unwrap(), 0);
    assert_eq!(found(&*store, b, "word", all()).await, [4, 5, 6]);
    // For nobody there is nothing to add.
    store.search_add(a, 9, &[(9, words("word"))]).await.unwrap();
    assert_eq!(store.search_head(a).await.unwrap(), 0);
}
