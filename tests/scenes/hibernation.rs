//! Sessions whose connection is gone: what becomes of what they hold when nobody resumes them (XEP-0198 §5).

use harness::{
    Account, Client, Component, Server, StanzaExt, Suspended, befriend, ns, scenes_of_both_policies,
};

scenes_of_both_policies! {
    []: who_takes_the_resource_gets_what_waits,
        a_request_that_was_read_and_not_answered;
    [r#"components={"rooms.localhost"={secret="s3cret"}}"#, "sm.resume_seconds=1"]: a_room_is_told_who_left_without_a_word;
    ["sm.resume_seconds=1"]: a_session_that_is_not_resumed_ends,
        messages_of_a_session_that_ended_wait,
        what_else_it_held_is_answered,
        copies_and_archive_results_are_dropped;
    ["sm.resume_seconds=1", "limits.stanza=65536", "limits.outbox_bytes=65536"]: what_did_not_fit_is_answered_too;
    ["limits.stanza=65536", "limits.outbox_bytes=65536"]: what_no_log_keeps_has_a_bound;
    ["sm.hibernated_bytes=1048576"]: the_oldest_ends_when_memory_is_short;
    ["sm.hibernated_bytes=1048576", "limits.outbox_bytes=600000"]: what_waits_behind_the_log_counts;
}

/// A session with stream management, available.
async fn managed(s: &Server, account: &Account, resource: &str) -> Client {
    let mut client = s.login(account, resource).await;
    client.enable().await;
    client.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    client.available(0).await;
    client.drain().await;
    client
}

async fn not_resumed(suspended: Suspended, s: &Server, account: &Account) -> harness::Stream {
    let Err((stream, answer)) = suspended.resume(s, account).await else { panic!("resumed") };
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
    answer.must("item-not-found", ns::STANZAS);
    stream
}

async fn a_session_that_is_not_resumed_ends(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    assert_eq!(juliet.sm().max, Some(1));
    let jid = juliet.jid().to_owned();
    juliet.sync().await;
    let sent = juliet.sm().sent.to_string();
    let suspended = juliet.drop_connection();
    romeo.nothing().await;
    let gone = romeo.presence().await;
    assert_eq!((gone.kind(), gone.from()), (Some("unavailable"), Some(&*jid)));
    let Err((mut stream, answer)) = suspended.resume(s, &account).await else { panic!("resumed") };
    answer.must("item-not-found", ns::STANZAS);
    // XEP-0198 §5: what was handled is told even so.
    assert_eq!(answer.attr("h"), Some(&*sent));
    stream.bind(None).await;
}

async fn messages_of_a_session_that_ended_wait(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    let (to, bare) = (juliet.jid().to_owned(), juliet.bare().to_owned());
    juliet.stop_acknowledging();
    juliet.drop_connection();
    romeo.say(&to, "one").await;
    romeo.send(format!("<message to='{bare}'><body>two</body></message>")).await;
    romeo.send(format!("<message to='{to}'><body>three</body></message>")).await;
    romeo.find(|it| it.kind() == Some("unavailable")).await;
    romeo.nothing().await;
    let mut juliet = s.login(&account, "later").await;
    juliet.available(0).await;
    let messages: Vec<_> = juliet.drain().await.into_iter().filter(|it| it.name() == "message").collect();
    assert_eq!(messages.iter().filter_map(StanzaExt::body).collect::<Vec<_>>(), ["one", "two", "three"]);
    for message in messages {
        message.must("delay", ns::DELAY);
    }
}

/// The first letters of the messages that came.
async fn firsts(client: &mut Client) -> Vec<String> {
    client.bodies().await.iter().map(|body| body[..1].to_owned()).collect()
}

const VERSION: &str = "<query xmlns='jabber:iq:version'/>";

/// The next two stanzas: an IQ request that nobody answered, and a room's message that nobody read.
async fn told(sender: &mut Client, request: &str, message: &str) {
    let mut seen = [sender.next().await, sender.next().await];
    seen.sort_by_key(|it| it.name().to_owned());
    let refused = ("cancel".to_owned(), "service-unavailable".to_owned());
    assert_eq!((seen[0].id(), seen[0].error()), (Some(request), refused));
    let unavailable = ("wait".to_owned(), "recipient-unavailable".to_owned());
    assert_eq!((seen[1].id(), seen[1].error()), (Some(message), unavailable));
}

/// IQ requests → `<service-unavailable/>`, groupchat → `<recipient-unavailable/>`; the rest is dropped.
async fn what_else_it_held_is_answered(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    for kind in ["get", "set"] {
        let juliet = managed(s, &account, "balcony").await;
        let to = juliet.jid().to_owned();
        juliet.drop_connection();
        let id = romeo.ask(kind, Some(&to), VERSION).await;
        romeo.send(format!("<message to='{to}' type='groupchat' id='g'><body>g</body></message>")).await;
        romeo.send(format!("<message to='{to}' type='headline' id='h'><body>h</body></message>")).await;
        romeo.send(format!("<message to='{to}' type='error' id='e'><error type='cancel'/></message>")).await;
        romeo.send(format!("<iq to='{to}' type='result' id='r'/>")).await;
        romeo.send(format!("<iq to='{to}' type='error' id='f'><error type='cancel'/></iq>")).await;
        romeo.send(format!("<presence to='{to}'/><presence to='{to}' type='unavailable'/>")).await;
        told(&mut romeo, &id, "g").await;
        romeo.nothing().await;
    }
}

/// A client that starts anew and has nothing to resume with.
async fn who_takes_the_resource_gets_what_waits(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let juliet = managed(s, &account, "balcony").await;
    let to = juliet.jid().to_owned();
    let suspended = juliet.drop_connection();
    romeo.say(&to, "chat").await;
    romeo.send(format!("<message to='{to}'><body>normal</body></message>")).await;
    romeo.send(format!("<message to='{to}' type='groupchat' id='g'><body>g</body></message>")).await;
    let id = romeo.ask("get", Some(&to), VERSION).await;
    romeo.nothing().await;
    let mut juliet = s.login(&account, "balcony").await;
    assert_eq!(juliet.jid(), to);
    told(&mut romeo, &id, "g").await;
    romeo.nothing().await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["chat", "normal"]);
    not_resumed(suspended, s, &account).await;
}

