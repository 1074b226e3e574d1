//! Client state indication (XEP-0352).

use harness::{Client, Login, Server, StanzaExt, Stream, befriend, ns, scenes};

scenes! {
    []: the_feature_is_offered_after_login,
        an_inactive_client_gets_messages_at_once,
        the_newest_presence_comes_with_a_message,
        active_brings_what_rested_before_the_next_answer,
        chat_states_rest_too,
        an_answer_takes_along_what_rested,
        a_resumed_stream_is_active,
        what_rested_is_numbered_and_not_lost,
        the_state_is_shown_to_nobody,
        both_may_be_said_again_and_whatever_they_hold,
        before_login_it_is_an_error;
    ["limits.outbox_bytes=65536", "limits.stanza=65536"]: what_rests_is_bounded,
}

const CSI: &str = "urn:xmpp:csi:0";

async fn inactive(client: &mut Client) {
    client.send_raw(format!("<inactive xmlns='{CSI}'/>")).await;
}

async fn active(client: &mut Client) {
    client.send_raw(format!("<active xmlns='{CSI}'/>")).await;
}

/// Two who see each other, the second inactive.
async fn friends(s: &Server) -> (Client, Client) {
    let (mut a, mut b) = s.pair().await;
    befriend(&mut a, &mut b).await;
    inactive(&mut b).await;
    // Its answer shows that the state is known.
    b.sync().await;
    (a, b)
}

async fn shows(client: &mut Client, show: &str) {
    client.send(format!("<presence><show>{show}</show></presence>")).await;
    client.drain().await;
}

fn show(stanza: &minidom::Element) -> String {
    assert_eq!(stanza.name(), "presence", "{}", stanza.show());
    stanza.child("show", ns::CLIENT).map(minidom::Element::text).unwrap_or_default()
}

async fn composing(client: &mut Client, to: &str, state: &str) {
    let chat_states = "http://jabber.org/protocol/chatstates";
    client.send(format!("<message to='{to}' type='chat'><{state} xmlns='{chat_states}'/></message>")).await;
    client.sync().await;
}

async fn the_feature_is_offered_after_login(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    assert!(features.child("csi", CSI).is_none());
    let features = stream.login(&account).await;
    features.must("csi", CSI);
}

async fn an_inactive_client_gets_messages_at_once(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    let to = b.jid().to_owned();
    for n in 0..5 {
        a.say(&to, &n.to_string()).await;
        assert_eq!(b.message().await.body(), Some(n.to_string()));
    }
}

async fn the_newest_presence_comes_with_a_message(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    for state in ["away", "dnd", "xa"] {
        shows(&mut a, state).await;
    }
    a.say(b.jid(), "x").await;
    assert_eq!(show(&b.presence().await), "xa");
    assert_eq!(b.message().await.body().as_deref(), Some("x"));
    // Still inactive.
    shows(&mut a, "away").await;
    shows(&mut a, "chat").await;
    a.say(b.jid(), "y").await;
    assert_eq!(show(&b.presence().await), "chat");
    assert_eq!(b.message().await.body().as_deref(), Some("y"));
    b.nothing().await;
}

/// XEP-0352 §5.1.
async fn active_brings_what_rested_before_the_next_answer(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    shows(&mut a, "away").await;
    shows(&mut a, "dnd").await;
    b.send_raw(format!("<active xmlns='{CSI}'/>")).await;
    let id = b.ask("get", Some(s.domain()), &format!("<ping xmlns='{}'/>", ns::PING)).await;
    assert_eq!(show(&b.presence().await), "dnd");
    assert_eq!(b.iq().await.id(), Some(&*id));
    for state in ["away", "dnd"] {
        shows(&mut a, state).await;
        assert_eq!(show(&b.presence().await), state);
    }
}

