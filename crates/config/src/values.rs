//! Values with where they came from, and what they become.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jid::DomainPart;
use toml::Value;

use crate::ConfigError;
use crate::declare::Key;
use crate::kind::{Kind, Unit};

/// Where an effective value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Set,
    Data,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Set => f.write_str("--set"),
            Origin::Data => f.write_str("--data"),
        }
    }
}

/// Where everything is stored.
#[derive(Clone, PartialEq, Eq)]
pub enum Storage {
    /// An SQLite database file.
    Sqlite(PathBuf),
    /// A Postgres URL; may hold a password.
    Postgres(String),
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Storage::Sqlite(path) => write!(f, "{}", path.display()),
            Storage::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The PEM files of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What is shared with a component; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}

/// One key's value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: &'static Key,
    pub value: Value,
    pub origin: Origin,
}

impl Entry {
    /// The value as text; kinds that are text were checked to be.
    pub fn text(&self) -> Result<&str, String> {
        self.value.as_str().ok_or_else(|| "must be text".into())
    }

    /// What is wrong, with the place and the key.
    pub fn error(&self, what: &str) -> ConfigError {
        ConfigError::new(format!("{}: {} {what}", self.origin, self.key.name))
    }

    /// The value as TOML, without secrets.
    pub fn shown(&self) -> String {
        match (&self.key.kind, &self.value) {
            (Kind::Storage, Value::String(url)) => Value::String(without_password(url)).to_string(),
            (Kind::Components, Value::Table(table)) => without_secrets(table).to_string(),
            (_, value) => value.to_string(),
        }
    }

    /// `path`, from the folder of the file that it stands in.
    fn based(&self, path: &str) -> PathBuf {
        match &self.origin {
            Origin::File { path: file, .. } => file.parent().unwrap_or(Path::new("")).join(path),
            _ => PathBuf::from(path),
        }
    }
}

/// Every key's effective value.
#[derive(Debug)]
pub(crate) struct Values(pub BTreeMap<&'static str, Entry>);

impl Values {
    pub fn get<T: FromEntry>(&self, name: &str) -> Result<T, ConfigError> {
        let entry = self.entry(name)?;
        T::from_entry(entry, &entry.key.kind).map_err(|what| entry.error(&what))
    }

    pub fn entry(&self, name: &str) -> Result<&Entry, ConfigError> {
        self.0.get(name).ok_or_else(|| ConfigError::new(format!("{name} is not declared")))
    }
}

/// A type that a key's value becomes. The value has passed its kind's checks.
pub(crate) trait FromEntry: Sized {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String>;
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl FromEntry for $type {
            fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
                let number = entry.value.as_integer().ok_or("must be a whole number")?;
                <$type>::try_from(number).map_err(|_| format!("must not be {number}"))
            }
        }
    )*};
}
number!(u32 u64 usize);

impl FromEntry for Duration {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String> {
        let number = u64::from_entry(entry, kind)?;
        match kind {
            Kind::Number(Unit::Millis, ..) => Ok(Duration::from_millis(number)),
            Kind::Number(Unit::Days, ..) | Kind::HostNumbers(Unit::Days, ..) => {
                Ok(Duration::from_secs(number.saturating_mul(86_400)))
            }
            _ => Ok(Duration::from_secs(number)),
        }
    }
}

impl FromEntry for Option<String> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        Ok(Some(entry.text()?.to_owned()).filter(|text| !text.is_empty()))
    }
}

impl FromEntry for Option<PathBuf> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        Ok(Some(entry.text()?).filter(|text| !text.is_empty()).map(|text| entry.based(text)))
    }
}

impl FromEntry for PathBuf {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String> {
        Option::from_entry(entry, kind)?.ok_or_else(|| "must not be empty".into())
    }
}

impl FromEntry for Option<Storage> {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String> {
        let text = entry.text()?;
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Some(Storage::Postgres(text.to_owned())));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("must be {}, not a {scheme}:// URL", kind.words()));
        }
        Ok(Option::from_entry(entry, kind)?.map(Storage::Sqlite))
    }
}

impl FromEntry for DomainPart {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        domain(entry.text()?)
    }
}

impl FromEntry for Vec<DomainPart> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        let mut domains = Vec::new();
        for text in strings(&entry.value) {
            let domain = domain(text)?;
            if domains.contains(&domain) {
                return Err(format!("names {domain} twice"));
            }
            domains.push(domain);
        }
        Ok(domains)
    }
}

