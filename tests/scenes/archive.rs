//! The archive (XEP-0313, XEP-0059).

use harness::{Account, Client, Server, StanzaExt, ns, scenes};
use minidom::Element;

scenes! {
    ["archive.policy=always"]:
        both_sides_have_an_archive,
        the_id_of_a_message_is_the_id_in_the_archive,
        paging_forwards_as_from_the_beginning_of_time,
        paging_backwards_from_the_last_page,
        a_flipped_page,
        a_range_between_two_ids,
        some_by_their_ids,
        with_one_contact,
        a_span_of_time,
        how_many_there_are,
        metadata,
        the_form_says_what_may_be_asked,
        ids_that_are_not_in_the_archive,
        what_cannot_be_understood,
        nobody_elses_archive,
        what_is_archived,
        what_is_not,
        results_come_before_the_answer_and_to_the_asker_only,
        an_archive_survives_a_crash,
        a_removed_account_leaves_no_archive,
        three_devices_end_with_the_same;
    ["archive.policy=always", "archive.page=20"]: a_page_has_a_limit;
    ["archive.policy=always", "limits.stanza=20000", "limits.outbox_bytes=65536"]: a_client_that_does_not_read;
    ["archive.policy=always", "archive.max_entries=100"]: a_full_archive_drops_its_oldest;
}

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";
const DATA: &str = "jabber:x:data";

/// A result: its id, its stamp and the message.
struct Found {
    id: String,
    stamp: String,
    message: Element,
}

/// An answered query.
struct Page {
    found: Vec<Found>,
    fin: Element,
}

impl Page {
    fn bodies(&self) -> Vec<String> {
        self.found.iter().map(|it| it.message.body().unwrap_or_default()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.found.iter().map(|it| it.id.clone()).collect()
    }

    fn set(&self) -> &Element {
        self.fin.must("set", RSM)
    }

    fn is_complete(&self) -> bool {
        self.fin.attr("complete") == Some("true")
    }

    fn count(&self) -> Option<String> {
        self.set().child("count", RSM).map(Element::text)
    }
}

/// Asks, and reads what comes up to the answer; other messages are dropped.
async fn ask(client: &mut Client, inside: &str) -> Result<Page, Element> {
    let id = client.ask("set", None, &format!("<query xmlns='{MAM}' queryid='f27'>{inside}</query>")).await;
    let mut found = Vec::new();
    loop {
        let stanza = client.next().await;
        if stanza.name() == "iq" && stanza.id() == Some(&id) {
            if stanza.kind() == Some("error") {
                return Err(stanza);
            }
            let fin = stanza.must("fin", MAM).clone();
            let page = Page { found, fin };
            let ends = ["first", "last"].map(|name| page.set().child(name, RSM).map(Element::text));
            let mut ids = page.ids();
            if inside.contains("flip-page") {
                ids.reverse();
            }
            assert_eq!(ends, [ids.first().cloned(), ids.last().cloned()]);
            return Ok(page);
        }
        let Some(result) = stanza.child("result", MAM) else { continue };
        assert_eq!((stanza.from(), stanza.to()), (Some(client.bare()), Some(client.jid())));
        assert_eq!(result.attr("queryid"), Some("f27"));
        let forwarded = result.must("forwarded", ns::FORWARD);
        found.push(Found {
            id: result.id().expect("an id").to_owned(),
            stamp: forwarded.must("delay", ns::DELAY).attr("stamp").expect("a stamp").to_owned(),
            message: forwarded.must("message", ns::CLIENT).clone(),
        });
    }
}

async fn page(client: &mut Client, inside: &str) -> Page {
    ask(client, inside).await.unwrap_or_else(|error| panic!("{}", error.show()))
}

/// What it sent is stored, and whoever is there was sent it: an archive has everything that came before the query.
async fn settled(client: &mut Client) {
    page(client, &set("<max>0</max>")).await;
}

async fn everything(client: &mut Client) -> Page {
    client.drain().await;
    page(client, "").await
}

async fn refused(client: &mut Client, inside: &str) -> String {
    match ask(client, inside).await {
        Ok(page) => panic!("{inside}: {}", page.fin.show()),
        Err(error) => error.condition(),
    }
}

fn set(inside: &str) -> String {
    format!("<set xmlns='{RSM}'>{inside}</set>")
}

fn form(fields: &[(&str, &[&str])]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, values)| {
            let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
            format!("<field var='{var}'>{values}</field>")
        })
        .collect();
    format!(
        "<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>\
         {fields}</x>"
    )
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Two who have sent each other numbered messages; what came of it is read.
async fn talked(s: &Server, count: u32) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    for n in 1..=count {
        let (from, to) = if n % 2 == 1 { (&mut romeo, &juliet) } else { (&mut juliet, &romeo) };
        let to = if n % 3 == 0 { to.jid().to_owned() } else { to.bare().to_owned() };
        from.say(&to, &n.to_string()).await;
        // So that both write in this order.
        settled(from).await;
    }
    romeo.drain().await;
    juliet.drain().await;
    (romeo, juliet)
}

