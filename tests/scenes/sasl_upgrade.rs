//! Keys for mechanisms that an account has none for (XEP-0480).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Account, Binding, Hash, Scram, Server, StanzaExt, Stream, agent, identifier, ns, scenes};
use minidom::Element;

const UPGRADE: &str = "urn:xmpp:sasl:upgrade:0";
const SCRAM_UPGRADE: &str = "urn:xmpp:scram-upgrade:0";
const TO_256: &str = "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>";
const TO_512: &str = "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade>";
const PHONE: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

scenes! {
    []: what_is_advertised,
        keys_are_made_by_the_client,
        one_task_follows_the_other,
        who_has_all_keys_is_not_asked,
        an_upgrade_may_be_aborted,
        a_wrong_answer_changes_nothing,
        a_wrong_password_upgrades_nothing,
        nothing_else_is_heard_meanwhile,
        a_token_is_not_worth_a_new_key,
        tokens_outlive_an_upgrade;
    ["sasl.mechanisms=[\"SCRAM-SHA-1\"]"]: what_is_not_offered_is_not_upgraded;
}

/// An account whose password was stored for SCRAM-SHA-1 only, as an older server would have.
fn old_account(s: &Server) -> Account {
    let account = s.account();
    let (salt, rounds) = ([7u8; 16], 4096u32);
    let salted = Hash::Sha1.pbkdf2(account.password.as_bytes(), &salt, rounds);
    let stored = Hash::Sha1.digest(&Hash::Sha1.hmac(&salted, b"Client Key"));
    let server = Hash::Sha1.hmac(&salted, b"Server Key");
    let keys = [&[1, 1][..], &rounds.to_be_bytes(), &[16], &salt, &stored, &server].concat();
    let request = serde_json::json!({ "set_keys": { "jid": account.jid, "keys": STANDARD.encode(keys) } });
    let mut socket = UnixStream::connect(s.data().join("admin.sock")).expect("the admin socket");
    socket.write_all(format!("{request}\n").as_bytes()).expect("a request");
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).expect("an answer");
    assert_eq!(answer.trim(), "\"done\"");
    account
}

fn scram(hash: Hash, account: &Account) -> Scram {
    Scram::new(hash, &account.user, &account.password, "", &Binding::No)
}

/// Logs in with SCRAM-SHA-1; `<success/>` or `<continue/>`.
async fn login(s: &Server, account: &Account, wishes: &str) -> (Stream, Element) {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let outcome = stream.sasl2("SCRAM-SHA-1", scram(Hash::Sha1, account), wishes).await.expect("login");
    (stream, outcome)
}

/// Whether the account can log in with this hash.
async fn has(s: &Server, account: &Account, name: &str, hash: Hash) -> bool {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream.scram(name, scram(hash, account)).await.is_ok()
}

fn task(outcome: &Element) -> String {
    assert!(outcome.is("continue", ns::SASL2), "{}", outcome.show());
    outcome.must("tasks", ns::SASL2).must("task", ns::SASL2).text()
}

/// Begins the task and returns what the client is to send.
async fn salted(stream: &mut Stream, task: &str, hash: Hash, password: &str) -> String {
    stream.send(format!("<next xmlns='{}' task='{task}'/>", ns::SASL2)).await;
    let data = stream.child().await;
    assert!(data.is("task-data", ns::SASL2), "{}", data.show());
    let salt = data.must("salt", SCRAM_UPGRADE);
    let rounds = salt.attr("iterations").expect("iterations").parse().expect("a number");
    let salt = STANDARD.decode(salt.text()).expect("base64");
    assert!(salt.len() >= 16 && rounds >= 4096);
    STANDARD.encode(hash.pbkdf2(password.as_bytes(), &salt, rounds))
}

fn task_data(hash: &str) -> String {
    format!("<task-data xmlns='{}'><hash xmlns='{SCRAM_UPGRADE}'>{hash}</hash></task-data>", ns::SASL2)
}

async fn upgrade(stream: &mut Stream, task: &str, hash: Hash, account: &Account) -> Element {
    let salted = salted(stream, task, hash, &account.password).await;
    stream.send(task_data(&salted)).await;
    stream.child().await
}

