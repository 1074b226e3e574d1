//! Judging as the server asks for it: a frame that was cut, or what stands at the front of what was read.

use crate::judge::Judge;
use crate::rewrite::{self, Edit};
use crate::{Element, Fault, Limits, Scope, lex, names};

/// Judges one top-level element, and finds what a server wants to know of it.
///
/// What is accepted is Restricted XML (RFC 6120 §11.1), UTF-8, well-formed with respect to namespaces and within
/// `limits`, so its bytes mean the same to every parser. Each child's range moreover means the same wherever the
/// default namespace is `jabber:client`: a child that uses a prefix or a default namespace declared outside itself
/// gets the declaration of its own, for which the frame is copied once. (Prefixes inside of values, as in XPath, are
/// not seen and stay as they are.) On a server stream `jabber:server` counts as, and in children becomes,
/// `jabber:client`.
pub fn scan(frame: &[u8], scope: &Scope, limits: &Limits) -> Result<Element, Fault> {
    let (element, edits) = judge(frame, scope, limits)?;
    if edits.is_empty() {
        return Ok(element);
    }
    let rewritten = rewrite::apply(element.bytes(), edits, limits.frame)?;
    let (element, edits) = judge(&rewritten, scope, limits)?;
    debug_assert!(edits.is_empty(), "a child still needs something from outside itself");
    Ok(element)
}

/// Judges the element at the front of `text`, whitespace before it taken as nothing, and says how many bytes both take:
/// what a [`crate::Splitter`] and [`scan`] do one after the other, at once. `None` where the element is not there
/// whole, where something is wrong with it, or where it has to be rewritten: these two tell what.
pub fn scan_front(text: &str, scope: &Scope, limits: &Limits) -> Option<(usize, Element)> {
    let element = text.trim_start_matches([' ', '\t', '\r', '\n']);
    let mut judge = Judge::new(element, scope, limits);
    let length = judge.run(scope).ok().filter(|length| *length <= limits.frame)?;
    let frame = element.get(..length)?;
    if !judge.edits.is_empty() || u32::try_from(length).is_err() || !names::all_legal(frame) {
        return None;
    }
    let kept = Box::from(frame);
    Some((text.len() - element.len() + length, judge.found.over(kept)))
}

fn judge(frame: &[u8], scope: &Scope, limits: &Limits) -> Result<(Element, Vec<Edit>), Fault> {
    if frame.len() > limits.frame {
        return Err(Fault::PolicyViolation("stanza too big"));
    }
    let text = lex::characters(frame)?;
    let mut judge = Judge::new(text, scope, limits);
    if judge.run(scope)? < text.len() {
        return Err(Fault::NotWellFormed);
    }
    let kept = Box::from(text);
    Ok((judge.found.over(kept), judge.edits))
}
