//! Many clients, a small outbox, random moves from several tasks, and a process that is killed now and then.
//! `STORM_SEED` repeats a run's choices, `STORM_SECONDS` makes it longer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use waxwing_kernel::{Archive, Settings};
use waxwing_stanza::Stanza;
use waxwing_store::LogQuery;
use world::{Client, World, settings};

const SENDERS: [&str; 2] = ["s1", "s2"];
const RECIPIENTS: [&str; 2] = ["r1", "r2"];

/// What clients know, whatever becomes of the server.
#[derive(Default)]
struct Known {
    archived: bool,
    boot: u64,
    /// Of each sender, the messages it sent (addressee, body) and was not told of.
    unacked: HashMap<&'static str, Vec<(&'static str, String)>>,
    next: HashMap<&'static str, u64>,
    /// What senders were told is safe.
    told: HashSet<String>,
    /// What a recipient acknowledged.
    acknowledged: HashSet<String>,
    /// In which boot a message was first seen.
    seen: HashMap<String, u64>,
    ids: HashMap<String, String>,
    /// Seen again without a delay after a crash.
    doubled: u64,
    late: u64,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// One resource of a recipient: what it has, and the order in which it got it.
struct Reader {
    client: Client,
    unacked: Vec<String>,
    last: HashMap<String, u64>,
}

impl Reader {
    async fn new(world: &World, name: &str, resource: &str, numbered: bool) -> Reader {
        let client = if numbered {
            world.client(name, resource).await
        } else {
            world.plain_client(name, resource).await
        };
        Reader { client, unacked: Vec::new(), last: HashMap::new() }
    }

    /// Fetches what came before it from the archive, and has it wait no more.
    async fn join(&self, known: &Mutex<Known>) {
        let (account, session) = (self.client.account(), &self.client.session);
        let ends = account.archive_before(session).await.unwrap();
        let Some((_, end)) = ends else { return };
        let query = LogQuery { before: end.seq + 1, ..LogQuery::all(u32::MAX >> 1) };
        for row in account.core().store.log_archived(account.id, &query).await.unwrap() {
            let got = world::message(&Stanza::restore(&row.stanza).unwrap()).unwrap();
            known.lock().acknowledged.insert(got.body);
        }
        // Whether it still lives when this is done or not: it has found them there.
        account.leave_to_archive(session).await.unwrap();
    }

    /// Takes what is in the outbox, and a page of the log.
    async fn read(&mut self, known: &Mutex<Known>) {
        while let Some(stanza) = self.client.next() {
            let Some(got) = world::message(&stanza) else { continue };
            let (sender, n) = got.body.split_once('-').unwrap();
            let n: u64 = n.parse().unwrap();
            let mut known = known.lock();
            let boot = known.boot;
            let first = *known.seen.entry(got.body.clone()).or_insert(boot);
            // Unless archived, what was settled without ever being written comes again when its sender, who was not
            // told, sends it again.
            if first == boot || known.archived {
                let last = self.last.insert(sender.to_owned(), n).unwrap_or(0);
                assert!(n > last, "{} came to {} after {last}", got.body, self.client.session.jid);
            }
            known.late += u64::from(got.late);
            if let Some(id) = got.id {
                let first = known.ids.entry(got.body.clone()).or_insert_with(|| id.clone());
                assert_eq!(*first, id, "{} has two ids", got.body);
            }
            known.doubled += u64::from(first != boot && !got.late);
            self.unacked.push(got.body);
        }
        if self.client.account().should_read(&self.client.session) {
            self.client.account().clone().read_log(&self.client.session).await.unwrap();
        }
    }

    fn acknowledge(&mut self, known: &Mutex<Known>) {
        known.lock().acknowledged.extend(self.unacked.drain(..));
        self.client.acknowledge();
    }
}

