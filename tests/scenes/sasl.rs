//! Logging in (RFC 6120 §6, RFC 5802, RFC 9266, XEP-0440, XEP-0474).

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Binding, Hash, Login, Plus, Scram, Server, StanzaExt, Stream, ns, scenes};
use minidom::Element;

scenes! {
    []: every_mechanism_works_with_every_binding,
        bindings_of_a_tls_session_that_goes_on,
        plain_works_under_tls,
        what_is_advertised,
        nothing_works_before_tls,
        a_wrong_password_is_refused_and_another_try_is_free,
        tries_on_one_stream_are_limited,
        failures_of_any_sort_on_one_stream_are_limited,
        an_unknown_user_is_answered_as_a_known_one,
        the_list_of_mechanisms_is_protected,
        a_client_that_was_talked_out_of_binding_notices,
        a_wrong_binding_is_refused,
        plus_without_binding_is_refused,
        a_mechanism_that_is_not_offered,
        garbage_is_refused,
        the_exchange_may_be_aborted,
        nobody_acts_for_another,
        names_are_prepared,
        passwords_are_prepared;
    ["limits.failed_logins_per_account=3"]: guessing_is_throttled,
        guessing_on_many_streams_at_once_is_throttled;
    ["limits.failed_logins_per_account=3", "limits.failed_login_window_seconds=1"]: guesses_are_forgotten;
    ["limits.failed_logins_per_address=3"]: guessing_among_many_accounts_is_throttled;
    ["sasl.mechanisms=[\"SCRAM-SHA-256\"]"]: only_what_is_configured_is_offered_and_accepted;
}

async fn every_mechanism_works_with_every_binding(s: &Server) {
    let account = s.account();
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
        for plus in [None, Some(Plus::Exporter), Some(Plus::EndPoint)] {
            for direct in [false, true] {
                let mut stream = Login { direct, hash, plus }.stream(s, &account).await;
                stream.bind(None).await;
            }
        }
    }
}

/// TLS 1.3 tickets (RFC 8446 §2.2). The channel is a new one, and so is what binds to it; the certificate is the same.
async fn bindings_of_a_tls_session_that_goes_on(s: &Server) {
    let account = s.account();
    let mut first = Stream::direct(s).await;
    first.open().await;
    first.login(&account).await;
    assert!(!first.resumed);
    let bindings: [fn(&Stream) -> Binding; 2] = [|it| it.exporter.clone(), |it| it.end_point.clone()];
    for binding in bindings {
        let mut stream = first.again(s).await;
        assert!(stream.resumed);
        assert_ne!(stream.exporter, first.exporter);
        stream.open().await;
        let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &binding(&stream));
        stream.scram("SCRAM-SHA-256-PLUS", scram).await.expect("login");
        stream.bind(None).await;
    }
    assert!(!Stream::direct(s).await.resumed, "another program has no ticket");
}

async fn plain_works_under_tls(s: &Server) {
    let account = s.account();
    for authzid in ["", &account.jid] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        stream.plain_auth(authzid, &account.user, &account.password).await.expect("login");
        stream.bind(None).await;
    }
}

/// The names in `<mechanisms/>` and the types in `<sasl-channel-binding/>`.
fn offered(features: &Element) -> (Vec<String>, Vec<String>) {
    let mechanisms = features.must("mechanisms", ns::SASL).children().map(Element::text).collect();
    let bindings = features
        .child("sasl-channel-binding", "urn:xmpp:sasl-cb:0")
        .into_iter()
        .flat_map(Element::children)
        .map(|it| it.kind().expect("a type").to_owned())
        .collect();
    (mechanisms, bindings)
}

async fn what_is_advertised(s: &Server) {
    let (_stream, features) = Stream::starttls(s).await;
    let (mut mechanisms, mut bindings) = offered(&features);
    mechanisms.sort();
    bindings.sort();
    assert_eq!(
        mechanisms,
        [
            "PLAIN",
            "SCRAM-SHA-1",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-512",
            "SCRAM-SHA-512-PLUS"
        ]
    );
    assert_eq!(bindings, ["tls-exporter", "tls-server-end-point"]);
}

