//! The exchange of a SASL mechanism, the same in both profiles: RFC 6120 §6 and XEP-0388.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jid::{BareJid, Jid};
use waxwing_kernel::{Account, Host};
use waxwing_sasl::{Begun, Failure, FastMechanism, Keys, Mechanism, Offer};
use waxwing_stanza::{bare_str, ns};
use waxwing_store::AccountRow;
use waxwing_xml::{Child, Element, Limits, Tag};

use super::Login;
use super::sasl2::SASL2;
use crate::error::{End, StreamError};

/// How mechanisms are carried in XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// RFC 6120 §6.
    Sasl1,
    /// XEP-0388.
    Sasl2,
}

/// What is known of a stream before its client has authenticated.
pub struct Stage {
    pub host: Arc<Host>,
    /// Whom the client says to be in its header; not proven.
    pub from: Option<BareJid>,
    pub offer: Offer,
    /// Of the features as they were advertised (XEP-0509 §2.3).
    pub config_version: String,
}

impl Stage {
    /// XEP-0388 §3.5: nobody proves to be another than the stream's header says.
    pub fn agrees_to(&self, account: &BareJid) -> Result<(), Failure> {
        if self.from.as_ref().is_none_or(|from| from == account) {
            Ok(())
        } else {
            Err(Failure::InvalidAuthzid)
        }
    }

    /// The mechanism for tokens of this name, if it is offered.
    pub fn fast(&self, login: &Login, name: &str) -> Option<FastMechanism> {
        let offered = !login.clients.settings.token_lifetime.is_zero();
        self.offer.fast(name).filter(|_| offered)
    }
}

/// A client that is who it says it is.
pub struct Proof {
    pub account: Arc<Account>,
    pub keys: Keys,
    /// What goes into `<success/>`.
    pub data: Option<Vec<u8>>,
}

/// What stops an attempt.
pub enum Stop {
    /// It failed; the client may try again.
    Failed(Refusal),
    End(End),
}

/// A failure as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub failure: Failure,
    /// For people, in English.
    pub text: Option<&'static str>,
    /// XEP-0509 §2.2: the client reckoned with other features.
    pub other_config: bool,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal { failure, text: None, other_config: false }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Failed(refusal)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure.into())
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Stop {
        Stop::End(end)
    }
}

/// Has the client prove who it is; `claimed` becomes the account that it says it is.
pub async fn prove(
    login: &mut Login,
    stage: &Stage,
    profile: Profile,
    mechanism: Mechanism,
    initial: Option<Vec<u8>>,
    claimed: &mut Option<BareJid>,
) -> Result<Proof, Stop> {
    let initial = match initial {
        Some(initial) => initial,
        // RFC 6120 §6.4.2: no initial response, so an empty challenge asks for it.
        None => {
            profile.write(login.out(), "challenge", &[]);
            response(login, profile).await?
        }
    };
    let begun = stage.offer.begin(mechanism.name(), &initial)?;
    let account = match &begun {
        Begun::Scram(first) => first.account().clone(),
        Begun::Plain(attempt) => attempt.account().clone(),
    };
    *claimed = Some(account.clone());
    if profile == Profile::Sasl2 {
        stage.agrees_to(&account)?;
    }
    let clients = login.clients.clone();
    throttled(login, &account)?;
    let row = row_of(login, &account).await?;
    let keys = keys_of(row.as_ref())?;
    let proof = match begun {
        Begun::Plain(attempt) => {
            let (clients, keys) = (clients.clone(), keys.clone());
            let verify = move || attempt.verify(keys.as_ref(), &clients.decoy);
            login.clients.work.run(verify).await.unwrap_or(Err(Failure::TemporaryAuthFailure))
        }
        Begun::Scram(first) => {
            let nonce = waxwing_sasl::token();
            let (second, challenge) = first.challenge(keys.as_ref(), &clients.decoy, &nonce);
            profile.write(login.out(), "challenge", &challenge);
            second.finish(&response(login, profile).await?)
        }
    };
    judged(login, &account, proof.as_ref().err())?;
    let data = proof?.data;
    // Nobody proves an account that is not there.
    let (row, keys) = row.zip(keys).ok_or(Failure::NotAuthorized)?;
    let account = admitted(&stage.host, &row).await?;
    Ok(Proof { account, keys, data })
}

/// Whether this account may be tried from this address now.
pub fn throttled(login: &Login, account: &BareJid) -> Result<(), Failure> {
    let tried = login.clients.throttle.check(login.peer.ip(), account.as_str());
    tried.map_err(|_| Failure::TemporaryAuthFailure)
}

