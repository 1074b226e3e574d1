//! Last activity (XEP-0012), for those who may see presence.

use harness::{Client, Server, StanzaExt, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: the_uptime_of_the_server,
        the_last_seen_of_a_contact,
        who_was_seen_days_ago,
        a_contact_that_is_there,
        strangers_are_told_nothing,
        a_session_answers_for_itself,
        with_nobody_no_contact_is_told,
        the_owner_says_so_by_a_command,
        everyone_is_not_on_offer,
        presence_tells_no_time_either,
        idle_time_in_presence_passes,
        it_survives_a_stop,
        the_setting_survives_a_crash,
}

fn query() -> String {
    format!("<query xmlns='{}'/>", ns::LAST)
}

fn seconds(answer: &Element) -> u64 {
    let seconds = answer.must("query", ns::LAST).attr("seconds").expect("seconds");
    seconds.parse().expect("a number")
}

async fn friends(s: &Server) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    (romeo, juliet)
}

/// XEP-0012 §5.
async fn the_uptime_of_the_server(s: &Server) {
    let mut romeo = s.user().await;
    assert!(seconds(&romeo.get("localhost", &query()).await) < 3600);
}

/// XEP-0012 §3: with the status of the last unavailable presence.
async fn the_last_seen_of_a_contact(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let to = juliet.bare().to_owned();
    juliet.send("<presence type='unavailable'><status>gone to the friar</status></presence>").await;
    juliet.sync().await;
    juliet.close().await;
    romeo.drain().await;
    let answer = romeo.get(&to, &query()).await;
    assert!(seconds(&answer) < 60, "{}", answer.show());
    assert_eq!(answer.must("query", ns::LAST).text(), "gone to the friar");
}

async fn who_was_seen_days_ago(s: &Server) {
    let s = &s.fresh_in_time(&[]);
    let (mut romeo, juliet) = friends(s).await;
    let to = juliet.bare().to_owned();
    juliet.close().await;
    romeo.drain().await;
    let days = 3 * 86_400;
    s.later(std::time::Duration::from_secs(days));
    let ago = seconds(&romeo.get(&to, &query()).await);
    assert!((days..days + 60).contains(&ago), "{ago}");
}

async fn a_contact_that_is_there(s: &Server) {
    let (mut romeo, juliet) = friends(s).await;
    assert!(seconds(&romeo.get(juliet.bare(), &query()).await) < 60);
    // One's own account as well.
    let me = romeo.bare().to_owned();
    assert!(seconds(&romeo.get(&me, &query()).await) < 60);
}

/// XEP-0012 §3: `<forbidden/>`, whether there is an account or not.
async fn strangers_are_told_nothing(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for to in [juliet.bare().to_owned(), s.account().jid, "nobody@localhost".to_owned()] {
        assert_eq!(romeo.get(&to, &query()).await.condition(), "forbidden", "{to}");
    }
    juliet.nothing().await;
}

/// XEP-0012 §4: a request to a full address is the client's to answer.
async fn a_session_answers_for_itself(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let to = juliet.jid().to_owned();
    let id = romeo.ask("get", Some(&to), &query()).await;
    juliet.iq().await.must("query", ns::LAST);
    let answer = format!(
        "<iq to='{}' type='result' id='{id}'><query xmlns='{}' seconds='5'/></iq>",
        romeo.jid(),
        ns::LAST
    );
    juliet.send(answer).await;
    assert_eq!(seconds(&romeo.iq().await), 5);
}

const COMMANDS: &str = "http://jabber.org/protocol/commands";
const DATA: &str = "jabber:x:data";
const PRIVACY: &str = "urn:x-waxwing:last-seen";

fn set(s: &Server, jid: &str, seen: &str) {
    let done = s.cli(&["user", "set", jid, &format!("last_seen={seen}")], "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{jid} last_seen={seen}\n"));
    let shown = s.cli(&["user", "show", jid], "");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&format!("last_seen {seen}\n")), "{shown}");
}

/// Runs a stage of the command.
async fn run(client: &mut Client, attributes: &str, value: Option<&str>) -> Element {
    let form = value.map(|value| {
        format!("<x xmlns='{DATA}' type='submit'><field var='last_seen'><value>{value}</value></field></x>")
    });
    let form = form.unwrap_or_default();
    let command = format!("<command xmlns='{COMMANDS}' node='{PRIVACY}' {attributes}>{form}</command>");
    client.set("localhost", &command).await
}

/// Begins the command; how to go on, and what holds now.
async fn begin(client: &mut Client) -> (String, String) {
    let answer = run(client, "", None).await;
    let asked = answer.must("command", COMMANDS);
    assert_eq!(asked.attr("status"), Some("executing"), "{}", answer.show());
    let field =
        asked.must("x", DATA).children().find(|it| it.attr("var") == Some("last_seen")).expect("a field");
    let options = field.children().filter(|it| it.name() == "option").map(|it| it.must("value", DATA).text());
    assert_eq!(options.collect::<Vec<_>>(), ["contacts", "nobody"]);
    let session = format!("sessionid='{}'", asked.attr("sessionid").expect("a session"));
    (session, field.must("value", DATA).text())
}

