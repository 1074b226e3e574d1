//! Messages: the delivery rules of RFC 6121 §8.5 for every type and every kind of address.

use harness::{Account, Client, Server, StanzaExt, ns, scenes, scenes_of_both_policies};

scenes_of_both_policies! {
    []: chat_to_a_full_jid_arrives_as_sent,
        every_type_reaches_the_resource_it_is_for,
        bare_chat_and_normal_reach_all_resources_that_want_them,
        bare_headlines_reach_all_resources_that_want_them,
        bare_groupchat_is_refused,
        bare_errors_are_dropped,
        bare_without_a_willing_resource,
        full_without_its_session_chat_goes_to_the_account,
        full_without_its_session_other_types_are_refused,
        full_without_its_session_errors_are_dropped,
        a_receipt_or_marker_counts_as_chat,
        nobody_there,
        the_server_itself_takes_no_messages,
        a_message_to_oneself,
        a_message_without_an_address_is_for_oneself,
        the_sender_is_stamped,
        an_unknown_type_is_normal,
        a_remote_domain_cannot_be_reached,
        a_malformed_address,
        forged_ids_and_delays_are_cut_out,
        order_holds_among_many;
}

scenes! {
    []: without_an_archive_there_are_no_ids;
    ["archive.policy=always"]: an_archived_message_has_its_owners_id;
}

async fn chat_to_a_full_jid_arrives_as_sent(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    romeo
        .send(format!(
            "<message to='{to}' type='chat' id='m1' xml:lang='it'><body>Ciao &amp; addio</body>\
             <x xmlns='urn:example:x' a='1'>y</x></message>"
        ))
        .await;
    let message = juliet.message().await;
    assert_eq!(message.from(), Some(romeo.jid()));
    assert_eq!(message.to(), Some(&*to));
    assert_eq!((message.kind(), message.id()), (Some("chat"), Some("m1")));
    assert_eq!(message.attr_ns("http://www.w3.org/XML/1998/namespace", "lang"), Some("it"));
    assert_eq!(message.body().as_deref(), Some("Ciao & addio"));
    let x = message.must("x", "urn:example:x");
    assert_eq!((x.attr("a"), x.text().as_str()), (Some("1"), "y"));
    romeo.nothing().await;
    juliet.nothing().await;
}

/// One account with a resource of priority 5, one of 0, one negative and one without presence.
struct Four {
    account: Account,
    five: Client,
    zero: Client,
    negative: Client,
    silent: Client,
}

impl Four {
    async fn new(s: &Server) -> Four {
        let account = s.account();
        let mut five = s.online_at(&account, "five", 5).await;
        let mut zero = s.online_at(&account, "zero", 0).await;
        let mut negative = s.online_at(&account, "negative", -1).await;
        let silent = s.login(&account, "silent").await;
        for client in [&mut five, &mut zero, &mut negative] {
            client.drain().await;
        }
        Four { account, five, zero, negative, silent }
    }

    /// Nobody else has got anything.
    async fn nothing(&mut self) {
        for client in [&mut self.five, &mut self.zero, &mut self.negative, &mut self.silent] {
            client.nothing().await;
        }
    }
}

/// A message of this type; the error type carries what an error must.
fn message(to: &str, kind: &str) -> String {
    let error = match kind {
        "error" => format!("<error type='cancel'><gone xmlns='{}'/></error>", ns::STANZAS),
        _ => String::new(),
    };
    format!("<message to='{to}' type='{kind}' id='m-{kind}'><body>{kind}</body>{error}</message>")
}

/// RFC 6121 §8.5.3.1.
async fn every_type_reaches_the_resource_it_is_for(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    for kind in ["chat", "normal", "headline", "groupchat", "error"] {
        for resource in ["zero", "negative", "silent"] {
            romeo.send(message(&format!("{}/{resource}", juliet.account.jid), kind)).await;
        }
        romeo.nothing().await;
        for client in [&mut juliet.zero, &mut juliet.negative, &mut juliet.silent] {
            // RFC 6121 §5.2.2: without a type it is normal.
            assert_eq!(client.message().await.kind().unwrap_or("normal"), kind);
        }
        juliet.nothing().await;
    }
}

