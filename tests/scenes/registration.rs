//! Accounts in band (XEP-0077): making, changing and removing them.

use harness::{
    Account, Client, Server, StanzaExt, Stream, Suspended, agent, befriend, identifier, ns, scenes,
};
use minidom::Element;

scenes! {
    []: nobody_registers_where_it_is_closed,
        a_password_is_changed,
        a_new_password_ends_resumable_sessions,
        a_password_that_is_none,
        an_account_is_removed,
        who_blocks_a_removed_account_shows_nothing_to_its_successor,
        what_was_removed_left_no_trace,
        what_was_removed_left_no_row;
    ["registration=open", "limits.registrations_per_hour=100000"]: an_account_is_made,
        an_account_that_is_there_already,
        registrations_that_make_no_sense,
        registering_needs_tls;
    ["registration=open", "limits.registrations_per_hour=2"]: making_accounts_is_throttled;
}

const FEATURE: &str = "http://jabber.org/features/iq-register";

fn query(payload: &str) -> String {
    format!("<query xmlns='{}'>{payload}</query>", ns::REGISTER)
}

fn credentials(user: &str, password: &str) -> String {
    query(&format!("<username>{user}</username><password>{password}</password>"))
}

/// An IQ before login, and what came back.
async fn ask(stream: &mut Stream, kind: &str, payload: &str) -> Element {
    stream.send(format!("<iq type='{kind}' id='reg' to='localhost'>{payload}</iq>")).await;
    let answer = stream.child().await;
    assert_eq!(answer.id(), Some("reg"), "{}", answer.show());
    answer
}

/// A stream that is encrypted and not logged in.
async fn encrypted(s: &Server) -> Stream {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    stream
}

async fn nobody_registers_where_it_is_closed(s: &Server) {
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    assert!(features.child("register", FEATURE).is_none());
    stream
        .send(format!("<iq type='set' id='reg' to='localhost'>{}</iq>", credentials("mallory", "secret")))
        .await;
    assert_eq!(stream.failed().await, "not-authorized");
    assert!(!Account::named("mallory", "secret").can_log_in(s).await);
}

async fn an_account_is_made(s: &Server) {
    let mut stream = Stream::direct(s).await;
    let features = stream.open().await;
    features.must("register", FEATURE);
    let form = ask(&mut stream, "get", &query("")).await;
    let fields = form.must("query", ns::REGISTER);
    fields.must("username", ns::REGISTER);
    fields.must("password", ns::REGISTER);
    assert!(fields.child("registered", ns::REGISTER).is_none());
    let account = Account::named("newcomer", "secret");
    assert_eq!(ask(&mut stream, "set", &credentials("newcomer", "secret")).await.kind(), Some("result"));
    // On the same stream and on another.
    stream.login(&account).await;
    stream.bind(None).await;
    assert!(account.can_log_in(s).await);
}

async fn an_account_that_is_there_already(s: &Server) {
    let account = s.account();
    let mut stream = encrypted(s).await;
    for user in [account.user.clone(), account.user.to_uppercase()] {
        let answer = ask(&mut stream, "set", &credentials(&user, "mine now")).await;
        assert_eq!(answer.condition(), "conflict", "{user}");
    }
    assert!(account.can_log_in(s).await, "the password is as it was");
}

async fn registrations_that_make_no_sense(s: &Server) {
    let mut stream = encrypted(s).await;
    for payload in [
        credentials("somebody", ""),
        credentials("", "secret"),
        query("<username>somebody</username>"),
        query("<password>secret</password>"),
        credentials("some body", "secret"),
        credentials("some@body", "secret"),
        credentials(&"x".repeat(1100), "secret"),
        query("<remove/>"),
    ] {
        let condition = ask(&mut stream, "set", &payload).await.condition();
        assert!(
            matches!(
                &*condition,
                "not-acceptable" | "bad-request" | "jid-malformed" | "forbidden" | "not-allowed"
            ),
            "{payload}: {condition}"
        );
    }
    assert!(!Account::named("somebody", "secret").can_log_in(s).await);
}

async fn registering_needs_tls(s: &Server) {
    let mut stream = Stream::plain(s).await;
    let features = stream.open().await;
    assert!(features.child("register", FEATURE).is_none(), "{}", features.show());
    stream
        .send(format!("<iq type='set' id='reg' to='localhost'>{}</iq>", credentials("clear", "secret")))
        .await;
    stream.failed().await;
    assert!(!Account::named("clear", "secret").can_log_in(s).await);
}

