//! Tokens (XEP-0484) and the devices that hold them.

use harness::{
    Account, Binding, Client, DAY, Hash, Scram, Server, StanzaExt, Stream, agent, authenticate, hashed_token,
    identifier, ns, scenes, token_proof,
};
use minidom::Element;

const PHONE: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const DESK: &str = "00000000-4d72-4749-b3d3-740edbf87770";
const NONE: &str = "HT-SHA-256-NONE";
const BIND: &str = "<bind xmlns='urn:xmpp:bind:0'/>";

scenes! {
    []: what_is_advertised,
        a_token_logs_in,
        every_binding_works,
        login_and_resumption_take_one_round_trip,
        a_wrong_token_is_refused,
        a_token_is_for_one_mechanism,
        a_token_is_for_one_device,
        a_token_is_for_one_account,
        a_token_is_for_one_channel,
        what_must_be_there_is,
        a_count_comes_once,
        an_unused_token_ends_with_the_next,
        a_token_may_be_given_back,
        no_token_without_a_device,
        a_new_password_voids_tokens,
        a_new_password_in_band_voids_tokens,
        disabling_voids_tokens,
        a_removed_account_leaves_no_token,
        tokens_survive_a_restart,
        devices_are_listed_and_revoked,
        a_revoked_device_resumes_nothing,
        devices_without_a_server,
        devices_are_bounded,
        an_unknown_user_is_answered_as_a_known_one,
        wrong_tokens_count_as_failed_logins,
        tokens_expire,
        tokens_are_rotated;
    ["sasl.token_seconds=0"]: tokens_may_be_switched_off;
    ["sasl.mechanisms=[\"SCRAM-SHA-256-PLUS\"]"]: no_token_is_weaker_than_a_password;
}

fn request(mechanism: &str) -> String {
    format!("<request-token xmlns='{}' mechanism='{mechanism}'/>", ns::FAST)
}

fn fast(attributes: &str) -> String {
    format!("<fast xmlns='{}' {attributes}/>", ns::FAST)
}

fn token(success: &Element) -> Option<String> {
    let token = success.child("token", ns::FAST)?;
    assert!(token.attr("expiry").is_some_and(|expiry| expiry.ends_with('Z')), "{}", token.show());
    Some(token.attr("token").expect("a token").to_owned())
}

/// A token for this device.
async fn obtain(s: &Server, account: &Account, device: &str, mechanism: &str) -> String {
    let (_, success) = Stream::sasl2_login(s, account, &(agent(device) + &request(mechanism))).await;
    token(&success).expect("a token")
}

/// `<authenticate/>` with a token that is bound to nothing.
fn with_token(account: &Account, token: &str, more: &str) -> String {
    authenticate(NONE, hashed_token(&account.user, token, &Binding::No), more)
}

/// A login with a token that is bound to nothing, on a stream of its own: `<success/>` or the failure's condition.
async fn login(s: &Server, account: &Account, token: &str, more: &str) -> Result<Element, String> {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    answer(&mut stream, with_token(account, token, more)).await
}

async fn answer(stream: &mut Stream, authenticate: String) -> Result<Element, String> {
    stream.send(authenticate).await;
    let answer = stream.child().await;
    if answer.is("success", ns::SASL2) {
        return Ok(answer);
    }
    assert!(answer.is("failure", ns::SASL2), "{}", answer.show());
    Err(answer.children().find(|it| it.ns() == ns::SASL).expect("a condition").name().to_owned())
}

fn refused(outcome: Result<Element, String>) -> String {
    outcome.expect_err("a refusal")
}

