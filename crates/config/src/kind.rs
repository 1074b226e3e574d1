//! Types and bounds of values.

use toml::Value;

use crate::error::suggest;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, possibly empty.
    Text,
    /// A path; relative ones are taken from the folder of the file they stand in, or from the working directory.
    Path,
    /// A path or a `postgres://` URL; shown without its password.
    Storage,
    /// A domain.
    Domain,
    /// A domain or a list of them.
    Domains,
    /// A socket address or a list of them.
    Addresses,
    /// A URI or a list of them.
    Uris,
    /// A web address or a list of them.
    WebAddresses,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One or a list of these words.
    Choices(&'static [&'static str]),
    /// A whole number, and what it counts.
    Number(Unit, i64, i64),
    /// Domains with a certificate and key each.
    HostFiles,
    /// Domains with a secret each; shown without.
    Components,
    /// Domains with one of these words each.
    HostChoices(&'static [&'static str]),
    /// Domains with a whole number each, and what it counts.
    HostNumbers(Unit, i64, i64),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Millis,
    Seconds,
    Days,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Bytes => " bytes",
            Unit::Millis => " milliseconds",
            Unit::Seconds => " seconds",
            Unit::Days => " days",
        }
    }
}

impl Kind {
    /// The kind in words, for the reference and for messages.
    pub fn words(&self) -> String {
        match self {
            Kind::Text => "text".into(),
            Kind::Path => "a path".into(),
            Kind::Storage => "a path or a postgres:// URL".into(),
            Kind::Domain => "a domain".into(),
            Kind::Domains => "a domain or a list of them".into(),
            Kind::Addresses => "a socket address or a list of them".into(),
            Kind::Uris => "a URI such as \"mailto:abuse@example.org\", or a list of them".into(),
            Kind::WebAddresses => "an http or https URL, or a list of them".into(),
            Kind::Choice(words) => format!("one of {}", quoted(words)),
            Kind::Choices(words) => format!("one or a list of {}", quoted(words)),
            Kind::Number(unit, least, most) => format!("a whole number, {least} to {most}{}", unit.name()),
            Kind::HostChoices(words) => format!("a table of domains, each with one of {}", quoted(words)),
            Kind::HostNumbers(unit, least, most) => {
                format!("a table of domains, each with a whole number, {least} to {most}{}", unit.name())
            }
            Kind::HostFiles => "a table of domains, each with `certificate` and `key`".into(),
            Kind::Components => "a table of domains, each with a `secret`".into(),
        }
    }

    /// Judges type, bounds and words; what needs more is judged by the type that the value becomes.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let wrong = || Err(format!("must be {}, not {value}", self.words()));
        match (self, value) {
            (Kind::Text | Kind::Path | Kind::Storage | Kind::Domain, Value::String(_)) => Ok(()),
            (Kind::Domains | Kind::Addresses | Kind::Uris | Kind::WebAddresses, Value::String(_)) => Ok(()),
            (Kind::Domains | Kind::Addresses | Kind::Uris | Kind::WebAddresses, Value::Array(list))
                if list.iter().all(Value::is_str) =>
            {
                Ok(())
            }
            (Kind::Choice(words) | Kind::Choices(words), Value::String(word)) => among(words, word),
            (Kind::Choices(words), Value::Array(list)) => {
                list.iter().try_for_each(|item| item.as_str().map_or_else(wrong, |word| among(words, word)))
            }
            (Kind::Number(_, least, most), Value::Integer(number)) if (least..=most).contains(&number) => {
                Ok(())
            }
            (Kind::HostFiles | Kind::Components, Value::Table(_)) => Ok(()),
            // Whatever stands there may be a secret.
            (Kind::Components, _) => Err(format!("must be {}", self.words())),
            (Kind::HostChoices(words), Value::Table(table)) => table
                .values()
                .try_for_each(|item| item.as_str().map_or_else(wrong, |word| among(words, word))),
            (Kind::HostNumbers(_, least, most), Value::Table(table)) => table.values().try_for_each(|item| {
                let fits = item.as_integer().is_some_and(|number| (*least..=*most).contains(&number));
                if fits { Ok(()) } else { wrong() }
            }),
            _ => wrong(),
        }
    }
}

fn among(words: &[&str], word: &str) -> Result<(), String> {
    if words.contains(&word) {
        return Ok(());
    }
    let hint = suggest(word, words.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
    Err(format!("must be one of {}, not {word:?}{}", quoted(words), hint.unwrap_or_default()))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}
