//! What an archive takes in: policies of the host and of an account (XEP-0313, XEP-0441).

use harness::{Account, Client, DAY, Server, StanzaExt, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: the_default_is_an_archive, what_is_too_old_goes;
    ["archive.policy=always"]:
        always,
        preferences_hold_for_what_comes_later,
        preferences_of_full_jids,
        preferences_that_follow_the_roster,
        preferences_are_the_owners,
        what_preferences_must_not_be,
        an_account_without_an_archive_on_a_host_with_one,
        a_setting_that_is_none,
        retention_never_takes_what_waits;
    ["archive.policy=roster"]: roster;
    ["archive.policy=always", "archive.retention_hosts.localhost=30"]: how_long_an_account_keeps_its_messages;
    ["archive.policy=never"]: without_an_archive, an_account_with_one_on_a_host_without;
    ["archive.policy=until-delivered"]: without_an_archive_either;
    ["hosts=[\"localhost\", \"other.example\"]", "archive.policy=always", "archive.hosts.localhost=never"]:
        a_host_without_an_archive;
}

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// The bodies in the archive, or the error's condition.
async fn archive(client: &mut Client) -> Result<Vec<String>, String> {
    let id = client.ask("set", None, &format!("<query xmlns='{MAM}'/>")).await;
    let mut bodies = Vec::new();
    loop {
        let stanza = client.next().await;
        if stanza.name() == "iq" && stanza.id() == Some(&id) {
            return if stanza.kind() == Some("error") { Err(stanza.condition()) } else { Ok(bodies) };
        }
        if let Some(result) = stanza.child("result", MAM) {
            let message = result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
            bodies.extend(message.body());
        }
    }
}

/// Sends, and waits until the server has it for good: asked for its archive, it stores what came before.
async fn say(client: &mut Client, to: &str, body: &str) {
    client.say(to, body).await;
    client
        .request("set", None, &format!("<query xmlns='{MAM}'><set xmlns='{RSM}'><max>0</max></set></query>"))
        .await;
}

async fn features(client: &mut Client) -> Vec<String> {
    let bare = client.bare().to_owned();
    let info = client.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    info.must("query", ns::DISCO_INFO).children().filter_map(|it| it.attr("var")).map(str::to_owned).collect()
}

async fn has_archive(client: &mut Client) -> bool {
    let features = features(client).await;
    let archive = features.iter().any(|it| it == MAM);
    for other in ["urn:xmpp:mam:2#extended", ns::STANZA_ID] {
        assert_eq!(features.iter().any(|it| it == other), archive, "{other}");
    }
    archive
}

fn prefs(default: &str, always: &[&str], never: &[&str]) -> String {
    let list = |jids: &[&str]| jids.iter().map(|jid| format!("<jid>{jid}</jid>")).collect::<String>();
    format!(
        "<prefs xmlns='{MAM}' default='{default}'><always>{}</always><never>{}</never></prefs>",
        list(always),
        list(never)
    )
}

/// The next message, and whether it has an id by its recipient.
async fn next(client: &mut Client) -> (String, bool) {
    let message = client.find(|it| it.name() == "message").await;
    (message.body().unwrap_or_default(), message.child("stanza-id", ns::STANZA_ID).is_some())
}

/// Servers of scenes are told which policy they have.
async fn the_default_is_an_archive(s: &Server) {
    let shown = s.cli(&["config", "show"], "");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains("archive.policy = \"until-delivered\""), "{shown}");
    let shown = Server::bare_cli(&["config", "show"]);
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains("archive.policy = \"always\""), "{shown}");
}

async fn always(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    say(&mut romeo, juliet.bare(), "x").await;
    assert_eq!(next(&mut juliet).await, ("x".to_owned(), true));
    for client in [&mut romeo, &mut juliet] {
        assert!(has_archive(client).await);
        assert_eq!(archive(client).await, Ok(vec!["x".to_owned()]));
    }
}

/// Each side by its own roster.
async fn roster(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    say(&mut romeo, juliet.bare(), "stranger").await;
    assert_eq!(next(&mut juliet).await, ("stranger".to_owned(), false));
    // She has him in her roster, he does not have her.
    let item = format!("<query xmlns='{}'><item jid='{}'/></query>", ns::ROSTER, romeo.bare());
    juliet.request("set", None, &item).await;
    say(&mut romeo, juliet.bare(), "contact").await;
    assert_eq!(next(&mut juliet).await, ("contact".to_owned(), true));
    assert!(has_archive(&mut juliet).await && has_archive(&mut romeo).await);
    assert_eq!(archive(&mut juliet).await, Ok(vec!["contact".to_owned()]));
    assert_eq!(archive(&mut romeo).await, Ok(vec![]));
    befriend(&mut romeo, &mut juliet).await;
    say(&mut juliet, romeo.bare(), "back").await;
    assert_eq!(next(&mut romeo).await, ("back".to_owned(), true));
    assert_eq!(archive(&mut romeo).await, Ok(vec!["back".to_owned()]));
    let item =
        format!("<query xmlns='{}'><item jid='{}' subscription='remove'/></query>", ns::ROSTER, romeo.bare());
    juliet.request("set", None, &item).await;
    say(&mut romeo, juliet.bare(), "stranger again").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["contact".to_owned(), "back".to_owned()]));
}

