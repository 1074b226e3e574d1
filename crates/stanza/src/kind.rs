//! The three stanzas and their types.

use std::fmt;

/// Which stanza, and of which type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Message(MessageType),
    Presence(PresenceType),
    Iq(IqType),
}

/// RFC 6121 §5.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    Normal,
    Chat,
    Groupchat,
    Headline,
    Error,
}

/// RFC 6121 §4.7.1; `Available` is the absent type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceType {
    Available,
    Unavailable,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    Probe,
    Error,
}

/// RFC 6120 §8.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IqType {
    Get,
    Set,
    Result,
    Error,
}

impl Kind {
    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Message(_) => "message",
            Kind::Presence(_) => "presence",
            Kind::Iq(_) => "iq",
        }
    }

    /// The value of the `type` attribute, `None` where it is left out.
    pub fn type_attr(self) -> Option<&'static str> {
        match self {
            Kind::Message(t) => match t {
                MessageType::Normal => None,
                MessageType::Chat => Some("chat"),
                MessageType::Groupchat => Some("groupchat"),
                MessageType::Headline => Some("headline"),
                MessageType::Error => Some("error"),
            },
            Kind::Presence(t) => match t {
                PresenceType::Available => None,
                PresenceType::Unavailable => Some("unavailable"),
                PresenceType::Subscribe => Some("subscribe"),
                PresenceType::Subscribed => Some("subscribed"),
                PresenceType::Unsubscribe => Some("unsubscribe"),
                PresenceType::Unsubscribed => Some("unsubscribed"),
                PresenceType::Probe => Some("probe"),
                PresenceType::Error => Some("error"),
            },
            Kind::Iq(t) => Some(match t {
                IqType::Get => "get",
                IqType::Set => "set",
                IqType::Result => "result",
                IqType::Error => "error",
            }),
        }
    }

    /// Reads name and `type`. `Err(None)`: no stanza; `Err(Some(kind))`: a stanza of that kind whose type is wrong.
    pub(crate) fn read(name: &str, type_attr: Option<&str>) -> Result<Kind, Option<Kind>> {
        match name {
            // RFC 6121 §5.2.2: what is not understood counts as "normal".
            "message" => Ok(Kind::Message(match type_attr {
                Some("chat") => MessageType::Chat,
                Some("groupchat") => MessageType::Groupchat,
                Some("headline") => MessageType::Headline,
                Some("error") => MessageType::Error,
                _ => MessageType::Normal,
            })),
            "presence" => Ok(Kind::Presence(match type_attr {
                None => PresenceType::Available,
                Some("unavailable") => PresenceType::Unavailable,
                Some("subscribe") => PresenceType::Subscribe,
                Some("subscribed") => PresenceType::Subscribed,
                Some("unsubscribe") => PresenceType::Unsubscribe,
                Some("unsubscribed") => PresenceType::Unsubscribed,
                Some("probe") => PresenceType::Probe,
                Some("error") => PresenceType::Error,
                Some(_) => return Err(Some(Kind::Presence(PresenceType::Available))),
            })),
            "iq" => Ok(Kind::Iq(match type_attr {
                Some("get") => IqType::Get,
                Some("set") => IqType::Set,
                Some("result") => IqType::Result,
                Some("error") => IqType::Error,
                _ => return Err(Some(Kind::Iq(IqType::Get))),
            })),
            _ => Err(None),
        }
    }

    /// The same stanza's error form.
    pub fn error(self) -> Kind {
        match self {
            Kind::Message(_) => Kind::Message(MessageType::Error),
            Kind::Presence(_) => Kind::Presence(PresenceType::Error),
            Kind::Iq(_) => Kind::Iq(IqType::Error),
        }
    }

    /// Whether an error may answer it: never an error, never an IQ result (RFC 6120 §8.3.1).
    pub fn may_be_answered(self) -> bool {
        !matches!(
            self,
            Kind::Message(MessageType::Error)
                | Kind::Presence(PresenceType::Error)
                | Kind::Iq(IqType::Error | IqType::Result)
        )
    }

    /// An IQ that asks for an answer.
    pub fn is_request(self) -> bool {
        matches!(self, Kind::Iq(IqType::Get | IqType::Set))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name(), self.type_attr().unwrap_or("-"))
    }
}