/// RFC 6120 §6.5.4: TLS is mandatory, so nothing is accepted without.
async fn nothing_works_before_tls(s: &Server) {
    let account = s.account();
    for mechanism in ["PLAIN", "SCRAM-SHA-1"] {
        let mut stream = Stream::plain(s).await;
        stream.open().await;
        let first = STANDARD.encode(format!("\0{}\0{}", account.user, account.password));
        stream.send(format!("<auth xmlns='{}' mechanism='{mechanism}'>{first}</auth>", ns::SASL)).await;
        let answer = stream.child().await;
        assert!(answer.is("failure", ns::SASL), "{}", answer.show());
        answer.must("encryption-required", ns::SASL);
    }
}

fn scram(user: &str, password: &str, binding: &Binding) -> Scram {
    Scram::new(Hash::Sha256, user, password, "", binding)
}

async fn a_wrong_password_is_refused_and_another_try_is_free(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let outcome = stream.scram("SCRAM-SHA-256", scram(&account.user, "wrong", &Binding::No)).await;
    assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    let outcome = stream.plain_auth("", &account.user, "wrong").await;
    assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    // RFC 6120 §6.4.5: a reasonable number of retries, at least two.
    stream.login(&account).await;
    stream.bind(None).await;
    // The operator sees each refusal with who was meant, and no password.
    let refusals = |log: &str| {
        let lines = log.lines().filter(|line| line.contains("login refused") && line.contains(&account.jid));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    while refusals(&s.log()).len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(refusals(&s.log()).iter().all(|line| !line.contains("wrong")));
}

/// RFC 6120 §6.4.5: at most five retries, then the stream ends.
async fn tries_on_one_stream_are_limited(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for _ in 0..6 {
        let outcome = stream.plain_auth("", &account.user, "wrong").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    }
    assert_eq!(stream.failed().await, "policy-violation");
}

/// Also of what is no guess and counts for no account.
async fn failures_of_any_sort_on_one_stream_are_limited(s: &Server) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for n in 0..30 {
        let auth = match n % 3 {
            0 => format!("<auth xmlns='{}' mechanism='NONE'/>", ns::SASL),
            1 => format!("<auth xmlns='{}' mechanism='PLAIN'>!</auth>", ns::SASL),
            _ => format!("<auth xmlns='{}' mechanism='SCRAM-SHA-1'/><abort xmlns='{0}'/>", ns::SASL),
        };
        stream.send(auth).await;
        if n % 3 == 2 {
            stream.child().await;
        }
        let answer = stream.child().await;
        assert!(answer.is("failure", ns::SASL), "{n}: {}", answer.show());
    }
    assert_eq!(stream.failed().await, "policy-violation");
}

/// Sends the client-first-message and returns what came back, decoded.
async fn challenge(stream: &mut Stream, mechanism: &str, scram: &Scram) -> String {
    let first = STANDARD.encode(scram.first());
    stream.send(format!("<auth xmlns='{}' mechanism='{mechanism}'>{first}</auth>", ns::SASL)).await;
    let challenge = stream.child().await;
    assert!(challenge.is("challenge", ns::SASL), "{}", challenge.show());
    String::from_utf8(STANDARD.decode(challenge.text()).expect("base64")).expect("UTF-8")
}

/// The value of an attribute of a SCRAM message.
fn attribute(message: &str, name: &str) -> Option<String> {
    message.split(',').find_map(|part| part.strip_prefix(name)).map(str::to_owned)
}

