//! Keys for a hash that an account has none for, from a client that knows the password (XEP-0480).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use waxwing_sasl::{Failure, Hash, Mechanism, Offer, Salting};
use waxwing_store::Write;
use waxwing_xml::{Element, Tag};

use super::SASL2;
use crate::login::Login;
use crate::login::exchange::{Profile, Proof, Stop, out_of_turn, part};

pub const UPGRADE: &str = "urn:xmpp:sasl:upgrade:0";
/// §3.
const SCRAM_UPGRADE: &str = "urn:xmpp:scram-upgrade:0";

/// The hashes that keys are taken for: of the mechanisms offered, those that are worth a change.
pub fn offered(offer: &Offer) -> impl Iterator<Item = Hash> {
    let used = |hash| offer.mechanisms().any(|mechanism| mechanism.hash() == Some(hash));
    [Hash::Sha256, Hash::Sha512].into_iter().filter(move |hash| used(*hash))
}

/// A task's name (§2.1).
pub fn task(hash: Hash) -> String {
    format!("UPGR-{}", Mechanism::Scram(hash).name())
}

/// Has the client make the keys that it offered to make and the account lacks, one task after the other. Only for one
/// that has proven the password: a token must not be worth a new one.
pub async fn perform(
    login: &mut Login,
    offer: &Offer,
    wishes: &[String],
    proof: &mut Proof,
) -> Result<(), Stop> {
    let lacking: Vec<Hash> =
        offered(offer).filter(|hash| !proof.keys.has(*hash) && wishes.contains(&task(*hash))).collect();
    for hash in lacking {
        // What the mechanism has to say is said with the first.
        let data = proof.data.take();
        write_continue(login.out(), data.as_deref(), &task(hash));
        let next = answer(login, "next").await?;
        if next.attr("task") != Some(&*task(hash)) {
            return Err(Failure::MalformedRequest.into());
        }
        let salting = Salting::new(hash, login.clients.settings.iterations);
        write_salt(login.out(), &salting);
        let data = answer(login, "task-data").await?;
        let limits = &login.clients.settings.limits_before_auth;
        let hashed = data.child("hash", SCRAM_UPGRADE).map(|hash| part(limits, &data, hash)).transpose()?;
        let hashed = hashed.ok_or(Failure::MalformedRequest)?;
        let salted = Profile::Sasl2.decode(&hashed.text())?.unwrap_or_default();
        let keys = proof.keys.with(&salting, &salted).ok_or(Failure::MalformedRequest)?;
        let (from, to) = (proof.keys.to_bytes(), keys.to_bytes());
        let write = Write::UpgradeKeys { owner: proof.account.id, from, to };
        login.clients.core.writer.commit(vec![write]).await.map_err(|error| {
            tracing::error!(account = %proof.account.jid, %error, "keys could not be stored");
            Failure::TemporaryAuthFailure
        })?;
        tracing::info!(account = %proof.account.jid, task = task(hash), "keys for one more mechanism");
        proof.keys = keys;
    }
    Ok(())
}

/// The client's next step of a task.
async fn answer(login: &mut Login, name: &str) -> Result<Element, Stop> {
    let element = login.element().await?;
    if element.is(name, SASL2) {
        return Ok(element);
    }
    if element.is("abort", SASL2) {
        return Err(Failure::Aborted.into());
    }
    Err(out_of_turn().into())
}

fn write_continue(out: &mut Vec<u8>, data: Option<&[u8]>, task: &str) {
    Tag::new(out, "continue").ns(SASL2).children(|out| {
        if let Some(data) = data {
            Tag::new(out, "additional-data").text(&BASE64_STANDARD.encode(data));
        }
        Tag::new(out, "tasks").children(|out| Tag::new(out, "task").text(task));
    });
}

fn write_salt(out: &mut Vec<u8>, salting: &Salting) {
    Tag::new(out, "task-data").ns(SASL2).children(|out| {
        let salt = Tag::new(out, "salt").ns(SCRAM_UPGRADE);
        salt.attr("iterations", &salting.iterations.to_string()).text(&BASE64_STANDARD.encode(&salting.salt));
    });
}
