//! Addresses of people and documents.

use jid::Jid;

use crate::kind::Kind;
use crate::values::{Entry, FromEntry};

/// A URI, as it is told to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri(pub String);

impl FromEntry for Vec<Uri> {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String> {
        let web = *kind == Kind::WebAddresses;
        let judge = |text: String| match judge(&text, web) {
            Ok(()) => Ok(Uri(text)),
            Err(why) => Err(format!("must be {}, and {text:?} {why}", kind.words())),
        };
        Vec::<String>::from_entry(entry, kind)?.into_iter().map(judge).collect()
    }
}

/// RFC 3986 §3, with the characters of RFC 3987; the schemes that people are reached by, more closely.
fn judge(text: &str, web: bool) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once(':') else { return Err("has no scheme".into()) };
    let sound = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'));
    let fits = |it: char| !it.is_whitespace() && !it.is_control() && !"<>\"{}|\\^`".contains(it);
    if !sound || rest.is_empty() || !rest.chars().all(fits) {
        return Err("is none".into());
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => match rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next())
        {
            Some(host) if !host.is_empty() => Ok(()),
            _ => Err("names no host".into()),
        },
        _ if web => Err("is no web address".into()),
        "mailto" if path.split_once('@').is_none_or(|(user, host)| user.is_empty() || host.is_empty()) => {
            Err("is no mail address".into())
        }
        "xmpp" if !path.contains('%') && Jid::new(path).is_err() => Err("is no JID".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn what_is_an_address() {
        for fine in [
            "mailto:abuse@example.org",
            "xmpp:admin@example.org?message",
            "xmpp:example.org",
            "https://example.org/abuse?a=b#c",
            "tel:+1-201-555-0123",
            "https://münchen.example/ä",
            "xmpp:o%27reilly@example.org",
        ] {
            assert_eq!(judge(fine, false), Ok(()), "{fine}");
        }
        for bad in [
            "",
            "abuse@example.org",
            "mailto:",
            "mailto:abuse",
            "mailto:@example.org",
            "xmpp:@",
            "https:example.org",
            "https:///x",
            "1a:b",
            "a b:c",
            "https://example.org/a b",
            "mailto:<abuse@example.org>",
        ] {
            assert!(judge(bad, false).is_err(), "{bad}");
        }
        assert_eq!(judge("https://example.org/status.json", true), Ok(()));
        assert!(judge("mailto:abuse@example.org", true).is_err());
    }
}
