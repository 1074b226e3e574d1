//! SIGKILL in the middle of commits: what was reported stored is there afterwards, and the counters are right.
//!
//! A test binary has two tests: one that calls [`survives_crashes`], and one named `crash_child`, which it runs in
//! processes of their own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::{BOTH, Database, PENDING, account, append};
use crate::{Done, OnCommit, Outcome, Seq, Store, Unit, Writer, WriterOptions};

const ADDRESS: &str = "WAXWING_CRASH_CHILD";
const ROUNDS: u64 = 10;

/// The address of the database if this process is the child.
pub fn crash_address() -> Option<String> {
    std::env::var(ADDRESS).ok()
}

struct Print;

impl OnCommit for Print {
    fn committed(self: Arc<Self>, token: u64, outcome: Outcome) {
        assert_eq!(outcome, Outcome::Stored);
        println!("stored {token}");
    }
}

/// Appends until it is killed, prints each position that is stored.
pub async fn crash_child(store: Arc<dyn Store>) {
    let owner = store.account("a@x").await.unwrap().unwrap().id;
    let first = store.log_head(owner).await.unwrap().last + 1;
    let writer = Writer::start(store, WriterOptions::default());
    for seq in first.. {
        let permit = writer.permit().await;
        let marks = if seq % 3 == 0 { PENDING } else { BOTH };
        writer.submit(
            permit,
            Unit::from_vec(vec![append(owner, seq, marks)]),
            Done(Some((Arc::new(Print), seq))),
        );
        if seq % 16 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Kills children that append to the database, at moments all over a commit.
pub async fn survives_crashes(database: &dyn Database, address: &str) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    store.close().await;
    drop(store);
    let mut stored = 0;
    for round in 0..ROUNDS {
        stored = killed(address, Duration::from_micros(20_000 + 7_331 * round)).unwrap_or(stored);
        let store = database.open().await.unwrap();
        let head = store.log_head(owner).await.unwrap();
        assert!(head.last >= stored, "stored {stored}, found {}", head.last);
        // Positions were submitted in order without holes, so a batch that is there is there with all before it.
        let rows = store.log_pending(owner, 0, u32::MAX >> 1).await.unwrap();
        assert!(rows.iter().map(|row| row.seq).eq(1..=head.last));
        assert_eq!((head.pending, head.archived), (head.last, head.last - head.last / 3));
        store.close().await;
    }
    assert!(stored > 100, "only {stored} were stored");
}

/// The greatest position that a child reported before it was killed.
fn killed(address: &str, after: Duration) -> Option<Seq> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash_child", "--nocapture"])
        .env(ADDRESS, address)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let begun = lines.by_ref().find_map(|line| position(&line));
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.filter_map(|line| position(&line)).last().or(begun)
}

/// Of a whole line: the last one may be cut off.
fn position(line: &str) -> Option<Seq> {
    line.rsplit_once("stored ")?.1.parse().ok()
}
