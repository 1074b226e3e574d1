//! Pairs that talk, stream management on both sides, with the archive off and on. One start of a server serves all
//! loads, one after the other.

pub mod compare;
mod paced;
pub mod talk;

use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::bench::{Bench, many};
use crate::client::{Client, Target};
use crate::options::Scale;
use crate::report::{Figure, Other, Report, Target as Goal, quantile};
use crate::server::{Kind, Product, Server};
use crate::standstill::Watch;
use crate::{Fault, syscalls};
use talk::Talker;

const OFF: &str = "chat, archive off";
const ON: &str = "chat, archive on";
const PACED: &str = "chat at 2,000 messages a second, archive off";

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
        calls: Some(figure(OFF, CALLS_1, "", &[])),
    },
    Load {
        in_flight: 16,
        pairs: |scale| scale.pairs / 2,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers * 2 } else { scale.chat * 4 },
        cpu: figure(
            OFF,
            CPU_16,
            "µs",
            &[Goal::MostTimes(1.0 / 15.0, Other::Peers), Goal::MostTimes(5.0, Other::Relay)],
        ),
        rate: figure(OFF, RATE_16, "messages/s", &[]),
        calls: Some(figure(OFF, CALLS_16, "", &[])),
    },
];

const LOADS_ON: [Load; 2] = [
    Load {
        in_flight: 1,
        pairs: |scale| scale.pairs,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers / 2 } else { scale.chat / 3 },
        cpu: figure(ON, CPU_1, "µs", &[Goal::MostTimes(1.0 / 6.0, Other::Peers)]),
        rate: figure(ON, RATE_1, "messages/s", &[]),
        calls: None,
    },
    Load {
        in_flight: 16,
        pairs: |scale| scale.pairs / 2,
        messages: |scale, kind| if kind.is_peer() { scale.chat_peers / 2 } else { scale.chat / 2 },
        cpu: figure(ON, CPU_16, "µs", &[Goal::MostTimes(1.0 / 6.0, Other::Peers)]),
        rate: figure(ON, RATE_16, "messages/s", &[]),
        calls: None,
    },
];

/// Lost, doubled or disordered ones end the run; that there were none is part of the report.
const FAULTS: &str = "lost, doubled or out of order";
const FAULTS_OFF: Figure = figure(OFF, FAULTS, "messages", &[Goal::Most(0.0)]);
const FAULTS_ON: Figure = figure(ON, FAULTS, "messages", &[Goal::Most(0.0)]);
const FAULTS_PACED: Figure = figure(PACED, FAULTS, "messages", &[Goal::Most(0.0)]);

/// Of those delivered, with the archive off: acknowledged by their recipients before they had to be.
const UNWRITTEN: Figure = figure(OFF, "never written to the database", "% of messages", &[]);

const QUANTILES: [(f64, Figure); 4] = [
    (0.5, figure(PACED, "latency, p50", "ms", &[Goal::MostTimes(1.0, Other::Peers)])),
    (0.95, figure(PACED, "latency, p95", "ms", &[])),
    (
        0.99,
        figure(
            PACED,
            "latency, p99",
            "ms",
            &[Goal::MostTimes(1.0 / 5.0, Other::Peers), Goal::MostTimes(2.0, Other::Relay)],
        ),
    ),
    (0.999, figure(PACED, "latency, p99.9", "ms", &[])),
];
/// With the time in which the machine stood still.
const P99_ALL: Figure = figure(PACED, "latency, p99, with the machine's standstills", "ms", &[]);
const CPU_PACED: Figure = figure(PACED, "processor time of a message", "µs", &[]);

/// How often each of two has the word.
const TURNS: usize = 2;

/// What a server does for the last login is over.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for turn in 0..bench.scale.runs {
        for kind in bench.kinds(&[Kind::WAXWING, Kind::RELAY]) {
            archive_off(bench, report, kind, turn == 0).await?;
        }
        side_by_side(bench, report).await?;
        let on = bench.kinds(&[Kind::WAXWING]).into_iter().map(Kind::archived);
        for kind in on.flat_map(|kind| [kind, kind.on_postgres()]) {
            archive_on(bench, report, kind).await?;
        }
    }
    Ok(())
}

