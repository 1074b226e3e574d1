//! What is looked up at the same time comes from one statement.

#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures_util::future::join_all;
use sqlx::{ConnectOptions, Connection};
use waxwing_store::{NewAccount, Wanted};
use waxwing_store_sqlite::open;

const NONE: Wanted<'_> = Wanted { resends: (0, 1), kinds: &[] };

#[tokio::test]
async fn a_damaged_account_hurts_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    let store = open(&path).await.unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("u{number}@x")).collect();
    let account = |jid: &String| NewAccount { jid: jid.clone(), keys: vec![1], admin: false, created: 1 };
    let made: Vec<NewAccount> = names.iter().map(account).collect();
    store.create_accounts(&made).await.unwrap();

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut raw = options.connect().await.unwrap();
    let damage =
        "INSERT INTO roster SELECT id, 'c@x', 1, NULL, '[]', 9, 0, 0, NULL FROM accounts WHERE jid = 'u7@x'";
    assert_eq!(sqlx::query(damage).execute(&mut raw).await.unwrap().rows_affected(), 1);
    raw.close().await.unwrap();

    let loaded = join_all(names.iter().map(|name| store.load(name, &NONE))).await;
    for (name, loaded) in names.iter().zip(loaded) {
        match loaded {
            Ok(whole) => assert_eq!(whole.unwrap().row.jid, *name),
            Err(error) => {
                assert!(name == "u7@x" && error.0.contains("subscription is damaged"), "{name}: {error}")
            }
        }
    }
    assert!(store.load("u7@x", &NONE).await.is_err());
}

/// Who asks and does not wait for the answer keeps nobody waiting.
#[tokio::test]
async fn one_who_leaves_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("waxwing.db")).await.unwrap();
    let account = NewAccount { jid: "a@x".to_owned(), keys: vec![1], admin: false, created: 1 };
    store.create_accounts(&[account]).await.unwrap();
    for _ in 0..50 {
        let mut leaves = Box::pin(store.account("a@x"));
        assert!(poll_fn(|cx| Poll::Ready(leaves.as_mut().poll(cx).is_pending())).await);
        drop(leaves);
        let (row, whole) = tokio::join!(store.account("a@x"), store.load("a@x", &NONE));
        assert!(row.unwrap().is_some() && whole.unwrap().is_some());
    }
}
