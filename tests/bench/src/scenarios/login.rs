//! Logins: TLS 1.3, SCRAM-SHA-1, bind, roster, presence. The sessions stay; their end is not measured.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::Client;
use crate::report::{Figure, Other, Report, Target, quantile};
use crate::server::Kind;

const CPU: Figure = Figure::new("login", "processor time of one login", "ms")
    .to_reach(&[Target::MostTimes(1.0 / 5.0, Other::Peers)]);

const RATE: Figure = Figure::new("login", "logins", "logins/s");

/// From connecting to one's own presence.
const WAITS: [(f64, Figure); 4] = [
    (0.5, Figure::new("login", "latency, p50", "ms")),
    (0.95, Figure::new("login", "latency, p95", "ms")),
    (0.99, Figure::new("login", "latency, p99", "ms")),
    (0.999, Figure::new("login", "latency, p99.9", "ms")),
];

/// Logins at the same time.
const AT_ONCE: usize = 8;

/// Logins until the next server has its turn. What slows one down slows them all down.
const TURN: usize = 50;

/// What a server does after its last answer belongs to the login too.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let (warm, logins) = (bench.scale.warm(), bench.scale.logins);
    for _ in 0..bench.scale.runs {
        let mut servers = Vec::new();
        for kind in bench.kinds(&[Kind::WAXWING]) {
            servers.push((kind, bench.start(kind).await?));
        }
        let login = |at: usize, numbers: std::ops::Range<usize>| {
            let target = servers[at].1.1.clone();
            many(numbers.len(), AT_ONCE, move |number| {
                let target = target.clone();
                async move {
                    let begun = Instant::now();
                    Ok((Client::ready(&target, numbers.start + number).await?, begun.elapsed()))
                }
            })
        };
        let mut clients = Vec::new();
        for at in 0..servers.len() {
            clients.append(&mut login(at, logins..logins + warm).await?);
        }
        let (mut waits, mut spans) = (vec![Vec::new(); servers.len()], vec![Duration::ZERO; servers.len()]);
        sleep(SETTLE).await;
        let used = || servers.iter().map(|(_, (server, _))| server.cpu()).collect::<Result<Vec<_>, _>>();
        let before = used()?;
        for first in (0..logins).step_by(TURN) {
            for (at, (waits, span)) in waits.iter_mut().zip(&mut spans).enumerate() {
                let begun = Instant::now();
                let mut came = login(at, first..logins.min(first + TURN)).await?;
                *span += begun.elapsed();
                waits.extend(came.iter().map(|(_, wait)| wait.as_secs_f64() * 1e3));
                clients.append(&mut came);
            }
        }
        sleep(SETTLE).await;
        for (((kind, _), before), after) in servers.iter().zip(before).zip(used()?) {
            report.add(&CPU, kind.name(), (after - before).as_secs_f64() * 1e3 / logins as f64);
        }
        for (((kind, _), span), mut waits) in servers.iter().zip(spans).zip(waits) {
            report.add(&RATE, kind.name(), logins as f64 / span.as_secs_f64());
            for (part, figure) in &WAITS {
                report.add(figure, kind.name(), quantile(&mut waits, *part));
            }
        }
    }
    Ok(())
}
