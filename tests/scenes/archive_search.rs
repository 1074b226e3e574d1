//! Searching the archive (XEP-0431).

use harness::{Client, Server, StanzaExt, ns, scenes};

scenes! {
    ["archive.policy=always"]:
        words_are_found_in_the_own_archive_only,
        what_came_after_a_search_is_found_by_the_next,
        a_search_goes_with_the_other_filters_and_in_pages,
        what_means_something_to_a_database_does_not_here,
        what_is_not_searched,
        what_cannot_be_searched_for,
        it_is_said_that_there_is_a_search,
        a_search_survives_a_crash;
    ["archive.policy=always", "archive.max_entries=100"]: what_is_gone_is_not_found;
    ["archive.policy=until-delivered"]: without_an_archive_there_is_no_search;
}

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";
const FULLTEXT: &str = "urn:xmpp:fulltext:0";

/// Bodies and ids of what was found, and whether that is all; or the error's condition.
async fn ask(client: &mut Client, inside: &str) -> Result<(Vec<String>, Vec<String>, bool), String> {
    let id = client.ask("set", None, &format!("<query xmlns='{MAM}'>{inside}</query>")).await;
    let (mut bodies, mut ids) = (Vec::new(), Vec::new());
    loop {
        let stanza = client.next().await;
        if stanza.name() == "iq" && stanza.id() == Some(&id) {
            if stanza.kind() == Some("error") {
                return Err(stanza.condition());
            }
            let complete = stanza.must("fin", MAM).attr("complete") == Some("true");
            return Ok((bodies, ids, complete));
        }
        if let Some(result) = stanza.child("result", MAM) {
            let message = result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
            bodies.extend(message.body());
            ids.extend(result.id().map(str::to_owned));
        }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>"))
        .collect();
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>\
         {fields}</x>"
    )
}

fn words(text: &str) -> String {
    form(&[("{urn:xmpp:fulltext:0}fulltext", text)])
}

async fn search(client: &mut Client, text: &str) -> Vec<String> {
    ask(client, &words(text)).await.unwrap_or_else(|error| panic!("{text}: {error}")).0
}

/// Sends, and waits until it is stored.
async fn say(client: &mut Client, to: &str, body: &str) {
    client.say(to, body).await;
    ask(client, &format!("<set xmlns='{RSM}'><max>0</max></set>")).await.expect("an archive");
}

async fn words_are_found_in_the_own_archive_only(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let mut paris = s.user().await;
    say(&mut romeo, juliet.bare(), "It was the lark, the herald of the morn").await;
    say(&mut juliet, romeo.bare(), "It was the Nightingale, and not the LARK").await;
    say(&mut romeo, juliet.bare(), "Größe — 漢字").await;
    say(&mut paris, juliet.bare(), "a lark of mine").await;
    let both = ["It was the lark, the herald of the morn", "It was the Nightingale, and not the LARK"];
    assert_eq!(search(&mut romeo, "lark").await, both);
    assert_eq!(search(&mut romeo, "Lark WAS it").await, both, "all of them, in any order");
    assert_eq!(search(&mut romeo, "lark herald").await, both[..1]);
    assert_eq!(search(&mut romeo, "größe").await.len(), 1);
    assert_eq!(search(&mut romeo, "字").await.len(), 1);
    assert_eq!(search(&mut romeo, "mine").await, [""; 0], "that is in another's archive");
    assert_eq!(search(&mut juliet, "lark").await.len(), 3);
    assert_eq!(search(&mut paris, "lark").await, ["a lark of mine"]);
    assert_eq!(search(&mut paris, "herald").await, [""; 0]);
    // An empty field asks for nothing.
    assert_eq!(search(&mut paris, "").await, ["a lark of mine"]);
}

async fn what_came_after_a_search_is_found_by_the_next(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    for round in 1..=3 {
        for n in 0..40 {
            romeo.say(&away.jid, &format!("word {round} {n}")).await;
        }
        // What was sent just before is searched too.
        let (found, _, complete) =
            ask(&mut romeo, &format!("{}<set xmlns='{RSM}'><max>250</max></set>", words("word")))
                .await
                .expect("results");
        assert_eq!((found.len(), complete), (40 * round, true));
    }
}

async fn a_search_goes_with_the_other_filters_and_in_pages(s: &Server) {
    let (mut romeo, juliet) = s.pair().await;
    let paris = s.account();
    for n in 1..=7 {
        say(&mut romeo, juliet.bare(), &format!("lark {n}")).await;
        say(&mut romeo, &paris.jid, &format!("lark p{n}")).await;
        say(&mut romeo, juliet.bare(), "other").await;
    }
    let field = ("{urn:xmpp:fulltext:0}fulltext", "lark");
    let filter = form(&[field, ("with", juliet.bare())]);
    let (mut all, mut after) = (Vec::new(), String::new());
    for (expected, last) in [(3, false), (3, false), (1, true)] {
        let set = format!("<set xmlns='{RSM}'><max>3</max>{after}</set>");
        let (bodies, ids, complete) = ask(&mut romeo, &format!("{filter}{set}")).await.expect("a page");
        assert_eq!((bodies.len(), complete), (expected, last));
        after = format!("<after>{}</after>", ids.last().expect("a result"));
        all.extend(bodies);
    }
    assert_eq!(all, (1..=7).map(|n| format!("lark {n}")).collect::<Vec<_>>());
    let set = format!("<set xmlns='{RSM}'><max>2</max><before/></set>");
    let (bodies, ids, complete) = ask(&mut romeo, &format!("{filter}{set}")).await.expect("a page");
    assert_eq!((bodies, complete), (vec!["lark 6".to_owned(), "lark 7".to_owned()], false));
    let flipped = ask(&mut romeo, &format!("{filter}{set}<flip-page/>")).await.expect("a page").0;
    assert_eq!(flipped, ["lark 7", "lark 6"]);
    let from = form(&[field, ("after-id", &ids[0])]);
    assert_eq!(ask(&mut romeo, &from).await.expect("a page").0, ["lark p6", "lark 7", "lark p7"]);
    assert_eq!(ask(&mut romeo, &form(&[field, ("ids", &ids[0])])).await.expect("a page").0, ["lark 6"]);
}

