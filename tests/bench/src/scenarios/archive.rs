//! The archive of one account as it grows: what it costs to append to it and to read a page of it, at its ends, of one
//! conversation in it and of a search, on both databases.

use std::sync::Arc;
use std::time::Instant;

use waxwing_store::{LogQuery, LogRow, Marks, NewAccount, OwnerId, Seq, Store, Write};

use crate::Fault;
use crate::bench::Bench;
use crate::report::{Figure, Report, median};

/// Entries in one transaction: what a busy server commits at once.
const BATCH: u64 = 500;
/// Results in a page.
const PAGE: u32 = 50;
/// Conversations that the entries belong to, in turn.
const PEERS: u64 = 200;
/// Pages of each sort.
const PAGES: usize = 20;

const SCENARIO: &str = "archive, of so many entries";

const APPEND: Figure = Figure::new(SCENARIO, "append, up to", "µs");
const FIRST: Figure = Figure::new(SCENARIO, "first page of 50, of", "ms");
const LAST: Figure = Figure::new(SCENARIO, "last page of 50, of", "ms");
const CONVERSATION: Figure = Figure::new(SCENARIO, "page of a conversation, of", "ms");

/// Entries at which everything is measured.
const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let most = bench.scale.archive;
    for _ in 0..bench.scale.runs {
        for (name, store) in bench.databases().await? {
            grow(&*store, name, most, report).await?;
            store.close().await;
        }
    }
    Ok(())
}

async fn grow(store: &dyn Store, name: &str, most: u64, report: &mut Report) -> Result<(), Fault> {
    let new = NewAccount { jid: "owner@x".to_owned(), keys: Vec::new(), admin: false, created: 0 };
    let made = store.create_accounts(&[new]).await.map_err(said)?;
    let owner = made.into_iter().flatten().next().ok_or_else(|| Fault::new("no account"))?;
    let mut seq = 0;
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        let begun = Instant::now();
        let before = seq;
        while seq < size {
            let writes: Vec<Write> = (seq + 1..=seq + BATCH).map(|seq| entry(owner, seq)).collect();
            seq += BATCH;
            let writes: Vec<&Write> = writes.iter().collect();
            store.apply(&writes).await.map_err(|error| Fault::new(format!("{error:?}")))?;
        }
        report.add(&APPEND.at(size), name, begun.elapsed().as_secs_f64() * 1e6 / (seq - before) as f64);
        let first = LogQuery::all(PAGE);
        let last = LogQuery { backwards: true, ..first.clone() };
        let middle = LogQuery { after: seq / 2, peer: Some(peer(7)), limit: 5, ..first.clone() };
        for (figure, query) in [(FIRST, first), (LAST, last), (CONVERSATION, middle)] {
            let mut times = Vec::with_capacity(PAGES);
            for _ in 0..PAGES {
                let begun = Instant::now();
                let rows = store.log_archived(owner, &query).await.map_err(said)?;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                if rows.is_empty() {
                    return Err(Fault::new("an empty page"));
                }
            }
            report.add(&figure.at(size), name, median(&times));
        }
    }
    Ok(())
}

fn peer(number: u64) -> String {
    format!("peer{number}@example.org")
}

fn entry(owner: OwnerId, seq: Seq) -> Write {
    let peer = peer(seq % PEERS);
    let body = "But soft, what light through yonder window breaks? ".repeat(3);
    let stanza = format!(
        "<message from='{peer}/phone' to='owner@x' type='chat' id='m{seq}'><body>{body}</body></message>"
    );
    Write::Append(LogRow {
        owner,
        seq,
        at: seq.cast_signed(),
        marks: Marks { archived: true, pending: false },
        peer: Arc::from(format!("{peer}/phone")),
        stanza: stanza.into_bytes().into(),
    })
}

fn said(error: waxwing_store::StoreError) -> Fault {
    Fault::new(error.0)
}
