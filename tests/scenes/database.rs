//! A database that is slow, broken, or another program's.

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Binding, Event, Hash, Login, Scram, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    ["limits.uncommitted_messages=10"]: who_sends_too_much_uncommitted_is_not_read;
    []: what_cannot_be_stored_is_not_acknowledged,
        a_failed_login_needs_the_database_alike_for_known_and_unknown,
        without_the_database_nothing_is_half_done,
        a_newer_schema_is_refused_in_words,
        a_stop_ends_whatever_the_database_does;
}

/// The oldest ten are not stored: so long what comes behind them is left where it is, and others are served.
async fn who_sends_too_much_uncommitted_is_not_read(s: &Server) {
    let away = s.account();
    let (mut romeo, mut juliet) = s.pair().await;
    let held = s.hold_log().await;
    for n in 0..9 {
        romeo.say(&away.jid, &n.to_string()).await;
    }
    // Nine may wait: romeo is heard.
    romeo.nothing().await;
    let more: String = (9..30)
        .map(|n| format!("<message to='{}' type='chat'><body>{n}</body></message>", away.jid))
        .collect();
    let behind = format!("<message to='{}' type='headline' id='behind'/>", juliet.jid());
    romeo.send(format!("{more}{behind}")).await;
    for _ in 0..10 {
        juliet.nothing().await;
    }
    held.release().await;
    assert_eq!(juliet.message().await.id(), Some("behind"));
    romeo.nothing().await;
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert_eq!(late.bodies().await, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Tried again for ten seconds, then the stream ends; sent again when the database is back, it is a new message. To whom
/// the server cannot even look at nothing is accepted.
async fn what_cannot_be_stored_is_not_acknowledged(s: &Server) {
    let own = s.fresh(&[]);
    let (account, away) = (own.account(), own.account());
    let mut juliet = own.login(&away, "one").await;
    let to = |jid: &str| {
        let origin = "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>";
        format!("<message to='{jid}' type='chat' id='m1'><body>hello</body>{origin}</message>")
    };
    let message = to(&away.jid);
    let mut stream = Login::default().stream(&own, &account).await;
    stream.bind(Some("one")).await;
    stream.send(format!("<enable xmlns='{}'/>", ns::SM)).await;
    assert!(stream.child().await.is("enabled", ns::SM));
    own.sql("ALTER TABLE log RENAME TO elsewhere").await;
    stream.send(to(&own.account().jid)).await;
    assert_eq!(stream.child().await.condition(), "internal-server-error");
    stream.send(format!("{message}<r xmlns='{}'/>", ns::SM)).await;
    loop {
        match stream.event().await {
            Event::Child(a) if a.is("a", ns::SM) => assert_eq!(a.attr("h"), Some("1")),
            Event::Child(r) if r.is("r", ns::SM) => {}
            Event::Child(error) if error.is("error", ns::STREAM) => {
                error.must("internal-server-error", ns::STREAMS);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    own.sql("ALTER TABLE elsewhere RENAME TO log").await;

    let mut romeo = own.login(&account, "one").await;
    romeo.enable().await;
    romeo.send(message).await;
    romeo.acknowledged().await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["hello"]);
}

/// The first answer of the server to a login, and with a wrong proof the last.
async fn first(s: &Server, user: &str) -> (Stream, Scram, minidom::Element) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = Scram::new(Hash::Sha256, user, "wrong", "", &Binding::No);
    let data = STANDARD.encode(scram.first());
    stream.send(format!("<auth xmlns='{}' mechanism='SCRAM-SHA-256'>{data}</auth>", ns::SASL)).await;
    let answer = stream.child().await;
    (stream, scram, answer)
}

/// Who measures how long an answer takes learns nothing: the database is asked once before the challenge, and after it
/// no more.
async fn a_failed_login_needs_the_database_alike_for_known_and_unknown(s: &Server) {
    let own = s.fresh(&[]);
    let known = own.account();
    for user in [known.user.as_str(), "nobody-of-that-name"] {
        let (mut stream, mut scram, challenge) = first(&own, user).await;
        assert!(challenge.is("challenge", ns::SASL), "{user}: {}", challenge.show());
        own.sql("ALTER TABLE accounts RENAME TO elsewhere").await;

        let challenge = STANDARD.decode(challenge.text()).expect("base64");
        let last = STANDARD.encode(scram.last(&String::from_utf8(challenge).expect("UTF-8")));
        stream.send(format!("<response xmlns='{}'>{last}</response>", ns::SASL)).await;
        stream.child().await.must("not-authorized", ns::SASL);

        // Fails closed, and says that it is not the client's fault.
        first(&own, user).await.2.must("temporary-auth-failure", ns::SASL);
        let outcome = stream.plain_auth("", user, "wrong").await;
        assert_eq!(outcome.err().as_deref(), Some("temporary-auth-failure"), "{user}");
        own.sql("ALTER TABLE elsewhere RENAME TO accounts").await;
    }
    own.login(&known, "one").await.nothing().await;
}

/// Neither in band nor by the operator.
async fn without_the_database_nothing_is_half_done(s: &Server) {
    let own = s.fresh(&["registration=open"]);
    own.sql("ALTER TABLE accounts RENAME TO elsewhere").await;
    let mut stream = Stream::direct(&own).await;
    stream.open().await;
    let fields = "<username>juliet</username><password>secret</password>";
    let query = format!("<query xmlns='{}'>{fields}</query>", ns::REGISTER);
    stream.send(format!("<iq type='set' id='r' to='localhost'>{query}</iq>")).await;
    assert_eq!(stream.child().await.condition(), "internal-server-error");
    own.fails(&["user", "add", "juliet@localhost", "--password", "secret"], "");
    own.sql("ALTER TABLE elsewhere RENAME TO accounts").await;
    assert!(!own.succeeds(&["user", "list"], "").contains("juliet"));
    // And on the same stream it goes on.
    stream.send(format!("<iq type='set' id='r' to='localhost'>{query}</iq>")).await;
    assert_eq!(stream.child().await.kind(), Some("result"));
}

/// By the server and by every command, before anything is changed.
async fn a_newer_schema_is_refused_in_words(s: &Server) {
    let own = s.fresh(&[]);
    own.terminate();
    assert!(own.stopped().success());
    own.sql("INSERT INTO schema_version (number, name) VALUES (9999, '9999_later')").await;
    for command in [&["serve"][..], &["user", "list"], &["user", "add", "a@localhost", "--password", "x"]] {
        let done = own.cli(command, "");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success(), "{command:?}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("waxwing: ") && last.contains("newer Waxwing (schema 9999"), "{said}");
    }
    own.sql("DELETE FROM schema_version WHERE number = 9999").await;
    own.resume();
    own.user().await.nothing().await;
}

/// In its time, and without saying that anything was stored.
async fn a_stop_ends_whatever_the_database_does(s: &Server) {
    let own = s.fresh(&[]);
    let (account, away) = (own.account(), own.account());
    let mut romeo = own.login(&account, "one").await;
    romeo.enable().await;
    let held = own.hold_log().await;
    romeo.say(&away.jid, "hello").await;
    romeo.sync().await;
    own.terminate();
    assert_eq!(romeo.failed().await, "system-shutdown");
    assert_eq!(romeo.sm().acked, 0);
    assert!(own.stopped().success());
    held.release().await;
    own.resume();
    let mut romeo = own.login(&account, "one").await;
    romeo.enable().await;
    romeo.say(&away.jid, "hello").await;
    romeo.acknowledged().await;
    let mut juliet = own.login(&away, "one").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["hello"]);
}
