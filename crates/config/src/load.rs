//! From file and command line to a checked [`Config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jid::{DomainPart, DomainRef};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::ConfigError;
use crate::declare::Key;
use crate::error::suggest;
use crate::keys::{
    Archive, Components, Contact, Delivery, General, Keepalive, Limits, Listen, Log, Push, Registration,
    Reports, SECTIONS, Sasl, Sm, Strangers, Tls,
};
use crate::values::{Entry, Origin, Storage, Values};

/// The file that is used without `--config`, where it exists.
const DEFAULT_FILE: &str = "waxwing.toml";

/// A configuration file is at most this long.
const MAX_FILE: u64 = 1024 * 1024;

/// Everything in force, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The domains served, prepared; at least one, the first is the default.
    pub hosts: Vec<DomainPart>,
    /// The data folder.
    pub data: PathBuf,
    /// The database.
    pub storage: Storage,
    /// In-band registration.
    pub registration: Registration,
    pub contact: Contact,
    pub listen: Listen,
    pub components: Components,
    pub tls: Tls,
    pub sasl: Sasl,
    pub sm: Sm,
    pub keepalive: Keepalive,
    pub delivery: Delivery,
    pub archive: Archive,
    pub push: Push,
    pub strangers: Strangers,
    pub reports: Reports,
    pub log: Log,
    pub limits: Limits,
}

/// One key's effective value, for people: TOML, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub key: &'static str,
    pub value: String,
    pub origin: Origin,
}

/// A configuration and where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Every key, in the order of the reference.
    pub origins: Vec<Effective>,
}

impl Config {
    /// Loads and checks the configuration. Later wins: defaults, `file` (without one `./waxwing.toml`, if it
    /// exists), `data` as the key `data`, then each of `sets`: `key=value` with a TOML value or bare text.
    ///
    /// # Errors
    /// One line naming the place, the fault and the remedy, for the first fault found.
    pub fn load(file: Option<&Path>, data: Option<&Path>, sets: &[String]) -> Result<Loaded, ConfigError> {
        let mut values = defaults()?;
        let default_file = Path::new(DEFAULT_FILE);
        if let Some(path) = file.or_else(|| default_file.exists().then_some(default_file)) {
            read_file(path, &mut values)?;
        }
        if let Some(data) = data {
            let text = data.to_str().ok_or_else(|| ConfigError::new("--data: the path is not UTF-8"))?;
            put(&mut values, find("data")?, Value::String(text.to_owned()), Origin::Data)?;
        }
        for set in sets {
            read_set(set, &mut values)?;
        }
        let config = build(&values)?;
        let origins = declared()
            .filter_map(|key| values.0.get(key.name))
            .map(|entry| Effective {
                key: entry.key.name,
                value: entry.shown(),
                origin: entry.origin.clone(),
            })
            .collect();
        Ok(Loaded { config, origins })
    }

    /// Whether `domain` is one of ours.
    pub fn serves(&self, domain: &DomainRef) -> bool {
        self.hosts.iter().any(|host| **host == *domain)
    }

    /// The default domain.
    pub fn domain(&self) -> &DomainRef {
        &self.hosts[0] // `build` makes it non-empty
    }
}

impl Loaded {
    /// Every key with its effective value as TOML, and where it was set as a comment.
    pub fn show(&self) -> String {
        let width = self.origins.iter().map(|one| one.key.len() + one.value.len()).max().unwrap_or(0).min(60);
        self.origins
            .iter()
            .map(|Effective { key, value, origin }| {
                let gap = width.saturating_sub(key.len() + value.len());
                format!("{key} = {value}{:gap$}  # {origin}\n", "")
            })
            .collect()
    }
}

fn declared() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

