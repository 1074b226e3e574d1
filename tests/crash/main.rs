//! Promise 1, by force: what the server has acknowledged survives `kill -9` at any moment.
//!
//! Senders stream numbered messages under XEP-0198 to recipients who are online, late, away or on two devices, while
//! the process is killed at random moments and started again on its data. Senders send again what was not
//! acknowledged, with the same id and payload; recipients come back with initial presence. At the end everything is
//! counted over the messages that were acknowledged, on both databases, archived and not.
//!
//! And one account by chance (`union`): senders and three devices of it do whatever comes, and each device ends with all
//! that was acknowledged.
//!
//! `WAXWING_CRASHES` is how often each server is killed (20), `WAXWING_STEPS` how much happens to the one account (200),
//! `WAXWING_SEED` repeats a run's decisions.

// A broken expectation is a failed test: that is what panics are for here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod device;
mod dice;
mod judge;
mod ledger;
mod peer;
mod reader;
mod sender;
mod table;
mod union;
mod wire;
mod world;

use std::{sync::Arc, time::Duration};

use device::{Device, Manner};
use dice::Dice;
use harness::{Account, Database, Server};
use judge::Counts;
use ledger::Ledger;
use sender::Sender;
use tokio::{
    sync::{Barrier, watch},
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};
use world::{Life, Phase, World};

const SENDERS: usize = 4;

/// The accounts that messages go to, each with its devices.
const RECIPIENTS: &[&[Manner]] = &[
    &[Manner::Prompt],
    &[Manner::Late],
    &[Manner::Dropping],
    &[Manner::Prompt, Manner::Late],
    &[Manner::Visiting, Manner::Dropping],
    &[Manner::Visiting],
    &[Manner::Without],
    &[Manner::Absent],
];

/// How long it may take after the last kill until all is acknowledged and has arrived.
const PATIENCE: Duration = Duration::from_secs(90);

/// One server's run.
pub struct Run {
    pub database: Database,
    pub policy: &'static str,
    pub kills: u32,
    pub counts: Counts,
    pub faults: Vec<String>,
    pub took: Duration,
}

#[test]
fn what_was_acknowledged_arrives_whenever_the_server_is_killed() {
    let kills = number("WAXWING_CRASHES").unwrap_or(20) as u32;
    let seed = number("WAXWING_SEED").unwrap_or_else(random);
    table::say(&format!("\n{kills} kills on each of four servers; WAXWING_SEED={seed}"));
    let kinds = [
        (Database::Sqlite, "until-delivered"),
        (Database::Sqlite, "always"),
        (Database::Postgres, "until-delivered"),
        (Database::Postgres, "always"),
    ];
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let threads = kinds.map(|(database, policy)| scope.spawn(move || run(database, policy, kills, seed)));
        threads.map(|thread| thread.join().expect("a run to its end")).into()
    });
    table::print(&runs);
    assert!(runs.iter().all(|run| run.faults.is_empty()), "see the table; WAXWING_SEED={seed}");
}

#[test]
fn each_of_three_devices_ends_with_all_that_was_acknowledged() {
    let steps = number("WAXWING_STEPS").unwrap_or(200);
    let seed = number("WAXWING_SEED").unwrap_or_else(random);
    table::say(&format!("\n{steps} steps on each of two servers; WAXWING_SEED={seed}"));
    std::thread::scope(|scope| {
        let runs = [Database::Sqlite, Database::Postgres]
            .map(|database| scope.spawn(move || union::run(database, steps, seed)));
        for run in runs {
            let faults = run.join().unwrap_or_else(|_| panic!("a client panics; WAXWING_SEED={seed}"));
            assert!(faults.is_empty(), "{faults:#?}\nWAXWING_SEED={seed}");
        }
    });
}

fn run(database: Database, policy: &'static str, kills: u32, seed: u64) -> Run {
    let server = Arc::new(Server::start(database, policy, &["limits.pending_messages=1000000"]));
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let archived = policy == "always";
    let (counts, faults) = runtime.block_on(storm(server, kills, seed, archived));
    Run { database, policy, kills, counts, faults, took: begun.elapsed() }
}

/// Kills and starts, lets everything come to rest, and judges.
async fn storm(server: Arc<Server>, kills: u32, seed: u64, archived: bool) -> (Counts, Vec<String>) {
    let accounts = |count: usize| -> Vec<Account> { (0..count).map(|_| server.account()).collect() };
    let senders = accounts(SENDERS);
    let devices = RECIPIENTS.iter().map(|manners| manners.len()).sum();
    let world = Arc::new(World {
        ledger: Ledger::default(),
        trust: server.trust(),
        recipients: accounts(RECIPIENTS.len()),
        life: watch::Sender::new(Some(Life { number: 0, address: server.c2s_tls() })),
        phase: watch::Sender::new(Phase::Storm),
        closed: Barrier::new(devices),
    });
    let mut receiving = JoinSet::new();
    let mut sending = JoinSet::new();
    let mut dice = (1..).map(|stream| Dice::new(seed, stream));
    let mut own = dice.next().expect("endless");
    for (account, manners) in RECIPIENTS.iter().enumerate() {
        for (number, manner) in manners.iter().enumerate() {
            let jid = world.recipients[account].clone();
            let dice = dice.next().expect("endless");
            receiving.spawn(Device::new((account, number), jid, *manner, world.clone(), dice).run());
        }
    }
    for (number, account) in senders.into_iter().enumerate() {
        sending.spawn(Sender::new(number, account, world.clone(), dice.next().expect("endless")).run());
    }

    for number in 1..=kills {
        if own.percent(25) {
            // Into the logins.
            sleep(own.millis(10..300)).await;
        } else {
            flowing(&world.ledger).await;
            sleep(own.millis(1..1200)).await;
        }
        world.life.send_replace(None);
        let address = spawn_blocking({
            let server = server.clone();
            move || {
                server.kill();
                server.resume();
                server.c2s_tls()
            }
        });
        let address = address.await.expect("the server starts again");
        world.life.send_replace(Some(Life { number, address }));
    }
    world.phase.send_replace(Phase::Calm);
    finished(&mut sending).await.expect("everything is acknowledged in the end");
    let patience = Instant::now();
    while !world.ledger.complete() && patience.elapsed() < PATIENCE {
        sleep(Duration::from_millis(100)).await;
    }
    world.phase.send_replace(Phase::Finish);
    finished(&mut receiving).await.expect("the recipients come to their end");

    let mut faults = Vec::new();
    let counts = world.ledger.judge(archived, &mut faults);
    (counts, faults)
}

/// Waits until something is acknowledged.
async fn flowing(ledger: &Ledger) {
    let (before, begun) = (ledger.count(), Instant::now());
    while ledger.count() == before {
        assert!(begun.elapsed() < PATIENCE, "nothing is acknowledged");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn finished(tasks: &mut JoinSet<()>) -> Result<(), tokio::time::error::Elapsed> {
    timeout(PATIENCE, async {
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no client panics");
        }
    })
    .await
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

fn random() -> u64 {
    u64::from(getrandom::u32().expect("randomness"))
}
