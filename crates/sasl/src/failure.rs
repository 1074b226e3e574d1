//! Why a login failed.

use std::fmt;

/// Why a login failed: the defined conditions of RFC 6120 §6.5. A refused mechanism, an unreadable
/// message and a failed proof are told apart; an unknown account and a wrong password are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The client sent `<abort/>`.
    Aborted,
    /// The account exists and was disabled. To be sent only after a successful proof.
    AccountDisabled,
    /// The credentials have expired. To be sent only after a successful proof.
    CredentialsExpired,
    /// The mechanism is offered under TLS only.
    EncryptionRequired,
    /// The data is not base64 as RFC 4648 §4 has it.
    IncorrectEncoding,
    /// The authorization identity is not the bare JID of the account that authenticates.
    InvalidAuthzid,
    /// The mechanism was not offered.
    InvalidMechanism,
    /// The message breaks the mechanism's grammar, or a limit.
    MalformedRequest,
    /// The mechanism is weaker than policy allows for this account.
    MechanismTooWeak,
    /// Wrong credentials, unknown account, or a channel binding that does not hold.
    NotAuthorized,
    /// The server cannot judge at the moment, or the client has failed too often.
    TemporaryAuthFailure,
}

impl Failure {
    /// The condition's element name.
    pub fn condition(self) -> &'static str {
        match self {
            Failure::Aborted => "aborted",
            Failure::AccountDisabled => "account-disabled",
            Failure::CredentialsExpired => "credentials-expired",
            Failure::EncryptionRequired => "encryption-required",
            Failure::IncorrectEncoding => "incorrect-encoding",
            Failure::InvalidAuthzid => "invalid-authzid",
            Failure::InvalidMechanism => "invalid-mechanism",
            Failure::MalformedRequest => "malformed-request",
            Failure::MechanismTooWeak => "mechanism-too-weak",
            Failure::NotAuthorized => "not-authorized",
            Failure::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.condition())
    }
}

impl std::error::Error for Failure {}
