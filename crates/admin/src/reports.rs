//! What users reported (XEP-0377).

use serde::{Deserialize, Serialize};
use waxwing_store::{ReportHead, ReportQuery, Store, reported_at};

use crate::AdminError;

/// Reports in one page of a list.
const PAGE: u32 = 100;

/// A report, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportInfo {
    pub id: u64,
    /// The account that made it.
    pub reporter: String,
    /// The JID reported, of any form.
    pub reported: String,
    /// A URN.
    pub reason: String,
    /// Messages that it holds.
    pub messages: u32,
}

impl ReportInfo {
    /// When it was made: milliseconds since 1970-01-01T00:00:00Z.
    pub fn at(&self) -> i64 {
        reported_at(self.id)
    }
}

impl From<ReportHead> for ReportInfo {
    fn from(head: ReportHead) -> Self {
        let ReportHead { id, reporter, reported, reason, messages } = head;
        Self { id, reporter, reported, reason, messages }
    }
}

/// What a report says, as its module stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportContent {
    /// Language and text.
    pub texts: Vec<(Option<String>, String)>,
    /// The reporter agrees that it is told to the server of the reported.
    pub report_origin: bool,
    /// The reporter agrees that it is told to others.
    pub third_party: bool,
    pub messages: Vec<ReportedMessage>,
}

/// A message that a report names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedMessage {
    /// Who gave it its id.
    pub by: String,
    pub id: String,
    /// When it came, `None` where the reporter's archive had no such message by the reported.
    pub at: Option<i64>,
    /// As it was archived; `None` also where it was too large.
    pub stanza: Option<String>,
}

/// A page of reports, oldest first.
pub async fn reports(store: &dyn Store, query: &ReportQuery) -> Result<Vec<ReportInfo>, AdminError> {
    Ok(store.reports(query, PAGE).await?.into_iter().map(ReportInfo::from).collect())
}

/// One report with what it says.
pub async fn report(store: &dyn Store, id: u64) -> Result<(ReportInfo, ReportContent), AdminError> {
    let (head, content) = store.report(id).await?.ok_or_else(|| AdminError::no_report(id))?;
    let content = serde_json::from_slice(&content);
    Ok((head.into(), content.map_err(|_| AdminError("the report cannot be read".into()))?))
}

/// Removes a report.
pub async fn remove_report(store: &dyn Store, id: u64) -> Result<(), AdminError> {
    if store.remove_report(id).await? { Ok(()) } else { Err(AdminError::no_report(id)) }
}

/// The number of a report as it is written: 16 hexadecimal digits.
pub fn report_name(id: u64) -> String {
    format!("{id:016x}")
}

/// The number that was written so.
pub fn report_named(name: &str) -> Result<u64, AdminError> {
    match u64::from_str_radix(name, 16) {
        // Above it is no number of a database.
        Ok(id) if i64::try_from(id).is_ok() => Ok(id),
        _ => Err(AdminError(format!("{name:?} is no report: `waxwing reports list` shows their ids"))),
    }
}