/// The stream is closed in good order, and the answer will not come.
async fn a_request_that_was_read_and_not_answered(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    juliet.stop_acknowledging();
    let id = romeo.ask("get", Some(juliet.jid()), VERSION).await;
    assert_eq!(juliet.iq().await.id(), Some(&*id));
    juliet.close().await;
    let answer = romeo.iq().await;
    assert_eq!((answer.id(), &*answer.condition()), (Some(&*id), "service-unavailable"));
    romeo.nothing().await;
}

/// Nobody is told, and the account's other client sees only that it went.
async fn copies_and_archive_results_are_dropped(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut desk = s.online(&account, "desk").await;
    romeo.say(desk.jid(), "archived").await;
    desk.message().await;
    let mut balcony = managed(s, &account, "balcony").await;
    desk.drain().await;
    balcony.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    balcony.stop_acknowledging();
    romeo.say(desk.jid(), "copied").await;
    desk.message().await;
    balcony.find(|it| it.child("received", ns::CARBONS).is_some()).await;
    let archive = "urn:xmpp:mam:2";
    let page = balcony.request("set", None, &format!("<query xmlns='{archive}'/>")).await;
    if page.kind() == Some("result") {
        balcony.find(|it| it.child("result", archive).is_some()).await;
    }
    let jid = balcony.jid().to_owned();
    balcony.drop_connection();
    let gone = desk.presence().await;
    assert_eq!((gone.kind(), gone.from()), (Some("unavailable"), Some(&*jid)));
    desk.nothing().await;
    romeo.nothing().await;
    // Nor do they come to whoever comes next.
    let mut late = s.login(&account, "late").await;
    late.available(0).await;
    assert_eq!(late.bodies().await, [""; 0]);
}

/// XEP-0045 §7.14: by the error a room knows that its occupant is gone.
async fn a_room_is_told_who_left_without_a_word(s: &Server) {
    let account = s.account();
    let mut room = Component::connect(s, "rooms.localhost", "s3cret").await;
    let from = "garden@rooms.localhost/tybalt";
    let mut juliet = managed(s, &account, "balcony").await;
    let to = juliet.jid().to_owned();
    // One that she read and acknowledged, one that she did not, and some that she never got.
    let message = |id: &str| {
        format!("<message from='{from}' to='{to}' type='groupchat' id='{id}'><body>{id}</body></message>")
    };
    room.send(message("read")).await;
    juliet.message().await;
    juliet.acknowledge().await;
    juliet.sync().await;
    juliet.stop_acknowledging();
    room.send(message("unsure")).await;
    juliet.message().await;
    juliet.drop_connection();
    room.send(message("late")).await;
    room.send(format!("<presence from='{from}' to='{to}'/>")).await;
    room.send(format!("<message from='{from}' to='{to}' type='headline' id='h'/>")).await;
    room.send(format!("<iq from='{from}' to='{to}' type='get' id='i'>{VERSION}</iq>")).await;
    for (id, condition) in
        [("unsure", "recipient-unavailable"), ("late", "recipient-unavailable"), ("i", "service-unavailable")]
    {
        let error = room.next().await;
        assert_eq!((error.id(), &*error.condition()), (Some(id), condition));
        assert_eq!((error.from(), error.to()), (Some(&*to), Some(from)));
    }
    room.nothing().await;
}

