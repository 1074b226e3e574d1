//! The clients of one's own account, listed and signed out (XEP-0494).

use harness::{
    Account, Binding, Client, DAY, Server, StanzaExt, Stream, agent, authenticate, hashed_token, identifier,
    ns, scenes,
};
use minidom::Element;

scenes! {
    []: ones_own_clients_are_listed,
        since_when_they_are_known,
        a_client_is_signed_out,
        a_client_without_a_name_is_signed_out,
        what_cannot_be_signed_out,
}

const CAM: &str = "urn:xmpp:cam:0";
const PHONE: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const DESK: &str = "00000000-4d72-4749-b3d3-740edbf87770";
const TOKEN: &str = "HT-SHA-256-NONE";

/// Logs in by Bind 2 as this device, which may ask for a token.
async fn login(s: &Server, account: &Account, id: &str, token: bool) -> (Client, Option<String>) {
    let mut wishes = format!("{}<bind xmlns='{}'/>", agent(id), ns::BIND2);
    if token {
        wishes += &format!("<request-token xmlns='{}' mechanism='{TOKEN}'/>", ns::FAST);
    }
    let (mut stream, success) = Stream::sasl2_login(s, account, &wishes).await;
    stream.features().await;
    let token = success.child("token", ns::FAST).and_then(|it| it.attr("token")).map(str::to_owned);
    (Client::over(stream, identifier(&success)), token)
}

async fn clients(client: &mut Client) -> Vec<Element> {
    let answer = client.request("get", None, &format!("<list xmlns='{CAM}'/>")).await;
    answer.must("clients", CAM).children().cloned().collect()
}

fn ids(clients: &[Element]) -> Vec<&str> {
    clients.iter().map(|it| it.id().expect("an id")).collect()
}

fn revoke(id: &str) -> String {
    format!("<revoke xmlns='{CAM}' id='{id}'/>")
}

/// The password that it knows is all that is left to change (§4.2).
fn needs_new_password(answer: &Element) {
    assert_eq!(answer.error(), ("cancel".into(), "service-unavailable".into()));
    answer.must("error", ns::CLIENT).must("password-reset-required", CAM);
}

async fn ones_own_clients_are_listed(s: &Server) {
    let account = s.account();
    let (phone, _) = login(s, &account, PHONE, true).await;
    phone.close().await;
    let (mut desk, _) = login(s, &account, DESK, false).await;
    let _old = s.login(&account, "old").await;
    let listed = clients(&mut desk).await;
    assert_eq!(ids(&listed), [DESK, PHONE, "session/old"]);
    let known: Vec<_> = listed
        .iter()
        .map(|it| {
            let auth: Vec<&str> = it.must("auth", CAM).children().map(Element::name).collect();
            let unrestricted = it.must("permission", CAM).attr("status") == Some("unrestricted");
            (it.attr("connected"), it.attr("type"), auth, unrestricted)
        })
        .collect();
    assert_eq!(
        known,
        [
            (Some("true"), Some("session"), vec!["password"], true),
            (Some("false"), Some("session"), vec!["password", "fast"], true),
            (Some("true"), Some("session"), vec!["password"], true),
        ]
    );
    let agent = listed[1].must("user-agent", CAM);
    assert_eq!(agent.must("software", CAM).text(), "Scenes");
    assert_eq!(agent.must("device", CAM).text(), "A test's phone");
    // The account says that it can.
    let bare = desk.bare().to_owned();
    let info = desk.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    assert!(info.must("query", ns::DISCO_INFO).children().any(|it| it.attr("var") == Some(CAM)));
}

async fn since_when_they_are_known(s: &Server) {
    let s = &s.fresh_in_time(&[]);
    let account = s.account();
    let seen = async |client: &mut Client| {
        let listed = clients(client).await;
        let time = |name| listed[0].must(name, CAM).text();
        [time("first-seen"), time("last-seen")]
    };
    let (mut phone, _) = login(s, &account, PHONE, false).await;
    let [first, last] = seen(&mut phone).await;
    assert_eq!(first, last);
    phone.close().await;
    s.later(DAY);
    let (mut phone, _) = login(s, &account, PHONE, false).await;
    let later = seen(&mut phone).await;
    assert_eq!(later[0], first);
    assert_ne!(later[1].split('T').next(), first.split('T').next(), "a day later");
}

async fn a_client_is_signed_out(s: &Server) {
    let account = s.account();
    let (mut phone, token) = login(s, &account, PHONE, true).await;
    let (mut desk, _) = login(s, &account, DESK, false).await;
    needs_new_password(&desk.request("set", None, &revoke(PHONE)).await);
    assert_eq!(phone.failed().await, "not-authorized");
    assert_eq!(ids(&clients(&mut desk).await), [DESK]);
    // Nothing of it is left but the password.
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = hashed_token(&account.user, &token.expect("a token"), &Binding::No);
    let more = format!("{}<fast xmlns='{}'/>", agent(PHONE), ns::FAST);
    stream.sasl2_refused(authenticate(TOKEN, message, &more)).await;
    let _ = login(s, &account, PHONE, false).await;
    assert_eq!(ids(&clients(&mut desk).await), [PHONE, DESK]);
}

async fn a_client_without_a_name_is_signed_out(s: &Server) {
    let account = s.account();
    let (mut old, mut asleep) = (s.login(&account, "old").await, s.login(&account, "asleep").await);
    asleep.enable().await;
    let asleep = asleep.drop_connection();
    let (mut desk, _) = login(s, &account, DESK, false).await;
    for resource in ["old", "asleep"] {
        needs_new_password(&desk.request("set", None, &revoke(&format!("session/{resource}"))).await);
    }
    assert_eq!(old.failed().await, "not-authorized");
    assert!(asleep.resume(s, &account).await.is_err());
    assert_eq!(ids(&clients(&mut desk).await), [DESK]);
}

async fn what_cannot_be_signed_out(s: &Server) {
    let account = s.account();
    let (mut desk, _) = login(s, &account, DESK, false).await;
    let mut old = s.login(&account, "old").await;
    for id in [
        PHONE,
        "session/nobody",
        &format!("session/{}", desk.jid().rsplit('/').next().unwrap_or_default()),
        "",
        "\u{fc}",
    ] {
        assert_eq!(desk.request("set", None, &revoke(id)).await.condition(), "item-not-found", "{id}");
    }
    assert_eq!(
        desk.request("set", None, &format!("<revoke xmlns='{CAM}'/>")).await.condition(),
        "bad-request"
    );
    // Oneself.
    assert_eq!(desk.request("set", None, &revoke(DESK)).await.condition(), "not-allowed");
    assert_eq!(old.request("set", None, &revoke("session/old")).await.condition(), "not-allowed");
    // Whoever else's they are, there or not.
    let other = s.account();
    for to in [&*other.jid, "nobody@localhost", "localhost"] {
        for (kind, payload) in [("get", format!("<list xmlns='{CAM}'/>")), ("set", revoke(DESK))] {
            let answer = old.request(kind, Some(to), &payload).await;
            assert_eq!(answer.condition(), "service-unavailable", "{to}");
        }
    }
    assert_eq!(clients(&mut old).await.len(), 2);
}
