//! IQs (RFC 6120 §8.2.3, RFC 6121 §8.5) and the small services: ping, version, time.

use harness::{Server, StanzaExt, ns, scenes};

scenes! {
    []: the_server_is_pinged,
        the_server_tells_its_version_and_time,
        a_request_to_a_session_and_its_answer,
        a_request_to_nobody_is_answered_like_one_to_a_stranger,
        an_unknown_request_is_answered,
        what_negotiation_asks_for_is_not_taken_from_others,
        requests_that_make_no_sense,
        answers_to_nothing_are_dropped,
        the_id_comes_back_as_it_was,
        requests_take_effect_in_order;
    ["limits.stanza=65536", "limits.outbox_bytes=65536"]: many_requests_at_once_are_all_answered,
}

const PING: &str = "<ping xmlns='urn:xmpp:ping'/>";
const VERSION: &str = "<query xmlns='jabber:iq:version'/>";

/// Answers that wait are bounded, but who reads them may ask for many in one packet.
async fn many_requests_at_once_are_all_answered(s: &Server) {
    let mut romeo = s.user().await;
    let ping = |n: usize| format!("<iq type='get' id='{n}' to='localhost'>{PING}</iq>");
    romeo.send_raw((0..200).map(ping).collect::<String>()).await;
    for n in 0..200 {
        let answer = romeo.iq().await;
        assert_eq!((answer.id(), answer.kind()), (Some(&*n.to_string()), Some("result")));
    }
}

/// The server answers `<session/>` for itself and for the account, never in another's name.
async fn what_negotiation_asks_for_is_not_taken_from_others(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    const SESSION: &str = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";
    assert_eq!(romeo.request("set", None, SESSION).await.kind(), Some("result"));
    assert_eq!(romeo.set("localhost", SESSION).await.kind(), Some("result"));
    let to = juliet.jid().to_owned();
    let id = romeo.ask("set", Some(&to), SESSION).await;
    let asked = juliet.iq().await;
    assert_eq!((asked.id(), asked.from()), (Some(&*id), Some(romeo.jid())));
    romeo.nothing().await;
    let answer = romeo.set(juliet.bare(), SESSION).await;
    assert_eq!(answer.condition(), "service-unavailable");
}

async fn the_server_is_pinged(s: &Server) {
    let mut romeo = s.user().await;
    let answer = romeo.get("localhost", PING).await;
    assert_eq!((answer.kind(), answer.from()), (Some("result"), Some("localhost")));
    assert_eq!(answer.children().count(), 0);
    // RFC 6120 §8.1.1.1: without `to`, it is the account that is asked.
    assert_eq!(romeo.request("get", None, PING).await.kind(), Some("result"));
}

/// XEP-0092, XEP-0202.
async fn the_server_tells_its_version_and_time(s: &Server) {
    let mut romeo = s.user().await;
    let version = romeo.get("localhost", VERSION).await;
    let query = version.must("query", "jabber:iq:version");
    assert!(query.must("name", "jabber:iq:version").text().to_lowercase().contains("waxwing"));
    assert!(!query.must("version", "jabber:iq:version").text().is_empty());

    let time = romeo.get("localhost", "<time xmlns='urn:xmpp:time'/>").await;
    let time = time.must("time", "urn:xmpp:time");
    assert!(time.must("utc", "urn:xmpp:time").text().ends_with('Z'));
    assert!(!time.must("tzo", "urn:xmpp:time").text().is_empty());
}

async fn a_request_to_a_session_and_its_answer(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    for kind in ["result", "error"] {
        let id = romeo.ask("get", Some(&to), VERSION).await;
        let request = juliet.iq().await;
        assert_eq!((request.from(), request.to()), (Some(romeo.jid()), Some(&*to)));
        assert_eq!((request.id(), request.kind()), (Some(&*id), Some("get")));
        request.must("query", "jabber:iq:version");
        let error = match kind {
            "error" => format!("<error type='cancel'><not-allowed xmlns='{}'/></error>", ns::STANZAS),
            _ => String::new(),
        };
        juliet.send(format!("<iq to='{}' type='{kind}' id='{id}'>{error}</iq>", romeo.jid())).await;
        let answer = romeo.iq().await;
        assert_eq!((answer.from(), answer.id(), answer.kind()), (Some(&*to), Some(&*id), Some(kind)));
    }
    // A session that never sent presence is reached too (RFC 6121 §8.5.3.1).
    let account = s.account();
    let mut silent = s.login(&account, "silent").await;
    romeo.ask("get", Some(silent.jid()), VERSION).await;
    silent.iq().await;
}

