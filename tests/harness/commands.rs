//! The operator's commands.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{Server, process};

impl Server {
    /// Runs another `waxwing` command with this server's configuration, for at most 30 s.
    pub fn cli(&self, command: &[&str], stdin: &str) -> Output {
        let mut process = limited();
        process.arg(process::binary()).args(command).args(self.arguments()).current_dir(self.folder());
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(file) = self.time() {
            process::set_clock(&mut process, file);
        }
        let mut child = process.spawn().expect("the waxwing binary");
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        child.wait_with_output().expect("the command's output")
    }

    /// Runs a `waxwing` command that is told nothing but this, for at most 30 s.
    pub fn bare_cli(command: &[&str]) -> Output {
        let mut process = limited();
        process.arg(process::binary()).args(command).stdin(Stdio::null());
        process.output().expect("the command's output")
    }

    /// A command that succeeds; what it prints.
    pub fn succeeds(&self, command: &[&str], stdin: &str) -> String {
        let output = self.cli(command, stdin);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A command that fails, with this one clear line.
    pub fn fails(&self, command: &[&str], stdin: &str) -> String {
        let output = self.cli(command, stdin);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{command:?} went through: {printed}");
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert!(said.starts_with("waxwing: ") && printed.is_empty(), "{command:?}: {said} {printed}");
        assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
        said
    }

    /// Runs a command at a terminal, for at most 30 s, and types each answer when its question was asked and the
    /// terminal shows no more what is typed; whether it succeeded, and all that the terminal showed.
    pub fn at_terminal(&self, command: &[&str], dialogue: &[(&str, &str)]) -> (bool, String) {
        let words = [process::binary().as_os_str()];
        let words = words.into_iter().chain(command.iter().map(|word| word.as_ref()));
        let words = words.chain(self.arguments().iter().map(|word| word.as_os_str()));
        let quoted = words.map(|word| format!("'{}' ", word.to_str().expect("UTF-8").replace('\'', "'\\''")));
        let named = self.folder().join("terminal");
        let _ = fs::remove_file(&named);
        let run = format!("tty > '{}'; {}", named.display(), quoted.collect::<String>());
        let mut process = limited();
        // Debian: bsdutils.
        process.args(["script", "--quiet", "--return", "--command", &run, "/dev/null"]);
        process.current_dir(self.folder()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = process.spawn().expect("script");
        let (mut keyboard, mut screen) =
            (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (mut shown, mut seen) = (Vec::new(), 0);
        for (question, answer) in dialogue {
            while !String::from_utf8_lossy(&shown[seen..]).contains(question) {
                let mut bytes = [0; 1024];
                let read = screen.read(&mut bytes).expect("the terminal");
                assert!(read > 0, "{question} was not asked: {}", String::from_utf8_lossy(&shown));
                shown.extend_from_slice(&bytes[..read]);
            }
            seen = shown.len();
            while !is_silent(&named) {}
            writeln!(keyboard, "{answer}").expect("the terminal");
        }
        screen.read_to_end(&mut shown).expect("the terminal");
        let status = child.wait().expect("the command's end");
        (status.success(), String::from_utf8_lossy(&shown).into_owned())
    }
}

/// Whether the terminal named in the file does not echo.
fn is_silent(named: &Path) -> bool {
    let terminal = fs::read_to_string(named).expect("the terminal's name");
    let settings = Command::new("stty").args(["--file", terminal.trim(), "--all"]).output().expect("stty");
    assert!(settings.status.success(), "{}", String::from_utf8_lossy(&settings.stderr));
    String::from_utf8_lossy(&settings.stdout).split_whitespace().any(|word| word == "-echo")
}

/// Kills what it runs after 30 s.
fn limited() -> Command {
    let mut process = Command::new("timeout");
    process.args(["--signal=KILL", "30"]);
    process
}
