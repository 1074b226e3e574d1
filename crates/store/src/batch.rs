//! A batch as a database takes it: rows by table where order does not matter, single steps where it does.

use std::collections::{BTreeMap, HashSet};

use crate::{LogRow, OwnerId, ResendRow, Seq, Write};

/// What a batch's appends change in `log_heads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadChange {
    pub owner: OwnerId,
    /// The greatest archived position among the appends.
    pub last: Seq,
    /// How many of them are archived.
    pub archived: u64,
}

/// The frequent writes of a stretch of a batch. To be applied in the order of the fields: no settle is submitted
/// before its append, and appends and resend keys commute.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    pub appends: Vec<&'a LogRow>,
    pub settles: Vec<(OwnerId, Seq)>,
    /// One for each owner and start.
    pub resends: Vec<ResendRow>,
}

impl Rows<'_> {
    /// The heads that these appends change, by owner; empty where nothing is archived.
    pub fn heads(&self) -> Vec<HeadChange> {
        let mut heads = BTreeMap::new();
        for row in self.appends.iter().filter(|row| row.marks.archived) {
            let head =
                heads.entry(row.owner).or_insert(HeadChange { owner: row.owner, last: 0, archived: 0 });
            head.last = head.last.max(row.seq);
            head.archived += 1;
        }
        heads.into_values().collect()
    }

    fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.settles.is_empty() && self.resends.is_empty()
    }
}

/// A part of a batch.
#[derive(Debug)]
pub enum Step<'a> {
    Rows(Rows<'a>),
    /// Anything rare, by itself.
    One(&'a Write),
}

/// Cuts a batch into steps with the same effect as its writes one by one. An append that is not archived and is
/// settled in the same stretch was never needed: neither of the two is among the rows.
pub fn steps<'a>(writes: &[&'a Write]) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut rows = Rows::default();
    let mut rare = Vec::new();
    for &write in writes {
        match write {
            Write::Append(row) => rows.appends.push(row),
            Write::Settle { owner, seqs } => rows.settles.extend(seqs.iter().map(|seq| (*owner, *seq))),
            Write::ResendKeys(row) => rows.resends.push(row.clone()),
            // The only one that does not commute with the rows before it.
            Write::RemoveAccount { .. } => {
                finish(&mut steps, &mut rows, &mut rare);
                steps.push(Step::One(write));
            }
            _ => rare.push(write),
        }
    }
    finish(&mut steps, &mut rows, &mut rare);
    steps
}

fn finish<'a>(steps: &mut Vec<Step<'a>>, rows: &mut Rows<'a>, rare: &mut Vec<&'a Write>) {
    let mut rows = std::mem::take(rows);
    cancel(&mut rows);
    merge(&mut rows.resends);
    if !rows.is_empty() {
        steps.push(Step::Rows(rows));
    }
    steps.extend(rare.drain(..).map(Step::One));
}

fn cancel(rows: &mut Rows<'_>) {
    if rows.settles.is_empty() || rows.appends.is_empty() {
        return;
    }
    let mut settled: HashSet<(OwnerId, Seq)> = rows.settles.iter().copied().collect();
    rows.appends.retain(|row| row.marks.archived || !settled.remove(&(row.owner, row.seq)));
    if settled.len() < rows.settles.len() {
        rows.settles.retain(|entry| settled.contains(entry));
    }
}

/// One row for each owner and start, the newest time and all keys in order.
fn merge(resends: &mut Vec<ResendRow>) {
    if resends.len() < 2 {
        return;
    }
    let mut merged: BTreeMap<(OwnerId, u64), ResendRow> = BTreeMap::new();
    for row in resends.drain(..) {
        match merged.get_mut(&(row.owner, row.boot)) {
            Some(first) => {
                first.at = first.at.max(row.at);
                first.keys.extend_from_slice(&row.keys);
            }
            None => {
                merged.insert((row.owner, row.boot), row);
            }
        }
    }
    resends.extend(merged.into_values());
}