/// RFC 6121 §8.5.2.1.1.
async fn bare_chat_and_normal_reach_all_resources_that_want_them(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    let untyped = format!("<message to='{}' id='m-normal'><body>normal</body></message>", juliet.account.jid);
    for stanza in [message(&juliet.account.jid, "chat"), message(&juliet.account.jid, "normal"), untyped] {
        romeo.send(stanza).await;
        romeo.nothing().await;
        for client in [&mut juliet.five, &mut juliet.zero] {
            let message = client.message().await;
            assert_eq!(message.to(), Some(&*juliet.account.jid), "`to` is unchanged");
            assert_eq!(message.from(), Some(romeo.jid()));
        }
        juliet.nothing().await;
    }
}

async fn bare_headlines_reach_all_resources_that_want_them(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    romeo.send(message(&juliet.account.jid, "headline")).await;
    romeo.nothing().await;
    assert_eq!(juliet.five.message().await.kind(), Some("headline"));
    assert_eq!(juliet.zero.message().await.kind(), Some("headline"));
    juliet.nothing().await;
}

async fn bare_groupchat_is_refused(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    romeo.send(message(&juliet.account.jid, "groupchat")).await;
    let error = romeo.message().await;
    assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()));
    assert_eq!((error.from(), error.id()), (Some(&*juliet.account.jid), Some("m-groupchat")));
    juliet.nothing().await;
}

async fn bare_errors_are_dropped(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    romeo.send(message(&juliet.account.jid, "error")).await;
    romeo.nothing().await;
    juliet.nothing().await;
}

/// RFC 6121 §8.5.2.2: chat and normal wait; headline and error vanish; groupchat is refused.
async fn bare_without_a_willing_resource(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    let negative = s.account();
    let mut unwilling = s.online_at(&negative, "one", -1).await;
    let _silent = s.login(&negative, "two").await;
    for account in [&away, &negative] {
        for kind in ["chat", "normal", "headline", "error"] {
            romeo.send(message(&account.jid, kind)).await;
        }
        romeo.nothing().await;
        romeo.send(message(&account.jid, "groupchat")).await;
        assert_eq!(romeo.message().await.condition(), "service-unavailable");
    }
    unwilling.nothing().await;
    unwilling.available(1).await;
    assert_eq!(unwilling.bodies().await, ["chat", "normal"]);
    let mut juliet = s.login(&away, "one").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["chat", "normal"]);
}

/// RFC 6121 §8.5.3.2.1.
async fn full_without_its_session_chat_goes_to_the_account(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    let to = format!("{}/nowhere", juliet.account.jid);
    romeo.send(message(&to, "chat")).await;
    romeo.nothing().await;
    for client in [&mut juliet.five, &mut juliet.zero] {
        assert_eq!(client.message().await.body().as_deref(), Some("chat"));
    }
    juliet.nothing().await;

    // And waits when nobody is there.
    let away = s.account();
    romeo.send(message(&format!("{}/nowhere", away.jid), "chat")).await;
    romeo.nothing().await;
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert_eq!(late.bodies().await, ["chat"]);
}

/// Never to another resource, never kept.
async fn full_without_its_session_other_types_are_refused(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    let away = s.account();
    for bare in [&juliet.account.jid, &away.jid] {
        for kind in ["normal", "groupchat", "headline"] {
            let to = format!("{bare}/nowhere");
            romeo.send(message(&to, kind)).await;
            let error = romeo.message().await;
            assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()), "{kind}");
            assert_eq!(error.from(), Some(&*to));
        }
    }
    juliet.nothing().await;
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    late.nothing().await;
}

async fn full_without_its_session_errors_are_dropped(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    romeo.send(message(&format!("{}/nowhere", juliet.account.jid), "error")).await;
    romeo.nothing().await;
    juliet.nothing().await;
}

