//! A sender: numbered messages under XEP-0198, sent again where no acknowledgement came.

use std::{collections::VecDeque, sync::Arc};

use harness::{Account, StanzaExt, ns};
use minidom::Element;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    dice::Dice,
    ledger::{Id, id_attribute},
    wire::{Gone, Wire},
    world::{Life, Phase, World},
};

/// So many messages may be without an acknowledgement.
const WINDOW: usize = 24;

pub struct Sender {
    pub number: usize,
    pub account: Account,
    pub world: Arc<World>,
    pub dice: Dice,
    sent: u32,
    /// The messages without an acknowledgement, oldest first: the first has the number `h + 1` on its stream.
    open: VecDeque<(Id, usize, String)>,
    h: u32,
    previd: Option<String>,
}

impl Sender {
    pub fn new(number: usize, account: Account, world: Arc<World>, dice: Dice) -> Sender {
        Sender { number, account, world, dice, sent: 0, open: VecDeque::new(), h: 0, previd: None }
    }

    /// Sends until the storm is over and everything is acknowledged.
    pub async fn run(mut self) {
        let mut phase = self.world.phase.subscribe();
        loop {
            let life = self.world.life().await;
            if self.live(life, &mut phase).await.is_ok() {
                return;
            }
            sleep(self.dice.millis(1..40)).await;
        }
    }

    /// One connection. `Ok` when there is nothing left to do, [`Gone`] when it ended.
    async fn live(&mut self, life: Life, phase: &mut watch::Receiver<Phase>) -> Result<(), Gone> {
        let mut wire = Wire::login(life.address, &self.world.trust, &self.account).await?;
        if !self.resume(&mut wire).await? {
            wire.bind("sender").await?;
            self.previd = Some(wire.enable(|_| {}).await?);
            self.h = 0;
        }
        for at in 0..self.open.len() {
            let (id, recipient, stanza) = &self.open[at];
            self.world.ledger.sent(*id, *recipient, life.number);
            // XEP-0198 §5: a client stamps what it sends again. Half of them do.
            let stamped = if self.number.is_multiple_of(2) { None } else { Some(stamp(stanza)) };
            wire.send(stamped.as_ref().unwrap_or(stanza)).await;
        }
        wire.send(&format!("<r xmlns='{}'/>", ns::SM)).await;
        let mut next = Instant::now();
        let mut storm = *phase.borrow() == Phase::Storm;
        loop {
            if !storm && self.open.is_empty() {
                wire.close(|_| {}).await;
                return Ok(());
            }
            tokio::select! {
                child = wire.child() => self.hear(&mut wire, child?).await,
                changed = phase.changed(), if storm => {
                    changed.expect("the run lasts longer");
                    storm = false;
                }
                () = sleep_until(next), if storm => {
                    if self.dice.percent(1) {
                        // What it was told until then it knows: a message that the server has acknowledged and
                        // that comes again on another stream is a new one.
                        wire.drop_connection(|child| {
                            if child.name() == "a" {
                                self.hear_ack(&child);
                            }
                        })
                        .await;
                        return Err(Gone);
                    }
                    self.burst(&mut wire, life).await;
                    next = Instant::now() + self.dice.millis(5..60);
                }
            }
        }
    }

    /// Tries to resume the last stream, mostly; says whether it went on.
    async fn resume(&mut self, wire: &mut Wire) -> Result<bool, Gone> {
        if self.dice.percent(30) {
            self.previd = None;
        }
        let Some(previd) = self.previd.clone() else { return Ok(false) };
        match wire.resume(&previd, 0).await? {
            Ok(h) => {
                self.world.ledger.resumed();
                self.acknowledged(h);
                Ok(true)
            }
            Err(h) => {
                self.previd = None;
                if let Some(h) = h {
                    self.acknowledged(h);
                }
                Ok(false)
            }
        }
    }

    fn acknowledged(&mut self, h: u32) {
        for _ in self.h..h {
            let (id, ..) = self.open.pop_front().expect("no more is acknowledged than was sent");
            self.world.ledger.acknowledged(id);
        }
        self.h = h;
    }

    fn hear_ack(&mut self, ack: &Element) {
        self.acknowledged(ack.attr("h").expect("an h").parse().expect("a number"));
    }

    async fn hear(&mut self, wire: &mut Wire, child: Element) {
        match child.name() {
            "a" => self.hear_ack(&child),
            // Nothing is sent to a sender but errors.
            "r" => wire.acknowledge(0).await,
            "message" => self.world.ledger.bounced(),
            "error" => panic!("sender {}: {}", self.number, child.show()),
            _ => {}
        }
    }

    async fn burst(&mut self, wire: &mut Wire, life: Life) {
        let room = WINDOW.saturating_sub(self.open.len()) as u64;
        let mut text = String::new();
        for _ in 0..self.dice.within(1..8).min(room) {
            self.sent += 1;
            let id = (self.number, self.sent);
            let recipient = self.dice.within(0..self.world.recipients.len() as u64) as usize;
            let account = &self.world.recipients[recipient];
            let resource = if self.dice.percent(30) { "/one" } else { "" };
            let stanza = format!(
                "<message to='{}{resource}' type='chat' id='{}'><body>number {} of {}</body></message>",
                account.jid,
                id_attribute(id),
                self.sent,
                self.number
            );
            self.world.ledger.sent(id, recipient, life.number);
            text += &stanza;
            self.open.push_back((id, recipient, stanza));
        }
        if self.dice.percent(50) {
            text += &format!("<r xmlns='{}'/>", ns::SM);
        }
        wire.send(&text).await;
    }
}

fn stamp(stanza: &str) -> String {
    let delay = format!("<delay xmlns='{}' stamp='2026-01-01T00:00:00Z'/></message>", ns::DELAY);
    stanza.replace("</message>", &delay)
}