/// A stream on which this user fails to log in twice with each mechanism, and every answer on it: of challenges what
/// two accounts may have in common, of failures all.
async fn failing(s: &Server, user: &str) -> Vec<String> {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let mut answers = Vec::new();
    for (mechanism, hash) in
        [("SCRAM-SHA-1", Hash::Sha1), ("SCRAM-SHA-256", Hash::Sha256), ("SCRAM-SHA-512", Hash::Sha512)]
    {
        let mut scram = Scram::new(hash, user, "wrong", "", &Binding::No);
        let first = challenge(&mut stream, mechanism, &scram).await;
        let salt = attribute(&first, "s=").expect("a salt");
        answers.push(format!("{mechanism} {} {:?}", salt.len(), attribute(&first, "i=")));
        let last = STANDARD.encode(scram.last(&first));
        stream.send(format!("<response xmlns='{}'>{last}</response>", ns::SASL)).await;
        answers.push(stream.child().await.show());
        // The salt stays the same, as a real one does.
        let again = challenge(&mut stream, mechanism, &Scram::new(hash, user, "x", "", &Binding::No)).await;
        assert_eq!(attribute(&again, "s="), Some(salt));
        stream.send(format!("<abort xmlns='{}'/>", ns::SASL)).await;
        answers.push(stream.child().await.show());
    }
    let plain = STANDARD.encode(format!("\0{user}\0wrong"));
    for mechanism in ["PLAIN", "PLAIN"] {
        stream.send(format!("<auth xmlns='{}' mechanism='{mechanism}'>{plain}</auth>", ns::SASL)).await;
        answers.push(stream.child().await.show());
    }
    answers
}

async fn an_unknown_user_is_answered_as_a_known_one(s: &Server) {
    let (known, disabled) = (s.account(), s.account());
    let done = s.cli(&["user", "disable", &disabled.jid], "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let expected = failing(s, &known.user).await;
    for user in [&disabled.user, "nobody-of-that-name", "admin2"] {
        assert_eq!(failing(s, user).await, expected, "{user}");
    }
}

/// XEP-0474: the hash of what was advertised, as the client saw it.
async fn the_list_of_mechanisms_is_protected(s: &Server) {
    let account = s.account();
    for (mechanism, hash) in
        [("SCRAM-SHA-1", Hash::Sha1), ("SCRAM-SHA-256", Hash::Sha256), ("SCRAM-SHA-512", Hash::Sha512)]
    {
        let mut stream = Stream::direct(s).await;
        let (mut mechanisms, mut bindings) = offered(&stream.open().await);
        mechanisms.sort();
        bindings.sort();
        let list = format!("{}\u{1f}{}", mechanisms.join("\u{1e}"), bindings.join("\u{1e}"));
        let scram = Scram::new(hash, &account.user, &account.password, "", &Binding::No);
        let first = challenge(&mut stream, mechanism, &scram).await;
        assert_eq!(attribute(&first, "h="), Some(STANDARD.encode(hash.digest(list.as_bytes()))), "{first}");
    }
}

/// RFC 5802 §6: `y` when the server does offer binding is a downgrade.
async fn a_client_that_was_talked_out_of_binding_notices(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = scram(&account.user, &account.password, &Binding::Unoffered);
    assert!(stream.scram("SCRAM-SHA-256", scram).await.is_err());
}

async fn a_wrong_binding_is_refused(s: &Server) {
    let account = s.account();
    for kind in ["tls-exporter", "tls-server-end-point", "tls-unique"] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let binding = Binding::Bound(kind, vec![7; 32]);
        let scram = scram(&account.user, &account.password, &binding);
        assert!(stream.scram("SCRAM-SHA-256-PLUS", scram).await.is_err(), "{kind}");
    }
}

async fn plus_without_binding_is_refused(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for binding in [Binding::No, Binding::Unoffered] {
        let scram = scram(&account.user, &account.password, &binding);
        assert!(stream.scram("SCRAM-SHA-256-PLUS", scram).await.is_err(), "{binding:?}");
    }
    let scram = scram(&account.user, &account.password, &stream.exporter.clone());
    assert!(stream.scram("SCRAM-SHA-256", scram).await.is_err(), "binding without PLUS");
}