async fn nothing_is_kept(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    romeo.say(juliet.bare(), "x").await;
    assert_eq!(next(&mut juliet).await, ("x".to_owned(), false));
    let away = s.account();
    romeo.say(&away.jid, "waits").await;
    romeo.sync().await;
    // It waits all the same, and comes without an id.
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert_eq!(next(&mut late).await, ("waits".to_owned(), false));
    for client in [&mut romeo, &mut juliet, &mut late] {
        assert!(!has_archive(client).await);
        assert_eq!(archive(client).await, Err("service-unavailable".to_owned()));
        for (kind, payload) in [
            ("get", format!("<query xmlns='{MAM}'/>")),
            ("get", format!("<metadata xmlns='{MAM}'/>")),
            ("get", format!("<prefs xmlns='{MAM}'/>")),
            ("set", prefs("always", &[], &[])),
        ] {
            let answer = client.request(kind, None, &payload).await;
            assert_eq!(answer.condition(), "service-unavailable", "{payload}");
        }
    }
}

async fn without_an_archive(s: &Server) {
    nothing_is_kept(s).await;
}

async fn without_an_archive_either(s: &Server) {
    nothing_is_kept(s).await;
}

async fn a_host_without_an_archive(s: &Server) {
    nothing_is_kept(s).await;
}

async fn preferences_hold_for_what_comes_later(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let answer = juliet.request("get", None, &format!("<prefs xmlns='{MAM}'/>")).await;
    let shown = answer.must("prefs", MAM);
    assert_eq!(shown.attr("default"), Some("always"));
    assert_eq!(shown.must("always", MAM).children().count() + shown.must("never", MAM).children().count(), 0);

    say(&mut romeo, juliet.bare(), "1").await;
    let set = prefs("always", &[], &[&romeo.bare().to_uppercase()]);
    let answer = juliet.request("set", None, &set).await;
    let never: Vec<String> =
        answer.must("prefs", MAM).must("never", MAM).children().map(Element::text).collect();
    assert_eq!(never, [romeo.bare()], "as applied");
    say(&mut romeo, juliet.bare(), "2").await;
    say(&mut juliet, romeo.bare(), "3").await;
    assert_eq!(next(&mut juliet).await, ("1".to_owned(), true));
    assert_eq!(next(&mut juliet).await, ("2".to_owned(), false));
    assert_eq!(archive(&mut juliet).await, Ok(vec!["1".to_owned()]));
    assert_eq!(archive(&mut romeo).await, Ok(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));

    juliet.request("set", None, &prefs("never", &[romeo.bare()], &[])).await;
    say(&mut romeo, juliet.bare(), "4").await;
    let mut paris = s.user().await;
    say(&mut paris, juliet.bare(), "5").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["1".to_owned(), "4".to_owned()]));
    // What is not archived waits for who is away all the same.
    let account = s.account();
    let mut away = s.login(&account, "one").await;
    away.request("set", None, &prefs("never", &[], &[])).await;
    away.close().await;
    say(&mut romeo, &account.jid, "waits").await;
    let mut away = s.login(&account, "one").await;
    away.available(0).await;
    assert_eq!(next(&mut away).await, ("waits".to_owned(), false));
    assert_eq!(archive(&mut away).await, Ok(vec![]));
}

/// XEP-0441 §2.3.
async fn preferences_of_full_jids(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    let mut juliet = s.user().await;
    juliet.request("set", None, &prefs("always", &[], &[one.jid()])).await;
    say(&mut one, juliet.bare(), "1").await;
    say(&mut two, juliet.bare(), "2").await;
    say(&mut juliet, one.jid(), "3").await;
    say(&mut juliet, one.bare(), "4").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["2".to_owned(), "4".to_owned()]));
    juliet.request("set", None, &prefs("never", &[one.bare()], &[one.jid()])).await;
    say(&mut one, juliet.bare(), "5").await;
    say(&mut two, juliet.bare(), "6").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["2".to_owned(), "4".to_owned(), "6".to_owned()]));
}