async fn both_sides_have_an_archive(s: &Server) {
    let (mut romeo, mut juliet) = talked(s, 5).await;
    for client in [&mut romeo, &mut juliet] {
        let all = everything(client).await;
        assert_eq!(all.bodies(), numbers(1..=5));
        assert!(all.is_complete());
        assert_eq!(all.count().as_deref(), Some("5"));
        assert!(all.found.iter().map(|it| &it.stamp).is_sorted());
    }
    let all = everything(&mut romeo).await;
    let first = &all.found[0].message;
    assert_eq!(
        (first.from(), first.to(), first.kind()),
        (Some(romeo.jid()), Some(juliet.bare()), Some("chat"))
    );
    // The two archives have nothing in common but the messages.
    let theirs = everything(&mut juliet).await;
    assert!(all.ids().iter().all(|id| !theirs.ids().contains(id)));
}

async fn the_id_of_a_message_is_the_id_in_the_archive(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    romeo.say(juliet.bare(), "x").await;
    let live = juliet.message().await;
    let id = live.must("stanza-id", ns::STANZA_ID).id().expect("an id").to_owned();
    let all = everything(&mut juliet).await;
    assert_eq!(all.ids(), [id]);
    let away = s.account();
    romeo.say(&away.jid, "y").await;
    settled(&mut romeo).await;
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    let message = late.find(|it| it.body().is_some()).await;
    let delay = message.must("delay", ns::DELAY).attr("stamp").expect("a stamp").to_owned();
    let all = everything(&mut late).await;
    assert_eq!(all.ids(), [message.must("stanza-id", ns::STANZA_ID).id().expect("an id")]);
    assert_eq!(all.found[0].stamp, delay);
}

/// As Dino does.
async fn paging_forwards_as_from_the_beginning_of_time(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 25).await;
    let since = form(&[("start", &["1970-01-01T00:00:00Z"])]);
    let (mut bodies, mut after) = (Vec::new(), String::new());
    for expected in [10, 10, 5] {
        let page = page(&mut romeo, &format!("{since}{}", set(&format!("<max>10</max>{after}")))).await;
        assert_eq!(page.found.len(), expected);
        assert_eq!(page.is_complete(), expected == 5);
        after = format!("<after>{}</after>", page.ids().last().expect("a result"));
        bodies.extend(page.bodies());
    }
    assert_eq!(bodies, numbers(1..=25));
    let beyond = page(&mut romeo, &format!("{since}{}", set(&format!("<max>10</max>{after}")))).await;
    assert!(beyond.found.is_empty() && beyond.is_complete());
    // The last page may be exactly full.
    let page = page(&mut romeo, &set("<max>25</max>")).await;
    assert!(page.found.len() == 25 && page.is_complete());
}

