//! The owner says who may know when the account was last online.

use minidom::Element;
use waxwing_kernel::{Account, LastSeen, Stage};
use waxwing_stanza::StanzaError;

use crate::commands::bad_payload;
use crate::form::{self, Field};
use crate::presence::unanswering;

const FIELD: &str = "last_seen";

/// Asks, with what holds now, and sets what was chosen.
pub async fn stage(account: &Account, chosen: Option<&Element>) -> Result<Stage, StanzaError> {
    let Some(chosen) = chosen else {
        return Ok(Stage::Ask { form: ask(account.last_seen().await.map_err(unanswering)?), last: true });
    };
    let values = form::values(chosen, FIELD);
    let seen = match &*values {
        [value] => LastSeen::named(value),
        _ => None,
    };
    // XEP-0012 §8.
    let seen = seen.ok_or_else(|| bad_payload("choose contacts or nobody: everyone is not on offer"))?;
    account.set_last_seen(seen).await.map_err(unanswering)?;
    let note = match seen {
        LastSeen::Contacts => "Contacts who see your presence may see when you were last here",
        LastSeen::Nobody => "Nobody but you may see when you were last here",
    };
    Ok(Stage::Done { payload: Vec::new(), note: Some(note.to_owned()) })
}

fn ask(now: LastSeen) -> Vec<u8> {
    let option = |label: &str, seen: LastSeen| (label.to_owned(), seen.name().to_owned());
    let options =
        [option("Contacts who see my presence", LastSeen::Contacts), option("Nobody", LastSeen::Nobody)];
    let field = Field {
        kind: "list-single",
        var: FIELD,
        label: "Who may see it",
        values: &[now.name()],
        options: &options,
        required: true,
    };
    let instructions =
        "Choose who may see when you were last online. Who may not see your presence never does.";
    form::ask("Last seen", instructions, &[field])
}
