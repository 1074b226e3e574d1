//! What all of one run share.

use std::{net::SocketAddr, sync::Arc};

use harness::Account;
use tokio::sync::{Barrier, watch};

use crate::ledger::Ledger;

/// The server between two kills.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub number: u32,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server is killed again and again.
    Storm,
    /// It stays up: nothing new is sent, what is missing comes.
    Calm,
    /// All is there.
    Finish,
}

pub struct World {
    pub ledger: Ledger,
    pub trust: Arc<rustls::ClientConfig>,
    pub recipients: Vec<Account>,
    pub life: watch::Sender<Option<Life>>,
    pub phase: watch::Sender<Phase>,
    /// All devices have closed their streams.
    pub closed: Barrier,
}

impl World {
    /// The server that runs, or the next one.
    pub async fn life(&self) -> Life {
        let mut life = self.life.subscribe();
        let life = life.wait_for(Option::is_some).await.expect("the run lasts longer");
        life.expect("just waited for")
    }
}
