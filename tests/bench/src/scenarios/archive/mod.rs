//! The archive of one account as it grows: what it costs to append to it and to read a page of it, at its ends, in the
//! middle and of one conversation, on both databases. One run.

mod fill;

use std::sync::Arc;
use std::time::Instant;

use waxwing_kernel::first_at;
use waxwing_store::{LogQuery, LogRow, Marks, NewAccount, OwnerId, Seq, Store, UnixMillis, Write};

use crate::Fault;
use crate::bench::{Bench, Database};
use crate::report::{Figure, Report, median};

/// Entries in one transaction: what a busy server commits at once.
const BATCH: u64 = 500;
/// Entries whose appending is measured, if the archive is twice as large; else the half of it.
const APPENDED: u64 = 20_000;
/// Results in a page.
const PAGE: u32 = 50;
/// Conversations that the entries belong to, in turn.
const PEERS: u64 = 200;
/// Pages of each sort. Those in the middle lie in as many places.
const PAGES: u64 = 50;
/// When the first entry came, and milliseconds from one to the next.
const BEGIN: UnixMillis = 1_700_000_000_000;
const APART: i64 = 1_000;

const SCENARIO: &str = "archive, of so many entries";

const APPEND: Figure = Figure::new(SCENARIO, "append to, of", "µs");
const CONVERSATION: Figure = Figure::new(SCENARIO, "page of a conversation, of", "ms");

/// Where a page lies, and how it is asked for: by the id of the entry beside it, or by the time of its first.
const PLACES: [(Place, Figure, Figure); 3] = [
    (
        Place::First,
        Figure::new(SCENARIO, "first page of 50 by id, of", "ms"),
        Figure::new(SCENARIO, "first page of 50 by time, of", "ms"),
    ),
    (
        Place::Middle,
        Figure::new(SCENARIO, "page of 50 in the middle by id, of", "ms"),
        Figure::new(SCENARIO, "page of 50 in the middle by time, of", "ms"),
    ),
    (
        Place::Last,
        Figure::new(SCENARIO, "last page of 50 by id, of", "ms"),
        Figure::new(SCENARIO, "last page of 50 by time, of", "ms"),
    ),
];

/// Entries at which everything is measured.
const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[derive(Clone, Copy)]
enum Place {
    First,
    Middle,
    Last,
}

impl Place {
    /// The number of the entry before the page, of `size` that are numbered from 1.
    fn before(self, size: u64, turn: u64) -> u64 {
        match self {
            Place::First => 1,
            Place::Middle => size / (PAGES + 1) * (turn + 1),
            Place::Last => size - u64::from(PAGE),
        }
    }
}

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for database in bench.databases().await? {
        let begun = Instant::now();
        let archive = Archive::make(database.store.clone()).await?;
        archive.grow(bench, &database, report).await?;
        database.store.close().await;
        println!("  {} took {} s", database.name, begun.elapsed().as_secs());
    }
    Ok(())
}

struct Archive {
    store: Arc<dyn Store>,
    owner: OwnerId,
}

impl Archive {
    async fn make(store: Arc<dyn Store>) -> Result<Archive, Fault> {
        let new = NewAccount { jid: "owner@x".to_owned(), keys: Vec::new(), admin: false, created: 0 };
        let made = store.create_accounts(&[new]).await.map_err(said)?;
        let owner = made.into_iter().flatten().next().ok_or_else(|| Fault::new("no account"))?;
        Ok(Archive { store, owner })
    }

    async fn grow(&self, bench: &Bench, database: &Database, report: &mut Report) -> Result<(), Fault> {
        let mut count = 0;
        for size in SIZES.into_iter().filter(|size| *size <= bench.scale.archive) {
            let filled = size - APPENDED.min(size / 2);
            if count == 0 {
                self.append(0, filled).await?;
            } else {
                fill::fill(bench, &database.place, self.owner, count, filled).await?;
            }
            let begun = Instant::now();
            self.append(filled, size).await?;
            let append = begun.elapsed().as_secs_f64() * 1e6 / (size - filled) as f64;
            count = size;
            report.add(&APPEND.at(size), database.name, append);
            self.read(database.name, size, report).await?;
        }
        Ok(())
    }

    /// Appends what is missing in `count` to `size`.
    async fn append(&self, mut count: u64, size: u64) -> Result<(), Fault> {
        while count < size {
            let last = size.min(count + BATCH);
            let writes: Vec<Write> = (count + 1..=last).map(|number| entry(self.owner, number)).collect();
            count = last;
            let writes: Vec<&Write> = writes.iter().collect();
            self.store.apply(&writes).await.map_err(|error| Fault::new(format!("{error:?}")))?;
        }
        Ok(())
    }

    async fn read(&self, name: &str, size: u64, report: &mut Report) -> Result<(), Fault> {
        for (place, by_id, by_time) in PLACES {
            let (mut ids, mut times) = (Vec::new(), Vec::new());
            for turn in 0..PAGES {
                let before = place.before(size, turn);
                ids.push(self.page(before, true, None).await?);
                times.push(self.page(before, false, None).await?);
            }
            report.add(&by_id.at(size), name, median(&ids));
            report.add(&by_time.at(size), name, median(&times));
        }
        let mut of_peer = Vec::new();
        for turn in 0..PAGES {
            let before = Place::Middle.before(size / 2, turn);
            of_peer.push(self.page(before, true, Some(peer(7))).await?);
        }
        report.add(&CONVERSATION.at(size), name, median(&of_peer));
        Ok(())
    }

    /// The page after an entry, and how many milliseconds it took. The id of an entry must be in the archive
    /// (XEP-0313 §4.3.2), which is looked up first; a time is none.
    async fn page(&self, before: u64, by_id: bool, peer: Option<String>) -> Result<f64, Fault> {
        let after = if by_id { position(before) } else { first_at(at(before + 1)) - 1 };
        let all = peer.is_none();
        let query = LogQuery { after, peer, ..LogQuery::all(PAGE) };
        let begun = Instant::now();
        if by_id && self.store.log_archived_at(self.owner, &[after]).await.map_err(said)? != 1 {
            return Err(Fault::new("an entry is not in the archive"));
        }
        let rows = self.store.log_archived(self.owner, &query).await.map_err(said)?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let first = rows.first().map(|row| row.seq);
        if first.is_none() || all && (first != Some(position(before + 1)) || rows.len() != PAGE as usize) {
            return Err(Fault::new("a page that was not asked for"));
        }
        Ok(took)
    }
}

/// When an entry came.
fn at(number: u64) -> UnixMillis {
    BEGIN + number.cast_signed() * APART
}

fn position(number: u64) -> Seq {
    first_at(at(number))
}

fn peer(number: u64) -> String {
    format!("peer{number}@example.org")
}

fn entry(owner: OwnerId, number: u64) -> Write {
    let peer = peer(number % PEERS);
    let body = "But soft, what light through yonder window breaks? ".repeat(2);
    let stanza = format!(
        "<message from='{peer}/phone' to='owner@x' type='chat' id='m{number}'><body>{body}</body></message>"
    );
    Write::Append(LogRow {
        owner,
        seq: position(number),
        at: at(number),
        marks: Marks { archived: true, pending: false },
        peer: Arc::from(format!("{peer}/phone")),
        stanza: stanza.into_bytes().into(),
    })
}

fn said(error: waxwing_store::StoreError) -> Fault {
    Fault::new(error.0)
}
