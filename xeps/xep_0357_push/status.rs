//! What became of one's own registrations, as a command shows it.

use waxwing_kernel::{Stage, stamp};
use waxwing_store::UnixMillis;

use super::registration::Registration;
use crate::form;

/// All of them, the oldest first.
pub fn table(registrations: &[Registration]) -> Stage {
    if registrations.is_empty() {
        let note = "No client of this account has asked to be woken".to_owned();
        return Stage::Done { payload: Vec::new(), note: Some(note) };
    }
    let columns = [
        ("client", "Client"),
        ("service", "Push service"),
        ("registered", "Registered"),
        ("queued", "To be woken for"),
        ("sent", "Notifications sent"),
        ("last_sent", "Last sent"),
        ("answered", "Taken by the service"),
        ("errors", "Errors"),
        ("last_error", "Last error"),
    ];
    let rows: Vec<_> = registrations.iter().map(row).collect();
    Stage::Done { payload: form::table("My notifications", columns, &rows), note: None }
}

fn row(one: &Registration) -> [String; 9] {
    let ledger = &one.ledger;
    let at = |at: UnixMillis| if at == 0 { String::new() } else { stamp(at) };
    let last_error =
        ledger.last_error.as_ref().map(|condition| format!("{condition}, {}", at(ledger.last_error_at)));
    [
        one.resource.clone(),
        one.jid.clone(),
        at(ledger.registered),
        ledger.queued.to_string(),
        ledger.sent.to_string(),
        at(ledger.last_sent),
        ledger.answered.to_string(),
        ledger.errors.to_string(),
        last_error.unwrap_or_default(),
    ]
}
