//! Where a server says that it serves.

use std::{fs, net::SocketAddr, path::Path};

/// The addresses by their keys.
pub struct Addresses {
    pub c2s: Vec<SocketAddr>,
    pub c2s_tls: Vec<SocketAddr>,
    /// None where nobody may connect.
    pub components: Vec<SocketAddr>,
}

impl Addresses {
    fn of(bound: impl Fn(&str) -> Vec<SocketAddr>) -> Addresses {
        Addresses {
            c2s: bound("listen.c2s"),
            c2s_tls: bound("listen.c2s_tls"),
            components: bound("listen.components"),
        }
    }

    /// From the ready file; `None` while it is not there.
    pub fn in_file(file: &Path) -> Option<Addresses> {
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(file).ok()?).expect("JSON in the ready file");
        Some(Addresses::of(|key| {
            let bound = json[key].as_array().into_iter().flatten();
            bound.map(|it| it.as_str().and_then(|it| it.parse().ok()).expect("an address")).collect()
        }))
    }

    /// From what is printed for people at a start; `None` while that has not been printed whole.
    pub fn in_greeting(greeting: &str) -> Option<Addresses> {
        let begin = greeting.find("Waxwing serves")?;
        let end = greeting[begin..].find("More accounts:")?;
        Some(Addresses::of(|key| {
            let words = greeting[begin..begin + end].lines().map(str::split_whitespace);
            let bound = words.filter_map(|mut words| (words.next()? == key).then(|| words.next())?);
            bound.map(|it| it.parse().expect("an address")).collect()
        }))
    }
}
