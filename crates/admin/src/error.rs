//! Why a command failed, said to people in one line.

use std::fmt;

use waxwing_store::StoreError;

/// One line: what could not be done and why. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminError(pub String);

impl AdminError {
    /// There is no such account.
    pub fn no_account(jid: &str) -> Self {
        Self(format!("there is no account {jid}"))
    }

    /// There is no such report.
    pub fn no_report(id: u64) -> Self {
        Self(format!("there is no report {}", crate::report_name(id)))
    }

    /// The account has no such device.
    pub fn no_device(jid: &str, device: &str) -> Self {
        Self(format!("{jid} has no device {device}"))
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AdminError {}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self(error.0)
    }
}
