//! Connections beyond the limits.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use waxwing_stream::{Stream, StreamError};
use waxwing_xml::{Content, Limits};

/// How many are told at a time why they are turned away; further ones are closed without a word.
const AT_A_TIME: usize = 64;

/// Nothing that they send is looked at.
const NOTHING: Limits = Limits { frame: 0, depth: 0, attributes: 0 };

/// Tells who is one too many so: `<resource-constraint/>` (RFC 6120 §4.9.3.17) behind a header.
pub struct TurnAway {
    content: Content,
    domain: String,
    places: Arc<Semaphore>,
}

impl TurnAway {
    /// For streams of this kind, by this domain.
    pub fn new(content: Content, domain: &str) -> TurnAway {
        TurnAway { content, domain: domain.to_owned(), places: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Closes the connection, in a task of its own that lasts two seconds at most.
    pub fn tell(&self, socket: TcpStream) {
        let Ok(place) = self.places.clone().try_acquire_owned() else { return };
        let mut stream = Stream::of(self.content, socket, NOTHING);
        stream.open(&self.domain, None);
        tokio::spawn(async move {
            let error = StreamError::new("resource-constraint").text("too many connections");
            stream.close(Some(&error)).await;
            drop(place);
        });
    }
}
