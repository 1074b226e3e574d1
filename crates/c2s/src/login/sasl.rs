//! Authentication on the encrypted stream, by either profile; and the older one (RFC 6120 §6).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jid::BareJid;
use waxwing_net::tls::Bindings;
use waxwing_sasl::{Offer, TlsVersion};
use waxwing_stanza::ns;
use waxwing_xml::{Element, Tag};

use super::exchange::{Profile, Stage, Stop, prove};
use super::sasl2::{self, SASL2};
use super::{Login, Opened, bind, features, register};
use crate::error::{End, StreamError};
use crate::held::Held;

/// Failed proofs on one stream; RFC 6120 §6.4.5 recommends at most five retries.
const MAX_FAILED_PROOFS: u32 = 6;
/// Failures of any sort on one stream.
const MAX_FAILURES: u32 = 30;

/// Opens the encrypted stream, has its client authenticate and begin a session.
pub async fn authenticate(login: &mut Login, bindings: Bindings) -> Result<Held, End> {
    let stage = advertise(login, bindings).await?;
    let (mut failures, mut failed_proofs) = (0, 0);
    loop {
        let element = login.element().await?;
        let mut claimed = None;
        let (profile, outcome) = if element.is("auth", ns::SASL) {
            (Profile::Sasl1, sasl1(login, &stage, &element, &mut claimed).await)
        } else if element.is("authenticate", SASL2) {
            (Profile::Sasl2, sasl2::authenticate(login, &stage, &element, &mut claimed).await)
        } else if let Some(profile) = aborted(&element) {
            (profile, Err(waxwing_sasl::Failure::Aborted.into()))
        } else {
            if !register::answer(login, &stage.host, &element).await {
                login.too_early(&element)?;
            }
            continue;
        };
        let refusal = match outcome {
            Ok(held) => return Ok(held),
            Err(Stop::End(end)) => return Err(end),
            Err(Stop::Failed(refusal)) => refusal,
        };
        let account = claimed.as_ref().map(|jid| jid.as_str());
        let mechanism = element.attr("mechanism").filter(|name| name.len() <= 20);
        tracing::info!(account, peer = %login.peer, mechanism, condition = %refusal.failure, "login refused");
        profile.write_failure(login.out(), refusal);
        failures += 1;
        failed_proofs +=
            u32::from(claimed.is_some() && refusal.failure == waxwing_sasl::Failure::NotAuthorized);
        if failures >= MAX_FAILURES || failed_proofs >= MAX_FAILED_PROOFS {
            return Err(StreamError::new("policy-violation").text("too many failed logins").into());
        }
    }
}

/// The profile of an `<abort/>`. It may cross the failure of what it is to abort (RFC 6120 §6.4.4).
fn aborted(element: &Element) -> Option<Profile> {
    [Profile::Sasl1, Profile::Sasl2].into_iter().find(|profile| element.is("abort", profile.ns()))
}

/// Opens the stream and says what there is.
async fn advertise(login: &mut Login, bindings: Bindings) -> Result<Stage, End> {
    let Opened { host, from } = login.open(None).await?;
    // XEP-0388 §2.1; RFC 6120 §4.9.3.9.
    if from.as_ref().is_some_and(|from| from.domain() != host.domain.domain()) {
        return Err(StreamError::new("invalid-from").into());
    }
    let Bindings { exporter, end_point } = bindings;
    let bindings = waxwing_sasl::Bindings { exporter, end_point };
    let tls = login.stream.tls_number().map(TlsVersion);
    let offer = Offer::new(host.domain.domain(), tls, bindings, &login.clients.settings.mechanisms);
    let clients = login.clients.clone();
    let config_version = features::before_login(login.out(), &host, &offer, &clients.settings);
    let from = from.map(|from| from.to_bare()).filter(|from| from.node().is_some());
    Ok(Stage { host, from, offer, config_version })
}

async fn sasl1(
    login: &mut Login,
    stage: &Stage,
    auth: &Element,
    claimed: &mut Option<BareJid>,
) -> Result<Held, Stop> {
    let mechanism = stage.offer.select(auth.attr("mechanism").unwrap_or_default())?;
    let initial = Profile::Sasl1.decode(&auth.text())?;
    let proof = prove(login, stage, Profile::Sasl1, mechanism, initial, claimed).await?;
    write_success(login.out(), proof.data.as_deref());
    let proven = bind::Proven { account: proof.account, mechanism: mechanism.name(), device: None };
    Ok(bind::restart(login, proven).await?)
}

fn write_success(out: &mut Vec<u8>, data: Option<&[u8]>) {
    let tag = Tag::new(out, "success").ns(ns::SASL);
    match data {
        // §6.4.6: data of length zero is not the same as none.
        Some([]) => tag.text("="),
        Some(data) => tag.text(&BASE64_STANDARD.encode(data)),
        None => tag.end_empty(),
    }
}
