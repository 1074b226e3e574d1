//! Who registers, what for, and what ends it.

use harness::{Client, Server, StanzaExt, Stream, agent, identifier, ns, scenes};

use crate::app_server::{
    DATA, PUBSUB, PUSH, app_server, away, enable, enabling, fields, left_alone, left_alone_for_long,
    notification, operator_sees, published,
};

scenes! {
    [crate::app_server::APP_SERVERS, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        the_account_says_that_it_can,
        what_the_service_wants_repeated_is,
        who_disables_is_left_alone,
        a_revoked_device_is_left_alone,
        registrations_outlive_a_restart_and_not_their_account,
        what_cannot_be_enabled,
        a_client_can_be_the_service;
    [crate::app_server::APP_SERVERS, "limits.push_registrations=2"]:
        the_oldest_of_too_many_goes;
}

async fn the_account_says_that_it_can(s: &Server) {
    let mut user = s.user().await;
    let me = user.bare().to_owned();
    let info = user.get(&me, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let query = info.must("query", ns::DISCO_INFO);
    let has = |feature: &str| query.children().any(|it| it.attr("var") == Some(feature));
    for feature in [
        PUSH,
        "tigase:push:encrypt:0",
        "tigase:push:encrypt:aes-128-gcm",
        "tigase:push:priority:0",
        "tigase:push:filter:muted:0",
        "tigase:push:filter:ignore-unknown:0",
        "tigase:push:filter:groupchat:0",
        "tigase:push:away:0",
        "tigase:push:jingle:0",
    ] {
        assert!(has(feature), "{feature} in {}", query.show());
    }
}

async fn what_the_service_wants_repeated_is(s: &Server) {
    let mut service = app_server(s, "options").await;
    let options = |secret: &str| {
        format!(
            "<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{PUBSUB}#publish-options</value></field>\
             <field var='secret'><value>{secret}</value></field></x>"
        )
    };
    let account = away(s, &service, &options("eruio &lt; 234")).await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    let iq = published(&mut service, "").await;
    let form = iq.must("pubsub", PUBSUB).must("publish-options", PUBSUB).must("x", DATA);
    assert_eq!(fields(form), [("secret".to_owned(), "eruio < 234".to_owned())]);
    // The last request counts (§5).
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, &options("new")).await;
    phone.close().await;
    other.say(&account.jid, "x").await;
    let iq = published(&mut service, "").await;
    let form = iq.must("pubsub", PUBSUB).must("publish-options", PUBSUB).must("x", DATA);
    assert_eq!(fields(form), [("secret".to_owned(), "new".to_owned())]);
    assert_eq!(operator_sees(s, &account).matches("service").count(), 1);
    assert!(!operator_sees(s, &account).contains("new"));
}

async fn who_disables_is_left_alone(s: &Server) {
    let mut service = app_server(s, "disable").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    for node in ["a", "b", "c"] {
        phone.request("set", None, &enabling(service.domain(), node, "")).await;
    }
    let one = format!("<disable xmlns='{PUSH}' jid='{}' node='b'/>", service.domain());
    assert_eq!(phone.request("set", None, &one).await.kind(), Some("result"));
    phone.close().await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let iq = published(&mut service, "").await;
        nodes.push(
            iq.must("pubsub", PUBSUB).must("publish", PUBSUB).attr("node").unwrap_or_default().to_owned(),
        );
    }
    nodes.sort();
    assert_eq!(nodes, ["a", "c"]);
    let mut laptop = s.login(&account, "laptop").await;
    let all = format!("<disable xmlns='{PUSH}' jid='{}'/>", service.domain());
    for _ in 0..2 {
        assert_eq!(laptop.request("set", None, &all).await.kind(), Some("result"));
    }
    let without = laptop.request("set", None, &format!("<disable xmlns='{PUSH}'/>")).await;
    assert_eq!(without.condition(), "bad-request");
    laptop.close().await;
    other.say(&account.jid, "y").await;
    other.sync().await;
    left_alone(s, &mut service).await;
    assert_eq!(operator_sees(s, &account), "no registrations\n");
}

