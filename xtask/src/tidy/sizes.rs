//! Files stay small: the one that everything leaks into is seen early.

use super::Violation;
use crate::tree::{File, Tree};

/// Above this a file is remarked upon.
const LONG: usize = 400;
/// Above this tidy fails.
const TOO_LONG: usize = 600;

/// Remarks about files that are growing long.
pub fn long(tree: &Tree) -> Vec<String> {
    judged(tree)
        .filter(|(_, lines)| (LONG + 1..=TOO_LONG).contains(lines))
        .map(|(file, lines)| format!("{}: {lines} lines: think of splitting it", file.path))
        .collect()
}

pub fn too_long(tree: &Tree) -> Vec<Violation> {
    judged(tree)
        .filter(|(_, lines)| *lines > TOO_LONG)
        .map(|(file, lines)| Violation {
            path: file.path.clone(),
            line: TOO_LONG + 1,
            rule: "size",
            mend: format!("{lines} lines, at most {TOO_LONG}: split it by what it knows"),
        })
        .collect()
}

/// Files with the number of their lines before the unit tests.
fn judged(tree: &Tree) -> impl Iterator<Item = (&File, usize)> {
    tree.rust().filter(|file| !file.is_test()).map(|file| (file, file.tests_begin()))
}
