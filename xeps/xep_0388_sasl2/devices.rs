//! The devices of one's own account, as commands show and revoke them.

use minidom::Element;
use waxwing_kernel::{Session, Stage, now, stamp};
use waxwing_sasl::Tokens;
use waxwing_stanza::StanzaError;
use waxwing_store::DeviceRow;

use crate::commands::bad_payload;
use crate::form::{self, Field};
use crate::presence::unanswering;

const DEVICES: &str = "devices";

/// All of them, the last that logged in first.
pub async fn list(session: &Session) -> Result<Stage, StanzaError> {
    let columns = [
        ("name", "Name"),
        ("software", "Software"),
        ("seen", "Last login"),
        ("token", "Logs in without the password"),
        ("this", "This device"),
        ("id", "Id"),
    ];
    let yes_no = |it| if it { "yes" } else { "no" }.to_owned();
    let rows: Vec<_> = stored(session)
        .await?
        .into_iter()
        .map(|device| {
            let token = Tokens::from_bytes(&device.tokens).is_ok_and(|tokens| tokens.any_valid(now()));
            let this = yes_no(session.device() == Some(&device.id));
            [device.name, device.software, stamp(device.seen), yes_no(token), this, device.id]
        })
        .collect();
    if rows.is_empty() {
        return Ok(done("No client of this account has named its device"));
    }
    Ok(Stage::Done { payload: form::table("My devices", columns, &rows), note: None })
}

/// Which, whether really, and then it is done. The device at hand is not among them: it logs out by itself.
pub async fn revoke(session: &Session, forms: &[Element]) -> Result<Stage, StanzaError> {
    let mut others = stored(session).await?;
    others.retain(|device| session.device() != Some(&device.id));
    let Some(chosen) = forms.first() else { return Ok(choice(&others)) };
    let ids = form::values(chosen, DEVICES);
    if ids.is_empty() || ids.iter().any(|id| others.iter().all(|device| device.id != *id)) {
        return Err(bad_payload("choose among the other devices of this account"));
    }
    others.retain(|device| ids.contains(&device.id));
    if forms.len() == 1 {
        return Ok(confirmation(&others));
    }
    for device in &others {
        waxwing_im::revoke_device(&session.account, &device.id).await.map_err(unanswering)?;
    }
    tracing::info!(account = %session.account.jid, devices = others.len(), "devices revoked by their owner");
    Ok(done("They are signed out, and need the password to come back"))
}

fn choice(others: &[DeviceRow]) -> Stage {
    if others.is_empty() {
        return done("There is no other device that has named itself");
    }
    let options: Vec<_> = others.iter().map(|device| (label(device), device.id.clone())).collect();
    let field = Field {
        kind: "list-multi",
        var: DEVICES,
        label: "Devices",
        values: &[],
        options: &options,
        required: true,
    };
    let form = form::ask("Sign out devices", "Choose the devices that are to be signed out.", &[field]);
    Stage::Ask { form, last: false }
}

fn confirmation(chosen: &[DeviceRow]) -> Stage {
    let labels: Vec<_> = chosen.iter().map(label).collect();
    let form = form::ask("Sign out these devices?", &labels.join("\n"), &[]);
    Stage::Ask { form, last: true }
}

/// Names are a client's own word, perhaps none.
fn label(device: &DeviceRow) -> String {
    let named = [device.name.as_str(), device.software.as_str()].into_iter().filter(|name| !name.is_empty());
    let name = named.collect::<Vec<_>>().join(", ");
    let name = if name.is_empty() { &device.id } else { &name };
    format!("{name} (last login {})", stamp(device.seen))
}

fn done(note: &str) -> Stage {
    Stage::Done { payload: Vec::new(), note: Some(note.to_owned()) }
}

async fn stored(session: &Session) -> Result<Vec<DeviceRow>, StanzaError> {
    let account = &session.account;
    account.core().store.devices(account.id).await.map_err(unanswering)
}
