//! Children that nearly every message carries, judged once.
//!
//! A client asks for a receipt, tells that it is active, allows markers: each time in the same bytes. Such an empty
//! element with its namespace and nothing else means the same wherever it stands, so where its bytes come again what
//! was found in them holds again. A thread remembers a few dozen; what a stranger makes it remember displaces others
//! and costs them a look.

use std::cell::RefCell;

use crate::Child;
use crate::element::{Namespace, namespace_bit};
use crate::span::Span;

/// A power of two.
const PLACES: usize = 64;
/// Longer elements are not remembered.
const LONGEST: usize = 128;

/// An element `<name xmlns='namespace'/>`, without a prefix, its namespace meant as written.
struct Known {
    text: Box<[u8]>,
    /// Both within the text.
    name: Span,
    namespace: Span,
    bit: u64,
}

thread_local! {
    static KNOWN: RefCell<[Option<Known>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// The child that begins at `at` if it is one of these, and the bit of its namespace.
pub(crate) fn find(text: &str, at: usize) -> Option<(Child, u64)> {
    let rest = text.as_bytes().get(at..)?;
    let place = place(rest)?;
    KNOWN.with_borrow(|known| {
        let known = known.get(place)?.as_ref().filter(|known| rest.starts_with(&known.text))?;
        let child = Child {
            name: known.name.after(at),
            namespace: Namespace::Written(known.namespace.after(at)),
            whole: Span::new(at, at + known.text.len()),
        };
        Some((child, known.bit))
    })
}

/// Remembers a child of this kind.
pub(crate) fn remember(text: &str, child: &Child) {
    let Namespace::Written(namespace) = child.namespace else { return };
    let (bytes, at) = (child.whole.bytes(text), child.whole.start);
    let Some(place) = place(bytes).filter(|_| bytes.len() <= LONGEST) else { return };
    let known = Known {
        text: bytes.into(),
        name: child.name.before(at),
        namespace: namespace.before(at),
        bit: namespace_bit(namespace.of(text)),
    };
    KNOWN.with_borrow_mut(|all| {
        if let Some(slot) = all.get_mut(place) {
            *slot = Some(known);
        }
    });
}

/// Where an element is remembered: its first bytes tell.
#[inline]
fn place(text: &[u8]) -> Option<usize> {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let first = u64::from_le_bytes(*text.first_chunk::<8>()?);
    Some((first.wrapping_mul(ODD) >> (u64::BITS - PLACES.ilog2())) as usize)
}
