//! A domain that a program outside serves, and what that program has yet to read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_stanza::{Addr, Condition, Stanza, StanzaError};

use crate::{Closing, Entry};

/// See the module. There is one for each domain that the configuration names; no log stands behind it, so what its
/// program has not read when its stream ends is lost or answered with an error.
pub struct Component {
    pub domain: Addr,
    limit: usize,
    link: Mutex<Option<Arc<Link>>>,
}

/// The stream of the program that serves a component.
pub struct Link {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    /// Each with whom it is written to, where that is not its own addressee.
    stanzas: VecDeque<(Arc<Stanza>, Option<Addr>)>,
    weight: usize,
    /// The heads of requests that were written and have no answer yet, by asker and id.
    asked: HashMap<Box<str>, Arc<Stanza>>,
    closing: Option<Closing>,
}

/// Requests whose answers are awaited: of more it is not known when their component goes.
const ASKED: usize = 10_000;

/// Another program proved to be the component.
const CONFLICT: Closing =
    Closing { condition: "conflict", text: "another connection serves this component now", resumable: false };

/// It reads less than it is sent, of a sort that cannot be refused.
const OVERFLOW: Closing = Closing {
    condition: "policy-violation",
    text: "more was sent to this component than it read",
    resumable: false,
};

impl Component {
    /// `limit`: bytes that may wait for it to be read.
    pub fn new(domain: Addr, limit: usize) -> Arc<Component> {
        Arc::new(Component { domain, limit, link: Mutex::new(None) })
    }

    /// A stream serves it from now on. One that did before is closed with `<conflict/>`; what that one had not written
    /// goes to the new one.
    pub fn attach(&self) -> Arc<Link> {
        let mut current = self.link.lock();
        let mut queue = Queue::default();
        if let Some(older) = current.take() {
            let mut left = older.queue.lock();
            (queue.stanzas, queue.weight) =
                (std::mem::take(&mut left.stanzas), std::mem::take(&mut left.weight));
            drop(left);
            older.close(CONFLICT);
        }
        let link = Arc::new(Link { queue: Mutex::new(queue), wake: Notify::new() });
        *current = Some(link.clone());
        link
    }

    /// It answered a request.
    pub fn answered(&self, answer: &Stanza) {
        let link = self.link.lock().clone();
        if let (Some(link), Some(key)) = (link, key(answer.to.as_ref(), answer)) {
            link.queue.lock().asked.remove(&*key);
        }
    }

    /// The stream serves it no more; what was not written is returned, and requests that were and have no answer.
    pub fn detach(&self, link: &Arc<Link>) -> Vec<Arc<Stanza>> {
        let mut current = self.link.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *current = None;
        }
        let left = std::mem::take(&mut *link.queue.lock());
        left.asked.into_values().chain(left.stanzas.into_iter().map(|(stanza, _)| stanza)).collect()
    }

    pub fn is_connected(&self) -> bool {
        self.link.lock().is_some()
    }

    /// Hands it a stanza, addressed to `to` if given. What does not fit is refused, or closes the stream where nobody
    /// would take the refusal for what it is (presence, answers).
    ///
    /// # Errors
    /// `<remote-server-timeout/>` while no program serves it, `<resource-constraint/>` while that does not read.
    pub fn send(&self, stanza: Arc<Stanza>, to: Option<Addr>) -> Result<(), StanzaError> {
        let Some(link) = self.link.lock().clone() else {
            let error = StanzaError::new(Condition::RemoteServerTimeout);
            return Err(error.text("this component is not connected"));
        };
        let mut queue = link.queue.lock();
        let weight = weight(&stanza);
        if queue.weight + weight > self.limit && !queue.stanzas.is_empty() {
            if !is_refusable(&stanza) {
                queue.closing.get_or_insert(OVERFLOW);
                link.wake.notify_one();
            }
            let error = StanzaError::new(Condition::ResourceConstraint);
            return Err(error.text("this component reads too slowly"));
        }
        queue.weight += weight;
        queue.stanzas.push_back((stanza, to));
        link.wake.notify_one();
        Ok(())
    }

    /// Has its stream closed.
    pub fn close(&self, closing: Closing) {
        if let Some(link) = &*self.link.lock() {
            link.close(closing);
        }
    }
}