async fn what_means_something_to_a_database_does_not_here(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    say(&mut romeo, &away.jid, "lark and or not near words").await;
    say(&mut romeo, &away.jid, "nightingale").await;
    for one in [
        "lark AND words",
        "NOT",
        "NEAR(lark, words)",
        "words: lark",
        "lark*",
        "^lark",
        "\"lark\"",
        "lark -or",
    ] {
        assert_eq!(search(&mut romeo, one).await.len(), 1, "{one}");
    }
    for none in [
        "lark OR nightingale",
        "lar*",
        "lark NOT nightingale",
        "rowid:1",
        "owner:1 lark",
        "lark | x",
        "!x",
        "la",
    ] {
        assert_eq!(search(&mut romeo, none).await.len(), 0, "{none}");
    }
    for strange in ["'; DROP TABLE log; --", "a' | 'b", "&#xe000;1", "1) lark ("] {
        let found = ask(&mut romeo, &words(strange)).await;
        assert!(found.is_err() || found.is_ok_and(|(bodies, ..)| bodies.is_empty()), "{strange}");
    }
    assert_eq!(search(&mut romeo, "nightingale").await.len(), 1);
}

async fn what_is_not_searched(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    for payload in [
        "<body>secret</body><encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>",
        "<subject>secret</subject><body>x</body>",
        "<body>x</body><x xmlns='urn:example'>secret</x>",
        "<body>secret</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    ] {
        romeo.send(format!("<message to='{}' type='chat'>{payload}</message>", away.jid)).await;
    }
    assert_eq!(search(&mut romeo, "secret").await, [""; 0]);
    assert_eq!(search(&mut romeo, "x").await.len(), 2);
}

async fn what_cannot_be_searched_for(s: &Server) {
    let (mut romeo, juliet) = s.pair().await;
    let many: String = (0..17).map(|n| format!("w{n} ")).collect();
    for (text, condition) in
        [("...", "bad-request"), (&*many, "policy-violation"), (&"x".repeat(2000), "policy-violation")]
    {
        assert_eq!(ask(&mut romeo, &words(text)).await, Err(condition.to_owned()), "{text}");
    }
    let twice = words("a").replace("<value>a</value>", "<value>a</value><value>b</value>");
    assert_eq!(ask(&mut romeo, &twice).await, Err("bad-request".to_owned()));
    let payload = format!("<query xmlns='{MAM}'>{}</query>", words("a"));
    for to in [juliet.bare(), "nobody@localhost"] {
        assert_eq!(romeo.set(to, &payload).await.condition(), "forbidden");
    }
}

async fn it_is_said_that_there_is_a_search(s: &Server) {
    let mut romeo = s.user().await;
    let bare = romeo.bare().to_owned();
    let info = romeo.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    assert!(info.must("query", ns::DISCO_INFO).children().any(|it| it.attr("var") == Some(FULLTEXT)));
    let form = romeo.request("get", None, &format!("<query xmlns='{MAM}'/>")).await;
    assert!(form.show().contains("{urn:xmpp:fulltext:0}fulltext"));
}

async fn a_search_survives_a_crash(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (account, away) = (own.account(), own.account());
    let mut romeo = own.online(&account, "one").await;
    say(&mut romeo, &away.jid, "lark 1").await;
    assert_eq!(search(&mut romeo, "lark").await, ["lark 1"]);
    say(&mut romeo, &away.jid, "lark 2").await;
    own.kill();
    own.resume();
    let mut romeo = own.online(&account, "one").await;
    assert_eq!(search(&mut romeo, "lark").await, ["lark 1", "lark 2"]);
    // With the account everything goes.
    assert!(own.cli(&["user", "remove", &account.jid], "").status.success());
    let password = format!("{}\n", account.password);
    assert!(own.cli(&["user", "add", "--stdin", &account.jid], &password).status.success());
    let mut romeo = own.online(&account, "one").await;
    assert_eq!(search(&mut romeo, "lark").await, [""; 0]);
    say(&mut romeo, &away.jid, "lark 3").await;
    assert_eq!(search(&mut romeo, "lark").await, ["lark 3"]);
}

async fn what_is_gone_is_not_found(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    say(&mut romeo, &away.jid, "lark 0").await;
    assert_eq!(search(&mut romeo, "lark").await, ["lark 0"]);
    for n in 1..=120 {
        say(&mut romeo, &away.jid, &format!("other {n}")).await;
    }
    // Tidied up beside the messages.
    while !search(&mut romeo, "lark").await.is_empty() {}
    assert_eq!(search(&mut romeo, "120").await, ["other 120"]);
}

async fn without_an_archive_there_is_no_search(s: &Server) {
    let mut romeo = s.user().await;
    let bare = romeo.bare().to_owned();
    let info = romeo.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    assert!(!info.must("query", ns::DISCO_INFO).children().any(|it| it.attr("var") == Some(FULLTEXT)));
    assert_eq!(ask(&mut romeo, &words("x")).await, Err("service-unavailable".to_owned()));
}
