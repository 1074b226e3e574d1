//! Reading the archive, and giving a session what was read.

use std::sync::Arc;

use waxwing_stanza::Stanza;
use waxwing_store::{LogQuery, LogRow, Seq, StoreError, UnixMillis};

use crate::entry::LogRef;
use crate::state::{Open, Place, State};
use crate::{Account, Entry, Session};

/// Entries that are read at once.
const CHUNK: u32 = 32;

/// About what an entry weighs in an outbox beyond the stanza as stored: what it is wrapped in.
const WRAPPING: usize = 1024;

/// The first position of a millisecond.
pub fn first_at(at: UnixMillis) -> Seq {
    at.max(0).unsigned_abs().saturating_mul(1 << 16).min(i64::MAX.unsigned_abs())
}

/// When the server received the entry at a position.
pub fn at_of(seq: Seq) -> UnixMillis {
    (seq >> 16).cast_signed()
}

/// An archived entry.
pub struct Archived {
    pub seq: Seq,
    pub at: UnixMillis,
    pub stanza: Stanza,
    /// As the database had it.
    pending: bool,
}

/// Some archived entries that follow each other, oldest first.
pub struct ArchivePage {
    pub entries: Vec<Archived>,
    /// Nothing that was asked for lies beyond it.
    pub complete: bool,
}

/// The session has not read what it was sent before.
#[derive(Debug)]
pub struct Full;

impl Account {
    /// About how many entries are archived.
    pub fn archived(&self) -> u64 {
        self.lock().archived
    }

    /// Reads a page of at most `query.limit` entries that fits into the session's outbox. It has everything that
    /// was accepted before. With `words`, only those that are known to have all of them. One at a time for each session; may be dropped unfinished.
    pub async fn read_archive(
        self: &Arc<Self>,
        session: &Session,
        query: &LogQuery,
        words: &[String],
    ) -> Result<Result<ArchivePage, Full>, StoreError> {
        let page = self.read_page(session, query, words).await;
        if page.is_err() {
            self.end_paging(session);
        }
        page
    }

    async fn read_page(
        self: &Arc<Self>,
        session: &Session,
        query: &LogQuery,
        words: &[String],
    ) -> Result<Result<ArchivePage, Full>, StoreError> {
        let limit = self.core().settings.outbox_bytes;
        let room = (limit / 2).saturating_sub(session.outbox(|outbox| outbox.weight())).min(limit / 4);
        if room == 0 && query.limit > 0 {
            return Ok(Err(Full));
        }
        if self.begin_paging(session) {
            // What is settled from here on is noted; what was before is to be gone from the database.
            self.core().writer.flush().await;
            self.lock().synced(session);
        }
        let (mut entries, mut weight) = (Vec::new(), 0);
        let mut ask = query.clone();
        loop {
            let wanted = (query.limit as usize).saturating_sub(entries.len());
            // One more than is wanted tells whether there is more.
            ask.limit = CHUNK.min(u32::try_from(wanted).unwrap_or(CHUNK).saturating_add(1));
            // A page may be large: so many are in memory at once, whoever reads.
            let turn = self.core().log_readers.acquire().await;
            let (rows, last) = self.read_chunk(&ask, words).await?;
            for row in rows {
                weight += row.stanza.len() + WRAPPING;
                if entries.len() == query.limit as usize || (weight > room && !entries.is_empty()) {
                    return Ok(Ok(page(entries, query.backwards, false)));
                }
                if query.backwards {
                    ask.before = row.seq;
                } else {
                    ask.after = row.seq;
                }
                entries.extend(self.restore(row));
            }
            drop(turn);
            if last {
                return Ok(Ok(page(entries, query.backwards, true)));
            }
        }
    }

    /// Looks at the archived entries at these positions, of which there are few.
    pub async fn archived_at(
        &self,
        seqs: Vec<Seq>,
        mut look: impl FnMut(Archived),
    ) -> Result<(), StoreError> {
        for some in seqs.chunks(CHUNK as usize) {
            let query = LogQuery { among: Some(some.to_vec()), ..LogQuery::all(CHUNK) };
            let _turn = self.core().log_readers.acquire().await;
            let rows = self.core().store.log_archived(self.id, &query).await?;
            rows.into_iter().filter_map(|row| self.restore(row)).for_each(&mut look);
        }
        Ok(())
    }

