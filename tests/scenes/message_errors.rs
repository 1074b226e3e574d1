//! What a message is answered with that does not arrive: a condition, and a text that says why.

use harness::{Client, Component, Server, StanzaExt, ns, scenes, scenes_of_both_policies};
use minidom::Element;

scenes! {
    [r#"components={"away.localhost"={secret="s3cret"},"gone.localhost"={secret="s3cret"}}"#]:
        every_error_says_why,
        a_component_that_is_not_there_is_named,
        who_is_blocked_is_told_what_is_said_of_nobody;
}

scenes_of_both_policies! {
    ["limits.pending_messages=1"]: a_full_queue_says_so;
}

/// The answer's condition and its English text.
async fn answer(client: &mut Client, message: &str) -> (String, String) {
    client.send(message).await;
    read(&client.message().await)
}

fn read(error: &Element) -> (String, String) {
    let text = error.must("error", ns::CLIENT).must("text", ns::STANZAS);
    let lang = text.attr_ns("http://www.w3.org/XML/1998/namespace", "lang") == Some("en");
    assert!(lang && !text.text().trim().is_empty(), "{}", error.show());
    (error.condition(), text.text())
}

fn message(to: &str, kind: &str) -> String {
    format!("<message to='{to}' type='{kind}' id='m'><body>x</body></message>")
}

async fn block(client: &mut Client, jid: &str) {
    let payload = format!("<block xmlns='{}'><item jid='{jid}'/></block>", ns::BLOCKING);
    assert_eq!(client.request("set", None, &payload).await.kind(), Some("result"));
}

async fn every_error_says_why(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    block(&mut juliet, "nurse@localhost").await;
    for (to, kind, condition, why) in [
        ("nobody@localhost", "chat", "service-unavailable", "nobody can be reached"),
        ("localhost", "normal", "service-unavailable", "nobody can be reached"),
        ("nobody@localhost/x", "headline", "service-unavailable", "nobody can be reached"),
        ("someone@elsewhere.example", "chat", "remote-server-not-found", "other servers"),
        ("@localhost", "chat", "jid-malformed", "no address"),
    ] {
        let (found, text) = answer(&mut romeo, &message(to, kind)).await;
        assert_eq!(found, condition, "{to}");
        assert!(text.contains(why), "{to}: {text}");
    }
    for (to, kind) in [(juliet.bare().to_owned(), "groupchat"), (format!("{}/none", juliet.bare()), "normal")]
    {
        let (found, text) = answer(&mut romeo, &message(&to, kind)).await;
        assert_eq!((found.as_str(), text.contains("nobody can be reached")), ("service-unavailable", true));
    }
    let (found, text) = answer(&mut juliet, &message("nurse@localhost", "chat")).await;
    assert_eq!((found.as_str(), text.contains("you have blocked")), ("not-acceptable", true));
    juliet.nothing().await;
}

async fn a_component_that_is_not_there_is_named(s: &Server) {
    let mut romeo = s.user().await;
    let (found, text) = answer(&mut romeo, &message("a@away.localhost", "chat")).await;
    assert_eq!((found.as_str(), text.as_str()), ("remote-server-timeout", "this component is not connected"));
    // What one sends is answered as well.
    let mut gateway = Component::connect(s, "gone.localhost", "s3cret").await;
    for (to, condition) in [
        ("nobody@localhost", "service-unavailable"),
        ("a@away.localhost", "remote-server-timeout"),
        ("a@elsewhere.example", "remote-server-not-found"),
    ] {
        gateway.send(format!("<message from='gone.localhost' to='{to}'><body>x</body></message>")).await;
        assert_eq!(read(&gateway.next().await).0, condition);
    }
}

/// Nor does anything else differ that it can ask for.
async fn who_is_blocked_is_told_what_is_said_of_nobody(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    block(&mut juliet, romeo.bare()).await;
    let ping = format!("<ping xmlns='{}'/>", ns::PING);
    let last = format!("<query xmlns='{}'/>", ns::LAST);
    let mut said = Vec::new();
    for user in [juliet.bare(), "nobody@localhost"] {
        let full = format!("{user}/one");
        let mut errors = Vec::new();
        for (to, kind) in [(user, "chat"), (user, "normal"), (&*full, "chat"), (&*full, "headline")] {
            romeo.send(message(to, kind)).await;
            errors.push(romeo.message().await.must("error", ns::CLIENT).show());
        }
        for (to, payload) in [(&*full, &ping), (user, &ping), (user, &last)] {
            errors.push(romeo.get(to, payload).await.must("error", ns::CLIENT).show());
        }
        for kind in ["subscribe", "probe", "unsubscribe"] {
            romeo.send(format!("<presence to='{user}' type='{kind}'/>")).await;
        }
        let came = romeo.drain().await;
        errors.extend(came.iter().map(|it| format!("{} {:?}", it.name(), it.kind())));
        said.push(errors);
    }
    assert_eq!(said[0], said[1]);
    juliet.nothing().await;
}

async fn a_full_queue_says_so(s: &Server) {
    let (account, mut romeo) = (s.account(), s.user().await);
    romeo.say(&account.jid, "fits").await;
    romeo.nothing().await;
    let (found, text) = answer(&mut romeo, &message(&account.jid, "chat")).await;
    assert_eq!(
        (found.as_str(), text.as_str()),
        ("service-unavailable", "too many messages wait for this person")
    );
}