async fn send(world: Arc<World>, known: Arc<Mutex<Known>>, name: &'static str, mut random: Random) {
    let mut number = 0;
    'streams: loop {
        number += 1;
        let client = world.client(name, &number.to_string()).await;
        let mut sent: Vec<(&'static str, String)> =
            known.lock().unacked.get(name).cloned().unwrap_or_default();
        let again = sent.len();
        let mut told = 0;
        for n in 0.. {
            let (to, body) = if n < again {
                sent[n].clone()
            } else {
                let to = RECIPIENTS[random.below(2) as usize];
                let mut known = known.lock();
                let next = known.next.entry(name).or_insert(0);
                *next += 1;
                let message = (to, format!("{name}-{next}"));
                known.unacked.entry(name).or_default().push(message.clone());
                sent.push(message.clone());
                message
            };
            client.send(&format!("{to}@x"), &body).await;
            if random.below(3) == 0 {
                let mut known = known.lock();
                let h = client.told() as usize;
                for (_, body) in &sent[told..h] {
                    known.told.insert(body.clone());
                }
                known.unacked.get_mut(name).unwrap().drain(..h - told);
                told = h;
            }
            match random.below(60) {
                0 => {
                    client.end().await;
                    continue 'streams;
                }
                1 => {
                    client.hibernate();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        client.end().await;
                    });
                    continue 'streams;
                }
                2..=20 => tokio::time::sleep(Duration::from_millis(random.below(4))).await,
                _ => tokio::task::yield_now().await,
            }
            while client.session.inbound(|inbound| inbound.outstanding()) > 40 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

async fn receive(
    world: Arc<World>,
    known: Arc<Mutex<Known>>,
    name: &'static str,
    slot: u64,
    mut random: Random,
) {
    loop {
        let numbered = random.below(3) > 0;
        let mut reader = Reader::new(&world, name, &slot.to_string(), numbered).await;
        let archived = known.lock().archived;
        if archived && random.below(3) == 0 {
            reader.join(&known).await;
        }
        if random.below(8) > 0 {
            reader.client.available(0);
        }
        for _ in 0..random.below(60) {
            match random.below(20) {
                0 => reader.client.available(random.below(3) as i8 - 1),
                1 => reader.client.unavailable(),
                2 | 3 => tokio::time::sleep(Duration::from_millis(random.below(15))).await,
                4 if numbered => {
                    reader.client.hibernate();
                    tokio::time::sleep(Duration::from_millis(random.below(15))).await;
                    // It says with its `h` what it has.
                    known.lock().acknowledged.extend(reader.unacked.drain(..));
                    reader.client.resume();
                }
                5..=8 => reader.acknowledge(&known),
                _ => reader.read(&known).await,
            }
            assert!(reader.client.session.outbox(|outbox| outbox.weight()) < 30_000);
            assert_eq!(reader.client.session.closing(), None);
            tokio::task::yield_now().await;
        }
        reader.client.end().await;
    }
}

/// Everything is read by one client, and what memory counts is what the database counts.
async fn settle(world: &World, known: &Mutex<Known>) {
    for name in RECIPIENTS {
        let account = world.account(name).await;
        let sessions = account.resources(|all| all.iter().map(|r| r.session.clone()).collect::<Vec<_>>());
        for session in sessions {
            waxwing_im::end(&session).await;
        }
    }
    world.core.writer.flush().await;
    for name in RECIPIENTS {
        let account = world.account(name).await;
        assert_eq!(world.stored(&account).await, account.pending(), "{name}");
        let mut reader = Reader::new(world, name, "last", true).await;
        reader.client.available(0);
        while account.pending() > 0 {
            reader.read(known).await;
            reader.acknowledge(known);
        }
        assert_eq!(world.stored(&account).await, 0);
        reader.client.end().await;
    }
    let known = known.lock();
    let lost: Vec<_> = known.told.difference(&known.acknowledged).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

/// One process: killed at some moment, or stopped and looked at.
fn run(folder: &Path, archive: Archive, known: &Arc<Mutex<Known>>, random: &mut Random) {
    let boot = {
        let mut known = known.lock();
        known.boot += 1;
        known.boot
    };
    let killed = random.below(3) > 0;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let settings = Settings {
        outbox_bytes: 8000,
        linger: Duration::from_millis(random.below(20)),
        pending_messages: 1_000_000,
        ..settings()
    };
    let world = runtime.block_on(async {
        let world = Arc::new(World::start(folder, boot, archive, settings).await);
        for name in RECIPIENTS {
            world.account(name).await;
        }
        let mut tasks = Vec::new();
        for name in SENDERS {
            let random = Random(random.below(1 << 30) + 1);
            tasks.push(tokio::spawn(send(world.clone(), known.clone(), name, random)));
        }
        for (name, slot) in RECIPIENTS.iter().flat_map(|name| [(*name, 1), (*name, 2)]) {
            let random = Random(random.below(1 << 30) + 1);
            tasks.push(tokio::spawn(receive(world.clone(), known.clone(), name, slot, random)));
        }
        tokio::time::sleep(Duration::from_millis(20 + random.below(150))).await;
        let broken = tasks.iter().any(tokio::task::JoinHandle::is_finished);
        if broken {
            for task in tasks.into_iter().filter(|task| task.is_finished()) {
                task.await.unwrap();
            }
            unreachable!();
        }
        if !killed {
            for task in tasks {
                task.abort();
                if let Err(error) = task.await
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
            settle(&world, known).await;
        }
        world
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    world.store.take_away();
}

fn storm(archive: Archive, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let known = Arc::new(Mutex::new(Known { archived: archive == Archive::Always, ..Known::default() }));
    let seed = std::env::var("STORM_SEED").map_or(seed, |seed| seed.parse().unwrap());
    let seconds = std::env::var("STORM_SECONDS").map_or(4, |seconds| seconds.parse().unwrap());
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        run(folder.path(), archive, &known, &mut random);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::start(folder.path(), 1_000_000, archive, settings()).await;
        settle(&world, &known).await;
    });
    let known = known.lock();
    println!(
        "{archive:?}: {} runs, {} told, {} late, {} seen again after a crash without a delay",
        known.boot,
        known.told.len(),
        known.late,
        known.doubled
    );
    if archive == Archive::Always {
        assert_eq!(known.doubled, 0, "one that is archived was shown, then shown again without a delay");
    }
    assert!(known.told.len() > 100);
}

#[test]
fn nothing_acknowledged_is_lost_where_everything_is_archived() {
    storm(Archive::Always, 1);
}

#[test]
fn nothing_acknowledged_is_lost_where_nothing_is_archived() {
    storm(Archive::UntilDelivered, 2);
}