    /// Some entries, and whether they are the last.
    async fn read_chunk(
        &self,
        query: &LogQuery,
        words: &[String],
    ) -> Result<(Vec<LogRow>, bool), StoreError> {
        let store = &self.core().store;
        if words.is_empty() {
            let rows = store.log_archived(self.id, query).await?;
            let last = rows.len() < query.limit as usize;
            return Ok((rows, last));
        }
        let found = store.search(self.id, words, query).await?;
        let last = found.len() < query.limit as usize;
        let query = LogQuery { among: Some(found), ..query.clone() };
        Ok((store.log_archived(self.id, &query).await?, last))
    }

    fn restore(&self, row: LogRow) -> Option<Archived> {
        let Some(stanza) = Stanza::restore(&row.stanza) else {
            tracing::error!(account = %self.jid, seq = row.seq, "a stored message cannot be read");
            return None;
        };
        Some(Archived { seq: row.seq, at: row.at, stanza, pending: row.marks.pending })
    }

    /// From here on, what is settled is noted for this session. Whether the database must be waited for first.
    pub(crate) fn begin_paging(&self, session: &Session) -> bool {
        let mut state = self.lock();
        let uncommitted = state.open.iter().any(|open| matches!(open.place, Place::Writing(..)));
        let stale = uncommitted || state.unsynced > 0;
        if let Some(resource) = state.resource_of(session.id) {
            resource.paging = Some(Vec::new());
        }
        stale
    }

    /// Nothing more is noted for this session: its page is given, or will not be.
    pub(crate) fn end_paging(&self, session: &Session) {
        self.resource(session, |resource| resource.paging = None);
    }

    /// Puts the results of a page into the session's outbox, in this order, or none of them. Each is addressed to
    /// the session. One that holds a pending entry settles it when it is acknowledged.
    pub fn give_archived(
        &self,
        session: &Session,
        results: Vec<(Archived, Arc<Stanza>)>,
    ) -> Result<(), Full> {
        let mut state = self.lock();
        let Some(resource) = state.resource_of(session.id) else { return Ok(()) };
        let settled = resource.paging.take().unwrap_or_default();
        let entries: Vec<_> = results
            .into_iter()
            .map(|(archived, stanza)| (archived, Entry::new(stanza).to(session.jid.clone())))
            .collect();
        let weight: usize = entries.iter().map(|(_, entry)| entry.weight()).sum();
        // Under the account's lock nobody else fills it.
        if !session.outbox(|outbox| outbox.has_room(weight)) {
            return Err(Full);
        }
        for (archived, mut entry) in entries {
            let pending = archived.pending && !settled.contains(&archived.seq);
            if pending && state.hold_archived(session, archived.seq) {
                entry.log = Some(LogRef { seq: archived.seq, at: archived.at, identified: false });
            }
            session.push(entry).map_err(|_| Full)?;
        }
        Ok(())
    }
}

fn page(mut entries: Vec<Archived>, backwards: bool, complete: bool) -> ArchivePage {
    if backwards {
        entries.reverse();
    }
    ArchivePage { entries, complete }
}

impl State {
    /// The database shows everything that was settled, unless something was since `session` began to page.
    pub(crate) fn synced(&mut self, session: &Session) {
        let paging = |resource: &mut crate::Resource| resource.paging.clone();
        if self.resource_of(session.id).and_then(paging).is_some_and(|settled| settled.is_empty()) {
            self.unsynced = 0;
        }
    }

    /// Makes a session a holder of a pending entry that the database has; not if it holds it already.
    fn hold_archived(&mut self, session: &Session, seq: Seq) -> bool {
        // Told to us before it was told to the account: it is shown yet, to this session too.
        if seq > self.committed {
            return false;
        }
        match self.find(seq) {
            Ok(index) => {
                let open = &mut self.open[index];
                if !open.pending || open.holders.contains(&session.id) {
                    return false;
                }
                open.holders.push(session.id);
            }
            Err(index) => {
                let holders = smallvec::smallvec![session.id];
                let open = Open { seq, place: Place::Stored, pending: true, holders };
                self.open.insert(index, open);
            }
        }
        true
    }
}
