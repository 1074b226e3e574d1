//! Every file says what it is, and is where it is looked for.

use std::collections::BTreeSet;

use super::Violation;
use crate::tree::{File, Tree};

/// A file begins with what it is for.
pub fn header(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|file| !file.path.ends_with("/tests.rs") && !file.text.starts_with("//!"))
        .map(|file| {
            violation(file, 1, "header", "begin with a `//!` line that says what this is for".to_owned())
        })
        .collect()
}

/// Every module in `xeps/` is in the list.
pub fn listed_xeps(tree: &Tree) -> Vec<Violation> {
    let list = tree.get("xeps/lib.rs").map_or("", |file| file.text.as_str());
    xeps(tree)
        .filter(|(_, module)| !list.contains(&format!("mod {module};")))
        .filter(|(file, module)| file.path == format!("xeps/{module}.rs") || file.path.ends_with("/mod.rs"))
        .map(|(file, module)| violation(file, 1, "list", format!("xeps/lib.rs lacks `mod {module};`")))
        .collect()
}

/// A XEP uses another only when it declares that it `requires` it.
pub fn required_xeps(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, module) in xeps(tree) {
        let own = number(module);
        let required: BTreeSet<u32> = xeps(tree)
            .filter(|(_, other)| *other == module)
            .flat_map(|(file, _)| declared(&file.text))
            .collect();
        for (line, text) in file.shipped() {
            for (at, _) in text.match_indices("::xep_") {
                let used = number(&text[at + 2..]);
                if used != own && used.is_some_and(|used| !required.contains(&used)) {
                    let mend =
                        format!("{module} uses another XEP: name its number in `requires`, or do without");
                    found.push(violation(file, line, "requires", mend));
                }
            }
        }
    }
    found
}

/// Both dialects have the same migrations.
pub fn twin_migrations(tree: &Tree) -> Vec<Violation> {
    let twin = |path: &str| match path.strip_prefix("schema/sqlite/") {
        Some(name) => Some(format!("schema/postgres/{name}")),
        None => path.strip_prefix("schema/postgres/").map(|name| format!("schema/sqlite/{name}")),
    };
    tree.0
        .iter()
        .filter_map(|file| Some((file, twin(&file.path)?)))
        .filter(|(_, twin)| tree.get(twin).is_none())
        .map(|(file, twin)| violation(file, 1, "twins", format!("its twin {twin} is missing")))
        .collect()
}

/// The files of `xeps/` with the name of their module.
fn xeps(tree: &Tree) -> impl Iterator<Item = (&File, &str)> {
    tree.rust().filter_map(|file| {
        let name = file.path.strip_prefix("xeps/").filter(|name| name.starts_with("xep_"))?;
        let module = name.split('/').next()?;
        Some((file, module.strip_suffix(".rs").unwrap_or(module)))
    })
}

/// The number in `xep_0191_blocking`.
fn number(module: &str) -> Option<u32> {
    module.strip_prefix("xep_")?.get(..4)?.parse().ok()
}

/// The numbers in `requires: &[30, 59]`.
fn declared(text: &str) -> Vec<u32> {
    let Some((_, list)) = text.split_once("requires: &[") else { return Vec::new() };
    let list = list.split(']').next().unwrap_or_default();
    list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

fn violation(file: &File, line: usize, rule: &'static str, mend: String) -> Violation {
    Violation { path: file.path.clone(), line, rule, mend }
}
