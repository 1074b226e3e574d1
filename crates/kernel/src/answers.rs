//! Requests of the server's own, and who waits for their answers.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use waxwing_stanza::{Addr, Kind, Stanza};

/// See the module.
#[derive(Default)]
pub struct Answers {
    waiting: Mutex<HashMap<Box<str>, Waiting>>,
}

struct Waiting {
    /// Who was asked: nobody else's answer counts.
    asked: Addr,
    /// For whom: to whom the answer is addressed.
    asker: Addr,
    tell: oneshot::Sender<Stanza>,
}

/// An answer to come. Dropped, nobody waits for it any more.
pub struct Expected<'a> {
    answers: &'a Answers,
    id: Box<str>,
    answer: oneshot::Receiver<Stanza>,
}

impl Answers {
    /// Waits for the answer to `request`, whose id nobody can guess. `None` where it is no request, or lacks an id or
    /// an address.
    pub fn expect(&self, request: &Stanza) -> Option<Expected<'_>> {
        let (asked, asker) = (request.to.clone()?, request.from.clone()?);
        let id: Box<str> = request.id().filter(|_| request.kind.is_request())?.into();
        let (tell, answer) = oneshot::channel();
        self.waiting.lock().insert(id.clone(), Waiting { asked, asker, tell });
        Some(Expected { answers: self, id, answer })
    }

    /// Takes an IQ that is an answer to who waits for it; `false` where nobody does.
    pub fn take(&self, answer: &Stanza) -> bool {
        let (Kind::Iq(_), Some(id)) = (answer.kind, answer.id()) else { return false };
        if answer.kind.is_request() {
            return false;
        }
        let mut waiting = self.waiting.lock();
        let is_it = |waiting: &Waiting| {
            Some(&waiting.asked) == answer.from.as_ref() && Some(&waiting.asker) == answer.to.as_ref()
        };
        if !waiting.get(id).is_some_and(is_it) {
            return false;
        }
        waiting.remove(id).is_some_and(|waiting| waiting.tell.send(answer.clone()).is_ok())
    }
}

impl Expected<'_> {
    /// The answer.
    pub async fn wait(mut self) -> Option<Stanza> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.answers.waiting.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jid::Jid;
    use waxwing_stanza::IqType;

    use super::*;

    fn iq(kind: IqType, from: &str, to: &str, id: &str) -> Stanza {
        let addr = |jid| Some(Arc::new(Jid::new(jid).unwrap()));
        Stanza::build(Kind::Iq(kind), addr(from), addr(to), Some(id), |_| {})
    }

    #[tokio::test]
    async fn only_who_was_asked_answers_and_once() {
        let answers = Answers::default();
        let expected = answers.expect(&iq(IqType::Set, "a@x", "push.y", "1")).unwrap();
        for other in [
            iq(IqType::Result, "push.z", "a@x", "1"),
            iq(IqType::Result, "push.y", "b@x", "1"),
            iq(IqType::Result, "push.y", "a@x", "2"),
            iq(IqType::Get, "push.y", "a@x", "1"),
        ] {
            assert!(!answers.take(&other));
        }
        let answer = iq(IqType::Error, "push.y", "a@x", "1");
        assert!(answers.take(&answer) && !answers.take(&answer));
        assert_eq!(expected.wait().await.unwrap().kind, answer.kind);
    }

    #[test]
    fn who_does_not_wait_any_more_is_forgotten() {
        let answers = Answers::default();
        drop(answers.expect(&iq(IqType::Get, "a@x", "push.y", "1")));
        assert!(answers.waiting.lock().is_empty());
        assert!(answers.expect(&iq(IqType::Result, "a@x", "push.y", "1")).is_none());
    }
}