/// As Conversations and Converse do.
async fn paging_backwards_from_the_last_page(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 25).await;
    let mut before = "<before/>".to_owned();
    let mut bodies: Vec<String> = Vec::new();
    for (expected, complete) in [(10, false), (10, false), (5, true)] {
        let page = page(&mut romeo, &set(&format!("<max>10</max>{before}"))).await;
        assert_eq!((page.found.len(), page.is_complete()), (expected, complete));
        before = format!("<before>{}</before>", page.ids()[0]);
        bodies.splice(0..0, page.bodies());
    }
    assert_eq!(bodies, numbers(1..=25));
    let page = page(&mut romeo, &set(&format!("<max>10</max>{before}"))).await;
    assert!(page.found.is_empty() && page.is_complete());
}

async fn a_flipped_page(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 6).await;
    let flip = "<flip-page/>";
    let last = page(&mut romeo, &format!("{}{flip}", set("<max>3</max><before/>"))).await;
    assert_eq!(last.bodies(), ["6", "5", "4"]);
    let first = page(&mut romeo, &format!("{}{flip}", set("<max>3</max>"))).await;
    assert_eq!(first.bodies(), ["3", "2", "1"]);
}

async fn a_range_between_two_ids(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 6).await;
    let ids = everything(&mut romeo).await.ids();
    let between = page(&mut romeo, &form(&[("after-id", &[&*ids[1]]), ("before-id", &[&*ids[4]])])).await;
    assert_eq!(between.bodies(), ["3", "4"]);
    assert_eq!(between.count(), None, "it would have to be counted");
    let after = page(&mut romeo, &form(&[("after-id", &[&*ids[3]])])).await;
    assert_eq!(after.bodies(), ["5", "6"]);
    let before =
        page(&mut romeo, &format!("{}{}", form(&[("before-id", &[&*ids[3]])]), set("<max>2</max>"))).await;
    assert_eq!(before.bodies(), ["1", "2"], "before-id does not page backwards");
    let none = page(&mut romeo, &form(&[("after-id", &[&*ids[4]]), ("before-id", &[&*ids[1]])])).await;
    assert!(none.found.is_empty() && none.is_complete());
}

async fn some_by_their_ids(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 6).await;
    let ids = everything(&mut romeo).await.ids();
    let some = page(&mut romeo, &form(&[("ids", &[&*ids[4], &*ids[1], &*ids[4]])])).await;
    assert_eq!(some.bodies(), ["2", "5"], "in order, each once");
    assert!(some.is_complete());
    let one =
        page(&mut romeo, &format!("{}{}", form(&[("ids", &[&*ids[4], &*ids[1]])]), set("<max>1</max>")))
            .await;
    assert_eq!((one.bodies(), one.is_complete()), (vec!["2".to_owned()], false));
}

async fn with_one_contact(s: &Server) {
    let (mut romeo, mut juliet) = talked(s, 2).await;
    let mut paris = s.user().await;
    paris.say(romeo.jid(), "p").await;
    settled(&mut paris).await;
    let own = romeo.bare().to_owned();
    romeo.say(&own, "note").await;
    romeo.drain().await;
    let upper = juliet.bare().to_uppercase();
    for (with, expected) in [
        (juliet.bare(), &["1", "2"][..]),
        (&upper, &["1", "2"]),
        (juliet.jid(), &["2"]),
        (paris.bare(), &["p"]),
        (paris.jid(), &["p"]),
        (&own, &["note"]),
        ("nobody@localhost", &[]),
        ("elsewhere.example", &[]),
    ] {
        assert_eq!(page(&mut romeo, &form(&[("with", &[with])])).await.bodies(), expected, "{with}");
    }
    assert_eq!(everything(&mut juliet).await.bodies(), ["1", "2"]);
}

async fn a_span_of_time(s: &Server) {
    let (mut romeo, juliet) = s.pair().await;
    for n in 1..=4 {
        romeo.say(juliet.bare(), &n.to_string()).await;
        settled(&mut romeo).await;
        let now = std::time::SystemTime::now();
        while now.elapsed().is_ok_and(|passed| passed.as_millis() < 2) {}
    }
    let all = everything(&mut romeo).await;
    let [_, second, third, _] = &all.found[..] else { panic!("four were sent") };
    for (fields, expected) in [
        (&[("start", second.stamp.as_str())][..], &["2", "3", "4"][..]),
        (&[("end", &third.stamp)], &["1", "2", "3"]),
        (&[("start", &second.stamp), ("end", &third.stamp)], &["2", "3"]),
        (&[("start", &third.stamp), ("end", &second.stamp)], &[]),
        (&[("start", "2100-01-01T00:00:00Z")], &[]),
        (&[("end", "1969-12-31T23:59:59.5+01:00")], &[]),
    ] {
        let fields: Vec<(&str, &[&str])> =
            fields.iter().map(|(var, value)| (*var, std::slice::from_ref(value))).collect();
        assert_eq!(page(&mut romeo, &form(&fields)).await.bodies(), expected, "{fields:?}");
    }
}

