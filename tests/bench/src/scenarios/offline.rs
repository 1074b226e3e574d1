//! Messages to people who are offline: each is acknowledged when it will survive. Afterwards the recipients log in
//! and must get them all.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, REQUEST, Target, jid};
use crate::disk;
use crate::report::{Figure, Other, Report, Spread, Target as Goal, median, quantile};
use crate::server::{Kind, Server};
use crate::tally::{Tally, report_faultless};
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
    wait: Spread,
    cpu: Figure,
    drain: Option<Drain>,
}

/// How the recipients get everything.
struct Drain {
    rate: Figure,
    /// Of each message since its recipient became available.
    wait: Spread,
    cpu: Figure,
    /// The server's, of a sender or recipient, when all is done.
    memory: Figure,
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
        wait: Spread::new("offline", "acknowledgement, 16 in flight"),
        cpu: figure(
            "processor time of a message, 16 in flight",
            "µs",
            &[Goal::MostTimes(1.0 / 3.0, Other::Peers)],
        ),
        drain: Some(Drain {
            rate: figure("drained", "messages/s", &[Goal::LeastTimes(4.0, Other::Peers)]),
            wait: Spread::new("offline", "arrival of a message drained"),
            cpu: figure("processor time of a message drained", "µs", &[]),
            memory: figure("resident memory of one session", "KiB", &[]),
        }),
    },
    Load {
        in_flight: 1,
        rate: figure("acknowledged, one in flight", "messages/s", &[Goal::Least(3_000.0)]),
        wait: Spread::new("offline", "acknowledgement, one in flight"),
        cpu: figure("processor time of a message, one in flight", "µs", &[]),
        drain: None,
    },
];

/// What the senders of one load do.
#[derive(Clone)]
struct Sending {
    /// The account of the first sender. The others follow, and then the recipients.
    first: usize,
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
        for kind in bench.kinds(&[Kind::WAXWING, Kind::WAXWING_POSTGRES]) {
            let (server, target) = bench.start(kind).await?;
            let mut clients = Vec::new();
            for load in &LOADS {
                let messages = match (!kind.is_peer(), load.in_flight) {
                    (false, _) => scale.offline_peers,
                    (true, 1) => scale.offline_alone,
                    (true, _) => scale.offline,
                };
                // As many messages wait for each, whoever the server is.
                let for_each = (RECIPIENTS * messages).div_ceil(scale.offline);
                let sending = Sending {
                    // Nobody who is there already.
                    first: clients.len(),
                    messages,
                    in_flight: load.in_flight,
                    senders: scale.senders,
                    recipients: scale.senders * for_each.min(RECIPIENTS),
                };
                let mut came = measure(&server, &target, report, kind, load, &sending).await?;
                clients.append(&mut came);
            }
            report_faultless(report, "offline", kind.name());
        }
    }
    Ok(())
}

/// All who took part: they stay.
async fn measure(
    server: &Server,
    target: &Target,
    report: &mut Report,
    kind: Kind,
    load: &Load,
    sending: &Sending,
) -> Result<Vec<Client>, Fault> {
    let (there, first) = (target.clone(), sending.first);
    let before = server.resident()?;
    let clients = many(sending.senders, 8, move |number| {
        let target = there.clone();
        async move {
            let mut client = Client::ready(&target, first + number).await?;
            client.enable().await?;
            Ok(client)
        }
    })
    .await?;

    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        tasks.spawn(send(client, number, sending.clone()));
    }
    let (mut waits, mut clients) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (client, mut waited) = ended??;
        waits.append(&mut waited);
        clients.push(client);
    }
    let (took, used) = (begun.elapsed(), server.cpu()? - cpu);

    let count = (sending.senders * sending.messages) as f64;
    report.add(&load.rate, kind.name(), count / took.as_secs_f64());
    report.add_spread(&load.wait, kind.name(), waits);
    report.add(&load.cpu, kind.name(), used.as_secs_f64() * 1e6 / count);

    let (there, first) = (target.clone(), sending.recipient_account(0));
    let recipients = many(sending.recipients, 8, move |recipient| {
        let target = there.clone();
        async move {
            let mut client = Client::connect(&target).await?;
            client.login(first + recipient, "bench").await?;
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
    let mut waits = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (client, mut waited) = ended??;
        waits.append(&mut waited);
        clients.push(client);
    }
    let (took, used) = (begun.elapsed(), server.cpu()? - cpu);
    if let Some(drain) = &load.drain {
        report.add(&drain.rate, kind.name(), count / took.as_secs_f64());
        report.add_spread(&drain.wait, kind.name(), waits);
        report.add(&drain.cpu, kind.name(), used.as_secs_f64() * 1e6 / count);
        let memory = (server.resident()? - before) / clients.len() as f64;
        report.add(&drain.memory, kind.name(), memory);
    }
    Ok(clients)
}

impl Sending {
    fn recipient_account(&self, recipient: usize) -> usize {
        self.first + self.senders + recipient
    }

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
async fn send(mut client: Client, sender: usize, sending: Sending) -> Result<(Client, Vec<f64>), Fault> {
    let mut waiting = VecDeque::with_capacity(sending.in_flight);
    let mut waits = Vec::with_capacity(sending.messages);
    let (mut sent, mut acknowledged) = (0, 0);
    let mut out = Vec::new();
    while acknowledged < sending.messages {
        let before = sent;
        while sent < sending.messages && waiting.len() < sending.in_flight {
            let to = jid(sending.recipient_account(sending.recipient(sender, sent)));
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
    Ok((client, waits))
}

/// Becomes available and takes what waits; how long each message took from then, in ms.
async fn collect(mut client: Client, expected: usize) -> Result<(Client, Vec<f64>), Fault> {
    let begun = Instant::now();
    client.send(b"<presence/>").await?;
    let (mut tally, mut waits) = (Tally::default(), Vec::with_capacity(expected));
    let mut out = Vec::new();
    // What comes after the last would be one too many: the answer to this comes behind it.
    let ping = b"<iq type='get' id='last' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    let mut answered = false;
    let mut asked = false;
    while !answered {
        while let Some(event) = client.next(&mut out) {
            match event {
                Event::Message(number) => {
                    tally.count(number);
                    waits.push(begun.elapsed().as_secs_f64() * 1e3);
                }
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
    Ok((client, waits))
}
