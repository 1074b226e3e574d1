//! One stanza: a head over the bytes of its children.

use std::cell::RefCell;
use std::sync::Arc;

use jid::Jid;
use smallvec::SmallVec;
use waxwing_xml::{Child, Element, Limits, Scope, Tag};

use crate::{Addr, Condition, IqType, Kind, StanzaError, ns, prepare};

/// Bounds for what this server wrote itself: far above what it accepts from anyone.
const OWN: Limits = Limits { frame: 64 << 20, depth: 1024, attributes: 1024 };

/// A stanza whose children are bytes already judged. Cheap to clone: heads are shared, bytes too.
#[derive(Debug, Clone)]
pub struct Stanza {
    pub kind: Kind,
    /// Who sent it, as the server knows it; never what the other side wrote.
    pub from: Option<Addr>,
    pub to: Option<Addr>,
    element: Element,
    /// Which children are cut out.
    hidden: SmallVec<[u32; 2]>,
}

/// Why an element is no stanza that can be handled.
#[derive(Debug)]
pub enum ReadError {
    /// Not a stanza at all.
    NotAStanza,
    /// A stanza (given without its `to`) that must be answered with this error.
    Answer(Stanza, StanzaError),
}

impl Stanza {
    /// Reads the head of what a client wrote. `from` stays empty: the session fills it in.
    #[allow(clippy::result_large_err)] // What is meant to come is as large.
    pub fn read(element: Element) -> Result<Stanza, ReadError> {
        if element.ns() != ns::CLIENT {
            return Err(ReadError::NotAStanza);
        }
        let kind = Kind::read(element.name(), element.attr("type"));
        let to = element.attr("to").map(prepare);
        let malformed = to == Some(None);
        let stanza = |kind| Stanza { kind, from: None, to: to.flatten(), element, hidden: SmallVec::new() };
        match kind {
            Ok(kind) if malformed => {
                let error = StanzaError::new(Condition::JidMalformed);
                Err(ReadError::Answer(stanza(kind), error.text("`to` is no address")))
            }
            Ok(kind) => Ok(stanza(kind)),
            Err(Some(kind)) => Err(ReadError::Answer(stanza(kind), Condition::BadRequest.into())),
            Err(None) => Err(ReadError::NotAStanza),
        }
    }

    /// Reads back what [`Stanza::write`] wrote, `from` included. `None` if it is not such a stanza.
    pub fn restore(bytes: &[u8]) -> Option<Stanza> {
        let element = waxwing_xml::scan(bytes, &Scope::client(), &OWN).ok()?;
        let from = element.attr("from").and_then(prepare);
        let stanza = Stanza::read(element).ok()?;
        Some(Stanza { from, ..stanza })
    }

    /// A stanza of our own. `payload` writes the children.
    pub fn build(
        kind: Kind,
        from: Option<Addr>,
        to: Option<Addr>,
        id: Option<&str>,
        payload: impl FnOnce(&mut Vec<u8>),
    ) -> Stanza {
        let mut bytes = Vec::with_capacity(256);
        Tag::new(&mut bytes, kind.name()).attr_opt("id", id).children(payload);
        let scanned = waxwing_xml::scan(&bytes, &Scope::client(), &OWN);
        // Only children that bypassed the writer can make this fail: then the stanza goes without them.
        let element = scanned.unwrap_or_else(|fault| {
            debug_assert!(false, "a stanza of our own is not well-formed: {fault:?}");
            let mut bytes = Vec::new();
            Tag::new(&mut bytes, kind.name()).attr_opt("id", id).end_empty();
            // One tag with one escaped attribute, as the writer makes it, is well-formed.
            #[allow(clippy::expect_used)]
            waxwing_xml::scan(&bytes, &Scope::client(), &OWN).expect("an empty element")
        });
        Stanza { kind, from, to, element, hidden: SmallVec::new() }
    }

    /// A copy with what `more` writes as last children.
    pub fn with(&self, more: impl FnOnce(&mut Vec<u8>)) -> Stanza {
        let mut bytes = Vec::with_capacity(self.element.bytes().len() + 128);
        self.write(&mut bytes, None, more);
        match waxwing_xml::scan(&bytes, &Scope::client(), &OWN) {
            Ok(element) => Stanza { element, hidden: SmallVec::new(), ..self.clone() },
            // As in `build`.
            Err(fault) => {
                debug_assert!(false, "a stanza of our own is not well-formed: {fault:?}");
                self.clone()
            }
        }
    }

    /// The empty or filled result of an IQ request.
    pub fn result(&self, payload: impl FnOnce(&mut Vec<u8>)) -> Stanza {
        let kind = Kind::Iq(IqType::Result);
        Stanza::build(kind, self.to.clone(), self.from.clone(), self.id(), payload)
    }