async fn what_is_advertised(s: &Server) {
    let features = Stream::direct(s).await.open().await;
    let sasl2 = features.must("authentication", ns::SASL2);
    let tasks: Vec<String> =
        sasl2.children().filter(|it| it.is("upgrade", UPGRADE)).map(Element::text).collect();
    assert_eq!(tasks, ["UPGR-SCRAM-SHA-256", "UPGR-SCRAM-SHA-512"]);
}

async fn keys_are_made_by_the_client(s: &Server) {
    let account = old_account(s);
    assert!(!has(s, &account, "SCRAM-SHA-256", Hash::Sha256).await);
    let (mut stream, outcome) =
        login(s, &account, &(TO_256.to_owned() + "<bind xmlns='urn:xmpp:bind:0'/>")).await;
    assert_eq!(task(&outcome), "UPGR-SCRAM-SHA-256");
    let success = upgrade(&mut stream, "UPGR-SCRAM-SHA-256", Hash::Sha256, &account).await;
    assert!(success.is("success", ns::SASL2), "{}", success.show());
    // Said with <continue/> already.
    assert!(success.child("additional-data", ns::SASL2).is_none());
    assert!(identifier(&success).starts_with(&format!("{}/", account.jid)));
    assert!(has(s, &account, "SCRAM-SHA-256", Hash::Sha256).await);
    assert!(has(s, &account, "SCRAM-SHA-1", Hash::Sha1).await);
    assert!(!has(s, &account, "SCRAM-SHA-512", Hash::Sha512).await);
}

async fn one_task_follows_the_other(s: &Server) {
    let account = old_account(s);
    let (mut stream, outcome) = login(s, &account, &(TO_512.to_owned() + TO_256 + TO_256)).await;
    assert_eq!(task(&outcome), "UPGR-SCRAM-SHA-256");
    let outcome = upgrade(&mut stream, "UPGR-SCRAM-SHA-256", Hash::Sha256, &account).await;
    assert_eq!(task(&outcome), "UPGR-SCRAM-SHA-512");
    assert!(outcome.child("additional-data", ns::SASL2).is_none());
    let outcome = upgrade(&mut stream, "UPGR-SCRAM-SHA-512", Hash::Sha512, &account).await;
    assert!(outcome.is("success", ns::SASL2), "{}", outcome.show());
    assert!(has(s, &account, "SCRAM-SHA-256", Hash::Sha256).await);
    assert!(has(s, &account, "SCRAM-SHA-512", Hash::Sha512).await);
}

async fn who_has_all_keys_is_not_asked(s: &Server) {
    let account = s.account();
    let unknown = format!("<upgrade xmlns='{UPGRADE}'>UPGR-BLOOP</upgrade>");
    let (_, outcome) = login(s, &account, &(unknown.clone() + TO_256 + TO_512)).await;
    assert!(outcome.is("success", ns::SASL2), "{}", outcome.show());
    // Nor who did not offer.
    for wishes in [String::new(), unknown] {
        let (_, outcome) = login(s, &old_account(s), &wishes).await;
        assert!(outcome.is("success", ns::SASL2), "{}", outcome.show());
    }
}

async fn an_upgrade_may_be_aborted(s: &Server) {
    let account = old_account(s);
    for begun in [false, true] {
        let (mut stream, _) = login(s, &account, TO_256).await;
        if begun {
            salted(&mut stream, "UPGR-SCRAM-SHA-256", Hash::Sha256, "x").await;
        }
        let failure = stream.sasl2_refused(format!("<abort xmlns='{}'/>", ns::SASL2)).await;
        failure.must("aborted", ns::SASL);
        // The client is not authenticated, and may do without.
        let outcome = stream.sasl2("SCRAM-SHA-1", scram(Hash::Sha1, &account), "").await;
        assert!(outcome.expect("login").is("success", ns::SASL2));
    }
    assert!(!has(s, &account, "SCRAM-SHA-256", Hash::Sha256).await);
}

