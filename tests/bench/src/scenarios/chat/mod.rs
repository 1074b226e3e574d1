//! Pairs that talk, stream management on both sides, with the archive [off](off) and on. One start of a server serves
//! all loads, one after the other.

pub mod compare;
mod off;
mod paced;
pub mod talk;

use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target};
use crate::options::Scale;
use crate::report::{Figure, Other, Report, Spread, Target as Goal};
use crate::server::{Kind, Server};
use crate::tally::report_faultless;
use talk::Talker;

const OFF: &str = "chat, archive off";
const ON: &str = "chat, archive on";

const fn figure(
    scenario: &'static str,
    name: &'static str,
    unit: &'static str,
    targets: &'static [Goal],
) -> Figure {
    Figure::new(scenario, name, unit).to_reach(targets)
}

/// Messages in flight in each pair, how many pairs, and what is measured.
struct Load {
    in_flight: usize,
    pairs: fn(&Scale) -> usize,
    messages: fn(&Scale, Kind) -> usize,
    cpu: Figure,
    rate: Figure,
    /// How often Waxwing and the relay have the word in a run.
    turns: usize,
    /// From a message to its answer: two messages, each through the server.
    trips: Spread,
    /// System calls of a message, where they are counted.
    calls: Option<Figure>,
}

impl Load {
    /// How many pairs talk, and how many messages each of them sends.
    fn share(&self, scale: &Scale, kind: Kind) -> (usize, usize) {
        let pairs = (self.pairs)(scale);
        (pairs, ((self.messages)(scale, kind) / pairs / 2).max(1))
    }
}

const CPU_1: &str = "processor time of a message, one in flight";
const CPU_16: &str = "processor time of a message, 16 in flight";
const CALLS_1: &str = "system calls of a message, one in flight";
const CALLS_16: &str = "system calls of a message, 16 in flight";
const RATE_1: &str = "delivered, one in flight";
const RATE_16: &str = "delivered, 16 in flight";

const TRIPS_1: &str = "there and back, one in flight";
const TRIPS_16: &str = "there and back, 16 in flight";
const MEMORY: &str = "resident memory of one session";

const LOADS_OFF: [Load; 2] = [
    Load {
        in_flight: 1,
        pairs: |scale| scale.pairs,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers } else { scale.chat },
        cpu: figure(
            OFF,
            CPU_1,
            "µs",
            &[Goal::MostTimes(1.0 / 9.0, Other::Peers), Goal::MostTimes(1.6, Other::Relay)],
        ),
        rate: figure(OFF, RATE_1, "messages/s", &[]),
        trips: Spread::new(OFF, TRIPS_1),
        turns: 3,
        calls: Some(figure(OFF, CALLS_1, "", &[])),
    },
    Load {
        in_flight: 16,
        pairs: |scale| scale.pairs / 2,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers * 2 } else { scale.chat * 4 / 3 },
        cpu: figure(
            OFF,
            CPU_16,
            "µs",
            &[Goal::MostTimes(1.0 / 15.0, Other::Peers), Goal::MostTimes(5.0, Other::Relay)],
        ),
        rate: figure(OFF, RATE_16, "messages/s", &[]),
        trips: Spread::new(OFF, TRIPS_16),
        turns: 3,
        calls: Some(figure(OFF, CALLS_16, "", &[])),
    },
];

const LOADS_ON: [Load; 2] = [
    Load {
        in_flight: 1,
        pairs: |scale| scale.pairs,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers / 5 } else { scale.chat / 3 },
        cpu: figure(ON, CPU_1, "µs", &[Goal::MostTimes(1.0 / 6.0, Other::Peers)]),
        rate: figure(ON, RATE_1, "messages/s", &[]),
        trips: Spread::new(ON, TRIPS_1),
        turns: 1,
        calls: None,
    },
    Load {
        in_flight: 16,
        pairs: |scale| scale.pairs / 2,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers / 5 } else { scale.chat / 2 },
        cpu: figure(ON, CPU_16, "µs", &[Goal::MostTimes(1.0 / 6.0, Other::Peers)]),
        rate: figure(ON, RATE_16, "messages/s", &[]),
        trips: Spread::new(ON, TRIPS_16),
        turns: 1,
        calls: None,
    },
];

/// Of all that took part, when the last word is said.
const MEMORY_ON: Figure = figure(ON, MEMORY, "KiB", &[]);

/// What a server does for the last login is over.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for turn in 0..bench.scale.runs {
        off::run(bench, report, turn == 0).await?;
        let on = bench.kinds(&[Kind::WAXWING]).into_iter().map(Kind::archived);
        for kind in on.flat_map(|kind| [kind, kind.on_postgres()]) {
            archive_on(bench, report, kind).await?;
        }
    }
    Ok(())
}

async fn archive_on(bench: &mut Bench, report: &mut Report, kind: Kind) -> Result<(), Fault> {
    let scale = bench.scale;
    let (server, target) = bench.start(kind).await?;
    let empty = server.resident()?;
    let mut talkers = gather(kind, &target, 0..scale.pairs * 2).await?;
    for load in &LOADS_ON {
        talkers = measure(report, kind, &server, &scale, load, talkers).await?;
    }
    report.add(&MEMORY_ON, kind.name(), (server.resident()? - empty) / talkers.len() as f64);
    report_faultless(report, ON, kind.name());
    Ok(())
}

async fn measure(
    report: &mut Report,
    kind: Kind,
    server: &Server,
    scale: &Scale,
    load: &Load,
    talkers: Vec<Talker>,
) -> Result<Vec<Talker>, Fault> {
    let (pairs, each) = load.share(scale, kind);
    let (mut talkers, cost, took) = cost(server, load, pairs, each, talkers).await?;
    report.add(&load.cpu, kind.name(), cost);
    report.add(&load.rate, kind.name(), (pairs * each * 2) as f64 / took.as_secs_f64());
    let trips = talkers.iter_mut().flat_map(|talker| talker.trips.drain(..));
    let trips = trips.map(|trip| trip.as_secs_f64() * 1e3).collect();
    report.add_spread(&load.trips, kind.name(), trips);
    Ok(talkers)
}

/// Has them talk; the processor time of a message in µs, with that of the last acknowledgements, and how long they talked.
async fn cost(
    server: &Server,
    load: &Load,
    pairs: usize,
    each: usize,
    talkers: Vec<Talker>,
) -> Result<(Vec<Talker>, f64, Duration), Fault> {
    let (before, begun) = (server.cpu()?, Instant::now());
    let talkers = talk::talk(talkers, pairs, load.in_flight, each).await?;
    let took = begun.elapsed();
    let talkers = talk::listen(talkers).await?;
    let used = server.cpu()? - before;
    Ok((talkers, used.as_secs_f64() * 1e6 / (pairs * each * 2) as f64, took))
}

/// Everybody who will talk.
pub async fn gather(kind: Kind, target: &Target, numbers: Range<usize>) -> Result<Vec<Talker>, Fault> {
    let target = target.clone();
    let first = numbers.start;
    let talkers = many(numbers.len(), 8, move |number| {
        let (target, number) = (target.clone(), first + number);
        async move {
            if kind == Kind::RELAY {
                return Ok(Talker::new(Client::paired(&target, number / 2).await?, number));
            }
            let mut client = Client::ready(&target, number).await?;
            client.enable().await?;
            Ok(Talker::new(client, number))
        }
    })
    .await?;
    sleep(SETTLE).await;
    Ok(talkers)
}