impl FromEntry for Vec<SocketAddr> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        let address = |text: &str| {
            text.parse().map_err(|_| {
                format!(
                    "must be an address and a port such as \"[::]:5222\" or \"127.0.0.1:0\", not {text:?}"
                )
            })
        };
        strings(&entry.value).map(address).collect()
    }
}

impl FromEntry for Vec<String> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        Ok(strings(&entry.value).map(str::to_owned).collect())
    }
}

impl FromEntry for BTreeMap<DomainPart, HostFiles> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        let table = entry.value.as_table().ok_or("must be a table")?;
        table.iter().map(|(name, files)| Ok((domain(name)?, host_files(entry, name, files)?))).collect()
    }
}

impl<T: FromEntry> FromEntry for BTreeMap<DomainPart, T> {
    fn from_entry(entry: &Entry, kind: &Kind) -> Result<Self, String> {
        let table = entry.value.as_table().ok_or("must be a table")?;
        let one = |(name, value): (&String, &Value)| {
            let entry = Entry { value: value.clone(), ..entry.clone() };
            Ok((domain(name)?, T::from_entry(&entry, kind)?))
        };
        table.iter().map(one).collect()
    }
}

fn host_files(entry: &Entry, name: &str, files: &Value) -> Result<HostFiles, String> {
    let need = || format!("needs a `certificate` and a `key`, both paths, for {name:?}");
    let files = files.as_table().ok_or_else(need)?;
    if let Some(other) = files.keys().find(|key| !matches!(key.as_str(), "certificate" | "key")) {
        return Err(format!("takes `certificate` and `key` for {name:?}, not {other:?}"));
    }
    let path = |key| files.get(key).and_then(Value::as_str).map(|path| entry.based(path)).ok_or_else(need);
    Ok(HostFiles { certificate: path("certificate")?, key: path("key")? })
}

impl FromEntry for BTreeMap<DomainPart, Secret> {
    fn from_entry(entry: &Entry, _kind: &Kind) -> Result<Self, String> {
        let table = entry.value.as_table().ok_or("must be a table")?;
        table.iter().map(|(name, given)| Ok((domain(name)?, secret(name, given)?))).collect()
    }
}

fn secret(name: &str, given: &Value) -> Result<Secret, String> {
    let given = given.as_table().ok_or_else(|| format!("needs a table with a `secret` for {name:?}"))?;
    if let Some(other) = given.keys().find(|key| *key != "secret") {
        return Err(format!("takes `secret` for {name:?}, not {other:?}"));
    }
    match given.get("secret").and_then(Value::as_str) {
        Some(secret) if !secret.is_empty() => Ok(Secret(secret.to_owned())),
        _ => Err(format!("needs a `secret`, a text that is not empty, for {name:?}")),
    }
}

/// A table of domains with `***` for each secret, for people to see.
fn without_secrets(table: &toml::Table) -> Value {
    let hidden = || Value::Table([("secret".to_owned(), Value::from("***"))].into_iter().collect());
    Value::Table(table.keys().map(|domain| (domain.clone(), hidden())).collect())
}

/// The texts of one text or of a list.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter().filter_map(Value::as_str)
}

fn domain(text: &str) -> Result<DomainPart, String> {
    DomainPart::new(text)
        .map(|domain| domain.into_owned())
        .map_err(|error| format!("must be a domain, and {text:?} is none: {error}"))
}

/// A URL with `***` for the password, for people to see.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let hidden =
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => format!("{scheme}://{user}:***@{host}{}", &rest[authority.len()..]),
            None => url.to_owned(),
        };
    match hidden.split_once("password=") {
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |end| &after[end..]);
            format!("{before}password=***{rest}")
        }
        None => hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let table: toml::Table = "\"c.example\" = { secret = \"s3cret\" }".parse().unwrap();
        assert_eq!(without_secrets(&table).to_string(), "{ \"c.example\" = { secret = \"***\" } }");
        assert_eq!(format!("{:?}", Secret("s3cret".into())), "\"***\"");
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://u:p%40ss@h:5/db?a=b"), "postgres://u:***@h:5/db?a=b");
        assert_eq!(without_password("postgres://u:p@x@h/db"), "postgres://u:***@h/db");
        assert_eq!(
            without_password("postgres:///db?host=/run&password=x&a=b"),
            "postgres:///db?host=/run&password=***&a=b"
        );
        assert_eq!(without_password("postgres://u@h/db"), "postgres://u@h/db");
        assert_eq!(format!("{:?}", Storage::Postgres("postgres://u:p@h/db".into())), "postgres://u:***@h/db");
    }
}
