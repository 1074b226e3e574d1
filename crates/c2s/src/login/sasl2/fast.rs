//! Logging in with a token (XEP-0484).

use std::sync::Arc;

use jid::BareJid;
use waxwing_kernel::{Account, DevicesAt};
use waxwing_sasl::{Device, Failure, FastAttempt, FastMechanism};
use waxwing_store::DeviceRow;
use waxwing_xml::{Child, Element};

use super::device::{failed, readable};
use super::request::Request;
use crate::login::Login;
use crate::login::exchange::{Proof, Stage, Stop, admitted, judged, keys_of, throttled};

pub const FAST: &str = "urn:xmpp:fast:0";

/// What `<fast/>` says of the token that is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// How often it was, by the client's count.
    pub count: Option<u64>,
    /// It is not to be used again (§3.6).
    pub invalidate: bool,
}

impl Use {
    pub fn read(element: &Element, fast: &Child) -> Result<Use, Failure> {
        let count = fast.attr(element, "count");
        let count = count.map(|count| count.trim().parse().map_err(|_| Failure::MalformedRequest));
        let invalidate = fast.attr(element, "invalidate");
        let invalidate = matches!(invalidate.as_deref(), Some("true" | "1"));
        Ok(Use { count: count.transpose()?, invalidate })
    }
}

/// A token that was accepted, and the device as it was read for that.
pub struct Accepted {
    pub attempt: FastAttempt,
    device: DeviceRow,
    /// Before it was read, if nobody was changing it.
    read: Option<(Arc<Account>, DevicesAt)>,
}

impl Accepted {
    /// The device, if it is known to be stored so still. To be asked with the account's devices locked.
    pub fn device(&self, account: &Arc<Account>) -> Option<DeviceRow> {
        let (at, then) = self.read.as_ref()?;
        (Arc::ptr_eq(at, account) && account.devices.rested_since(*then)).then(|| self.device.clone())
    }
}

/// Has the client prove who it is with a token. The token is judged again once nobody else can use or revoke it
/// meanwhile.
pub async fn prove(
    login: &Login,
    stage: &Stage,
    request: &Request<'_>,
    mechanism: FastMechanism,
    claimed: &mut Option<BareJid>,
) -> Result<(Proof, Accepted), Stop> {
    // §4.1: both must be there, and there is one step only.
    let (Some(initial), Some(used), Some(id)) = (&request.initial, request.fast, request.device()) else {
        return Err(Failure::MalformedRequest.into());
    };
    let attempt = stage.offer.begin_fast(mechanism, initial)?;
    let jid = attempt.account().clone();
    *claimed = Some(jid.clone());
    stage.agrees_to(&jid)?;
    throttled(login, &jid)?;
    let core = &login.clients.core;
    let present = core.directory.present_at(jid.as_str());
    let read = present.and_then(|account| account.devices.at_rest().map(|then| (account, then)));
    let found = core.store.account_on(jid.as_str(), id).await.map_err(|error| failed(&error))?;
    let (row, stored) = found.unzip();
    let (keys, stored) = (keys_of(row.as_ref())?, stored.flatten());
    let tokens = stored.as_ref().map(readable).unwrap_or_default();
    let secret = &login.clients.secret;
    let device = Device { secret, account: jid.as_str(), id, keys: keys.as_ref() };
    let verdict = attempt.verify(&device, &tokens, used.count, waxwing_kernel::now());
    judged(login, &jid, verdict.as_ref().err())?;
    verdict?;
    // Nobody proves an account, or a device, that is not there.
    let ((row, keys), device) = row.zip(keys).zip(stored).ok_or(Failure::NotAuthorized)?;
    let account = admitted(&stage.host, &row).await?;
    Ok((Proof { account, keys, data: None }, Accepted { attempt, device, read }))
}
