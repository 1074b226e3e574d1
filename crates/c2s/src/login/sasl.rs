//! The SASL exchange (RFC 6120 §6).

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jid::{BareJid, Jid};
use waxwing_kernel::{Account, Host};
use waxwing_net::tls::Bindings;
use waxwing_sasl::{Begun, Failure, Keys, Mechanism, Offer, Success};
use waxwing_stanza::{bare_str, ns};
use waxwing_xml::{Element, Tag};

use super::{Login, features, register};
use crate::error::{End, StreamError};

/// Failed proofs on one stream; RFC 6120 §6.4.5 recommends at most five retries.
const MAX_FAILED_PROOFS: u32 = 6;
/// Failures of any sort on one stream.
const MAX_FAILURES: u32 = 30;

/// A client that is who it says it is.
pub struct Proven {
    pub account: Arc<Account>,
    pub mechanism: Mechanism,
}

/// What stops an attempt.
enum Stop {
    /// It failed; the client may try again.
    Failed(Failure),
    End(End),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Stop {
        Stop::End(end)
    }
}

/// Opens the encrypted stream and has its client authenticate.
pub async fn authenticate(login: &mut Login, bindings: Bindings) -> Result<Proven, End> {
    let host = login.open(None).await?;
    let Bindings { exporter, end_point } = bindings;
    let bindings = waxwing_sasl::Bindings { exporter, end_point };
    let offer = Offer::new(host.domain.domain(), true, bindings, &login.clients.settings.mechanisms);
    let registration = login.clients.settings.registration;
    features::before_login(login.out(), &offer, registration);
    let (mut failures, mut failed_proofs) = (0, 0);
    loop {
        let element = login.element().await?;
        if !element.is("auth", ns::SASL) {
            if !register::answer(login, &host, &element).await {
                login.too_early(&element)?;
            }
            continue;
        }
        let mut claimed = None;
        let failure = match attempt(login, &host, &offer, &element, &mut claimed).await {
            Ok(proven) => return Ok(proven),
            Err(Stop::End(end)) => return Err(end),
            Err(Stop::Failed(failure)) => failure,
        };
        let account = claimed.as_ref().map(|jid| jid.as_str());
        let mechanism = element.attr("mechanism").and_then(Mechanism::from_name).map(Mechanism::name);
        tracing::info!(account, peer = %login.peer, mechanism, condition = %failure, "login refused");
        write_failure(login.out(), failure);
        failures += 1;
        failed_proofs += u32::from(claimed.is_some() && failure == Failure::NotAuthorized);
        if failures >= MAX_FAILURES || failed_proofs >= MAX_FAILED_PROOFS {
            return Err(StreamError::new("policy-violation").text("too many failed logins").into());
        }
    }
}

/// One attempt; `claimed` becomes the account that the client says it is.
async fn attempt(
    login: &mut Login,
    host: &Arc<Host>,
    offer: &Offer,
    auth: &Element,
    claimed: &mut Option<BareJid>,
) -> Result<Proven, Stop> {
    let mechanism = offer.select(auth.attr("mechanism").unwrap_or_default())?;
    let initial = match decode(auth)? {
        Some(initial) => initial,
        // §6.4.2: no initial response, so an empty challenge asks for it.
        None => {
            write(login.out(), "challenge", &[]);
            response(login).await?
        }
    };
    let begun = offer.begin(mechanism.name(), &initial)?;
    let account = match &begun {
        Begun::Scram(first) => first.account().clone(),
        Begun::Plain(attempt) => attempt.account().clone(),
    };
    *claimed = Some(account.clone());
    let (ip, clients) = (login.peer.ip(), login.clients.clone());
    let throttled =
        || clients.throttle.check(ip, account.as_str()).map_err(|_| Failure::TemporaryAuthFailure);
    throttled()?;
    let row = clients.core.store.account(account.as_str()).await.map_err(|error| {
        tracing::error!(%account, %error, "an account could not be loaded");
        Failure::TemporaryAuthFailure
    })?;
    let keys = row.as_ref().map(|row| Keys::from_bytes(&row.keys)).transpose().map_err(|error| {
        tracing::error!(%account, %error, "an account cannot log in");
        Failure::TemporaryAuthFailure
    })?;
    let proof = match begun {
        Begun::Plain(attempt) => {
            let clients = login.clients.clone();
            let verify = move || attempt.verify(keys.as_ref(), &clients.decoy);
            login.clients.work.run(verify).await.unwrap_or(Err(Failure::TemporaryAuthFailure))
        }
        Begun::Scram(first) => {
            let nonce = waxwing_sasl::token();
            let (second, challenge) = first.challenge(keys.as_ref(), &clients.decoy, &nonce);
            write(login.out(), "challenge", &challenge);
            second.finish(&response(login).await?)
        }
    };
    // Asked again: guesses made on many streams at once count as those made one after the other.
    throttled()?;
    if proof == Err(Failure::NotAuthorized) {
        clients.throttle.failed(ip, account.as_str());
    }
    let success = proof?;
    // Told only to who knows the password.
    if row.is_some_and(|row| row.disabled) {
        return Err(Failure::AccountDisabled.into());
    }
    let account = load(host, &success).await?;
    write_success(login.out(), success.data.as_deref());
    Ok(Proven { account, mechanism })
}

async fn load(host: &Arc<Host>, success: &Success) -> Result<Arc<Account>, Failure> {
    let addr = Arc::new(Jid::from(success.account.clone()));
    match host.core().directory.find(host, &addr).await {
        // Not there: removed a moment ago.
        Ok(account) => account.ok_or(Failure::NotAuthorized),
        Err(error) => {
            tracing::error!(account = bare_str(&addr), %error, "an account could not be loaded");
            Err(Failure::TemporaryAuthFailure)
        }
    }
}

/// The client's answer to a challenge.
async fn response(login: &mut Login) -> Result<Vec<u8>, Stop> {
    loop {
        let element = login.element().await?;
        if element.is("response", ns::SASL) {
            return Ok(decode(&element)?.unwrap_or_default());
        }
        if element.is("abort", ns::SASL) {
            return Err(Failure::Aborted.into());
        }
        if element.ns() == ns::SASL {
            return Err(Failure::MalformedRequest.into());
        }
        login.too_early(&element)?;
    }
}

/// The data of `<auth/>` or `<response/>`: `None` for none, and `=` for data of length zero (§6.4.2).
fn decode(element: &Element) -> Result<Option<Vec<u8>>, Failure> {
    match &*element.text() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        text => BASE64_STANDARD.decode(text).map(Some).map_err(|_| Failure::IncorrectEncoding),
    }
}

fn write(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    Tag::new(out, name).ns(ns::SASL).text(&BASE64_STANDARD.encode(data));
}

fn write_success(out: &mut Vec<u8>, data: Option<&[u8]>) {
    match data {
        // §6.4.6: data of length zero is not the same as none.
        Some([]) => Tag::new(out, "success").ns(ns::SASL).text("="),
        Some(data) => write(out, "success", data),
        None => Tag::new(out, "success").ns(ns::SASL).end_empty(),
    }
}

pub fn write_failure(out: &mut Vec<u8>, failure: Failure) {
    Tag::new(out, "failure").ns(ns::SASL).children(|out| {
        Tag::new(out, failure.condition()).end_empty();
    });
}
