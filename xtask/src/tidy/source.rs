//! What must not stand in the source.

use super::Violation;
use crate::tree::{File, Tree};

/// Where a task may be started in the layers that own none, and why it has an owner there.
const TASKS: &[(&str, &str)] = &[
    ("crates/kernel/src/directory.rs", "the sweep: one for the core, ends with it"),
    ("crates/kernel/src/late.rs", "writes what is written late: one for the core, ends with it"),
    ("crates/kernel/src/linger.rs", "the linger timer: one for the core, ends with it"),
    (
        "xeps/xep_0357_push/jobs.rs",
        "one for a registration with something to do, ends with that or its account",
    ),
    ("xeps/xep_0357_push/mod.rs", "reads what an account registered for one message, which nobody waits for"),
    ("xeps/words.rs", "one for an archive that is made searchable, ends when it is"),
    ("crates/kernel/src/order.rs", "one trim of a full archive, which nobody waits for"),
];

/// Scenes that sleep, and why nothing else will do.
const SLEEPERS: &[(&str, &str)] =
    &[("tests/scenes/memory.rs", "holds connections open and keeps a bystander's pace; asserts no time")];

/// Only `crates/xml` writes tags.
pub fn xml_by_hand(tree: &Tree) -> Vec<Violation> {
    search(
        tree.rust().filter(|file| !file.path.starts_with("crates/xml/")).flat_map(shipped),
        "xml by hand",
        "write it with waxwing_xml::Tag, which escapes",
        |line| {
            line.match_indices("\"<").any(|(at, _)| {
                let next = line[at + 2..].chars().next();
                next.is_some_and(|next| next.is_ascii_lowercase() || matches!(next, '/' | '?' | '!'))
            })
        },
    )
}

/// Nothing is left for later in the source.
pub fn unfinished(tree: &Tree) -> Vec<Violation> {
    const MARKS: [&str; 4] =
        [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("FIX", "ME"), concat!("TO", "DO")];
    search(
        tree.rust().flat_map(all),
        "unfinished",
        "finish it, or leave it out and write it down elsewhere",
        |line| MARKS.iter().any(|mark| line.contains(mark)),
    )
}

/// Queues have a limit.
pub fn unbounded(tree: &Tree) -> Vec<Violation> {
    const NAME: &str = concat!("unbounded", "_channel");
    search(tree.rust().flat_map(all), "unbounded", "bound it, and say what happens when it is full", |line| {
        line.contains(NAME)
    })
}

/// A scene that sleeps is slow, and wrong on a busy machine.
pub fn sleeping_scenes(tree: &Tree) -> Vec<Violation> {
    search(
        tree.rust()
            .filter(|file| file.path.starts_with("tests/scenes/"))
            .filter(|file| !SLEEPERS.iter().any(|(path, _)| *path == file.path))
            .flat_map(all),
        "sleep",
        "wait for what proves it: an answer, or a ping behind it",
        |line| line.contains("sleep("),
    )
}

/// Every task has an owner that ends it.
pub fn ownerless_tasks(tree: &Tree) -> Vec<Violation> {
    let layers = ["crates/kernel/", "crates/im/", "xeps/"];
    search(
        tree.rust()
            .filter(|file| layers.iter().any(|layer| file.path.starts_with(layer)))
            .filter(|file| !TASKS.iter().any(|(path, _)| *path == file.path))
            .flat_map(shipped),
        "tasks",
        "hand the work to the session or the writer, or list the file with its owner in xtask/src/tidy/source.rs",
        |line| line.contains("tokio::spawn") || line.contains("task::spawn("),
    )
}

type Line<'a> = (&'a File, usize, &'a str);

fn all(file: &File) -> impl Iterator<Item = Line<'_>> {
    file.lines().map(move |(number, line)| (file, number, line))
}

fn shipped(file: &File) -> impl Iterator<Item = Line<'_>> {
    file.shipped().map(move |(number, line)| (file, number, line))
}

fn search<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    rule: &'static str,
    mend: &str,
    wrong: impl Fn(&str) -> bool,
) -> Vec<Violation> {
    lines
        .filter(|(.., line)| wrong(line))
        .map(|(file, line, _)| Violation { path: file.path.clone(), line, rule, mend: mend.to_owned() })
        .collect()
}