/// The condition of the failure that answers this.
async fn refused(stream: &mut Stream, auth: String) -> String {
    stream.send(auth).await;
    let answer = stream.child().await;
    assert!(answer.is("failure", ns::SASL), "{}", answer.show());
    answer.children().next().expect("a condition").name().to_owned()
}

/// The same on a stream of its own: the number of tries on one is limited.
async fn auth_refused(s: &Server, mechanism: &str, data: &str) -> String {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    refused(&mut stream, format!("<auth xmlns='{}' mechanism='{mechanism}'>{data}</auth>", ns::SASL)).await
}

async fn a_mechanism_that_is_not_offered(s: &Server) {
    for mechanism in ["EXTERNAL", "DIGEST-MD5", "ANONYMOUS", "scram-sha-1", ""] {
        assert_eq!(auth_refused(s, mechanism, "=").await, "invalid-mechanism", "{mechanism}");
    }
}

async fn garbage_is_refused(s: &Server) {
    for data in ["!!!!", "YQ", "Y Q = ="] {
        assert_eq!(auth_refused(s, "PLAIN", data).await, "incorrect-encoding", "{data}");
    }
    for message in
        ["", "x", "n,,", "n,,n=a", "n,,n=,r=abc", "n,,m=x,n=a,r=abc", "n,,n=a=zz,r=abc", "q,,n=a,r=abc"]
    {
        let data = if message.is_empty() { "=".to_owned() } else { STANDARD.encode(message) };
        let condition = auth_refused(s, "SCRAM-SHA-256", &data).await;
        assert!(matches!(&*condition, "malformed-request" | "not-authorized"), "{message}: {condition}");
    }
    for message in ["", "\0", "\0\0", "\0a\0", "a\0b\0c\0d"] {
        let data = if message.is_empty() { "=".to_owned() } else { STANDARD.encode(message) };
        let condition = auth_refused(s, "PLAIN", &data).await;
        assert!(matches!(&*condition, "malformed-request" | "not-authorized"), "{message:?}: {condition}");
    }
}

async fn the_exchange_may_be_aborted(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = scram(&account.user, &account.password, &Binding::No);
    challenge(&mut stream, "SCRAM-SHA-256", &scram).await;
    let abort = format!("<abort xmlns='{}'/>", ns::SASL);
    assert_eq!(refused(&mut stream, abort.clone()).await, "aborted");
    // Also one that has crossed the failure of what it is to abort.
    assert_eq!(stream.plain_auth("", &account.user, "wrong").await.err().as_deref(), Some("not-authorized"));
    assert_eq!(refused(&mut stream, abort).await, "aborted");
    stream.login(&account).await;
}

/// The session's user is the one whose password was shown, whatever else is asked for.
async fn nobody_acts_for_another(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    for authzid in [juliet.jid.as_str(), "localhost", "nobody@localhost"] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let scram = Scram::new(Hash::Sha256, &romeo.user, &romeo.password, authzid, &Binding::No);
        assert_eq!(stream.scram("SCRAM-SHA-256", scram).await.err().as_deref(), Some("invalid-authzid"));
        let outcome = stream.plain_auth(authzid, &romeo.user, &romeo.password).await;
        assert_eq!(outcome.err().as_deref(), Some("invalid-authzid"));
    }
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = Scram::new(Hash::Sha256, &romeo.user, &romeo.password, &romeo.jid, &Binding::No);
    stream.scram("SCRAM-SHA-256", scram).await.expect("one's own address");
    assert!(stream.bind(None).await.starts_with(&romeo.jid));
}

async fn names_are_prepared(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let user = account.user.to_uppercase();
    stream.plain_auth("", &user, &account.password).await.expect("the same account");
    assert!(stream.bind(None).await.starts_with(&format!("{}/", account.jid)));
}

