//! `docs/configuration.md`.

use crate::keys::SECTIONS;

const HEAD: &str = "\
# Configuration

Generated from the keys' declarations (`cargo xtask docs`); edit those.

Waxwing reads one TOML file: the one given with `--config`, else `waxwing.toml` in the working directory if there
is one. Every key is optional. An unknown key is an error. `--set key=value` sets a key on the command line, over
the file, with a TOML value or bare text: `--set domain=example.org --set limits.stanza=65536`. `--data DIR` is short
for the key `data`. Relative paths in a file are taken from the file's folder, on the command line from the working
directory.

`waxwing config check` judges a configuration without starting anything; `waxwing config show` prints every key with
the value in force and where it was set.
";

/// The reference of every key, as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        page.push_str(&format!("\n## {}\n", paragraph(section.about)));
        for key in section.keys {
            page.push_str(&format!(
                "\n### `{}`\n\n{}\n\nTakes {}. Default: `{}`.\n",
                key.name,
                paragraph(key.doc),
                key.kind.words(),
                key.default
            ));
        }
    }
    page
}

/// The lines of a doc comment as one paragraph.
fn paragraph(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
