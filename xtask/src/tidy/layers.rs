//! Layers point one way.

use super::Violation;
use crate::tree::{File, Tree};

/// Which packages of the workspace each package may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("waxwing-xml", &[]),
    ("waxwing-sasl", &[]),
    ("waxwing-net", &[]),
    ("waxwing-config", &[]),
    ("waxwing-store", &[]),
    ("waxwing-store-sqlite", &["waxwing-store"]),
    ("waxwing-store-postgres", &["waxwing-store"]),
    ("waxwing-stanza", &["waxwing-xml"]),
    ("waxwing-kernel", &["waxwing-stanza", "waxwing-xml", "waxwing-store"]),
    ("waxwing-im", &["waxwing-kernel", "waxwing-stanza", "waxwing-xml", "waxwing-store", "waxwing-sasl"]),
    (
        "waxwing-xeps",
        &["waxwing-kernel", "waxwing-im", "waxwing-stanza", "waxwing-xml", "waxwing-store", "waxwing-sasl"],
    ),
    ("waxwing-stream", &["waxwing-kernel", "waxwing-stanza", "waxwing-xml", "waxwing-sasl", "waxwing-net"]),
    (
        "waxwing-component",
        &[
            "waxwing-stream",
            "waxwing-kernel",
            "waxwing-im",
            "waxwing-stanza",
            "waxwing-xml",
            "waxwing-sasl",
            "waxwing-net",
        ],
    ),
    (
        "waxwing-c2s",
        &[
            "waxwing-stream",
            "waxwing-kernel",
            "waxwing-im",
            "waxwing-stanza",
            "waxwing-xml",
            "waxwing-sasl",
            "waxwing-net",
            "waxwing-store",
        ],
    ),
    ("waxwing-admin", &["waxwing-kernel", "waxwing-im", "waxwing-sasl", "waxwing-store", "waxwing-config"]),
    (
        "waxwing",
        &[
            "waxwing-xml",
            "waxwing-stanza",
            "waxwing-kernel",
            "waxwing-im",
            "waxwing-sasl",
            "waxwing-store",
            "waxwing-store-sqlite",
            "waxwing-store-postgres",
            "waxwing-net",
            "waxwing-stream",
            "waxwing-c2s",
            "waxwing-component",
            "waxwing-config",
            "waxwing-admin",
            "waxwing-xeps",
        ],
    ),
    // The scenes judge the server from outside: none of its crates.
    ("waxwing-tests", &["waxwing-pgtest"]),
    ("waxwing-pgtest", &[]),
    ("waxwing-clock", &[]),
    // Measures the server from outside, and a message's way through its crates from inside.
    (
        "waxwing-bench",
        &[
            "waxwing-xml",
            "waxwing-stanza",
            "waxwing-kernel",
            "waxwing-im",
            "waxwing-sasl",
            "waxwing-xeps",
            "waxwing-store",
            "waxwing-store-sqlite",
            "waxwing-store-postgres",
            "waxwing-net",
            "waxwing-pgtest",
        ],
    ),
    ("waxwing-fuzz", &["waxwing-xml", "waxwing-stanza", "waxwing-sasl", "waxwing-c2s"]),
    ("xtask", &["waxwing-config"]),
];

/// Crates from outside that only these packages may use.
const RESERVED: &[(&str, &[&str])] = &[
    ("quick-xml", &["waxwing-xml"]),
    // Scenes hold up and break the database behind the server's back.
    ("sqlx", &["waxwing-store-sqlite", "waxwing-tests", "waxwing-bench"]),
    ("tokio-postgres", &["waxwing-store-postgres", "waxwing-pgtest"]),
    ("deadpool-postgres", &["waxwing-store-postgres"]),
    ("rcgen", &["waxwing-net"]),
    ("clap", &["waxwing", "waxwing-fuzz"]),
];

/// What must not be named in a folder's shipped code, and why.
const VOCABULARY: &[(&str, &[&str], &str)] = &[
    (
        "crates/kernel/",
        &["tokio::net", "std::net", "sqlx", "waxwing_xeps", "xep_"],
        "knows no XEP, SQL or socket",
    ),
    ("crates/im/", &["tokio::net", "sqlx", "waxwing_xeps", "xep_"], "knows no XEP, SQL or socket"),
    ("crates/c2s/", &["waxwing_xeps", "xep_"], "knows no feature"),
    ("crates/component/", &["waxwing_xeps", "xep_"], "knows no feature"),
    ("crates/stream/", &["waxwing_im", "waxwing_xeps", "xep_"], "knows no feature"),
    ("crates/net/", &["jabber:", "urn:xmpp:", "urn:ietf:params:xml:ns:xmpp", "waxwing_xml"], "knows no XMPP"),
    ("crates/store", &["waxwing_stanza", "waxwing_xml", "minidom"], "knows no stanza"),
    ("xeps/", &["tokio::net", "sqlx"], "knows no SQL or socket"),
    ("tests/scenes/", &["waxwing_xml", "waxwing_kernel", "waxwing_stanza"], "judges from outside"),
];

/// Every manifest against [`ALLOWED`].
pub fn workspace_dependencies(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, package) in packages(tree) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package) else {
            let mend = format!("{package} has no layer yet: give it one in xtask/src/tidy/layers.rs");
            found.push(violation(file, &format!("\"{package}\""), mend));
            continue;
        };
        for name in dependencies(file) {
            let ours = ALLOWED.iter().any(|(other, _)| *other == name);
            if ours && !allowed.contains(&name.as_str()) {
                found.push(violation(
                    file,
                    &name,
                    format!(
                        "{package} must not use {name}: move what is shared down, or hand it in from above"
                    ),
                ));
            }
        }
    }
    found
}

/// Every manifest against [`RESERVED`].
pub fn foreign_crates(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, package) in packages(tree) {
        for name in dependencies(file) {
            let reserved = RESERVED.iter().find(|(other, _)| *other == name);
            if let Some((_, users)) = reserved.filter(|(_, users)| !users.contains(&package.as_str())) {
                found.push(violation(file, &name, format!("only {} may use {name}", users.join(" and "))));
            }
        }
    }
    found
}

/// Shipped code against [`VOCABULARY`]. Comments may name anything.
pub fn vocabulary(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust() {
        for (folder, words, why) in VOCABULARY.iter().filter(|(folder, ..)| file.path.starts_with(folder)) {
            for (line, text) in file.shipped() {
                let code = text.split(" // ").next().unwrap_or(text);
                if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                    let mend = format!("{folder} {why}, so not `{word}`: use an interface of a lower layer");
                    found.push(Violation { path: file.path.clone(), line, rule: "layers", mend });
                }
            }
        }
    }
    found
}

/// The manifests of packages, with the package's name.
fn packages(tree: &Tree) -> impl Iterator<Item = (&File, String)> {
    tree.0.iter().filter(|file| file.path.ends_with("Cargo.toml")).filter_map(|file| {
        let manifest: toml::Table = file.text.parse().ok()?;
        Some((file, manifest.get("package")?.get("name")?.as_str()?.to_owned()))
    })
}

/// Names of what a package needs to be built. What its tests need is free.
fn dependencies(file: &File) -> Vec<String> {
    let manifest: toml::Table = file.text.parse().unwrap_or_default();
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn violation(file: &File, needle: &str, mend: String) -> Violation {
    let line = file.lines().find(|(_, text)| text.contains(needle)).map_or(1, |(line, _)| line);
    Violation { path: file.path.clone(), line, rule: "layers", mend }
}