async fn making_accounts_is_throttled(s: &Server) {
    for user in ["first", "second"] {
        let mut stream = encrypted(s).await;
        assert_eq!(ask(&mut stream, "set", &credentials(user, "secret")).await.kind(), Some("result"));
    }
    let mut stream = encrypted(s).await;
    let answer = ask(&mut stream, "set", &credentials("third", "secret")).await;
    assert_eq!(answer.kind(), Some("error"), "{}", answer.show());
    assert!(!Account::named("third", "secret").can_log_in(s).await);
    assert!(Account::named("first", "secret").can_log_in(s).await);
}

async fn change(client: &mut Client, user: &str, password: &str) -> Element {
    client.request("set", Some("localhost"), &credentials(user, password)).await
}

/// XEP-0077 §3.3.
async fn a_password_is_changed(s: &Server) {
    let old = s.account();
    let mut romeo = s.online(&old, "one").await;
    assert_eq!(change(&mut romeo, &old.user, "brand new").await.kind(), Some("result"));
    let new = Account { password: "brand new".to_owned(), ..old.clone() };
    assert!(!old.can_log_in(s).await);
    assert!(new.can_log_in(s).await);
    // The session that did it lives on.
    romeo.nothing().await;
    // Nobody changes another's.
    let victim = s.account();
    assert_eq!(change(&mut romeo, &victim.user, "stolen").await.kind(), Some("error"));
    assert!(victim.can_log_in(s).await);
}

async fn a_new_password_ends_resumable_sessions(s: &Server) {
    let old = s.account();
    let mut phone = s.login(&old, "phone").await;
    phone.enable().await;
    let suspended: Suspended = phone.drop_connection();
    let mut laptop = s.online(&old, "laptop").await;
    assert_eq!(change(&mut laptop, &old.user, "brand new").await.kind(), Some("result"));
    let new = Account { password: "brand new".to_owned(), ..old };
    let Err((_, answer)) = suspended.resume(s, &new).await else { panic!("resumed") };
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
}

async fn a_password_that_is_none(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let condition = change(&mut romeo, &account.user, "").await.condition();
    assert!(matches!(&*condition, "bad-request" | "not-acceptable"), "{condition}");
    assert!(account.can_log_in(s).await);
}

/// XEP-0077 §3.2: the request is answered, then the sessions end with `<not-authorized/>`; contacts are told.
async fn an_account_is_removed(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut other = s.login(&account, "two").await;
    let mut juliet = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    romeo.send(format!("<iq type='set' id='gone' to='localhost'>{}</iq>", query("<remove/>"))).await;
    assert_eq!(romeo.iq().await.kind(), Some("result"));
    assert_eq!(romeo.failed().await, "not-authorized");
    assert_eq!(other.failed().await, "not-authorized");
    assert!(!account.can_log_in(s).await);

    let told = juliet.drain().await;
    for kind in ["unsubscribe", "unsubscribed"] {
        let presence = told.iter().find(|it| it.kind() == Some(kind)).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(presence.from(), Some(&*account.jid));
    }
    juliet.say(&account.jid, "x").await;
    assert_eq!(juliet.message().await.condition(), "service-unavailable");
}

/// A block hides that the account went; the subscription goes all the same.
async fn who_blocks_a_removed_account_shows_nothing_to_its_successor(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut juliet = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    let item = format!("<item jid='{}'/>", account.jid);
    let block = format!("<block xmlns='{}'>{item}</block>", ns::BLOCKING);
    assert_eq!(juliet.request("set", None, &block).await.kind(), Some("result"));
    juliet.drain().await;
    romeo.send(format!("<iq type='set' id='gone' to='localhost'>{}</iq>", query("<remove/>"))).await;
    romeo.failed().await;
    assert!(juliet.drain().await.iter().all(|it| it.name() != "presence"), "who is blocked is not heard of");

    let again = s.cli(&["user", "add", &account.jid, "--password", &account.password], "");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let unblock = format!("<unblock xmlns='{}'>{item}</unblock>", ns::BLOCKING);
    assert_eq!(juliet.request("set", None, &unblock).await.kind(), Some("result"));
    let roster = juliet.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    let item = roster.must("query", ns::ROSTER).children().next().expect("the contact stays").clone();
    assert_eq!((item.attr("subscription"), item.attr("ask")), (Some("none"), None));
    let mut successor = s.online(&account, "one").await;
    successor.send(format!("<presence to='{}' type='probe'/>", juliet.bare())).await;
    let answer = successor.drain().await;
    assert!(answer.iter().all(|it| it.from() != Some(juliet.jid())), "presence of a stranger");
}

