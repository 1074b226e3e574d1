//! What a notification says.

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Server, StanzaExt, scenes};
use minidom::Element;

use crate::app_server::{
    DATA, app_server, away, count, enabling, left_alone, notification, opened, proposing, published, summary,
};

scenes! {
    [crate::app_server::APP_SERVERS, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        an_encrypted_notification,
        an_encrypted_call,
        priority_is_said;
    [crate::app_server::APP_SERVERS, "push.summary=sender"]:
        a_call_in_the_clear,
        the_sender_if_the_operator_wants;
    [crate::app_server::APP_SERVERS, "push.summary=body"]:
        the_text_if_the_operator_wants;
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
