//! External components (XEP-0114).

use harness::{Client, Component, Event, Server, StanzaExt, Stream, element, ns, scenes};

scenes! {
    [r#"components={"open.localhost"={secret="s3cret"},"wrong.localhost"={secret="s3cret"},"unknown.localhost"={secret="s3cret"},"conflict.localhost"={secret="s3cret"},"limits.localhost"={secret="s3cret"},"from.localhost"={secret="s3cret"},"message.localhost"={secret="s3cret"},"offline.localhost"={secret="s3cret"},"iq.localhost"={secret="s3cret"},"asks.localhost"={secret="s3cret"},"roster.localhost"={secret="s3cret"},"probe.localhost"={secret="s3cret"},"disco.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"},"slow.localhost"={secret="s3cret"},"blocked.localhost"={secret="s3cret"},"forged.localhost"={secret="s3cret"},"others.localhost"={secret="s3cret"},"stop.localhost"={secret="s3cret"},"directed.localhost"={secret="s3cret"},"typing.localhost"={secret="s3cret"}}"#]:
        a_component_proves_itself,
        a_wrong_handshake_is_not_authorized,
        a_domain_of_nobody_is_unknown,
        the_newest_connection_serves,
        limits_before_and_after_the_handshake,
        who_it_may_speak_for,
        messages_both_ways,
        its_messages_wait_for_who_is_offline,
        requests_both_ways,
        a_component_asks_the_server,
        contacts_at_a_component,
        presence_is_asked_for_and_told,
        disco_names_it,
        one_that_is_not_connected_answers_at_once,
        one_that_does_not_read_is_bounded,
        who_is_blocked_is_not_let_in,
        ids_and_delays_of_ours_are_taken_out,
        components_talk_to_each_other,
        directed_presence_is_told_its_end,
        order_is_kept;
    [r#"components={"c.localhost"={secret="a"}}"#, "limits.failed_logins_per_account=3"]: guesses_are_throttled;
    [r#"components={"c.localhost"={secret="a"}}"#, "archive.policy=always"]: what_one_sends_is_archived;
    [r#"components={"c.localhost"={secret="a"}}"#, "limits.component_outbox_bytes=262144"]: an_outbox_that_is_full;
    [r#"components={"c.localhost"={secret="a"}}"#, "keepalive.idle_seconds=5", "keepalive.answer_seconds=1"]: a_silent_one_is_asked;
    []: nobody_listens_without_one;
}

const SECRET: &str = "s3cret";

async fn connect(s: &Server, name: &str) -> Component {
    Component::connect(s, &format!("{name}.localhost"), SECRET).await
}

/// The condition of the stream error that answers this.
async fn refused(s: &Server, header: &str, then: &str) -> String {
    let mut stream = Stream::component(s).await;
    stream.send(header).await;
    stream.send(then).await;
    stream.failed().await
}

async fn a_component_proves_itself(s: &Server) {
    let mut component = connect(s, "open").await;
    component.sync().await;
    component.send("</stream:stream>").await;
    assert!(matches!(component.stream.event().await, Event::End));
    connect(s, "open").await.sync().await;
}

async fn a_wrong_handshake_is_not_authorized(s: &Server) {
    let domain = "wrong.localhost";
    let mut stream = Stream::component(s).await;
    let id = Component::open(&mut stream, domain).await;
    stream.send(Component::handshake(&id, "S3cret")).await;
    assert_eq!(stream.failed().await, "not-authorized");
    // Of another stream, none, and something else altogether.
    for then in [
        Component::handshake(&id, SECRET),
        "<handshake/>".to_owned(),
        format!("<message from='{domain}' to='a@localhost'/>"),
        "<handshake xmlns='urn:other'>x</handshake>".to_owned(),
    ] {
        assert_eq!(refused(s, &Component::header(domain), &then).await, "not-authorized", "{then}");
    }
}

async fn a_domain_of_nobody_is_unknown(s: &Server) {
    for domain in ["localhost", "nobody.localhost", "", "a@wrong.localhost"] {
        assert_eq!(refused(s, &Component::header(domain), "").await, "host-unknown", "{domain}");
    }
    for content in ["jabber:client", "jabber:server", "jabber:component:connect"] {
        let header = Component::header("unknown.localhost").replace(ns::COMPONENT, content);
        assert_eq!(refused(s, &header, "").await, "invalid-namespace", "{content}");
    }
    let without = format!("<stream:stream xmlns='{}' xmlns:stream='{}'>", ns::COMPONENT, ns::STREAM);
    assert_eq!(refused(s, &without, "").await, "host-unknown");
    // A component's stream is none for clients, and the other way round.
    let mut stream = Stream::plain(s).await;
    stream.send(Component::header("unknown.localhost")).await;
    assert_eq!(stream.failed().await, "invalid-namespace");
}

async fn the_newest_connection_serves(s: &Server) {
    let mut user = s.user().await;
    let mut older = connect(s, "conflict").await;
    let mut newer = connect(s, "conflict").await;
    assert_eq!(older.failed().await, "conflict");
    user.say("x@conflict.localhost", "to the newer").await;
    assert_eq!(newer.next().await.body().as_deref(), Some("to the newer"));
    // Only who knows the secret takes it over.
    let then = "<handshake>0000</handshake>";
    assert_eq!(refused(s, &Component::header("conflict.localhost"), then).await, "not-authorized");
    newer.sync().await;
}

async fn limits_before_and_after_the_handshake(s: &Server) {
    let large = format!("<handshake>{}</handshake>", "x".repeat(20_000));
    assert_eq!(refused(s, &Component::header("limits.localhost"), &large).await, "policy-violation");
    let mut component = connect(s, "limits").await;
    let mut user = s.user().await;
    let text = "x".repeat(20_000);
    let message = |text: &str| {
        format!("<message from='limits.localhost' to='{}'><body>{text}</body></message>", user.jid())
    };
    let (fits, large) = (message(&text), message(&"x".repeat(300_000)));
    component.send(fits).await;
    assert_eq!(user.message().await.body(), Some(text));
    component.send(large).await;
    assert_eq!(component.failed().await, "policy-violation");
}

async fn who_it_may_speak_for(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "from").await;
    for from in ["from.localhost", "a@from.localhost", "a@from.localhost/b", "A@From.LocalHost/b"] {
        component.send(format!("<message from='{from}' to='{}'><body>x</body></message>", user.jid())).await;
        let got = user.message().await;
        assert!(got.from().is_some_and(|it| it.contains("from.localhost")), "{}", got.show());
    }
    let to = user.jid().to_owned();
    let cases = [
        (format!("<message from='{to}' to='{to}'/>"), "invalid-from"),
        (format!("<message from='localhost' to='{to}'/>"), "invalid-from"),
        (format!("<message from='a@sub.from.localhost' to='{to}'/>"), "invalid-from"),
        (format!("<message from='@' to='{to}'/>"), "invalid-from"),
        (format!("<message to='{to}'/>"), "invalid-from"),
        ("<message from='from.localhost'/>".to_owned(), "improper-addressing"),
        ("<other from='from.localhost' to='localhost'/>".to_owned(), "unsupported-stanza-type"),
        (
            "<message xmlns='urn:x' from='from.localhost' to='localhost'/>".to_owned(),
            "unsupported-stanza-type",
        ),
        ("<a></b>".to_owned(), "not-well-formed"),
    ];
    for (stanza, condition) in cases {
        component.send(&stanza).await;
        assert_eq!(component.failed().await, condition, "{stanza}");
        component = connect(s, "from").await;
    }
    // What is wrong with one stanza only is answered.
    component.send("<iq from='from.localhost' to='@@' type='get' id='1'><x xmlns='urn:x'/></iq>").await;
    assert_eq!(component.next().await.condition(), "jid-malformed");
    component.send("<iq from='from.localhost' to='localhost' type='get' id='2'/>").await;
    assert_eq!(component.next().await.condition(), "bad-request");
    user.nothing().await;
}

async fn messages_both_ways(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "message").await;
    for to in ["message.localhost", "juliet@message.localhost", "juliet@message.localhost/x"] {
        user.say(to, "hello").await;
        let got = component.next().await;
        assert_eq!((got.to(), got.from(), got.kind()), (Some(to), Some(user.jid()), Some("chat")));
        assert_eq!(got.body().as_deref(), Some("hello"));
    }
    for to in [user.bare().to_owned(), user.jid().to_owned()] {
        component
            .send(format!(
                "<message from='juliet@message.localhost/x' to='{to}' type='chat' id='m'><body>hi</body>\
                 <x xmlns='urn:example:x'><y/></x></message>"
            ))
            .await;
        let got = user.message().await;
        assert_eq!((got.from(), got.id()), (Some("juliet@message.localhost/x"), Some("m")));
        assert_eq!(got.body().as_deref(), Some("hi"));
        got.must("x", "urn:example:x").must("y", "urn:example:x");
    }
    // Nobody there.
    for (to, kind) in [("nobody@localhost", "chat"), ("localhost", "chat"), ("nobody@localhost", "groupchat")]
    {
        component
            .send(format!(
                "<message from='message.localhost' to='{to}' type='{kind}' id='n'><body>x</body></message>"
            ))
            .await;
        assert_eq!(component.next().await.condition(), "service-unavailable", "{to} {kind}");
    }
    component
        .send("<message from='message.localhost' to='far.example' id='f'><body>x</body></message>")
        .await;
    assert_eq!(component.next().await.condition(), "remote-server-not-found");
    // To a full JID that is not there: a room has to learn that.
    let to = format!("{}/gone", user.bare());
    component
        .send(format!(
            "<message from='r@message.localhost/n' to='{to}' type='groupchat'><body>x</body></message>"
        ))
        .await;
    assert_eq!(component.next().await.condition(), "service-unavailable");
    // Typing notices are no news to who is not there.
    let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
    component
        .send(format!("<message from='message.localhost' to='{to}' type='normal'>{state}</message>"))
        .await;
    component.nothing().await;
}

async fn its_messages_wait_for_who_is_offline(s: &Server) {
    let account = s.account();
    let mut component = connect(s, "offline").await;
    for n in 0..3 {
        component
            .send(format!(
                "<message from='offline.localhost' to='{}' type='chat'><body>{n}</body></message>",
                account.jid
            ))
            .await;
    }
    component.nothing().await;
    let mut user = s.login(&account, "one").await;
    user.available(0).await;
    for n in 0..3 {
        let got = user.find(|it| it.name() == "message").await;
        assert_eq!(got.body(), Some(n.to_string()));
        got.must("delay", ns::DELAY);
    }
}

async fn requests_both_ways(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "iq").await;
    let id = user.ask("get", Some("a@iq.localhost"), "<query xmlns='urn:example:q'/>").await;
    let request = component.next().await;
    assert_eq!((request.id(), request.from()), (Some(&*id), Some(user.jid())));
    component
        .send(format!(
            "<iq type='result' id='{id}' from='a@iq.localhost' to='{}'><r xmlns='urn:example:q'/></iq>",
            user.jid()
        ))
        .await;
    let result = user.iq().await;
    assert_eq!(
        (result.kind(), result.id(), result.from()),
        (Some("result"), Some(&*id), Some("a@iq.localhost"))
    );
    // The other way round.
    component
        .send(format!(
            "<iq type='get' id='k' from='iq.localhost' to='{}'><query xmlns='urn:example:q'/></iq>",
            user.jid()
        ))
        .await;
    let request = user.iq().await;
    assert_eq!(request.id(), Some("k"));
    user.send("<iq type='result' id='k' to='iq.localhost'/>").await;
    let result = component.next().await;
    assert_eq!((result.kind(), result.from()), (Some("result"), Some(user.jid())));
    // Nobody there to answer.
    let gone =
        component.request("get", &format!("{}/gone", user.bare()), "<query xmlns='urn:example:q'/>").await;
    assert_eq!(gone.condition(), "service-unavailable");
    // Answers to nothing are dropped.
    component.send("<iq type='result' id='z' from='iq.localhost' to='localhost'/>").await;
    component
        .send(format!(
            "<iq type='error' id='z' from='iq.localhost' to='{}'><error type='cancel'/></iq>",
            user.bare()
        ))
        .await;
    component.nothing().await;
    user.nothing().await;
}

async fn a_component_asks_the_server(s: &Server) {
    let user = s.user().await;
    let mut component = connect(s, "asks").await;
    let info = component.request("get", s.domain(), &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    info.must("query", ns::DISCO_INFO).must("identity", ns::DISCO_INFO);
    let version = component.request("get", s.domain(), "<query xmlns='jabber:iq:version'/>").await;
    assert_eq!(version.kind(), Some("result"));
    // What only the own clients of an account may.
    let cases = [
        (s.domain().to_owned(), "get", format!("<query xmlns='{}'/>", ns::REGISTER), "not-allowed"),
        (
            s.domain().to_owned(),
            "set",
            format!("<query xmlns='{}'><remove/></query>", ns::REGISTER),
            "not-allowed",
        ),
        (user.bare().to_owned(), "set", format!("<query xmlns='{}'/>", ns::ROSTER), "service-unavailable"),
        (user.bare().to_owned(), "get", format!("<query xmlns='{}'/>", ns::ROSTER), "service-unavailable"),
        (user.bare().to_owned(), "get", format!("<query xmlns='{}'/>", ns::PRIVATE), "forbidden"),
        (
            user.bare().to_owned(),
            "get",
            format!("<query xmlns='{}'/>", ns::DISCO_INFO),
            "service-unavailable",
        ),
        (
            user.bare().to_owned(),
            "get",
            format!("<blocklist xmlns='{}'/>", ns::BLOCKING),
            "service-unavailable",
        ),
        (s.domain().to_owned(), "get", "<query xmlns='urn:nothing'/>".to_owned(), "service-unavailable"),
        (
            "nobody@localhost".to_owned(),
            "get",
            "<query xmlns='urn:nothing'/>".to_owned(),
            "service-unavailable",
        ),
    ];
    for (to, kind, payload, condition) in cases {
        assert_eq!(
            component.request(kind, &to, &payload).await.condition(),
            condition,
            "{to} {kind} {payload}"
        );
    }
}

/// A contact at a component, with subscriptions both ways.
async fn befriend(user: &mut Client, component: &mut Component, contact: &str) {
    user.send(format!("<presence to='{contact}' type='subscribe'/>")).await;
    let asked = component.find(|it| it.kind() == Some("subscribe")).await;
    assert_eq!((asked.from(), asked.to()), (Some(user.bare()), Some(contact)));
    let me = user.bare().to_owned();
    component.send(format!("<presence from='{contact}' to='{me}' type='subscribed'/>")).await;
    user.find(|it| it.kind() == Some("subscribed")).await;
    component.send(format!("<presence from='{contact}' to='{me}' type='subscribe'/>")).await;
    user.find(|it| it.kind() == Some("subscribe")).await;
    user.send(format!("<presence to='{contact}' type='subscribed'/>")).await;
    component.find(|it| it.kind() == Some("subscribed")).await;
    // Who may see it now does (RFC 6121 §3.1.5).
    let shown = component.find(|it| it.name() == "presence" && it.kind().is_none()).await;
    assert_eq!((shown.from(), shown.to()), (Some(user.jid()), Some(contact)));
    user.drain().await;
}

async fn contacts_at_a_component(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "roster").await;
    let contact = "romeo@roster.localhost";
    befriend(&mut user, &mut component, contact).await;
    let roster = user.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    let item = roster.must("query", ns::ROSTER).must("item", ns::ROSTER);
    assert_eq!((item.attr("jid"), item.attr("subscription")), (Some(contact), Some("both")));
    // Presence both ways.
    user.send("<presence><show>dnd</show></presence>").await;
    let shown = component.next().await;
    assert_eq!(
        (shown.to(), shown.child("show", ns::CLIENT).map(|it| it.text())),
        (Some(contact), Some("dnd".into()))
    );
    component.send(format!("<presence from='{contact}/r' to='{}'/>", user.bare())).await;
    user.find(|it| it.from() == Some("romeo@roster.localhost/r")).await;
    // Parting.
    let remove =
        format!("<query xmlns='{}'><item jid='{contact}' subscription='remove'/></query>", ns::ROSTER);
    assert_eq!(user.request("set", None, &remove).await.kind(), Some("result"));
    for kind in ["unsubscribe", "unavailable", "unsubscribed"] {
        let told = component.next().await;
        assert_eq!((told.kind(), told.to()), (Some(kind), Some(contact)), "{}", told.show());
    }
}

async fn presence_is_asked_for_and_told(s: &Server) {
    let account = s.account();
    let mut user = s.online(&account, "one").await;
    let mut component = connect(s, "probe").await;
    let contact = "romeo@probe.localhost";
    befriend(&mut user, &mut component, contact).await;
    let me = user.bare().to_owned();
    // RFC 6121 §4.3.2.
    component.send(format!("<presence from='{contact}' to='{me}' type='probe'/>")).await;
    assert_eq!(component.next().await.from(), Some(user.jid()));
    component.send(format!("<presence from='stranger@probe.localhost' to='{me}' type='probe'/>")).await;
    assert_eq!(component.next().await.kind(), Some("unsubscribed"));
    user.send("<presence type='unavailable'/>").await;
    assert_eq!(component.next().await.kind(), Some("unavailable"));
    component.send(format!("<presence from='{contact}' to='{me}' type='probe'/>")).await;
    assert_eq!(component.next().await.kind(), Some("unavailable"));
    component.send("<presence from='probe.localhost' to='nobody@localhost' type='probe'/>").await;
    component.nothing().await;
    // RFC 6121 §4.3.1: whoever comes asks.
    user.send("<presence/>").await;
    assert_eq!(component.next().await.kind(), None);
    let probe = component.find(|it| it.kind() == Some("probe")).await;
    assert_eq!((probe.from(), probe.to()), (Some(user.jid()), Some(contact)));
    user.close().await;
    component.find(|it| it.kind() == Some("unavailable")).await;
    // Whom one blocks is not asked.
    let mut user = s.login(&account, "one").await;
    let block = format!("<block xmlns='{}'><item jid='{contact}'/></block>", ns::BLOCKING);
    assert_eq!(user.request("set", None, &block).await.kind(), Some("result"));
    user.available(0).await;
    user.sync().await;
    component.nothing().await;
}

async fn disco_names_it(s: &Server) {
    let mut user = s.user().await;
    let items = user.get(s.domain(), &format!("<query xmlns='{}'/>", ns::DISCO_ITEMS)).await;
    let query = items.must("query", ns::DISCO_ITEMS);
    assert!(query.children().any(|item| item.attr("jid") == Some("disco.localhost")), "{}", query.show());
    let mut component = connect(s, "disco").await;
    let id = user.ask("get", Some("disco.localhost"), &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let asked = component.next().await;
    assert_eq!(asked.id(), Some(&*id));
    asked.must("query", ns::DISCO_INFO);
}

async fn one_that_is_not_connected_answers_at_once(s: &Server) {
    let mut user = s.user().await;
    let to = "a@gone.localhost";
    let timeout = ("wait".to_owned(), "remote-server-timeout".to_owned());
    assert_eq!(user.get(to, "<query xmlns='urn:example:q'/>").await.error(), timeout);
    user.say(to, "x").await;
    assert_eq!(user.message().await.error(), timeout);
    user.send(format!("<presence to='{to}/nick'/>")).await;
    assert_eq!(user.presence().await.error(), timeout);
    user.send(format!("<presence to='{to}' type='subscribe'/>")).await;
    assert_eq!(user.find(|it| it.kind() == Some("error")).await.error(), timeout);
    // Neither of these expects an answer.
    user.drain().await;
    user.send(format!("<presence to='{to}/nick' type='unavailable'/>")).await;
    user.send(format!("<iq to='{to}' type='result' id='1'/>")).await;
    user.nothing().await;
    // What it had not read when it went is answered too.
    let mut component = connect(s, "gone").await;
    component.sync().await;
    drop(component);
    assert_eq!(user.get(to, "<query xmlns='urn:example:q'/>").await.condition(), "remote-server-timeout");
}

async fn one_that_does_not_read_is_bounded(s: &Server) {
    let mut user = s.user().await;
    let _component = connect(s, "slow").await;
    let payload = format!("<query xmlns='urn:example:q'>{}</query>", "x".repeat(200_000));
    // 16 MiB wait for it, and some more are with its socket.
    let mut refused = 0;
    for n in 0..200 {
        user.send_raw(format!("<iq type='set' id='n{n}' to='slow.localhost'>{payload}</iq>")).await;
    }
    for stanza in user.drain().await {
        assert_eq!(stanza.condition(), "resource-constraint");
        refused += 1;
    }
    assert!((50..150).contains(&refused), "{refused}");
}

async fn who_is_blocked_is_not_let_in(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "blocked").await;
    let block = format!("<block xmlns='{}'><item jid='blocked.localhost'/></block>", ns::BLOCKING);
    assert_eq!(user.request("set", None, &block).await.kind(), Some("result"));
    let to = user.jid().to_owned();
    component
        .send(format!("<message from='a@blocked.localhost' to='{to}' type='chat'><body>x</body></message>"))
        .await;
    assert_eq!(component.next().await.condition(), "service-unavailable");
    component.send(format!("<presence from='a@blocked.localhost' to='{to}'/>")).await;
    let answer = component.request("get", &to, "<query xmlns='urn:example:q'/>").await;
    assert_eq!(answer.condition(), "service-unavailable");
    user.nothing().await;
    user.say("a@blocked.localhost", "x").await;
    assert_eq!(user.message().await.condition(), "not-acceptable");
    component.nothing().await;
}

async fn ids_and_delays_of_ours_are_taken_out(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "forged").await;
    let (to, bare) = (user.jid().to_owned(), user.bare().to_owned());
    component
        .send(format!(
            "<message from='forged.localhost' to='{to}' type='chat'><body>x</body>\
             <stanza-id xmlns='{sid}' by='{bare}' id='forged'/><stanza-id xmlns='{sid}' by='forged.localhost' id='own'/>\
             <delay xmlns='{delay}' from='localhost' stamp='2002-09-10T23:08:25Z'/>\
             <delay xmlns='{delay}' from='forged.localhost' stamp='2002-09-10T23:08:25Z'/></message>",
            sid = ns::STANZA_ID,
            delay = ns::DELAY
        ))
        .await;
    let got = user.message().await;
    assert_eq!(got.must("stanza-id", ns::STANZA_ID).attr("by"), Some("forged.localhost"));
    assert_eq!(got.must("delay", ns::DELAY).attr("from"), Some("forged.localhost"));
    assert_eq!(got.children().count(), 3, "{}", got.show());
}

async fn components_talk_to_each_other(s: &Server) {
    let mut one = connect(s, "others").await;
    let id = "<iq from='others.localhost' to='stop.localhost' type='get' id='1'><query xmlns='urn:q'/></iq>";
    one.send(id).await;
    assert_eq!(one.next().await.condition(), "remote-server-timeout");
    let mut two = connect(s, "stop").await;
    one.send(id).await;
    let got = two.next().await;
    assert_eq!((got.from(), got.id()), (Some("others.localhost"), Some("1")));
    two.send("<iq to='others.localhost' from='stop.localhost' type='result' id='1'/>").await;
    assert_eq!(one.next().await.kind(), Some("result"));
    // To itself.
    one.send("<message from='others.localhost' to='a@others.localhost'><body>me</body></message>").await;
    assert_eq!(one.next().await.body().as_deref(), Some("me"));
}

/// RFC 6121 §4.6.3.
async fn directed_presence_is_told_its_end(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "directed").await;
    let room = "room@directed.localhost/nick";
    user.send(format!("<presence to='{room}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")).await;
    let joined = component.next().await;
    assert_eq!((joined.to(), joined.from()), (Some(room), Some(user.jid())));
    component.send(format!("<presence from='{room}' to='{}'/>", user.jid())).await;
    user.presence().await;
    user.close().await;
    let left = component.next().await;
    assert_eq!((left.to(), left.kind()), (Some(room), Some("unavailable")));
}

