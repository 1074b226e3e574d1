//! Reports to the operator.

use super::{Database, account, apply};
use crate::{OwnerId, Report, ReportQuery, Store, Write, report_id, reported_at};

fn report(owner: OwnerId, at: i64, reported: &str) -> Report {
    Report {
        id: report_id(at, 7),
        owner,
        host: "x".to_owned(),
        reported: reported.to_owned(),
        reason: "urn:späm".to_owned(),
        messages: 2,
        content: vec![0, 255, b'{'],
    }
}

async fn add(store: &dyn Store, report: Report, keep: u32) {
    apply(store, &[Write::Report { report, keep }]).await;
}

async fn listed(store: &dyn Store, query: &ReportQuery, limit: u32) -> Vec<String> {
    let heads = store.reports(query, limit).await.unwrap();
    heads.into_iter().map(|head| format!("{} {}", reported_at(head.id), head.reported)).collect()
}

pub async fn reports_are_kept_in_order(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let (a, b) = (account(&*store, "a@x").await, account(&*store, "b@y").await);
    add(&*store, report(a, 2, "péer@spam/1"), 10).await;
    add(&*store, report(a, 1, "spam"), 10).await;
    add(&*store, Report { host: "y".to_owned(), ..report(b, 3, "peer@spam.org") }, 10).await;
    let all = ReportQuery::default();
    assert_eq!(listed(&*store, &all, 9).await, ["1 spam", "2 péer@spam/1", "3 peer@spam.org"]);
    assert_eq!(listed(&*store, &all, 2).await, ["1 spam", "2 péer@spam/1"]);
    let later = ReportQuery { after: report_id(2, 7), ..all.clone() };
    assert_eq!(listed(&*store, &later, 9).await, ["3 peer@spam.org"]);
    assert!(listed(&*store, &ReportQuery { after: u64::MAX, ..all.clone() }, 9).await.is_empty());

    let host = ReportQuery { host: Some("y".to_owned()), ..all.clone() };
    assert_eq!(listed(&*store, &host, 9).await, ["3 peer@spam.org"]);
    for (reported, found) in [
        ("péer@spam/1", &["2 péer@spam/1"][..]),
        ("péer@spam", &["2 péer@spam/1"]),
        ("spam", &["1 spam", "2 péer@spam/1"]),
        ("spam/1", &[]),
        ("%", &[]),
    ] {
        let query = ReportQuery { reported: Some(reported.to_owned()), ..all.clone() };
        assert_eq!(listed(&*store, &query, 9).await, found, "{reported}");
    }

    let (head, content) = store.report(report_id(2, 7)).await.unwrap().unwrap();
    assert_eq!((head.reporter.as_str(), head.reason.as_str(), head.messages), ("a@x", "urn:späm", 2));
    assert_eq!(content, [0, 255, b'{']);
    assert_eq!(store.report(report_id(2, 8)).await.unwrap(), None);
}

pub async fn reports_are_bounded(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let (a, b) = (account(&*store, "a@x").await, account(&*store, "b@x").await);
    add(&*store, report(b, 1, "other"), 2).await;
    for at in [2, 3, 4] {
        add(&*store, report(a, at, "spam"), 2).await;
    }
    let all = ReportQuery::default();
    assert_eq!(listed(&*store, &all, 9).await, ["1 other", "3 spam", "4 spam"]);
    // Again, as when a batch is tried again.
    add(&*store, report(a, 4, "spam"), 2).await;
    add(&*store, report(99, 5, "nobody's"), 2).await;
    assert_eq!(listed(&*store, &all, 9).await, ["1 other", "3 spam", "4 spam"]);

    assert_eq!(store.expire_reports(4, 1).await.unwrap(), 1);
    assert_eq!(listed(&*store, &all, 9).await, ["3 spam", "4 spam"]);
    assert_eq!(store.expire_reports(4, 9).await.unwrap(), 1);
    assert!(store.remove_report(report_id(4, 7)).await.unwrap());
    assert!(!store.remove_report(report_id(4, 7)).await.unwrap());
    assert!(listed(&*store, &all, 9).await.is_empty());

    add(&*store, report(a, 6, "spam"), 2).await;
    apply(&*store, &[Write::RemoveAccount { owner: a }]).await;
    assert_eq!(store.report(report_id(6, 7)).await.unwrap(), None);
}
