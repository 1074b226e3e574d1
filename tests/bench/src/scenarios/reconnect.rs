//! Coming back after the connection was lost: with a token and resumption in one round trip, and with a full login.
//! Every one shakes hands in full.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target};
use crate::report::{Figure, Report};
use crate::server::{Kind, Server};

const CPU: Figure = Figure::new("reconnect", "processor time of one", "ms");
const RATE: Figure = Figure::new("reconnect", "back again", "clients/s");

/// At the same time.
const AT_ONCE: usize = 8;

/// What a server does for those who left is over.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for _ in 0..bench.scale.runs {
        let (server, target) = bench.start(Kind::WAXWING).await?;
        resumed(&server, target, bench.scale.logins, report).await?;
        for kind in bench.kinds(&[Kind::WAXWING]) {
            let (server, target) = bench.start(kind).await?;
            let subject = if kind == Kind::WAXWING { "Waxwing, full login" } else { kind.name() };
            // No aim hangs on the peers' figure.
            let count = if kind.is_peer() { bench.scale.logins / 3 } else { bench.scale.logins };
            full(&server, target, count, report, subject).await?;
        }
    }
    Ok(())
}

async fn resumed(server: &Server, target: Target, count: usize, report: &mut Report) -> Result<(), Fault> {
    let there = target.clone();
    let obtained = many(count, AT_ONCE, move |number| {
        let target = there.clone();
        async move { Client::obtain(&target, number).await }
    })
    .await?;
    let lost: Vec<_> = obtained.into_iter().map(|(client, ticket)| client.lose(ticket)).collect();
    let lost = std::sync::Arc::new(lost);
    sleep(SETTLE).await;
    measure(server, count, report, "Waxwing", move |number| {
        let (target, lost) = (target.clone(), lost.clone());
        async move { Client::resume(&target, &lost[number]).await }
    })
    .await
}

async fn full(
    server: &Server,
    target: Target,
    count: usize,
    report: &mut Report,
    subject: &str,
) -> Result<(), Fault> {
    let ready = move |number| {
        let target = target.clone();
        async move { Client::ready(&target, number).await }
    };
    let clients = many(count, AT_ONCE, ready.clone()).await?;
    drop(clients);
    sleep(SETTLE).await;
    measure(server, count, report, subject, ready).await
}

async fn measure<F>(
    server: &Server,
    count: usize,
    report: &mut Report,
    subject: &str,
    back: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> Result<(), Fault>
where
    F: Future<Output = Result<Client, Fault>> + Send,
{
    let (before, begun) = (server.cpu()?, Instant::now());
    let _clients = many(count, AT_ONCE, back).await?;
    let took = begun.elapsed();
    // What a server does after its last answer belongs to it too.
    sleep(SETTLE).await;
    let used = server.cpu()? - before;
    report.add(&CPU, subject, used.as_secs_f64() * 1e3 / count as f64);
    report.add(&RATE, subject, count as f64 / took.as_secs_f64());
    Ok(())
}
