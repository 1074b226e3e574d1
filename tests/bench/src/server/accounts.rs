//! Accounts, and contacts, of servers that are not running yet. Made over their own streams, a peer's contacts take
//! minutes: it goes through a whole roster for each change of one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Kind, Product, Setting, command, free_address};
use crate::client::{jid, user};
use crate::scram;
use crate::{DOMAIN, Fault};

/// Of each account's password: the servers are not made to hash for minutes what is known.
const SALT: &str = "salt";

/// How many accounts there are, numbered from 0; their names are their passwords.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Accounts {
    pub count: usize,
    /// The first of them, who all have each other as contacts.
    pub friends: usize,
}

impl Accounts {
    fn contacts(self, owner: usize) -> impl Iterator<Item = String> {
        let friends = if owner < self.friends { self.friends } else { 0 };
        (0..friends).filter(move |other| *other != owner).map(jid)
    }
}

/// Makes them for a peer, in `data`, where there is nothing yet.
pub fn make(kind: Kind, setting: &Setting<'_>, data: &Path, accounts: Accounts) -> Result<(), Fault> {
    match kind.product {
        Product::Prosody => prosody(data, accounts),
        Product::Ejabberd => ejabberd(kind, setting, data, accounts),
        Product::Waxwing | Product::Relay => Ok(()),
    }
}

/// Its own files: https://prosody.im/doc/datamanager and https://prosody.im/doc/modules/mod_auth_internal_hashed
fn prosody(data: &Path, accounts: Accounts) -> Result<(), Fault> {
    let [keys, rosters] = ["accounts", "roster"].map(|store| data.join(DOMAIN).join(store));
    fs::create_dir_all(&keys)?;
    fs::create_dir_all(&rosters)?;
    for owner in 0..accounts.count {
        let file = format!("{}.dat", user(owner));
        let (stored, server) = scram::keys(&user(owner), SALT.as_bytes(), scram::ITERATIONS);
        let made = format!(
            "return {{ iteration_count = {}; salt = \"{SALT}\"; stored_key = \"{}\"; server_key = \"{}\"; }};\n",
            scram::ITERATIONS,
            hex(&stored),
            hex(&server)
        );
        fs::write(keys.join(&file), made)?;
        let items: String = accounts
            .contacts(owner)
            .map(|contact| format!("[\"{contact}\"] = {{ subscription = \"both\"; groups = {{}}; }};\n"))
            .collect();
        if !items.is_empty() {
            let roster = format!("return {{\n[false] = {{ version = 1; pending = {{}}; }};\n{items}}};\n");
            fs::write(rosters.join(&file), roster)?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// It imports a file of XEP-0227.
fn ejabberd(kind: Kind, setting: &Setting<'_>, data: &Path, accounts: Accounts) -> Result<(), Fault> {
    let users: String = (0..accounts.count)
        .map(|owner| {
            let items: String = accounts
                .contacts(owner)
                .map(|contact| format!("<item jid='{contact}' subscription='both'/>"))
                .collect();
            let name = user(owner);
            let roster = format!("<query xmlns='jabber:iq:roster'>{items}</query>");
            let (stored, server) = scram::keys(&name, SALT.as_bytes(), scram::ITERATIONS);
            // Twice: it keeps them in base64.
            let twice = |bytes: &[u8]| STANDARD.encode(STANDARD.encode(bytes));
            let [stored, server, salt] = [&stored, &server, SALT.as_bytes()].map(twice);
            let keys = format!("scram:{stored},{server},{salt},{}", scram::ITERATIONS);
            format!("<user name='{name}' password='{keys}'>{roster}</user>")
        })
        .collect();
    let file = data.join("accounts.xml");
    fs::write(
        &file,
        format!(
            "<?xml version='1.0'?><server-data xmlns='urn:xmpp:pie:0'><host jid='{DOMAIN}'>{users}</host>\
             </server-data>"
        ),
    )?;
    let import = format!(
        "case ejabberd_piefxis:import_file(<<\"{}\">>) of \
         ok -> init:stop(); Wrong -> io:format(\"~p~n\", [Wrong]), halt(1) end.",
        file.display()
    );
    let mut command: Command = command::serve(kind, setting, data, free_address()?)?;
    let output = command.arg("-eval").arg(import).stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(fs::remove_file(file)?),
        false => Err(Fault::new(format!("no accounts: {}", String::from_utf8_lossy(&output.stdout)))),
    }
}
