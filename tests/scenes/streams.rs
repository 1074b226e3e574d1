//! Streams: opening, encrypting, restarting, binding, ending (RFC 6120 §4, §5, §7; RFC 7590).

use std::time::Duration;

use harness::{Account, Client, Component, Event, Login, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: the_stream_opens_with_an_xml_declaration,
        stream_ids_differ,
        the_header_names_whom_it_answers,
        starttls_is_required_and_nothing_else_is_offered,
        what_follows_starttls_in_the_clear_is_never_acted_upon,
        direct_tls_speaks_xmpp_client_and_offers_no_starttls,
        features_before_login,
        features_after_login,
        bytes_may_come_one_at_a_time,
        whitespace_between_stanzas_is_nothing,
        a_resource_is_made_by_the_server,
        a_resource_is_as_asked_for,
        an_impossible_resource_is_refused,
        the_same_resource_again_ends_the_old_stream,
        the_legacy_session_is_granted,
        closing_is_answered,
        what_came_with_the_end_of_the_stream_is_answered_before_it,
        a_stanza_before_login_is_not_authorized,
        a_stanza_before_binding_is_not_authorized;
    ["limits.login_timeout_seconds=1"]: who_does_not_log_in_is_cut_off;
    ["keepalive.idle_seconds=5", "keepalive.answer_seconds=1"]: who_is_dead_is_cut_off,
        who_is_alive_stays;
    ["limits.sessions_per_account=2"]: one_session_more_than_allowed;
    ["limits.connections_per_address=2"]: one_connection_more_than_allowed;
    ["limits.connections=2", r#"components={"c.localhost"={secret="a"}}"#]: one_connection_more_than_the_server_takes;
    ["hosts=[\"localhost\", \"example.org\"]"]: another_host_has_its_own_certificate_and_accounts;
}

async fn the_stream_opens_with_an_xml_declaration(s: &Server) {
    let mut stream = Stream::plain(s).await;
    stream.header().await;
    let Event::Header { declared, header } = stream.event().await else { panic!("no header") };
    assert!(declared);
    assert_eq!(header.attr("from"), Some("localhost"));
    assert_eq!(header.attr("version"), Some("1.0"));
    assert!(header.id().is_some_and(|id| id.len() >= 16), "an unpredictable id (RFC 6120 §4.7.3)");

    // Over direct TLS the first bytes too (XEP-0368), and after a restart.
    let mut stream = Stream::direct(s).await;
    stream.header().await;
    assert!(matches!(stream.event().await, Event::Header { declared: true, .. }));
}

async fn stream_ids_differ(s: &Server) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::plain(s).await;
        stream.header().await;
        ids.push(stream.opened().await.id().expect("an id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// RFC 6120 §4.7.2: the response's `to` is the `from` of the initial header.
async fn the_header_names_whom_it_answers(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream
        .send(format!(
            "<?xml version='1.0'?><stream:stream from='romeo@localhost' to='localhost' version='1.0' \
             xmlns='jabber:client' xmlns:stream='{}'>",
            ns::STREAM
        ))
        .await;
    assert_eq!(stream.opened().await.attr("to"), Some("romeo@localhost"));
}

async fn starttls_is_required_and_nothing_else_is_offered(s: &Server) {
    let mut stream = Stream::plain(s).await;
    let features = stream.open().await;
    features.must("starttls", ns::TLS).must("required", ns::TLS);
    assert!(features.child("mechanisms", ns::SASL).is_none(), "{}", features.show());
}

/// The command injection of many a STARTTLS: what came in the clear is dropped, or the connection is.
async fn what_follows_starttls_in_the_clear_is_never_acted_upon(s: &Server) {
    let mut stream = Stream::plain(s).await;
    stream.open().await;
    stream
        .send(format!(
            "<starttls xmlns='{}'/><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
             xmlns:stream='{}'><auth xmlns='{}' mechanism='PLAIN'>AGEAYg==</auth>",
            ns::TLS,
            ns::STREAM,
            ns::SASL
        ))
        .await;
    match stream.event().await {
        Event::Child(proceed) if proceed.is("proceed", ns::TLS) => {
            if stream.handshake().await.is_ok() {
                let features = stream.open().await;
                features.must("mechanisms", ns::SASL);
            }
        }
        Event::Child(error) => assert!(error.is("error", ns::STREAM), "{}", error.show()),
        Event::Eof => {}
        other => panic!("{other:?}"),
    }
}

async fn direct_tls_speaks_xmpp_client_and_offers_no_starttls(s: &Server) {
    let mut stream = Stream::direct(s).await;
    assert_eq!(stream.alpn.as_deref(), Some(b"xmpp-client".as_slice()));
    let features = stream.open().await;
    assert!(features.child("starttls", ns::TLS).is_none(), "{}", features.show());
    features.must("mechanisms", ns::SASL);
}

async fn features_before_login(s: &Server) {
    let (_stream, features) = Stream::starttls(s).await;
    features.must("mechanisms", ns::SASL);
    assert!(features.child("starttls", ns::TLS).is_none(), "TLS is on already");
    assert!(features.child("bind", ns::BIND).is_none(), "nobody is logged in yet");
    assert!(features.child("register", "http://jabber.org/features/iq-register").is_none(), "closed");
}

/// XEP-0170: binding comes before what needs a resource.
async fn features_after_login(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let features = stream.login(&s.account()).await;
    let order: Vec<String> = features.children().map(|it| format!("{} {}", it.name(), it.ns())).collect();
    let position = |name: &str| {
        order.iter().position(|it| it == name).unwrap_or_else(|| panic!("no {name} in {order:?}"))
    };
    let bind = position("bind urn:ietf:params:xml:ns:xmpp-bind");
    assert!(bind < position("sm urn:xmpp:sm:3"), "{order:?}");
    assert!(bind < position("ver urn:xmpp:features:rosterver"), "{order:?}");
    assert!(bind < position("sub urn:xmpp:features:pre-approval"), "{order:?}");
    position("c http://jabber.org/protocol/caps");
    if let Some(session) = features.child("session", "urn:ietf:params:xml:ns:xmpp-session") {
        session.must("optional", "urn:ietf:params:xml:ns:xmpp-session");
    }
    assert!(features.child("mechanisms", ns::SASL).is_none(), "logged in already");
}

async fn bytes_may_come_one_at_a_time(s: &Server) {
    let mut client = s.user().await;
    let iq = format!("<iq type='get' id='slow' to='localhost'>\r\n<ping xmlns='{}'/></iq>", ns::PING);
    for byte in iq.as_bytes() {
        client.send_raw([*byte]).await;
    }
    let answer = client.iq().await;
    assert_eq!((answer.kind(), answer.id()), (Some("result"), Some("slow")));
}

async fn whitespace_between_stanzas_is_nothing(s: &Server) {
    let mut client = s.user().await;
    client.send_raw(" \n\t\r\n ").await;
    client.nothing().await;
    client.send_raw("\n").await;
    client.nothing().await;
}

async fn a_resource_is_made_by_the_server(s: &Server) {
    let account = s.account();
    let mut jids = Vec::new();
    let mut streams = Vec::new();
    for wish in [None, None, Some("")] {
        let mut stream = Login::default().stream(s, &account).await;
        jids.push(stream.bind(wish).await);
        streams.push(stream);
    }
    for jid in &jids {
        assert!(jid.strip_prefix(&format!("{}/", account.jid)).is_some_and(|it| !it.is_empty()), "{jid}");
    }
    jids.sort();
    jids.dedup();
    assert_eq!(jids.len(), 3);
}

async fn a_resource_is_as_asked_for(s: &Server) {
    let account = s.account();
    let mut stream = Login::default().stream(s, &account).await;
    assert_eq!(
        stream.bind(Some("bal cony &amp; Ünï/@x")).await,
        format!("{}/bal cony & Ünï/@x", account.jid)
    );
}

/// RFC 6120 §7.7.2.1.
async fn an_impossible_resource_is_refused(s: &Server) {
    let account = s.account();
    for wish in ["x".repeat(1024), "\u{7f}".to_owned()] {
        let mut stream = Login::default().stream(s, &account).await;
        stream
            .send(format!(
                "<iq type='set' id='b'><bind xmlns='{}'><resource>{wish}</resource></bind></iq>",
                ns::BIND
            ))
            .await;
        assert_eq!(stream.child().await.condition(), "bad-request");
        // And another try is free.
        stream.bind(Some("good")).await;
    }
}

/// RFC 6120 §7.7.2.2: the newest wins.
async fn the_same_resource_again_ends_the_old_stream(s: &Server) {
    let account = s.account();
    let mut old = s.online(&account, "one").await;
    let mut new = s.login(&account, "one").await;
    assert_eq!(old.jid(), new.jid());
    assert_eq!(old.failed().await, "conflict");
    new.available(0).await;
    new.nothing().await;
    let mut other = s.user().await;
    other.say(new.jid(), "to the new one").await;
    assert_eq!(new.message().await.body().as_deref(), Some("to the new one"));
}

/// RFC 3921 §3, as RFC 6121 Appendix E lets old clients have it.
async fn the_legacy_session_is_granted(s: &Server) {
    let mut client = s.login(&s.account(), "old").await;
    let answer = client.request("set", None, "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>").await;
    assert_eq!(answer.kind(), Some("result"));
}

/// RFC 6120 §4.4.
async fn closing_is_answered(s: &Server) {
    for login in [false, true] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        if login {
            stream.login(&s.account()).await;
            stream.bind(None).await;
        }
        stream.send("</stream:stream>").await;
        stream.ended().await;
    }
}

/// RFC 6120 §4.4: whoever is asked to close may send what it still has to.
async fn what_came_with_the_end_of_the_stream_is_answered_before_it(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.login(&s.account()).await;
    stream.bind(None).await;
    let ping = "<iq type='get' id='last' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    stream.send(format!("{ping}</stream:stream>")).await;
    let answer = stream.child().await;
    assert_eq!((answer.attr("id"), answer.attr("type")), (Some("last"), Some("result")));
    stream.ended().await;
}

/// RFC 6120 §4.9.3.12.
async fn a_stanza_before_login_is_not_authorized(s: &Server) {
    for stanza in [
        "<message to='localhost'><body>x</body></message>",
        "<presence/>",
        "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    ] {
        for direct in [false, true] {
            let mut stream = if direct { Stream::direct(s).await } else { Stream::plain(s).await };
            stream.open().await;
            stream.send(stanza).await;
            assert_eq!(stream.failed().await, "not-authorized", "{stanza}");
        }
    }
}

async fn a_stanza_before_binding_is_not_authorized(s: &Server) {
    for stanza in ["<message to='localhost'><body>x</body></message>", "<presence/>"] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        stream.login(&s.account()).await;
        stream.send(stanza).await;
        assert_eq!(stream.failed().await, "not-authorized", "{stanza}");
    }
}

async fn who_does_not_log_in_is_cut_off(s: &Server) {
    let mut silent = Stream::plain(s).await;
    let mut without_a_handshake = Stream::to(s, s.c2s_tls(), s.domain()).await;
    let mut chatty = Stream::direct(s).await;
    chatty.open().await;
    assert_eq!(chatty.failed().await, "connection-timeout");
    assert_eq!(silent.failed().await, "connection-timeout");
    assert!(matches!(without_a_handshake.event().await, Event::Eof));
    // Nor does it help to say something now and then.
    let mut halting = Stream::plain(s).await;
    halting.open().await;
    let end = loop {
        halting.send(" ").await;
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(50), halting.event()).await {
            break event;
        }
    };
    assert!(matches!(end, Event::Child(error) if error.is("error", ns::STREAM)));
    // Logged in, nobody is in a hurry any more.
    let mut client = s.user().await;
    client.nothing().await;
}