async fn what_is_advertised(s: &Server) {
    let features = Stream::direct(s).await.open().await;
    let inline = features.must("authentication", ns::SASL2).must("inline", ns::SASL2);
    let fast = inline.must("fast", ns::FAST);
    let names: Vec<String> = fast.children().map(Element::text).collect();
    assert_eq!(names, ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP", NONE]);
    assert_eq!(fast.attr("tls-0rtt"), None, "early data is not taken");
}

async fn a_token_logs_in(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    for _ in 0..3 {
        let success = login(s, &account, &token, &(agent(PHONE) + &fast("") + BIND)).await.expect("login");
        let proof = success.must("additional-data", ns::SASL2).text();
        assert_eq!(proof, token_proof(&token, &Binding::No));
        assert!(identifier(&success).starts_with(&format!("{}/", account.jid)));
        success.must("bound", ns::BIND2);
        assert!(success.child("token", ns::FAST).is_none(), "{}", success.show());
    }
    // With a resource bound as before, too.
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    answer(&mut stream, with_token(&account, &token, &(agent(PHONE) + &fast("")))).await.expect("login");
    stream.features().await.must("bind", ns::BIND);
    stream.bind(Some("balcony")).await;
}

async fn every_binding_works(s: &Server) {
    let account = s.account();
    for mechanism in ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP"] {
        let token = obtain(s, &account, PHONE, mechanism).await;
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let binding =
            if mechanism.ends_with("EXPR") { stream.exporter.clone() } else { stream.end_point.clone() };
        let message = hashed_token(&account.user, &token, &binding);
        let outcome =
            answer(&mut stream, authenticate(mechanism, message, &(agent(PHONE) + &fast("")))).await;
        let proof = outcome.expect("login").must("additional-data", ns::SASL2).text();
        assert_eq!(proof, token_proof(&token, &binding));
    }
}

/// One flight out, one back: header, login, resumption and what was missed.
async fn login_and_resumption_take_one_round_trip(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut sender = Client::login(s, &romeo, "orchard").await;
    let enable = format!("<bind xmlns='{}'><enable xmlns='{}' resume='true'/></bind>", ns::BIND2, ns::SM);
    let (mut stream, success) =
        Stream::sasl2_login(s, &juliet, &(agent(PHONE) + &request("HT-SHA-256-EXPR") + &enable)).await;
    stream.features().await;
    let token = token(&success).expect("a token");
    let mut phone = Client::over(stream, identifier(&success));
    phone.managed(success.must("bound", ns::BIND2).must("enabled", ns::SM));
    phone.available(0).await;
    phone.acknowledge().await;
    let lost = phone.drop_connection();
    sender.say(&juliet.jid, "in the tunnel").await;
    sender.sync().await;

    let mut stream = Stream::direct(s).await;
    let header = format!(
        "<?xml version='1.0'?><stream:stream to='{}' from='{}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='{}'>",
        s.domain(),
        juliet.jid,
        ns::STREAM
    );
    let id = lost.sm.id.as_deref().expect("a resumable session");
    let resume = format!("<resume xmlns='{}' previd='{id}' h='{}'/>", ns::SM, lost.sm.received);
    let message = hashed_token(&juliet.user, &token, &stream.exporter.clone());
    let wishes = agent(PHONE) + &fast("count='1'") + &resume + &enable;
    // The only thing that is sent until the message is there.
    stream.send(header + &authenticate("HT-SHA-256-EXPR", message, &wishes)).await;
    stream.opened().await;
    stream.features().await;
    let success = stream.child().await;
    assert!(success.is("success", ns::SASL2), "{}", success.show());
    success.must("resumed", ns::SM);
    let missed = stream.child().await;
    assert_eq!(missed.body().as_deref(), Some("in the tunnel"), "{}", missed.show());
}

async fn a_wrong_token_is_refused(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let more = agent(PHONE) + &fast("") + BIND;
    for wrong in ["", "guess", &token[1..], &account.password] {
        let outcome = answer(&mut stream, with_token(&account, wrong, &more)).await;
        assert_eq!(refused(outcome), "not-authorized");
    }
    // The client falls back to its password on the same stream.
    let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &Binding::No);
    stream.sasl2("SCRAM-SHA-256", scram, BIND).await.expect("login");
}

async fn a_token_is_for_one_mechanism(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, "HT-SHA-256-EXPR").await;
    let more = agent(PHONE) + &fast("");
    assert_eq!(refused(login(s, &account, &token, &more).await), "not-authorized");
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = hashed_token(&account.user, &token, &stream.end_point.clone());
    let outcome = answer(&mut stream, authenticate("HT-SHA-256-ENDP", message, &more)).await;
    assert_eq!(refused(outcome), "not-authorized");
    let message = hashed_token(&account.user, &token, &stream.exporter.clone());
    answer(&mut stream, authenticate("HT-SHA-256-EXPR", message, &more)).await.expect("login");
}

