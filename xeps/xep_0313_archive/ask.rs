//! What a query asks for.

use jid::Jid;
use waxwing_kernel::{Account, first_at};
use waxwing_stanza::{Condition, StanzaError, bare_str};
use waxwing_store::{LogQuery, Seq, UnixMillis};
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field};
use xmpp_parsers::date::DateTime;
use xmpp_parsers::mam::Query;

use crate::archive::{FULLTEXT_FIELD, MAM};
use crate::presence::unanswering;
use crate::rsm::Page;
use crate::words::searched;

/// See the module.
pub struct Ask {
    pub query: LogQuery,
    /// Words that a result must have, empty for any (XEP-0431).
    pub words: Vec<String>,
    /// The whole archive, in whatever pages.
    pub everything: bool,
    /// The page's last result is sent first (§4.3.4).
    pub flipped: bool,
    /// Entries that it names: they must be there.
    named: Vec<Seq>,
}

impl Ask {
    /// `most`: results in a page.
    pub fn of(query: &Query, account: &Account, most: u32) -> Result<Ask, StanzaError> {
        let page = Page::of(query.set.as_ref(), most)?;
        let mut ask = Ask {
            query: LogQuery { backwards: page.backwards, ..LogQuery::all(page.limit) },
            words: Vec::new(),
            everything: true,
            flipped: query.flip_page,
            named: Vec::new(),
        };
        if let Some(form) = &query.form {
            for field in fields(form)? {
                ask.filter(field, account, most)?;
            }
        }
        if let Some(id) = page.after {
            ask.after(account, id)?;
        }
        if let Some(id) = page.before {
            ask.before(account, id)?;
        }
        Ok(ask)
    }

    fn filter(&mut self, field: &Field, account: &Account, most: u32) -> Result<(), StanzaError> {
        let var = field.var.as_deref().unwrap_or_default();
        match var {
            "FORM_TYPE" => return Ok(()),
            "ids" => return self.among(account, &field.values, most),
            "with" | "start" | "end" | "before-id" | "after-id" | "include-groupchat" | FULLTEXT_FIELD => {}
            // §4.1.5.
            _ => return Err(StanzaError::new(Condition::FeatureNotImplemented).text("an unknown form field")),
        }
        // A field that was left empty filters nothing.
        let value = match field.values.as_slice() {
            [] => return Ok(()),
            [value] if value.is_empty() => return Ok(()),
            [value] => value.as_str(),
            _ => return Err(bad("a field with several values")),
        };
        self.everything &= var == "include-groupchat";
        match var {
            "with" => self.with(value)?,
            "start" => {
                let at = millis(value)?.0;
                self.query.after = self.query.after.max(first_at(at).saturating_sub(1));
            }
            "end" => {
                let at = millis(value)?.1;
                self.query.before = self.query.before.min(first_at(at.saturating_add(1)));
            }
            "before-id" => self.before(account, value)?,
            "after-id" => self.after(account, value)?,
            FULLTEXT_FIELD => self.words = searched(value)?,
            // No groupchat messages are in an account's archive, whichever is asked for (§4.1.4).
            _ if matches!(value, "true" | "false" | "1" | "0") => {}
            _ => return Err(bad("no boolean")),
        }
        Ok(())
    }

    /// §4.1.1. What the account sent to itself has itself on the other side, and nothing else has.
    fn with(&mut self, value: &str) -> Result<(), StanzaError> {
        let jid = Jid::new(value).map_err(|_| StanzaError::new(Condition::JidMalformed))?;
        self.query.peer = Some(bare_str(&jid).to_owned());
        self.query.resource = jid.resource().map(|resource| resource.as_str().to_owned());
        Ok(())
    }

    fn after(&mut self, account: &Account, id: &str) -> Result<(), StanzaError> {
        let seq = self.name(account, id)?;
        self.query.after = self.query.after.max(seq);
        Ok(())
    }

    fn before(&mut self, account: &Account, id: &str) -> Result<(), StanzaError> {
        let seq = self.name(account, id)?;
        self.query.before = self.query.before.min(seq);
        Ok(())
    }

    /// §4.1.3.
    fn among(&mut self, account: &Account, ids: &[String], most: u32) -> Result<(), StanzaError> {
        if ids.len() > most as usize {
            return Err(StanzaError::new(Condition::PolicyViolation).text("too many ids"));
        }
        let seqs = ids.iter().map(|id| self.name(account, id)).collect::<Result<Vec<_>, _>>()?;
        if !seqs.is_empty() {
            self.everything = false;
            self.query.among = Some(seqs);
        }
        Ok(())
    }

    /// The position that an id of this archive stands for; another's is as one that was never given.
    fn name(&mut self, account: &Account, id: &str) -> Result<Seq, StanzaError> {
        let seq = account.core().ids.position(account.id, id).ok_or_else(not_found)?;
        self.named.push(seq);
        Ok(seq)
    }

    /// §4.1.3, §4.3.2: ids that are not in the archive (any more) are an error.
    pub async fn check_ids(&self, account: &Account) -> Result<(), StanzaError> {
        if self.named.is_empty() {
            return Ok(());
        }
        let mut named = self.named.clone();
        named.sort_unstable();
        named.dedup();
        let found = account.core().store.log_archived_at(account.id, &named).await.map_err(unanswering)?;
        if found == named.len() as u64 { Ok(()) } else { Err(not_found()) }
    }
}

/// The fields of a form that is a filter, each at most once.
fn fields(form: &DataForm) -> Result<&[Field], StanzaError> {
    if form.type_ != DataFormType::Submit || form.form_type() != Some(MAM) {
        return Err(bad("not a form for this archive"));
    }
    let twice =
        |(index, field): (usize, &Field)| form.fields[..index].iter().any(|other| other.var == field.var);
    // Few are known, so there is no need to compare many.
    if form.fields.len() > 32 || form.fields.iter().enumerate().any(twice) {
        return Err(bad("a field that is there twice"));
    }
    Ok(&form.fields)
}

/// The first and the last millisecond that a time stands for: the archive knows no finer ones.
fn millis(value: &str) -> Result<(UnixMillis, UnixMillis), StanzaError> {
    let time: DateTime = value.parse().map_err(|_| bad("not a time as of XEP-0082"))?;
    let last = time.0.timestamp_millis();
    let exact = time.0.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    Ok((if exact { last } else { last.saturating_add(1) }, last))
}

fn bad(text: &'static str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).text(text)
}

fn not_found() -> StanzaError {
    Condition::ItemNotFound.into()
}
