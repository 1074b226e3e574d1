//! Changes to a frame whose payloads lean on declarations outside themselves, all applied in one copy.

use crate::span::Span;
use crate::{Fault, Tag};

/// What stands instead of some of the frame's bytes.
pub(crate) struct Edit {
    pub at: Span,
    pub with: Vec<u8>,
}

/// A namespace declaration to go in after a tag's name.
pub(crate) fn declare(at: u32, prefix: Option<&str>, namespace: &str) -> Edit {
    let mut with = Vec::new();
    Tag::declaration(&mut with, prefix, namespace);
    Edit { at: Span { start: at, end: at }, with }
}

/// The frame with all edits made. A long namespace name needed by many small payloads would make much of little, so
/// the result is held to the frame's own limit.
pub(crate) fn apply(frame: &[u8], mut edits: Vec<Edit>, limit: usize) -> Result<Vec<u8>, Fault> {
    let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
    if frame.len().saturating_add(added) > limit {
        return Err(Fault::PolicyViolation(
            "stanza too big with its namespaces declared where they are used",
        ));
    }
    edits.sort_by_key(|edit| edit.at.start);
    let mut out = Vec::with_capacity(frame.len() + added);
    let mut copied = 0;
    for edit in &edits {
        out.extend_from_slice(frame.get(copied..edit.at.start as usize).unwrap_or(&[]));
        out.extend_from_slice(&edit.with);
        copied = edit.at.end as usize;
    }
    out.extend_from_slice(frame.get(copied..).unwrap_or(&[]));
    Ok(out)
}