/// XEP-0059 §2.7.
async fn how_many_there_are(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 4).await;
    let none = page(&mut romeo, &set("<max>0</max>")).await;
    assert!(none.found.is_empty() && !none.is_complete());
    assert_eq!(none.count().as_deref(), Some("4"));
    let mut fresh = s.user().await;
    let none = page(&mut fresh, &set("<max>0</max>")).await;
    assert!(none.is_complete());
    assert_eq!(none.count().as_deref(), Some("0"));
}

async fn metadata(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 3).await;
    let payload = format!("<metadata xmlns='{MAM}'/>");
    let all = everything(&mut romeo).await;
    let answer = romeo.request("get", None, &payload).await;
    let metadata = answer.must("metadata", MAM);
    for (name, found) in [("start", &all.found[0]), ("end", &all.found[2])] {
        let end = metadata.must(name, MAM);
        assert_eq!((end.id(), end.attr("timestamp")), (Some(&*found.id), Some(&*found.stamp)));
    }
    let mut fresh = s.user().await;
    let bare = fresh.bare().to_owned();
    let answer = fresh.get(&bare, &payload).await;
    assert_eq!(answer.must("metadata", MAM).children().count(), 0);
}

async fn the_form_says_what_may_be_asked(s: &Server) {
    let mut romeo = s.user().await;
    let answer = romeo.request("get", None, &format!("<query xmlns='{MAM}'/>")).await;
    let form = answer.must("query", MAM).must("x", DATA);
    assert_eq!(form.kind(), Some("form"));
    let fields: Vec<_> =
        form.children().map(|it| (it.attr("var").expect("var"), it.kind().expect("type"))).collect();
    for field in [
        ("FORM_TYPE", "hidden"),
        ("with", "jid-single"),
        ("start", "text-single"),
        ("end", "text-single"),
        ("before-id", "text-single"),
        ("after-id", "text-single"),
        ("ids", "list-multi"),
        ("include-groupchat", "boolean"),
    ] {
        assert!(fields.contains(&field), "{field:?} in {fields:?}");
    }
    let bare = romeo.bare().to_owned();
    let info = romeo.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let features: Vec<_> =
        info.must("query", ns::DISCO_INFO).children().filter_map(|it| it.attr("var")).collect();
    for feature in [MAM, "urn:xmpp:mam:2#extended", "urn:xmpp:mam:2#groupchat-field", ns::STANZA_ID, RSM] {
        assert!(features.contains(&feature), "{feature}");
    }
    assert!(!features.contains(&"urn:xmpp:mam:2#groupchat-available"));
    for value in ["true", "false"] {
        assert!(page(&mut romeo, &self::form(&[("include-groupchat", &[value])])).await.is_complete());
    }
}

async fn ids_that_are_not_in_the_archive(s: &Server) {
    let (mut romeo, mut juliet) = talked(s, 2).await;
    let theirs = everything(&mut juliet).await.ids().remove(0);
    let own = everything(&mut romeo).await.ids().remove(0);
    for id in [&*theirs, "nonsense", "AAAAAAAAAAAAAAAAAAAAAA", &own.to_lowercase()] {
        for field in ["before-id", "after-id", "ids"] {
            assert_eq!(refused(&mut romeo, &form(&[(field, &[id])])).await, "item-not-found");
        }
        for name in ["before", "after"] {
            assert_eq!(refused(&mut romeo, &set(&format!("<{name}>{id}</{name}>"))).await, "item-not-found");
        }
    }
    assert_eq!(refused(&mut romeo, &form(&[("ids", &[&*own, &*theirs])])).await, "item-not-found");
    romeo.nothing().await;
}

