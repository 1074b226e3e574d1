//! The group commit on a real database.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{BOTH, Database, PENDING, account, append, pending};
use crate::{Done, OnCommit, Outcome, Store, Unit, Write, Writer, WriterOptions};

#[derive(Default)]
struct Told(Mutex<Vec<(u64, Outcome)>>);

impl OnCommit for Told {
    fn committed(self: Arc<Self>, token: u64, outcome: Outcome) {
        self.0.lock().push((token, outcome));
    }
}

fn done(told: &Arc<Told>, token: u64) -> Done {
    Done(Some((Arc::clone(told) as Arc<dyn OnCommit>, token)))
}

fn start(store: &Arc<dyn Store>) -> Writer {
    Writer::start(Arc::clone(store), WriterOptions::default())
}

pub async fn the_writer_keeps_order(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let a = account(&*store, "a@x").await;
    let b = account(&*store, "b@x").await;
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 1..=500 {
        let permit = writer.permit().await;
        writer.submit(permit, Unit::from([append(a, seq, PENDING), append(b, seq, BOTH)]), done(&told, seq));
    }
    writer.flush().await;
    let expected: Vec<_> = (1..=500).map(|seq| (seq, Outcome::Stored)).collect();
    assert_eq!(*told.0.lock(), expected);
    assert_eq!(pending(&*store, a).await, (1..=500).collect::<Vec<_>>());
    let stats = writer.stats();
    assert_eq!(stats.writes, 1000);
    assert!(stats.batches < 250, "{stats:?}");
    writer.stop().await;
    assert!(writer.commit(vec![append(a, 501, PENDING)]).await.is_err());
}

pub async fn one_bad_unit_hurts_nobody(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 1..=20 {
        let mut unit = Unit::from_vec(vec![append(owner, seq, PENDING)]);
        if seq == 7 {
            unit.push(Write::DocSet { owner, kind: "k", key: "nul\0".to_owned(), value: Vec::new() });
        }
        writer.submit(writer.permit().await, unit, done(&told, seq));
    }
    writer.flush().await;
    let outcome = |seq| if seq == 7 { Outcome::Refused } else { Outcome::Stored };
    assert_eq!(*told.0.lock(), (1..=20).map(|seq| (seq, outcome(seq))).collect::<Vec<_>>());
    assert_eq!(pending(&*store, owner).await, (1..=20).filter(|seq| *seq != 7).collect::<Vec<_>>());
    assert!(writer.commit(vec![append(owner, u64::MAX, PENDING)]).await.is_err());
    writer.commit(vec![append(owner, 21, PENDING)]).await.unwrap();
}

pub async fn settles_join_the_batch(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let writer = start(&store);
    let told = Arc::new(Told::default());
    for seq in 1..=300 {
        writer.submit(
            writer.permit().await,
            Unit::from_vec(vec![append(owner, seq, PENDING)]),
            done(&told, seq),
        );
        if seq % 3 != 0 {
            writer.settle(owner, seq);
        }
    }
    writer.flush().await;
    assert_eq!(told.0.lock().len(), 300);
    assert_eq!(pending(&*store, owner).await, (1..=100).map(|n| n * 3).collect::<Vec<_>>());
}

pub async fn many_senders(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let writer = start(&store);
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..10 {
        let owner = account(&*store, &format!("user{sender}@x")).await;
        let writer = writer.clone();
        tasks.spawn(async move {
            for seq in 1..=50 {
                writer.commit(vec![append(owner, seq, BOTH)]).await.unwrap();
            }
            owner
        });
    }
    while let Some(owner) = tasks.join_next().await {
        assert_eq!(store.log_head(owner.unwrap()).await.unwrap().archived, 50);
    }
    assert!(writer.stats().largest > 1, "{:?}", writer.stats());
}