async fn preferences_that_follow_the_roster(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    juliet.request("set", None, &prefs("roster", &[], &[])).await;
    say(&mut romeo, juliet.bare(), "1").await;
    let item = format!("<query xmlns='{}'><item jid='{}'/></query>", ns::ROSTER, romeo.bare());
    juliet.request("set", None, &item).await;
    say(&mut romeo, juliet.bare(), "2").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["2".to_owned()]));
}

async fn preferences_are_the_owners(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let account: Account = own.account();
    let mut juliet = own.online(&account, "one").await;
    let mut romeo = own.user().await;
    for kind in ["get", "set"] {
        let mut errors = Vec::new();
        for to in [juliet.bare(), "nobody@localhost"] {
            errors.push(romeo.request(kind, Some(to), &prefs("never", &[], &[])).await.error());
        }
        assert_eq!(errors[0], errors[1]);
        assert_eq!(errors[0].1, "forbidden");
    }
    // They are kept, and go with the account.
    juliet.request("set", None, &prefs("never", &["a@b"], &["c@d/e"])).await;
    own.kill();
    own.resume();
    let get = format!("<prefs xmlns='{MAM}'/>");
    let mut juliet = own.online(&account, "one").await;
    let shown = juliet.request("get", None, &get).await;
    let shown = shown.must("prefs", MAM);
    assert_eq!(shown.attr("default"), Some("never"));
    assert_eq!(shown.must("always", MAM).must("jid", MAM).text(), "a@b");
    assert_eq!(shown.must("never", MAM).must("jid", MAM).text(), "c@d/e");
    assert!(own.cli(&["user", "remove", &account.jid], "").status.success());
    let password = format!("{}\n", account.password);
    assert!(own.cli(&["user", "add", "--stdin", &account.jid], &password).status.success());
    let mut juliet = own.online(&account, "one").await;
    let shown = juliet.request("get", None, &get).await;
    assert_eq!(shown.must("prefs", MAM).attr("default"), Some("always"));
}

async fn what_preferences_must_not_be(s: &Server) {
    let mut romeo = s.user().await;
    let many: Vec<String> = (0..1001).map(|n| format!("u{n}@far")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (payload, condition) in [
        (format!("<prefs xmlns='{MAM}'/>"), "bad-request"),
        (prefs("sometimes", &[], &[]), "bad-request"),
        (prefs("always", &["@"], &[]), "jid-malformed"),
        (prefs("always", &[], &[""]), "jid-malformed"),
        (prefs("always", &many, &[]), "not-allowed"),
    ] {
        assert_eq!(romeo.request("set", None, &payload).await.condition(), condition, "{payload}");
    }
    let shown = romeo.request("get", None, &format!("<prefs xmlns='{MAM}'/>")).await;
    assert_eq!(shown.must("prefs", MAM).must("always", MAM).children().count(), 0);
    assert_eq!(romeo.request("set", None, &prefs("always", &many[..1000], &[])).await.kind(), Some("result"));
}

/// By the operator, while the server runs and while it does not.
async fn an_account_without_an_archive_on_a_host_with_one(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let account = own.account();
    let mut romeo = own.user().await;
    let mut juliet = own.online(&account, "one").await;
    say(&mut romeo, &account.jid, "before").await;
    assert_eq!(next(&mut juliet).await, ("before".to_owned(), true));
    let set = |policy: &str| own.cli(&["user", "set", &account.jid, &format!("archive={policy}")], "");
    for policy in ["never", "until-delivered"] {
        let done = set(policy);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{} archive={policy}\n", account.jid));
        say(&mut romeo, &account.jid, policy).await;
        assert_eq!(next(&mut juliet).await, (policy.to_owned(), false));
        assert!(!has_archive(&mut juliet).await);
        assert_eq!(archive(&mut juliet).await, Err("service-unavailable".to_owned()));
    }
    assert!(has_archive(&mut romeo).await, "the others keep theirs");
    // What was in it is gone.
    assert!(set("default").status.success());
    assert!(has_archive(&mut juliet).await);
    assert_eq!(archive(&mut juliet).await, Ok(vec![]));
    say(&mut romeo, &account.jid, "after").await;
    assert_eq!(archive(&mut juliet).await, Ok(vec!["after".to_owned()]));

    own.terminate();
    assert!(own.stopped().success());
    assert!(set("never").status.success());
    own.resume();
    let mut juliet = own.online(&account, "one").await;
    assert!(!has_archive(&mut juliet).await);
    let mut romeo = own.user().await;
    say(&mut romeo, &account.jid, "later").await;
    assert_eq!(next(&mut juliet).await, ("later".to_owned(), false));
}

async fn an_account_with_one_on_a_host_without(s: &Server) {
    let own = s.fresh(&["archive.policy=never"]);
    let account = own.account();
    let mut romeo = own.user().await;
    let mut juliet = own.online(&account, "one").await;
    assert!(own.cli(&["user", "set", &account.jid, "archive=always"], "").status.success());
    romeo.say(&account.jid, "x").await;
    assert_eq!(next(&mut juliet).await, ("x".to_owned(), true));
    assert!(has_archive(&mut juliet).await && !has_archive(&mut romeo).await);
    assert_eq!(archive(&mut juliet).await, Ok(vec!["x".to_owned()]));
}

async fn a_setting_that_is_none(s: &Server) {
    let account = s.account();
    for (setting, says) in [
        ("archive=sometimes", "archive is one of always, roster, never, until-delivered, default"),
        ("colour=red", "is no setting"),
        ("archive", "is no setting"),
    ] {
        let done = s.cli(&["user", "set", &account.jid, setting], "");
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && error.contains(says) && error.lines().count() == 1, "{error}");
    }
    let done = s.cli(&["user", "set", "nobody@localhost", "archive=never"], "");
    assert!(!done.status.success());
}

