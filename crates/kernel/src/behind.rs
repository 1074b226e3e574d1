//! A session that is behind reads its log until it has caught up.

use std::sync::Arc;

use waxwing_stanza::{Condition, Stanza};
use waxwing_store::{LogRow, Seq, StoreError};

use crate::entry::LogRef;
use crate::resource::Mode;
use crate::state::{Open, Place, State};
use crate::{Account, Entry, Passing, Point, Resource, Session};

/// How many entries are read at once.
const PAGE: u32 = 32;

/// Some entries of a log, as they were read.
struct Page {
    /// Where the reading began.
    from: Seq,
    rows: Vec<(LogRow, Row)>,
    /// For the last page: nothing committed up to there lies behind it.
    complete: Option<Seq>,
}

/// What became of a stored message.
enum Row {
    Message(Arc<Stanza>),
    /// A guard refuses it now: nothing from someone blocked since.
    Refused,
    Unreadable,
}

impl Account {
    /// Whether the session has log to read and room to put it.
    pub fn should_read(&self, session: &Session) -> bool {
        // That it is bound still is seen when it reads.
        session.is_behind() && session.outbox(|outbox| outbox.wants_more())
    }

    /// Puts the next page of pending entries into the session's outbox; after the last, the session is live.
    /// Says whether there is more to read. One at a time for each session; may be dropped unfinished.
    /// `Err`: the store, or what a guard asks for, cannot be read; nothing is lost.
    pub async fn read_log(self: &Arc<Self>, session: &Session) -> Result<bool, StoreError> {
        let (from, committed, stale) = {
            let mut state = self.lock();
            let (committed, unsynced) = (state.committed, state.unsynced);
            let Some(resource) = state.resource_of(session.id) else { return Ok(false) };
            let Mode::Behind(cursor) = resource.mode else { return Ok(false) };
            resource.reading = Some(Vec::new());
            (cursor, committed, unsynced > cursor)
        };
        if stale {
            // What is settled from here on is noted; what was before is to be gone from the database.
            self.core().writer.flush().await;
            let mut state = self.lock();
            let noted =
                |resource: &mut Resource| resource.reading.as_ref().is_some_and(|seqs| !seqs.is_empty());
            if !state.resource_of(session.id).is_some_and(noted) {
                state.unsynced = 0;
            }
        }
        // A page may be large: so many are in memory at once, whoever falls behind.
        let turn = self.core().log_readers.acquire().await;
        let rows = self.read_rows(from).await?;
        drop(turn);
        let complete = (rows.len() < PAGE as usize).then_some(committed);
        let mut state = self.lock();
        let Some(resource) = state.resource_of(session.id) else { return Ok(false) };
        let settled = resource.reading.take().unwrap_or_default();
        Ok(self.take_page(&mut state, session, Page { from, rows, complete }, &settled))
    }

    /// Reads a page and asks the guards again.
    async fn read_rows(self: &Arc<Self>, after: Seq) -> Result<Vec<(LogRow, Row)>, StoreError> {
        let rows = self.core().store.log_pending(self.id, after, PAGE).await?;
        let mut judged = Vec::with_capacity(rows.len());
        for row in rows {
            let message = self.judge(&row).await?;
            judged.push((row, message));
        }
        Ok(judged)
    }

    async fn judge(self: &Arc<Self>, row: &LogRow) -> Result<Row, StoreError> {
        let Some(stanza) = Stanza::restore(&row.stanza) else {
            tracing::error!(account = %self.jid, seq = row.seq, "a stored message cannot be read");
            return Ok(Row::Unreadable);
        };
        let passing = Passing { point: Point::ToAccount, stanza: &stanza, account: self, session: None };
        match self.host.table().guard(&passing).await {
            Ok(()) => Ok(Row::Message(Arc::new(stanza))),
            // Not a verdict but a rule that cannot be loaded: the message is neither shown nor lost.
            Err(Some(error)) if error.condition == Condition::InternalServerError => {
                Err(StoreError("a rule could not be loaded".to_owned()))
            }
            Err(_) => Ok(Row::Refused),
        }
    }