async fn a_revoked_device_is_left_alone(s: &Server) {
    let mut service = app_server(s, "revoked").await;
    let account = s.account();
    let id = "d4565fa7-4d72-4749-b3d3-740edbf87770";
    let wishes = format!("{}<bind xmlns='{}'/>", agent(id), ns::BIND2);
    let (mut stream, success) = Stream::sasl2_login(s, &account, &wishes).await;
    stream.features().await;
    let mut phone = Client::over(stream, identifier(&success));
    enable(&mut phone, &service, "").await;
    phone.close().await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    s.succeeds(&["user", "devices", &account.jid, "--revoke", id], "");
    other.say(&account.jid, "y").await;
    left_alone_for_long(s, &mut service).await;
    assert_eq!(operator_sees(s, &account), "no registrations\n");
}

async fn registrations_outlive_a_restart_and_not_their_account(s: &Server) {
    let s = s.fresh(&[r#"components={"restart.localhost"={secret="s3cret"}}"#]);
    let service = app_server(&s, "restart").await;
    let account = away(&s, &service, "").await;
    s.restart();
    let mut service = app_server(&s, "restart").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    let remove = s.cli(&["user", "remove", &account.jid], "");
    assert!(remove.status.success());
    let add = s.cli(&["user", "add", &account.jid, "--password", &account.password], "");
    assert!(add.status.success());
    assert_eq!(operator_sees(&s, &account), "no registrations\n");
    other.say(&account.jid, "y").await;
    other.sync().await;
    left_alone_for_long(&s, &mut service).await;
    assert_eq!(operator_sees(&s, &account), "no registrations\n");
}

async fn what_cannot_be_enabled(s: &Server) {
    let mut user = s.user().await;
    let field = |form_type: &str| {
        format!(
            "<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{form_type}</value></field></x>"
        )
    };
    let large = format!(
        "<muted xmlns='tigase:push:filter:muted:0'>{}</muted>",
        format!("<item jid='{}@localhost'/>", "x".repeat(1000)).repeat(40)
    );
    for (payload, condition) in [
        (format!("<enable xmlns='{PUSH}' node='a'/>"), "bad-request"),
        (format!("<enable xmlns='{PUSH}' jid='@' node='a'/>"), "jid-malformed"),
        (enabling("bad.localhost", "a", &field("urn:other")), "bad-request"),
        (
            enabling("bad.localhost", "a", &format!("<x xmlns='{DATA}' type='submit'><field/></x>")),
            "bad-request",
        ),
        (enabling("bad.localhost", "a", &large), "policy-violation"),
    ] {
        assert_eq!(
            user.request("set", None, &payload).await.condition(),
            condition,
            "{}",
            &payload[..payload.len().min(200)]
        );
    }
    // For oneself only.
    let other = s.account();
    let answer = user.set(&other.jid, &enabling("bad.localhost", "a", "")).await;
    assert_eq!(answer.condition(), "service-unavailable");
    // Without a node.
    let mut service = app_server(s, "bad").await;
    let account = s.account();
    let mut phone = s.login(&account, "phone").await;
    let answer = phone.request("set", None, &format!("<enable xmlns='{PUSH}' jid='bad.localhost'/>")).await;
    assert_eq!(answer.kind(), Some("result"));
    phone.close().await;
    user.say(&account.jid, "x").await;
    let iq = published(&mut service, "").await;
    assert_eq!(iq.must("pubsub", PUBSUB).must("publish", PUBSUB).attr("node"), None);
}

async fn a_client_can_be_the_service(s: &Server) {
    let mut service = s.user().await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let answer = phone.request("set", None, &enabling(service.jid(), "node", "")).await;
    assert_eq!(answer.kind(), Some("result"));
    phone.close().await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    let iq = service.iq().await;
    assert_eq!(iq.from(), Some(&*account.jid));
    notification(&iq);
    let id = iq.id().expect("an id");
    service.send(format!("<iq type='result' id='{id}' to='{}'/>", account.jid)).await;
    service.nothing().await;
}

async fn the_oldest_of_too_many_goes(s: &Server) {
    let service = app_server(s, "limit").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    for node in ["a", "b", "c"] {
        assert_eq!(
            phone.request("set", None, &enabling(service.domain(), node, "")).await.kind(),
            Some("result")
        );
    }
    let seen = operator_sees(s, &account);
    assert!(
        !seen.contains("node        a\n")
            && seen.contains("node        b\n")
            && seen.contains("node        c\n"),
        "{seen}"
    );
}
