//! Messages that a client sends again because it does not know whether they arrived: they arrive once.

use std::time::Duration;

use harness::{Client, Server, StanzaExt, scenes_of_both_policies};

scenes_of_both_policies! {
    []: what_is_sent_again_after_a_new_bind_is_one_message,
        what_is_sent_again_beside_a_dead_connection_is_one_message,
        what_is_sent_again_after_a_crash_is_one_message,
        what_was_acknowledged_is_another_message,
        what_is_said_again_after_a_day_is_another_message;
    ["sm.resume_seconds=1"]: what_is_sent_again_when_resumption_is_over_is_one_message;
}

const HELLO: &str = "<body>hello</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>";

/// Somebody whose acknowledgement makes a message safe at once.
async fn juliet(s: &Server) -> Client {
    let mut juliet = s.login(&s.account(), "balcony").await;
    juliet.enable().await;
    juliet.available(0).await;
    juliet
}

/// Receives the message and acknowledges it; when this returns the server knows.
async fn got_hello(juliet: &mut Client) {
    assert_eq!(juliet.message().await.body().as_deref(), Some("hello"));
    juliet.acknowledge().await;
    juliet.sync().await;
}

async fn hello(romeo: &mut Client, to: &str) {
    romeo.send(format!("<message to='{to}' type='chat' id='m1'>{HELLO}</message>")).await;
}

/// How often the message is in the client's own archive, where it has one.
async fn archived(client: &mut Client) -> Option<usize> {
    let archive = "urn:xmpp:mam:2";
    let answer = client.request("set", None, &format!("<query xmlns='{archive}'/>")).await;
    let came = client.drain().await;
    (answer.kind() == Some("result"))
        .then(|| came.iter().filter(|it| it.has_child("result", archive)).count())
}

/// One entry on either side.
async fn is_one_message(romeo: &mut Client, juliet: &mut Client) {
    romeo.acknowledged().await;
    juliet.nothing().await;
    for client in [romeo, juliet] {
        assert!(matches!(archived(client).await, None | Some(1)));
    }
}

/// The connection breaks before an `<a/>` came; the client does not try to resume.
async fn what_is_sent_again_after_a_new_bind_is_one_message(s: &Server) {
    let mut juliet = juliet(s).await;
    let account = s.account();
    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    got_hello(&mut juliet).await;
    romeo.drop_connection();

    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    is_one_message(&mut romeo, &mut juliet).await;
}

/// The client comes back after the old session's end, and has nothing to resume with.
async fn what_is_sent_again_when_resumption_is_over_is_one_message(s: &Server) {
    let mut juliet = juliet(s).await;
    let account = s.account();
    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    got_hello(&mut juliet).await;
    let ended = format!("logged out jid={}", romeo.jid());
    romeo.drop_connection();
    s.logged(&ended).await;

    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    is_one_message(&mut romeo, &mut juliet).await;
}

/// As a phone that changes its network: the old connection is dead and the server does not know.
async fn what_is_sent_again_beside_a_dead_connection_is_one_message(s: &Server) {
    let mut juliet = juliet(s).await;
    let account = s.account();
    let mut dead = s.login(&account, "orchard").await;
    dead.enable().await;
    hello(&mut dead, juliet.bare()).await;
    got_hello(&mut juliet).await;

    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    is_one_message(&mut romeo, &mut juliet).await;
}

/// To somebody who is away: the entry is in the database before the sender knows.
async fn what_is_sent_again_after_a_crash_is_one_message(s: &Server) {
    let s = s.fresh(&[]);
    let (account, away) = (s.account(), s.account());
    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, &away.jid).await;
    romeo.acknowledged().await;
    s.kill();
    s.resume();

    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, &away.jid).await;
    romeo.acknowledged().await;
    let mut juliet = s.login(&away, "balcony").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["hello"]);
    is_one_message(&mut romeo, &mut juliet).await;
}

/// A client that counts its ids from 1 at every start says the same again, and means it.
async fn what_was_acknowledged_is_another_message(s: &Server) {
    let mut juliet = juliet(s).await;
    let account = s.account();
    for _ in 0..2 {
        let mut romeo = s.login(&account, "orchard").await;
        romeo.enable().await;
        hello(&mut romeo, juliet.bare()).await;
        romeo.acknowledged().await;
        romeo.drop_connection();
        got_hello(&mut juliet).await;
    }
    juliet.nothing().await;
}

/// The time in which a resend is one: a client that lost what it knew says the same with the same ids.
async fn what_is_said_again_after_a_day_is_another_message(s: &Server) {
    let s = &s.fresh_in_time(&[]);
    let mut juliet = juliet(s).await;
    let account = s.account();
    let mut romeo = s.login(&account, "orchard").await;
    romeo.enable().await;
    hello(&mut romeo, juliet.bare()).await;
    got_hello(&mut juliet).await;
    romeo.drop_connection();
    for (hours, another) in [(23, false), (25, true)] {
        s.later(Duration::from_secs(hours * 3600));
        let mut romeo = s.login(&account, "orchard").await;
        romeo.enable().await;
        hello(&mut romeo, juliet.bare()).await;
        if another {
            got_hello(&mut juliet).await;
        } else {
            is_one_message(&mut romeo, &mut juliet).await;
        }
    }
}
