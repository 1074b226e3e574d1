//! Resend keys, rosters, docs, meta, and all of it after reopening.

use super::{BOTH, Database, account, append, apply, pending};
use crate::{
    Doc, MAX_KEY, MAX_KIND, OwnerId, ResendRow, Roster, RosterRow, Store, Subscription, Wanted, Write,
};

fn resend(owner: OwnerId, boot: u64, at: i64, key: u8) -> Write {
    Write::ResendKeys(ResendRow { owner, boot, at, keys: vec![key; 16] })
}

async fn resends(store: &dyn Store, jid: &str, since: i64, limit: u32) -> Vec<ResendRow> {
    let wanted = Wanted { resends: (since, limit), kinds: &[] };
    store.load(jid, &wanted).await.unwrap().unwrap().resends
}

pub async fn resend_keys(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    apply(&*store, &[resend(a, 1, 10, 1), resend(b, 1, 10, 2)]).await;
    // Of one batch, owner and start: one row.
    apply(&*store, &[resend(a, 2, 20, 3), resend(a, 2, 21, 4)]).await;
    apply(&*store, &[resend(a, 2, 30, 5)]).await;
    let rows = resends(&*store, "a@x", 0, 10).await;
    let keys: Vec<u8> = rows.iter().flat_map(|row| row.keys.chunks(16).map(|key| key[0])).collect();
    assert_eq!((rows.len(), keys), (3, vec![5, 3, 4, 1]));
    assert_eq!((rows[1].owner, rows[1].boot, rows[1].at), (a, 2, 21));
    assert_eq!(resends(&*store, "a@x", 20, 10).await.len(), 2);
    assert_eq!(resends(&*store, "a@x", 0, 1).await[0].at, 30);
}

pub async fn resend_keys_twice(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let batch = [resend(a, 1, 10, 1), resend(a, 1, 10, 2)];
    apply(&*store, &batch).await;
    apply(&*store, &batch).await;
    // Another batch within the same millisecond adds to the row.
    apply(&*store, &[resend(a, 1, 10, 3)]).await;
    let rows = resends(&*store, "a@x", 0, 10).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].keys, [[1; 16], [2; 16], [3; 16]].concat());
}

pub async fn resend_keys_go(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    for at in 1..=10 {
        apply(&*store, &[resend(a, 1 + u64::from(at > 6), at, 1)]).await;
    }
    assert_eq!(store.expire_resend_rows(1, 100).await.unwrap(), 0);
    assert_eq!(store.expire_resend_rows(5, 3).await.unwrap(), 3);
    assert_eq!(store.expire_resend_rows(5, 3).await.unwrap(), 1);
    store.forget_boot(2).await.unwrap();
    let left: Vec<i64> = resends(&*store, "a@x", 0, 100).await.iter().map(|row| row.at).collect();
    assert_eq!(left, [6, 5]);
}

fn contact(jid: &str) -> RosterRow {
    RosterRow { contact: jid.to_owned(), listed: true, ..RosterRow::default() }
}

pub async fn rosters(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let other = account(&*store, "b@x").await;
    assert_eq!(store.roster(owner).await.unwrap(), Roster::default());
    let set = |version, row| Write::RosterSet { owner, version, row };
    let first = RosterRow {
        name: Some("Zoë".to_owned()),
        groups: vec!["Friends".to_owned(), "Work".to_owned()],
        subscription: Subscription::Both,
        ask: true,
        approved: true,
        ..contact("z@x")
    };
    let request = RosterRow {
        contact: "new@x".to_owned(),
        request: Some(b"\0'request'\xff".to_vec()),
        ..RosterRow::default()
    };
    apply(&*store, &[set(1, contact("z@x")), set(2, request.clone()), set(3, first.clone())]).await;
    assert_eq!(store.roster(owner).await.unwrap(), Roster { version: 3, rows: vec![request.clone(), first] });
    let to = RosterRow { subscription: Subscription::To, ..contact("z@x") };
    let from = RosterRow { subscription: Subscription::From, ..contact("new@x") };
    let remove = Write::RosterRemove { owner, version: 6, contact: "absent@x".to_owned() };
    apply(&*store, &[set(4, to.clone()), set(5, from.clone()), remove]).await;
    assert_eq!(store.roster(owner).await.unwrap(), Roster { version: 6, rows: vec![from, to.clone()] });
    apply(&*store, &[Write::RosterRemove { owner, version: 7, contact: "new@x".to_owned() }]).await;
    assert_eq!(store.roster(owner).await.unwrap(), Roster { version: 7, rows: vec![to] });
    assert_eq!(store.roster(other).await.unwrap(), Roster::default());
}