async fn chat_states_rest_too(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    let to = b.jid().to_owned();
    for state in ["active", "composing", "paused"] {
        composing(&mut a, &to, state).await;
    }
    active(&mut b).await;
    b.message().await.must("paused", "http://jabber.org/protocol/chatstates");
    b.nothing().await;
}

async fn an_answer_takes_along_what_rested(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    shows(&mut a, "dnd").await;
    a.send("<presence type='unavailable'/>").await;
    a.sync().await;
    let stanzas = b.drain().await;
    assert_eq!(stanzas.len(), 1, "{stanzas:?}");
    assert_eq!(stanzas[0].kind(), Some("unavailable"));
}

/// XEP-0352 §5.2.
async fn a_resumed_stream_is_active(s: &Server) {
    let mut a = s.user().await;
    let account = s.account();
    let mut b = s.online(&account, "phone").await;
    befriend(&mut a, &mut b).await;
    b.enable().await;
    inactive(&mut b).await;
    b.sync().await;
    shows(&mut a, "away").await;
    let suspended = b.drop_connection();
    shows(&mut a, "dnd").await;
    let Ok((mut b, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    assert_eq!(show(&b.presence().await), "dnd");
    shows(&mut a, "xa").await;
    assert_eq!(show(&b.presence().await), "xa");
}

async fn what_rested_is_numbered_and_not_lost(s: &Server) {
    let mut a = s.user().await;
    let account = s.account();
    let mut b = s.online(&account, "phone").await;
    befriend(&mut a, &mut b).await;
    b.enable().await;
    inactive(&mut b).await;
    b.sync().await;
    b.acknowledge().await;
    shows(&mut a, "away").await;
    a.say(b.jid(), "x").await;
    b.find(|it| it.body().as_deref() == Some("x")).await;
    // Two stanzas, the presence too: an `h` of both is none too many.
    b.acknowledge().await;
    b.sync().await;
}

/// XEP-0352 §6.
async fn the_state_is_shown_to_nobody(s: &Server) {
    let (mut a, mut b) = friends(s).await;
    a.nothing().await;
    active(&mut b).await;
    b.sync().await;
    a.nothing().await;
}

async fn both_may_be_said_again_and_whatever_they_hold(s: &Server) {
    let mut client = s.user().await;
    for _ in 0..3 {
        inactive(&mut client).await;
        client.send_raw(format!("<inactive xmlns='{CSI}' a='1'><x/>text</inactive>")).await;
        client.sync().await;
        active(&mut client).await;
        active(&mut client).await;
        client.sync().await;
    }
    client.send_raw(format!("<asleep xmlns='{CSI}'/>")).await;
    assert_eq!(client.failed().await, "unsupported-stanza-type");
}

async fn before_login_it_is_an_error(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(format!("<inactive xmlns='{CSI}'/>")).await;
    assert_eq!(stream.failed().await, "unsupported-stanza-type");
    // No resource is bound yet.
    let mut stream = Login::default().stream(s, &s.account()).await;
    stream.send(format!("<inactive xmlns='{CSI}'/>")).await;
    assert_eq!(stream.failed().await, "unsupported-stanza-type");
}

/// Beyond half of what an outbox holds nothing rests: it comes though nothing takes it along, and none of it is lost.
async fn what_rests_is_bounded(s: &Server) {
    let mut b = s.user().await;
    inactive(&mut b).await;
    b.sync().await;
    let status = "x".repeat(4000);
    let mut senders = Vec::new();
    for _ in 0..12 {
        let mut sender = s.user().await;
        sender.send(format!("<presence to='{}'><status>{status}</status></presence>", b.jid())).await;
        sender.sync().await;
        senders.push(sender);
    }
    let first = b.presence().await;
    assert_eq!(first.from(), Some(senders[0].jid()));
    active(&mut b).await;
    let rest = b.drain().await;
    let from: Vec<_> = rest.iter().map(|it| it.from().expect("a sender")).collect();
    assert_eq!(from, senders[1..].iter().map(Client::jid).collect::<Vec<_>>());
}
