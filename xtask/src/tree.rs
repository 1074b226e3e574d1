//! The project's files, as the rules see them.

use std::{fs, path::PathBuf, process::Command};

/// One text file.
pub struct File {
    /// Relative to the workspace, with `/`.
    pub path: String,
    pub text: String,
}

/// The files that the rules judge.
pub struct Tree(pub Vec<File>);

/// The workspace's folder.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

impl Tree {
    /// What git knows or would add; files that are no text are left out.
    pub fn of_workspace() -> Result<Tree, String> {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root())
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        if !listed.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim()));
        }
        let paths = String::from_utf8_lossy(&listed.stdout);
        let files = paths.split('\0').filter(|path| !path.is_empty()).filter_map(|path| {
            // Deleted but still in the index, or binary: nothing to judge.
            let text = fs::read_to_string(root().join(path)).ok()?;
            Some(File { path: path.to_owned(), text })
        });
        Ok(Tree(files.collect()))
    }

    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.0.iter().filter(|file| file.path.ends_with(".rs"))
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.0.iter().find(|file| file.path == path)
    }
}

impl File {
    /// Lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Lines of code that ships: no comments, nothing from `#[cfg(test)] mod` on.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() { 0 } else { self.tests_begin() };
        self.lines().take(end).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether the whole file is a test: under a `tests` folder, or `tests.rs`.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// How many lines stand before the unit tests.
    pub fn tests_begin(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_end().ends_with('{'))
            .unwrap_or(lines.len())
    }
}