/// System calls are counted once: their number hardly changes from run to run.
async fn archive_off(bench: &mut Bench, report: &mut Report, kind: Kind, counted: bool) -> Result<(), Fault> {
    let scale = bench.scale;
    let (server, target) = bench.start_with(kind, Some("log.level=info")).await?;
    let mut talkers = gather(kind, &target, 0..scale.pairs * 2).await?;
    for load in &LOADS_OFF {
        talkers = measure(report, kind, &server, &scale, load, talkers).await?;
        if counted {
            talkers = count_calls(report, kind, &server, &scale, load, talkers).await?;
        }
    }
    let talkers = paced(report, kind, &server, &scale, talkers).await?;
    report.add(&FAULTS_OFF, kind.name(), 0.0);
    report.add(&FAULTS_PACED, kind.name(), 0.0);
    let sent: u32 = talkers.iter().map(Talker::sent).sum();
    if kind.product == Product::Waxwing {
        let written = written(&server.stop()?)?;
        report.add(&UNWRITTEN, kind.name(), (1.0 - written / f64::from(sent)) * 100.0);
    }
    Ok(())
}

/// Waxwing and the relay once more: they are so close that the machine's moods show, so both run and have the word in
/// turns.
async fn side_by_side(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let scale = bench.scale;
    let mut sides = Vec::new();
    for kind in [Kind::WAXWING, Kind::RELAY] {
        let (server, target) = bench.start_with(kind, Some("log.level=info")).await?;
        let talkers = gather(kind, &target, 0..scale.pairs * 2).await?;
        sides.push((kind, server, talkers));
    }
    for _ in 0..TURNS {
        for (kind, server, talkers) in &mut sides {
            let all = std::mem::take(talkers);
            *talkers = measure(report, *kind, server, &scale, &LOADS_OFF[0], all).await?;
        }
    }
    Ok(())
}

async fn paced(
    report: &mut Report,
    kind: Kind,
    server: &Server,
    scale: &Scale,
    talkers: Vec<Talker>,
) -> Result<Vec<Talker>, Fault> {
    let (watch, before) = (Watch::begin()?, server.cpu()?);
    let (talkers, journeys) = paced::talk(talkers, scale.pairs / 2, scale.paced).await?;
    let (used, standstills) = (server.cpu()? - before, watch.end()?);
    report.add(&CPU_PACED, kind.name(), used.as_secs_f64() * 1e6 / journeys.len() as f64);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mut waits: Vec<f64> =
        journeys.iter().map(|&(due, come)| ms(standstills.running(due, come))).collect();
    for (part, figure) in &QUANTILES {
        report.add(figure, kind.name(), quantile(&mut waits, *part));
    }
    let mut all: Vec<f64> =
        journeys.iter().map(|&(due, come)| ms(come.saturating_duration_since(due))).collect();
    report.add(&P99_ALL, kind.name(), quantile(&mut all, 0.99));
    Ok(talkers)
}

async fn archive_on(bench: &mut Bench, report: &mut Report, kind: Kind) -> Result<(), Fault> {
    let scale = bench.scale;
    let (server, target) = bench.start(kind).await?;
    let mut talkers = gather(kind, &target, 0..scale.pairs * 2).await?;
    for load in &LOADS_ON {
        talkers = measure(report, kind, &server, &scale, load, talkers).await?;
    }
    report.add(&FAULTS_ON, kind.name(), 0.0);
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
    let begun = Instant::now();
    let (talkers, cost) = cost(server, load, pairs, each, talkers).await?;
    report.add(&load.cpu, kind.name(), cost);
    report.add(&load.rate, kind.name(), (pairs * each * 2) as f64 / begun.elapsed().as_secs_f64());
    Ok(talkers)
}

/// Has them talk; the processor time of a message in µs.
async fn cost(
    server: &Server,
    load: &Load,
    pairs: usize,
    each: usize,
    talkers: Vec<Talker>,
) -> Result<(Vec<Talker>, f64), Fault> {
    let before = server.cpu()?;
    let talkers = talk::talk(talkers, pairs, load.in_flight, each).await?;
    let used = server.cpu()? - before;
    Ok((talkers, used.as_secs_f64() * 1e6 / (pairs * each * 2) as f64))
}

/// The same once more and shorter: who counts slows down.
async fn count_calls(
    report: &mut Report,
    kind: Kind,
    server: &Server,
    scale: &Scale,
    load: &Load,
    talkers: Vec<Talker>,
) -> Result<Vec<Talker>, Fault> {
    let Some(figure) = &load.calls else { return Ok(talkers) };
    let Some(counter) = syscalls::Counter::start(server.process()) else { return Ok(talkers) };
    let (pairs, each) = load.share(scale, kind);
    let each = each.div_ceil(4);
    let talkers = talk::talk(talkers, pairs, load.in_flight, each).await?;
    report.add(figure, kind.name(), counter.stop()? / (pairs * each * 2) as f64);
    Ok(talkers)
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

/// How many entries of the log were written, as the server says when it stops.
fn written(output: &str) -> Result<f64, Fault> {
    let number = output.rsplit_once("entries=").map(|(_, rest)| rest.split(' ').next().unwrap_or(""));
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Fault::new("the server does not say what it wrote"))
}
