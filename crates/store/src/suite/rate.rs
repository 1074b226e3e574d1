//! How many durable appends a second a database takes through the writer.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{ARCHIVED, BOTH, PENDING, account};
use crate::{
    Done, LogRow, Marks, OnCommit, Outcome, OwnerId, ResendRow, Seq, Store, Unit, Write, Writer,
    WriterOptions,
};

const SENDERS: usize = 50;
const STANZA: usize = 360;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

/// What one message writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Pending for the recipient.
    Pending,
    /// The same, and the sender's resend key.
    PendingAndKey,
    /// In both archives, pending for the recipient, and the resend key.
    Archived,
}

/// Prints a line for each shape and 1 and 16 messages in flight from each of 50 senders, and the time that one
/// `fdatasync` of 4 KiB takes in `folder`.
pub async fn append_rate(store: Arc<dyn Store>, folder: &Path) {
    println!("fdatasync of 4 KiB: median {:?}", fdatasync(folder).unwrap());
    let mut owners = Vec::new();
    for number in 0..2 * SENDERS {
        owners.push(account(&*store, &format!("user{number}@x")).await);
    }
    let mut seq = 1;
    for (shape, name) in [
        (Shape::Pending, "pending only"),
        (Shape::PendingAndKey, "pending and resend key"),
        (Shape::Archived, "two archives and resend key"),
    ] {
        for in_flight in [16, 1] {
            seq += 10_000_000;
            let writer = Writer::start(Arc::clone(&store), WriterOptions::default());
            let (rate, cpu, p99) = measure(&writer, &owners, shape, in_flight, seq).await;
            let stats = writer.stats();
            writer.stop().await;
            println!(
                "{name}, {in_flight} in flight: {rate:.0} messages/s, p99 {p99:?}, {cpu:.1} µs CPU of this process each, \
                 {} writes a transaction",
                stats.writes / stats.batches.max(1)
            );
        }
    }
}

fn fdatasync(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join("fdatasync.probe");
    let mut file = std::fs::File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..200 {
        file.write_all(&[0; 4096])?;
        let begin = Instant::now();
        file.sync_data()?;
        took.push(begin.elapsed());
    }
    std::fs::remove_file(path)?;
    took.sort();
    Ok(took[took.len() / 2])
}

struct Sender {
    free: Semaphore,
    sent: Mutex<Vec<Instant>>,
    took: Mutex<Vec<(Instant, Duration)>>,
}

impl OnCommit for Sender {
    fn committed(self: Arc<Self>, token: u64, outcome: Outcome) {
        assert_eq!(outcome, Outcome::Stored);
        let began = self.sent.lock()[usize::try_from(token).unwrap()];
        self.took.lock().push((Instant::now(), began.elapsed()));
        self.free.add_permits(1);
    }
}

async fn measure(
    writer: &Writer,
    owners: &[OwnerId],
    shape: Shape,
    in_flight: usize,
    first: Seq,
) -> (f64, f64, Duration) {
    let begin = Instant::now();
    let end = begin + WARM_UP + MEASURED;
    let mut tasks = tokio::task::JoinSet::new();
    let cpu = cpu_time();
    for pair in owners.chunks(2) {
        let (from, to) = (pair[0], pair[1]);
        let writer = writer.clone();
        tasks.spawn(async move {
            let sender = Arc::new(Sender {
                free: Semaphore::new(in_flight),
                sent: Mutex::default(),
                took: Mutex::default(),
            });
            for n in 0.. {
                sender.free.acquire().await.unwrap().forget();
                let now = Instant::now();
                if now > end {
                    break;
                }
                sender.sent.lock().push(now);
                let permit = writer.permit().await;
                writer.submit(
                    permit,
                    unit(shape, from, to, first + n),
                    Done(Some((Arc::clone(&sender) as _, n))),
                );
            }
            std::mem::take(&mut *sender.took.lock())
        });
    }
    let mut took = Vec::new();
    let mut all = 0;
    while let Some(sender) = tasks.join_next().await {
        let sender = sender.unwrap();
        all += sender.len();
        took.extend(
            sender.into_iter().filter(|(at, _)| *at > begin + WARM_UP && *at <= end).map(|(_, took)| took),
        );
    }
    let cpu = (cpu_time() - cpu).as_secs_f64() * 1e6 / all as f64;
    took.sort();
    (took.len() as f64 / MEASURED.as_secs_f64(), cpu, took[took.len() * 99 / 100])
}

fn unit(shape: Shape, from: OwnerId, to: OwnerId, seq: Seq) -> Unit {
    let stanza: Arc<[u8]> = vec![b'x'; STANZA].into();
    let at = seq.cast_signed();
    let row = |owner, marks: Marks| {
        Write::Append(LogRow {
            owner,
            seq,
            at,
            marks,
            peer: "someone@example.org".into(),
            stanza: Arc::clone(&stanza),
        })
    };
    // As unlike each other as real ones.
    let key = (u128::from(seq) << 64 | u128::from(from.unsigned_abs()))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let keys = Write::ResendKeys(ResendRow { owner: from, boot: 1, at, keys: key.to_le_bytes().to_vec() });
    match shape {
        Shape::Pending => Unit::from_vec(vec![row(to, PENDING)]),
        Shape::PendingAndKey => Unit::from([row(to, PENDING), keys]),
        Shape::Archived => Unit::from_vec(vec![row(from, ARCHIVED), row(to, BOTH), keys]),
    }
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields 14 and 15, counted from behind the name, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}