fn find(name: &str) -> Result<&'static Key, ConfigError> {
    if let Some(key) = declared().find(|key| key.name == name) {
        return Ok(key);
    }
    let groups = || declared().filter_map(|key| key.name.split_once('.')).map(|(group, _)| group);
    if groups().any(|group| group == name) {
        return Err(ConfigError::new(format!("`{name}` is a group of keys, it takes no value itself")));
    }
    let hint = suggest(name, declared().map(|key| key.name).chain(groups()));
    let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(ConfigError::new(format!("unknown key `{name}`{hint}")))
}

fn defaults() -> Result<Values, ConfigError> {
    let mut values = Values(BTreeMap::new());
    for key in declared() {
        let value = value_of(key.default)
            .ok_or_else(|| ConfigError::new(format!("{}: its default is no TOML value", key.name)))?;
        put(&mut values, key, value, Origin::Default)?;
    }
    Ok(values)
}

fn value_of(text: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("value = {text}")).ok()?.remove("value")
}

fn put(values: &mut Values, key: &'static Key, value: Value, origin: Origin) -> Result<(), ConfigError> {
    let entry = Entry { key, value, origin };
    key.kind.check(&entry.value).map_err(|what| entry.error(&what))?;
    values.0.insert(key.name, entry);
    Ok(())
}