async fn a_token_is_for_one_device(s: &Server) {
    let account = s.account();
    let phone = obtain(s, &account, PHONE, NONE).await;
    let desk = obtain(s, &account, DESK, NONE).await;
    let unknown = "11111111-4d72-4749-b3d3-740edbf87770";
    for (token, device) in [(&phone, DESK), (&desk, PHONE), (&phone, unknown)] {
        let outcome = login(s, &account, token, &(agent(device) + &fast(""))).await;
        assert_eq!(refused(outcome), "not-authorized", "{device}");
    }
    for (token, device) in [(&phone, PHONE), (&desk, DESK)] {
        login(s, &account, token, &(agent(device) + &fast(""))).await.expect("login");
    }
}

async fn a_token_is_for_one_account(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let token = obtain(s, &juliet, PHONE, NONE).await;
    obtain(s, &romeo, PHONE, NONE).await;
    let more = agent(PHONE) + &fast("");
    assert_eq!(refused(login(s, &romeo, &token, &more).await), "not-authorized");
    login(s, &juliet, &token, &more).await.expect("login");
}

async fn a_token_is_for_one_channel(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, "HT-SHA-256-EXPR").await;
    let other = Stream::direct(s).await;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for binding in [other.exporter.clone(), Binding::No, stream.end_point.clone()] {
        let message = hashed_token(&account.user, &token, &binding);
        let outcome =
            answer(&mut stream, authenticate("HT-SHA-256-EXPR", message, &(agent(PHONE) + &fast("")))).await;
        assert_eq!(refused(outcome), "not-authorized");
    }
}

async fn what_must_be_there_is(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for more in [
        String::new(),
        agent(PHONE),
        fast(""),
        "<user-agent/>".to_owned() + &fast(""),
        agent("phone") + &fast(""),
        agent(PHONE) + &fast("count='-1'"),
        agent(PHONE) + &fast("count='x'"),
        agent(PHONE) + &fast("count='99999999999999999999'"),
    ] {
        let outcome = answer(&mut stream, with_token(&account, &token, &more)).await;
        assert_eq!(refused(outcome), "malformed-request", "{more}");
    }
    let more = agent(PHONE) + &fast("");
    for message in ["", "a", "a\0", "\0abc", "a\0b"] {
        let outcome = answer(&mut stream, authenticate(NONE, message, &more)).await;
        assert_eq!(refused(outcome), "malformed-request", "{message:?}");
    }
    // There is one step only.
    let empty = format!("<authenticate xmlns='{}' mechanism='{NONE}'>{more}</authenticate>", ns::SASL2);
    assert_eq!(refused(answer(&mut stream, empty).await), "malformed-request");
    // Whose stream it is must be whose token it is.
    let mut stream = Stream::direct(s).await;
    let from = s.account().jid;
    stream
        .send(format!(
            "<stream:stream to='{}' from='{from}' version='1.0' xmlns='jabber:client' xmlns:stream='{}'>",
            s.domain(),
            ns::STREAM
        ))
        .await;
    stream.opened().await;
    stream.features().await;
    let outcome = answer(&mut stream, with_token(&account, &token, &more)).await;
    assert_eq!(refused(outcome), "invalid-authzid");
}

async fn a_count_comes_once(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    for (count, fits) in [(1, true), (1, false), (5, true), (4, false), (5, false), (0, false), (6, true)] {
        let more = agent(PHONE) + &fast(&format!("count='{count}'"));
        let outcome = login(s, &account, &token, &more).await;
        assert_eq!(outcome.err(), (!fits).then(|| "not-authorized".to_owned()), "{count}");
    }
    // Two at once with one count: one gets in.
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.send(with_token(&account, &token, &(agent(PHONE) + &fast("count='7'")))).await;
    }
    let mut successes = 0;
    for stream in &mut streams {
        successes += u32::from(stream.child().await.is("success", ns::SASL2));
    }
    assert_eq!(successes, 1);
}

