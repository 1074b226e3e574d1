//! A login storm among users who all have each other as contacts: what each login's presence costs.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target, jid};
use crate::report::{Figure, Other, Report, Spread, Target as Goal};
use crate::scenarios::login::STORM;
use crate::server::Kind;
use crate::wire::attribute;

const fn figure(name: &'static str, unit: &'static str, targets: &'static [Goal]) -> Figure {
    Figure::new("presence", name, unit).to_reach(targets)
}

const CPU: Figure =
    figure("processor time of a login, contacts:", "ms", &[Goal::MostTimes(1.0 / 5.0, Other::Peers)]);
const RATE: Figure = figure("logins until all know of all, contacts:", "logins/s", &[]);
/// From when both are available to when one sees the other.
const WAIT: Spread = Spread::new("presence", "seen by a contact, contacts:");
const MEMORY: Figure = figure("resident memory of one session, contacts:", "KiB", &[]);

const AT_ONCE: usize = 8;

/// What a server does for those who left is over.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let users = bench.scale.contacts + 1;
    let mut befriended = None;
    for _ in 0..bench.scale.runs {
        for kind in bench.kinds(&[Kind::WAXWING]) {
            let (server, target) = if kind.is_peer() {
                bench.start_among_friends(kind, users).await?
            } else {
                let data = match &befriended {
                    Some(data) => data,
                    None => befriended.insert(befriend(bench, kind, users).await?),
                };
                bench.start_on(kind, data)?
            };
            // What a process needs once for all logins is done after the first.
            let (there, first) = (target.clone(), users);
            let _others = many(bench.scale.warm(), AT_ONCE, move |number| {
                let target = there.clone();
                async move { Client::ready(&target, first + number).await }
            })
            .await?;
            sleep(SETTLE).await;
            let (before, begun) = (server.cpu()?, Instant::now());
            let warm = server.resident()?;
            let (_clients, waits) = storm(&target, users).await?;
            let took = begun.elapsed();
            sleep(SETTLE).await;
            let used = server.cpu()? - before;
            let (name, contacts) = (kind.name(), users as u64 - 1);
            report.add(&CPU.at(contacts), name, used.as_secs_f64() * 1e3 / users as f64);
            report.add(&RATE.at(contacts), name, users as f64 / took.as_secs_f64());
            report.add_spread(&WAIT.at(contacts), name, waits);
            report.add(&MEMORY.at(contacts), name, (server.resident()? - warm) / users as f64);
        }
    }
    Ok(())
}

/// Everybody subscribes to everybody else, and lets them. Gives where the data of the server are that stopped then.
async fn befriend(bench: &mut Bench, kind: Kind, users: usize) -> Result<PathBuf, Fault> {
    let (server, target) = bench.start(kind).await?;
    let there = target.clone();
    let clients = many(users, AT_ONCE, move |number| {
        let target = there.clone();
        async move { Client::ready(&target, number).await }
    })
    .await?;
    let done = Arc::new(Barrier::new(users));
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let done = done.clone();
        tasks.spawn(async move {
            let others = (0..users).filter(|other| *other != number);
            let wishes: String =
                others.map(|other| format!("<presence to='{}' type='subscribe'/>", jid(other))).collect();
            client.send(wishes.as_bytes()).await?;
            let (mut granted, mut answered) = (HashSet::new(), HashSet::new());
            while granted.len() < users - 1 || answered.len() < users - 1 {
                let mut answers = String::new();
                while let Some(element) = client.element()? {
                    let Some(from) = attribute(element, "from") else { continue };
                    match attribute(element, "type") {
                        Some("subscribed") => drop(granted.insert(from.to_owned())),
                        Some("subscribe") => {
                            answers += &format!("<presence to='{from}' type='subscribed'/>");
                            answered.insert(from.to_owned());
                        }
                        _ => {}
                    }
                }
                if !answers.is_empty() {
                    client.send(answers.as_bytes()).await?;
                } else if granted.len() < users - 1 || answered.len() < users - 1 {
                    client.read().await?;
                }
            }
            // Who left would be told of by the others.
            done.wait().await;
            client.close().await
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let data = server.data().to_owned();
    server.stop()?;
    Ok(data)
}

/// Everybody logs in, some at a time, and sees all others; how long each took to see each, in ms. Nobody leaves.
async fn storm(target: &Target, users: usize) -> Result<(Vec<Client>, Vec<f64>), Fault> {
    let turns = Arc::new(Semaphore::new(STORM));
    let mut tasks = JoinSet::new();
    for number in 0..users {
        let (target, turns) = (target.clone(), turns.clone());
        tasks.spawn(async move {
            let turn = turns.acquire().await?;
            let mut client = Client::connect(&target).await?;
            client.login(number, "bench").await?;
            client.roster().await?;
            let appeared = Instant::now();
            client.send(b"<presence/>").await?;
            drop(turn);
            let seen = see(&mut client, users).await?;
            Ok::<_, Fault>((client, number, appeared, seen))
        });
    }
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    let appeared: HashMap<String, Instant> =
        done.iter().map(|(_, number, appeared, _)| (jid(*number), *appeared)).collect();
    let (mut clients, mut waits) = (Vec::new(), Vec::new());
    for (client, number, own, seen) in done {
        clients.push(client);
        for (contact, when) in seen.iter().filter(|(contact, _)| **contact != jid(number)) {
            let other = appeared.get(contact).ok_or_else(|| Fault::new("nobody's presence"))?;
            waits.push(when.saturating_duration_since(own.max(*other)).as_secs_f64() * 1e3);
        }
    }
    Ok((clients, waits))
}

/// When each was seen first, oneself among them.
async fn see(client: &mut Client, users: usize) -> Result<HashMap<String, Instant>, Fault> {
    let mut seen = HashMap::with_capacity(users);
    while seen.len() < users {
        while let Some(element) = client.element()? {
            if element.starts_with(b"<presence") && attribute(element, "type").is_none() {
                let from = attribute(element, "from").unwrap_or("");
                let bare = from.split('/').next().unwrap_or("");
                seen.entry(bare.to_owned()).or_insert_with(Instant::now);
            }
        }
        if seen.len() < users {
            client.read().await?;
        }
    }
    Ok(seen)
}
