//! The generated references.

use std::fs;
use std::process::Command;

use crate::steps;
use crate::tree::root;

/// Path and text of each.
const CONFIGURATION: &str = "docs/configuration.md";

fn generated() -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![(CONFIGURATION, waxwing_config::reference()), ("docs/xeps.md", xeps()?)])
}

/// Printed by the modules themselves: this program does not wait for the whole server to be built.
fn xeps() -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the reference of the XEPs: {error}");
    let printed = Command::new(steps::cargo_path())
        .args(["run", "--quiet", "--package", "waxwing-xeps", "--example", "reference"])
        .output()
        .map_err(|error| failed(&error))?;
    if !printed.status.success() {
        return Err(failed(&String::from_utf8_lossy(&printed.stderr)));
    }
    String::from_utf8(printed.stdout).map_err(|error| failed(&error))
}

/// Writes them.
pub fn write() -> Result<(), String> {
    for (path, text) in generated()? {
        let file = root().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}");
    }
    Ok(())
}

/// Fails when the configuration's is not what would be written. The XEPs' is looked at by a test of theirs.
pub fn check() -> Result<(), String> {
    let written = fs::read_to_string(root().join(CONFIGURATION)).ok();
    if written == Some(waxwing_config::reference()) {
        return Ok(());
    }
    Err(format!("{CONFIGURATION} is stale: cargo xtask docs"))
}
