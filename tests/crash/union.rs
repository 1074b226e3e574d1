//! Whatever comes by chance: sends, lost connections, resumptions, logins, queries and kills on three devices of one
//! account. What each has seen, live and in the archive, is what was acknowledged, each once, in order.

use std::collections::{HashMap, HashSet};

use harness::{Database, Server};

use crate::{
    dice::Dice,
    peer::{Entry, Peer},
    reader::Reader,
    table::say,
    wire::Gone,
};

const DEVICES: usize = 3;
const WRITERS: usize = 2;

struct Writer {
    peer: Peer,
    number: usize,
    sent: u32,
}

impl Writer {
    async fn step(&mut self, server: &Server, to: &str, dice: &mut Dice) -> Result<(), Gone> {
        if !self.peer.is_connected() {
            self.peer.connect(server, Entry::Classic, dice.percent(70)).await?;
        }
        for _ in 0..dice.within(1..8) {
            self.sent += 1;
            let id = format!("w{}-{}", self.number, self.sent);
            let resource = if dice.percent(20) { "/two" } else { "" };
            let stanza =
                format!("<message to='{to}{resource}' type='chat' id='{id}'><body>{id}</body></message>");
            self.peer.send(Some(id), stanza).await;
        }
        match dice.within(0..10) {
            0 => self.peer.drop_connection().await,
            1..4 => self.peer.settle().await?,
            _ => {}
        }
        self.peer.inbox.clear();
        Ok(())
    }

    async fn end(&mut self, server: &Server) -> Result<(), Gone> {
        if !self.peer.is_connected() {
            self.peer.connect(server, Entry::Classic, true).await?;
        }
        self.peer.settle().await
    }
}

/// What is wrong after so many steps.
pub fn run(database: Database, steps: u64, seed: u64) -> Vec<String> {
    let server = Server::start(database, "always", &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(drive(&server, steps, seed))
}

async fn drive(server: &Server, steps: u64, seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed, 0);
    let account = server.account();
    let mut devices: Vec<Reader> = (0..DEVICES).map(|it| Reader::new(account.clone(), it)).collect();
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer { peer: Peer::new(server.account(), number), number, sent: 0 })
        .collect();
    let peer = writers[0].peer.account.jid.clone();
    let mut kills = 0;
    for _ in 0..steps {
        match dice.within(0..100) {
            0..3 => {
                kills += 1;
                server.kill();
                devices.iter_mut().for_each(|it| it.peer.cut_off());
                writers.iter_mut().for_each(|it| it.peer.cut_off());
                server.resume();
            }
            3..35 => {
                let writer = &mut writers[dice.within(0..WRITERS as u64) as usize];
                writer.step(server, &account.jid, &mut dice).await.expect("the server runs");
            }
            _ => {
                let device = &mut devices[dice.within(0..DEVICES as u64) as usize];
                device.step(server, &peer, &mut dice).await.expect("the server runs");
            }
        }
    }
    // In the end everything is acknowledged, and each device fetches what it has not seen.
    for writer in &mut writers {
        writer.end(server).await.expect("the server runs");
    }
    for _ in 0..2 {
        for device in &mut devices {
            device.end(server).await.expect("the server runs");
        }
    }
    let seen = devices.iter().map(|it| it.seen.clone()).collect::<Vec<_>>();
    let archive = devices[0].archive().await.expect("the server runs");
    let sent = writers.iter().map(|it| &it.peer).chain(devices.iter().map(|it| &it.peer));
    let acknowledged: Vec<String> = sent.flat_map(|peer| peer.acknowledged.clone()).collect();
    say(&format!("{:?}: {} messages, {kills} kills", server.database(), acknowledged.len()));
    judge(&devices, &seen, &archive, &acknowledged)
}

fn judge(
    devices: &[Reader],
    seen: &[HashMap<String, String>],
    archive: &[String],
    acknowledged: &[String],
) -> Vec<String> {
    let mut faults: Vec<String> = devices.iter().flat_map(|it| it.faults.clone()).collect();
    let place: HashMap<&str, usize> = archive.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let messages: Vec<&String> = archive.iter().filter_map(|id| devices[0].seen.get(id)).collect();
    let all: HashSet<&String> = acknowledged.iter().collect();
    if place.len() != archive.len() || messages.iter().collect::<HashSet<_>>().len() != archive.len() {
        faults.push("a message is in the archive twice".to_owned());
    }
    if messages.iter().copied().collect::<HashSet<_>>() != all || all.len() != acknowledged.len() {
        faults.push(format!("{} acknowledged, {} archived", acknowledged.len(), messages.len()));
    }
    let mut last: HashMap<&str, u32> = HashMap::new();
    for (sender, number) in messages.iter().filter_map(|id| id.split_once('-')) {
        let number = number.parse().expect("a number");
        if last.insert(sender, number).is_some_and(|before| before >= number) {
            faults.push(format!("{sender}-{number} is archived out of order"));
        }
    }
    for (device, seen) in devices.iter().zip(seen) {
        // What it wrote itself it has not to be sent.
        let own = device.peer.acknowledged.iter();
        let has: HashSet<&String> = seen.values().chain(own).collect();
        faults.extend(all.difference(&has).map(|id| format!("device {} has no {id}", device.number)));
        for session in &device.sessions {
            let mut once = HashSet::new();
            let mut newest = None;
            for (id, late) in session {
                let Some(at) = place.get(id.as_str()) else {
                    faults.push(format!("device {} saw {id}, which is not archived", device.number));
                    continue;
                };
                let in_order = *late || newest.replace(*at).is_none_or(|before| before < *at);
                if !once.insert(id) || !in_order {
                    faults.push(format!("device {}: {} twice or out of order", device.number, seen[id]));
                }
            }
        }
    }
    faults
}
