//! Push notifications (XEP-0357), published to app servers that are components.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Account, Client, Component, Server, StanzaExt, Stream, agent, identifier, ns, scenes};
use minidom::Element;

scenes! {
    [r#"components={"first.localhost"={secret="s3cret"},"options.localhost"={secret="s3cret"},"disable.localhost"={secret="s3cret"},"notable.localhost"={secret="s3cret"},"resume.localhost"={secret="s3cret"},"acked.localhost"={secret="s3cret"},"silent.localhost"={secret="s3cret"},"inactive.localhost"={secret="s3cret"},"laptop.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"wait.localhost"={secret="s3cret"},"refused.localhost"={secret="s3cret"},"ledger.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"},"call.localhost"={secret="s3cret"},"restart.localhost"={secret="s3cret"},"mute.localhost"={secret="s3cret"},"secret.localhost"={secret="s3cret"},"priority.localhost"={secret="s3cret"},"limit.localhost"={secret="s3cret"},"late.localhost"={secret="s3cret"},"end.localhost"={secret="s3cret"},"bad.localhost"={secret="s3cret"},"away.localhost"={secret="s3cret"},"removed.localhost"={secret="s3cret"},"silenced.localhost"={secret="s3cret"},"own.localhost"={secret="s3cret"},"nosm.localhost"={secret="s3cret"},"ringing.localhost"={secret="s3cret"},"asked.localhost"={secret="s3cret"},"owner.localhost"={secret="s3cret"},"again.localhost"={secret="s3cret"},"groups.localhost"={secret="s3cret"},"chat.localhost"={secret="s3cret"},"held.localhost"={secret="s3cret"},"filter.localhost"={secret="s3cret"},"theatre.localhost"={secret="s3cret"},"revoked.localhost"={secret="s3cret"}}"#, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        the_account_says_that_it_can,
        a_message_to_nobody_wakes_the_device,
        what_the_service_wants_repeated_is,
        who_disables_is_left_alone,
        a_revoked_device_is_left_alone,
        only_what_a_person_should_see,
        a_session_that_waits_to_be_resumed,
        who_acknowledges_is_not_woken,
        who_seems_connected_and_does_not_acknowledge,
        an_inactive_client_that_does_not_acknowledge,
        a_client_without_stream_management,
        what_another_device_took_wakes_nobody,
        away_others_do_not_count,
        a_node_that_is_gone_ends_the_registration,
        a_failure_that_passes_is_tried_again,
        a_refusal_is_not_insisted_on,
        the_operator_sees_what_became_of_it,
        the_owner_sees_what_became_of_it,
        many_messages_make_few_notifications,
        a_call_does_not_wait,
        a_request_for_presence_wakes_too,
        registrations_outlive_a_restart_and_not_their_account,
        the_filters_of_a_client,
        a_room_wakes_who_sleeps,
        the_rooms_that_may_wake,
        what_only_a_session_has,
        an_encrypted_notification,
        an_encrypted_call,
        priority_is_said,
        a_service_that_connects_late,
        a_service_ends_a_node,
        what_cannot_be_enabled,
        a_client_can_be_the_service;
    [r#"components={"first.localhost"={secret="s3cret"},"options.localhost"={secret="s3cret"},"disable.localhost"={secret="s3cret"},"notable.localhost"={secret="s3cret"},"resume.localhost"={secret="s3cret"},"acked.localhost"={secret="s3cret"},"silent.localhost"={secret="s3cret"},"inactive.localhost"={secret="s3cret"},"laptop.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"wait.localhost"={secret="s3cret"},"refused.localhost"={secret="s3cret"},"ledger.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"},"call.localhost"={secret="s3cret"},"restart.localhost"={secret="s3cret"},"mute.localhost"={secret="s3cret"},"secret.localhost"={secret="s3cret"},"priority.localhost"={secret="s3cret"},"limit.localhost"={secret="s3cret"},"late.localhost"={secret="s3cret"},"end.localhost"={secret="s3cret"},"bad.localhost"={secret="s3cret"},"away.localhost"={secret="s3cret"},"removed.localhost"={secret="s3cret"},"silenced.localhost"={secret="s3cret"},"own.localhost"={secret="s3cret"},"nosm.localhost"={secret="s3cret"},"ringing.localhost"={secret="s3cret"},"asked.localhost"={secret="s3cret"},"owner.localhost"={secret="s3cret"},"again.localhost"={secret="s3cret"},"groups.localhost"={secret="s3cret"},"chat.localhost"={secret="s3cret"},"held.localhost"={secret="s3cret"},"filter.localhost"={secret="s3cret"},"theatre.localhost"={secret="s3cret"},"revoked.localhost"={secret="s3cret"}}"#, "limits.push_registrations=2"]: the_oldest_of_too_many_goes;
    [r#"components={"first.localhost"={secret="s3cret"},"options.localhost"={secret="s3cret"},"disable.localhost"={secret="s3cret"},"notable.localhost"={secret="s3cret"},"resume.localhost"={secret="s3cret"},"acked.localhost"={secret="s3cret"},"silent.localhost"={secret="s3cret"},"inactive.localhost"={secret="s3cret"},"laptop.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"wait.localhost"={secret="s3cret"},"refused.localhost"={secret="s3cret"},"ledger.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"},"call.localhost"={secret="s3cret"},"restart.localhost"={secret="s3cret"},"mute.localhost"={secret="s3cret"},"secret.localhost"={secret="s3cret"},"priority.localhost"={secret="s3cret"},"limit.localhost"={secret="s3cret"},"late.localhost"={secret="s3cret"},"end.localhost"={secret="s3cret"},"bad.localhost"={secret="s3cret"},"away.localhost"={secret="s3cret"},"removed.localhost"={secret="s3cret"},"silenced.localhost"={secret="s3cret"},"own.localhost"={secret="s3cret"},"nosm.localhost"={secret="s3cret"},"ringing.localhost"={secret="s3cret"},"asked.localhost"={secret="s3cret"},"owner.localhost"={secret="s3cret"},"again.localhost"={secret="s3cret"},"groups.localhost"={secret="s3cret"},"chat.localhost"={secret="s3cret"},"held.localhost"={secret="s3cret"},"filter.localhost"={secret="s3cret"},"theatre.localhost"={secret="s3cret"},"revoked.localhost"={secret="s3cret"}}"#, "push.summary=sender"]: the_sender_if_the_operator_wants, a_call_in_the_clear;
    [r#"components={"first.localhost"={secret="s3cret"},"options.localhost"={secret="s3cret"},"disable.localhost"={secret="s3cret"},"notable.localhost"={secret="s3cret"},"resume.localhost"={secret="s3cret"},"acked.localhost"={secret="s3cret"},"silent.localhost"={secret="s3cret"},"inactive.localhost"={secret="s3cret"},"laptop.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"wait.localhost"={secret="s3cret"},"refused.localhost"={secret="s3cret"},"ledger.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"},"call.localhost"={secret="s3cret"},"restart.localhost"={secret="s3cret"},"mute.localhost"={secret="s3cret"},"secret.localhost"={secret="s3cret"},"priority.localhost"={secret="s3cret"},"limit.localhost"={secret="s3cret"},"late.localhost"={secret="s3cret"},"end.localhost"={secret="s3cret"},"bad.localhost"={secret="s3cret"},"away.localhost"={secret="s3cret"},"removed.localhost"={secret="s3cret"},"silenced.localhost"={secret="s3cret"},"own.localhost"={secret="s3cret"},"nosm.localhost"={secret="s3cret"},"ringing.localhost"={secret="s3cret"},"asked.localhost"={secret="s3cret"},"owner.localhost"={secret="s3cret"},"again.localhost"={secret="s3cret"},"groups.localhost"={secret="s3cret"},"chat.localhost"={secret="s3cret"},"held.localhost"={secret="s3cret"},"filter.localhost"={secret="s3cret"},"theatre.localhost"={secret="s3cret"},"revoked.localhost"={secret="s3cret"}}"#, "push.summary=body"]: the_text_if_the_operator_wants;
    [r#"components={"first.localhost"={secret="s3cret"},"options.localhost"={secret="s3cret"},"disable.localhost"={secret="s3cret"},"notable.localhost"={secret="s3cret"},"resume.localhost"={secret="s3cret"},"acked.localhost"={secret="s3cret"},"silent.localhost"={secret="s3cret"},"inactive.localhost"={secret="s3cret"},"laptop.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"wait.localhost"={secret="s3cret"},"refused.localhost"={secret="s3cret"},"ledger.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"},"call.localhost"={secret="s3cret"},"restart.localhost"={secret="s3cret"},"mute.localhost"={secret="s3cret"},"secret.localhost"={secret="s3cret"},"priority.localhost"={secret="s3cret"},"limit.localhost"={secret="s3cret"},"late.localhost"={secret="s3cret"},"end.localhost"={secret="s3cret"},"bad.localhost"={secret="s3cret"},"away.localhost"={secret="s3cret"},"removed.localhost"={secret="s3cret"},"silenced.localhost"={secret="s3cret"},"own.localhost"={secret="s3cret"},"nosm.localhost"={secret="s3cret"},"ringing.localhost"={secret="s3cret"},"asked.localhost"={secret="s3cret"},"owner.localhost"={secret="s3cret"},"again.localhost"={secret="s3cret"},"groups.localhost"={secret="s3cret"},"chat.localhost"={secret="s3cret"},"held.localhost"={secret="s3cret"},"filter.localhost"={secret="s3cret"},"theatre.localhost"={secret="s3cret"},"revoked.localhost"={secret="s3cret"}}"#, "archive.policy=always", "push.patience_seconds=1"]: what_stays_in_the_archive_wakes_all;
}

const PUSH: &str = "urn:xmpp:push:0";
const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const COMMANDS: &str = "http://jabber.org/protocol/commands";
const DATA: &str = "jabber:x:data";

async fn app_server(s: &Server, name: &str) -> Component {
    Component::connect(s, &format!("{name}.localhost"), "s3cret").await
}

fn enabling(service: &str, node: &str, more: &str) -> String {
    format!("<enable xmlns='{PUSH}' jid='{service}' node='{node}'>{more}</enable>")
}

/// An account whose phone registered and went.
async fn away(s: &Server, service: &Component, more: &str) -> Account {
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, service, more).await;
    phone.close().await;
    account
}

async fn enable(phone: &mut Client, service: &Component, more: &str) {
    let answer = phone.request("set", None, &enabling(service.domain(), "node", more)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

/// The next publication, which is answered with this.
async fn published(service: &mut Component, answer: &str) -> Element {
    let iq = service.next().await;
    assert_eq!((iq.name(), iq.kind(), iq.to()), ("iq", Some("set"), Some(service.domain())), "{}", iq.show());
    let (id, to) = (iq.id().expect("an id").to_owned(), iq.from().expect("a sender").to_owned());
    let kind = if answer.is_empty() { "result" } else { "error" };
    let from = service.domain().to_owned();
    service.send(format!("<iq type='{kind}' id='{id}' from='{from}' to='{to}'>{answer}</iq>")).await;
    iq
}

fn error(kind: &str, condition: &str) -> String {
    format!("<error type='{kind}'><{condition} xmlns='{}'/></error>", ns::STANZAS)
}

fn notification(iq: &Element) -> &Element {
    iq.must("pubsub", PUBSUB).must("publish", PUBSUB).must("item", PUBSUB).must("notification", PUSH)
}

/// The fields of a form, without its type.
fn fields(form: &Element) -> Vec<(String, String)> {
    let field = |field: &Element| {
        (field.attr("var").unwrap_or_default().to_owned(), field.must("value", DATA).text())
    };
    form.children().map(field).filter(|(name, _)| name != "FORM_TYPE").collect()
}

fn summary(iq: &Element) -> Vec<(String, String)> {
    fields(notification(iq).must("x", DATA))
}

fn count(count: u32) -> (String, String) {
    ("message-count".to_owned(), count.to_string())
}

/// No publication comes, also when the client had its time: the next is for a device that gets a message now and does not
/// acknowledge it, and is woken when it had its time.
async fn left_alone(s: &Server, service: &mut Component) {
    let last = s.account();
    let mut phone = s.online(&last, "last").await;
    enable(&mut phone, service, "").await;
    phone.enable().await;
    phone.stop_acknowledging();
    let mut other = s.user().await;
    other.say(&last.jid, "x").await;
    let iq = published(service, "").await;
    assert_eq!(iq.from(), Some(&*last.jid), "{}", iq.show());
}

/// The same as long as no device is woken twice.
async fn left_alone_for_long(s: &Server, service: &mut Component) {
    let last = away(s, service, "").await;
    let mut other = s.user().await;
    for _ in 0..2 {
        other.say(&last.jid, "x").await;
        let iq = published(service, "").await;
        assert_eq!(iq.from(), Some(&*last.jid), "{}", iq.show());
    }
}

fn operator_sees(s: &Server, account: &Account) -> String {
    let output = s.cli(&["user", "push", &account.jid], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
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

async fn a_message_to_nobody_wakes_the_device(s: &Server) {
    let mut service = app_server(s, "first").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "hello").await;
    let iq = published(&mut service, "").await;
    assert_eq!(iq.from(), Some(&*account.jid));
    assert_eq!(iq.must("pubsub", PUBSUB).must("publish", PUBSUB).attr("node"), Some("node"));
    // By default neither who nor what.
    assert_eq!(summary(&iq), [count(1)]);
    assert!(iq.must("pubsub", PUBSUB).child("publish-options", PUBSUB).is_none());
    assert!(!iq.show().contains("hello") && !iq.show().contains(other.bare()));
    // The message waits as ever.
    let mut phone = s.login(&account, "phone").await;
    phone.available(0).await;
    assert_eq!(phone.find(|it| it.name() == "message").await.body().as_deref(), Some("hello"));
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

async fn only_what_a_person_should_see(s: &Server) {
    let mut service = app_server(s, "notable").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    for payload in [
        "<received xmlns='urn:xmpp:receipts' id='x'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/><store xmlns='urn:xmpp:hints'/>",
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<subject>s</subject>",
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
        "<retract xmlns='urn:xmpp:jingle-message:0' id='x'/>",
        "<body>x</body><no-store xmlns='urn:xmpp:hints'/>",
    ] {
        other.send(format!("<message to='{}' type='chat'>{payload}</message>", account.jid)).await;
    }
    other.send(format!("<message to='{}' type='headline'><body>x</body></message>", account.jid)).await;
    other.sync().await;
    // A note to oneself.
    let mut laptop = s.login(&account, "laptop").await;
    laptop.say(&account.jid, "note").await;
    laptop.sync().await;
    left_alone(s, &mut service).await;
    // Encrypted, with something in it.
    let payload =
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>x</payload></encrypted>";
    other.send(format!("<message to='{}' type='chat'>{payload}</message>", account.jid)).await;
    published(&mut service, "").await;
}

async fn a_session_that_waits_to_be_resumed(s: &Server) {
    let mut service = app_server(s, "resume").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    let Ok((mut phone, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    assert_eq!(phone.message().await.body().as_deref(), Some("x"));
    phone.acknowledge().await;
    left_alone(s, &mut service).await;
}

async fn who_acknowledges_is_not_woken(s: &Server) {
    let mut service = app_server(s, "acked").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    let mut other = s.user().await;
    for n in 0..5 {
        other.say(&account.jid, &n.to_string()).await;
        phone.message().await;
    }
    phone.acknowledge().await;
    left_alone(s, &mut service).await;
    // Nor is who is connected and has not become available: the message comes with presence.
    let mut service = app_server(s, "own").await;
    let account = s.account();
    let mut phone = s.login(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    other.say(&account.jid, "x").await;
    other.sync().await;
    phone.available(0).await;
    phone.find(|it| it.name() == "message").await;
    phone.sync().await;
    left_alone(s, &mut service).await;
}

async fn who_seems_connected_and_does_not_acknowledge(s: &Server) {
    let mut service = app_server(s, "silent").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    phone.stop_acknowledging();
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    other.sync().await;
    service.nothing().await;
    assert_eq!(summary(&published(&mut service, "").await), [count(1)]);
}

async fn an_inactive_client_that_does_not_acknowledge(s: &Server) {
    let mut service = app_server(s, "inactive").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    phone.send_raw("<inactive xmlns='urn:xmpp:csi:0'/>").await;
    phone.sync().await;
    let mut other = s.user().await;
    other.say(&account.jid, "taken").await;
    phone.message().await;
    phone.acknowledge().await;
    left_alone(s, &mut service).await;
    phone.stop_acknowledging();
    other.say(&account.jid, "not taken").await;
    published(&mut service, "").await;
}

/// Its machine's TCP speaks for it.
async fn a_client_without_stream_management(s: &Server) {
    let mut service = app_server(s, "nosm").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    phone.message().await;
    left_alone(s, &mut service).await;
}

async fn what_another_device_took_wakes_nobody(s: &Server) {
    let mut service = app_server(s, "laptop").await;
    let account = away(s, &service, "").await;
    let mut laptop = s.online(&account, "laptop").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    laptop.message().await;
    laptop.sync().await;
    left_alone(s, &mut service).await;
    // It seems to be there and is not.
    laptop.enable().await;
    laptop.stop_acknowledging();
    other.say(&account.jid, "y").await;
    published(&mut service, "").await;
}

async fn away_others_do_not_count(s: &Server) {
    let mut service = app_server(s, "away").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let enable = format!("<enable xmlns='{PUSH}' jid='{}' node='node' away='true'/>", service.domain());
    assert_eq!(phone.request("set", None, &enable).await.kind(), Some("result"));
    phone.close().await;
    let mut laptop = s.online(&account, "laptop").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    laptop.message().await;
    left_alone(s, &mut service).await;
    laptop.send("<presence><show>away</show></presence>").await;
    laptop.drain().await;
    other.say(&account.jid, "y").await;
    published(&mut service, "").await;
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

async fn many_messages_make_few_notifications(s: &Server) {
    let mut service = app_server(s, "many").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    for n in 0..100 {
        other.say(&account.jid, &n.to_string()).await;
    }
    other.sync().await;
    published(&mut service, "").await;
    // The others together, five seconds later.
    assert_eq!(summary(&published(&mut service, "").await), [count(100)]);
    left_alone_for_long(s, &mut service).await;
}

async fn a_call_does_not_wait(s: &Server) {
    let mut service = app_server(s, "call").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    published(&mut service, "").await;
    let begun = std::time::Instant::now();
    other.send(proposing(&account.jid, "sid")).await;
    published(&mut service, "").await;
    assert!(begun.elapsed() < Duration::from_secs(4));
}

async fn a_request_for_presence_wakes_too(s: &Server) {
    let mut service = app_server(s, "asked").await;
    let account = away(s, &service, "").await;
    let mut laptop = s.online(&account, "laptop").await;
    let (mut romeo, mut paris, mut blocked) = (s.user().await, s.user().await, s.user().await);
    let block = format!("<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>", blocked.bare());
    assert_eq!(laptop.request("set", None, &block).await.kind(), Some("result"));
    let subscribe = format!("<presence type='subscribe' to='{}'/>", account.jid);
    blocked.send(&subscribe).await;
    blocked.sync().await;
    romeo.send(&subscribe).await;
    let requests = |number: u32| ("pending-subscription-count".to_owned(), number.to_string());
    assert_eq!(summary(&published(&mut service, "").await), [count(0), requests(1)]);
    // Asked twice it is one request, and one that was answered is none.
    romeo.send(&subscribe).await;
    romeo.sync().await;
    left_alone(s, &mut service).await;
    laptop.send(format!("<presence type='subscribed' to='{}'/>", romeo.bare())).await;
    laptop.close().await;
    paris.send(&subscribe).await;
    assert_eq!(summary(&published(&mut service, "").await), [count(0), requests(1)]);
    // Who is there is not woken.
    let mut phone = s.login(&account, "phone").await;
    phone.available(0).await;
    let mut late = s.user().await;
    late.send(&subscribe).await;
    late.sync().await;
    left_alone(s, &mut service).await;
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

async fn the_filters_of_a_client(s: &Server) {
    let mut service = app_server(s, "mute").await;
    let (mut friend, mut muted, mut stranger) = (s.user().await, s.user().await, s.user().await);
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    for contact in [friend.bare(), muted.bare()] {
        let item = format!("<query xmlns='{}'><item jid='{contact}'/></query>", ns::ROSTER);
        assert_eq!(phone.request("set", None, &item).await.kind(), Some("result"));
    }
    let filters = format!(
        "<muted xmlns='tigase:push:filter:muted:0'><item jid='{}'/><item jid='@'/><item/></muted>\
         <ignore-unknown xmlns='tigase:push:filter:ignore-unknown:0'/>",
        muted.bare()
    );
    enable(&mut phone, &service, &filters).await;
    phone.close().await;
    for from in [&mut muted, &mut stranger] {
        from.say(&account.jid, "x").await;
        from.sync().await;
    }
    left_alone(s, &mut service).await;
    friend.say(&account.jid, "x").await;
    published(&mut service, "").await;
}

/// What somebody says in a room.
fn in_room(room: &str, nick: &str, to: &str, payload: &str) -> String {
    format!("<message from='{room}/{nick}' to='{to}' type='groupchat'>{payload}</message>")
}

/// In no log: whoever has it in its session is woken for it.
async fn a_room_wakes_who_sleeps(s: &Server) {
    let mut service = app_server(s, "groups").await;
    let mut room = app_server(s, "chat").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let key = [7u8; 16];
    let encrypt = format!(
        "<encrypt xmlns='tigase:push:encrypt:0' alg='aes-128-gcm'>{}</encrypt>\
         <ignore-unknown xmlns='tigase:push:filter:ignore-unknown:0'/>",
        STANDARD.encode(key)
    );
    enable(&mut phone, &service, &encrypt).await;
    let mut laptop = s.online(&account, "laptop").await;
    laptop.send("<presence to='coven@chat.localhost/other'/>").await;
    phone.drain().await;
    phone.enable().await;
    phone.send("<presence to='coven@chat.localhost/witch'/>").await;
    phone.sync().await;
    let to = phone.jid().to_owned();
    let say = |nick: &str, payload: &str| in_room("coven@chat.localhost", nick, &to, payload);
    // Who has it is not woken.
    room.send(say("hecate", "<body>1</body>")).await;
    phone.message().await;
    phone.acknowledge().await;
    left_alone(s, &mut service).await;
    let suspended = phone.drop_connection();
    // Not for a change of subject or a marker, what was said long ago, and what one said oneself.
    let old = "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>";
    let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
    for (nick, payload) in [
        ("hecate", "<subject>x</subject>"),
        ("hecate", marker),
        ("hecate", old),
        ("witch", "<body>x</body>"),
        ("other", "<body>x</body>"),
    ] {
        room.send(say(nick, payload)).await;
    }
    room.sync().await;
    left_alone(s, &mut service).await;
    room.send(say("hecate", "<body>2</body>")).await;
    let iq = published(&mut service, "").await;
    let content = opened(notification(&iq).must("encrypted", "tigase:push:encrypt:0"), &key);
    assert_eq!(
        content,
        serde_json::json!({
            "unread": 1, "type": "groupchat", "sender": "coven@chat.localhost", "nickname": "hecate", "message": "2"
        })
    );
    let Ok((mut phone, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    let bodies: Vec<String> = phone.drain().await.iter().filter_map(StanzaExt::body).collect();
    assert_eq!(bodies, ["x", "x", "x", "2"]);
    // Nor is one that seems connected and does not acknowledge left to sleep.
    phone.acknowledge().await;
    phone.stop_acknowledging();
    room.send(say("hecate", "<body>3</body>")).await;
    published(&mut service, "").await;
}

async fn the_rooms_that_may_wake(s: &Server) {
    let mut service = app_server(s, "filter").await;
    let mut room = app_server(s, "theatre").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let rules = "<groupchat xmlns='tigase:push:filter:groupchat:0'>\
         <room jid='all@theatre.localhost' allow='always'/><room jid='some@theatre.localhost' allow='mentioned' nick='Juliet'/>\
         <room jid='none@theatre.localhost' allow='never'/><room jid='@' allow='always'/><room/></groupchat>";
    enable(&mut phone, &service, rules).await;
    phone.enable().await;
    let to = phone.jid().to_owned();
    let suspended = phone.drop_connection();
    for (name, body) in [("none", "Juliet"), ("unlisted", "Juliet"), ("some", "hello"), ("some", "Julietta")]
    {
        room.send(in_room(
            &format!("{name}@theatre.localhost"),
            "romeo",
            &to,
            &format!("<body>{body}</body>"),
        ))
        .await;
    }
    room.sync().await;
    left_alone(s, &mut service).await;
    room.send(in_room("some@theatre.localhost", "romeo", &to, "<body>are you there, juliet?</body>")).await;
    assert_eq!(summary(&published(&mut service, "").await), [count(1)]);
    room.send(in_room("all@theatre.localhost", "romeo", &to, "<body>hello</body>")).await;
    published(&mut service, "").await;
    drop(suspended);
}

/// Nothing that a person should see is passed over because no log keeps it.
async fn what_only_a_session_has(s: &Server) {
    let mut service = app_server(s, "held").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    let mut other = s.user().await;
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let passing = "<body>off the record</body><no-store xmlns='urn:xmpp:hints'/>";
    let news = "<body>news</body>";
    for kind in ["headline", "error"] {
        other.send(format!("<message to='{}/phone' type='{kind}'>{news}</message>", account.jid)).await;
    }
    other.sync().await;
    left_alone(s, &mut service).await;
    for payload in [typing, passing] {
        other.send(format!("<message to='{}' type='chat'>{payload}</message>", account.jid)).await;
    }
    assert_eq!(published(&mut service, "").await.from(), Some(&*account.jid));
    left_alone(s, &mut service).await;
    let Ok((mut phone, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    let bodies: Vec<String> = phone.drain().await.iter().filter_map(StanzaExt::body).collect();
    assert_eq!(bodies, ["news", "news", "off the record"]);
}

/// What is in an `<encrypted/>`.
fn opened(encrypted: &Element, key: &[u8]) -> serde_json::Value {
    use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let iv = STANDARD.decode(encrypted.attr("iv").expect("an iv")).expect("base64");
    let mut sealed = STANDARD.decode(encrypted.text()).expect("base64");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("a key"));
    let nonce = Nonce::try_assume_unique_for_key(&iv).expect("a nonce");
    let opened = cipher.open_in_place(nonce, Aad::empty(), &mut sealed).expect("authentic");
    serde_json::from_slice(opened).expect("JSON")
}

/// The beginning of a call.
fn proposing(to: &str, sid: &str) -> String {
    let media = ["audio", "video"]
        .map(|media| format!("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='{media}'/>"))
        .concat();
    format!(
        "<message to='{to}' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='{sid}'>{media}</propose>\
         <store xmlns='urn:xmpp:hints'/></message>"
    )
}

async fn an_encrypted_notification(s: &Server) {
    let mut service = app_server(s, "secret").await;
    let key = [7u8; 16];
    let encrypt = |key: &[u8], alg: &str| {
        format!(
            "<encrypt xmlns='tigase:push:encrypt:0' alg='{alg}' max-size='1000'>{}</encrypt>",
            STANDARD.encode(key)
        )
    };
    let account = away(s, &service, &encrypt(&key, "aes-128-gcm")).await;
    let mut other = s.user().await;
    let text = "ü".repeat(2000);
    other.say(&account.jid, &text).await;
    let iq = published(&mut service, "").await;
    let notification = notification(&iq);
    assert!(notification.child("x", DATA).is_none());
    let encrypted = notification.must("encrypted", "tigase:push:encrypt:0");
    assert!(encrypted.text().len() <= 1000);
    let content = opened(encrypted, &key);
    assert_eq!((content["unread"].as_u64(), content["type"].as_str()), (Some(1), Some("chat")));
    assert_eq!(content["sender"].as_str(), Some(other.bare()));
    let message = content["message"].as_str().expect("the text");
    assert!(text.starts_with(message) && message.len() > 200);
    // What the server cannot do is refused.
    let mut phone = s.login(&account, "phone").await;
    for more in [encrypt(&key, "aes-256-gcm"), encrypt(&key[1..], "aes-128-gcm"), encrypt(&key, "")] {
        let answer = phone.request("set", None, &enabling(service.domain(), "node", &more)).await;
        assert_eq!(answer.condition(), "not-acceptable", "{more}");
    }
}

async fn an_encrypted_call(s: &Server) {
    let mut service = app_server(s, "ringing").await;
    let key = [7u8; 16];
    let jingle = "<jingle xmlns='tigase:push:jingle:0'/>";
    let encrypt = format!(
        "<encrypt xmlns='tigase:push:encrypt:0' alg='aes-128-gcm'>{}</encrypt>",
        STANDARD.encode(key)
    );
    let mut other = s.user().await;
    for (more, kind) in [(jingle, Some("voip")), ("", None)] {
        let account = away(s, &service, &format!("{encrypt}{more}")).await;
        other.send(proposing(&account.jid, "sid")).await;
        let iq = published(&mut service, "").await;
        let encrypted = notification(&iq).must("encrypted", "tigase:push:encrypt:0");
        assert_eq!(encrypted.attr("type"), kind);
        let content = opened(encrypted, &key);
        assert_eq!(
            content,
            serde_json::json!({
                "unread": 1, "type": "call", "sid": "sid", "media": ["audio", "video"], "sender": other.jid()
            })
        );
    }
    // An id that is no id rings nowhere.
    let account = away(s, &service, &encrypt).await;
    other.send(proposing(&account.jid, &"x".repeat(5000))).await;
    other.sync().await;
    left_alone(s, &mut service).await;
}

async fn priority_is_said(s: &Server) {
    let mut service = app_server(s, "priority").await;
    let account = away(s, &service, "<priority xmlns='tigase:push:priority:0'/>").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    let iq = published(&mut service, "").await;
    assert_eq!(notification(&iq).must("priority", "tigase:push:priority:0").text(), "high");
    // A message only.
    let account = away(s, &service, "<priority xmlns='tigase:push:priority:0'/>").await;
    other.send(format!("<presence type='subscribe' to='{}'/>", account.jid)).await;
    let iq = published(&mut service, "").await;
    assert!(notification(&iq).child("priority", "tigase:push:priority:0").is_none());
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

/// Where the operator lets the service know who wrote, it may also know that it is a call.
async fn a_call_in_the_clear(s: &Server) {
    let mut service = app_server(s, "ringing").await;
    let mut other = s.user().await;
    for (more, told) in [("<jingle xmlns='tigase:push:jingle:0'/>", true), ("", false)] {
        let account = away(s, &service, more).await;
        other.send(proposing(&account.jid, "sid")).await;
        let iq = published(&mut service, "").await;
        let jingle = notification(&iq).child("jingle", "tigase:push:jingle:0");
        let said = jingle.map(|it| {
            let media: Vec<String> = it.children().map(Element::text).collect();
            (it.attr("action"), it.attr("sid"), media.concat())
        });
        assert_eq!(said, told.then(|| (Some("propose"), Some("sid"), "audiovideo".to_owned())));
    }
}

async fn the_sender_if_the_operator_wants(s: &Server) {
    let mut service = app_server(s, "first").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "hello").await;
    let iq = published(&mut service, "").await;
    assert_eq!(summary(&iq), [count(1), ("last-message-sender".to_owned(), other.jid().to_owned())]);
}

async fn the_text_if_the_operator_wants(s: &Server) {
    let mut service = app_server(s, "first").await;
    let account = away(s, &service, "").await;
    let mut other = s.user().await;
    other.say(&account.jid, "hello").await;
    let iq = published(&mut service, "").await;
    assert_eq!(summary(&iq)[2], ("last-message-body".to_owned(), "hello".to_owned()));
    // The fallback of an encrypted message is not its text.
    let account = away(s, &service, "").await;
    let payload = "<body>cannot be read here</body><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>x</payload></encrypted>";
    other.send(format!("<message to='{}' type='chat'>{payload}</message>", account.jid)).await;
    assert_eq!(summary(&published(&mut service, "").await).len(), 2);
}

async fn what_stays_in_the_archive_wakes_all(s: &Server) {
    let mut service = app_server(s, "laptop").await;
    let account = away(s, &service, "").await;
    let mut laptop = s.online(&account, "laptop").await;
    let mut other = s.user().await;
    other.say(&account.jid, "x").await;
    laptop.message().await;
    published(&mut service, "").await;
    // What one sends oneself wakes nobody.
    laptop.say(other.bare(), "y").await;
    laptop.sync().await;
    left_alone(s, &mut service).await;
}