/// RFC 6121 §8.5.1, §8.5.2, §8.5.3.2.3: who has an account cannot be found out.
async fn a_request_to_nobody_is_answered_like_one_to_a_stranger(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (away, here) = (s.account().jid, juliet.bare().to_owned());
    for payload in [PING, VERSION, "<x xmlns='urn:example:unknown'/>", "<time xmlns='urn:xmpp:time'/>"] {
        for bare in ["nobody@localhost", &away, &here] {
            for to in [bare.to_owned(), format!("{bare}/nowhere")] {
                for kind in ["get", "set"] {
                    let answer = romeo.request(kind, Some(&to), payload).await;
                    assert_eq!(
                        answer.error(),
                        ("cancel".into(), "service-unavailable".into()),
                        "{to} {payload}"
                    );
                    assert_eq!(answer.from(), Some(&*to));
                }
            }
        }
    }
    juliet.nothing().await;
    // The server has no resources.
    assert_eq!(romeo.get("localhost/x", PING).await.error(), ("cancel".into(), "service-unavailable".into()));
}

/// Nothing is answered with silence.
async fn an_unknown_request_is_answered(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in [Some("localhost"), Some(&*me), None] {
        for kind in ["get", "set"] {
            let answer = romeo.request(kind, to, "<x xmlns='urn:example:unknown'/>").await;
            let condition = answer.condition();
            assert!(matches!(&*condition, "service-unavailable" | "feature-not-implemented"), "{condition}");
        }
    }
}

/// RFC 6120 §8.2.3: one payload in a request, a known type, an id.
async fn requests_that_make_no_sense(s: &Server) {
    let mut romeo = s.user().await;
    for stanza in [
        "<iq to='localhost' type='get' id='a'/>".to_owned(),
        format!("<iq to='localhost' type='get' id='b'>{PING}{PING}</iq>"),
        format!("<iq to='localhost' type='fetch' id='c'>{PING}</iq>"),
        format!("<iq to='localhost' id='d'>{PING}</iq>"),
    ] {
        romeo.send(&stanza).await;
        let answer = romeo.iq().await;
        assert_eq!(answer.error(), ("modify".into(), "bad-request".into()), "{stanza}");
    }
    romeo.send(format!("<iq to='localhost' type='get'>{PING}</iq>")).await;
    assert_eq!(romeo.iq().await.condition(), "bad-request");
    romeo.nothing().await;
}

async fn answers_to_nothing_are_dropped(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for to in ["localhost", "nobody@localhost", "nobody@localhost/x", juliet.bare()] {
        for kind in ["result", "error"] {
            romeo.send(format!("<iq to='{to}' type='{kind}' id='x'/>")).await;
        }
    }
    romeo.nothing().await;
    juliet.nothing().await;
}

async fn the_id_comes_back_as_it_was(s: &Server) {
    let mut romeo = s.user().await;
    for (written, id) in
        [("&lt;&apos;&quot;&amp;", "<'\"&"), ("\u{1F339}", "\u{1F339}"), (" a  b ", " a  b ")]
    {
        romeo.send(format!("<iq to='localhost' type='get' id='{written}'>{PING}</iq>")).await;
        assert_eq!(romeo.iq().await.id(), Some(id));
    }
}

/// RFC 6120 §10.1.
async fn requests_take_effect_in_order(s: &Server) {
    let mut romeo = s.user().await;
    let item =
        |n: u32| format!("<query xmlns='{}'><item jid='nurse@localhost' name='{n}'/></query>", ns::ROSTER);
    let sets: String = (0..50).map(|n| format!("<iq type='set' id='s{n}'>{}</iq>", item(n))).collect();
    let get = format!("<iq type='get' id='g'><query xmlns='{}'/></iq>", ns::ROSTER);
    romeo.send(format!("{sets}{get}")).await;
    let answers: Vec<_> = romeo.drain().await.into_iter().filter(|it| it.kind() == Some("result")).collect();
    let ids: Vec<String> = answers.iter().map(|it| it.id().expect("an id").to_owned()).collect();
    let expected: Vec<String> = (0..50).map(|n| format!("s{n}")).chain(["g".to_owned()]).collect();
    assert_eq!(ids, expected);
    let items: Vec<_> = answers[50].must("query", ns::ROSTER).children().collect();
    assert_eq!(items[0].attr("name"), Some("49"));
}