    /// The error that answers this stanza, from whom it was sent to; `None` where none may.
    pub fn error(&self, error: &StanzaError) -> Option<Stanza> {
        if !self.kind.may_be_answered() {
            return None;
        }
        let kind = self.kind.error();
        Some(Stanza::build(kind, self.to.clone(), self.from.clone(), self.id(), |out| error.write(out)))
    }

    #[inline]
    pub fn id(&self) -> Option<&str> {
        self.element.attr("id")
    }

    /// Whether it is no IQ, or one as every IQ has to be (RFC 6120 §8.2.3).
    pub fn is_sound(&self) -> bool {
        let Kind::Iq(kind) = self.kind else { return true };
        let children = self.children().count();
        self.id().is_some_and(|id| !id.is_empty())
            && match kind {
                IqType::Get | IqType::Set => children == 1,
                IqType::Result => children <= 1,
                IqType::Error => children >= 1,
            }
    }

    /// How many bytes of memory its content holds on to.
    pub fn weight(&self) -> usize {
        self.element.weight()
    }

    /// The children that are not cut out, in order.
    pub fn children(&self) -> impl Iterator<Item = &Child> {
        let shown =
            |(index, _): &(usize, &Child)| self.hidden.is_empty() || !self.hidden.contains(&(*index as u32));
        self.element.children().iter().enumerate().filter(shown).map(|(_, child)| child)
    }

    /// The first child of that name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Child> {
        if !self.element.may_hold(ns) {
            return None;
        }
        self.children().find(|child| child.is(&self.element, name, ns))
    }

    pub fn has(&self, name: &str, ns: &str) -> bool {
        self.child(name, ns).is_some()
    }

    /// Whether a child is in that namespace, whatever its name.
    pub fn has_ns(&self, ns: &str) -> bool {
        self.element.may_hold(ns) && self.children().any(|child| child.is_in(&self.element, ns))
    }

    /// The element that [`Child`]ren lie in.
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The bytes of one child.
    pub fn bytes_of(&self, child: &Child) -> &[u8] {
        // A child's range lies inside the bytes that it was scanned from.
        &self.element.bytes()[child.range()]
    }

    /// The bytes of the children that are not cut out and for which `wanted` says so, where nothing stands in between.
    pub fn payload(&self, wanted: impl Fn(&Child) -> bool) -> Option<&[u8]> {
        let (mut all, mut length) = (0..0, 0);
        for range in self.children().filter(|child| wanted(child)).map(Child::range) {
            length += range.len();
            let start = if all.is_empty() { range.start } else { all.start };
            all = start..range.end;
        }
        (length == all.len()).then(|| self.element.bytes().get(all))?
    }

    /// Cuts out the children for which `cut` says so.
    pub fn hide(&mut self, cut: impl Fn(&Child, &Element) -> bool) {
        for (index, child) in self.element.children().iter().enumerate() {
            let index = index as u32;
            if cut(child, &self.element) && !self.hidden.contains(&index) {
                self.hidden.push(index);
            }
        }
    }

    /// Writes it whole, to `to` if given instead of its own addressee, with what `more` adds as last children.
    pub fn write(&self, out: &mut Vec<u8>, to: Option<&Jid>, more: impl FnOnce(&mut Vec<u8>)) {
        self.write_in(out, None, to, more);
    }

    /// As [`Stanza::write`], declaring `xmlns` where it is nested in another element.
    pub fn write_in(
        &self,
        out: &mut Vec<u8>,
        xmlns: Option<&str>,
        to: Option<&Jid>,
        more: impl FnOnce(&mut Vec<u8>),
    ) {
        let to = to.or(self.to.as_deref());
        Tag::new(out, self.kind.name())
            .attr_opt("xmlns", xmlns)
            .attr_opt("from", self.from.as_ref().map(|from| from.as_str()))
            .attr_opt("to", to.map(Jid::as_str))
            .attr_of(&self.element, "id")
            .attr_opt("type", self.kind.type_attr())
            .attr_of(&self.element, "xml:lang")
            .children(|out| {
                match self.payload(|_| true) {
                    Some(payload) => out.extend_from_slice(payload),
                    None => self.children().for_each(|child| out.extend_from_slice(self.bytes_of(child))),
                }
                more(out);
            });
    }

    /// As the log keeps it.
    pub fn stored(&self) -> Arc<[u8]> {
        /// Above what a buffer that is kept may be.
        const LARGE: usize = 64 << 10;
        thread_local! {
            /// Written to and copied from, so that each message costs one allocation of its exact size.
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            self.write(buffer, None, |_| {});
            let stored = Arc::from(&**buffer);
            if buffer.capacity() > LARGE {
                *buffer = Vec::new();
            }
            stored
        })
    }
}
