//! A recipient's device.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use harness::{Account, StanzaExt, ns};
use minidom::Element;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    dice::Dice,
    ledger::{self, Session},
    wire::{Gone, Wire},
    world::{Life, Phase, World},
};

/// How a device behaves while the server is being killed. Afterwards all are prompt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Acknowledges when asked.
    Prompt,
    /// Acknowledges late, or never.
    Late,
    /// Loses its connection now and then, and mostly resumes.
    Dropping,
    /// Comes now and then for a moment.
    Visiting,
    /// Is never there.
    Absent,
    /// Has no stream management.
    Without,
}

pub struct Device {
    pub account: Account,
    pub manner: Manner,
    pub world: Arc<World>,
    pub dice: Dice,
    session: Session,
    previd: Option<String>,
    received: u32,
    /// Everything has arrived and was acknowledged.
    done: bool,
}

/// Why a connection was left.
enum Left {
    /// It is over.
    Done,
    /// To come again.
    Again,
}

impl Device {
    pub fn new(
        id: ledger::Device,
        account: Account,
        manner: Manner,
        world: Arc<World>,
        dice: Dice,
    ) -> Device {
        let session = Session { device: id, number: 0, life: 0, early: true };
        Device { account, manner, world, dice, session, previd: None, received: 0, done: false }
    }

    /// Receives until everything has arrived, then looks once more whether anything is left.
    pub async fn run(mut self) {
        let mut phase = self.world.phase.subscribe();
        loop {
            match self.manner {
                Manner::Absent => wait_for(&mut phase, Duration::MAX).await,
                Manner::Visiting => {
                    let pause = self.dice.millis(100..2500);
                    wait_for(&mut phase, pause).await;
                }
                _ => {}
            }
            let life = self.world.life().await;
            match self.live(life, &mut phase).await {
                Ok(Left::Done) => break,
                Ok(Left::Again) | Err(Gone) => sleep(self.dice.millis(1..60)).await,
            }
        }
        // Another session of the same account may have more to acknowledge: wait for all.
        self.world.closed.wait().await;
        let life = self.world.life().await;
        self.previd = None;
        self.manner = Manner::Prompt;
        self.done = true;
        self.look_again(life).await.expect("the server runs");
    }

    async fn live(&mut self, life: Life, phase: &mut watch::Receiver<Phase>) -> Result<Left, Gone> {
        self.session.life = life.number;
        let mut wire = Wire::login(life.address, &self.world.trust, &self.account).await?;
        if !self.resume(&mut wire).await? {
            self.begin(&mut wire).await?;
        }
        let leave = match self.manner {
            Manner::Dropping => Some(Instant::now() + self.dice.millis(50..900)),
            Manner::Visiting => Some(Instant::now() + self.dice.millis(20..700)),
            _ => None,
        };
        let never = Instant::now() + Duration::from_secs(3600);
        let mut answer: Option<Instant> = None;
        loop {
            let now = *phase.borrow_and_update();
            let storm = now == Phase::Storm;
            if now == Phase::Finish {
                self.finish(wire).await?;
                return Ok(Left::Done);
            }
            tokio::select! {
                child = wire.child() => {
                    let child = child?;
                    self.note(&child);
                    if child.name() == "r" {
                        let late = storm && self.manner == Manner::Late;
                        let wait = if late { self.dice.millis(20..1500) } else { Duration::ZERO };
                        answer.get_or_insert(Instant::now() + wait);
                    }
                }
                () = sleep_until(answer.unwrap_or(never)), if answer.is_some() => {
                    answer = None;
                    wire.acknowledge(self.received).await;
                }
                _ = phase.changed() => {
                    // What was to come late comes now.
                    answer = answer.map(|_| Instant::now());
                }
                () = sleep_until(leave.unwrap_or(never)), if storm && leave.is_some() => {
                    if self.manner == Manner::Visiting && self.dice.percent(50) {
                        self.finish(wire).await?;
                        self.previd = None;
                    }
                    return Ok(Left::Again);
                }
            }
        }
    }

    async fn resume(&mut self, wire: &mut Wire) -> Result<bool, Gone> {
        if self.dice.percent(30) {
            self.previd = None;
        }
        let Some(previd) = self.previd.take() else { return Ok(false) };
        if wire.resume(&previd, self.received).await?.is_err() {
            return Ok(false);
        }
        self.world.ledger.resumed();
        self.previd = Some(previd);
        Ok(true)
    }

    /// A session with initial presence.
    async fn begin(&mut self, wire: &mut Wire) -> Result<(), Gone> {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        self.session.number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        self.session.early = true;
        wire.bind(if self.session.device.1 == 0 { "one" } else { "two" }).await?;
        if self.manner != Manner::Without {
            self.previd = Some(wire.enable(|child| self.note(child)).await?);
        }
        self.received = 0;
        let carbons = format!("<iq type='set' id='carbons'><enable xmlns='{}'/></iq>", ns::CARBONS);
        wire.send(&format!("{carbons}<presence/>")).await;
        Ok(())
    }

    fn note(&mut self, child: &Element) {
        assert!(child.name() != "error", "{:?}: {}", self.session, child.show());
        if !child.has_ns(ns::SM) {
            self.received += 1;
        }
        // The echo of the presence (RFC 6121 §4.2.2).
        self.session.early &= child.name() != "presence";
        if child.name() == "message" {
            self.world.ledger.arrived(self.session, &self.account.jid, child);
            if self.done {
                self.world.ledger.leftover();
            }
        }
    }

    /// Everything that was sent so far is received and acknowledged, and the stream closed.
    async fn finish(&mut self, mut wire: Wire) -> Result<(), Gone> {
        self.catch_up(&mut wire).await?;
        wire.close(|child| self.note(&child)).await;
        Ok(())
    }

    async fn catch_up(&mut self, wire: &mut Wire) -> Result<(), Gone> {
        wire.send("<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>").await;
        loop {
            let child = wire.child().await?;
            self.note(&child);
            if child.name() == "iq" && child.id() == Some("ping") {
                break;
            }
        }
        if self.previd.is_some() {
            wire.acknowledge(self.received).await;
        }
        Ok(())
    }

    /// A new session, to which nothing may come any more.
    async fn look_again(&mut self, life: Life) -> Result<(), Gone> {
        self.session.life = life.number;
        let mut wire = Wire::login(life.address, &self.world.trust, &self.account).await?;
        self.begin(&mut wire).await?;
        self.catch_up(&mut wire).await?;
        wire.close(|child| self.note(&child)).await;
        Ok(())
    }
}

/// Waits until the storm is over, at most so long.
async fn wait_for(phase: &mut watch::Receiver<Phase>, longest: Duration) {
    let calm = phase.wait_for(|phase| *phase != Phase::Storm);
    let _ = tokio::time::timeout(longest, calm).await;
}
