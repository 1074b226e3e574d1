//! Talk as fast as answers come: everybody answers every message with one of their own.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fault;
use crate::client::{Client, REQUEST, user};
use crate::tally::Tally;
use crate::wire::{Event, Number, write_message};

/// Clients ask for an acknowledgement after so many messages.
const ASK: u32 = 5;

/// How long everybody listens after the last message: servers ask for its acknowledgement only after a while.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// One of a pair: 0 with 1, 2 with 3, …
pub struct Talker {
    pub client: Client,
    pub number: usize,
    partner: String,
    sent: u32,
    pub tally: Tally,
    /// How long it took from each message to its answer.
    pub trips: Vec<Duration>,
}

impl Talker {
    pub fn new(client: Client, number: usize) -> Talker {
        let partner = format!("{}@{}/bench", user(number ^ 1), crate::DOMAIN);
        Talker { client, number, partner, sent: 0, tally: Tally::default(), trips: Vec::new() }
    }

    /// Messages so far.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Appends the next message.
    pub fn say(&mut self, out: &mut Vec<u8>) {
        write_message(out, &self.partner, Number { sender: self.number as u32, number: self.sent });
        self.sent += 1;
        if self.sent.is_multiple_of(ASK) {
            out.extend_from_slice(REQUEST);
        }
    }

    /// Says and hears `messages` each, `begins` of them unasked.
    async fn converse(&mut self, begins: usize, messages: usize) -> Result<(), Fault> {
        let last = self.sent + messages as u32;
        let expected = self.tally.len() + messages;
        let mut out = Vec::new();
        (0..begins).for_each(|_| self.say(&mut out));
        // Each is answered in its turn; what the other began with answers nothing.
        let mut asked = VecDeque::from(vec![Instant::now(); begins]);
        while self.tally.len() < expected || !out.is_empty() {
            if !out.is_empty() {
                self.client.send(&out).await?;
                out.clear();
                continue;
            }
            self.client.read().await?;
            while let Some(event) = self.client.next(&mut out) {
                match event {
                    Event::Message(message) => {
                        self.tally.count(message);
                        let now = Instant::now();
                        self.trips.extend(asked.pop_front().map(|asked| now - asked));
                        if self.sent < last {
                            self.say(&mut out);
                            asked.push_back(now);
                        }
                    }
                    Event::Stray | Event::End => return Err(Fault::new("a message was refused")),
                    _ => {}
                }
            }
        }
        self.tally.judge(expected)
    }

    /// Has nothing to say, and answers `<r/>` as clients do then too.
    async fn listen<T>(&mut self, until: impl Future<Output = T>) -> Result<T, Fault> {
        let (mut until, mut out) = (pin!(until), Vec::new());
        loop {
            tokio::select! {
                over = &mut until => return Ok(over),
                read = self.client.read() => read?,
            }
            while let Some(event) = self.client.next(&mut out) {
                if matches!(event, Event::Message(_) | Event::Stray | Event::End) {
                    return Err(Fault::new("something came after the last message"));
                }
            }
            self.client.send(&out).await?;
            out.clear();
        }
    }
}

/// The first `pairs` talk, `in_flight` messages at a time, `messages` each way; the others rest.
pub async fn talk(
    talkers: Vec<Talker>,
    pairs: usize,
    in_flight: usize,
    messages: usize,
) -> Result<Vec<Talker>, Fault> {
    in_turns(talkers, pairs, pairs, in_flight, messages).await
}

/// The same, `at_once` pairs at a time.
pub async fn in_turns(
    talkers: Vec<Talker>,
    pairs: usize,
    at_once: usize,
    in_flight: usize,
    messages: usize,
) -> Result<Vec<Talker>, Fault> {
    let turns = Arc::new(Semaphore::new(at_once));
    let all = Arc::new(Barrier::new(talkers.len()));
    let mut tasks = JoinSet::new();
    for mut talker in talkers {
        let (turns, all) = (turns.clone(), all.clone());
        tasks.spawn(async move {
            if talker.number < pairs * 2 {
                // Who begins waits for the turn of both.
                let begins = if talker.number.is_multiple_of(2) { in_flight.min(messages) } else { 0 };
                let _turn = if begins > 0 { Some(talker.listen(turns.acquire()).await??) } else { None };
                talker.converse(begins, messages).await?;
            }
            talker.listen(all.wait()).await?;
            Ok::<_, Fault>(talker)
        });
    }
    together(tasks).await
}

/// Everybody listens for a while.
pub async fn listen(talkers: Vec<Talker>) -> Result<Vec<Talker>, Fault> {
    let mut tasks = JoinSet::new();
    for mut talker in talkers {
        tasks.spawn(async move {
            talker.listen(sleep(AFTERWARDS)).await?;
            Ok::<_, Fault>(talker)
        });
    }
    together(tasks).await
}

/// All of them, in their order.
async fn together(mut tasks: JoinSet<Result<Talker, Fault>>) -> Result<Vec<Talker>, Fault> {
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    done.sort_unstable_by_key(|talker| talker.number);
    Ok(done)
}
