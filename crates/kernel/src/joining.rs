//! A session that joins an account and fetches from the archive what came before it.

use std::time::Duration;

use waxwing_store::{LogQuery, LogRow, Seq, StoreError};

use crate::archive::first_at;
use crate::commit::After;
use crate::resource::Mode;
use crate::state::State;
use crate::{Account, Archiving, Session, now};

/// How long the archive must still keep what is left to it: a client that has just come fetches it by then.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Account {
    /// The oldest and the newest entry that were in the archive when `session` joined. What was archived later
    /// reaches the session, as far as it is for it.
    pub async fn archive_before(&self, session: &Session) -> Result<Option<(LogRow, LogRow)>, StoreError> {
        let Some(joined) = self.resource(session, |resource| resource.joined) else { return Ok(None) };
        let end = async |backwards| {
            let query = LogQuery { before: joined + 1, backwards, ..LogQuery::all(1) };
            self.core().store.log_archived(self.id, &query).await.map(|rows| rows.into_iter().next())
        };
        Ok(end(false).await?.zip(end(true).await?))
    }

    /// Takes the pending mark off what was in the archive when `session` joined and stays there for long enough: it
    /// fetches that itself. What is not archived, or not for long, or is still to be read by a session that reads
    /// its log, goes on waiting. To be called before the session takes messages; may be dropped unfinished.
    pub async fn leave_to_archive(&self, session: &Session) -> Result<(), StoreError> {
        if self.pending() == 0 {
            return Ok(());
        }
        // Held until it is done: whoever has the archive emptied waits, or comes first.
        let settings = self.core().archiving.edit(self.id).await?;
        if !settings.current.policy.unwrap_or(self.host.archive).keeps() {
            return Ok(());
        }
        let _paging = Paging(self, session);
        if self.begin_paging(session) {
            self.core().writer.flush().await;
            self.lock().synced(session);
        }
        let Some(joined) = self.resource(session, |resource| resource.joined) else { return Ok(()) };
        let core = self.core();
        let newest = core.settings.archived_messages / 2;
        let kept_from = self.kept_from(&settings.current);
        let seqs = core.store.log_pending_archived(self.id, kept_from, joined + 1, newest).await?;
        if !seqs.is_empty() {
            self.settle_stored(session, &seqs);
            core.writer.flush().await;
        }
        Ok(())
    }

    /// The position after which an archived entry is kept for long enough. Half of what an archive may hold is taken
    /// to be more than comes in that time.
    fn kept_from(&self, archiving: &Archiving) -> Seq {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let oldest = now() - millis(self.retention(archiving));
        first_at(oldest.saturating_add(millis(KEPT)))
    }

    /// Takes the pending mark off entries that the database has, whether they are at rest or in outboxes: those who
    /// were given them get them all the same.
    fn settle_stored(&self, session: &Session, seqs: &[Seq]) {
        let mut after = After::new(self);
        let mut state = self.lock();
        let Some(resource) = state.resource_of(session.id) else { return };
        let settled = resource.paging.take().unwrap_or_default();
        let unread = state.unread_from();
        for seq in seqs.iter().filter(|seq| **seq <= unread && !settled.contains(seq)) {
            match state.find(*seq) {
                Ok(index) => self.settle_open(&mut state, index, &mut after),
                Err(_) => {
                    state.settle(*seq);
                    self.core().writer.settle(self.id, *seq);
                }
            }
        }
        drop(state);
        after.run();
    }
}

/// Ends the noting that was begun for a session, wherever it is left.
struct Paging<'a>(&'a Account, &'a Session);

impl Drop for Paging<'_> {
    fn drop(&mut self) {
        self.0.end_paging(self.1);
    }
}

impl State {
    /// The position up to which no session has yet to read the log.
    fn unread_from(&self) -> Seq {
        let cursors = self.resources.iter().filter_map(|resource| match resource.mode {
            Mode::Behind(cursor) => Some(cursor),
            Mode::Live => None,
        });
        cursors.min().unwrap_or(Seq::MAX)
    }
}
