//! An account to begin with.

use jid::{BareJid, NodePart};
use waxwing_admin::{Draft, Operator};
use waxwing_config::Config;
use waxwing_sasl::{Keys, token};

/// The account made at the first start.
pub struct FirstAccount {
    pub jid: BareJid,
    pub password: String,
}

/// Makes `admin@` the default domain with a random password when there is no account at all.
pub async fn make(config: &Config, operator: &dyn Operator) -> Result<Option<FirstAccount>, String> {
    let failed = |why: &dyn std::fmt::Display| format!("cannot make the first account: {why}");
    if !operator.list(None).await.map_err(|error| error.0)?.is_empty() {
        return Ok(None);
    }
    let node = NodePart::new("admin").map_err(|error| failed(&error))?;
    let jid = BareJid::from_parts(Some(&node), config.domain());
    let password = token();
    let keys = Keys::derive(&password, config.sasl.iterations).map_err(|error| failed(&error))?;
    let draft = Draft { jid: jid.clone(), keys, admin: true };
    operator.create(vec![draft]).await.map_err(|error| failed(&error))?;
    Ok(Some(FirstAccount { jid, password }))
}