async fn choose(client: &mut Client, seen: &str) {
    let (session, _) = begin(client).await;
    let answer = run(client, &session, Some(seen)).await;
    assert_eq!(answer.must("command", COMMANDS).attr("status"), Some("completed"), "{}", answer.show());
    assert_eq!(begin(client).await.1, seen);
}

/// A contact is answered as a stranger is, online and offline, at the bare and at the full address; the owner knows.
async fn with_nobody_no_contact_is_told(s: &Server) {
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    let mut romeo = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    set(s, &account.jid, "nobody");
    let full = juliet.jid().to_owned();
    for to in [&account.jid, &full] {
        assert_eq!(romeo.get(to, &query()).await.error(), ("auth".into(), "forbidden".into()), "{to}");
    }
    juliet.nothing().await;
    assert!(seconds(&juliet.get(&account.jid, &query()).await) < 60);
    juliet.send("<presence type='unavailable'/>").await;
    assert!(seconds(&juliet.get(&account.jid, &query()).await) < 60, "the owner is told");
    romeo.drain().await;
    assert_eq!(romeo.get(&account.jid, &query()).await.condition(), "forbidden");
    set(s, &account.jid, "contacts");
    assert!(seconds(&romeo.get(&account.jid, &query()).await) < 60);
}

async fn the_owner_says_so_by_a_command(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let to = juliet.bare().to_owned();
    assert_eq!(begin(&mut juliet).await.1, "contacts");
    choose(&mut juliet, "nobody").await;
    assert_eq!(romeo.get(&to, &query()).await.condition(), "forbidden");
    // One's own word is for oneself only.
    assert!(seconds(&juliet.get(romeo.bare(), &query()).await) < 60);
    choose(&mut juliet, "contacts").await;
    assert!(seconds(&romeo.get(&to, &query()).await) < 60);
}

/// XEP-0012 §8.
async fn everyone_is_not_on_offer(s: &Server) {
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    for value in ["everyone", "", "Nobody"] {
        let (session, _) = begin(&mut juliet).await;
        let answer = run(&mut juliet, &session, Some(value)).await;
        assert_eq!(answer.condition(), "bad-request");
        answer.must("error", ns::CLIENT).must("bad-payload", COMMANDS);
    }
    let refused = s.cli(&["user", "set", &account.jid, "last_seen=everyone"], "");
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("last_seen is contacts or nobody"),
        "{refused:?}"
    );
    assert_eq!(begin(&mut juliet).await.1, "contacts");
}

/// RFC 6121 §4.3.2: what a probe is answered tells no time.
async fn presence_tells_no_time_either(s: &Server) {
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    let friend = s.account();
    let mut romeo = s.online(&friend, "one").await;
    befriend(&mut romeo, &mut juliet).await;
    choose(&mut juliet, "nobody").await;
    juliet.send("<presence type='unavailable'><status>late</status></presence>").await;
    juliet.close().await;
    romeo.drain().await;
    romeo.send(format!("<presence to='{}' type='probe'/>", account.jid)).await;
    let answer = romeo.presence().await;
    assert_eq!((answer.kind(), answer.children().count()), (Some("unavailable"), 0), "{}", answer.show());
    let mut other = s.login(&friend, "two").await;
    other.send("<presence/>").await;
    for presence in other.drain().await {
        assert!(presence.child("delay", ns::DELAY).is_none(), "{}", presence.show());
        assert!(!presence.from().is_some_and(|from| from.starts_with(&account.jid)), "{}", presence.show());
    }
}

/// XEP-0319: what a client says of its idle time is its own word, whoever may ask the server.
async fn idle_time_in_presence_passes(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    choose(&mut juliet, "nobody").await;
    let idle = "<idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>";
    juliet.send(format!("<presence><show>away</show>{idle}</presence>")).await;
    let told = romeo.presence().await;
    assert_eq!(*told.must("idle", "urn:xmpp:idle:1"), harness::element(idle));
}

/// Also where no server runs meanwhile.
async fn it_survives_a_stop(s: &Server) {
    let s = &s.fresh(&[]);
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    let mut romeo = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    let friend = romeo.bare().to_owned();
    juliet.send("<presence type='unavailable'><status>good night</status></presence>").await;
    juliet.close().await;
    romeo.close().await;
    set(s, &account.jid, "nobody");
    s.terminate();
    assert!(s.stopped().success());
    set(s, &account.jid, "contacts");
    set(s, &friend, "nobody");
    s.resume();
    let mut juliet = s.login(&account, "one").await;
    let answer = juliet.get(&account.jid, &query()).await;
    assert!(seconds(&answer) < 600);
    assert_eq!(answer.must("query", ns::LAST).text(), "good night");
    assert_eq!(juliet.get(&friend, &query()).await.condition(), "forbidden");
}

/// The word is kept when it was taken.
async fn the_setting_survives_a_crash(s: &Server) {
    let s = &s.fresh(&[]);
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    choose(&mut juliet, "nobody").await;
    s.kill();
    s.resume();
    let mut juliet = s.online(&account, "one").await;
    assert_eq!(begin(&mut juliet).await.1, "nobody");
}
