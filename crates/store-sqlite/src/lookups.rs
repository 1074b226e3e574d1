//! What logins look up. A statement is handed to the connection's thread and its rows back, which wakes two threads and
//! costs more than what is read: so those who ask at the same time, for different accounts, are answered by one statement.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use waxwing_store::{AccountRow, StoreError, StoredAccount, UnixMillis, Wanted};

use crate::readers::Readers;
use crate::{accounts, load};

/// Accounts whose keys one statement reads.
const MOST_ROWS: usize = 64;

/// Accounts that one statement reads whole: others wait while their rosters are read.
const MOST_WHOLES: usize = 16;

/// See the module.
pub(crate) struct Lookups {
    readers: Arc<Readers>,
    asked: Mutex<Asked>,
}

/// Who waits to be asked for. While anybody does, a task runs.
#[derive(Default)]
struct Asked {
    rows: Vec<Asking<AccountRow>>,
    wholes: Vec<(Reading, Asking<StoredAccount>)>,
    running: bool,
}

struct Asking<T> {
    jid: String,
    answer: oneshot::Sender<Result<Option<T>, StoreError>>,
}

/// A [`Wanted`] that is kept.
struct Reading {
    since: UnixMillis,
    resends: u32,
    kinds: Vec<&'static str>,
}

/// The task. Whoever asked when it ends too soon is told so, and who asks next begins another.
struct Running {
    lookups: Arc<Lookups>,
    /// It ended because nobody waited any more.
    through: bool,
}

impl Lookups {
    pub fn new(readers: Arc<Readers>) -> Arc<Lookups> {
        Arc::new(Lookups { readers, asked: Mutex::default() })
    }

    pub async fn row(self: &Arc<Self>, jid: &str) -> Result<Option<AccountRow>, StoreError> {
        self.ask(jid, |asked, asking| asked.rows.push(asking)).await
    }

    pub async fn whole(
        self: &Arc<Self>,
        jid: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Option<StoredAccount>, StoreError> {
        let (since, resends) = wanted.resends;
        let reading = Reading { since, resends, kinds: wanted.kinds.to_vec() };
        self.ask(jid, |asked, asking| asked.wholes.push((reading, asking))).await
    }

    async fn ask<T>(
        self: &Arc<Self>,
        jid: &str,
        queue: impl FnOnce(&mut Asked, Asking<T>),
    ) -> Result<Option<T>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut asked = self.asked();
            queue(&mut asked, Asking { jid: jid.to_owned(), answer });
            !mem::replace(&mut asked.running, true)
        };
        if begins {
            tokio::spawn(Running { lookups: self.clone(), through: false }.run());
        }
        answered.await.unwrap_or_else(|_| Err(StoreError("a look-up was given up".to_owned())))
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        // Nothing that could panic leaves it half changed.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    async fn run(mut self) {
        let lookups = self.lookups.clone();
        loop {
            let (rows, wholes) = {
                let mut asked = lookups.asked();
                let rows = take(&mut asked.rows, MOST_ROWS, |_| true, |asking| &asking.jid);
                let wholes = asked.wholes();
                if rows.is_empty() && wholes.is_empty() {
                    asked.running = false;
                    self.through = true;
                    return;
                }
                (rows, wholes)
            };
            let (readings, wholes): (Vec<_>, Vec<_>) = wholes.into_iter().unzip();
            let mut reader = match lookups.readers.get().await {
                Ok(reader) => reader,
                Err(error) => {
                    // All of them have waited: nobody waits once more because others were asked for first.
                    let Asked { rows: more, wholes: others, .. } = mem::take(&mut *lookups.asked());
                    self.through = true;
                    tell(rows.into_iter().chain(more), Err(error.clone()));
                    tell(wholes.into_iter().chain(others.into_iter().map(|(_, asking)| asking)), Err(error));
                    return;
                }
            };
            if !rows.is_empty() {
                let found = accounts::several(&mut reader, &names(&rows)).await;
                tell(rows, found);
            }
            if let Some(reading) = readings.iter().min_by_key(|reading| reading.since) {
                let wanted = Wanted { resends: (reading.since, reading.resends), kinds: &reading.kinds };
                let mut found = load::several(&mut reader, &names(&wholes), &wanted).await;
                for (reading, Asking { jid, .. }) in readings.iter().zip(&wholes) {
                    if let Ok(found) = &mut found
                        && let Some(Ok(whole)) = found.get_mut(jid)
                    {
                        whole.resends.retain(|row| row.at >= reading.since);
                    }
                }
                tell(wholes, found);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.through {
            *self.lookups.asked() = Asked::default();
        }
    }
}

impl Asked {
    /// The next that want the same, but for since when.
    fn wholes(&mut self) -> Vec<(Reading, Asking<StoredAccount>)> {
        let Some((first, _)) = self.wholes.first() else { return Vec::new() };
        let (resends, kinds) = (first.resends, first.kinds.clone());
        let alike = |(reading, _): &(Reading, Asking<StoredAccount>)| {
            (reading.resends, &reading.kinds) == (resends, &kinds)
        };
        take(&mut self.wholes, MOST_WHOLES, alike, |(_, asking)| &asking.jid)
    }
}

/// The first that fit, `most` of them, each account once; the others stay.
fn take<T>(from: &mut Vec<T>, most: usize, fits: impl Fn(&T) -> bool, jid: impl Fn(&T) -> &String) -> Vec<T> {
    let mut names = HashSet::new();
    from.extract_if(.., |asking| names.len() < most && fits(asking) && names.insert(jid(asking).clone()))
        .collect()
}

fn names<T>(asking: &[Asking<T>]) -> String {
    let names: Vec<&str> = asking.iter().map(|asking| asking.jid.as_str()).collect();
    serde_json::Value::from(names).to_string()
}

/// What was found of several accounts, by their JIDs; or why nothing was.
pub(crate) type Found<T> = Result<HashMap<String, Result<T, StoreError>>, StoreError>;

/// Who does not wait any more is not told.
fn tell<T>(asking: impl IntoIterator<Item = Asking<T>>, found: Found<T>) {
    match found {
        Ok(mut found) => {
            for Asking { jid, answer } in asking {
                let _ = answer.send(found.remove(&jid).transpose());
            }
        }
        Err(error) => {
            for Asking { answer, .. } in asking {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
