//! The extensible profile (XEP-0388): authentication, and what a client asks for along with it, in one step.

mod bind2;
mod device;
mod fast;
mod request;
mod upgrade;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jid::BareJid;
use waxwing_xml::{Tag, attach};

use self::device::LoggingIn;
use self::fast::Accepted;
use super::bind::{Proven, bind};
use super::exchange::{Profile, Proof, Refusal, Stage, Stop, prove};
use super::features::{Bound, StreamLimits, after_login};
use super::{Login, resume};
use crate::held::Held;
use crate::sm;

pub use self::bind2::BIND2;
pub use self::device::is_known;
pub use self::fast::FAST;
pub use self::request::Request;
pub use self::upgrade::{UPGRADE, offered, task};

pub const SASL2: &str = "urn:xmpp:sasl:2";

/// What became of the wishes.
struct Outcome {
    /// A session that was bound or resumed, and which of the two.
    session: Option<(Held, &'static str)>,
    /// What the client is told of them, within `<success/>`.
    told: Vec<u8>,
    /// What is left to offer; nothing where a stream was resumed (XEP-0198 §9.2).
    features: Option<Bound>,
}

/// Authenticates and begins a session, by the wishes in `<authenticate/>` or as in RFC 6120 behind it.
pub async fn authenticate(
    login: &mut Login,
    stage: &Stage,
    element: &waxwing_xml::Element,
    claimed: &mut Option<BareJid>,
) -> Result<Held, Stop> {
    let request = Request::read(&login.clients.settings.limits_before_auth, element)?;
    if request.config_version.as_ref().is_some_and(|version| *version != stage.config_version) {
        let failure = waxwing_sasl::Failure::Aborted;
        return Err(Refusal { failure, text: None, other_config: true }.into());
    }
    if let Some(mechanism) = stage.fast(login, request.mechanism) {
        let (proof, accepted) = fast::prove(login, stage, &request, mechanism, claimed).await?;
        return begin(login, stage, &request, proof, Some(&accepted), mechanism.name()).await;
    }
    let mechanism = stage.offer.select(request.mechanism)?;
    let proof = prove(login, stage, Profile::Sasl2, mechanism, request.initial.clone(), claimed).await?;
    begin(login, stage, &request, proof, None, mechanism.name()).await
}

/// The session of a client that has proven who it is.
async fn begin(
    login: &mut Login,
    stage: &Stage,
    request: &Request<'_>,
    mut proof: Proof,
    token: Option<&Accepted>,
    mechanism: &'static str,
) -> Result<Held, Stop> {
    if token.is_none() {
        upgrade::perform(login, &stage.offer, &request.upgrades, &mut proof).await?;
    }
    let account = proof.account.clone();
    let mut issued = None;
    let mut locked = None;
    if let Some((agent, id)) = request.agent.as_ref().and_then(|agent| Some((agent, agent.id.as_deref()?))) {
        // Until the session has begun: a device that is revoked meanwhile has none afterwards.
        locked = Some(account.devices.lock().await);
        let device = LoggingIn::load(login, &account, agent, id, token).await?;
        let attempt = token.map(|token| &token.attempt);
        let (answer, new) = device.log_in(login, stage, request, &proof, attempt).await?;
        proof.data = answer.or(proof.data);
        issued = new;
    }
    let outcome = fulfil(login, request, &proof).await?;
    let limits = StreamLimits::after_login(&login.clients.settings);
    let out = login.stream.out();
    Tag::new(out, "success").ns(SASL2).children(|out| {
        if let Some(data) = &proof.data {
            Tag::new(out, "additional-data").text(&BASE64_STANDARD.encode(data));
        }
        let jid = outcome.session.as_ref().map_or(&proof.account.jid, |(held, _)| &held.session().jid);
        Tag::new(out, "authorization-identifier").text(jid.as_str());
        attach(out, &outcome.told);
        if let Some(issued) = &issued {
            issued.write(out);
        }
    });
    if let Some(bound) = outcome.features {
        after_login(out, &stage.host, limits, bound);
    }
    login.stream.set_limits(login.clients.settings.limits);
    match outcome.session {
        Some((held, what)) => {
            login.log(&held, mechanism, what);
            Ok(held)
        }
        None => {
            drop(locked);
            let device = request.device().map(str::to_owned);
            Ok(bind(login, Proven { account: proof.account, mechanism, device }).await?)
        }
    }
}

/// Resumption comes first; only where it fails a resource is bound (XEP-0386 §3.2).
async fn fulfil(login: &mut Login, request: &Request<'_>, proof: &Proof) -> Result<Outcome, Stop> {
    let mut told = Vec::new();
    if let Some(wish) = &request.resume {
        match resume::resume(login, &proof.account, wish).await.map_err(Stop::End)? {
            Ok(resumed) => {
                resumed.write(&mut told);
                return Ok(Outcome { session: Some((resumed.held, "resumed")), told, features: None });
            }
            Err(refused) => sm::write_failed(&mut told, refused.condition, refused.h),
        }
    }
    let Some(wish) = &request.bind else {
        return Ok(Outcome { session: None, told, features: Some(Bound::No) });
    };
    let held = bind2::bind(login, request.agent.as_ref(), wish, &proof.account, &mut told).await?;
    let managed = held.session().is_numbered();
    let bound = if managed { Bound::Managed } else { Bound::Resource };
    Ok(Outcome { session: Some((held, "logged in")), told, features: Some(bound) })
}