fn read_file(path: &Path, values: &mut Values) -> Result<(), ConfigError> {
    let at = |what: String| ConfigError::new(format!("{}: {what}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| at(format!("cannot be read: {error}")))?.len();
    if size > MAX_FILE {
        return Err(at(format!("is longer than {MAX_FILE} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| at(format!("cannot be read: {error}")))?;
    let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let document = DeTable::parse(&text).map_err(|error| {
        let place = error.span().map_or(1, |span| line(span.start));
        ConfigError::new(format!("{}:{place}: {}", path.display(), error.message().replace('\n', ", ")))
    })?;
    let mut leaves = Vec::new();
    let place = |offset| format!("{}:{}", path.display(), line(offset));
    leaves_of("", document.get_ref(), &place, &mut leaves)?;
    for (key, value, offset) in leaves {
        let origin = Origin::File { path: path.to_owned(), line: line(offset) };
        let value =
            plain(&value).map_err(|what| ConfigError::new(format!("{origin}: {} {what}", key.name)))?;
        put(values, key, value, origin)?;
    }
    Ok(())
}

fn read_set(text: &str, values: &mut Values) -> Result<(), ConfigError> {
    let wrong = |what: &str| ConfigError::new(format!("--set {text:?}: {what}"));
    let (name, bare) = text.split_once('=').ok_or_else(|| wrong("must be key=value"))?;
    // As cargo's --config: TOML where it is TOML, else the text as it stands.
    let quoted = format!("{name} = {}", Value::String(bare.trim().to_owned()));
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(_) => DeTable::parse(&quoted).map_err(|_| wrong("the part before `=` is no key"))?,
    };
    let mut leaves = Vec::new();
    leaves_of("", document.get_ref(), &|_| "--set".to_owned(), &mut leaves)?;
    for (key, value, _) in leaves {
        let value = plain(&value).map_err(|what| wrong(&what))?;
        put(values, key, value, Origin::Set)?;
    }
    Ok(())
}

type Leaf<'a> = (&'static Key, DeValue<'a>, usize);

/// The declared keys under `table`, whose own name is `prefix`, each with its offset in the text.
fn leaves_of<'a>(
    prefix: &str,
    table: &DeTable<'a>,
    place: &dyn Fn(usize) -> String,
    leaves: &mut Vec<Leaf<'a>>,
) -> Result<(), ConfigError> {
    for (part, value) in table {
        let name = if prefix.is_empty() {
            part.get_ref().to_string()
        } else {
            format!("{prefix}.{}", part.get_ref())
        };
        let offset = part.span().start;
        let group = format!("{name}.");
        match value.get_ref() {
            DeValue::Table(inner) if declared().any(|key| key.name.starts_with(&group)) => {
                leaves_of(&name, inner, place, leaves)?;
            }
            value => {
                let key =
                    find(&name).map_err(|error| ConfigError::new(format!("{}: {error}", place(offset))))?;
                leaves.push((key, value.clone(), offset));
            }
        }
    }
    Ok(())
}

/// A parsed value without its places.
fn plain(value: &DeValue<'_>) -> Result<Value, String> {
    let items = |value: &Spanned<DeValue<'_>>| plain(value.get_ref());
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Integer)
            .map_err(|_| format!("is too large a number: {}", number.as_str()))?,
        DeValue::Float(number) => {
            Value::Float(number.as_str().parse().map_err(|_| format!("is no number: {}", number.as_str()))?)
        }
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(list) => Value::Array(list.iter().map(items).collect::<Result<_, _>>()?),
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), items(value)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

fn build(values: &Values) -> Result<Config, ConfigError> {
    let general = General::read(values)?;
    let config = Config {
        hosts: hosts(&general, values)?,
        storage: general.storage.unwrap_or_else(|| Storage::Sqlite(general.data.join("waxwing.sqlite"))),
        data: general.data,
        registration: general.registration,
        contact: Contact::read(values)?,
        listen: Listen::read(values)?,
        components: Components::read(values)?,
        tls: Tls::read(values)?,
        sasl: Sasl::read(values)?,
        sm: Sm::read(values)?,
        keepalive: Keepalive::read(values)?,
        delivery: Delivery::read(values)?,
        archive: Archive::read(values)?,
        push: Push::read(values)?,
        strangers: Strangers::read(values)?,
        reports: Reports::read(values)?,
        log: Log::read(values)?,
        limits: Limits::read(values)?,
    };
    together(&config, values)?;
    Ok(config)
}

fn hosts(general: &General, values: &Values) -> Result<Vec<DomainPart>, ConfigError> {
    let domain = values.entry("domain")?;
    let mut hosts = general.hosts.clone();
    if hosts.is_empty() {
        return Ok(vec![general.domain.clone()]);
    }
    if domain.origin == Origin::Default {
        return Ok(hosts);
    }
    match hosts.iter().position(|host| *host == general.domain) {
        Some(at) => hosts.swap(0, at),
        None => {
            return Err(
                domain.error(&format!("is {:?}, which `hosts` does not name", general.domain.as_str()))
            );
        }
    }
    Ok(hosts)
}

/// What no key can judge alone.
fn together(config: &Config, values: &Values) -> Result<(), ConfigError> {
    let fault = |name: &str, what: &str| Err(values.entry(name)?.error(what));
    if config.tls.certificate.is_some() && config.tls.key.is_none() {
        return fault("tls.certificate", "needs `tls.key` beside it");
    }
    if config.tls.key.is_some() && config.tls.certificate.is_none() {
        return fault("tls.key", "needs `tls.certificate` beside it");
    }
    if let Some(other) = config.tls.hosts.keys().find(|host| !config.serves(host)) {
        return fault("tls.hosts", &format!("names {other}, which is neither `domain` nor in `hosts`"));
    }
    if let Some(ours) = config.components.secrets.keys().find(|domain| config.serves(domain)) {
        return fault("components", &format!("names {ours}, which the server itself serves"));
    }
    if let Some(other) = config.archive.hosts.keys().find(|host| !config.serves(host)) {
        return fault("archive.hosts", &format!("names {other}, which is neither `domain` nor in `hosts`"));
    }
    if config.sasl.mechanisms.is_empty() {
        return fault("sasl.mechanisms", "must name at least one mechanism");
    }
    let limits = &config.limits;
    if limits.stanza_before_auth > limits.stanza {
        return fault("limits.stanza_before_auth", "must not be above `limits.stanza`");
    }
    for (name, bytes) in [
        ("limits.outbox_bytes", limits.outbox_bytes),
        ("limits.component_outbox_bytes", limits.component_outbox_bytes),
        ("limits.byte_burst", limits.byte_burst as usize),
    ] {
        if bytes < limits.stanza {
            return fault(name, "must not be below `limits.stanza`");
        }
    }
    Ok(())
}
