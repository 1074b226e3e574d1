//! Stream management (XEP-0198) on the client's side.

use minidom::Element;

use crate::{Account, Client, Login, Server, StanzaExt, Stream, ns};

/// The counters of a session. `sent` and `received` count from `<enable/>` on.
#[derive(Clone, Debug, Default)]
pub struct Sm {
    /// The id to resume with, when resumption was granted.
    pub id: Option<String>,
    /// The server's `max`: how long it keeps the session, in seconds.
    pub max: Option<u32>,
    pub sent: u32,
    pub received: u32,
    /// The newest `h` from the server.
    pub acked: u32,
    /// How many `<r/>` the server sent.
    pub asked: u32,
    /// `<r/>` stays without an answer.
    pub silent: bool,
}

impl Sm {
    /// Takes note of a nonza; returns what is to be answered.
    pub(crate) fn heard(&mut self, nonza: &Element) -> Option<String> {
        match nonza.name() {
            "r" => {
                self.asked += 1;
                (!self.silent).then(|| answer(self.received))
            }
            "a" => {
                self.acked = h(nonza);
                assert!(self.acked <= self.sent, "the server acknowledges {} of {}", self.acked, self.sent);
                None
            }
            _ => panic!("an acknowledgement was due, not {}", nonza.show()),
        }
    }
}

/// What is left of a session whose connection is gone: all that a client needs to resume it.
pub struct Suspended {
    pub jid: String,
    pub sm: Sm,
}

impl Client {
    /// Enables stream management, with resumption if the server grants it.
    pub async fn enable(&mut self) -> &Sm {
        self.stream.send(format!("<enable xmlns='{}' resume='true'/>", ns::SM)).await;
        let enabled = self.stream.child().await;
        assert!(enabled.is("enabled", ns::SM), "not enabled: {}", enabled.show());
        self.managed(&enabled);
        &self.sm
    }

    /// Stream management was enabled by other means than [`Client::enable`], with this answer.
    pub fn managed(&mut self, enabled: &Element) {
        let resumable = matches!(enabled.attr("resume"), Some("true" | "1"));
        self.sm = Sm {
            id: enabled.id().filter(|_| resumable).map(str::to_owned),
            max: enabled.attr("max").map(|max| max.parse().expect("seconds")),
            ..Sm::default()
        };
    }

    /// It goes on with a session that was resumed by other means than [`Suspended::resume`].
    pub fn managed_again(&mut self, suspended: Suspended) {
        self.sm = Sm { silent: false, ..suspended.sm };
    }

    pub fn sm(&self) -> &Sm {
        &self.sm
    }

    /// From now on `<r/>` stays without an answer.
    pub fn stop_acknowledging(&mut self) {
        self.sm.silent = true;
    }

    /// Acknowledges all that was received.
    pub async fn acknowledge(&mut self) {
        let answer = answer(self.sm.received);
        self.stream.send(answer).await;
    }

    /// Asks for an acknowledgement and waits until everything sent is acknowledged.
    pub async fn acknowledged(&mut self) {
        self.stream.send(format!("<r xmlns='{}'/>", ns::SM)).await;
        self.read_until(|sm| sm.acked == sm.sent).await;
    }

    /// Reads until the server has sent `count` requests since `<enabled/>`; stanzas stay to be read.
    pub async fn asked(&mut self, count: u32) {
        self.read_until(|sm| sm.asked >= count).await;
    }

    /// Drops the connection without closing the stream.
    pub fn drop_connection(self) -> Suspended {
        Suspended { jid: self.jid, sm: self.sm }
    }
}

impl Suspended {
    /// Resumes on a new connection. `Ok` with the client and the server's `h`, else what was answered.
    pub async fn resume(
        self,
        server: &Server,
        account: &Account,
    ) -> Result<(Client, u32), (Stream, Element)> {
        let mut stream = Login::default().stream(server, account).await;
        let id = self.sm.id.clone().expect("a resumable session");
        stream.send(format!("<resume xmlns='{}' previd='{id}' h='{}'/>", ns::SM, self.sm.received)).await;
        let answer = stream.child().await;
        if !answer.is("resumed", ns::SM) {
            return Err((stream, answer));
        }
        assert_eq!(answer.attr("previd"), Some(id.as_str()));
        let handled = h(&answer);
        let mut client = Client::over(stream, self.jid);
        client.sm = Sm { acked: handled, silent: false, ..self.sm };
        Ok((client, handled))
    }
}

fn answer(h: u32) -> String {
    format!("<a xmlns='{}' h='{h}'/>", ns::SM)
}

fn h(nonza: &Element) -> u32 {
    nonza.attr("h").and_then(|h| h.parse().ok()).unwrap_or_else(|| panic!("no h in {}", nonza.show()))
}