/// A client that answers nothing, not even the server's question whether it lives.
async fn who_is_dead_is_cut_off(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.login(&account).await;
    stream.bind(Some("dead")).await;
    assert_eq!(stream.failed().await, "connection-timeout");
}

/// Any sign of life will do (RFC 6120 §4.6.1): an answer, an acknowledgement, white space. Who is asked a second time
/// was alive the first.
async fn who_is_alive_stays(s: &Server) {
    let answers = async {
        let mut client = s.login(&s.account(), "answers").await;
        for _ in 0..2 {
            let ping = client.iq().await;
            assert_eq!((ping.kind(), ping.from()), (Some("get"), Some("localhost")));
            ping.must("ping", ns::PING);
        }
        client.nothing().await;
    };
    let acknowledges = async {
        let mut client = s.login(&s.account(), "acknowledges").await;
        client.enable().await;
        client.asked(2).await;
        client.nothing().await;
    };
    let breathes = async {
        let mut stream = Login::default().stream(s, &s.account()).await;
        stream.bind(None).await;
        for _ in 0..2 {
            stream.child().await.must("ping", ns::PING);
            stream.send(" ").await;
        }
    };
    tokio::join!(answers, acknowledges, breathes);
}

async fn one_session_more_than_allowed(s: &Server) {
    let account = s.account();
    let mut first = s.online(&account, "one").await;
    let _second = s.online(&account, "two").await;
    first.drain().await;
    let mut stream = Login::default().stream(s, &account).await;
    stream.send(format!("<iq type='set' id='b'><bind xmlns='{}'/></iq>", ns::BIND)).await;
    assert_eq!(stream.child().await.condition(), "resource-constraint");
    first.nothing().await;
}

