//! Format, lints and the house rules that no lint knows.

mod layers;
mod modules;
mod sizes;
mod source;
mod words;

use std::fmt;

use crate::{docs, steps, tree::Tree};

/// What is wrong where, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub mend: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.mend)
    }
}

/// Every rule, over the whole tree.
const RULES: &[fn(&Tree) -> Vec<Violation>] = &[
    layers::workspace_dependencies,
    layers::foreign_crates,
    layers::vocabulary,
    sizes::too_long,
    source::xml_by_hand,
    source::unfinished,
    source::unbounded,
    source::sleeping_scenes,
    source::ownerless_tasks,
    modules::header,
    modules::listed_xeps,
    modules::required_xeps,
    modules::twin_migrations,
    words::workplace,
];

/// All violations of the house rules.
fn violations(tree: &Tree) -> Vec<Violation> {
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

/// Runs everything and fails when anything is amiss; each violation is one line.
pub fn run() -> Result<(), String> {
    let tree = Tree::of_workspace()?;
    for remark in sizes::long(&tree) {
        println!("warning: {remark}");
    }
    let violations = violations(&tree);
    for violation in &violations {
        println!("{violation}");
    }
    let mut failed = Vec::new();
    if !violations.is_empty() {
        failed.push(format!("{} violations of the house rules", violations.len()));
    }
    failed.extend(docs::check().err());
    failed.extend(steps::cargo(&["fmt", "--all", "--check"]).err());
    failed.extend(
        steps::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]).err(),
    );
    if failed.is_empty() { Ok(()) } else { Err(format!("tidy: {}", failed.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::File;

    /// A small tree that no rule objects to.
    fn clean() -> Vec<(&'static str, &'static str)> {
        vec![
            (
                "crates/xml/Cargo.toml",
                "[package]\nname = \"waxwing-xml\"\n[dependencies]\nquick-xml = \"1\"\n",
            ),
            ("crates/xml/src/lib.rs", "//! XML.\nconst A: &str = \"<a>\";\n"),
            (
                "crates/kernel/Cargo.toml",
                "[package]\nname = \"waxwing-kernel\"\n[dependencies]\nwaxwing-xml = \"1\"\n",
            ),
            ("crates/kernel/src/lib.rs", "//! The kernel.\n"),
            ("xeps/lib.rs", "//! The list.\nmod xep_0030_disco;\nmod xep_0045_muc;\n"),
            ("xeps/xep_0030_disco.rs", "//! Disco.\n"),
            ("xeps/xep_0045_muc/mod.rs", "//! Rooms.\nuse crate::xep_0030_disco::Info;\nrequires: &[30],\n"),
            ("schema/sqlite/0001_log.sql", ""),
            ("schema/postgres/0001_log.sql", ""),
            ("tests/scenes/roster.rs", "//! Roster.\nconst A: &str = \"<iq/>\";\n"),
        ]
    }

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree(files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).into() }).collect())
    }

    #[test]
    fn a_clean_tree_passes() {
        assert_eq!(violations(&tree(&clean())), []);
    }

    /// Plants `text` at `path` in the clean tree and expects exactly this rule to point at this line.
    fn planted(path: &'static str, text: &'static str, rule: &str, line: usize) {
        let mut files = clean();
        files.retain(|(other, _)| *other != path);
        files.push((path, text));
        let found = violations(&tree(&files));
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line, found[0].rule), (path, line, rule));
        assert!(found[0].to_string().starts_with(&format!("{path}:{line}: {rule}: ")));
    }

    #[test]
    fn each_rule_sees_its_violation() {
        planted(
            "crates/xml/Cargo.toml",
            "[package]\nname = \"waxwing-xml\"\n[dependencies]\nwaxwing-kernel = \"1\"\n",
            "layers",
            4,
        );
        planted("crates/new/Cargo.toml", "[package]\nname = \"waxwing-new\"\n", "layers", 2);
        planted(
            "crates/kernel/Cargo.toml",
            "[package]\nname = \"waxwing-kernel\"\n[dependencies]\nsqlx = \"1\"\n",
            "layers",
            4,
        );
        planted("crates/kernel/src/lib.rs", "//! Kernel.\nuse tokio::net::TcpStream;\n", "layers", 2);
        planted("crates/net/src/lib.rs", "//! Net.\nconst NS: &str = \"jabber:client\";\n", "layers", 2);
        planted("crates/c2s/src/lib.rs", "//! C2s.\nuse waxwing_xeps::Disco;\n", "layers", 2);
        planted("crates/store/src/lib.rs", "//! Store.\nuse waxwing_stanza::Stanza;\n", "layers", 2);
        planted("crates/im/src/lib.rs", "//! Im.\nlet s = \"<presence/>\";\n", "xml by hand", 2);
        planted("crates/im/src/lib.rs", concat!("//! Im.\nfn f() { to", "do!() }\n"), "unfinished", 2);
        planted("tests/scenes/roster.rs", concat!("//! Roster.\n// FIX", "ME\n"), "unfinished", 2);
        planted(
            "crates/im/src/lib.rs",
            concat!("//! Im.\nlet (a, b) = mpsc::unbounded", "_channel();\n"),
            "unbounded",
            2,
        );
        planted("tests/scenes/roster.rs", "//! Roster.\ntokio::time::sleep(d).await;\n", "sleep", 2);
        planted("xeps/xep_0030_disco.rs", "//! Disco.\ntokio::spawn(async {});\n", "tasks", 2);
        planted("crates/im/src/lib.rs", "\nfn f() {}\n", "header", 1);
        planted("xeps/xep_0199_ping.rs", "//! Ping.\n", "list", 1);
        planted("xeps/xep_0030_disco.rs", "//! Disco.\nuse crate::xep_0045_muc::Room;\n", "requires", 2);
        planted("schema/sqlite/0002_more.sql", "", "twins", 1);
        planted("README.md", concat!("Waxwing\n\nbuilt in /wo", "rk/main\n"), "words", 3);
    }

    #[test]
    fn a_file_of_601_lines_is_too_long_and_one_of_401_is_remarked_upon() {
        let text = |lines: usize| format!("//! Long.\n{}", "fn f() {}\n".repeat(lines - 1));
        let long = |lines| Tree(vec![File { path: "crates/im/src/lib.rs".into(), text: text(lines) }]);
        assert_eq!(violations(&long(600)), []);
        assert_eq!(violations(&long(601))[0].rule, "size");
        assert_eq!((sizes::long(&long(400)).len(), sizes::long(&long(401)).len()), (0, 1));
    }

    #[test]
    fn unit_tests_may_write_xml() {
        let text = "//! Im.\n\n#[cfg(test)]\nmod tests {\n    const A: &str = \"<a/>\";\n}\n";
        assert_eq!(violations(&tree(&[("crates/im/src/lib.rs", text)])), []);
    }
}