/// It reads too slowly, so that what came last waits behind what it is to read from its log.
async fn what_did_not_fit_is_answered_too(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let juliet = managed(s, &account, "balcony").await;
    let to = juliet.jid().to_owned();
    juliet.drop_connection();
    for n in 0..4 {
        romeo.say(&to, &format!("{n}{}", ".".repeat(30_000))).await;
    }
    let id = romeo.ask("get", Some(&to), VERSION).await;
    romeo.send(format!("<message to='{to}' type='groupchat' id='g'><body>g</body></message>")).await;
    told(&mut romeo, &id, "g").await;
    romeo.nothing().await;
    let mut juliet = s.login(&account, "later").await;
    juliet.available(0).await;
    assert_eq!(firsts(&mut juliet).await, ["0", "1", "2", "3"]);
}

/// More than fits ends the session; its messages wait, and the room is told.
async fn what_no_log_keeps_has_a_bound(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    let to = juliet.jid().to_owned();
    let suspended = juliet.drop_connection();
    romeo.say(&to, "kept").await;
    let large = ".".repeat(30_000);
    for n in 0..6 {
        let kind = if n == 0 { "groupchat" } else { "headline" };
        romeo
            .send(format!("<message to='{to}' type='{kind}' id='m{n}'><body>{large}</body></message>"))
            .await;
    }
    // The headlines that come after its end are answered as well.
    let told = romeo.find(|it| it.name() == "message" && it.id() == Some("m0")).await;
    assert_eq!(told.condition(), "recipient-unavailable");
    romeo.find(|it| it.kind() == Some("unavailable") && it.from() == Some(&to)).await;
    not_resumed(suspended, s, &account).await;
    let mut juliet = s.login(&account, "later").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["kept"]);
}

/// Nothing of it is lost: its messages wait, the newer session is resumed.
async fn the_oldest_ends_when_memory_is_short(s: &Server) {
    let mut romeo = s.user().await;
    let (first, second) = (s.account(), s.account());
    let mut older = managed(s, &first, "balcony").await;
    let newer = managed(s, &second, "orchard").await;
    befriend(&mut romeo, &mut older).await;
    let (older_jid, newer_jid) = (older.jid().to_owned(), newer.jid().to_owned());
    let older = older.drop_connection();
    // The server knows of the one before the other goes.
    romeo.ask("get", Some(&older_jid), VERSION).await;
    romeo.sync().await;
    let newer = newer.drop_connection();
    for to in [&older_jid, &newer_jid] {
        for n in 0..3 {
            romeo.say(to, &format!("{n}{}", ".".repeat(200_000))).await;
        }
    }
    romeo.find(|it| it.kind() == Some("unavailable") && it.from() == Some(&older_jid)).await;
    not_resumed(older, s, &first).await;
    let mut late = s.login(&first, "late").await;
    late.available(0).await;
    assert_eq!(firsts(&mut late).await, ["0", "1", "2"]);
    let Ok((mut newer, _)) = newer.resume(s, &second).await else { panic!("not resumed") };
    assert_eq!(firsts(&mut newer).await, ["0", "1", "2"]);
}

/// Its outbox alone would fit.
async fn what_waits_behind_the_log_counts(s: &Server) {
    let mut romeo = s.user().await;
    let account = s.account();
    let mut juliet = managed(s, &account, "balcony").await;
    befriend(&mut romeo, &mut juliet).await;
    let to = juliet.jid().to_owned();
    juliet.drop_connection();
    for (kind, count) in [("chat", 3), ("headline", 2)] {
        for n in 0..count {
            let body = format!("{n}{}", ".".repeat(210_000));
            romeo.send(format!("<message to='{to}' type='{kind}'><body>{body}</body></message>")).await;
        }
    }
    romeo.find(|it| it.kind() == Some("unavailable") && it.from() == Some(&to)).await;
    let mut late = s.login(&account, "late").await;
    late.available(0).await;
    assert_eq!(firsts(&mut late).await, ["0", "1", "2"]);
}