/// RFC 5802 §2.2: SASLprep, on both sides, however the keyboard spells it.
async fn passwords_are_prepared(s: &Server) {
    let jid = "saslprep@localhost";
    s.succeeds(&["user", "add", jid, "--password", "caf\u{e9}\u{a0}\u{2167}"], "");
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.plain_auth("", "saslprep", "cafe\u{301} VI\u{ad}II").await.expect("the same password");
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.scram("SCRAM-SHA-256", scram("saslprep", "caf\u{e9} VIII", &Binding::No)).await.expect("the same");
    for other in ["CAF\u{c9} VIII", "cafe VIII"] {
        let outcome = stream_failing(s, other).await;
        assert_eq!(outcome.as_deref(), Some("not-authorized"), "{other}");
    }
    // What can be nobody's password is no other failure.
    assert_eq!(stream_failing(s, "caf\u{7}").await.as_deref(), Some("not-authorized"));
    assert!(
        s.fails(&["user", "passwd", jid, "--password", "caf\u{7}"], "")
            .contains("the password has characters")
    );
}

async fn stream_failing(s: &Server, password: &str) -> Option<String> {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.plain_auth("", "saslprep", password).await.err()
}

async fn guessing_is_throttled(s: &Server) {
    let (account, bystander) = (s.account(), s.account());
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for _ in 0..3 {
        let outcome = stream.plain_auth("", &account.user, "wrong").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    }
    // A new connection does not help, nor does the right password.
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    assert!(stream.plain_auth("", &account.user, &account.password).await.is_err());
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.login(&bystander).await;
}

/// A window or two later.
async fn guesses_are_forgotten(s: &Server) {
    let account = s.account();
    let tried = async |password: &str| {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        stream.plain_auth("", &account.user, password).await.err()
    };
    // Slow guessing is none, so it may take more than three.
    while tried("wrong").await.as_deref() == Some("not-authorized") {}
    loop {
        match tried(&account.password).await.as_deref() {
            Some("temporary-auth-failure") => {}
            other => return assert_eq!(other, None),
        }
    }
}

/// One password tried on many.
async fn guessing_among_many_accounts_is_throttled(s: &Server) {
    let account = s.account();
    for user in ["a", "b", &account.user] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let outcome = stream.plain_auth("", user, "wrong").await;
        assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
    }
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let outcome = stream.plain_auth("", &account.user, &account.password).await;
    assert_eq!(outcome.err().as_deref(), Some("temporary-auth-failure"));
}

/// All exchanges begin before the first guess has failed.
async fn guessing_on_many_streams_at_once_is_throttled(s: &Server) {
    let account = s.account();
    let mut guesses = Vec::new();
    for password in ["wrong", "wrong", "wrong", &*account.password] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let mut scram = scram(&account.user, password, &Binding::No);
        let first = challenge(&mut stream, "SCRAM-SHA-256", &scram).await;
        guesses.push((stream, STANDARD.encode(scram.last(&first))));
    }
    let mut outcomes = Vec::new();
    for (mut stream, last) in guesses {
        outcomes
            .push(refused(&mut stream, format!("<response xmlns='{}'>{last}</response>", ns::SASL)).await);
    }
    assert_eq!(outcomes, ["not-authorized", "not-authorized", "not-authorized", "temporary-auth-failure"]);
}

async fn only_what_is_configured_is_offered_and_accepted(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    assert_eq!(offered(&stream.open().await).0, ["SCRAM-SHA-256"]);
    for (mechanism, hash) in [("SCRAM-SHA-1", Hash::Sha1), ("SCRAM-SHA-512", Hash::Sha512)] {
        let scram = Scram::new(hash, &account.user, &account.password, "", &Binding::No);
        assert_eq!(stream.scram(mechanism, scram).await.err().as_deref(), Some("invalid-mechanism"));
    }
    let outcome = stream.plain_auth("", &account.user, &account.password).await;
    assert_eq!(outcome.err().as_deref(), Some("invalid-mechanism"));
    stream.login(&account).await;
}
