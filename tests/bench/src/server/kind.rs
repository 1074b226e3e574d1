//! Which servers there are.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    Waxwing,
    Prosody,
    Ejabberd,
    /// This program's own [`relay`](crate::relay).
    Relay,
}

/// A product as it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub product: Product,
    /// On a Postgres of its own with `synchronous_commit`: Waxwing all that it stores, a peer its archive. Without:
    /// on its embedded database.
    pub postgres: bool,
    /// Whether every message is archived.
    pub archive: bool,
}

impl Product {
    const fn plain(self) -> Kind {
        Kind { product: self, postgres: false, archive: false }
    }

    /// Whether it is installed here.
    fn is_there(self) -> bool {
        match self {
            Product::Prosody => Path::new("/usr/bin/prosody").exists(),
            Product::Ejabberd => ejabberd().is_some(),
            Product::Waxwing | Product::Relay => true,
        }
    }
}

impl Kind {
    pub const WAXWING: Kind = Product::Waxwing.plain();
    pub const WAXWING_POSTGRES: Kind = Product::Waxwing.plain().on_postgres();
    pub const RELAY: Kind = Product::Relay.plain();

    pub const fn on_postgres(self) -> Kind {
        Kind { postgres: true, ..self }
    }

    pub const fn archived(self) -> Kind {
        Kind { archive: true, ..self }
    }

    /// The peers that are installed here.
    pub fn peers() -> impl Iterator<Item = Kind> {
        [Product::Prosody, Product::Ejabberd].into_iter().filter(|it| it.is_there()).map(Product::plain)
    }

    pub fn name(self) -> &'static str {
        match (self.product, self.postgres) {
            (Product::Waxwing, false) => "Waxwing",
            (Product::Waxwing, true) => "Waxwing on Postgres",
            (Product::Prosody, false) => "Prosody",
            (Product::Prosody, true) => "Prosody on Postgres",
            (Product::Ejabberd, false) => "ejabberd",
            (Product::Ejabberd, true) => "ejabberd on Postgres",
            (Product::Relay, _) => "null relay",
        }
    }

    pub fn is_peer(self) -> bool {
        matches!(self.product, Product::Prosody | Product::Ejabberd)
    }

    /// Its version as it says itself.
    pub fn version(self) -> String {
        match self.product {
            Product::Prosody => {
                let output = Command::new("prosodyctl").arg("about").stderr(Stdio::null()).output();
                let text = output.map(|output| output.stdout).unwrap_or_default();
                // What it misses is said first.
                let text = String::from_utf8_lossy(&text);
                let is_version = |line: &&str| {
                    line.strip_prefix("Prosody ")
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                };
                text.lines().find(is_version).unwrap_or("Prosody").to_owned()
            }
            Product::Ejabberd => ejabberd().map_or_else(String::new, |folder| {
                folder.file_name().map(|name| name.to_string_lossy().replace('-', " ")).unwrap_or_default()
            }),
            Product::Waxwing | Product::Relay => format!("Waxwing {}", env!("CARGO_PKG_VERSION")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where Debian keeps ejabberd.
pub fn ejabberd() -> Option<PathBuf> {
    let libraries = fs::read_dir("/usr/lib/x86_64-linux-gnu").ok()?.flatten().map(|entry| entry.path());
    libraries
        .filter(|path| path.join("ebin/ejabberd.app").exists())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ejabberd-")))
}
