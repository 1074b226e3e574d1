//! Logins: TLS 1.3, SCRAM-SHA-1, bind, roster, presence. The sessions stay; their end is not measured.

use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target as Address};
use crate::report::{Figure, Other, Report, Spread, Target};
use crate::server::{Kind, Server};

const CPU: Figure = Figure::new("login", "processor time of one login", "ms")
    .to_reach(&[Target::MostTimes(1.0 / 5.0, Other::Peers)]);

const RATE: Figure = Figure::new("login", "logins", "logins/s");

/// From connecting to one's own presence.
const WAIT: Spread = Spread::new("login", "latency");

const MEMORY: Figure = Figure::new("login", "resident memory of one session", "KiB");

/// So many come at the same time, to each server in turn: what slows one down slows them all down.
pub const STORM: usize = 100;

/// What a server does after its last answer belongs to the login too.
const SETTLE: Duration = Duration::from_millis(500);

/// One of the servers.
struct Side {
    kind: Kind,
    server: Server,
    target: Address,
    clients: Vec<Client>,
    /// How long each login took, in ms, and all turns together.
    waits: Vec<f64>,
    span: Duration,
    /// Its resident memory when the first of them came, in KiB.
    memory: f64,
}

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let (warm, logins) = (bench.scale.warm(), bench.scale.logins);
    for _ in 0..bench.scale.runs {
        let mut sides = Vec::new();
        for kind in bench.kinds(&[Kind::WAXWING]) {
            let (server, target) = bench.start(kind).await?;
            let (clients, waits, span, memory) = Default::default();
            let mut side = Side { kind, server, target, clients, waits, span, memory };
            turn(&mut side, logins..logins + warm).await?;
            (side.waits, side.span) = Default::default();
            sides.push(side);
        }
        sleep(SETTLE).await;
        for side in &mut sides {
            side.memory = side.server.resident()?;
        }
        let used = |sides: &[Side]| sides.iter().map(|side| side.server.cpu()).collect::<Result<Vec<_>, _>>();
        let before = used(&sides)?;
        for first in (0..logins).step_by(STORM) {
            for side in &mut sides {
                turn(side, first..logins.min(first + STORM)).await?;
            }
        }
        sleep(SETTLE).await;
        let after = used(&sides)?;
        for (side, (before, after)) in sides.into_iter().zip(before.into_iter().zip(after)) {
            let name = side.kind.name();
            report.add(&CPU, name, (after - before).as_secs_f64() * 1e3 / logins as f64);
            report.add(&RATE, name, logins as f64 / side.span.as_secs_f64());
            report.add_spread(&WAIT, name, side.waits);
            report.add(&MEMORY, name, (side.server.resident()? - side.memory) / logins as f64);
        }
    }
    Ok(())
}

/// Has clients of these numbers log in.
async fn turn(side: &mut Side, numbers: Range<usize>) -> Result<(), Fault> {
    let (target, first, begun) = (side.target.clone(), numbers.start, Instant::now());
    let came = many(numbers.len(), STORM, move |number| {
        let target = target.clone();
        async move {
            let begun = Instant::now();
            Ok((Client::ready(&target, first + number).await?, begun.elapsed()))
        }
    });
    for (client, wait) in came.await? {
        side.clients.push(client);
        side.waits.push(wait.as_secs_f64() * 1e3);
    }
    side.span += begun.elapsed();
    Ok(())
}
