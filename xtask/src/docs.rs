//! The generated references.

use std::fs;

use crate::tree::root;

/// Path and text of each.
fn generated() -> Vec<(&'static str, String)> {
    vec![("docs/configuration.md", waxwing_config::reference())]
}

/// Writes them.
pub fn write() -> Result<(), String> {
    for (path, text) in generated() {
        let file = root().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}");
    }
    Ok(())
}

/// Fails when one of them is not what would be written.
pub fn check() -> Result<(), String> {
    let stale: Vec<&str> = generated()
        .iter()
        .filter(|(path, text)| fs::read_to_string(root().join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| *path)
        .collect();
    if stale.is_empty() { Ok(()) } else { Err(format!("{} is stale: cargo xtask docs", stale.join(" and "))) }
}
