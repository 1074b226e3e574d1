//! Pairs that talk, archive off, stream management on both sides: each answers every message with one of its own.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, REQUEST, Target, user};
use crate::report::{Figure, Report, Target as Goal};
use crate::server::Kind;
use crate::tally::Tally;
use crate::wire::{Event, Number, write_message};

const fn figure(name: &'static str, unit: &'static str) -> Figure {
    Figure { scenario: "chat", name, unit, target: Goal::None }
}

/// Messages in flight in a pair, processor time of one, and how many a second there were.
const LOADS: [(usize, Figure, Figure); 2] = [
    (
        1,
        figure("processor time of a message, one in flight", "µs"),
        figure("delivered, one in flight", "messages/s"),
    ),
    (
        16,
        figure("processor time of a message, 16 in flight", "µs"),
        figure("delivered, 16 in flight", "messages/s"),
    ),
];

/// Clients ask for an acknowledgement after so many messages.
const ASK: usize = 5;

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let (scale, pairs) = (bench.scale, bench.scale.pairs);
    for _ in 0..scale.runs {
        for (in_flight, cpu, rate) in &LOADS {
            for kind in bench.kinds(&[Kind::Waxwing]) {
                let messages = if kind.is_ours() { scale.chat } else { scale.chat_peers };
                let (server, target) = bench.start(kind).await?;
                let clients = many(pairs * 2, 8, move |number| {
                    let target = target.clone();
                    async move { ready(&target, number).await }
                })
                .await?;
                let (before, begun) = (server.cpu()?, Instant::now());
                talk(clients, *in_flight, messages).await?;
                let (used, took) = (server.cpu()? - before, begun.elapsed());
                let delivered = (pairs * messages * 2) as f64;
                report.add(cpu, kind.name(), used.as_secs_f64() * 1e6 / delivered);
                report.add(rate, kind.name(), delivered / took.as_secs_f64());
            }
        }
    }
    Ok(())
}

async fn ready(target: &Target, number: usize) -> Result<Client, Fault> {
    let mut client = Client::ready(target, number).await?;
    client.enable().await?;
    Ok(client)
}

/// Everybody talks with a neighbour: 0 with 1, 2 with 3, …
async fn talk(clients: Vec<Client>, in_flight: usize, messages: usize) -> Result<(), Fault> {
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        let begins = if number % 2 == 0 { in_flight.min(messages) } else { 0 };
        tasks.spawn(converse(client, number, begins, messages));
    }
    // Kept until all are done: one who leaves would make the other's last messages wait for it.
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    Ok(())
}

async fn converse(
    mut client: Client,
    number: usize,
    begins: usize,
    messages: usize,
) -> Result<Client, Fault> {
    let partner = format!("{}@{}/bench", user(number ^ 1), crate::DOMAIN);
    let (mut out, mut tally, mut sent) = (Vec::new(), Tally::default(), 0);
    let say = |out: &mut Vec<u8>, sent: &mut usize| {
        write_message(out, &partner, Number { sender: number as u32, number: *sent as u32 });
        *sent += 1;
        if sent.is_multiple_of(ASK) {
            out.extend_from_slice(REQUEST);
        }
    };
    (0..begins).for_each(|_| say(&mut out, &mut sent));
    while tally.len() < messages || !out.is_empty() {
        if !out.is_empty() {
            client.send(&out).await?;
            out.clear();
            continue;
        }
        client.read().await?;
        while let Some(event) = client.next(&mut out) {
            match event {
                Event::Message(message) => {
                    tally.count(message);
                    if sent < messages {
                        say(&mut out, &mut sent);
                    }
                }
                Event::Stray | Event::End => return Err(Fault::new("a message was refused")),
                _ => {}
            }
        }
    }
    tally.judge(messages)?;
    Ok(client)
}
