//! Logging in with a token (XEP-0484).

use jid::BareJid;
use waxwing_sasl::{Device, Failure, FastAttempt, FastMechanism};
use waxwing_xml::{Child, Element};

use super::device::tokens_of;
use super::request::Request;
use crate::login::Login;
use crate::login::exchange::{Proof, Stage, Stop, admitted, judged, keys_of, row_of, throttled};

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

/// Has the client prove who it is with a token. The token is judged again once nobody else can use or revoke it
/// meanwhile: what comes of it is the attempt.
pub async fn prove(
    login: &Login,
    stage: &Stage,
    request: &Request<'_>,
    mechanism: FastMechanism,
    claimed: &mut Option<BareJid>,
) -> Result<(Proof, FastAttempt), Stop> {
    // §4.1: both must be there, and there is one step only.
    let (Some(initial), Some(used), Some(id)) = (&request.initial, request.fast, request.device()) else {
        return Err(Failure::MalformedRequest.into());
    };
    let attempt = stage.offer.begin_fast(mechanism, initial)?;
    let jid = attempt.account().clone();
    *claimed = Some(jid.clone());
    stage.agrees_to(&jid)?;
    throttled(login, &jid)?;
    let row = row_of(login, &jid).await?;
    let keys = keys_of(row.as_ref())?;
    // Nobody has number 0: the same is done for an account that is not there.
    let owner = row.as_ref().map_or(0, |row| row.id);
    let tokens = tokens_of(login, owner, id).await?;
    let secret = &login.clients.secret;
    let device = Device { secret, account: jid.as_str(), id, keys: keys.as_ref() };
    let verdict = attempt.verify(&device, &tokens, used.count, waxwing_kernel::now());
    judged(login, &jid, verdict.as_ref().err())?;
    verdict?;
    let (row, keys) = row.zip(keys).ok_or(Failure::NotAuthorized)?;
    let account = admitted(&stage.host, &row).await?;
    Ok((Proof { account, keys, data: None }, attempt))
}
