//! Stream management (XEP-0198).

use harness::{Client, Login, Server, StanzaExt, Stream, Suspended, befriend, ns, scenes_of_both_policies};

scenes_of_both_policies! {
    []: enabling,
        enabling_before_there_is_a_resource,
        enabling_twice_ends_the_stream,
        resuming_before_login,
        resuming_what_is_not_there,
        resuming_the_session_of_another,
        resuming_with_more_than_was_sent,
        every_request_is_answered_with_what_was_handled,
        the_server_asks_after_some_stanzas_not_after_each,
        acknowledging_more_than_was_sent,
        what_was_not_acknowledged_comes_after_resumption,
        what_was_acknowledged_comes_never_again,
        all_stanzas_wait_for_resumption_in_order,
        contacts_see_nothing_of_a_resumption,
        resumption_takes_over_a_connection_that_still_stands,
        a_closed_stream_is_not_resumed,
        a_session_is_resumed_once_only,
        a_resumed_session_goes_on_counting,
        a_resumed_session_keeps_what_it_asked_for,
        a_hibernated_session_does_not_keep_messages_from_others,
        a_resend_is_not_delivered_again,
        equal_ids_on_one_stream_are_two_messages;
    ["sm.location=\"127.0.0.1:5222\""]: the_location_is_told_where_one_is_configured;
}

/// A session with stream management, available.
async fn managed(s: &Server, account: &harness::Account, resource: &str) -> Client {
    let mut client = s.login(account, resource).await;
    client.enable().await;
    client.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    client.available(0).await;
    client.drain().await;
    client
}

async fn resumed(suspended: Suspended, s: &Server, account: &harness::Account) -> (Client, u32) {
    match suspended.resume(s, account).await {
        Ok(resumed) => resumed,
        Err((_, answer)) => panic!("not resumed: {}", answer.show()),
    }
}

/// The stanza error condition in `<failed/>`.
fn refused(answer: &minidom::Element) -> String {
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
    let condition = answer.children().find(|it| it.ns() == ns::STANZAS).expect("a condition");
    condition.name().to_owned()
}

async fn enabling(s: &Server) {
    let mut romeo = s.login(&s.account(), "one").await;
    let sm = romeo.enable().await;
    assert!(sm.id.as_ref().is_some_and(|id| id.len() >= 16), "an id that cannot be guessed");
    assert_eq!(sm.max, Some(600));

    // Without `resume` there is nothing to resume; a client may ask for less time.
    let mut juliet = s.login(&s.account(), "one").await;
    juliet.send_raw(format!("<enable xmlns='{}'/>", ns::SM)).await;
    let mut stream = Login::default().stream(s, &s.account()).await;
    stream.bind(None).await;
    stream.send(format!("<enable xmlns='{}' resume='1' max='60'/>", ns::SM)).await;
    let enabled = stream.child().await;
    assert!(enabled.is("enabled", ns::SM));
    assert_eq!((enabled.attr("max"), enabled.attr("location")), (Some("60"), None));
}

/// XEP-0198 §5.
async fn the_location_is_told_where_one_is_configured(s: &Server) {
    let mut stream = Login::default().stream(s, &s.account()).await;
    stream.bind(None).await;
    stream.send(format!("<enable xmlns='{}' resume='true'/>", ns::SM)).await;
    assert_eq!(stream.child().await.attr("location"), Some("127.0.0.1:5222"));
}

/// XEP-0198 §3: the stream goes on.
async fn enabling_before_there_is_a_resource(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(format!("<enable xmlns='{}'/>", ns::SM)).await;
    assert_eq!(refused(&stream.child().await), "unexpected-request");
    stream.login(&account).await;
    stream.send(format!("<enable xmlns='{}' resume='true'/>", ns::SM)).await;
    assert_eq!(refused(&stream.child().await), "unexpected-request");
    stream.bind(None).await;
    stream.send(format!("<enable xmlns='{}' resume='true'/>", ns::SM)).await;
    assert!(stream.child().await.is("enabled", ns::SM));
}

