//! The writer against a database that refuses, fails and panics on demand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use waxwing_store::{
    AccountRow, ApplyError, ArchiveHead, DeviceRow, Doc, Done, LogHead, LogQuery, LogRow, Marks, NewAccount,
    OnCommit, Outcome, OwnerId, ReportHead, ReportQuery, Roster, Seq, Store, StoreError, StoredAccount, Unit,
    UnixMillis, Wanted, Write, Writer, WriterOptions,
};

/// Keeps the positions that were applied, batch by batch. Each batch needs a turn.
struct Fake {
    turns: Semaphore,
    applied: Mutex<Vec<Vec<Seq>>>,
    tried: Mutex<u32>,
    /// Positions that are refused.
    bad: Vec<Seq>,
    /// What the next batches meet with instead of being applied.
    trouble: Mutex<VecDeque<Trouble>>,
}

#[derive(Clone, Copy)]
enum Trouble {
    Unknown,
    Panic,
}

impl Fake {
    fn new(turns: usize, bad: &[Seq], trouble: &[Trouble]) -> Arc<Fake> {
        Arc::new(Fake {
            turns: Semaphore::new(turns),
            applied: Mutex::default(),
            tried: Mutex::new(0),
            bad: bad.to_vec(),
            trouble: Mutex::new(trouble.iter().copied().collect()),
        })
    }

    fn all(&self) -> Vec<Seq> {
        self.applied.lock().concat()
    }
}

#[async_trait]
impl Store for Fake {
    async fn apply(&self, writes: &[&Write]) -> Result<(), ApplyError> {
        self.turns.acquire().await.unwrap().forget();
        *self.tried.lock() += 1;
        let trouble = self.trouble.lock().pop_front();
        match trouble {
            Some(Trouble::Unknown) => return Err(ApplyError::Unknown("away".to_owned())),
            Some(Trouble::Panic) => panic!("as asked"),
            None => {}
        }
        let seqs: Vec<Seq> = writes
            .iter()
            .flat_map(|write| match write {
                Write::Append(row) => vec![row.seq],
                Write::Settle { seqs, .. } => seqs.iter().map(|seq| seq + 1_000_000).collect(),
                _ => vec![],
            })
            .collect();
        if seqs.iter().any(|seq| self.bad.contains(seq)) {
            return Err(ApplyError::Refused("bad".to_owned()));
        }
        self.applied.lock().push(seqs);
        Ok(())
    }

