//! Messages to people who are offline: each is acknowledged when it will survive. Afterwards the recipients log in
//! and must get them all.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, REQUEST, jid};
use crate::disk;
use crate::report::{Figure, Other, Report, Target as Goal, median, quantile};
use crate::server::Kind;
use crate::tally::Tally;
use crate::wire::{Event, Number, write_message};

/// Recipients for each sender, at most.
pub const RECIPIENTS: usize = 10;

const fn figure(name: &'static str, unit: &'static str, targets: &'static [Goal]) -> Figure {
    Figure::new("offline", name, unit).to_reach(targets)
}

const SYNC: Figure = figure("fdatasync of the disk, median", "ms", &[]);
const SYNC_P99: Figure = figure("fdatasync of the disk, p99", "ms", &[]);

/// How a sender sends.
struct Load {
    in_flight: usize,
    rate: Figure,
    median: Figure,
    p99: Figure,
    cpu: Figure,
    /// How fast the recipients get everything, and what that costs.
    drain: Option<(Figure, Figure)>,
}

const LOADS: [Load; 2] = [
    Load {
        in_flight: 16,
        rate: figure(
            "acknowledged, 16 in flight",
            "messages/s",
            &[
                Goal::Least(10_000.0),
                Goal::LeastTimes(1.5, Other::Prosody),
                Goal::LeastTimes(5.0, Other::Ejabberd),
            ],
        ),
        median: figure("acknowledgement, 16 in flight, median", "ms", &[]),
        p99: figure("acknowledgement, 16 in flight, p99", "ms", &[]),
        cpu: figure(
            "processor time of a message, 16 in flight",
            "µs",
            &[Goal::MostTimes(1.0 / 3.0, Other::Peers)],
        ),
        drain: Some((
            figure("drained", "messages/s", &[Goal::LeastTimes(4.0, Other::Peers)]),
            figure("processor time of a message drained", "µs", &[]),
        )),
    },
    Load {
        in_flight: 1,
        rate: figure("acknowledged, one in flight", "messages/s", &[Goal::Least(3_000.0)]),
        median: figure("acknowledgement, one in flight, median", "ms", &[]),
        p99: figure("acknowledgement, one in flight, p99", "ms", &[]),
        cpu: figure("processor time of a message, one in flight", "µs", &[]),
        drain: None,
    },
];

/// One sender's task.
#[derive(Clone)]
struct Sending {
    messages: usize,
    in_flight: usize,
    senders: usize,
    recipients: usize,
}

pub async fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Fault> {
    let scale = bench.scale;
    for _ in 0..scale.runs {
        let mut syncs = disk::syncs(bench.folder(), 200)?;
        report.add(&SYNC, "the disk", median(&syncs));
        report.add(&SYNC_P99, "the disk", quantile(&mut syncs, 0.99));
        for load in &LOADS {
            for kind in bench.kinds(&[Kind::WAXWING, Kind::WAXWING_POSTGRES]) {
                let messages = match (!kind.is_peer(), load.in_flight) {
                    (false, _) => scale.offline_peers,
                    (true, 1) => scale.offline_alone,
                    (true, _) => scale.offline,
                };
                // As many messages wait for each, whoever the server is.
                let for_each = (RECIPIENTS * messages).div_ceil(scale.offline);
                let sending = Sending {
                    messages,
                    in_flight: load.in_flight,
                    senders: scale.senders,
                    recipients: scale.senders * for_each.min(RECIPIENTS),
                };
                measure(bench, report, kind, load, &sending).await?;
            }
        }
    }
    Ok(())
}