impl Link {
    /// Writes what waits into `out` until that holds about `room` bytes.
    pub fn drain(&self, out: &mut Vec<u8>, room: usize) {
        let mut queue = self.queue.lock();
        while out.len() < room
            && let Some((stanza, to)) = queue.stanzas.pop_front()
        {
            queue.weight -= weight(&stanza);
            stanza.write(out, to.as_deref(), |_| {});
            if stanza.kind.is_request()
                && queue.asked.len() < ASKED
                && let Some(key) = key(stanza.from.as_ref(), &stanza)
            {
                let (from, to) = (stanza.from.clone(), stanza.to.clone());
                let head = Stanza::build(stanza.kind, from, to, stanza.id(), |_| {});
                queue.asked.insert(key, Arc::new(head));
            }
        }
    }

    /// Resolves when there is something to look at: output, a reason to close.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    pub fn closing(&self) -> Option<Closing> {
        self.queue.lock().closing
    }

    fn close(&self, closing: Closing) {
        self.queue.lock().closing.get_or_insert(closing);
        self.wake.notify_one();
    }
}

/// By what an answer is known, written to `asker`.
fn key(asker: Option<&Addr>, stanza: &Stanza) -> Option<Box<str>> {
    Some(format!("{} {}", asker?, stanza.id()?).into())
}

fn weight(stanza: &Stanza) -> usize {
    stanza.weight() + size_of::<Entry>() + size_of::<Stanza>()
}

/// Whether its sender learns of an error, and that the stanza was not taken is the whole of it.
fn is_refusable(stanza: &Stanza) -> bool {
    stanza.kind.may_be_answered() && !matches!(stanza.kind, waxwing_stanza::Kind::Presence(_))
}

#[cfg(test)]
mod tests {
    use jid::Jid;
    use waxwing_stanza::{IqType, Kind, PresenceType};

    use super::*;

    fn stanza(kind: Kind) -> Arc<Stanza> {
        Arc::new(Stanza::build(kind, None, None, Some("1"), |_| {}))
    }

    fn component(limit: usize) -> Arc<Component> {
        Component::new(Arc::new(Jid::new("c.example").unwrap()), limit)
    }

    fn written(link: &Link) -> usize {
        let mut out = Vec::new();
        link.drain(&mut out, usize::MAX);
        String::from_utf8(out).unwrap().matches("id='1'").count()
    }

    #[test]
    fn nobody_there_is_told_so() {
        let component = component(1000);
        let refused = component.send(stanza(Kind::Iq(IqType::Get)), None).unwrap_err();
        assert_eq!(refused.condition, Condition::RemoteServerTimeout);
        let link = component.attach();
        component.send(stanza(Kind::Iq(IqType::Get)), None).unwrap();
        assert_eq!(component.detach(&link).len(), 1);
        assert!(!component.is_connected());
    }

    #[test]
    fn the_newest_stream_serves_and_gets_what_the_older_did_not_write() {
        let component = component(10_000);
        let older = component.attach();
        component.send(stanza(Kind::Iq(IqType::Get)), None).unwrap();
        let newer = component.attach();
        assert_eq!(older.closing().unwrap().condition, "conflict");
        assert!(component.detach(&older).is_empty());
        assert!(component.is_connected() && newer.closing().is_none());
        assert_eq!(written(&newer), 1);
    }

    #[test]
    fn requests_without_an_answer_are_given_back() {
        let component = component(10_000);
        let link = component.attach();
        let asker = Some(Arc::new(Jid::new("a@x/y").unwrap()));
        let iq = |kind, from, to, id| Arc::new(Stanza::build(Kind::Iq(kind), from, to, Some(id), |_| {}));
        for id in ["1", "2"] {
            component.send(iq(IqType::Get, asker.clone(), None, id), None).unwrap();
        }
        link.drain(&mut Vec::new(), usize::MAX);
        component.answered(&iq(IqType::Result, None, asker.clone(), "1"));
        let left = component.detach(&link);
        assert_eq!(left.iter().map(|stanza| stanza.id()).collect::<Vec<_>>(), [Some("2")]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_cannot_be_refused_closes() {
        let component = component(1000);
        let link = component.attach();
        let mut taken = 0;
        let refused = loop {
            match component.send(stanza(Kind::Iq(IqType::Get)), None) {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.condition, Condition::ResourceConstraint);
        assert!((1..10).contains(&taken) && link.closing().is_none());
        assert!(component.send(stanza(Kind::Presence(PresenceType::Available)), None).is_err());
        assert_eq!(link.closing().unwrap().condition, "policy-violation");
        assert_eq!(written(&link), taken);
    }
}
