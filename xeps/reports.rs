//! What users report to the operator when they block somebody (XEP-0377): read, and made ready to be stored.
//!
//! A report holds the messages that it names, as far as the reporter's own archive has them and the reported sent them,
//! so that the operator can judge. Nothing is forwarded to anybody; whether it might be is kept with it (§6).

use jid::Jid;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use waxwing_kernel::{Account, now};
use waxwing_stanza::{Addr, Condition, StanzaError, prepare};
use waxwing_store::{UnixMillis, Write, report_id};
use xso::FromXml;

use crate::presence::unanswering;

pub const REPORTING: &str = "urn:xmpp:reporting:1";
const SID: &str = "urn:xmpp:sid:0";

/// Reports in one request.
const AT_ONCE: usize = 32;
/// Bytes of a reason, and of what names a message.
const REASON: usize = 256;
const NAME: usize = 3071;
/// Of one report: bytes of its texts, messages named, and bytes of these. What is beyond is left out.
const TEXTS: usize = 4096;
const MESSAGES: usize = 32;
const EVIDENCE: usize = 64 * 1024;

/// §5.
#[derive(FromXml)]
#[xml(namespace = REPORTING, name = "report")]
pub struct Report {
    #[xml(attribute)]
    reason: String,
    #[xml(child(n = ..))]
    messages: Vec<StanzaId>,
    #[xml(child(n = ..))]
    texts: Vec<Text>,
    #[xml(flag(namespace = REPORTING, name = "report-origin"))]
    report_origin: bool,
    #[xml(flag(namespace = REPORTING, name = "third-party"))]
    third_party: bool,
}

#[derive(FromXml)]
#[xml(namespace = SID, name = "stanza-id")]
struct StanzaId {
    #[xml(attribute)]
    by: String,
    #[xml(attribute)]
    id: String,
}

#[derive(FromXml)]
#[xml(namespace = REPORTING, name = "text")]
struct Text {
    #[xml(lang(default))]
    lang: Option<String>,
    #[xml(text)]
    text: String,
}

/// What is stored of a report, as JSON; the operator's command shows it.
#[derive(Serialize)]
struct Content {
    texts: Vec<(Option<String>, String)>,
    report_origin: bool,
    third_party: bool,
    messages: Vec<Message>,
}

/// A message that a report names.
#[derive(Serialize)]
struct Message {
    by: String,
    id: String,
    /// When it came; `None` where the reporter's archive has no such message by the reported.
    at: Option<UnixMillis>,
    /// As it is archived; `None` also where it is too large.
    stanza: Option<String>,
}

/// Judges the reports of one request: an item has one at most.
///
/// # Errors
/// `<bad-request/>`: two of one item, or no reason; `<policy-violation/>`: too many at once.
pub fn check(items: &[&[Report]]) -> Result<(), StanzaError> {
    let sound = |reason: &str| !reason.is_empty() && reason.len() <= REASON;
    if items.iter().any(|reports| reports.len() > 1 || reports.iter().any(|one| !sound(&one.reason))) {
        return Err(
            StanzaError::new(Condition::BadRequest).text("one report for an address, with its reason")
        );
    }
    match items.iter().map(|reports| reports.len()).sum::<usize>() {
        0..=AT_ONCE => Ok(()),
        _ => Err(StanzaError::new(Condition::PolicyViolation).text("too many reports at once")),
    }
}

/// What stores an account's report of `reported`; `sent_by` says whether they sent a stanza with this `from`. Of the
/// account's reports the newest `keep` are kept.
pub async fn write(
    account: &Account,
    reported: &Addr,
    report: Report,
    sent_by: impl Fn(&Jid) -> bool,
    keep: u32,
) -> Result<Write, StanzaError> {
    let messages = messages(account, report.messages, sent_by).await?;
    let found = messages.iter().filter(|message| message.at.is_some()).count();
    let content = Content {
        texts: texts(report.texts),
        report_origin: report.report_origin,
        third_party: report.third_party,
        messages,
    };
    let mut random = [0; 4];
    let content = serde_json::to_vec(&content).ok();
    let (Some(content), Ok(())) = (content, SystemRandom::new().fill(&mut random)) else {
        return Err(Condition::InternalServerError.into());
    };
    tracing::info!(account = %account.jid, %reported, "somebody was reported");
    let report = waxwing_store::Report {
        id: report_id(now(), u32::from_ne_bytes(random)),
        owner: account.id,
        host: account.host.domain.as_str().to_owned(),
        reported: reported.as_str().to_owned(),
        reason: report.reason,
        messages: u32::try_from(found).unwrap_or(u32::MAX),
        content,
    };
    Ok(Write::Report { report, keep })
}

fn texts(texts: Vec<Text>) -> Vec<(Option<String>, String)> {
    let mut room = TEXTS;
    let mut kept = Vec::new();
    for Text { lang, mut text } in texts {
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        room -= end;
        if !text.trim().is_empty() {
            kept.push((lang.filter(|lang| lang.len() <= REASON), text));
        }
    }
    kept
}

async fn messages(
    account: &Account,
    named: Vec<StanzaId>,
    sent_by: impl Fn(&Jid) -> bool,
) -> Result<Vec<Message>, StanzaError> {
    let named = named.into_iter().filter(|it| it.by.len() <= NAME && it.id.len() <= NAME).take(MESSAGES);
    let mut messages: Vec<Message> =
        named.map(|StanzaId { by, id }| Message { by, id, at: None, stanza: None }).collect();
    let ids = &account.core().ids;
    // Only what the reporter's own archive has is known to be what was sent.
    let ours = |message: &Message| prepare(&message.by).is_some_and(|by| by == account.jid);
    let seqs: Vec<_> = messages
        .iter()
        .map(|message| if ours(message) { ids.position(account.id, &message.id) } else { None })
        .collect();
    let mut room = EVIDENCE;
    let look = |archived: waxwing_kernel::Archived| {
        if !archived.stanza.from.as_ref().is_some_and(|from| sent_by(from)) {
            return;
        }
        let stanza = archived.stanza.stored();
        let stanza = std::str::from_utf8(&stanza).ok().filter(|it| it.len() <= room);
        // Named twice it is one.
        let named = messages.iter_mut().zip(&seqs).find(|(_, seq)| **seq == Some(archived.seq));
        let Some((message, _)) = named else { return };
        message.at = Some(archived.at);
        message.stanza = stanza.map(str::to_owned);
        room -= stanza.map_or(0, str::len);
    };
    account.archived_at(seqs.iter().flatten().copied().collect(), look).await.map_err(unanswering)?;
    Ok(messages)
}
