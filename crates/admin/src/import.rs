//! Many accounts from a file.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use jid::BareJid;
use waxwing_sasl::{Keys, MAX_PASSWORD_BYTES, MIN_ITERATIONS};

use crate::AdminError;
use crate::operator::{Draft, Operator};
use crate::wire::{BATCH, account};

/// A file is at most this long.
const MAX_FILE: u64 = 1 << 30;

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Accounts made.
    pub made: usize,
    /// Accounts that existed and stay as they were, with the number of their line.
    pub existing: Vec<(usize, BareJid)>,
}

struct Line<'a> {
    number: usize,
    jid: BareJid,
    password: &'a str,
}

/// Makes the accounts of `file`, one `jid password` a line (a password may hold spaces; empty lines are passed over).
/// Keys are derived on all cores; accounts are made batch by batch, each in one transaction.
///
/// `serves` judges a domain.
///
/// # Errors
/// One line that names the bad line's number. The whole file is judged before the first account is made; a failure
/// later says how many lines are done.
pub async fn import(
    file: &Path,
    iterations: u32,
    serves: &dyn Fn(&BareJid) -> Result<(), AdminError>,
    operator: &dyn Operator,
) -> Result<Imported, AdminError> {
    let text = read(file)?;
    let lines = parse(file, &text, serves)?;
    let bar = progress(lines.len());
    let mut imported = Imported::default();
    for batch in lines.chunks(BATCH) {
        let failed = |why: AdminError| {
            let done = imported.made + imported.existing.len();
            AdminError(format!("{}: {why}; the {done} accounts before are done", file.display()))
        };
        let keys = derive(batch, iterations, &bar).map_err(failed)?;
        let drafts =
            batch.iter().zip(keys).map(|(line, keys)| Draft { jid: line.jid.clone(), keys, admin: false });
        let made = operator.create(drafts.collect()).await.map_err(failed)?;
        for (line, made) in batch.iter().zip(made) {
            if made {
                imported.made += 1;
            } else {
                imported.existing.push((line.number, line.jid.clone()));
            }
        }
    }
    bar.finish_and_clear();
    Ok(imported)
}

fn read(file: &Path) -> Result<String, AdminError> {
    let failed = |error: std::io::Error| AdminError(format!("{}: cannot be read: {error}", file.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(AdminError(format!("{}: is longer than {MAX_FILE} bytes: split it", file.display())));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let number = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        AdminError(format!("{}:{number}: is not UTF-8", file.display()))
    })
}

fn parse<'a>(
    file: &Path,
    text: &'a str,
    serves: &dyn Fn(&BareJid) -> Result<(), AdminError>,
) -> Result<Vec<Line<'a>>, AdminError> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut numbers = HashMap::new();
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let number = index + 1;
        let bad =
            |why: String| AdminError(format!("{}:{number}: {why}; nothing was imported", file.display()));
        let (jid, password) = text
            .split_once([' ', '\t'])
            .map(|(jid, password)| (jid, password.trim_start_matches([' ', '\t'])))
            .ok_or_else(|| bad("must be a JID, a space and a password".into()))?;
        let jid = account(jid).map_err(|error| bad(error.0))?;
        serves(&jid).map_err(|error| bad(error.0))?;
        judge(password).map_err(bad)?;
        if let Some(first) = numbers.insert(jid.clone(), number) {
            return Err(bad(format!("{jid} stands in line {first} already")));
        }
        lines.push(Line { number, jid, password });
    }
    Ok(lines)
}

/// Whether keys can be made of the password, without the cost of making them: SASLprep (RFC 4013) takes printable
/// ASCII as it is. Only others are tried.
fn judge(password: &str) -> Result<(), String> {
    let plain = password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain && (1..=MAX_PASSWORD_BYTES).contains(&password.len()) {
        return Ok(());
    }
    Keys::derive(password, MIN_ITERATIONS).map(|_| ()).map_err(|error| error.to_string())
}

/// The keys of a batch, on all cores.
fn derive(batch: &[Line<'_>], iterations: u32, bar: &ProgressBar) -> Result<Vec<Keys>, AdminError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = |lines: &[Line<'_>]| -> Result<Vec<Keys>, AdminError> {
        lines
            .iter()
            .map(|line| {
                let keys = Keys::derive(line.password, iterations);
                bar.inc(1);
                keys.map_err(|error| AdminError(format!("line {}: {error}", line.number)))
            })
            .collect()
    };
    thread::scope(|scope| {
        let parts: Vec<_> = batch
            .chunks(batch.len().div_ceil(cores).max(1))
            .map(|lines| scope.spawn(move || share(lines)))
            .collect();
        let mut keys = Vec::with_capacity(batch.len());
        for part in parts {
            keys.extend(part.join().map_err(|_| AdminError("key derivation panicked".into()))??);
        }
        Ok(keys)
    })
}

/// A bar on standard error, unseen where that is no terminal.
fn progress(lines: usize) -> ProgressBar {
    let bar = ProgressBar::new(lines as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} accounts, {eta} left") {
        bar.set_style(style);
    }
    bar
}