/// XEP-0198 §3.
async fn enabling_twice_ends_the_stream(s: &Server) {
    let mut romeo = s.login(&s.account(), "one").await;
    romeo.enable().await;
    romeo.send_raw(format!("<enable xmlns='{}'/>", ns::SM)).await;
    romeo.failed().await;
}

async fn resuming_before_login(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(format!("<resume xmlns='{}' previd='x' h='0'/>", ns::SM)).await;
    assert_eq!(refused(&stream.child().await), "unexpected-request");
    stream.login(&s.account()).await;
    stream.bind(None).await;
}

async fn resuming_what_is_not_there(s: &Server) {
    let mut stream = Login::default().stream(s, &s.account()).await;
    for id in ["never-given", ""] {
        stream.send(format!("<resume xmlns='{}' previd='{id}' h='0'/>", ns::SM)).await;
        assert_eq!(refused(&stream.child().await), "item-not-found");
    }
    for attributes in ["previd='x'", "h='0'", "previd='x' h='-1'", ""] {
        stream.send(format!("<resume xmlns='{}' {attributes}/>", ns::SM)).await;
        assert_eq!(refused(&stream.child().await), "bad-request", "{attributes}");
    }
    // XEP-0198 §5: a new session instead.
    stream.bind(None).await;
}

async fn resuming_the_session_of_another(s: &Server) {
    let account = s.account();
    let romeo = managed(s, &account, "one").await;
    let (jid, sm) = (romeo.jid().to_owned(), romeo.sm().clone());
    let suspended = romeo.drop_connection();
    let Err((_, answer)) = (Suspended { jid, sm }).resume(s, &s.account()).await else { panic!("resumed") };
    assert_eq!(refused(&answer), "item-not-found");
    resumed(suspended, s, &account).await;
}

/// XEP-0198 §4; the session is there for who counts right.
async fn resuming_with_more_than_was_sent(s: &Server) {
    let account = s.account();
    let romeo = managed(s, &account, "one").await;
    let (jid, sm) = (romeo.jid().to_owned(), romeo.sm().clone());
    let id = sm.id.clone().expect("a resumable session");
    romeo.drop_connection();
    let mut stream = Login::default().stream(s, &account).await;
    stream.send(format!("<resume xmlns='{}' previd='{id}' h='{}'/>", ns::SM, sm.received + 1000)).await;
    assert_eq!(stream.failed().await, "undefined-condition");
    resumed(Suspended { jid, sm }, s, &account).await.0.nothing().await;
}

async fn every_request_is_answered_with_what_was_handled(s: &Server) {
    let mut romeo = managed(s, &s.account(), "one").await;
    let juliet = s.user().await;
    for (n, to) in [juliet.jid(), "nobody@localhost", "localhost", juliet.bare()].into_iter().enumerate() {
        romeo.say(to, "x").await;
        romeo.acknowledged().await;
        assert!(romeo.sm().acked > n as u32);
    }
    // Several at once, and requests are no stanzas.
    for _ in 0..3 {
        romeo.send_raw(format!("<r xmlns='{}'/>", ns::SM)).await;
    }
    romeo.say(juliet.jid(), "y").await;
    romeo.acknowledged().await;
}

/// Every 5 stanzas or shortly after the last, never one per message.
async fn the_server_asks_after_some_stanzas_not_after_each(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &s.account(), "one").await;
    let before = juliet.sm().asked;
    for n in 0..50 {
        romeo.say(juliet.jid(), &n.to_string()).await;
    }
    romeo.sync().await;
    assert_eq!(juliet.bodies().await.len(), 50);
    juliet.asked(before + 1).await;
    let asked = juliet.sm().asked - before;
    assert!((1..=15).contains(&asked), "asked {asked} times for 50 messages");
    // After the last one too.
    romeo.say(juliet.jid(), "last").await;
    juliet.message().await;
    juliet.asked(before + asked + 1).await;
}

/// XEP-0198 §6.
async fn acknowledging_more_than_was_sent(s: &Server) {
    let mut romeo = managed(s, &s.account(), "one").await;
    let h = romeo.sm().received + 1000;
    romeo.send_raw(format!("<a xmlns='{}' h='{h}'/>", ns::SM)).await;
    assert_eq!(romeo.failed().await, "undefined-condition");
}