    fn take_page(&self, state: &mut State, session: &Session, page: Page, settled: &[Seq]) -> bool {
        let Some(mut cursor) = state.cursor(session) else { return false };
        if cursor != page.from {
            // A session that ended meanwhile set it back: what it left comes first.
            return true;
        }
        let mut complete = page.complete;
        for (row, message) in page.rows {
            if row.seq > state.committed {
                // Told to us before it was told to the account: what is shown of it is decided there.
                complete = Some(state.committed);
                break;
            }
            if !self.catch_up_held(state, session, row.seq) {
                return true;
            }
            if !settled.contains(&row.seq) {
                match message {
                    Row::Message(stanza) => {
                        let log = LogRef { seq: row.seq, at: row.at, identified: row.marks.archived };
                        if !state.give_late(session, stanza, log) {
                            return true;
                        }
                    }
                    Row::Refused => self.settle_refused(state, row.seq),
                    Row::Unreadable => {}
                }
            }
            cursor = row.seq;
            state.set_cursor(session, cursor);
        }
        let Some(complete) = complete else { return true };
        cursor = cursor.max(complete);
        state.set_cursor(session, cursor);
        if state.committed > cursor {
            return true;
        }
        self.go_live(state, session, cursor)
    }

    /// The log is read; what is not committed yet follows, then what was held back.
    fn go_live(&self, state: &mut State, session: &Session, cursor: Seq) -> bool {
        // What waits to be shown is shown to this session too, which is live then.
        let waiting = state.waiting.front().and_then(|arriving| arriving.log).map_or(Seq::MAX, |log| log.seq);
        let first = state.open.partition_point(|open| open.seq <= cursor);
        let unwritten = |open: &Open| {
            let (stanza, at) = match &open.place {
                Place::Lingering(unwritten) => (&unwritten.stanza, unwritten.at),
                Place::Writing(_, stanza, at) => (stanza, *at),
                Place::Stored => return None,
            };
            open.pending.then(|| (stanza.clone(), LogRef { seq: open.seq, at, identified: false }))
        };
        let uncommitted: Vec<_> =
            state.open.range(first..).take_while(|open| open.seq < waiting).filter_map(unwritten).collect();
        for (stanza, log) in uncommitted {
            if !self.catch_up_held(state, session, log.seq) || !state.give_late(session, stanza, log) {
                return true;
            }
            state.set_cursor(session, log.seq);
        }
        if !self.catch_up_held(state, session, Seq::MAX) {
            return true;
        }
        if let Some(resource) = state.resource_of(session.id) {
            resource.set_mode(Mode::Live);
        }
        false
    }

    /// Writes what was held back and came before `seq`. `false` if it does not fit now.
    fn catch_up_held(&self, state: &mut State, session: &Session, seq: Seq) -> bool {
        let Some(resource) = state.resource_of(session.id) else { return false };
        while let Some((after, entry)) = resource.held.pop_front_if(|(after, _)| *after < seq) {
            let weight = entry.weight();
            if let Err(entry) = session.push(entry) {
                resource.held.push_front((after, entry));
                return false;
            }
            resource.held_weight -= weight;
        }
        true
    }

    /// A stored message that a guard refuses now is pending no more.
    fn settle_refused(&self, state: &mut State, seq: Seq) {
        if let Ok(index) = state.find(seq) {
            state.open.remove(index);
        }
        state.settle(seq);
        self.core().writer.settle(self.id, seq);
    }
}

impl State {
    fn cursor(&mut self, session: &Session) -> Option<Seq> {
        match self.resource_of(session.id)?.mode {
            Mode::Behind(cursor) => Some(cursor),
            Mode::Live => None,
        }
    }

    fn set_cursor(&mut self, session: &Session, cursor: Seq) {
        if let Some(resource) = self.resource_of(session.id) {
            resource.set_mode(Mode::Behind(cursor));
        }
    }

    /// Gives a session an entry, if it is for it and it was not given it before. `false` if it does not fit now.
    fn give_late(&mut self, session: &Session, stanza: Arc<Stanza>, log: LogRef) -> bool {
        let found = self.find(log.seq);
        let held = found.is_ok_and(|index| self.open[index].holders.contains(&session.id));
        let reads = self.resource_of(session.id).is_some_and(|resource| resource.reads(&stanza));
        if held || !reads {
            return true;
        }
        if session.push(Entry { log: Some(log), late: true, ..Entry::new(stanza) }).is_err() {
            return false;
        }
        match found {
            Ok(index) => self.open[index].holders.push(session.id),
            // It was at rest.
            Err(index) => {
                let holders = smallvec::smallvec![session.id];
                let open = Open { seq: log.seq, place: Place::Stored, pending: true, holders };
                self.open.insert(index, open);
            }
        }
        true
    }

    /// Whether an entry waits for a commit to be shown.
    pub fn waits(&self, seq: Seq) -> bool {
        self.waiting.front().and_then(|arriving| arriving.log).is_some_and(|log| log.seq <= seq)
    }
}