async fn an_unused_token_ends_with_the_next(s: &Server) {
    let account = s.account();
    let more = agent(PHONE) + &fast("");
    let first = obtain(s, &account, PHONE, NONE).await;
    login(s, &account, &first, &more).await.expect("login");
    let lost = obtain(s, &account, PHONE, NONE).await;
    let second = obtain(s, &account, PHONE, NONE).await;
    assert_eq!(refused(login(s, &account, &lost, &more).await), "not-authorized");
    // The one in use stays until the new one is used.
    login(s, &account, &first, &more).await.expect("login");
    login(s, &account, &second, &more).await.expect("login");
    assert_eq!(refused(login(s, &account, &first, &more).await), "not-authorized");
    // A token may be asked for with a token.
    let success = login(s, &account, &second, &(more.clone() + &request(NONE))).await.expect("login");
    let third = token(&success).expect("a token");
    login(s, &account, &third, &more).await.expect("login");
}

async fn a_token_may_be_given_back(s: &Server) {
    let account = s.account();
    let more = agent(PHONE) + &fast("");
    for invalidate in ["true", "1"] {
        let token_ = obtain(s, &account, PHONE, NONE).await;
        let give_back = agent(PHONE) + &fast(&format!("invalidate='{invalidate}'"));
        // Only who can log in with it can.
        let outcome = login(s, &account, "guess", &give_back).await;
        assert_eq!(refused(outcome), "not-authorized");
        let success = login(s, &account, &token_, &give_back).await.expect("login");
        assert_eq!(token(&success), None);
        assert_eq!(refused(login(s, &account, &token_, &more).await), "not-authorized");
    }
    // With another in return.
    let old = obtain(s, &account, PHONE, NONE).await;
    let exchange = agent(PHONE) + &fast("invalidate='true'") + &request(NONE);
    let new = token(&login(s, &account, &old, &exchange).await.expect("login")).expect("a token");
    assert_eq!(refused(login(s, &account, &old, &more).await), "not-authorized");
    login(s, &account, &new, &more).await.expect("login");
}

async fn no_token_without_a_device(s: &Server) {
    let account = s.account();
    for wishes in [
        request(NONE),
        "<user-agent><software>x</software></user-agent>".to_owned() + &request(NONE),
        agent(PHONE) + &request("HT-SHA-512-NONE"),
        agent(PHONE) + &request(""),
        agent(PHONE) + &format!("<request-token xmlns='{}'/>", ns::FAST),
    ] {
        let (_, success) = Stream::sasl2_login(s, &account, &wishes).await;
        assert_eq!(token(&success), None, "{wishes}");
    }
    // Nor where the login fails.
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = Scram::new(Hash::Sha256, &account.user, "wrong", "", &Binding::No);
    assert!(stream.sasl2("SCRAM-SHA-256", scram, &(agent(PHONE) + &request(NONE))).await.is_err());
}

async fn a_new_password_voids_tokens(s: &Server) {
    let mut account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let more = agent(PHONE) + &fast("");
    command(s, &["user", "passwd", &account.jid, "--password", "another"]);
    assert_eq!(refused(login(s, &account, &token, &more).await), "not-authorized");
    account.password = "another".to_owned();
    let token = obtain(s, &account, PHONE, NONE).await;
    login(s, &account, &token, &more).await.expect("login");
}

async fn a_new_password_in_band_voids_tokens(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let mut client = Client::login(s, &account, "balcony").await;
    let query = format!(
        "<query xmlns='{}'><username>{}</username><password>another</password></query>",
        ns::REGISTER,
        account.user
    );
    let domain = s.domain().to_owned();
    assert_eq!(client.set(&domain, &query).await.kind(), Some("result"));
    let outcome = login(s, &account, &token, &(agent(PHONE) + &fast(""))).await;
    assert_eq!(refused(outcome), "not-authorized");
}

async fn disabling_voids_tokens(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let more = agent(PHONE) + &fast("");
    command(s, &["user", "disable", &account.jid]);
    assert_eq!(refused(login(s, &account, &token, &more).await), "not-authorized");
    command(s, &["user", "enable", &account.jid]);
    assert_eq!(refused(login(s, &account, &token, &more).await), "not-authorized");
}

async fn a_removed_account_leaves_no_token(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    command(s, &["user", "remove", &account.jid]);
    command(s, &["user", "add", &account.jid, "--password", &account.password]);
    let outcome = login(s, &account, &token, &(agent(PHONE) + &fast(""))).await;
    assert_eq!(refused(outcome), "not-authorized");
    assert_eq!(command(s, &["user", "devices", &account.jid]), "");
}

