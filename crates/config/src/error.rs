//! What is wrong with a configuration, said to people in one line.

use std::fmt;

/// One line: where it is, what is wrong, how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The known name that `wrong` was probably meant to be: by the whole name, or by its last part in any group.
pub(crate) fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    known
        .map(|name| (distance(wrong, name).min(distance(&last(wrong), &last(name)) + 1), name))
        .filter(|(far, _)| *far <= (wrong.chars().count() / 3).clamp(1, 3))
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = if x == *y { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["limits.stanza", "listen.c2s", "storage"];
        let find = |wrong| suggest(wrong, known.into_iter());
        assert_eq!(find("limit.stanza"), Some("limits.stanza"));
        assert_eq!(find("stanza"), Some("limits.stanza"));
        assert_eq!(find("listen.cs2"), Some("listen.c2s"));
        assert_eq!(find("storge"), Some("storage"));
        assert_eq!(find("colour"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
