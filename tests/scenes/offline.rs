//! Messages that wait (XEP-0160, XEP-0203, XEP-0334).

use harness::{Account, Client, Server, StanzaExt, ns, scenes_of_both_policies};
use minidom::Element;

scenes_of_both_policies! {
    []: messages_wait_in_order_with_stamps,
        they_come_once,
        they_come_before_anything_newer,
        only_a_willing_session_gets_them,
        what_does_not_wait,
        a_resource_that_comes_second_gets_nothing_more,
        what_was_not_acknowledged_comes_again,
        they_survive_a_crash,
        they_survive_a_restart,
        a_large_backlog_arrives_whole;
    ["limits.pending_messages=3"]: one_more_than_may_wait;
}

/// Messages that a new session gets when it becomes available.
async fn waiting(s: &Server, account: &Account, resource: &str) -> (Client, Vec<Element>) {
    let mut client = s.login(account, resource).await;
    client.available(0).await;
    let messages = client.drain().await.into_iter().filter(|it| it.name() == "message").collect();
    (client, messages)
}

fn bodies(messages: &[Element]) -> Vec<String> {
    messages.iter().filter_map(StanzaExt::body).collect()
}

async fn messages_wait_in_order_with_stamps(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    for n in 0..20 {
        let kind = if n % 2 == 0 { "chat" } else { "normal" };
        let stanza =
            format!("<message to='{}' type='{kind}' id='m{n}'><body>{n}</body></message>", juliet.jid);
        romeo.send(stanza).await;
    }
    romeo.nothing().await;
    let (mut client, messages) = waiting(s, &juliet, "one").await;
    assert_eq!(bodies(&messages), (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    let mut last = String::new();
    for (n, message) in messages.iter().enumerate() {
        assert_eq!(message.id(), Some(&*format!("m{n}")));
        assert_eq!((message.from(), message.to()), (Some(romeo.jid()), Some(&*juliet.jid)));
        let delay = message.must("delay", ns::DELAY);
        assert_eq!(delay.from(), Some("localhost"));
        let stamp = delay.attr("stamp").expect("a stamp").to_owned();
        assert!(stamp.ends_with('Z') && stamp.contains('T'), "XEP-0082, in UTC: {stamp}");
        assert!(stamp >= last, "in order: {stamp} after {last}");
        last = stamp;
    }
    client.nothing().await;
}

async fn they_come_once(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    romeo.say(&juliet.jid, "x").await;
    romeo.sync().await;
    let (client, messages) = waiting(s, &juliet, "one").await;
    assert_eq!(bodies(&messages), ["x"]);
    client.close().await;
    let (_client, messages) = waiting(s, &juliet, "two").await;
    assert_eq!(bodies(&messages), [""; 0]);
}

async fn they_come_before_anything_newer(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    for n in 0..50 {
        romeo.say(&juliet.jid, &format!("old {n}")).await;
    }
    romeo.sync().await;
    let mut client = s.login(&juliet, "one").await;
    client.send("<presence/>").await;
    for n in 0..50 {
        romeo.say(&juliet.jid, &format!("new {n}")).await;
    }
    romeo.sync().await;
    let seen = client.bodies().await;
    let expected: Vec<String> =
        (0..50).map(|n| format!("old {n}")).chain((0..50).map(|n| format!("new {n}"))).collect();
    assert_eq!(seen, expected);
}

async fn only_a_willing_session_gets_them(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    romeo.say(&juliet.jid, "x").await;
    romeo.sync().await;
    let mut client = s.login(&juliet, "one").await;
    client.nothing().await;
    client.available(-1).await;
    client.nothing().await;
    client.send(format!("<presence to='{}'/>", romeo.jid())).await;
    client.nothing().await;
    client.available(0).await;
    assert_eq!(client.bodies().await, ["x"]);
}

/// XEP-0160 §3, XEP-0334 §4.2.
async fn what_does_not_wait(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    let to = &juliet.jid;
    for stanza in [
        format!("<message to='{to}' type='headline'><body>h</body></message>"),
        format!("<message to='{to}' type='error'><body>e</body><error type='cancel'/></message>"),
        format!(
            "<message to='{to}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ),
        format!(
            "<message to='{to}' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/>\
             <thread>t</thread></message>"
        ),
        format!("<message to='{to}' type='chat'><body>n</body><no-store xmlns='urn:xmpp:hints'/></message>"),
    ] {
        romeo.send(stanza).await;
    }
    // A body makes a chat state a message; a receipt waits; `<store/>` says so.
    romeo
        .send(format!(
            "<message to='{to}' type='chat'><body>b</body>\
             <active xmlns='http://jabber.org/protocol/chatstates'/></message>\
             <message to='{to}' type='chat' id='r'><received xmlns='urn:xmpp:receipts' id='x'/></message>"
        ))
        .await;
    romeo.drain().await;
    let (_client, messages) = waiting(s, &juliet, "one").await;
    assert_eq!(bodies(&messages), ["b"]);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].id(), Some("r"));
}

async fn a_resource_that_comes_second_gets_nothing_more(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    romeo.say(&juliet.jid, "x").await;
    romeo.sync().await;
    let mut first = s.login(&juliet, "one").await;
    first.enable().await;
    first.available(0).await;
    assert_eq!(first.bodies().await, ["x"]);
    first.acknowledge().await;
    first.sync().await;
    let (_second, messages) = waiting(s, &juliet, "two").await;
    assert_eq!(bodies(&messages), [""; 0]);
}

async fn what_was_not_acknowledged_comes_again(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    romeo.say(&juliet.jid, "x").await;
    romeo.sync().await;
    let mut first = s.login(&juliet, "one").await;
    first.enable().await;
    first.stop_acknowledging();
    first.available(0).await;
    first.find(|it| it.body().is_some()).await;
    first.drop_connection();
    let (_second, messages) = waiting(s, &juliet, "two").await;
    assert_eq!(bodies(&messages), ["x"]);
}

/// Acknowledged means durable.
async fn they_survive_a_crash(s: &Server) {
    let own = s.fresh(&[]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.login(&romeo, "one").await;
    client.enable().await;
    client.available(0).await;
    for n in 0..10 {
        client.say(&juliet.jid, &n.to_string()).await;
    }
    client.acknowledged().await;
    own.kill();
    own.resume();
    let (_client, messages) = waiting(&own, &juliet, "one").await;
    assert_eq!(bodies(&messages), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// SIGTERM: streams end with `<system-shutdown/>`, and everything is flushed.
async fn they_survive_a_restart(s: &Server) {
    let own = s.fresh(&[]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&romeo, "one").await;
    for n in 0..10 {
        client.say(&juliet.jid, &n.to_string()).await;
    }
    client.sync().await;
    own.terminate();
    assert_eq!(client.failed().await, "system-shutdown");
    assert!(own.stopped().success());
    own.resume();
    let (_client, messages) = waiting(&own, &juliet, "one").await;
    assert_eq!(bodies(&messages), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

async fn a_large_backlog_arrives_whole(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    let expected: Vec<String> = (0..1500).map(|n| n.to_string()).collect();
    let stanzas: String = expected
        .iter()
        .map(|n| format!("<message to='{}' type='chat'><body>{n}</body></message>", juliet.jid))
        .collect();
    romeo.send_raw(stanzas).await;
    romeo.sync().await;
    let mut client = s.login(&juliet, "one").await;
    client.available(0).await;
    client.find(|it| it.body().as_deref() == Some("1499")).await;
    assert_eq!(client.drain().await.iter().filter(|it| it.name() == "message").count(), 1499);
}

/// XEP-0160 §2.
async fn one_more_than_may_wait(s: &Server) {
    let mut romeo = s.user().await;
    let juliet = s.account();
    // What was delivered counts no more, archived or not.
    let (mut client, _) = waiting(s, &juliet, "zero").await;
    for n in 0..5 {
        romeo.say(&juliet.jid, "before").await;
        assert_eq!(client.message().await.body().as_deref(), Some("before"), "{n}");
    }
    client.close().await;
    for n in 0..3 {
        romeo.say(&juliet.jid, &n.to_string()).await;
    }
    romeo.nothing().await;
    romeo.say(&juliet.jid, "3").await;
    assert_eq!(romeo.message().await.error(), ("cancel".into(), "service-unavailable".into()));
    let (mut client, messages) = waiting(s, &juliet, "one").await;
    assert_eq!(bodies(&messages), ["0", "1", "2"]);
    // Who is there gets messages; and with the room free again others wait.
    romeo.say(&juliet.jid, "live").await;
    assert_eq!(client.message().await.body().as_deref(), Some("live"));
    client.close().await;
    romeo.say(&juliet.jid, "4").await;
    romeo.nothing().await;
}
