//! A session that is behind reads its log until it has caught up.

use std::sync::Arc;

use waxwing_stanza::Stanza;
use waxwing_store::{LogRow, Seq, StoreError};

use crate::account::{Open, Place, State, Waiting};
use crate::entry::LogRef;
use crate::resource::Mode;
use crate::{Account, Entry, Passing, Point, Session};

/// How many entries are read at once.
const PAGE: u32 = 32;

impl Account {
    /// Whether the session has log to read and room to put it.
    pub fn should_read(&self, session: &Session) -> bool {
        let mut state = self.lock();
        let behind = state.resource_of(session.id).is_some_and(|r| matches!(r.mode, Mode::Behind(_)));
        behind && session.outbox(|outbox| outbox.wants_more())
    }

    /// Puts the next page of pending entries into the session's outbox; after the last, the session is live.
    /// Says whether there is more to read.
    pub async fn read_log(self: &Arc<Self>, session: &Session) -> Result<bool, StoreError> {
        let (cursor, committed) = {
            let mut state = self.lock();
            let committed = state.committed;
            let Some(resource) = state.resource_of(session.id) else { return Ok(false) };
            let Mode::Behind(cursor) = resource.mode else { return Ok(false) };
            state.readers += 1;
            (cursor, committed)
        };
        let read = self.read_page(cursor).await;
        let mut state = self.lock();
        state.readers -= 1;
        let settled =
            if state.readers == 0 { std::mem::take(&mut state.settled) } else { state.settled.clone() };
        let more = read.map(|(rows, refused)| {
            for seq in refused {
                self.settle_refused(&mut state, seq);
            }
            let last_page = rows.len() < PAGE as usize;
            let page = Page { from: cursor, rows, complete: last_page.then_some(committed) };
            self.take_page(&mut state, session, page, &settled)
        });
        more
    }

    /// Reads a page and asks the guards again: nothing from someone blocked since.
    async fn read_page(self: &Arc<Self>, cursor: Seq) -> Result<(Vec<PendingRow>, Vec<Seq>), StoreError> {
        let rows = self.core().store.log_pending(self.id, cursor, PAGE).await?;
        let mut passed = Vec::with_capacity(rows.len());
        let mut refused = Vec::new();
        for row in rows {
            let Some(stanza) = Stanza::restore(row.stanza.clone()) else {
                tracing::error!(account = %self.jid, seq = row.seq, "a stored message cannot be read");
                passed.push(PendingRow { row, stanza: None });
                continue;
            };
            let passing = Passing { point: Point::ToAccount, stanza: &stanza, account: self, session: None };
            if self.host.table().guard(&passing).await.is_err() {
                refused.push(row.seq);
                passed.push(PendingRow { row, stanza: None });
            } else {
                passed.push(PendingRow { row, stanza: Some(Arc::new(stanza)) });
            }
        }
        Ok((passed, refused))
    }

    fn take_page(&self, state: &mut State, session: &Session, page: Page, settled: &[Seq]) -> bool {
        let Some(mut cursor) = state.cursor(session) else { return false };
        if cursor != page.from {
            // A session that ended meanwhile set it back: what it left comes first.
            return true;
        }
        for PendingRow { row, stanza } in page.rows {
            if !self.catch_up_held(state, session, row.seq) {
                return true;
            }
            if let Some(stanza) = stanza
                && !settled.contains(&row.seq)
                && !session.outbox(|outbox| outbox.holds(row.seq))
            {
                let log = LogRef { seq: row.seq, at: row.at, identified: row.marks.archived };
                let entry = Entry { stanza, to: None, log: Some(log), late: true };
                if session.push(entry).is_err() {
                    return true;
                }
                state.note_holder(row.seq, session);
            }
            cursor = row.seq;
            state.set_cursor(session, cursor);
        }
        let Some(complete) = page.complete else { return true };
        cursor = cursor.max(complete);
        state.set_cursor(session, cursor);
        if state.committed > cursor {
            return true;
        }
        self.go_live(state, session, cursor)
    }

    /// The log is read; what is not committed yet follows, then what was held back.
    fn go_live(&self, state: &mut State, session: &Session, cursor: Seq) -> bool {
        let uncommitted: Vec<Entry> = state
            .open
            .iter()
            .filter(|open| open.seq > cursor && open.pending && !open.holders.contains(&session.id))
            .filter_map(|open| {
                let (stanza, at) = match &open.place {
                    Place::Lingering(unwritten) => (unwritten.stanza.clone(), unwritten.at),
                    Place::Writing(_, stanza, at) => (stanza.clone(), *at),
                    Place::Stored => return None,
                };
                let log = LogRef { seq: open.seq, at, identified: false };
                Some(Entry { stanza, to: None, log: Some(log), late: true })
            })
            // One that is archived is shown when it is committed, to this session too, which is live then.
            .filter(|entry| !state.waits(entry.log.map_or(0, |log| log.seq)))
            .collect();
        for entry in uncommitted {
            let seq = entry.log.map_or(0, |log| log.seq);
            if !self.catch_up_held(state, session, seq) || session.push(entry).is_err() {
                return true;
            }
            state.note_holder(seq, session);
            state.set_cursor(session, seq);
        }
        if !self.catch_up_held(state, session, Seq::MAX) {
            return true;
        }
        if let Some(resource) = state.resource_of(session.id) {
            resource.mode = Mode::Live;
        }
        false
    }

    /// Writes what was held back and came before `seq`. `false` if it does not fit now.
    fn catch_up_held(&self, state: &mut State, session: &Session, seq: Seq) -> bool {
        let Some(resource) = state.resource_of(session.id) else { return false };
        while let Some((tag, _)) = resource.held.front()
            && *tag < seq
        {
            let Some((tag, entry)) = resource.held.pop_front() else { return true };
            let weight = entry.weight();
            if let Err(entry) = session.push(entry) {
                resource.held.push_front((tag, entry));
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

struct Page {
    /// Where the reading began.
    from: Seq,
    rows: Vec<PendingRow>,
    /// For the last page: nothing committed up to there lies behind it.
    complete: Option<Seq>,
}

struct PendingRow {
    row: LogRow,
    /// `None`: not to be shown.
    stanza: Option<Arc<Stanza>>,
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
            resource.mode = Mode::Behind(cursor);
        }
    }

    /// The session holds an entry: it is open if it was at rest.
    fn note_holder(&mut self, seq: Seq, session: &Session) {
        match self.find(seq) {
            Ok(index) => self.open[index].holders.push(session.id),
            Err(index) => {
                let holders = smallvec::smallvec![session.id];
                let open = Open { seq, place: Place::Stored, pending: true, holders };
                self.open.insert(index, open);
            }
        }
    }

    /// Whether an entry waits for a commit to be shown.
    pub fn waits(&self, seq: Seq) -> bool {
        let is_it = |waiting: &Waiting| matches!(waiting, Waiting::Entry { seq: other, .. } if *other == seq);
        self.waiting.iter().any(is_it)
    }
}