/// For interop: clients send receipts and markers as normal messages to full addresses.
async fn a_receipt_or_marker_counts_as_chat(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    let to = format!("{}/nowhere", juliet.account.jid);
    for payload in [
        "<received xmlns='urn:xmpp:receipts' id='x'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>",
        "<received xmlns='urn:xmpp:chat-markers:0' id='x'/>",
    ] {
        romeo.send(format!("<message to='{to}'>{payload}</message>")).await;
        romeo.nothing().await;
        juliet.five.message().await;
        juliet.zero.message().await;
        juliet.nothing().await;
    }
    // With a body it is an ordinary normal message.
    let payload = "<body>x</body><received xmlns='urn:xmpp:receipts' id='x'/>";
    romeo.send(format!("<message to='{to}'>{payload}</message>")).await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    juliet.nothing().await;
}

/// RFC 6121 §8.5.1.
async fn nobody_there(s: &Server) {
    let mut romeo = s.user().await;
    for to in ["nobody@localhost", "nobody@localhost/x"] {
        for kind in ["chat", "normal", "groupchat"] {
            romeo.send(message(to, kind)).await;
            let error = romeo.message().await;
            assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()));
            assert_eq!((error.from(), error.id()), (Some(to), Some(&*format!("m-{kind}"))));
        }
        romeo.send(message(to, "error")).await;
        romeo.nothing().await;
    }
}

/// RFC 6120 §10.5.2, RFC 6121 §8.3.
async fn the_server_itself_takes_no_messages(s: &Server) {
    let mut romeo = s.user().await;
    for to in ["localhost", "localhost/x"] {
        for kind in ["chat", "normal", "headline", "groupchat"] {
            romeo.send(message(to, kind)).await;
            let error = romeo.message().await;
            assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()), "{kind} to {to}");
            assert_eq!(error.from(), Some(to));
        }
        romeo.send(message(to, "error")).await;
        romeo.nothing().await;
    }
}

async fn a_message_to_oneself(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    one.say(&account.jid, "note").await;
    assert_eq!(one.message().await.body().as_deref(), Some("note"));
    assert_eq!(two.message().await.body().as_deref(), Some("note"));
    one.nothing().await;
    two.nothing().await;
    one.say(&format!("{}/two", account.jid), "only two").await;
    one.nothing().await;
    assert_eq!(two.message().await.from(), Some(one.jid()));
}

/// RFC 6120 §10.3.1.
async fn a_message_without_an_address_is_for_oneself(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    one.send("<message type='chat'><body>note</body></message>").await;
    for client in [&mut one, &mut two] {
        let message = client.message().await;
        assert_eq!(message.body().as_deref(), Some("note"));
        client.nothing().await;
    }
}

/// RFC 6120 §8.1.2.1.
async fn the_sender_is_stamped(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (jid, bare) = (romeo.jid().to_owned(), romeo.bare().to_owned());
    for from in [format!(" from='{jid}'"), format!(" from='{bare}'"), String::new()] {
        romeo.send(format!("<message to='{}'{from}><body>x</body></message>", juliet.jid())).await;
        assert_eq!(juliet.message().await.from(), Some(&*jid));
    }
}

/// RFC 6121 §5.2.2.
async fn an_unknown_type_is_normal(s: &Server) {
    let mut romeo = s.user().await;
    let mut juliet = Four::new(s).await;
    romeo
        .send(format!("<message to='{}' type='postcard'><body>x</body></message>", juliet.account.jid))
        .await;
    romeo.nothing().await;
    juliet.five.message().await;
    juliet.zero.message().await;
    juliet.nothing().await;
}

async fn a_remote_domain_cannot_be_reached(s: &Server) {
    let mut romeo = s.user().await;
    romeo.say("juliet@remote.example", "x").await;
    assert_eq!(romeo.message().await.condition(), "remote-server-not-found");
    let answer = romeo.get("remote.example", &format!("<ping xmlns='{}'/>", ns::PING)).await;
    assert_eq!(answer.condition(), "remote-server-not-found");
}