/// On a server of its own: it is stopped.
async fn tokens_survive_a_restart(s: &Server) {
    let s = &s.fresh(&[]);
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    s.restart();
    login(s, &account, &token, &(agent(PHONE) + &fast("") + BIND)).await.expect("login");
}

async fn devices_are_listed_and_revoked(s: &Server) {
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    let (mut stream, success) = Stream::sasl2_login(s, &account, &(agent(DESK) + BIND)).await;
    stream.features().await;
    let mut desk = Client::over(stream, identifier(&success));
    let mut phone = Stream::direct(s).await;
    phone.open().await;
    let more = agent(PHONE) + &fast("");
    answer(&mut phone, with_token(&account, &token, &(more.clone() + BIND))).await.expect("login");
    phone.features().await;

    let listed = command(s, &["user", "devices", &account.jid]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    let of = |id: &str| *lines.iter().find(|line| line.starts_with(id)).expect("the device");
    assert!(of(PHONE).contains("token") && of(PHONE).ends_with("Scenes  A test's phone"), "{listed}");
    assert!(!of(DESK).contains("token"), "{listed}");

    command(s, &["user", "devices", &account.jid, "--revoke", &PHONE.to_uppercase()]);
    assert_eq!(phone.failed().await, "not-authorized");
    desk.sync().await;
    assert_eq!(refused(login(s, &account, &token, &more).await), "not-authorized");
    assert!(!command(s, &["user", "devices", &account.jid]).contains(PHONE));
    let again = s.cli(&["user", "devices", &account.jid, "--revoke", PHONE], "");
    assert!(!again.status.success());
    // With the password it comes back.
    obtain(s, &account, PHONE, NONE).await;
}

/// Its session that waits to be resumed ends, and what it held waits for the account; another device's goes on.
async fn a_revoked_device_resumes_nothing(s: &Server) {
    let account = s.account();
    let managed = format!("<bind xmlns='{}'><enable xmlns='{}' resume='true'/></bind>", ns::BIND2, ns::SM);
    let mut asleep = Vec::new();
    for id in [PHONE, DESK] {
        let (mut stream, success) = Stream::sasl2_login(s, &account, &(agent(id) + &managed)).await;
        stream.features().await;
        let mut client = Client::over(stream, identifier(&success));
        client.managed(success.must("bound", ns::BIND2).must("enabled", ns::SM));
        if id == PHONE {
            client.available(0).await;
        }
        asleep.push(client.drop_connection());
    }
    let [phone, desk] = <[_; 2]>::try_from(asleep).unwrap_or_else(|_| panic!("two devices"));
    s.user().await.say(&account.jid, "hello").await;
    command(s, &["user", "devices", &account.jid, "--revoke", PHONE]);
    let Err((_, failed)) = phone.resume(s, &account).await else { panic!("resumed") };
    failed.must("item-not-found", ns::STANZAS);
    let Ok((mut desk, _)) = desk.resume(s, &account).await else { panic!("not resumed") };
    desk.available(0).await;
    assert_eq!(desk.find(|it| it.body().is_some()).await.body().as_deref(), Some("hello"));
}

async fn devices_without_a_server(s: &Server) {
    let s = &s.fresh(&[]);
    let account = s.account();
    let token = obtain(s, &account, PHONE, NONE).await;
    s.terminate();
    s.stopped();
    assert!(command(s, &["user", "devices", &account.jid]).starts_with(PHONE));
    command(s, &["user", "devices", &account.jid, "--revoke", PHONE]);
    assert_eq!(command(s, &["user", "devices", &account.jid]), "");
    s.resume();
    let outcome = login(s, &account, &token, &(agent(PHONE) + &fast(""))).await;
    assert_eq!(refused(outcome), "not-authorized");
}

/// The one that has not logged in for longest makes room.
async fn devices_are_bounded(s: &Server) {
    let account = s.account();
    let message = format!("\0{}\0{}", account.user, account.password);
    for number in 0..66 {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let id = format!("{number:08}-4d72-4749-b3d3-740edbf87770");
        answer(&mut stream, authenticate("PLAIN", &message, &agent(&id))).await.expect("login");
    }
    let listed = command(s, &["user", "devices", &account.jid]);
    let mut ids: Vec<&str> = listed.lines().map(|line| &line[..8]).collect();
    ids.sort_unstable();
    assert_eq!((ids.len(), ids.first(), ids.last()), (64, Some(&"00000002"), Some(&"00000065")));
}

async fn an_unknown_user_is_answered_as_a_known_one(s: &Server) {
    let mut account = s.account();
    obtain(s, &account, PHONE, NONE).await;
    let mut answers = Vec::new();
    for user in [account.user.clone(), "nobody-of-that-name".to_owned()] {
        account.user = user;
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        stream.send(with_token(&account, "guess", &(agent(PHONE) + &fast("")))).await;
        answers.push(stream.child().await.show());
    }
    assert_eq!(answers[0], answers[1]);
}

async fn wrong_tokens_count_as_failed_logins(s: &Server) {
    let account = s.account();
    let more = agent(PHONE) + &fast("");
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    for _ in 0..6 {
        let outcome = answer(&mut stream, with_token(&account, "guess", &more)).await;
        assert_eq!(refused(outcome), "not-authorized");
    }
    assert_eq!(stream.failed().await, "policy-violation");
}

async fn tokens_expire(s: &Server) {
    let s = &s.fresh_in_time(&[]);
    let (account, other) = (s.account(), s.account());
    let token = obtain(s, &account, PHONE, NONE).await;
    let others = obtain(s, &other, PHONE, NONE).await;
    let more = agent(PHONE) + &fast("");
    s.later(21 * DAY - DAY / 24);
    assert!(login(s, &other, &others, &more).await.is_ok());
    s.later(21 * DAY);
    assert_eq!(refused(login(s, &account, &token, &more).await), "credentials-expired");
    assert_eq!(refused(login(s, &account, "guess", &more).await), "not-authorized");
    assert!(!command(s, &["user", "devices", &account.jid]).contains("token"));
}

/// §3.5.
async fn tokens_are_rotated(s: &Server) {
    let s = &s.fresh_in_time(&[]);
    let account = s.account();
    let more = agent(PHONE) + &fast("");
    let first = obtain(s, &account, PHONE, NONE).await;
    assert_eq!(token(&login(s, &account, &first, &more).await.expect("login")), None);
    s.later(DAY);
    let second = token(&login(s, &account, &first, &more).await.expect("login")).expect("a token");
    // The client may not have got it.
    let third = token(&login(s, &account, &first, &more).await.expect("login")).expect("a token");
    assert_eq!(refused(login(s, &account, &second, &more).await), "not-authorized");
    assert_eq!(token(&login(s, &account, &third, &more).await.expect("login")), None);
    assert_eq!(refused(login(s, &account, &first, &more).await), "not-authorized");
}

async fn tokens_may_be_switched_off(s: &Server) {
    let account = s.account();
    let features = Stream::direct(s).await.open().await;
    let inline = features.must("authentication", ns::SASL2).must("inline", ns::SASL2);
    assert!(inline.child("fast", ns::FAST).is_none());
    let (_, success) = Stream::sasl2_login(s, &account, &(agent(PHONE) + &request(NONE))).await;
    assert_eq!(token(&success), None);
    let outcome = login(s, &account, "guess", &(agent(PHONE) + &fast(""))).await;
    assert_eq!(refused(outcome), "invalid-mechanism");
}

/// Where passwords must be bound to the channel, so must tokens.
async fn no_token_is_weaker_than_a_password(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    let inline = features.must("authentication", ns::SASL2).must("inline", ns::SASL2);
    let names: Vec<String> = inline.must("fast", ns::FAST).children().map(Element::text).collect();
    assert_eq!(names, ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP"]);
    let binding = stream.exporter.clone();
    let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &binding);
    let wishes = agent(PHONE) + &request(NONE);
    let success = stream.sasl2("SCRAM-SHA-256-PLUS", scram, &wishes).await.expect("login");
    assert_eq!(token(&success), None);
    assert_eq!(refused(login(s, &account, "guess", &(agent(PHONE) + &fast(""))).await), "invalid-mechanism");
}

/// What a command says.
fn command(s: &Server, arguments: &[&str]) -> String {
    let output = s.cli(arguments, "");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
