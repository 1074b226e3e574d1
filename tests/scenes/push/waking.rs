//! What wakes a device, and when.

use std::time::Duration;

use harness::{Server, StanzaExt, scenes};

use crate::app_server::{
    PUBSUB, PUSH, app_server, away, count, enable, left_alone, left_alone_for_long, proposing, published,
    summary,
};

scenes! {
    [crate::app_server::APP_SERVERS, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        a_message_to_nobody_wakes_the_device,
        only_what_a_person_should_see,
        a_session_that_waits_to_be_resumed,
        who_acknowledges_is_not_woken,
        who_seems_connected_and_does_not_acknowledge,
        an_inactive_client_that_does_not_acknowledge,
        a_client_without_stream_management,
        what_another_device_took_wakes_nobody,
        away_others_do_not_count,
        many_messages_make_few_notifications,
        a_call_does_not_wait,
        a_request_for_presence_wakes_too;
    [crate::app_server::APP_SERVERS, "archive.policy=always", "push.patience_seconds=1"]:
        what_stays_in_the_archive_wakes_all;
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