pub async fn strange_rosters(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let groups = [
        "",
        ",",
        "a,b",
        "\"q\"",
        "back\\slash",
        "new\nline\t",
        "{json}",
        "[]",
        "日本語",
        "🐦",
        "'; DROP TABLE roster; --",
    ];
    let row = RosterRow {
        name: Some(String::new()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        request: Some(Vec::new()),
        ..contact("ürk@例え.jp")
    };
    let apart = RosterRow { name: None, request: None, ..contact("v@x") };
    apply(
        &*store,
        &[
            Write::RosterSet { owner, version: 1, row: row.clone() },
            Write::RosterSet { owner, version: 2, row: apart.clone() },
        ],
    )
    .await;
    assert_eq!(store.roster(owner).await.unwrap().rows, [apart, row]);
}

pub async fn docs(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let other = account(&*store, "b@x").await;
    let set = |kind, key: &str, value: &[u8]| Write::DocSet {
        owner,
        kind,
        key: key.to_owned(),
        value: value.to_vec(),
    };
    apply(
        &*store,
        &[
            set("private", "b", b"2"),
            set("private", "a", &[0, 255, 10]),
            set("block", "a", b"x"),
            set("private", "c", b""),
            set("private", "b", b"3"),
            Write::DocRemove { owner, kind: "private", key: "absent".to_owned() },
        ],
    )
    .await;
    let doc = |key: &str, value: &[u8]| Doc { key: key.to_owned(), value: value.to_vec() };
    let expected = [doc("a", &[0, 255, 10]), doc("b", b"3"), doc("c", b"")];
    assert_eq!(store.docs(owner, "private").await.unwrap(), expected);
    assert_eq!(store.doc(owner, "block", "a").await.unwrap().as_deref(), Some(b"x".as_slice()));
    assert_eq!(store.doc(owner, "block", "b").await.unwrap(), None);
    assert!(store.docs(other, "private").await.unwrap().is_empty());
    apply(
        &*store,
        &[Write::DocRemove { owner, kind: "private", key: "b".to_owned() }, set("private", "b", b"4")],
    )
    .await;
    assert_eq!(store.doc(owner, "private", "b").await.unwrap().as_deref(), Some(b"4".as_slice()));
    apply(
        &*store,
        &[set("private", "b", b"5"), Write::DocRemove { owner, kind: "private", key: "b".to_owned() }],
    )
    .await;
    assert_eq!(store.doc(owner, "private", "b").await.unwrap(), None);
}

pub async fn long_and_strange_keys(database: &dyn Database) {
    const LONG_KIND: &str = match std::str::from_utf8(&[b'k'; MAX_KIND]) {
        Ok(kind) => kind,
        Err(_) => "",
    };
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    // Not the same letter again and again: index entries of Postgres are compressed.
    let long: String = (0u32..)
        .map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 20) as u8 % 90))
        .take(MAX_KEY)
        .collect();
    for key in ["", " ", "a b", "%", "_", "ключ", &long] {
        let set =
            Write::DocSet { owner, kind: LONG_KIND, key: key.to_owned(), value: key.as_bytes().to_vec() };
        assert_eq!(set.check(), Ok(()));
        apply(&*store, &[set]).await;
        assert_eq!(store.doc(owner, LONG_KIND, key).await.unwrap().unwrap(), key.as_bytes());
    }
    assert_eq!(store.docs(owner, LONG_KIND).await.unwrap().len(), 7);
    let longer = Write::DocSet { owner, kind: "k", key: long + "x", value: Vec::new() };
    assert!(longer.check().is_err());
}

pub async fn meta(database: &dyn Database) {
    let store = database.open().await.unwrap();
    assert_eq!(store.meta("boot").await.unwrap(), None);
    store.set_meta("boot", &[0, 1]).await.unwrap();
    store.set_meta("other", &[]).await.unwrap();
    store.set_meta("boot", &[2]).await.unwrap();
    assert_eq!(store.meta("boot").await.unwrap(), Some(vec![2]));
    assert_eq!(store.meta("other").await.unwrap(), Some(vec![]));
}

pub async fn everything_survives_reopening(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    store.set_meta("secret", b"s").await.unwrap();
    apply(
        &*store,
        &[
            append(owner, 1, BOTH),
            resend(owner, 1, 1, 1),
            Write::RosterSet { owner, version: 1, row: contact("b@x") },
        ],
    )
    .await;
    store.close().await;
    drop(store);
    let store = database.open().await.unwrap();
    assert_eq!(store.account("a@x").await.unwrap().unwrap().id, owner);
    assert_eq!(store.meta("secret").await.unwrap().as_deref(), Some(b"s".as_slice()));
    assert_eq!(pending(&*store, owner).await, [1]);
    assert_eq!(store.log_head(owner).await.unwrap().archived, 1);
    assert_eq!(resends(&*store, "a@x", 0, 9).await.len(), 1);
    assert_eq!(store.roster(owner).await.unwrap().rows, [contact("b@x")]);
}
