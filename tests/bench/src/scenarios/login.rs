//! Logins: TLS 1.3, SCRAM-SHA-1, bind, roster, presence. The sessions stay; their end is not measured.

use std::time::Duration;

use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::Client;
use crate::report::{Figure, Other, Report, Target};
use crate::server::Kind;

const CPU: Figure = Figure::new("login", "processor time of one login", "ms")
    .to_reach(&[Target::MostTimes(1.0 / 5.0, Other::Peers)]);

/// Logins at the same time.
const AT_ONCE: usize = 8;

/// What a server does after its last answer belongs to the login too.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let warm = bench.scale.warm();
    for _ in 0..bench.scale.runs {
        for kind in bench.kinds(&[Kind::WAXWING]) {
            let logins = bench.scale.logins(kind);
            let (server, target) = bench.start(kind).await?;
            let login = move |first: usize| {
                let target = target.clone();
                move |number: usize| {
                    let target = target.clone();
                    async move { Client::ready(&target, first + number).await }
                }
            };
            let _others = many(warm, AT_ONCE, login(logins)).await?;
            sleep(SETTLE).await;
            let before = server.cpu()?;
            let _clients = many(logins, AT_ONCE, login(0)).await?;
            sleep(SETTLE).await;
            let used = server.cpu()? - before;
            report.add(&CPU, kind.name(), used.as_secs_f64() * 1e3 / logins as f64);
        }
    }
    Ok(())
}