async fn order_is_kept(s: &Server) {
    let mut user = s.user().await;
    let mut component = connect(s, "typing").await;
    for n in 0..200 {
        user.send(format!(
            "<message to='a@typing.localhost' id='{n}'/><presence to='a@typing.localhost' id='{n}'/>"
        ))
        .await;
    }
    let mut back = String::new();
    for n in 0..200 {
        for name in ["message", "presence"] {
            let got = component.next().await;
            assert_eq!((got.name(), got.id()), (name, Some(&*n.to_string())));
        }
        back += &format!(
            "<message from='a@typing.localhost' to='{}' id='{n}'><body>x</body></message>",
            user.jid()
        );
    }
    component.send(back).await;
    for n in 0..200 {
        assert_eq!(user.message().await.id(), Some(&*n.to_string()));
    }
}

async fn guesses_are_throttled(s: &Server) {
    let header = Component::header("c.localhost");
    for _ in 0..3 {
        assert_eq!(refused(s, &header, "<handshake>x</handshake>").await, "not-authorized");
    }
    assert_eq!(refused(s, &header, "<handshake>x</handshake>").await, "policy-violation");
}

async fn what_one_sends_is_archived(s: &Server) {
    let mut user = s.user().await;
    let mut component = Component::connect(s, "c.localhost", "a").await;
    component
        .send(format!(
            "<message from='c.localhost' to='{}' type='chat'><body>x</body></message>",
            user.bare()
        ))
        .await;
    let got = user.message().await;
    assert_eq!(got.must("stanza-id", ns::STANZA_ID).attr("by"), Some(user.bare()));
    user.say("c.localhost", "y").await;
    assert_eq!(component.next().await.body().as_deref(), Some("y"));
}

