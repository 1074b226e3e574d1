//! The extensible SASL profile (XEP-0388), pipelining (XEP-0509), downgrade protection (XEP-0474, XEP-0515).

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{
    Binding, Client, Hash, Scram, Server, StanzaExt, Stream, agent, authenticate, identifier, ns, scenes,
};
use minidom::Element;

const IAP: &str = "urn:xmpp:iap:0";
const ID: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

scenes! {
    []: what_is_advertised,
        every_mechanism_logs_in,
        features_follow_without_a_new_stream,
        a_challenge_asks_for_what_was_not_sent,
        nothing_works_before_tls,
        a_wrong_password_is_refused_and_another_try_is_free,
        tries_on_one_stream_are_limited_over_both_profiles,
        an_unknown_user_is_answered_as_a_known_one,
        garbage_is_refused,
        a_mechanism_that_is_not_offered,
        the_exchange_may_be_aborted,
        nothing_else_is_heard_meanwhile,
        authenticating_twice_ends_the_stream,
        nobody_acts_for_another,
        the_header_and_the_proof_must_agree,
        the_lists_are_protected,
        the_tls_version_is_protected,
        header_and_login_in_one_flight,
        stanzas_behind_a_login_in_one_flight,
        a_login_for_other_features_is_no_failed_login,
        limits_grow_with_the_login;
    ["limits.failed_logins_per_account=3"]: guessing_is_throttled;
    ["sasl.mechanisms=[\"SCRAM-SHA-256\"]"]: only_what_is_configured_is_accepted;
}

fn scram(user: &str, password: &str) -> Scram {
    Scram::new(Hash::Sha256, user, password, "", &Binding::No)
}

fn names(parent: &Element) -> Vec<String> {
    let mut names: Vec<String> =
        parent.children().filter(|it| it.name() == "mechanism").map(Element::text).collect();
    names.sort();
    names
}

fn condition(failure: &Element) -> String {
    failure.children().find(|it| it.ns() == ns::SASL).expect("a condition").name().to_owned()
}

async fn what_is_advertised(s: &Server) {
    let (_stream, features) = Stream::starttls(s).await;
    let sasl2 = features.must("authentication", ns::SASL2);
    assert_eq!(names(sasl2), names(features.must("mechanisms", ns::SASL)));
    assert_eq!(names(sasl2).len(), 7);
    let inline = sasl2.must("inline", ns::SASL2);
    inline.must("sm", ns::SM);
    let bind = inline.must("bind", ns::BIND2).must("inline", ns::BIND2);
    let features: Vec<_> = bind.children().map(|it| it.attr("var").expect("var")).collect();
    assert!(features.contains(&ns::SM) && features.contains(&ns::CARBONS), "{features:?}");
    // Before TLS there is nothing of it.
    let mut stream = Stream::plain(s).await;
    assert!(stream.open().await.child("authentication", ns::SASL2).is_none());
}

async fn every_mechanism_logs_in(s: &Server) {
    let account = s.account();
    for (name, hash) in
        [("SCRAM-SHA-1", Hash::Sha1), ("SCRAM-SHA-256", Hash::Sha256), ("SCRAM-SHA-512", Hash::Sha512)]
    {
        for plus in [false, true] {
            let mut stream = Stream::direct(s).await;
            stream.open().await;
            let bindings = [stream.exporter.clone(), stream.end_point.clone()];
            let binding = if plus { bindings[name.len() % 2].clone() } else { Binding::No };
            let scram = Scram::new(hash, &account.user, &account.password, "", &binding);
            let name = format!("{name}{}", if plus { "-PLUS" } else { "" });
            let success = stream.sasl2(&name, scram, &agent(ID)).await.expect("login");
            assert_eq!(identifier(&success), account.jid);
        }
    }
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = format!("\0{}\0{}", account.user, account.password);
    stream.send(authenticate("PLAIN", message, "")).await;
    let success = stream.child().await;
    assert!(success.is("success", ns::SASL2), "{}", success.show());
    assert!(success.child("additional-data", ns::SASL2).is_none());
}

async fn features_follow_without_a_new_stream(s: &Server) {
    let account = s.account();
    let (mut stream, success) = Stream::sasl2_login(s, &account, "").await;
    assert_eq!(identifier(&success), account.jid);
    let features = stream.features().await;
    features.must("bind", ns::BIND);
    features.must("sm", ns::SM);
    let jid = stream.bind(Some("balcony")).await;
    assert_eq!(jid, format!("{}/balcony", account.jid));
    Client::over(stream, jid).sync().await;
}