async fn what_cannot_be_understood(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 1).await;
    for (inside, condition) in [
        (form(&[("with", &["a@"])]), "jid-malformed"),
        (form(&[("start", &["now"])]), "bad-request"),
        (form(&[("end", &["2010-01-01"])]), "bad-request"),
        (form(&[("start", &["2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z"])]), "bad-request"),
        (form(&[("with", &["a@b"]), ("with", &["c@d"])]), "bad-request"),
        (form(&[("include-groupchat", &["maybe"])]), "bad-request"),
        (form(&[("{urn:example}field", &["x"])]), "feature-not-implemented"),
        (form(&[("withtext", &[])]), "feature-not-implemented"),
        (form(&[]).replace("submit", "result"), "bad-request"),
        (form(&[]).replace(MAM, "urn:xmpp:mam:1"), "bad-request"),
        (set("<max>many</max>"), "bad-request"),
        (set("<max>-1</max>"), "bad-request"),
        (set("<index>3</index>"), "feature-not-implemented"),
    ] {
        assert_eq!(refused(&mut romeo, &inside).await, condition, "{inside}");
    }
    // An older version of the protocol is another one.
    let old = romeo.request("set", None, "<query xmlns='urn:xmpp:mam:1'/>").await;
    assert_eq!(old.condition(), "service-unavailable");
}

/// The same for somebody's archive and nobody's.
async fn nobody_elses_archive(s: &Server) {
    let (mut romeo, juliet) = talked(s, 2).await;
    let asks = [
        ("set", format!("<query xmlns='{MAM}'/>")),
        ("get", format!("<query xmlns='{MAM}'/>")),
        ("get", format!("<metadata xmlns='{MAM}'/>")),
    ];
    for (kind, payload) in asks {
        let mut errors = Vec::new();
        for to in [juliet.bare(), "nobody@localhost"] {
            errors.push(romeo.request(kind, Some(to), &payload).await.error());
        }
        assert_eq!(errors[0], errors[1]);
        assert_eq!(errors[0].1, "forbidden");
        let host = romeo.request(kind, Some("localhost"), &payload).await;
        assert_eq!(host.condition(), "service-unavailable");
    }
    romeo.nothing().await;
}

/// XEP-0313 §6.1.1, and what clients need to show the same history on every device.
const KEPT: &[&str] = &[
    "<body>x</body>",
    "<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
    "<received xmlns='urn:xmpp:receipts' id='1'/>",
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
    "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><store xmlns='urn:xmpp:hints'/>",
    "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><body>y</body>",
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
    "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
    "<composing xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>",
];

async fn what_is_archived(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for kind in ["chat", "normal"] {
        for payload in KEPT {
            romeo.send(format!("<message to='{}' type='{kind}'>{payload}</message>", juliet.bare())).await;
        }
    }
    settled(&mut romeo).await;
    for client in [&mut romeo, &mut juliet] {
        let all = everything(client).await;
        assert_eq!(all.found.len(), KEPT.len() * 2);
        for (found, payload) in all.found.iter().zip(KEPT.iter().chain(KEPT)) {
            let text = found.message.show();
            let first = payload.split(['<', ' ', '>', '/']).nth(1).expect("a name");
            assert!(text.contains(&format!("<{first}")), "{payload}: {text}");
        }
    }
}

