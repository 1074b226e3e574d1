//! What went wrong, said to people in one line.

use std::fmt;

/// One line: what failed, where, and where it helps what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetError(pub(crate) String);

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NetError {}
