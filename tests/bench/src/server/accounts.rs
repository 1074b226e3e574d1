//! Accounts, and contacts, of servers that are not running yet. Made over their own streams, a peer's contacts take
//! minutes: it goes through a whole roster for each change of one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use waxwing_sasl::Keys;
use waxwing_store::{NewAccount, Store};

use super::{Kind, Product, Setting, command, free_address};
use crate::client::{jid, user};
use crate::scram;
use crate::{DOMAIN, Fault};

/// Of each account's password.
const SALT: &str = "salt";

/// How many accounts there are, numbered from 0; all have one password.
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

/// Makes them in `data`, where there is nothing yet. Ours have no contacts.
pub async fn make(kind: Kind, setting: &Setting<'_>, data: &Path, accounts: Accounts) -> Result<(), Fault> {
    match kind.product {
        Product::Waxwing => {
            let opened = waxwing_store_sqlite::open(&data.join("waxwing.sqlite")).await;
            ours(opened.map_err(|error| Fault::new(error.0))?, accounts.count).await
        }
        Product::Prosody => prosody(data, accounts),
        Product::Ejabberd => ejabberd(kind, setting, data, accounts),
        Product::Relay => Ok(()),
    }
}

/// Makes them in a database of ours, which is closed then.
pub async fn ours(store: Arc<dyn Store>, count: usize) -> Result<(), Fault> {
    let keys = Keys::derive(scram::PASSWORD, scram::ITERATIONS)
        .map_err(|error| Fault::new(error.to_string()))?
        .to_bytes();
    let new = |owner| NewAccount { jid: jid(owner), keys: keys.clone(), admin: false, created: 0 };
    let new: Vec<NewAccount> = (0..count).map(new).collect();
    store.create_accounts(&new).await.map_err(|error| Fault::new(error.0))?;
    store.close().await;
    Ok(())
}

/// Its own files: https://prosody.im/doc/datamanager and https://prosody.im/doc/modules/mod_auth_internal_hashed
fn prosody(data: &Path, accounts: Accounts) -> Result<(), Fault> {
    let [keys, rosters] = ["accounts", "roster"].map(|store| data.join(DOMAIN).join(store));
    fs::create_dir_all(&keys)?;
    fs::create_dir_all(&rosters)?;
    let (stored, server) = scram::keys(SALT.as_bytes());
    for owner in 0..accounts.count {
        let file = format!("{}.dat", user(owner));
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
    let (stored, server) = scram::keys(SALT.as_bytes());
    // Twice: it keeps them in base64.
    let twice = |bytes: &[u8]| STANDARD.encode(STANDARD.encode(bytes));
    let [stored, server, salt] = [&stored, &server, SALT.as_bytes()].map(twice);
    let keys = format!("scram:{stored},{server},{salt},{}", scram::ITERATIONS);
    let users: String = (0..accounts.count)
        .map(|owner| {
            let items: String = accounts
                .contacts(owner)
                .map(|contact| format!("<item jid='{contact}' subscription='both'/>"))
                .collect();
            let name = user(owner);
            let roster = format!("<query xmlns='jabber:iq:roster'>{items}</query>");
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