async fn what_is_not(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    for (kind, payload) in [
        ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        ("chat", "<gone xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>"),
        ("chat", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"),
        ("chat", "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>"),
        ("headline", "<body>x</body>"),
        ("groupchat", "<body>x</body>"),
        ("error", "<body>x</body><error type='cancel'/>"),
    ] {
        romeo.send(format!("<message to='{to}' type='{kind}'>{payload}</message>")).await;
    }
    settled(&mut romeo).await;
    for client in [&mut romeo, &mut juliet] {
        let all = everything(client).await;
        assert!(all.found.is_empty(), "{:?}", all.found[0].message.show());
    }
}

async fn results_come_before_the_answer_and_to_the_asker_only(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    let mut romeo = s.user().await;
    romeo.say(two.jid(), "x").await;
    settled(&mut romeo).await;
    for client in [&mut one, &mut two] {
        client.drain().await;
    }
    assert_eq!(page(&mut two, "").await.bodies(), ["x"]);
    two.nothing().await;
    one.nothing().await;
}

async fn a_page_has_a_limit(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 25).await;
    for inside in ["", &set(""), &set("<max>1000000</max>")] {
        let page = page(&mut romeo, inside).await;
        assert_eq!((page.found.len(), page.is_complete()), (20, false));
    }
    let own = everything(&mut romeo).await.ids().remove(0);
    let many = vec![&*own; 21];
    assert_eq!(refused(&mut romeo, &form(&[("ids", &many)])).await, "policy-violation");
}

/// It asks and asks: it is refused, and not closed, and what it asked for is not kept for it.
async fn a_client_that_does_not_read(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    let long = "x".repeat(2000);
    for _ in 0..60 {
        romeo.say(&away.jid, &long).await;
    }
    settled(&mut romeo).await;
    romeo.enable().await;
    romeo.stop_acknowledging();
    let mut refusals = 0;
    for _ in 0..30 {
        match ask(&mut romeo, "").await {
            Ok(page) => assert!(!page.is_complete() && !page.found.is_empty()),
            Err(error) => {
                assert_eq!(error.error(), ("wait".to_owned(), "resource-constraint".to_owned()));
                refusals += 1;
            }
        }
    }
    assert!(refusals > 20, "{refusals}");
    romeo.acknowledge().await;
    assert!(!page(&mut romeo, "").await.found.is_empty());
}

async fn a_full_archive_drops_its_oldest(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let away = s.account();
    for n in 1..=125 {
        romeo.say(&away.jid, &n.to_string()).await;
        juliet.say(&away.jid, "j").await;
    }
    settled(&mut romeo).await;
    settled(&mut juliet).await;
    let first = page(&mut romeo, &set("<max>1</max>")).await;
    // Tidied up beside the messages.
    while page(&mut romeo, &set("<max>1</max>")).await.bodies() == ["1"] {}
    // What was on its way meanwhile goes with one of the next.
    let mut last = 125;
    let all = loop {
        last += 1;
        romeo.say(&away.jid, &last.to_string()).await;
        settled(&mut romeo).await;
        let all = everything(&mut romeo).await;
        if (100..=101).contains(&all.found.len()) {
            break all;
        }
        assert!(last < 1125, "{} are kept", all.found.len());
    };
    assert_eq!(all.bodies().last(), Some(&last.to_string()));
    let oldest = first.ids();
    if first.bodies() == ["1"] {
        assert_eq!(
            refused(&mut romeo, &set(&format!("<after>{}</after>", oldest[0]))).await,
            "item-not-found"
        );
    }
    // What waits is not dropped with it: all of them come.
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert_eq!(late.bodies().await.len(), last + 125);
}

async fn an_archive_survives_a_crash(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&romeo, "one").await;
    client.enable().await;
    for n in 1..=5 {
        client.say(&juliet.jid, &n.to_string()).await;
    }
    client.acknowledged().await;
    let before = page(&mut client, "").await;
    assert_eq!(before.bodies(), numbers(1..=5));
    own.kill();
    own.resume();
    let mut client = own.online(&romeo, "one").await;
    client.say(&juliet.jid, "6").await;
    let after = everything(&mut client).await;
    assert_eq!(after.bodies(), numbers(1..=6));
    assert_eq!(after.ids()[..5], before.ids());
}

async fn a_removed_account_leaves_no_archive(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&romeo, "one").await;
    client.say(&juliet.jid, "x").await;
    assert_eq!(everything(&mut client).await.bodies(), ["x"]);
    assert!(own.cli(&["user", "remove", &romeo.jid], "").status.success());
    let password = format!("{}\n", romeo.password);
    assert!(own.cli(&["user", "add", "--stdin", &romeo.jid], &password).status.success());
    let mut again = own.online(&romeo, "one").await;
    let all = everything(&mut again).await;
    assert!(all.found.is_empty());
    assert_eq!(all.count().as_deref(), Some("0"));
    // The other side keeps its own.
    let mut other = own.login(&juliet, "one").await;
    assert_eq!(everything(&mut other).await.bodies(), ["x"]);
}

