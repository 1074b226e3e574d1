//! Stanza errors (RFC 6120 §8.3).

use std::borrow::Cow;

use waxwing_xml::Tag;

use crate::ns;

/// RFC 6120 §8.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    Auth,
    Cancel,
    Continue,
    Modify,
    Wait,
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident = $element:literal, $kind:ident;)*) => {
        /// RFC 6120 §8.3.3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Condition { $($(#[$doc])* $name,)* }

        impl Condition {
            /// The element's name.
            pub fn element(self) -> &'static str {
                match self { $(Condition::$name => $element,)* }
            }
            /// The type that the RFC associates with it.
            pub fn usual_type(self) -> ErrorType {
                match self { $(Condition::$name => ErrorType::$kind,)* }
            }
        }
    };
}

conditions! {
    BadRequest = "bad-request", Modify;
    Conflict = "conflict", Cancel;
    FeatureNotImplemented = "feature-not-implemented", Cancel;
    Forbidden = "forbidden", Auth;
    InternalServerError = "internal-server-error", Cancel;
    ItemNotFound = "item-not-found", Cancel;
    JidMalformed = "jid-malformed", Modify;
    NotAcceptable = "not-acceptable", Modify;
    NotAllowed = "not-allowed", Cancel;
    NotAuthorized = "not-authorized", Auth;
    PolicyViolation = "policy-violation", Modify;
    RecipientUnavailable = "recipient-unavailable", Wait;
    RegistrationRequired = "registration-required", Auth;
    RemoteServerNotFound = "remote-server-not-found", Cancel;
    RemoteServerTimeout = "remote-server-timeout", Wait;
    ResourceConstraint = "resource-constraint", Wait;
    ServiceUnavailable = "service-unavailable", Cancel;
    UnexpectedRequest = "unexpected-request", Wait;
}

/// An error to answer a stanza with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StanzaError {
    pub kind: ErrorType,
    pub condition: Condition,
    /// For people, in English.
    pub text: Option<Cow<'static, str>>,
    /// An application-specific condition: name and namespace.
    pub app: Option<(&'static str, &'static str)>,
}

impl StanzaError {
    pub fn new(condition: Condition) -> StanzaError {
        StanzaError { kind: condition.usual_type(), condition, text: None, app: None }
    }

    /// Nobody takes it. The same where there is no such account, where nobody is connected and where the sender is
    /// blocked: it must not say which.
    pub fn nobody() -> StanzaError {
        StanzaError::new(Condition::ServiceUnavailable).text("nobody can be reached at this address")
    }

    /// Its domain is not ours.
    pub fn elsewhere() -> StanzaError {
        StanzaError::new(Condition::RemoteServerNotFound)
            .text("this server is not connected to other servers")
    }

    /// Whom it is for has as many waiting as may be.
    pub fn waiting() -> StanzaError {
        StanzaError::new(Condition::ServiceUnavailable).text("too many messages wait for this person")
    }

    /// What decides about it does not answer.
    pub fn unanswering() -> StanzaError {
        StanzaError::new(Condition::InternalServerError).text("the server's storage does not answer")
    }

    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> StanzaError {
        self.text = Some(text.into());
        self
    }

    pub fn kind(mut self, kind: ErrorType) -> StanzaError {
        self.kind = kind;
        self
    }

    pub fn app(mut self, name: &'static str, ns: &'static str) -> StanzaError {
        self.app = Some((name, ns));
        self
    }

    /// The `<error/>` element.
    pub fn write(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            ErrorType::Auth => "auth",
            ErrorType::Cancel => "cancel",
            ErrorType::Continue => "continue",
            ErrorType::Modify => "modify",
            ErrorType::Wait => "wait",
        };
        Tag::new(out, "error").attr("type", kind).children(|out| {
            Tag::new(out, self.condition.element()).attr("xmlns", ns::STANZAS).end_empty();
            if let Some(text) = &self.text {
                Tag::new(out, "text").attr("xmlns", ns::STANZAS).attr("xml:lang", "en").text(text);
            }
            if let Some((name, app_ns)) = self.app {
                Tag::new(out, name).attr("xmlns", app_ns).end_empty();
            }
        });
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> StanzaError {
        StanzaError::new(condition)
    }
}