/// RFC 6120 §8.3.3.8.
async fn a_malformed_address(s: &Server) {
    let mut romeo = s.user().await;
    for to in ["@localhost", "a b@localhost", "romeo@", "x@localhost/", "&quot;@localhost"] {
        romeo.say(to, "x").await;
        let error = romeo.message().await;
        assert_eq!(error.error(), ("modify".into(), "jid-malformed".into()), "{to}");
        assert_eq!(
            romeo.get(to, &format!("<ping xmlns='{}'/>", ns::PING)).await.condition(),
            "jid-malformed"
        );
    }
}

/// XEP-0359 §3, XEP-0203: what only the owner's server may say.
async fn forged_ids_and_delays_are_cut_out(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (to, bare) = (juliet.jid().to_owned(), juliet.bare().to_owned());
    romeo
        .send(format!(
            "<message to='{to}' type='chat'><stanza-id xmlns='{sid}' by='{bare}' id='forged'/><body>x</body>\
             <delay xmlns='{delay}' from='localhost' stamp='2001-01-01T00:00:00Z'/>\
             <stanza-id xmlns='{sid}' by='room@rooms.example' id='theirs'/><origin-id xmlns='{sid}' id='mine'/>\
             <delay xmlns='{delay}' from='rooms.example' stamp='2002-02-02T00:00:00Z'/></message>",
            sid = ns::STANZA_ID,
            delay = ns::DELAY
        ))
        .await;
    let message = juliet.message().await;
    let ids: Vec<_> = message.children().filter(|it| it.is("stanza-id", ns::STANZA_ID)).collect();
    assert!(ids.iter().all(|it| it.id() != Some("forged")), "{}", message.show());
    let theirs: Vec<_> = ids.iter().filter(|it| it.attr("by") != Some(&*bare)).collect();
    assert_eq!(theirs.iter().map(|it| it.id().expect("an id")).collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(message.must("origin-id", ns::STANZA_ID).id(), Some("mine"));
    let delays: Vec<_> = message.children().filter(|it| it.is("delay", ns::DELAY)).collect();
    assert_eq!(delays.iter().map(|it| it.from().expect("from")).collect::<Vec<_>>(), ["rooms.example"]);
    assert_eq!(message.body().as_deref(), Some("x"));
}

/// Nobody sees an id that is not in an archive.
async fn without_an_archive_there_are_no_ids(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    romeo.say(juliet.jid(), "x").await;
    assert!(juliet.message().await.child("stanza-id", ns::STANZA_ID).is_none());
    let away = s.account();
    romeo.say(&away.jid, "y").await;
    romeo.sync().await;
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert!(late.find(|it| it.body().is_some()).await.child("stanza-id", ns::STANZA_ID).is_none());
}

async fn order_holds_among_many(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    for (n, body) in expected.iter().enumerate() {
        let to = if n % 2 == 0 { juliet.bare() } else { juliet.jid() }.to_owned();
        romeo.say(&to, body).await;
    }
    romeo.sync().await;
    assert_eq!(juliet.bodies().await, expected);
}

/// On the owner's copy, by the owner; unpredictable (XEP-0313 §3), never twice, never on the sender's side.
async fn an_archived_message_has_its_owners_id(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    let mut ids = Vec::new();
    for body in ["a", "b", "c"] {
        romeo.say(&account.jid, body).await;
        let mut copies = Vec::new();
        for client in [&mut one, &mut two] {
            let message = client.message().await;
            let ids: Vec<_> = message.children().filter(|it| it.is("stanza-id", ns::STANZA_ID)).collect();
            assert_eq!(ids.iter().map(|it| it.attr("by")).collect::<Vec<_>>(), [Some(&*account.jid)]);
            let id = ids[0];
            copies.push(id.id().expect("an id").to_owned());
        }
        assert_eq!(copies[0], copies[1], "one entry, one id");
        ids.push(copies.remove(0));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    romeo.nothing().await;
}