/// A device as a client keeps it: what it has seen, by id, and what was read up to where.
#[derive(Default)]
struct Device {
    last: Option<String>,
    seen: Vec<(String, String)>,
    displayed: Option<String>,
}

impl Device {
    /// Catches up from the last id that it knows, page by page.
    async fn catch_up(&mut self, client: &mut Client) {
        loop {
            let after = self.last.as_ref().map(|id| format!("<after>{id}</after>")).unwrap_or_default();
            let page = page(client, &set(&format!("<max>4</max>{after}"))).await;
            for found in &page.found {
                self.take(&found.id, &found.message);
            }
            if page.is_complete() {
                return;
            }
        }
    }

    fn take(&mut self, id: &str, message: &Element) {
        self.last = Some(id.to_owned());
        if self.seen.iter().any(|(known, _)| known == id) {
            return;
        }
        let marker = message.child("displayed", "urn:xmpp:chat-markers:0");
        if let Some(marker) = marker {
            self.displayed = marker.id().map(str::to_owned);
        }
        self.seen.push((id.to_owned(), message.body().unwrap_or_default()));
    }
}

/// Two online, one offline for a day: all three end with the same archive and the same unread state.
async fn three_devices_end_with_the_same(s: &Server) {
    let account: Account = s.account();
    let mut romeo = s.user().await;
    let names = ["phone", "laptop", "tablet"];
    let mut devices = [const { None::<Client> }; 3];
    for (device, name) in devices.iter_mut().zip(names) {
        let mut client = s.online(&account, name).await;
        client.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
        *device = Some(client);
    }
    let [Some(mut phone), Some(mut laptop), Some(mut tablet)] = devices else { unreachable!() };
    let mut states = [Device::default(), Device::default(), Device::default()];

    // All three are there.
    romeo.send(format!("<message to='{}' type='chat' id='r1'><body>r1</body></message>", account.jid)).await;
    settled(&mut romeo).await;
    for (client, state) in [&mut phone, &mut laptop, &mut tablet].into_iter().zip(&mut states) {
        let message = client.find(|it| it.body().as_deref() == Some("r1")).await;
        state.take(message.must("stanza-id", ns::STANZA_ID).id().expect("an id"), &message);
    }
    tablet.close().await;

    // The day: they write, one reads on the phone, the laptop answers.
    for n in 2..=6 {
        let to = if n % 2 == 0 { phone.bare() } else { phone.jid() }.to_owned();
        romeo.send(format!("<message to='{to}' type='chat' id='r{n}'><body>r{n}</body></message>")).await;
    }
    settled(&mut romeo).await;
    laptop.say(romeo.bare(), "l1").await;
    settled(&mut laptop).await;
    let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='r4'/>";
    phone.send(format!("<message to='{}' type='chat'>{marker}</message>", romeo.jid())).await;
    settled(&mut phone).await;
    romeo.say(phone.bare(), "r7").await;
    settled(&mut romeo).await;
    for client in [&mut phone, &mut laptop] {
        client.drain().await;
    }

    // It comes back: nothing waits for it that another has read, the archive has it all.
    let mut tablet = s.login(&account, "tablet").await;
    states[2].catch_up(&mut tablet).await;
    tablet.available(0).await;
    assert!(tablet.bodies().await.is_empty());
    for (client, state) in [&mut phone, &mut laptop].into_iter().zip(&mut states) {
        state.catch_up(client).await;
    }
    let bodies: Vec<&str> = states[2].seen.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(bodies, ["r1", "r2", "r3", "r4", "r5", "r6", "l1", "", "r7"]);
    for state in &states {
        assert_eq!(state.seen, states[2].seen);
        assert_eq!(state.displayed.as_deref(), Some("r4"));
    }
}