/// Counts a proof that failed.
pub fn judged(login: &Login, account: &BareJid, failure: Option<&Failure>) -> Result<(), Failure> {
    // Asked again: guesses made on many streams at once count as those made one after the other.
    throttled(login, account)?;
    if failure == Some(&Failure::NotAuthorized) {
        login.clients.throttle.failed(login.peer.ip(), account.as_str());
    }
    Ok(())
}

async fn row_of(login: &Login, account: &BareJid) -> Result<Option<AccountRow>, Failure> {
    login.clients.core.store.account(account.as_str()).await.map_err(|error| {
        tracing::error!(%account, %error, "an account could not be loaded");
        Failure::TemporaryAuthFailure
    })
}

pub fn keys_of(row: Option<&AccountRow>) -> Result<Option<Keys>, Failure> {
    let Some(row) = row else { return Ok(None) };
    Keys::from_bytes(&row.keys).map(Some).map_err(|error| {
        tracing::error!(account = row.jid, %error, "an account cannot log in");
        Failure::TemporaryAuthFailure
    })
}

/// The account of a proven client, if it may log in.
pub async fn admitted(host: &Arc<Host>, row: &AccountRow) -> Result<Arc<Account>, Failure> {
    // Told only to who has proven it.
    if row.disabled {
        return Err(Failure::AccountDisabled);
    }
    let addr = Arc::new(Jid::new(&row.jid).map_err(|_| Failure::TemporaryAuthFailure)?);
    match host.core().directory.find(host, &addr).await {
        // Not there, or somebody else's: removed a moment ago.
        Ok(account) => account.filter(|account| account.id == row.id).ok_or(Failure::NotAuthorized),
        Err(error) => {
            tracing::error!(account = bare_str(&addr), %error, "an account could not be loaded");
            Err(Failure::TemporaryAuthFailure)
        }
    }
}

/// The client's answer to a challenge.
async fn response(login: &mut Login, profile: Profile) -> Result<Vec<u8>, Stop> {
    loop {
        let element = login.element().await?;
        if element.is("response", profile.ns()) {
            return Ok(profile.decode(&element.text())?.unwrap_or_default());
        }
        if element.is("abort", profile.ns()) {
            return Err(Failure::Aborted.into());
        }
        match profile {
            Profile::Sasl1 if element.ns() == ns::SASL => return Err(Failure::MalformedRequest.into()),
            Profile::Sasl1 => login.too_early(&element)?,
            Profile::Sasl2 => return Err(out_of_turn().into()),
        }
    }
}

/// XEP-0388 §2.4: whoever sends anything else meanwhile is disconnected.
pub fn out_of_turn() -> End {
    StreamError::new("policy-violation").text("that has no place within an authentication").into()
}

impl Profile {
    pub fn ns(self) -> &'static str {
        match self {
            Profile::Sasl1 => ns::SASL,
            Profile::Sasl2 => SASL2,
        }
    }

    /// Data of the mechanism: `None` for none. In SASL1 `=` stands for data of length zero (RFC 6120 §6.4.2), in
    /// SASL2 an element that is there is data (XEP-0388 §2.2).
    pub fn decode(self, text: &str) -> Result<Option<Vec<u8>>, Failure> {
        match (self, text) {
            (Profile::Sasl1, "") => Ok(None),
            (Profile::Sasl1, "=") => Ok(Some(Vec::new())),
            (_, text) => {
                BASE64_STANDARD.decode(text.trim()).map(Some).map_err(|_| Failure::IncorrectEncoding)
            }
        }
    }

    fn write(self, out: &mut Vec<u8>, name: &str, data: &[u8]) {
        Tag::new(out, name).ns(self.ns()).text(&BASE64_STANDARD.encode(data));
    }

    pub fn write_failure(self, out: &mut Vec<u8>, refusal: Refusal) {
        Tag::new(out, "failure").ns(self.ns()).children(|out| {
            let condition = Tag::new(out, refusal.failure.condition());
            match self {
                Profile::Sasl1 => condition.end_empty(),
                Profile::Sasl2 => condition.ns(ns::SASL).end_empty(),
            }
            if refusal.other_config {
                Tag::new(out, "config-version-mismatch").ns(super::features::CONFIG).end_empty();
            }
            if let Some(text) = refusal.text {
                Tag::new(out, "text").text(text);
            }
        });
    }
}

/// A child of a judged element, judged for itself: its bytes stand for themselves.
pub fn part(limits: &Limits, element: &Element, child: &Child) -> Result<Element, Failure> {
    waxwing_xml::scan(child.bytes(element), &waxwing_xml::Scope::client(), limits)
        .map_err(|_| Failure::MalformedRequest)
}