/// RFC 6120 §4.9.3.17; a place that is left is free again.
async fn one_connection_more_than_allowed(s: &Server) {
    let mut first = Stream::plain(s).await;
    first.open().await;
    let mut second = Stream::plain(s).await;
    second.open().await;
    // It is told so before it says anything, behind a header (§4.9.1.2).
    for says in ["", "<?xml version='1.0'?>", "GET / HTTP/1.1\r\n\r\n"] {
        let mut third = Stream::plain(s).await;
        third.send(says).await;
        let Event::Header { declared: true, header } = third.event().await else { panic!("no header") };
        assert_eq!(header.attr("from"), Some("localhost"));
        assert_eq!(third.failed().await, "resource-constraint");
    }
    // Without a handshake that would have to be done for it.
    let mut third = Stream::to(s, s.c2s_tls(), s.domain()).await;
    assert!(third.handshake().await.is_err());
    first.send("</stream:stream>").await;
    first.ended().await;
    loop {
        let mut stream = Stream::plain(s).await;
        stream.header().await;
        stream.opened().await;
        if stream.child().await.is("features", ns::STREAM) {
            return;
        }
    }
}

/// Components count as clients do.
async fn one_connection_more_than_the_server_takes(s: &Server) {
    let mut first = Stream::plain(s).await;
    first.open().await;
    let mut component = Component::connect(s, "c.localhost", "a").await;
    assert_eq!(Stream::plain(s).await.failed().await, "resource-constraint");
    assert_eq!(Stream::component(s).await.failed().await, "resource-constraint");
    component.sync().await;
}

async fn another_host_has_its_own_certificate_and_accounts(s: &Server) {
    let here = s.account();
    let there = Account { jid: format!("{}@example.org", here.user), ..here.clone() };
    let made = s.cli(&["user", "add", &there.jid, "--password", "other"], "");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    // The harness verifies the certificate for the name it connects to.
    let mut stream = Stream::direct_to(s, "example.org").await;
    stream.open().await;
    stream.login(&Account { password: "other".to_owned(), ..there.clone() }).await;
    let jid = stream.bind(Some("there")).await;
    assert_eq!(jid, format!("{}/there", there.jid));
    let mut romeo = Client::over(stream, jid.clone());
    let mut juliet = s.online(&here, "here").await;
    romeo.available(0).await;
    juliet.say(&jid, "across hosts").await;
    assert_eq!(romeo.message().await.from(), Some(juliet.jid()));
}