async fn what_was_not_acknowledged_comes_after_resumption(s: &Server) {
    let mut romeo = managed(s, &s.account(), "one").await;
    let account = s.account();
    let juliet = managed(s, &account, "balcony").await;
    let (to, sent) = (juliet.jid().to_owned(), juliet.sm().sent);
    let suspended = juliet.drop_connection();
    for body in ["one", "two", "three"] {
        romeo.say(&to, body).await;
    }
    romeo.acknowledged().await;
    let (mut juliet, h) = resumed(suspended, s, &account).await;
    assert_eq!(h, sent, "what she sent was handled");
    assert_eq!(juliet.bodies().await, ["one", "two", "three"]);
    romeo.nothing().await;
}

async fn what_was_acknowledged_comes_never_again(s: &Server) {
    let mut romeo = managed(s, &s.account(), "one").await;
    let account = s.account();
    let mut juliet = managed(s, &account, "balcony").await;
    juliet.stop_acknowledging();
    for body in ["one", "two"] {
        romeo.say(juliet.jid(), body).await;
    }
    assert_eq!(juliet.message().await.body().as_deref(), Some("one"));
    juliet.acknowledge().await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("two"));
    // The second is told with `<resume/>`, and neither comes again.
    let (mut juliet, _) = resumed(juliet.drop_connection(), s, &account).await;
    juliet.nothing().await;
    juliet.close().await;
    let mut juliet = s.login(&account, "later").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, Vec::<String>::new());
}

async fn all_stanzas_wait_for_resumption_in_order(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    let to = juliet.jid().to_owned();
    let suspended = juliet.drop_connection();
    romeo.say(&to, "chat").await;
    let id = romeo.ask("get", Some(&to), "<query xmlns='jabber:iq:version'/>").await;
    romeo.send(format!("<message to='{to}' type='headline'><body>headline</body></message>")).await;
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.find(|it| it.name() == "presence").await;
    romeo.sync().await;
    let (mut juliet, _) = resumed(suspended, s, &account).await;
    assert_eq!(juliet.message().await.kind(), Some("chat"));
    assert_eq!(juliet.iq().await.id(), Some(&*id));
    assert_eq!(juliet.message().await.kind(), Some("headline"));
    assert_eq!(juliet.presence().await.must("show", ns::CLIENT).text(), "away");
    let answer = format!("<iq type='result' id='{id}' to='{}'/>", romeo.jid());
    juliet.send(answer).await;
    assert_eq!(romeo.iq().await.id(), Some(&*id));
}

async fn contacts_see_nothing_of_a_resumption(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    let suspended = juliet.drop_connection();
    romeo.nothing().await;
    let (mut juliet, _) = resumed(suspended, s, &account).await;
    juliet.nothing().await;
    romeo.nothing().await;
    // She is still interested and available.
    juliet.send("<presence><show>dnd</show></presence>").await;
    assert_eq!(romeo.presence().await.must("show", ns::CLIENT).text(), "dnd");
}

/// XEP-0198 §5: the old stream gets `<conflict/>`.
async fn resumption_takes_over_a_connection_that_still_stands(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut old = managed(s, &account, "balcony").await;
    let suspended = Suspended { jid: old.jid().to_owned(), sm: old.sm().clone() };
    let (mut new, _) = resumed(suspended, s, &account).await;
    assert_eq!(old.failed().await, "conflict");
    romeo.say(new.jid(), "x").await;
    assert_eq!(new.message().await.body().as_deref(), Some("x"));
}

async fn a_closed_stream_is_not_resumed(s: &Server) {
    let account = s.account();
    let romeo = managed(s, &account, "one").await;
    let suspended = Suspended { jid: romeo.jid().to_owned(), sm: romeo.sm().clone() };
    romeo.close().await;
    let Err((_, answer)) = suspended.resume(s, &account).await else { panic!("resumed") };
    assert_eq!(refused(&answer), "item-not-found");
}

async fn a_session_is_resumed_once_only(s: &Server) {
    let account = s.account();
    let romeo = managed(s, &account, "one").await;
    let (mut again, _) = resumed(romeo.drop_connection(), s, &account).await;
    again.nothing().await;
    let (mut third, _) = resumed(again.drop_connection(), s, &account).await;
    third.nothing().await;
}

