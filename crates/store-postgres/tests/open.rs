//! What opening refuses and says, and what happens when the connection goes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use pgtest::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio_postgres::NoTls;
use waxwing_store::{ApplyError, Marks, NewAccount, Store, Write, Writer, WriterOptions};
use waxwing_store_postgres::open;

async fn refusal(url: &str) -> String {
    let error = open(url).await.err().expect("a refusal").to_string();
    assert!(error.starts_with("cannot open the database ") && !error.contains('\n'), "{error}");
    assert!(!error.contains("postgres://") && !error.contains("geheim"), "{error}");
    error
}

async fn execute(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refusal(&format!("postgres://u:geheim@127.0.0.1:{port}/waxwing")).await;
    assert!(error.contains(&format!("waxwing at 127.0.0.1:{port}: ")), "{error}");
    assert!(error.contains("Connection refused") && error.contains("is Postgres running there"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = refusal(&format!("postgres://u:geheim@127.0.0.1:{port}/waxwing")).await;
    assert!(error.contains(&format!("waxwing at 127.0.0.1:{port}: nothing answers")), "{error}");
}

#[tokio::test]
async fn a_wrong_password() {
    let url = Cluster::shared().url("postgres").replace(":test@", ":geheim@");
    let error = refusal(&url).await;
    assert!(
        error.contains("password authentication failed") && error.contains("mend user and password"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_database() {
    let error = refusal(&Cluster::shared().url("nowhere")).await;
    assert!(error.contains("database \"nowhere\" does not exist") && error.contains("createdb"), "{error}");
}

#[tokio::test]
async fn a_newer_schema() {
    let url = Cluster::shared().fresh_database().await;
    open(&url).await.unwrap().close().await;
    execute(&url, "INSERT INTO schema_version (number, name) VALUES (99, '0099_later')").await;
    let error = refusal(&url).await;
    let known = waxwing_store::schema::POSTGRES.len();
    assert!(
        error.contains(&format!("written by a newer Waxwing (schema 99, this one knows {known})")),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_migration_leaves_the_database_as_it_was() {
    let url = Cluster::shared().fresh_database().await;
    execute(&url, "CREATE TABLE docs (x INT)").await;
    let error = refusal(&url).await;
    assert!(error.contains("migration 0006_docs: ") && error.contains("already exists"), "{error}");
    execute(&url, "CREATE TABLE accounts (x INT); DROP TABLE accounts, docs").await;
    open(&url).await.unwrap();
}

#[tokio::test]
async fn a_second_one_while_the_first_lives() {
    let url = Cluster::shared().fresh_database().await;
    let first = open(&url).await.unwrap();
    let error = refusal(&url).await;
    assert!(error.contains("another Waxwing is using it: stop that one first"), "{error}");
    first.close().await;
    drop(first);
    open(&url).await.unwrap();
}

/// Ends every connection to the database but its own.
async fn cut(url: &str) {
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
}

fn append(owner: i64, seq: u64) -> Write {
    Write::Append(waxwing_store::LogRow {
        owner,
        seq,
        at: 1,
        marks: Marks { archived: true, pending: true },
        peer: "b@x".into(),
        stanza: b"<message/>".as_slice().into(),
    })
}

async fn with_account(url: &str) -> (Arc<dyn Store>, i64) {
    let store = open(url).await.unwrap();
    let new = NewAccount { jid: "a@x".to_owned(), keys: vec![], admin: false, created: 0 };
    let owner = store.create_accounts(&[new]).await.unwrap()[0].unwrap();
    (store, owner)
}

#[tokio::test]
async fn a_lost_connection_is_made_anew() {
    let url = Cluster::shared().fresh_database().await;
    let (store, owner) = with_account(&url).await;
    let writer = Writer::start(Arc::clone(&store), WriterOptions::default());
    for seq in 1..=3 {
        writer.commit(vec![append(owner, seq)]).await.unwrap();
        cut(&url).await;
    }
    writer.commit(vec![append(owner, 4)]).await.unwrap();
    let head = store.log_head(owner).await.unwrap();
    assert_eq!((head.last, head.pending, head.archived), (4, 4, 4));
}

/// A way to the database on which it falls silent as a machine does that hangs: nothing is closed.
struct Way {
    url: String,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(url: &str) -> Way {
        let (user, place) = url.split_once('@').unwrap();
        let (address, database) = place.split_once('/').unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = format!("{user}@{}/{database}", listener.local_addr().unwrap());
        let (open, is_open) = watch::channel(true);
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&address).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(carry(near_in, far_out, is_open.clone()));
                tokio::spawn(carry(far_in, near_out, is_open.clone()));
            }
        });
        Way { url: way, open }
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_comes_back() {
    let direct = Cluster::shared().fresh_database().await;
    let way = Way::to(&direct).await;
    let (store, owner) = with_account(&way.url).await;
    store.account("a@x").await.unwrap();
    way.open.send_replace(false);
    // From here on time passes when nothing else is to be done.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let silent = store.apply(&[&append(owner, 1)]).await;
    assert!(matches!(silent, Err(ApplyError::Unknown(why)) if why.contains("does not answer")));
    assert!(begun.elapsed() <= Duration::from_secs(31));
    let unread = store.account("a@x").await.unwrap_err();
    assert!(unread.0.contains("does not answer"), "{unread}");
    tokio::time::resume();
    way.open.send_replace(true);
    // Tried again, as the writer does, and stored once whatever became of the first.
    while store.apply(&[&append(owner, 1)]).await.is_err() {}
    assert_eq!(store.log_head(owner).await.unwrap().last, 1);
    // Nor does a stop wait for it.
    way.open.send_replace(false);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    store.close().await;
    assert!(begun.elapsed() <= Duration::from_secs(6));
}

#[tokio::test]
async fn connections_cut_while_many_commit() {
    let url = Cluster::shared().fresh_database().await;
    let (store, owner) = with_account(&url).await;
    let writer = Writer::start(Arc::clone(&store), WriterOptions::default());
    let committing = async {
        for seq in 1..=400 {
            writer.commit(vec![append(owner, seq)]).await.unwrap();
        }
    };
    let cutting = async {
        for _ in 0..5 {
            cut(&url).await;
        }
    };
    tokio::join!(committing, cutting);
    // Every acknowledged one is there, and none was counted twice by being tried again.
    let head = store.log_head(owner).await.unwrap();
    assert_eq!((head.last, head.pending, head.archived), (400, 400, 400));
}

#[tokio::test]
async fn a_full_or_absent_database_is_unknown_and_bad_rows_are_refused() {
    let url = Cluster::shared().fresh_database().await;
    let (store, owner) = with_account(&url).await;
    let nul = Write::DocSet { owner, kind: "k", key: "a\0b".to_owned(), value: vec![] };
    let good = append(owner, 1);
    assert!(matches!(store.apply(&[&good, &nul]).await, Err(ApplyError::Refused(_))));
    assert_eq!(store.log_head(owner).await.unwrap().last, 0);
    // The connection is as good as before.
    store.apply(&[&good]).await.unwrap();
    assert_eq!(store.log_head(owner).await.unwrap().last, 1);

    execute(&url, "ALTER TABLE log RENAME TO elsewhere").await;
    assert!(matches!(store.apply(&[&append(owner, 2)]).await, Err(ApplyError::Unknown(_))));
    store.close().await;
    assert!(matches!(store.apply(&[&good]).await, Err(ApplyError::Unknown(why)) if why.contains("closed")));
}
