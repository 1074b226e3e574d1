//! The archive of one account as it grows: what it costs to append to it and to read a page of it, at its ends, in the
//! middle and of one conversation, on both databases. It is filled once for each size; what is measured there, is
//! measured as often as there are runs, the databases in turns.

mod fill;

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_kernel::first_at;
use waxwing_store::{LogQuery, LogRow, Marks, NewAccount, OwnerId, Seq, UnixMillis, Write};

use crate::Fault;
use crate::bench::{Bench, Database, Place as Kept};
use crate::process;
use crate::report::{Figure, Report, Spread, median};

/// Entries in one transaction: what a busy server commits at once.
const BATCH: u64 = 500;
/// Entries that a run appends, at most; all runs together append at most the half of an archive.
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
const APPEND_CPU: Figure = Figure::new(SCENARIO, "processor time of an entry appended, of", "µs");
const COMMITS: Spread = Spread::new(SCENARIO, "500 entries in a transaction, of");
const PAGE_CPU: Figure = Figure::new(SCENARIO, "processor time of a page of 50, of", "ms");
/// Of every sort.
const ALL_PAGES: Spread = Spread::new(SCENARIO, "a page of 50, of");
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
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

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
    let [sqlite, postgres] = bench.databases().await?;
    let mut archives = [Archive::make(sqlite).await?, Archive::make(postgres).await?];
    let runs = bench.scale.runs;
    for size in SIZES.into_iter().filter(|size| *size <= bench.scale.archive) {
        // Whole transactions, so that the last run ends with as many entries as are said.
        let appended = APPENDED.min(size / 2 / runs as u64 / BATCH * BATCH);
        let (filled, begun) = (size - appended * runs as u64, Instant::now());
        let [sqlite, postgres] = &mut archives;
        tokio::try_join!(sqlite.fill(bench, filled), postgres.fill(bench, filled))?;
        println!("  filled in {} s", begun.elapsed().as_secs());
        for _ in 0..runs {
            for archive in &mut archives {
                archive.measure(bench, size, appended, report).await?;
            }
        }
    }
    for archive in archives {
        archive.database.store.close().await;
    }
    Ok(())
}

struct Archive {
    database: Database,
    owner: OwnerId,
    /// Entries, numbered from 1.
    count: u64,
}

impl Archive {
    async fn make(database: Database) -> Result<Archive, Fault> {
        let new = NewAccount { jid: "owner@x".to_owned(), keys: Vec::new(), admin: false, created: 0 };
        let made = database.store.create_accounts(&[new]).await.map_err(said)?;
        let owner = made.into_iter().flatten().next().ok_or_else(|| Fault::new("no account"))?;
        Ok(Archive { database, owner, count: 0 })
    }

    async fn fill(&mut self, bench: &Bench, size: u64) -> Result<(), Fault> {
        if self.count == 0 {
            self.append(size).await?;
        } else {
            fill::fill(bench, &self.database.place, self.owner, self.count, size).await?;
            self.count = size;
        }
        Ok(())
    }

    /// One run: appends so many entries and reads pages of every sort.
    async fn measure(
        &mut self,
        bench: &Bench,
        size: u64,
        appended: u64,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let name = self.database.name;
        let before = self.cpu(bench)?;
        let commits = self.append(self.count + appended).await?;
        let used = self.cpu(bench)? - before;
        report.add(&APPEND.at(size), name, commits.iter().sum::<f64>() * 1e3 / appended as f64);
        report.add(&APPEND_CPU.at(size), name, used.as_secs_f64() * 1e6 / appended as f64);
        report.add_spread(&COMMITS.at(size), name, commits);
        let before = self.cpu(bench)?;
        let pages = self.read(size, report).await?;
        let used = self.cpu(bench)? - before;
        report.add(&PAGE_CPU.at(size), name, used.as_secs_f64() * 1e3 / pages.len() as f64);
        report.add_spread(&ALL_PAGES.at(size), name, pages);
        Ok(())
    }

    /// The processor time of the database and of this process, which does nothing else.
    fn cpu(&self, bench: &Bench) -> Result<Duration, Fault> {
        let server = match self.database.place {
            Kept::Sqlite(_) => Duration::ZERO,
            Kept::Postgres(_) => bench.database_cpu()?,
        };
        Ok(server + process::cpu(std::process::id())?)
    }

    /// Appends what is missing to `size`; how long each transaction took, in ms.
    async fn append(&mut self, size: u64) -> Result<Vec<f64>, Fault> {
        let mut commits = Vec::new();
        while self.count < size {
            let last = size.min(self.count + BATCH);
            let writes: Vec<Write> =
                (self.count + 1..=last).map(|number| entry(self.owner, number)).collect();
            let writes: Vec<&Write> = writes.iter().collect();
            let begun = Instant::now();
            let applied = self.database.store.apply(&writes).await;
            applied.map_err(|error| Fault::new(format!("{error:?}")))?;
            commits.push(begun.elapsed().as_secs_f64() * 1e3);
            self.count = last;
        }
        Ok(commits)
    }

    /// How long each page took, in ms.
    async fn read(&self, size: u64, report: &mut Report) -> Result<Vec<f64>, Fault> {
        let (name, mut all) = (self.database.name, Vec::new());
        for (place, by_id, by_time) in PLACES {
            let (mut ids, mut times) = (Vec::new(), Vec::new());
            for turn in 0..PAGES {
                let before = place.before(self.count, turn);
                ids.push(self.page(before, true, None).await?);
                times.push(self.page(before, false, None).await?);
            }
            report.add(&by_id.at(size), name, median(&ids));
            report.add(&by_time.at(size), name, median(&times));
            all.extend(ids.into_iter().chain(times));
        }
        let mut of_peer = Vec::new();
        for turn in 0..PAGES {
            let before = Place::Middle.before(self.count / 2, turn);
            of_peer.push(self.page(before, true, Some(peer(7))).await?);
        }
        report.add(&CONVERSATION.at(size), name, median(&of_peer));
        all.extend(of_peer);
        Ok(all)
    }

    /// The page after an entry, and how many milliseconds it took. The id of an entry must be in the archive
    /// (XEP-0313 §4.3.2), which is looked up first; a time is none.
    async fn page(&self, before: u64, by_id: bool, peer: Option<String>) -> Result<f64, Fault> {
        let after = if by_id { position(before) } else { first_at(at(before + 1)) - 1 };
        let all = peer.is_none();
        let query = LogQuery { after, peer, ..LogQuery::all(PAGE) };
        let begun = Instant::now();
        let store = &self.database.store;
        if by_id && store.log_archived_at(self.owner, &[after]).await.map_err(said)? != 1 {
            return Err(Fault::new("an entry is not in the archive"));
        }
        let rows = store.log_archived(self.owner, &query).await.map_err(said)?;
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