/// By the host's word and the operator's for an account. What waits longer than that is delivered all the same, and has
/// no id of an archive that it is not in.
async fn what_is_too_old_goes(s: &Server) {
    let s = s.fresh_in_time(&["archive.policy=always", "archive.retention_days=2"]);
    let (account, longer, away) = (s.account(), s.account(), s.account());
    let done = s.cli(&["user", "set", &longer.jid, "retention=4"], "");
    assert!(done.status.success());
    let mut romeo = s.online(&account, "one").await;
    let mut benvolio = s.online(&longer, "one").await;
    say(&mut romeo, &away.jid, "old").await;
    say(&mut benvolio, &away.jid, "also old").await;
    s.later(DAY);
    say(&mut romeo, &away.jid, "new").await;
    // Old messages are looked for at a start, and now and then.
    s.later(2 * DAY + DAY / 2);
    s.restart();
    let mut romeo = s.online(&account, "one").await;
    while archive(&mut romeo).await != Ok(vec!["new".to_owned()]) {}
    let mut benvolio = s.online(&longer, "one").await;
    assert_eq!(archive(&mut benvolio).await, Ok(vec!["also old".to_owned()]));
    let mut juliet = s.login(&away, "one").await;
    juliet.available(0).await;
    for (body, archived) in [("old", false), ("also old", false), ("new", true)] {
        assert_eq!(next(&mut juliet).await, (body.to_owned(), archived));
    }
    assert_eq!(archive(&mut juliet).await, Ok(vec!["new".to_owned()]));
}

/// What may be said of an account.
async fn how_long_an_account_keeps_its_messages(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    say(&mut romeo, &account.jid, "kept").await;
    let set = |days: &str| s.cli(&["user", "set", &account.jid, &format!("retention={days}")], "");
    for days in ["1", "36500", "default"] {
        let done = set(days);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{} retention={days}\n", account.jid));
        let shown = s.cli(&["user", "show", &account.jid], "");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        for line in ["archive   default", &format!("retention {days}")] {
            assert!(shown.lines().any(|it| it == line), "{line:?} in {shown}");
        }
    }
    for days in ["0", "36501", "-1", "", "week"] {
        let done = set(days);
        assert!(!done.status.success());
        let why = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(why.contains("1 to 36500 days") && why.lines().count() == 1, "{why}");
    }
    assert_eq!(archive(&mut romeo).await, Ok(vec!["kept".to_owned()]));
}

async fn retention_never_takes_what_waits(s: &Server) {
    let own = s.fresh(&["archive.policy=always", "archive.max_entries=100"]);
    let away = own.account();
    let mut romeo = own.user().await;
    for n in 0..150 {
        romeo.say(&away.jid, &n.to_string()).await;
    }
    say(&mut romeo, &away.jid, "150").await;
    // Who only looks, and shows no presence, is given nothing of what waits.
    let mut looking = own.login(&away, "archive").await;
    while archive(&mut looking).await.expect("an archive").len() > 101 {}
    looking.close().await;
    let mut late = own.login(&away, "one").await;
    late.available(0).await;
    let messages = late.drain().await;
    let bodies: Vec<String> = messages.iter().filter_map(StanzaExt::body).collect();
    assert_eq!(bodies, (0..=150).map(|n| n.to_string()).collect::<Vec<_>>());
    // Only what is archived has an id.
    let with_id = |it: &&Element| it.body().is_some() && it.child("stanza-id", ns::STANZA_ID).is_some();
    let ids = messages.iter().filter(with_id).count();
    let kept = archive(&mut late).await.expect("an archive");
    assert_eq!(kept.last().map(String::as_str), Some("150"));
    assert!(kept.len() <= 101 && ids == kept.len(), "{} {ids}", kept.len());
}
