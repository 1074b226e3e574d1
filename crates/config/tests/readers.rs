//! A key that nothing reads would be a promise that nobody keeps.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// Each key's name and the field that it is read as, from where they are declared.
fn keys() -> Vec<(String, String)> {
    let declared = include_str!("../src/keys.rs").lines().filter_map(|line| {
        let (key, rest) = line.trim().strip_prefix('"')?.split_once("\" => ")?;
        Some((key.to_owned(), rest.split_once(':')?.0.to_owned()))
    });
    declared.collect()
}

/// The sources of the server beside this crate, without white space.
fn sources(folder: &Path, out: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "config" && name != "tests") {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(fs::read_to_string(path).unwrap().split_whitespace().collect());
        }
    }
}

fn reads(source: &str, place: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    source.match_indices(place).any(|(at, _)| ends(&source[at + place.len()..]))
}

#[test]
fn every_key_is_read() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    let keys = keys();
    assert!(keys.len() > 60, "{} keys were found", keys.len());
    for (key, field) in keys {
        // A key without a section stands in the configuration itself, or is a section.
        let places = match key.split_once('.') {
            Some((section, _)) => vec![format!("{section}.{field}")],
            None => vec![format!("config.{field}"), format!("config.{key}.{field}")],
        };
        let read = found.iter().any(|source| places.iter().any(|place| reads(source, place)));
        assert!(read, "nothing reads {key}");
    }
}
