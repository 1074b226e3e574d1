//! App servers, phones that register with them, and what both look at.

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Account, Client, Component, Server, StanzaExt, ns};
use minidom::Element;

/// Every scene has app servers of its own, as all share one server.
macro_rules! app_servers {
    ($first:literal $($name:literal)*) => {
        concat!("components={", app_servers!(@ $first) $(, ",", app_servers!(@ $name))*, "}")
    };
    (@ $name:literal) => {
        concat!("\"", $name, ".localhost\"={secret=\"s3cret\"}")
    };
}

/// The setting that lets them connect.
pub const APP_SERVERS: &str = app_servers! {
    "first" "options" "disable" "notable" "resume" "acked" "silent" "inactive" "laptop" "gone" "wait" "refused"
    "ledger" "many" "call" "restart" "mute" "secret" "priority" "limit" "late" "end" "bad" "away" "removed"
    "silenced" "own" "nosm" "ringing" "asked" "owner" "again" "groups" "chat" "held" "filter" "theatre" "revoked"
};

pub const PUSH: &str = "urn:xmpp:push:0";

pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";

pub const COMMANDS: &str = "http://jabber.org/protocol/commands";

pub const DATA: &str = "jabber:x:data";

pub async fn app_server(s: &Server, name: &str) -> Component {
    Component::connect(s, &format!("{name}.localhost"), "s3cret").await
}

pub fn enabling(service: &str, node: &str, more: &str) -> String {
    format!("<enable xmlns='{PUSH}' jid='{service}' node='{node}'>{more}</enable>")
}

/// An account whose phone registered and went.
pub async fn away(s: &Server, service: &Component, more: &str) -> Account {
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, service, more).await;
    phone.close().await;
    account
}

pub async fn enable(phone: &mut Client, service: &Component, more: &str) {
    let answer = phone.request("set", None, &enabling(service.domain(), "node", more)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

/// The next publication, which is answered with this.
pub async fn published(service: &mut Component, answer: &str) -> Element {
    let iq = service.next().await;
    assert_eq!((iq.name(), iq.kind(), iq.to()), ("iq", Some("set"), Some(service.domain())), "{}", iq.show());
    let (id, to) = (iq.id().expect("an id").to_owned(), iq.from().expect("a sender").to_owned());
    let kind = if answer.is_empty() { "result" } else { "error" };
    let from = service.domain().to_owned();
    service.send(format!("<iq type='{kind}' id='{id}' from='{from}' to='{to}'>{answer}</iq>")).await;
    iq
}

pub fn error(kind: &str, condition: &str) -> String {
    format!("<error type='{kind}'><{condition} xmlns='{}'/></error>", ns::STANZAS)
}

pub fn notification(iq: &Element) -> &Element {
    iq.must("pubsub", PUBSUB).must("publish", PUBSUB).must("item", PUBSUB).must("notification", PUSH)
}

/// The fields of a form, without its type.
pub fn fields(form: &Element) -> Vec<(String, String)> {
    let field = |field: &Element| {
        (field.attr("var").unwrap_or_default().to_owned(), field.must("value", DATA).text())
    };
    form.children().map(field).filter(|(name, _)| name != "FORM_TYPE").collect()
}

pub fn summary(iq: &Element) -> Vec<(String, String)> {
    fields(notification(iq).must("x", DATA))
}

pub fn count(count: u32) -> (String, String) {
    ("message-count".to_owned(), count.to_string())
}

/// No publication comes, also when the client had its time: the next is for a device that gets a message now and does not
/// acknowledge it, and is woken when it had its time.
pub async fn left_alone(s: &Server, service: &mut Component) {
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
pub async fn left_alone_for_long(s: &Server, service: &mut Component) {
    let last = away(s, service, "").await;
    let mut other = s.user().await;
    for _ in 0..2 {
        other.say(&last.jid, "x").await;
        let iq = published(service, "").await;
        assert_eq!(iq.from(), Some(&*last.jid), "{}", iq.show());
    }
}

pub fn operator_sees(s: &Server, account: &Account) -> String {
    let output = s.cli(&["user", "push", &account.jid], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What is in an `<encrypted/>`.
pub fn opened(encrypted: &Element, key: &[u8]) -> serde_json::Value {
    use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let iv = STANDARD.decode(encrypted.attr("iv").expect("an iv")).expect("base64");
    let mut sealed = STANDARD.decode(encrypted.text()).expect("base64");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("a key"));
    let nonce = Nonce::try_assume_unique_for_key(&iv).expect("a nonce");
    let opened = cipher.open_in_place(nonce, Aad::empty(), &mut sealed).expect("authentic");
    serde_json::from_slice(opened).expect("JSON")
}

/// The beginning of a call.
pub fn proposing(to: &str, sid: &str) -> String {
    let media = ["audio", "video"]
        .map(|media| format!("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='{media}'/>"))
        .concat();
    format!(
        "<message to='{to}' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='{sid}'>{media}</propose>\
         <store xmlns='urn:xmpp:hints'/></message>"
    )
}
