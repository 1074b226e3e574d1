//! The project speaks of itself, not of the place where it is written.

use super::Violation;
use crate::tree::Tree;

/// Host paths and the like. In pieces, so that this file passes.
const WORDS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("../sha", "red/"),
    concat!("lang", "uage model"),
    concat!("co-auth", "ored-by"),
];

/// No file names the workplace or the number of a task there.
pub fn workplace(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.0 {
        for (line, text) in file.lines() {
            let lower = text.to_ascii_lowercase();
            if WORDS.iter().any(|word| lower.contains(word)) || names_a_task(&lower) {
                let mend = "say what holds and why, not where or on whose order it was written".to_owned();
                found.push(Violation { path: file.path.clone(), line, rule: "words", mend });
            }
        }
    }
    found
}

/// `issue` followed by a number.
fn names_a_task(line: &str) -> bool {
    line.match_indices("issue ").any(|(at, word)| {
        let rest = line[at + word.len()..].trim_start_matches('#');
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}