async fn a_challenge_asks_for_what_was_not_sent(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(format!("<authenticate xmlns='{}' mechanism='PLAIN'/>", ns::SASL2)).await;
    let challenge = stream.child().await;
    assert!(challenge.is("challenge", ns::SASL2) && challenge.text().is_empty(), "{}", challenge.show());
    let message = STANDARD.encode(format!("\0{}\0{}", account.user, account.password));
    stream.send(format!("<response xmlns='{}'>{message}</response>", ns::SASL2)).await;
    assert!(stream.child().await.is("success", ns::SASL2));
}

async fn nothing_works_before_tls(s: &Server) {
    let account = s.account();
    for mechanism in ["PLAIN", "SCRAM-SHA-1", "HT-SHA-256-NONE"] {
        let mut stream = Stream::plain(s).await;
        stream.open().await;
        let message = format!("\0{}\0{}", account.user, account.password);
        let failure = stream.sasl2_refused(authenticate(mechanism, message, "")).await;
        assert_eq!(condition(&failure), "encryption-required");
    }
}

async fn a_wrong_password_is_refused_and_another_try_is_free(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let bind = format!("<bind xmlns='{}'/>", ns::BIND2);
    let outcome = stream.sasl2("SCRAM-SHA-256", scram(&account.user, "wrong"), &bind).await;
    assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    // By the other profile, and back.
    let outcome = stream.plain_auth("", &account.user, "wrong").await;
    assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    let success = stream.sasl2("SCRAM-SHA-256", scram(&account.user, &account.password), &bind).await;
    success.expect("login").must("bound", ns::BIND2);
}

async fn tries_on_one_stream_are_limited_over_both_profiles(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for _ in 0..3 {
        let outcome = stream.sasl2("SCRAM-SHA-256", scram(&account.user, "wrong"), "").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
        let outcome = stream.plain_auth("", &account.user, "wrong").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    }
    assert_eq!(stream.failed().await, "policy-violation");
}

async fn an_unknown_user_is_answered_as_a_known_one(s: &Server) {
    let account = s.account();
    let mut answers = Vec::new();
    for user in [account.user.as_str(), "nobody-of-that-name"] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let mut scram = scram(user, "wrong");
        let first = challenge(&mut stream, &scram).await;
        let last = STANDARD.encode(scram.last(&first));
        stream.send(format!("<response xmlns='{}'>{last}</response>", ns::SASL2)).await;
        let length = attribute(&first, "s=").map(|salt| salt.len());
        answers.push((length, attribute(&first, "i="), stream.child().await.show()));
    }
    assert_eq!(answers[0], answers[1]);
}

/// Sends the client-first-message; returns the challenge, decoded.
async fn challenge(stream: &mut Stream, scram: &Scram) -> String {
    stream.send(authenticate("SCRAM-SHA-256", scram.first(), "")).await;
    let challenge = stream.child().await;
    assert!(challenge.is("challenge", ns::SASL2), "{}", challenge.show());
    String::from_utf8(STANDARD.decode(challenge.text()).expect("base64")).expect("UTF-8")
}

fn attribute(message: &str, name: &str) -> Option<String> {
    message.split(',').find_map(|part| part.strip_prefix(name)).map(str::to_owned)
}

async fn garbage_is_refused(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let raw = |mechanism: &str, inner: &str| {
        format!("<authenticate xmlns='{}' mechanism='{mechanism}'>{inner}</authenticate>", ns::SASL2)
    };
    for (inner, expected) in [
        ("<initial-response>!!!!</initial-response>", "incorrect-encoding"),
        ("<initial-response>YQ</initial-response>", "incorrect-encoding"),
        ("<initial-response>=</initial-response>", "incorrect-encoding"),
        ("<initial-response/>", "malformed-request"),
        ("<initial-response>YWJj</initial-response>", "malformed-request"),
        ("<user-agent id='me'/><initial-response>AGEAYg==</initial-response>", "malformed-request"),
        ("<user-agent id=''/><initial-response>AGEAYg==</initial-response>", "malformed-request"),
    ] {
        let failure = stream.sasl2_refused(raw("PLAIN", inner)).await;
        assert_eq!(condition(&failure), expected, "{inner}");
    }
    for (mechanism, inner) in [("SCRAM-SHA-256", "<initial-response>bixh</initial-response>")] {
        let failure = stream.sasl2_refused(raw(mechanism, inner)).await;
        assert_eq!(condition(&failure), "malformed-request");
    }
    let failure = stream.sasl2_refused(format!("<authenticate xmlns='{}'/>", ns::SASL2)).await;
    assert_eq!(condition(&failure), "invalid-mechanism");
}