    async fn meta(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        unreachable!()
    }
    async fn set_meta(&self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn create_accounts(&self, _: &[NewAccount]) -> Result<Vec<Option<OwnerId>>, StoreError> {
        unreachable!()
    }
    async fn account(&self, _: &str) -> Result<Option<AccountRow>, StoreError> {
        unreachable!()
    }
    async fn load(&self, _: &str, _: &Wanted<'_>) -> Result<Option<StoredAccount>, StoreError> {
        unreachable!()
    }
    async fn accounts(&self, _: Option<&str>, _: u32) -> Result<Vec<AccountRow>, StoreError> {
        unreachable!()
    }
    async fn log_head(&self, _: OwnerId) -> Result<LogHead, StoreError> {
        unreachable!()
    }
    async fn log_pending(&self, _: OwnerId, _: Seq, _: u32) -> Result<Vec<LogRow>, StoreError> {
        unreachable!()
    }
    async fn log_pending_archived(&self, _: OwnerId, _: Seq, _: Seq, _: u64) -> Result<Vec<Seq>, StoreError> {
        unreachable!()
    }
    async fn log_archived(&self, _: OwnerId, _: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        unreachable!()
    }
    async fn log_archived_at(&self, _: OwnerId, _: &[Seq]) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn search_head(&self, _: OwnerId) -> Result<Seq, StoreError> {
        unreachable!()
    }
    async fn search_add(&self, _: OwnerId, _: Seq, _: &[(Seq, Vec<String>)]) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn search(&self, _: OwnerId, _: &[String], _: &LogQuery) -> Result<Vec<Seq>, StoreError> {
        unreachable!()
    }
    async fn trim_archive(&self, _: OwnerId, _: u64) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn expire_archive(&self, _: OwnerId, _: Seq) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn archives(&self, _: OwnerId, _: &str, _: &str, _: u32) -> Result<Vec<ArchiveHead>, StoreError> {
        unreachable!()
    }
    async fn log_marks(&self, _: OwnerId, _: Seq) -> Result<Option<Marks>, StoreError> {
        unreachable!()
    }
    async fn expire_resend_rows(&self, _: UnixMillis, _: u32) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn forget_boot(&self, _: u64) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn roster(&self, _: OwnerId) -> Result<Roster, StoreError> {
        unreachable!()
    }
    async fn doc(&self, _: OwnerId, _: &str, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        unreachable!()
    }
    async fn docs(&self, _: OwnerId, _: &str) -> Result<Vec<Doc>, StoreError> {
        unreachable!()
    }
    async fn account_on(
        &self,
        _: &str,
        _: &str,
    ) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError> {
        unreachable!()
    }
    async fn device(&self, _: OwnerId, _: &str) -> Result<Option<DeviceRow>, StoreError> {
        unreachable!()
    }
    async fn devices(&self, _: OwnerId) -> Result<Vec<DeviceRow>, StoreError> {
        unreachable!()
    }
    async fn reports(&self, _: &ReportQuery, _: u32) -> Result<Vec<ReportHead>, StoreError> {
        unreachable!()
    }
    async fn report(&self, _: u64) -> Result<Option<(ReportHead, Vec<u8>)>, StoreError> {
        unreachable!()
    }
    async fn remove_report(&self, _: u64) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn expire_reports(&self, _: UnixMillis, _: u32) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn close(&self) {}
}

#[derive(Default)]
struct Told(Mutex<Vec<(u64, Outcome)>>);

impl OnCommit for Told {
    fn committed(self: Arc<Self>, token: u64, outcome: Outcome) {
        self.0.lock().push((token, outcome));
        assert!(token != 13, "the account with number 13 panics");
    }
}

impl Told {
    fn outcomes(&self) -> Vec<(u64, Outcome)> {
        self.0.lock().clone()
    }
}

fn append(seq: Seq, size: usize) -> Write {
    let marks = Marks { archived: false, pending: true };
    Write::Append(LogRow { owner: 1, seq, at: 0, marks, peer: "p@x".into(), stanza: vec![0; size].into() })
}

async fn submit(writer: &Writer, told: &Arc<Told>, seq: Seq) {
    let permit = writer.permit().await;
    writer.submit(permit, Unit::from_vec(vec![append(seq, 10)]), Done(Some((Arc::clone(told) as _, seq))));
}

fn start(store: &Arc<Fake>) -> Writer {
    Writer::start(Arc::clone(store) as _, WriterOptions::default())
}

const MANY: usize = 1000;

#[tokio::test]
async fn what_arrives_meanwhile_is_one_batch() {
    let store = Fake::new(0, &[], &[]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    submit(&writer, &told, 1).await;
    tokio::task::yield_now().await;
    for seq in 2..=50 {
        submit(&writer, &told, seq).await;
        writer.settle(1, seq);
    }
    assert!(told.outcomes().is_empty());
    store.turns.add_permits(2);
    writer.flush().await;
    let applied = store.applied.lock().clone();
    assert_eq!(applied[0], [1]);
    let expected: Vec<Seq> = (2..=50).chain(1_000_002..=1_000_050).collect();
    assert_eq!(applied[1], expected);
    assert_eq!(writer.stats().batches, 2);
    // 49 appends and one settle for the one owner.
    assert_eq!(writer.stats().largest, 50);
}

#[tokio::test]
async fn only_the_bad_ones_are_refused_and_order_stays() {
    let store = Fake::new(MANY, &[3, 17, 18, 40], &[]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 1..=40 {
        submit(&writer, &told, seq).await;
    }
    writer.flush().await;
    let bad = |seq: &Seq| [3, 17, 18, 40].contains(seq);
    let expected: Vec<_> =
        (1..=40).map(|seq| (seq, if bad(&seq) { Outcome::Refused } else { Outcome::Stored })).collect();
    assert_eq!(told.outcomes(), expected);
    assert_eq!(store.all(), (1..=40).filter(|seq| !bad(seq)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn unknown_is_tried_again() {
    let store = Fake::new(MANY, &[], &[Trouble::Unknown, Trouble::Panic, Trouble::Unknown]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    submit(&writer, &told, 1).await;
    writer.flush().await;
    assert_eq!(told.outcomes(), [(1, Outcome::Stored)]);
    assert_eq!(*store.tried.lock(), 4);
}

#[tokio::test(start_paused = true)]
async fn unknown_for_long_is_lost_and_the_next_goes_on() {
    let store = Fake::new(MANY, &[], &[Trouble::Unknown; 20]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    let begin = tokio::time::Instant::now();
    submit(&writer, &told, 1).await;
    writer.flush().await;
    assert_eq!(told.outcomes(), [(1, Outcome::Lost)]);
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(8) && took <= Duration::from_secs(10), "{took:?}");
    assert!(store.all().is_empty());
    store.trouble.lock().clear();
    submit(&writer, &told, 2).await;
    writer.flush().await;
    assert_eq!(told.outcomes()[1], (2, Outcome::Stored));
}

#[tokio::test]
async fn a_panic_of_one_who_is_told_ends_nothing() {
    let store = Fake::new(MANY, &[], &[]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 12..=15 {
        submit(&writer, &told, seq).await;
    }
    writer.flush().await;
    assert_eq!(told.outcomes().len(), 4);
    assert!(writer.commit(vec![append(16, 1)]).await.is_ok());
}

#[tokio::test]
async fn permits_bound_bytes_and_units() {
    let store = Fake::new(0, &[], &[]);
    let options = WriterOptions { queue_bytes: 16 * 4096, ..WriterOptions::default() };
    let writer = Writer::start(Arc::clone(&store) as _, options);
    let told = Arc::new(Told::default());
    let waits = async || tokio::time::timeout(Duration::from_millis(20), writer.permit()).await.is_err();
    // By units: 16 small ones.
    for seq in 1..=16 {
        assert!(!waits().await);
        submit(&writer, &told, seq).await;
    }
    assert!(waits().await);
    store.turns.add_permits(MANY);
    writer.flush().await;
    // By bytes: one that is larger than the queue is let in alone, and owed for.
    store.turns.forget_permits(MANY);
    let first = writer.permit().await;
    let second = writer.permit().await;
    writer.submit(first, Unit::from_vec(vec![append(17, 20 * 4096)]), Done(None));
    assert!(waits().await);
    drop(second);
    assert!(!waits().await, "the unused permit is given back");
    writer.submit(writer.permit().await, Unit::from_vec(vec![append(18, 1)]), Done(None));
    assert!(waits().await);
    store.turns.add_permits(MANY);
    writer.flush().await;
    // So does what is kept beside one.
    store.turns.forget_permits(MANY);
    let permit = writer.permit().await;
    writer.submit_beside(15 * 4096, permit, Unit::from_vec(vec![append(19, 1)]), Done(None));
    assert!(waits().await);
    store.turns.add_permits(MANY);
    writer.flush().await;
    let all: Vec<_> = futures_util::future::join_all((0..16).map(|_| writer.permit())).await;
    assert!(waits().await, "all are back and no more than all");
    drop(all);
}

#[tokio::test]
async fn batches_are_cut_and_settles_stay_behind_their_appends() {
    let store = Fake::new(0, &[], &[]);
    let options = WriterOptions { batch_rows: 10, ..WriterOptions::default() };
    let writer = Writer::start(Arc::clone(&store) as _, options);
    let told = Arc::new(Told::default());
    submit(&writer, &told, 1).await;
    tokio::task::yield_now().await;
    for seq in 2..=26 {
        submit(&writer, &told, seq).await;
        writer.settle(1, seq);
    }
    store.turns.add_permits(MANY);
    writer.flush().await;
    let applied = store.applied.lock().clone();
    for batch in &applied {
        assert!(batch.iter().filter(|seq| **seq < 1_000_000).count() <= 10, "{batch:?}");
    }
    let all = applied.concat();
    for seq in 2..=26 {
        let place = |wanted| all.iter().position(|seq| *seq == wanted).unwrap();
        assert!(place(seq) < place(seq + 1_000_000));
    }
}

#[tokio::test]
async fn stop_ends_with_everything_done() {
    let store = Fake::new(MANY, &[], &[]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 1..=5 {
        submit(&writer, &told, seq).await;
    }
    writer.settle(1, 5);
    writer.stop().await;
    assert_eq!(told.outcomes().len(), 5);
    assert_eq!(store.all().last(), Some(&1_000_005));
    assert!(writer.commit(vec![append(6, 1)]).await.is_err());
    writer.flush().await;
    writer.stop().await;
}

#[tokio::test]
async fn dropping_the_last_handle_ends_it_with_everything_done() {
    let store = Fake::new(MANY, &[], &[]);
    let writer = start(&store);
    let told = Arc::new(Told::default());
    submit(&writer, &told, 1).await;
    drop(writer);
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(told.outcomes(), [(1, Outcome::Stored)]);
}
