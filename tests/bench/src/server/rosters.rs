//! Contacts of a peer that takes minutes to make them one by one.

use std::fs;
use std::path::Path;

use crate::client::{jid, user};
use crate::{DOMAIN, Fault};

/// Writes the rosters of Prosody's users from 0 on, who all have each other as contacts. It writes a whole roster anew
/// for each change of one contact. The format: https://prosody.im/doc/datamanager
pub fn prosody(data: &Path, users: usize) -> Result<(), Fault> {
    let folder = data.join(DOMAIN).join("roster");
    fs::create_dir_all(&folder)?;
    for owner in 0..users {
        let others = (0..users).filter(|other| *other != owner);
        let items: String = others
            .map(|other| format!("[\"{}\"] = {{ subscription = \"both\"; groups = {{}}; }};\n", jid(other)))
            .collect();
        let roster = format!("return {{\n[false] = {{ version = 1; pending = {{}}; }};\n{items}}};\n");
        fs::write(folder.join(format!("{}.dat", user(owner))), roster)?;
    }
    Ok(())
}
