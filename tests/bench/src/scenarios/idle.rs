//! Idle sessions: direct TLS, available, stream management enabled with resumption.

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::Client;
use crate::process;
use crate::report::{Figure, Other, Report, Target};
use crate::server::Kind;

const MEMORY: Figure = Figure::new("idle", "resident memory of one session", "KiB").to_reach(&[
    Target::Most(13.0),
    Target::MostTimes(1.0 / 5.0, Other::Peers),
    Target::MostTimes(1.4, Other::Relay),
]);

const SOCKETS: Figure = Figure::new("idle", "kernel memory of one connection, both ends", "KiB");
const CPU: Figure = Figure::new("idle", "processor time of 1,000 sessions in a minute", "ms");

/// Logins at once. They are not what is measured, and with eight ejabberd takes longer.
const AT_ONCE: usize = 32;

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for _ in 0..bench.scale.runs {
        for kind in bench.kinds(&[Kind::WAXWING, Kind::RELAY]) {
            let (sessions, first) = (bench.scale.idle, bench.scale.warm());
            let (server, target) = bench.start_for_many(kind).await?;
            let begin = move |number: usize| {
                let target = target.clone();
                async move {
                    if kind == Kind::RELAY {
                        return Ok((Some(target.connect().await?), None));
                    }
                    let mut client = Client::ready(&target, number).await?;
                    client.enable().await?;
                    Ok((None, Some(client)))
                }
            };
            // What a process needs once for all sessions is there after the first.
            let later = begin.clone();
            let _others = many(first, AT_ONCE, move |number| later(sessions + number)).await?;
            sleep(bench.scale.settle).await;
            let (before, sockets) = (server.resident()?, process::kernel_memory()?);
            let _clients = many(sessions, AT_ONCE, begin).await?;
            sleep(bench.scale.settle).await;
            let grown = server.resident()? - before;
            report.add(&MEMORY, kind.name(), grown / sessions as f64);
            let grown = process::kernel_memory()? - sockets;
            report.add(&SOCKETS, kind.name(), grown / sessions as f64);
            let cpu = server.cpu()?;
            sleep(bench.scale.rest).await;
            let used = (server.cpu()? - cpu).as_secs_f64() * 1e3;
            let minutes = bench.scale.rest.as_secs_f64() / 60.0;
            report.add(&CPU, kind.name(), used / minutes * 1e3 / sessions as f64);
        }
    }
    Ok(())
}
