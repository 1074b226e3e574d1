//! With the archive off all servers run at the same time and have the word in turns: what slows one down slows down the
//! next as well.

use std::time::Duration;

use super::paced::Journey;
use super::talk::Talker;
use super::{LOADS_OFF, Load, MEMORY, OFF, figure, gather, measure, paced, talk};
use crate::bench::Bench;
use crate::options::Scale;
use crate::report::{Figure, Other, Report, Spread, Target as Goal, quantile};
use crate::server::{Kind, Product, Server};
use crate::standstill::Watch;
use crate::tally::report_faultless;
use crate::{Fault, syscalls};

const PACED: &str = "chat at 2,000 messages a second, archive off";

/// Of all that took part, when the last word is said.
const MEMORY_OFF: Figure = figure(OFF, MEMORY, "KiB", &[]);
/// Of those delivered, with the archive off: acknowledged by their recipients before they had to be.
const UNWRITTEN: Figure = figure(OFF, "never written to the database", "% of messages", &[]);

const LATENCY: Spread = Spread::new(PACED, "latency").to_reach(
    &[Goal::MostTimes(1.0, Other::Peers)],
    &[Goal::MostTimes(1.0 / 5.0, Other::Peers), Goal::MostTimes(2.0, Other::Relay)],
);
/// Of all messages, as they came.
const P99_ALL: Figure = figure(PACED, "latency, p99, with the machine's standstills", "ms", &[]);
/// On their way while a core stood still; they are not in the latency.
const TOUCHED: Figure = figure(PACED, "touched by the machine's standstills", "% of messages", &[]);
const CPU_PACED: Figure = figure(PACED, "processor time of a message", "µs", &[]);

/// How often all talk at the fixed rate: the slowest hundredth is the least steady of all figures.
const TURNS_PACED: usize = 3;

/// One of the servers.
struct Side {
    kind: Kind,
    server: Server,
    talkers: Vec<Talker>,
    /// Its resident memory before they came, in KiB.
    empty: f64,
}

/// `counted`: system calls too. Their number hardly changes from run to run.
pub async fn run(bench: &mut Bench, report: &mut Report, counted: bool) -> Result<(), Fault> {
    let scale = bench.scale;
    let mut sides = Vec::new();
    for kind in bench.kinds(&[Kind::WAXWING, Kind::RELAY]) {
        let (server, target) = bench.start_with(kind, Some("log.level=info")).await?;
        let empty = server.resident()?;
        let talkers = gather(kind, &target, 0..scale.pairs * 2).await?;
        sides.push(Side { kind, server, talkers, empty });
    }
    for load in &LOADS_OFF {
        for turn in 0..load.turns {
            // The peers cost so much more that once is enough.
            for side in sides.iter_mut().filter(|side| turn == 0 || !side.kind.is_peer()) {
                let talkers = std::mem::take(&mut side.talkers);
                side.talkers = measure(report, side.kind, &side.server, &scale, load, talkers).await?;
            }
        }
        for side in sides.iter_mut().filter(|_| counted) {
            count_calls(report, side, &scale, load).await?;
        }
    }
    for _ in 0..TURNS_PACED {
        for turn in 0..sides.len() {
            // What one has not done yet of its own turn would be in the way of the next.
            sides.iter().try_for_each(|side| side.server.wait_for_rest())?;
            at_fixed_rate(report, &mut sides[turn], &scale).await?;
        }
    }
    for side in sides {
        let memory = (side.server.resident()? - side.empty) / side.talkers.len() as f64;
        report.add(&MEMORY_OFF, side.kind.name(), memory);
        report_faultless(report, OFF, side.kind.name());
        report_faultless(report, PACED, side.kind.name());
        if side.kind.product == Product::Waxwing {
            let sent: u32 = side.talkers.iter().map(Talker::sent).sum();
            let written = written(&side.server.stop()?)?;
            report.add(&UNWRITTEN, side.kind.name(), (1.0 - written / f64::from(sent)) * 100.0);
        }
    }
    Ok(())
}

async fn at_fixed_rate(report: &mut Report, side: &mut Side, scale: &Scale) -> Result<(), Fault> {
    let talkers = std::mem::take(&mut side.talkers);
    let (watch, before) = (Watch::begin()?, side.server.cpu()?);
    let (talkers, journeys) = paced::talk(talkers, scale.pairs / 2, scale.paced).await?;
    let standstills = watch.end()?;
    side.talkers = talk::listen(talkers).await?;
    let used = side.server.cpu()? - before;
    let name = side.kind.name();
    report.add(&CPU_PACED, name, used.as_secs_f64() * 1e6 / journeys.len() as f64);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let latency = |(due, come): &Journey| ms(come.saturating_duration_since(*due));
    let mut all: Vec<f64> = journeys.iter().map(latency).collect();
    let untouched = journeys.iter().filter(|&&(due, come)| !standstills.touch(due, come));
    let waits: Vec<f64> = untouched.map(latency).collect();
    report.add(&TOUCHED, name, (1.0 - waits.len() as f64 / all.len() as f64) * 100.0);
    report.add_spread(&LATENCY, name, waits);
    report.add(&P99_ALL, name, quantile(&mut all, 0.99));
    Ok(())
}

/// The same load once more and shorter: who counts slows down.
async fn count_calls(report: &mut Report, side: &mut Side, scale: &Scale, load: &Load) -> Result<(), Fault> {
    let Some(figure) = &load.calls else { return Ok(()) };
    let Some(counter) = syscalls::Counter::start(side.server.process()) else { return Ok(()) };
    let (pairs, each) = load.share(scale, side.kind);
    let each = each.div_ceil(4);
    let talkers = std::mem::take(&mut side.talkers);
    let talkers = talk::talk(talkers, pairs, load.in_flight, each).await?;
    side.talkers = talk::listen(talkers).await?;
    side.talkers.iter_mut().for_each(|talker| talker.trips.clear());
    report.add(figure, side.kind.name(), counter.stop()? / (pairs * each * 2) as f64);
    Ok(())
}

/// How many entries of the log were written, as the server says when it stops.
fn written(output: &str) -> Result<f64, Fault> {
    let number = output.rsplit_once("entries=").map(|(_, rest)| rest.split(' ').next().unwrap_or(""));
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Fault::new("the server does not say what it wrote"))
}