async fn a_mechanism_that_is_not_offered(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for mechanism in ["EXTERNAL", "ANONYMOUS", "scram-sha-1", "", "HT-SHA-512-NONE", "HT-SHA-256-UNIQ"] {
        let failure = stream.sasl2_refused(authenticate(mechanism, "a\0b", "")).await;
        assert_eq!(condition(&failure), "invalid-mechanism", "{mechanism}");
    }
    // Tokens are no mechanism of the older profile.
    stream.send(format!("<auth xmlns='{}' mechanism='HT-SHA-256-NONE'>YQBi</auth>", ns::SASL)).await;
    let failure = stream.child().await;
    assert!(failure.is("failure", ns::SASL), "{}", failure.show());
    failure.must("invalid-mechanism", ns::SASL);
}

async fn the_exchange_may_be_aborted(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    challenge(&mut stream, &scram(&account.user, &account.password)).await;
    let abort = format!("<abort xmlns='{}'><text>no</text></abort>", ns::SASL2);
    assert_eq!(condition(&stream.sasl2_refused(&abort).await), "aborted");
    // Also one that has crossed the failure of what it is to abort.
    let message = format!("\0{}\0wrong", account.user);
    let failure = stream.sasl2_refused(authenticate("PLAIN", message, "")).await;
    assert_eq!(condition(&failure), "not-authorized");
    assert_eq!(condition(&stream.sasl2_refused(abort).await), "aborted");
    stream.sasl2("SCRAM-SHA-256", scram(&account.user, &account.password), "").await.expect("login");
}

/// XEP-0388 §2.4.
async fn nothing_else_is_heard_meanwhile(s: &Server) {
    let account = s.account();
    for other in
        ["<presence/>", "<r xmlns='urn:xmpp:sm:3'/>", "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"]
    {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        challenge(&mut stream, &scram(&account.user, &account.password)).await;
        stream.send(other).await;
        assert_eq!(stream.failed().await, "policy-violation", "{other}");
    }
}

/// XEP-0388 §3.8.
async fn authenticating_twice_ends_the_stream(s: &Server) {
    let account = s.account();
    for more in ["", &format!("<bind xmlns='{}'/>", ns::BIND2)] {
        let (mut stream, _) = Stream::sasl2_login(s, &account, more).await;
        stream.features().await;
        let scram = scram(&account.user, &account.password);
        stream.send(authenticate("SCRAM-SHA-256", scram.first(), "")).await;
        assert_eq!(stream.failed().await, "unsupported-stanza-type");
    }
}

async fn nobody_acts_for_another(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = Scram::new(Hash::Sha256, &romeo.user, &romeo.password, &juliet.jid, &Binding::No);
    let outcome = stream.sasl2("SCRAM-SHA-256", scram, "").await;
    assert_eq!(outcome.err().as_deref(), Some("invalid-authzid"));
}

fn header(to: &str, from: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{to}' from='{from}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='{}'>",
        ns::STREAM
    )
}

async fn the_header_and_the_proof_must_agree(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut stream = Stream::direct(s).await;
    stream.send(header(s.domain(), &juliet.jid)).await;
    stream.opened().await;
    stream.features().await;
    let outcome = stream.sasl2("SCRAM-SHA-256", scram(&romeo.user, &romeo.password), "").await;
    assert_eq!(outcome.err().as_deref(), Some("invalid-authzid"));
    stream.sasl2("SCRAM-SHA-256", scram(&juliet.user, &juliet.password), "").await.expect("login");
    // XEP-0388 §2.1.
    let mut stream = Stream::direct(s).await;
    stream.send(header(s.domain(), "romeo@example.net")).await;
    assert_eq!(stream.failed().await, "invalid-from");
}

/// XEP-0474 §5.1: of the list of the profile in use, without FAST's mechanisms.
async fn the_lists_are_protected(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    let mechanisms = names(features.must("authentication", ns::SASL2));
    let mut types: Vec<_> = features
        .must("sasl-channel-binding", "urn:xmpp:sasl-cb:0")
        .children()
        .map(|it| it.kind().expect("a type"))
        .collect();
    types.sort_unstable();
    let list = format!("{}\u{1f}{}", mechanisms.join("\u{1e}"), types.join("\u{1e}"));
    let first = challenge(&mut stream, &scram(&account.user, &account.password)).await;
    assert_eq!(
        attribute(&first, "h="),
        Some(STANDARD.encode(Hash::Sha256.digest(list.as_bytes()))),
        "{first}"
    );
}

