//! The end of a connection, and what becomes of its session.

use tokio::join;
use tokio::time::Instant;

use super::{Connection, Ending};
use crate::error::StreamError;

impl Connection {
    pub(super) async fn finish(mut self, ending: Ending) {
        let jid = self.session.jid.clone();
        let peer = self.peer;
        if matches!(ending, Ending::Closed | Ending::Error(_)) {
            // What came in front of it, all at once perhaps, is answered.
            self.fill(Instant::now());
        }
        match ending {
            Ending::TakenOver(wanted) => {
                let Connection { stream, held, session, .. } = self;
                drop(session);
                // Who asked may have gone meanwhile.
                if let Err(held) = wanted.send(held) {
                    held.lose().await;
                }
                tracing::debug!(%jid, %peer, "resumed elsewhere");
                stream.close(Some(&StreamError::new("conflict"))).await;
            }
            Ending::Lost => {
                let resumable = self.held.lease().is_some();
                tracing::info!(%jid, %peer, resumable, "connection lost");
                drop(self.stream);
                self.held.lose().await;
            }
            Ending::Closed => {
                self.acknowledge_at_last();
                let unsure = !self.numbered && self.session.outbox(|outbox| outbox.unacked()) > 0;
                if unsure && self.stream.delivered().await {
                    self.session.reached();
                }
                tracing::info!(%jid, %peer, "logged out");
                join!(self.held.end(), self.stream.close(None));
            }
            Ending::Error(error) => {
                self.acknowledge_at_last();
                tracing::info!(%jid, %peer, condition = error.condition, "logged out");
                join!(self.held.end(), self.stream.close(Some(&error)));
            }
            Ending::Told(closing) => {
                if self.session.has_ended() {
                    // Who removes its own account is told so first (XEP-0077 §3.2, example 9): an ended session
                    // has nothing else to write.
                    self.fill(Instant::now());
                }
                self.acknowledge_at_last();
                let error = StreamError::from(closing);
                tracing::info!(%jid, %peer, condition = error.condition, "stream closed");
                if closing.resumable {
                    join!(self.held.lose(), self.stream.close(Some(&error)));
                } else {
                    join!(self.held.end(), self.stream.close(Some(&error)));
                }
            }
        }
    }
}
