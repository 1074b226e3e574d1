//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Fault;

const USAGE: &str = "\
usage: waxwing-bench [--quick | --smoke] [--baseline FILE] [--output FOLDER] [--binary FILE] [SCENARIO]...
       waxwing-bench [--quick | --smoke] [--binary FILE] --against FILE
  --quick      everything, smaller, without the peers, in less than two minutes
  --smoke      Waxwing alone with tiny numbers: whether the benchmark works, no figures
  --baseline   a JSON file written before: prints the change
  --output     where figures.md and figures.json go; without it nothing is written
  --binary     the server; without it, the one beside this program
  --against    another one: both and the null relay run at the same time and talk in turns, prints how they compare
scenarios: scan login reconnect presence idle offline chat growth archive; without any, all";

pub struct Options {
    pub scale: Scale,
    pub baseline: Option<PathBuf>,
    pub output: Option<PathBuf>,
    pub binary: PathBuf,
    /// Another version of the server to compare it with, and nothing else.
    pub against: Option<PathBuf>,
    pub scenarios: Vec<&'static str>,
    /// What was typed.
    pub command: String,
}

/// How much of everything.
#[derive(Clone, Copy)]
pub struct Scale {
    pub name: &'static str,
    pub runs: usize,
    pub peers: bool,
    /// Messages in one round of `scan`.
    pub scans: u32,
    pub logins: usize,
    /// Sessions that rest.
    pub idle: usize,
    /// After so long they have given back the buffers of their login.
    pub settle: Duration,
    /// How long they are watched.
    pub rest: Duration,
    /// Contacts of each user in `presence`.
    pub contacts: usize,
    pub senders: usize,
    /// Messages of each sender: to our server with 16 in flight and with one, and to the peers.
    pub offline: usize,
    pub offline_alone: usize,
    pub offline_peers: usize,
    pub pairs: usize,
    /// Messages of all together, one in flight in each pair: to our server and to the peers.
    pub chat: usize,
    pub chat_peers: usize,
    /// How long they talk at a fixed rate.
    pub paced: Duration,
    /// Sessions of which all talk.
    pub growth: &'static [usize],
    /// Entries that an archive grows to.
    pub archive: u64,
}

const FULL: Scale = Scale {
    name: "full",
    runs: 3,
    peers: true,
    scans: 10_000,
    logins: 500,
    idle: 10_000,
    settle: Duration::from_secs(1),
    rest: Duration::from_secs(2),
    contacts: 100,
    senders: 50,
    offline: 600,
    offline_alone: 200,
    offline_peers: 60,
    pairs: 200,
    chat: 60_000,
    chat_peers: 8_000,
    paced: Duration::from_secs(3),
    growth: &[100, 1_000, 5_000, 10_000],
    archive: 10_000_000,
};

/// What a developer runs before and after a change: nobody waits for peers to start.
const QUICK: Scale = Scale {
    name: "quick",
    runs: 1,
    peers: false,
    scans: 2_000,
    logins: 200,
    idle: 1_000,
    settle: Duration::from_secs(1),
    rest: Duration::from_secs(1),
    contacts: 30,
    senders: 50,
    offline: 200,
    offline_alone: 60,
    offline_peers: 0,
    pairs: 200,
    chat: 30_000,
    chat_peers: 0,
    paced: Duration::from_secs(3),
    growth: &[100, 1_000],
    archive: 100_000,
};

const SMOKE: Scale = Scale {
    name: "smoke",
    runs: 1,
    peers: false,
    scans: 50,
    logins: 4,
    idle: 4,
    settle: Duration::from_millis(50),
    rest: Duration::from_millis(50),
    contacts: 3,
    senders: 4,
    offline: 10,
    offline_alone: 2,
    offline_peers: 0,
    pairs: 2,
    chat: 80,
    chat_peers: 0,
    paced: Duration::from_millis(20),
    growth: &[2, 4],
    archive: 10_000,
};

impl Scale {
    /// Accounts that a server is made with: enough for every scenario of few sessions.
    pub fn accounts(&self) -> usize {
        // Twice: with 16 messages in flight and with one.
        let offline = 2 * self.senders * (1 + crate::scenarios::RECIPIENTS);
        self.warm() + self.logins.max(offline).max(self.pairs * 2).max(self.contacts + 1)
    }

    /// Enough for those of many sessions.
    pub fn many_accounts(&self) -> usize {
        self.warm() + self.growth.iter().copied().max().unwrap_or(0).max(self.idle)
    }

    /// How many sessions begin before anything is measured.
    pub fn warm(&self) -> usize {
        self.logins / 5
    }
}

impl Options {
    pub fn read(arguments: &[String]) -> Result<Options, Fault> {
        let mut options = Options {
            scale: FULL,
            baseline: None,
            output: None,
            binary: std::env::current_exe()?.with_file_name("waxwing"),
            against: None,
            scenarios: Vec::new(),
            command: ["cargo xtask bench"]
                .into_iter()
                .chain(arguments.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .map(PathBuf::from)
                    .ok_or_else(|| Fault::new(format!("{argument} of what?\n{USAGE}")))
            };
            match argument.as_str() {
                "--quick" => options.scale = QUICK,
                "--smoke" => options.scale = SMOKE,
                "--baseline" => options.baseline = Some(value()?),
                "--output" => options.output = Some(value()?),
                "--binary" => options.binary = value()?,
                "--against" => options.against = Some(value()?),
                name => match crate::scenarios::NAMES.iter().find(|known| **known == name) {
                    Some(name) => options.scenarios.push(name),
                    None => {
                        return Err(Fault::new(format!("{name} is no option and no scenario\n{USAGE}")));
                    }
                },
            }
        }
        let alone = options.baseline.is_none() && options.output.is_none() && options.scenarios.is_empty();
        if options.against.is_some() && !alone {
            return Err(Fault::new(format!("--against compares, and measures nothing else\n{USAGE}")));
        }
        if options.scenarios.is_empty() {
            options.scenarios = crate::scenarios::NAMES.to_vec();
        }
        Ok(options)
    }
}
