//! Coming back after the connection was lost: with a token and resumption in one round trip, and with a full login.
//! Every one shakes hands in full. What a full login costs the peers, `login` says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target};
use crate::report::{Figure, Report, Spread};
use crate::scenarios::login::STORM;
use crate::server::{Kind, Server};

const CPU: Figure = Figure::new("reconnect", "processor time of one", "ms");
const RATE: Figure = Figure::new("reconnect", "back again", "clients/s");
const MEMORY: Figure = Figure::new("reconnect", "resident memory of one session", "KiB");
/// From connecting to the end of the last answer.
const WAIT: Spread = Spread::new("reconnect", "latency");

/// What a server does for those who left is over.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    for _ in 0..bench.scale.runs {
        let (server, target) = bench.start(Kind::WAXWING).await?;
        resumed(&server, target, bench.scale.logins, report).await?;
        let (server, target) = bench.start(Kind::WAXWING).await?;
        full(&server, target, bench.scale.logins, report).await?;
    }
    Ok(())
}

async fn resumed(server: &Server, target: Target, count: usize, report: &mut Report) -> Result<(), Fault> {
    let (empty, there) = (server.resident()?, target.clone());
    let obtained = many(count, STORM, move |number| {
        let target = there.clone();
        async move { Client::obtain(&target, number).await }
    })
    .await?;
    let lost: Vec<_> = obtained.into_iter().map(|(client, ticket)| client.lose(ticket)).collect();
    let lost = Arc::new(lost);
    let back = move |number: usize| {
        let (target, lost) = (target.clone(), lost.clone());
        async move { Client::resume(&target, &lost[number]).await }
    };
    // The first time: that a token is in use is written down once. A session that nothing was sent to stays as it was.
    drop(many(count, STORM, back.clone()).await?);
    sleep(SETTLE).await;
    measure(server, empty, count, report, "Waxwing", back).await
}

async fn full(server: &Server, target: Target, count: usize, report: &mut Report) -> Result<(), Fault> {
    let empty = server.resident()?;
    let ready = move |number| {
        let target = target.clone();
        async move { Client::ready(&target, number).await }
    };
    let clients = many(count, STORM, ready.clone()).await?;
    drop(clients);
    sleep(SETTLE).await;
    measure(server, empty, count, report, "Waxwing, full login", ready).await
}

/// `empty`: the server's resident memory before anybody came, in KiB.
async fn measure<F>(
    server: &Server,
    empty: f64,
    count: usize,
    report: &mut Report,
    subject: &str,
    back: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> Result<(), Fault>
where
    F: Future<Output = Result<Client, Fault>> + Send,
{
    let (before, begun) = (server.cpu()?, Instant::now());
    let came = many(count, STORM, move |number| {
        let (back, begun) = (back(number), Instant::now());
        async move { Ok((back.await?, begun.elapsed().as_secs_f64() * 1e3)) }
    })
    .await?;
    let took = begun.elapsed();
    // What a server does after its last answer belongs to it too.
    sleep(SETTLE).await;
    let used = server.cpu()? - before;
    report.add(&CPU, subject, used.as_secs_f64() * 1e3 / count as f64);
    report.add(&MEMORY, subject, (server.resident()? - empty) / count as f64);
    report.add(&RATE, subject, count as f64 / took.as_secs_f64());
    let (_clients, waits): (Vec<_>, Vec<_>) = came.into_iter().unzip();
    report.add_spread(&WAIT, subject, waits);
    Ok(())
}
