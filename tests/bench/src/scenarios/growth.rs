//! What a message and a session cost as sessions become more: all of them talk in pairs, one message in flight, in
//! turns, so that there are more sessions and not more messages at a time.

use std::time::Instant;

use tokio::time::sleep;

use super::chat::talk::{self, Talker};
use crate::Fault;
use crate::bench::Bench;
use crate::report::{Figure, Report, Spread};
use crate::server::Kind;
use crate::tally::report_faultless;

const SCENARIO: &str = "growth, with so many sessions";

const RATE: Figure = Figure::new(SCENARIO, "delivered, with", "messages/s");
const CPU: Figure = Figure::new(SCENARIO, "processor time of a message, with", "µs");
const TRIPS: Spread = Spread::new(SCENARIO, "there and back, with");
const MEMORY: Figure = Figure::new(SCENARIO, "resident memory of one session, with", "KiB");

/// Messages that every session sends in one talk: how a talk begins and ends costs too.
const EACH: usize = 12;

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for _ in 0..bench.scale.runs {
        for kind in [Kind::WAXWING, Kind::RELAY] {
            grow(bench, report, kind).await?;
        }
    }
    Ok(())
}

async fn grow(bench: &mut Bench, report: &mut Report, kind: Kind) -> Result<(), Fault> {
    let scale = bench.scale;
    let (server, target) = bench.start_for_many(kind).await?;
    let empty = server.resident()?;
    let mut talkers: Vec<Talker> = Vec::new();
    for &sessions in scale.growth {
        let more = super::chat::gather(kind, &target, talkers.len()..sessions).await?;
        talkers.extend(more);
        sleep(scale.settle).await;
        let at = sessions as u64;
        report.add(&MEMORY.at(at), kind.name(), (server.resident()? - empty) / sessions as f64);

        let talks = (scale.chat / sessions / EACH).max(1);
        let (before, begun) = (server.cpu()?, Instant::now());
        for _ in 0..talks {
            talkers = talk::in_turns(talkers, sessions / 2, scale.pairs, 1, EACH).await?;
        }
        let took = begun.elapsed();
        talkers = talk::listen(talkers).await?;
        let used = server.cpu()? - before;
        let delivered = (sessions * EACH * talks) as f64;
        report.add(&CPU.at(at), kind.name(), used.as_secs_f64() * 1e6 / delivered);
        report.add(&RATE.at(at), kind.name(), delivered / took.as_secs_f64());
        let trips = talkers.iter_mut().flat_map(|talker| talker.trips.drain(..));
        let trips = trips.map(|trip| trip.as_secs_f64() * 1e3).collect();
        report.add_spread(&TRIPS.at(at), kind.name(), trips);
    }
    report_faultless(report, SCENARIO, kind.name());
    Ok(())
}
