//! What an app server answers, and who is told.

use std::time::Duration;

use harness::{Client, Server, StanzaExt, scenes};
use minidom::Element;

use crate::app_server::{
    COMMANDS, DATA, PUBSUB, app_server, away, enable, error, left_alone, left_alone_for_long, operator_sees,
    published,
};

scenes! {
    [crate::app_server::APP_SERVERS, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        a_node_that_is_gone_ends_the_registration,
        a_failure_that_passes_is_tried_again,
        a_refusal_is_not_insisted_on,
        the_operator_sees_what_became_of_it,
        the_owner_sees_what_became_of_it,
        a_service_that_connects_late,
        a_service_ends_a_node;
}

async fn a_node_that_is_gone_ends_the_registration(s: &Server) {
    let mut service = app_server(s, "gone").await;
    let mut other = s.user().await;
    for condition in ["item-not-found", "gone"] {
        let account = away(s, &service, "").await;
        other.say(&account.jid, "x").await;
        published(&mut service, &error("cancel", condition)).await;
        service.sync().await;
        let begun = std::time::Instant::now();
        while operator_sees(s, &account) != "no registrations\n" {
            assert!(begun.elapsed() < Duration::from_secs(10), "{condition}");
        }
        other.say(&account.jid, "y").await;
        other.sync().await;
        left_alone(s, &mut service).await;
    }
}

async fn a_failure_that_passes_is_tried_again(s: &Server) {
    let mut service = app_server(s, "wait").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, &error("wait", "resource-constraint")).await;
    // Five seconds later.
    published(&mut service, "").await;
    left_alone(s, &mut service).await;
    let seen = operator_sees(s, &account);
    assert!(seen.contains("errors      1, last") && seen.contains("resource-constraint"), "{seen}");
}

async fn a_refusal_is_not_insisted_on(s: &Server) {
    let mut service = app_server(s, "refused").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, &error("auth", "forbidden")).await;
    left_alone_for_long(s, &mut service).await;
    other.say(&account.jid, "y").await;
    other.sync().await;
    left_alone(s, &mut service).await;
    assert!(operator_sees(s, &account).contains("forbidden"));
    // Enabled anew, it may be what the service wants.
    let mut phone = s.login(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.close().await;
    published(&mut service, "").await;
}

async fn the_operator_sees_what_became_of_it(s: &Server) {
    let mut service = app_server(s, "ledger").await;
    let account = s.account();
    assert_eq!(operator_sees(s, &account), "no registrations\n");
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.close().await;
    let seen = operator_sees(s, &account);
    for line in [
        "service     ledger.localhost",
        "node        node",
        "resource    phone",
        "queued      0",
        "sent        0",
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    // Stored within seconds.
    let begun = std::time::Instant::now();
    loop {
        let seen = operator_sees(s, &account);
        if ["queued      1, last", "sent        1, last", "answered    1, last", "errors      0\n"]
            .iter()
            .all(|it| seen.contains(it))
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{seen}");
    }
    let nobody = s.cli(&["user", "push", "nobody@localhost"], "");
    assert!(!nobody.status.success());
}

/// The table of the command, by row and column.
async fn status(client: &mut Client) -> Vec<Vec<(String, String)>> {
    let command = format!("<command xmlns='{COMMANDS}' node='urn:x-waxwing:push'/>");
    let answer = client.set("localhost", &command).await;
    let done = answer.must("command", COMMANDS);
    assert_eq!(done.attr("status"), Some("completed"), "{}", answer.show());
    let Some(table) = done.child("x", DATA) else {
        assert!(!done.must("note", COMMANDS).text().is_empty());
        return Vec::new();
    };
    let cell = |it: &Element| (it.attr("var").expect("a var").to_owned(), it.must("value", DATA).text());
    let items = table.children().filter(|it| it.name() == "item");
    items.map(|item| item.children().map(cell).collect()).collect()
}

async fn the_owner_sees_what_became_of_it(s: &Server) {
    let mut service = app_server(s, "owner").await;
    let account = away(s, &service, "").await;
    let mut laptop = s.login(&account, "laptop").await;
    let mut other = s.user().await;
    assert!(status(&mut other).await.is_empty(), "one's own only");
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    let begun = std::time::Instant::now();
    loop {
        let rows = status(&mut laptop).await;
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let cell = |var: &str| &*row.iter().find(|(name, _)| name == var).expect("the column").1;
        assert_eq!((cell("client"), cell("service"), cell("queued")), ("phone", "owner.localhost", "1"));
        // At once, before it is stored.
        if (cell("sent"), cell("answered"), cell("errors")) == ("1", "1", "0") {
            assert!(cell("last_sent").starts_with("20") && cell("last_error").is_empty());
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(4), "{rows:?}");
    }
}

async fn a_service_that_connects_late(s: &Server) {
    let service = app_server(s, "late").await;
    let account = away(s, &service, "").await;
    drop(service);
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    other.sync().await;
    let mut laptop = s.login(&account, "laptop").await;
    let failed = |row: &Vec<(String, String)>| row.contains(&("errors".to_owned(), "1".to_owned()));
    while !status(&mut laptop).await.iter().any(failed) {}
    let mut service = app_server(s, "late").await;
    published(&mut service, "").await;
    let seen = operator_sees(s, &account);
    assert!(!seen.contains("no registrations"), "{seen}");
}

/// XEP-0357 §8.
async fn a_service_ends_a_node(s: &Server) {
    let mut service = app_server(s, "end").await;
    let mut stranger = app_server(s, "again").await;
    let account = away(s, &service, "").await;
    let ending = |from: &str| {
        format!(
            "<message from='{from}' to='{}'><pubsub xmlns='{PUBSUB}' node='node'>\
             <affiliation jid='{}' affiliation='none'/></pubsub></message>",
            account.jid, account.jid
        )
    };
    stranger.send(ending("again.localhost")).await;
    stranger.sync().await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    assert!(operator_sees(s, &account).contains("end.localhost"));
    service.send(ending("end.localhost")).await;
    service.sync().await;
    let begun = std::time::Instant::now();
    while operator_sees(s, &account) != "no registrations\n" {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