/// XEP-0515 §5.1.
async fn the_tls_version_is_protected(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let first = challenge(&mut stream, &scram(&account.user, &account.password)).await;
    assert_eq!(attribute(&first, "t=").as_deref(), Some("0304"), "{first}");
}

/// What Conversations calls a quick start.
async fn header_and_login_in_one_flight(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let message = format!("\0{}\0{}", account.user, account.password);
    let bind = format!("<bind xmlns='{}'/>", ns::BIND2);
    stream.send(header(s.domain(), &account.jid) + &authenticate("PLAIN", message, &bind)).await;
    stream.opened().await;
    stream.features().await;
    let success = stream.child().await;
    assert!(success.is("success", ns::SASL2), "{}", success.show());
    assert!(identifier(&success).starts_with(&format!("{}/", account.jid)));
}

/// A mechanism of one step is over with `<authenticate/>`: what follows is the session's.
async fn stanzas_behind_a_login_in_one_flight(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let message = format!("\0{}\0{}", account.user, account.password);
    let bind = format!("<bind xmlns='{}'/>", ns::BIND2);
    let ping = format!("<iq type='get' id='p1' to='{}'><ping xmlns='{}'/></iq>", s.domain(), ns::PING);
    stream.send(header(s.domain(), &account.jid) + &authenticate("PLAIN", message, &bind) + &ping).await;
    stream.opened().await;
    stream.features().await;
    assert!(stream.child().await.is("success", ns::SASL2));
    stream.features().await;
    let pong = stream.child().await;
    assert_eq!((pong.id(), pong.kind()), (Some("p1"), Some("result")), "{}", pong.show());
    // Behind a login that fails there is no session.
    let mut stream = Stream::direct(s).await;
    let message = format!("\0{}\0wrong", account.user);
    stream.send(header(s.domain(), &account.jid) + &authenticate("PLAIN", message, &bind) + &ping).await;
    assert_eq!(stream.failed().await, "not-authorized");
}

async fn a_login_for_other_features_is_no_failed_login(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    let version = features.must("config-version", IAP).attr("value").expect("a value").to_owned();
    let config = |value: &str| format!("<config-version xmlns='{IAP}' scheme='opaque' value='{value}'/>");
    let message = format!("\0{}\0{}", account.user, account.password);
    // More often than a password may be wrong.
    for _ in 0..8 {
        let failure = stream.sasl2_refused(authenticate("PLAIN", &message, &config("bm8="))).await;
        assert_eq!(condition(&failure), "aborted");
        failure.must("config-version-mismatch", IAP);
    }
    stream.send(authenticate("PLAIN", &message, &config(&version))).await;
    assert!(stream.child().await.is("success", ns::SASL2));
    // The same features have the same version.
    let features = Stream::direct(s).await.open().await;
    assert_eq!(features.must("config-version", IAP).attr("value"), Some(version.as_str()));
}

async fn limits_grow_with_the_login(s: &Server) {
    let account = s.account();
    let (mut stream, success) =
        Stream::sasl2_login(s, &account, &format!("<bind xmlns='{}'/>", ns::BIND2)).await;
    stream.features().await;
    let mut client = Client::over(stream, identifier(&success));
    let own = client.jid().to_owned();
    client.say(&own, &"x".repeat(100_000)).await;
    assert_eq!(client.message().await.body().map(|body| body.len()), Some(100_000));
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.send(authenticate("PLAIN", "x".repeat(100_000), "")).await;
    assert_eq!(stream.failed().await, "policy-violation");
}

async fn guessing_is_throttled(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for _ in 0..3 {
        let outcome = stream.sasl2("SCRAM-SHA-256", scram(&account.user, "wrong"), "").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    }
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let outcome = stream.sasl2("SCRAM-SHA-256", scram(&account.user, &account.password), "").await;
    assert_eq!(outcome.err().as_deref(), Some("temporary-auth-failure"));
}

async fn only_what_is_configured_is_accepted(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    assert_eq!(names(features.must("authentication", ns::SASL2)), ["SCRAM-SHA-256"]);
    let message = format!("\0{}\0{}", account.user, account.password);
    let failure = stream.sasl2_refused(authenticate("PLAIN", message, "")).await;
    assert_eq!(condition(&failure), "invalid-mechanism");
    stream.sasl2("SCRAM-SHA-256", scram(&account.user, &account.password), "").await.expect("login");
}