async fn a_resumed_session_goes_on_counting(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "one").await;
    for round in 0..3 {
        juliet.say(romeo.jid(), "up").await;
        juliet.acknowledged().await;
        let sent = juliet.sm().sent;
        let to = juliet.jid().to_owned();
        let suspended = juliet.drop_connection();
        romeo.say(&to, &format!("down {round}")).await;
        romeo.sync().await;
        let h;
        (juliet, h) = resumed(suspended, s, &account).await;
        assert_eq!(h, sent);
        assert_eq!(juliet.bodies().await, [format!("down {round}")]);
    }
}

/// Copies and roster pushes; what came meanwhile too.
async fn a_resumed_session_keeps_what_it_asked_for(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut desk = s.online(&account, "desk").await;
    let mut juliet = managed(s, &account, "balcony").await;
    juliet.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    desk.drain().await;
    juliet.drain().await;
    let mut suspended = juliet.drop_connection();
    for jid in ["nurse@localhost", "friar@localhost"] {
        let set = format!("<query xmlns='{}'><item jid='{jid}'/></query>", ns::ROSTER);
        assert_eq!(desk.request("set", None, &set).await.kind(), Some("result"));
        romeo.say(desk.jid(), jid).await;
        romeo.sync().await;
        let (mut juliet, _) = resumed(suspended, s, &account).await;
        let came = juliet.drain().await;
        let items = came.iter().filter_map(|it| it.child("query", ns::ROSTER)?.children().next());
        assert_eq!(items.filter_map(|it| it.attr("jid")).collect::<Vec<_>>(), [jid]);
        let copies = came.iter().filter_map(|it| it.child("received", ns::CARBONS));
        assert_eq!(copies.count(), 1);
        suspended = juliet.drop_connection();
    }
}

/// Nothing is stuck with a phone in a tunnel: a session that comes gets what is still pending.
async fn a_hibernated_session_does_not_keep_messages_from_others(s: &Server) {
    let account = s.account();
    let mut romeo = managed(s, &s.account(), "one").await;
    let juliet = managed(s, &account, "phone").await;
    let to = juliet.jid().to_owned();
    let suspended = juliet.drop_connection();
    romeo.say(&to, "pending").await;
    romeo.acknowledged().await;
    let mut laptop = managed(s, &account, "laptop").await;
    // What `managed` drained is what came at login; look at it in a session of its own.
    laptop.nothing().await;
    let mut tablet = s.login(&account, "tablet").await;
    tablet.enable().await;
    tablet.available(0).await;
    tablet.drain().await;
    let (mut phone, _) = resumed(suspended, s, &account).await;
    assert_eq!(phone.bodies().await, ["pending"], "it was sent to the phone and not acknowledged by it");
}

/// Same account, `to`, type, id and payload, on another stream after the first ended without `<a/>` for it.
async fn a_resend_is_not_delivered_again(s: &Server) {
    let account = s.account();
    let mut juliet = s.user().await;
    let to = juliet.jid().to_owned();
    let message = format!(
        "<message to='{to}' type='chat' id='m1'><body>once</body><origin-id xmlns='{}' id='o1'/></message>",
        ns::STANZA_ID
    );
    let mut romeo = managed(s, &account, "one").await;
    romeo.send(&message).await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("once"));
    romeo.drop_connection();

    let mut romeo = managed(s, &account, "two").await;
    romeo.send(&message).await;
    romeo.acknowledged().await;
    juliet.nothing().await;
    // What differs in anything is another message.
    romeo.send(message.replace("o1", "o2")).await;
    romeo.acknowledged().await;
    juliet.message().await;
}

async fn equal_ids_on_one_stream_are_two_messages(s: &Server) {
    let mut juliet = s.user().await;
    let mut romeo = managed(s, &s.account(), "one").await;
    for _ in 0..2 {
        romeo
            .send(format!("<message to='{}' type='chat' id='same'><body>x</body></message>", juliet.jid()))
            .await;
    }
    romeo.acknowledged().await;
    assert_eq!(juliet.bodies().await, ["x", "x"]);
}
