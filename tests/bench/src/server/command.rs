//! How the servers are configured and called.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::kind::{Product, ejabberd};
use super::{Kind, Setting};
use crate::Fault;

/// The command that runs a server, its configuration written beside its data.
pub fn serve(kind: Kind, setting: &Setting<'_>, data: &Path, address: SocketAddr) -> Result<Command, Fault> {
    let database = setting.database.as_deref().filter(|_| kind.postgres);
    // It dies with this process, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    let fill = |template: &str| {
        template
            .replace("@PORT@", &address.port().to_string())
            .replace("@DATA@", &data.display().to_string())
            .replace("@CERTIFICATE@", &setting.certificate.display().to_string())
    };
    match kind.product {
        Product::Waxwing => {
            let config = data.join("waxwing.toml");
            let policy = if kind.archive { "always" } else { "until-delivered" };
            let text = fill(include_str!("../../peers/waxwing.toml")).replace("@ARCHIVE@", policy);
            fs::write(&config, text)?;
            command.arg(setting.binary).arg("--config").arg(&config).arg("--data").arg(data);
            if let Some(database) = database {
                command.arg("--set").arg(format!("storage={database}"));
            }
            if let Some(change) = setting.change {
                command.args(["--set", change]);
            }
            command.arg("serve");
        }
        Product::Prosody => {
            let config = data.join("prosody.cfg.lua");
            let collector = if setting.resting { "incremental" } else { "generational" };
            let mut text =
                fill(include_str!("../../peers/prosody.cfg.lua")).replace("@COLLECTOR@", collector);
            if kind.archive {
                let store = if database.is_some() { "sql" } else { "internal" };
                text = include_str!("../../peers/prosody-archive.lua").replace("@STORE@", store) + &text;
            }
            fs::write(&config, with_database(text, database)?)?;
            command.args(["prosody", "-F", "--config"]).arg(&config);
        }
        Product::Ejabberd => {
            let config = data.join("ejabberd.yml");
            let mut text = fill(include_str!("../../peers/ejabberd.yml"));
            if kind.archive {
                text += match database {
                    Some(_) => include_str!("../../peers/ejabberd-archive-postgres.yml"),
                    None => include_str!("../../peers/ejabberd-archive.yml"),
                };
            }
            fs::write(&config, with_database(text, database)?)?;
            erlang(&mut command, &config, data);
        }
        Product::Relay => {
            command.arg(std::env::current_exe()?).arg("relay").arg(setting.certificate);
            command.arg(address.to_string());
        }
    }
    Ok(command)
}

/// The options of Debian's `ejabberdctl`. Schedulers that wait in a loop would count as work done:
/// <https://www.erlang.org/doc/man/erl.html#+sbwt>
fn erlang(command: &mut Command, config: &Path, data: &Path) {
    let libraries = ejabberd().and_then(|folder| folder.parent().map(Path::to_owned));
    command.env("ERL_LIBS", libraries.unwrap_or_default());
    command.env("EJABBERD_CONFIG_PATH", config).env("EJABBERD_LOG_PATH", data.join("ejabberd.log"));
    command.args(["erl", "-noinput", "+K", "true", "+P", "250000", "+Q", "65536"]);
    command.args(["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]);
    command.arg("-mnesia").arg("dir").arg(format!("\"{}\"", data.join("mnesia").display()));
    command.args(["-s", "ejabberd"]);
}

/// Fills in the parts of `postgres://USER:PASSWORD@HOST:PORT/NAME`.
fn with_database(text: String, url: Option<&str>) -> Result<String, Fault> {
    let Some(url) = url else { return Ok(text) };
    let parts = || {
        let (user, rest) = url.strip_prefix("postgres://")?.split_once(':')?;
        let (password, rest) = rest.split_once('@')?;
        let (address, name) = rest.split_once('/')?;
        let (host, port) = address.split_once(':')?;
        let parts =
            [("USER", user), ("PASSWORD", password), ("HOST", host), ("DBPORT", port), ("NAME", name)];
        Some(parts.iter().fold(text, |text, (key, value)| text.replace(&format!("@{key}@"), value)))
    };
    parts().ok_or_else(|| Fault::new("the URL of the database lacks a part"))
}