async fn measure(
    bench: &mut Bench,
    report: &mut Report,
    kind: Kind,
    load: &Load,
    sending: &Sending,
) -> Result<(), Fault> {
    let (server, target) = bench.start(kind).await?;
    let senders = sending.senders;
    let clients = many(senders, 8, {
        let target = target.clone();
        move |number| {
            let target = target.clone();
            async move {
                let mut client = Client::ready(&target, number).await?;
                client.enable().await?;
                Ok(client)
            }
        }
    })
    .await?;

    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        tasks.spawn(send(client, number, sending.clone()));
    }
    let mut waits = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        waits.append(&mut ended??);
    }
    let (took, used) = (begun.elapsed(), server.cpu()? - cpu);

    let count = (senders * sending.messages) as f64;
    report.add(&load.rate, kind.name(), count / took.as_secs_f64());
    report.add(&load.median, kind.name(), median(&waits));
    report.add(&load.p99, kind.name(), quantile(&mut waits, 0.99));
    report.add(&load.cpu, kind.name(), used.as_secs_f64() * 1e6 / count);

    let recipients = many(sending.recipients, 8, move |recipient| {
        let target = target.clone();
        async move {
            let mut client = Client::connect(&target).await?;
            client.login(senders + recipient, "bench").await?;
            client.enable().await?;
            Ok(client)
        }
    })
    .await?;
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for (recipient, client) in recipients.into_iter().enumerate() {
        tasks.spawn(collect(client, sending.expected(recipient)));
    }
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    let (took, used) = (begun.elapsed(), server.cpu()? - cpu);
    if let Some((drain, cpu)) = &load.drain {
        report.add(drain, kind.name(), count / took.as_secs_f64());
        report.add(cpu, kind.name(), used.as_secs_f64() * 1e6 / count);
    }
    Ok(())
}

impl Sending {
    /// Whom a sender's message goes to.
    fn recipient(&self, sender: usize, number: usize) -> usize {
        (sender * RECIPIENTS + number * 7) % self.recipients
    }

    fn expected(&self, recipient: usize) -> usize {
        let all = (0..self.senders).flat_map(|sender| (0..self.messages).map(move |number| (sender, number)));
        all.filter(|&(sender, number)| self.recipient(sender, number) == recipient).count()
    }
}

/// Sends all, never more unacknowledged than allowed; how long each waited for its acknowledgement, in ms.
async fn send(mut client: Client, sender: usize, sending: Sending) -> Result<Vec<f64>, Fault> {
    let mut waiting = VecDeque::with_capacity(sending.in_flight);
    let mut waits = Vec::with_capacity(sending.messages);
    let (mut sent, mut acknowledged) = (0, 0);
    let mut out = Vec::new();
    while acknowledged < sending.messages {
        let before = sent;
        while sent < sending.messages && waiting.len() < sending.in_flight {
            let to = jid(sending.senders + sending.recipient(sender, sent));
            write_message(&mut out, &to, Number { sender: sender as u32, number: sent as u32 });
            waiting.push_back(Instant::now());
            sent += 1;
        }
        if sent > before {
            out.extend_from_slice(REQUEST);
        }
        if !out.is_empty() {
            client.send(&out).await?;
            out.clear();
        }
        client.read().await?;
        while let Some(event) = client.next(&mut out) {
            match event {
                Event::Acknowledged(h) => {
                    while acknowledged < h as usize {
                        let begun =
                            waiting.pop_front().ok_or_else(|| Fault::new("more acknowledged than sent"))?;
                        waits.push(begun.elapsed().as_secs_f64() * 1e3);
                        acknowledged += 1;
                    }
                }
                Event::Stray | Event::End => return Err(Fault::new("a message was refused")),
                _ => {}
            }
        }
    }
    Ok(waits)
}

/// Becomes available and takes what waits.
async fn collect(mut client: Client, expected: usize) -> Result<Client, Fault> {
    client.send(b"<presence/>").await?;
    let mut tally = Tally::default();
    let mut out = Vec::new();
    // What comes after the last would be one too many: the answer to this comes behind it.
    let ping = b"<iq type='get' id='last' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    let mut answered = false;
    let mut asked = false;
    while !answered {
        while let Some(event) = client.next(&mut out) {
            match event {
                Event::Message(number) => tally.count(number),
                Event::Stray => return Err(Fault::new("a stray message")),
                Event::End => return Err(Fault::new("the stream ended while messages waited")),
                Event::Stanza if asked => answered = true,
                _ => {}
            }
        }
        if !asked && tally.len() >= expected {
            out.extend_from_slice(ping);
            asked = true;
        }
        if !out.is_empty() {
            client.send(&out).await?;
            out.clear();
        }
        if !answered {
            client.read().await?;
        }
    }
    tally.judge(expected)?;
    Ok(client)
}
