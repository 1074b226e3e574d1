//! Two versions of the server and the null relay next to each other: all run, talk in turns, and log in in turns.
//!
//! What slows one down slows down the next as well, so the ratios of neighbours tell a few percent apart, where runs that
//! follow one another differ by thirty.

use std::path::Path;

use super::talk::Talker;
use super::{LOADS_OFF, Load, cost, gather};
use crate::Fault;
use crate::bench::{Bench, many};
use crate::client::{Client, Target};
use crate::options::Scale;
use crate::report::quantile;
use crate::scenarios::login;
use crate::server::{Kind, Server};

/// How often each has the word.
const TURNS: usize = 25;

struct Side {
    name: &'static str,
    kind: Kind,
    server: Server,
    target: Target,
    talkers: Vec<Talker>,
    /// The processor time of a message, or of a login, in µs, turn by turn.
    costs: Vec<f64>,
}

/// Prints what a message costs, and a login, and the ratios to the other version and to the relay.
pub async fn run(bench: &mut Bench, other: &Path) -> Result<(), Fault> {
    let scale = bench.scale;
    let mut sides = vec![begin(bench, "this", Kind::WAXWING).await?];
    let this = bench.serve_with(other);
    sides.push(begin(bench, "the other", Kind::WAXWING).await?);
    bench.serve_with(&this);
    sides.push(begin(bench, "null relay", Kind::RELAY).await?);
    for load in &LOADS_OFF {
        println!("{}", load.cpu.name);
        // The first turn of each warms it up.
        for _ in 0..=TURNS {
            for side in &mut sides {
                turn(side, &scale, load).await?;
            }
        }
        tell(&mut sides);
    }
    // The relay knows no logins.
    sides.pop();
    println!("processor time of a login");
    for _ in 0..=TURNS {
        for side in &mut sides {
            log_in(side, &scale).await?;
        }
    }
    tell(&mut sides);
    Ok(())
}

async fn begin(bench: &mut Bench, name: &'static str, kind: Kind) -> Result<Side, Fault> {
    let pairs = bench.scale.pairs;
    let (server, target) = bench.start_with(kind, Some("log.level=info")).await?;
    let talkers = gather(kind, &target, 0..pairs * 2).await?;
    Ok(Side { name, kind, server, target, talkers, costs: Vec::new() })
}

async fn turn(side: &mut Side, scale: &Scale, load: &Load) -> Result<(), Fault> {
    let (pairs, each) = load.share(scale, side.kind);
    let talkers = std::mem::take(&mut side.talkers);
    let (talkers, cost, _) = cost(&side.server, load, pairs, each, talkers).await?;
    side.talkers = talkers;
    side.costs.push(cost);
    Ok(())
}

/// Others than those who talk; they leave without a word.
async fn log_in(side: &mut Side, scale: &Scale) -> Result<(), Fault> {
    let (target, first, count) = (side.target.clone(), scale.pairs * 2, scale.logins / 2);
    let before = side.server.cpu()?;
    let clients = many(count, login::STORM, move |number| {
        let target = target.clone();
        async move { Client::ready(&target, first + number).await }
    });
    drop(clients.await?);
    side.costs.push((side.server.cpu()? - before).as_secs_f64() * 1e6 / count as f64);
    Ok(())
}

fn tell(sides: &mut [Side]) {
    let costs: Vec<(&str, Vec<f64>)> =
        sides.iter_mut().map(|side| (side.name, side.costs.drain(..).skip(1).collect())).collect();
    for (name, own) in &costs {
        println!("  {name}: {:.1} µs", quantile(&mut own.clone(), 0.5));
    }
    let Some(((_, this), others)) = costs.split_first() else { return };
    for (name, other) in others {
        let mut ratios: Vec<f64> = this.iter().zip(other).map(|(this, other)| this / other).collect();
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| quantile(&mut ratios, part));
        println!("  this to {name}: {middle:.3}, half of the turns between {low:.2} and {high:.2}");
    }
}
