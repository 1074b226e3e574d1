//! Where a command gets a password from.

use std::io::{self, BufRead, IsTerminal};

use crate::AdminError;

/// Longer input is no password.
const MAX_INPUT: u64 = 64 * 1024;

/// Where from.
#[derive(Debug)]
pub enum PasswordSource {
    Given(String),
    /// The first line of standard input.
    Stdin,
    /// Asked for twice, unseen, on the terminal.
    Prompt,
}

/// The password, not empty.
///
/// # Errors
/// It is empty, the two entries differ, or there is nobody to ask.
pub fn read_password(source: PasswordSource) -> Result<String, AdminError> {
    let password = match source {
        PasswordSource::Given(password) => password,
        PasswordSource::Stdin => first_line(io::stdin().lock())?,
        PasswordSource::Prompt => prompt()?,
    };
    if password.is_empty() {
        return Err(AdminError("the password is empty".into()));
    }
    Ok(password)
}

fn first_line(input: impl BufRead) -> Result<String, AdminError> {
    let mut line = String::new();
    input
        .take(MAX_INPUT)
        .read_line(&mut line)
        .map_err(|error| AdminError(format!("standard input holds no password: {error}")))?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

fn prompt() -> Result<String, AdminError> {
    if !io::stdin().is_terminal() {
        return Err(AdminError("no terminal to ask for the password on: use --password or --stdin".into()));
    }
    let ask = |text| {
        rpassword::prompt_password(text)
            .map_err(|error| AdminError(format!("cannot ask for the password: {error}")))
    };
    let password = ask("Password: ")?;
    if !password.is_empty() && ask("Once more: ")? != password {
        return Err(AdminError("the two passwords differ".into()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_input_without_its_end() {
        assert_eq!(first_line(&b"se cret \r\nmore\n"[..]).unwrap(), "se cret ");
        assert_eq!(first_line(&b"secret"[..]).unwrap(), "secret");
        assert!(first_line(&b"\xff\n"[..]).is_err());
        assert_eq!(
            read_password(PasswordSource::Given(String::new())).unwrap_err().0,
            "the password is empty"
        );
    }
}
