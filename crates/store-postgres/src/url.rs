//! The address of a database, and what is said of it: never the password.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use waxwing_store::StoreError;

const CONNECT: Duration = Duration::from_secs(10);
/// After this long without an answer from its machine a connection is given up, so that a commit ends.
const SILENCE: Duration = Duration::from_secs(10);

/// Reads a `postgres://` URL. The parser's own message is not passed on: it may quote a piece of the password.
pub(crate) fn parse(url: &str) -> Result<Config, StoreError> {
    if ["require", "verify-ca", "verify-full"].iter().any(|mode| url.contains(&format!("sslmode={mode}"))) {
        return Err(StoreError(
            "`storage`: TLS to Postgres is not supported yet: use sslmode=disable over a socket or a private network"
                .to_owned(),
        ));
    }
    let parsed = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        url.parse().ok()
    } else {
        None
    };
    let mut config: Config = parsed.ok_or_else(|| {
        StoreError(
            "`storage` is not a Postgres URL: write postgres://user:password@host:5432/database, \
             with special characters in the password as %XX"
                .to_owned(),
        )
    })?;
    config.ssl_mode(SslMode::Disable);
    config.application_name("waxwing");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
        config.keepalives_idle(SILENCE);
    }
    Ok(config)
}

/// Where a database is, for people.
pub(crate) fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = config.get_ports().get(at).or(config.get_ports().first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    });
    let hosts: Vec<String> = hosts.collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or("");
    format!("{database} at {}", hosts.join(","))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{parse, place};

    #[test]
    fn the_place_has_no_password() {
        let config = parse("postgres://u:geheim@db.example:5433/waxwing").unwrap();
        assert_eq!(place(&config), "waxwing at db.example:5433");
    }

    #[test]
    fn bad_addresses_are_refused_without_quoting_them() {
        for url in [
            "postgres://u:x@db/w?geheim",
            "mysql://geheim",
            "host=db password=geheim",
            "postgres://u:geheim@db:x/w",
            "",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(!error.contains("heim") && error.contains("postgres://user:password@host"), "{error}");
        }
    }

    #[test]
    fn tls_is_refused_in_words() {
        for mode in ["require", "verify-full"] {
            let error = parse(&format!("postgres://u:geheim@db/w?sslmode={mode}")).unwrap_err().to_string();
            assert!(
                error.contains("TLS to Postgres is not supported yet") && !error.contains("geheim"),
                "{error}"
            );
        }
        for mode in ["disable", "prefer"] {
            assert!(parse(&format!("postgres://u@db/w?sslmode={mode}")).is_ok());
        }
    }
}