/// An account of the same name that comes later is another.
async fn what_was_removed_left_no_trace(s: &Server) {
    let account = s.account();
    let mut juliet = s.user().await;
    let mut romeo = s.online(&account, "one").await;
    let item = format!("<query xmlns='{}'><item jid='nurse@localhost'/></query>", ns::ROSTER);
    romeo.request("set", None, &item).await;
    let prefs = |payload: &str| format!("<query xmlns='{}'>{payload}</query>", ns::PRIVATE);
    romeo.request("set", None, &prefs("<prefs xmlns='urn:example:prefs'><x/></prefs>")).await;
    let block = format!("<block xmlns='{}'><item jid='iago@localhost'/></block>", ns::BLOCKING);
    romeo.request("set", None, &block).await;
    romeo.send("<presence type='unavailable'/>").await;
    romeo.sync().await;
    juliet.say(&account.jid, "for the one that was").await;
    juliet.send(format!("<presence to='{}' type='subscribe'/>", account.jid)).await;
    juliet.sync().await;
    romeo.send(format!("<iq type='set' id='gone' to='localhost'>{}</iq>", query("<remove/>"))).await;
    romeo.failed().await;

    let again = s.cli(&["user", "add", &account.jid, "--password", &account.password], "");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let mut romeo = s.login(&account, "one").await;
    romeo.available(0).await;
    assert!(romeo.drain().await.is_empty(), "no message and no request waits");
    let roster = romeo.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    assert_eq!(roster.must("query", ns::ROSTER).children().count(), 0);
    let stored = romeo.request("get", None, &prefs("<prefs xmlns='urn:example:prefs'/>")).await;
    assert_eq!(stored.must("query", ns::PRIVATE).must("prefs", "urn:example:prefs").children().count(), 0);
    let list = romeo.request("get", None, &format!("<blocklist xmlns='{}'/>", ns::BLOCKING)).await;
    assert_eq!(list.must("blocklist", ns::BLOCKING).children().count(), 0);
}

/// Whatever the account used; a table that is forgotten when an account goes would be found here.
async fn what_was_removed_left_no_row(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (account, mut iago) = (own.account(), own.user().await);
    // A device with a token.
    let token = format!("<request-token xmlns='{}' mechanism='HT-SHA-256-NONE'/>", ns::FAST);
    let bind = format!("<bind xmlns='{}'/>", ns::BIND2);
    let agent = agent("5c9a4e3e-7d7b-4c5b-9d0a-7c2f3a1b6e55");
    let (mut stream, success) = Stream::sasl2_login(&own, &account, &format!("{agent}{token}{bind}")).await;
    stream.features().await;
    let mut romeo = Client::over(stream, identifier(&success));
    romeo.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    romeo.enable().await;
    romeo.available(0).await;
    // A roster, docs, an archive with words, a resend's key, what waits.
    befriend(&mut romeo, &mut iago).await;
    let private = "<prefs xmlns='urn:example:prefs'/>";
    romeo.set("localhost", &format!("<query xmlns='{}'>{private}</query>", ns::PRIVATE)).await;
    iago.say(&account.jid, "buy my handkerchiefs").await;
    let spam = romeo.message().await;
    let form = "<x xmlns='jabber:x:data' type='submit'>\
                <field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>\
                <field var='{urn:xmpp:fulltext:0}fulltext'><value>handkerchiefs</value></field></x>";
    let found = romeo.request("set", None, &format!("<query xmlns='urn:xmpp:mam:2'>{form}</query>")).await;
    assert_eq!(found.kind(), Some("result"), "{}", found.show());
    let id = spam.must("stanza-id", ns::STANZA_ID).id().expect("an id").to_owned();
    let named = format!("<stanza-id xmlns='{}' by='{}' id='{id}'/>", ns::STANZA_ID, account.jid);
    let report =
        format!("<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'>{named}</report>");
    let item = format!("<item jid='{}'>{report}</item>", iago.bare());
    let blocked =
        romeo.request("set", None, &format!("<block xmlns='{}'>{item}</block>", ns::BLOCKING)).await;
    assert_eq!(blocked.kind(), Some("result"), "{}", blocked.show());

    let before = own.rows_of(&account.jid).await;
    let tables =
        ["devices", "docs", "log", "log_heads", "reports", "roster", "search_entries", "search_heads"];
    assert!(tables.iter().all(|table| before.contains_key(*table)), "{before:?}");
    romeo.send(format!("<iq type='set' id='gone' to='localhost'>{}</iq>", query("<remove/>"))).await;
    assert_eq!(romeo.failed().await, "not-authorized");
    let after = own.rows_of(&account.jid).await;
    assert!(after.is_empty(), "{after:?}");
}
