//! Talk at a fixed rate, whatever the server does. A message's latency counts from when it was to be sent, so a
//! server that makes its senders wait cannot hide it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::talk::Talker;
use crate::Fault;
use crate::wire::Event;

/// Between two messages of all senders together: 2,000 a second.
const INTERVAL: Duration = Duration::from_micros(500);

/// Everybody is ready by then.
const LEAD: Duration = Duration::from_millis(200);

/// When each message is to be sent: the senders take turns.
#[derive(Clone, Copy)]
struct Plan {
    begin: Instant,
    senders: u32,
    each: u32,
}

impl Plan {
    /// Of a sender's `turn`th message.
    fn time(&self, sender: u32, turn: u32) -> Instant {
        self.begin + INTERVAL * (turn * self.senders + sender)
    }
}

/// When a message was to be sent, and when it came.
pub type Journey = (Instant, Instant);

/// The first `pairs` talk for about `span`. Returns everybody, and each message's journey.
pub async fn talk(
    talkers: Vec<Talker>,
    pairs: usize,
    span: Duration,
) -> Result<(Vec<Talker>, Vec<Journey>), Fault> {
    let senders = (pairs * 2) as u32;
    let each = (span.as_micros() / INTERVAL.as_micros()) as u32 / senders;
    let plan = Plan { begin: Instant::now() + LEAD, senders, each: each.max(1) };
    let mut turns = Vec::new();
    let mut tasks = JoinSet::new();
    for mut talker in talkers {
        let (turn, mut wait) = channel(plan.each as usize);
        if talker.number < pairs * 2 {
            turns.push(turn);
        }
        tasks.spawn(async move {
            let mut journeys = Vec::new();
            if talker.number < pairs * 2 {
                converse(&mut talker, plan, &mut wait, &mut journeys).await?;
            }
            Ok::<_, Fault>((talker, journeys))
        });
    }
    // A thread: the runtime's timer counts in milliseconds.
    let pacer = thread::spawn(move || pace(plan, &turns));
    let (mut done, mut all) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (talker, mut journeys) = ended??;
        done.push(talker);
        all.append(&mut journeys);
    }
    // In their order again: it says whose turn is when.
    done.sort_unstable_by_key(|talker| talker.number);
    pacer.join().map_err(|_| Fault::new("the pacer failed"))?;
    Ok((done, all))
}

/// By default Linux wakes a thread that sleeps up to 50 µs late, which would count as latency. Where that cannot be set,
/// it does.
fn be_punctual() {
    let Ok(path) = fs::read_link("/proc/thread-self") else { return };
    if let Some(thread) = path.file_name() {
        let _ = fs::write(Path::new("/proc").join(thread).join("timerslack_ns"), "1");
    }
}

/// Tells each sender when its turn is.
fn pace(plan: Plan, turns: &[Sender<()>]) {
    be_punctual();
    for turn in 0..plan.each {
        for (sender, told) in turns.iter().enumerate() {
            let time = plan.time(sender as u32, turn);
            thread::sleep(time.saturating_duration_since(Instant::now()));
            // There is room for all turns; a sender that has failed says so itself.
            let _ = told.try_send(());
        }
    }
}

async fn converse(
    talker: &mut Talker,
    plan: Plan,
    turns: &mut Receiver<()>,
    journeys: &mut Vec<Journey>,
) -> Result<(), Fault> {
    // In every phase before, both of a pair sent the same number.
    let first = talker.sent();
    let expected = talker.tally.len() + plan.each as usize;
    let mut out = Vec::new();
    while talker.tally.len() < expected || talker.sent() < first + plan.each || !out.is_empty() {
        if !out.is_empty() {
            talker.client.send(&out).await?;
            out.clear();
            continue;
        }
        tokio::select! {
            Some(()) = turns.recv() => talker.say(&mut out),
            read = talker.client.read() => {
                read?;
                let now = Instant::now();
                while let Some(event) = talker.client.next(&mut out) {
                    match event {
                        Event::Message(message) => {
                            talker.tally.count(message);
                            let due = plan.time(message.sender, message.number.saturating_sub(first));
                            journeys.push((due, now));
                        }
                        Event::Stray | Event::End => return Err(Fault::new("a message was refused")),
                        _ => {}
                    }
                }
            }
        }
    }
    talker.tally.judge(expected)
}