/// Requests are refused, presence closes the stream: nobody would take its error for what it is.
async fn an_outbox_that_is_full(s: &Server) {
    let mut user = s.user().await;
    let mut component = Component::connect(s, "c.localhost", "a").await;
    let text = "x".repeat(200_000);
    for _ in 0..80 {
        user.send(format!("<presence to='a@c.localhost'><status>{text}</status></presence>")).await;
    }
    user.sync().await;
    // It may have been given up before it read why.
    while !matches!(component.stream.event().await, Event::Eof) {}
    assert!(s.log().contains("policy-violation"));
}

async fn a_silent_one_is_asked(s: &Server) {
    let mut component = Component::connect(s, "c.localhost", "a").await;
    let ping = component.next().await;
    ping.must("ping", ns::PING);
    let (id, from) = (ping.id().unwrap_or_default(), ping.from().unwrap_or_default());
    component.send(format!("<iq type='result' id='{id}' from='c.localhost' to='{from}'/>")).await;
    component.next().await.must("ping", ns::PING);
    assert_eq!(component.failed().await, "connection-timeout");
}

async fn nobody_listens_without_one(s: &Server) {
    let mut user = s.user().await;
    let items = user.get(s.domain(), &format!("<query xmlns='{}'/>", ns::DISCO_ITEMS)).await;
    assert_eq!(
        items.must("query", ns::DISCO_ITEMS),
        &element(&format!("<query xmlns='{}'/>", ns::DISCO_ITEMS))
    );
    assert!(!s.log().contains("listen.components"));
}