async fn a_wrong_answer_changes_nothing(s: &Server) {
    let account = old_account(s);
    let (mut stream, _) = login(s, &account, TO_256).await;
    let failure =
        stream.sasl2_refused(format!("<next xmlns='{}' task='UPGR-SCRAM-SHA-512'/>", ns::SASL2)).await;
    failure.must("malformed-request", ns::SASL);
    let short = STANDARD.encode([7; 31]);
    for (wrong, condition) in [
        (task_data("!!"), "incorrect-encoding"),
        (task_data(""), "malformed-request"),
        (task_data(&short), "malformed-request"),
        (format!("<task-data xmlns='{}'/>", ns::SASL2), "malformed-request"),
    ] {
        let (mut stream, _) = login(s, &account, TO_256).await;
        salted(&mut stream, "UPGR-SCRAM-SHA-256", Hash::Sha256, "x").await;
        stream.sasl2_refused(wrong).await.must(condition, ns::SASL);
    }
    assert!(!has(s, &account, "SCRAM-SHA-256", Hash::Sha256).await);
    assert!(has(s, &account, "SCRAM-SHA-1", Hash::Sha1).await);
}

async fn a_wrong_password_upgrades_nothing(s: &Server) {
    let account = old_account(s);
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let wrong = Scram::new(Hash::Sha1, &account.user, "wrong", "", &Binding::No);
    let outcome = stream.sasl2("SCRAM-SHA-1", wrong, TO_256).await;
    assert_eq!(outcome.err().as_deref(), Some("not-authorized"));
}

async fn nothing_else_is_heard_meanwhile(s: &Server) {
    let account = old_account(s);
    for other in
        ["<presence/>", "<response xmlns='urn:xmpp:sasl:2'/>", "<authenticate xmlns='urn:xmpp:sasl:2'/>"]
    {
        let (mut stream, _) = login(s, &account, TO_256).await;
        stream.send(other).await;
        assert_eq!(stream.failed().await, "policy-violation", "{other}");
    }
}

fn request() -> String {
    format!("<request-token xmlns='{}' mechanism='HT-SHA-256-NONE'/>", ns::FAST)
}

async fn with_token(s: &Server, account: &Account, token: &str, more: &str) -> Element {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = harness::hashed_token(&account.user, token, &Binding::No);
    let wishes = agent(PHONE) + &format!("<fast xmlns='{}'/>", ns::FAST) + more;
    stream.send(harness::authenticate("HT-SHA-256-NONE", message, &wishes)).await;
    stream.child().await
}

async fn a_token_is_not_worth_a_new_key(s: &Server) {
    let account = old_account(s);
    let (_, success) = login(s, &account, &(agent(PHONE) + &request())).await;
    let token = success.must("token", ns::FAST).attr("token").expect("a token").to_owned();
    let outcome = with_token(s, &account, &token, TO_256).await;
    assert!(outcome.is("success", ns::SASL2), "{}", outcome.show());
}

async fn tokens_outlive_an_upgrade(s: &Server) {
    let account = old_account(s);
    let (_, success) = login(s, &account, &(agent(PHONE) + &request())).await;
    let token = success.must("token", ns::FAST).attr("token").expect("a token").to_owned();
    let other = "00000000-4d72-4749-b3d3-740edbf87770";
    let (mut stream, _) = login(s, &account, &(agent(other) + &request() + TO_256)).await;
    // No token before all is done.
    let success = upgrade(&mut stream, "UPGR-SCRAM-SHA-256", Hash::Sha256, &account).await;
    success.must("token", ns::FAST);
    let outcome = with_token(s, &account, &token, "").await;
    assert!(outcome.is("success", ns::SASL2), "{}", outcome.show());
}

async fn what_is_not_offered_is_not_upgraded(s: &Server) {
    let account = old_account(s);
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    assert!(features.must("authentication", ns::SASL2).child("upgrade", UPGRADE).is_none());
    let outcome = stream.sasl2("SCRAM-SHA-1", scram(Hash::Sha1, &account), TO_256).await;
    assert!(outcome.expect("login").is("success", ns::SASL2));
}
