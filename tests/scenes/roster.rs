//! The roster (RFC 6121 §2).

use harness::{Client, Server, StanzaExt, ns, scenes};
use minidom::Element;

scenes! {
    []: a_new_roster_is_empty,
        a_set_is_pushed_to_every_interested_resource,
        the_push_goes_out_before_the_result,
        the_push_goes_first_behind_a_backlog_too,
        an_item_is_replaced_whole,
        removing_is_pushed,
        removing_what_is_not_there,
        a_set_holds_exactly_one_item,
        groups_are_neither_doubled_nor_empty,
        a_subscription_in_a_set_is_ignored,
        an_item_needs_a_valid_address,
        nobody_is_their_own_contact,
        nobody_sets_the_roster_of_another,
        a_version_that_is_current_costs_nothing,
        a_stale_version_gets_the_whole_roster,
        names_and_groups_hold_any_text,
        names_and_groups_have_a_limit,
        the_roster_survives_a_restart;
    ["limits.roster_items=3"]: one_contact_more_than_allowed;
}

fn query(payload: &str) -> String {
    format!("<query xmlns='{}'>{payload}</query>", ns::ROSTER)
}

async fn roster(client: &mut Client) -> Vec<Element> {
    let answer = client.request("get", None, &query("")).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
    answer.must("query", ns::ROSTER).children().cloned().collect()
}

async fn set(client: &mut Client, item: &str) -> Element {
    client.request("set", None, &query(item)).await
}

async fn accepted(client: &mut Client, item: &str) {
    let answer = set(client, item).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

/// The one item of the next stanza, which must be a push from the server itself (RFC 6121 §2.1.6).
async fn pushed(client: &mut Client) -> Element {
    let push = client.iq().await;
    assert_eq!(push.kind(), Some("set"), "{}", push.show());
    assert!(push.from().is_none_or(|from| from == client.bare()), "{}", push.show());
    assert!(push.to().is_none_or(|to| to == client.jid()), "{}", push.show());
    let items: Vec<&Element> = push.must("query", ns::ROSTER).children().collect();
    assert_eq!(items.len(), 1);
    items[0].clone()
}

fn groups(item: &Element) -> Vec<String> {
    let mut groups: Vec<String> =
        item.children().filter(|it| it.name() == "group").map(Element::text).collect();
    groups.sort();
    groups
}

async fn a_new_roster_is_empty(s: &Server) {
    let mut romeo = s.user().await;
    assert!(roster(&mut romeo).await.is_empty());
    // Also when it is asked for by name.
    let me = romeo.bare().to_owned();
    assert_eq!(romeo.get(&me, &query("")).await.kind(), Some("result"));
}

async fn a_set_is_pushed_to_every_interested_resource(s: &Server) {
    let account = s.account();
    let mut garden = s.login(&account, "garden").await;
    let mut balcony = s.login(&account, "balcony").await;
    let mut deaf = s.login(&account, "deaf").await;
    roster(&mut garden).await;
    roster(&mut balcony).await;
    accepted(&mut garden, "<item jid='nurse@localhost' name='Nurse'><group>Servants</group></item>").await;
    for client in [&mut garden, &mut balcony] {
        let item = pushed(client).await;
        assert_eq!(item.attr("jid"), Some("nurse@localhost"));
        assert_eq!(item.attr("name"), Some("Nurse"));
        assert_eq!(item.attr("subscription"), Some("none"));
        assert_eq!(groups(&item), ["Servants"]);
        client.nothing().await;
    }
    // It never asked for the roster (RFC 6121 §2.1.6).
    deaf.nothing().await;
    let items = roster(&mut deaf).await;
    assert_eq!((items.len(), items[0].attr("name")), (1, Some("Nurse")));
}

async fn the_push_goes_out_before_the_result(s: &Server) {
    let mut romeo = s.user().await;
    roster(&mut romeo).await;
    let id = romeo.ask("set", None, &query("<item jid='nurse@localhost'/>")).await;
    pushed(&mut romeo).await;
    let result = romeo.iq().await;
    assert_eq!((result.kind(), result.id()), (Some("result"), Some(&*id)));
}

/// What waits for the session comes before both.
async fn the_push_goes_first_behind_a_backlog_too(s: &Server) {
    let account = s.account();
    let mut juliet = s.user().await;
    for body in ["one", "two", "three"] {
        juliet.say(&account.jid, body).await;
    }
    juliet.sync().await;
    let mut romeo = s.login(&account, "balcony").await;
    roster(&mut romeo).await;
    let set = query("<item jid='nurse@localhost'/>");
    romeo.send(format!("<presence/><iq type='set' id='set' to='{}'>{set}</iq>", account.jid)).await;
    romeo.find(|it| it.kind() == Some("result") && it.id() == Some("set")).await;
    let before = romeo.drain().await;
    let pushes = before.iter().filter(|it| it.name() == "iq" && it.kind() == Some("set"));
    assert_eq!(pushes.count(), 1, "the push came before the result");
}

async fn an_item_is_replaced_whole(s: &Server) {
    let mut romeo = s.user().await;
    let first = "<item jid='nurse@localhost' name='Nurse'><group>A</group><group>B</group></item>";
    accepted(&mut romeo, first).await;
    accepted(&mut romeo, "<item jid='nurse@localhost'><group>C</group></item>").await;
    let items = roster(&mut romeo).await;
    assert_eq!(items.len(), 1);
    assert!(items[0].attr("name").is_none_or(str::is_empty), "{}", items[0].show());
    assert_eq!(groups(&items[0]), ["C"]);
}

async fn removing_is_pushed(s: &Server) {
    let mut romeo = s.user().await;
    roster(&mut romeo).await;
    accepted(&mut romeo, "<item jid='nurse@localhost'/>").await;
    pushed(&mut romeo).await;
    accepted(&mut romeo, "<item jid='nurse@localhost' subscription='remove'/>").await;
    let item = pushed(&mut romeo).await;
    assert_eq!((item.attr("jid"), item.attr("subscription")), (Some("nurse@localhost"), Some("remove")));
    assert!(roster(&mut romeo).await.is_empty());
}

/// RFC 6121 §2.5.3.
async fn removing_what_is_not_there(s: &Server) {
    let mut romeo = s.user().await;
    roster(&mut romeo).await;
    let answer = set(&mut romeo, "<item jid='nurse@localhost' subscription='remove'/>").await;
    assert_eq!(answer.condition(), "item-not-found");
    romeo.nothing().await;
}

/// RFC 6121 §2.3.3.
async fn a_set_holds_exactly_one_item(s: &Server) {
    let mut romeo = s.user().await;
    roster(&mut romeo).await;
    for items in ["<item jid='nurse@localhost'/><item jid='friar@localhost'/>", ""] {
        assert_eq!(set(&mut romeo, items).await.condition(), "bad-request", "{items}");
    }
    romeo.nothing().await;
    assert!(roster(&mut romeo).await.is_empty(), "nothing half done");
}

/// RFC 6121 §2.3.3.
async fn groups_are_neither_doubled_nor_empty(s: &Server) {
    let mut romeo = s.user().await;
    let doubled = "<item jid='nurse@localhost'><group>A</group><group>A</group></item>";
    assert_eq!(set(&mut romeo, doubled).await.condition(), "bad-request");
    for empty in ["<group/>", "<group></group>"] {
        let item = format!("<item jid='nurse@localhost'>{empty}</item>");
        assert_eq!(set(&mut romeo, &item).await.condition(), "not-acceptable");
    }
    assert!(roster(&mut romeo).await.is_empty());
}

/// RFC 6121 §2.1.2.5: the server alone decides on it, on `ask` and on `approved`.
async fn a_subscription_in_a_set_is_ignored(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for subscription in ["both", "to", "from", "none", "nonsense"] {
        let jid = juliet.bare().to_owned();
        let item =
            format!("<item jid='{jid}' subscription='{subscription}' ask='subscribe' approved='true'/>");
        accepted(&mut romeo, &item).await;
        let items = roster(&mut romeo).await;
        assert_eq!(items[0].attr("subscription"), Some("none"));
        assert_eq!((items[0].attr("ask"), items[0].attr("approved")), (None, None));
    }
    romeo.send("<presence><show>dnd</show></presence>").await;
    romeo.drain().await;
    juliet.nothing().await;
}

async fn an_item_needs_a_valid_address(s: &Server) {
    let mut romeo = s.user().await;
    for item in
        ["<item name='nobody'/>", "<item jid=''/>", "<item jid='@localhost'/>", "<item jid='a b@@c'/>"]
    {
        let condition = set(&mut romeo, item).await.condition();
        assert!(matches!(&*condition, "bad-request" | "jid-malformed"), "{item}: {condition}");
    }
    assert!(roster(&mut romeo).await.is_empty());
}

async fn nobody_is_their_own_contact(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for item in [format!("<item jid='{me}'/>"), format!("<item jid='{me}' subscription='remove'/>")] {
        assert_eq!(set(&mut romeo, &item).await.condition(), "not-allowed");
    }
    for kind in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        romeo.send(format!("<presence to='{me}' type='{kind}'/>")).await;
        romeo.nothing().await;
        // RFC 6120 §8.3.3.1: a step that is for nobody is no step.
        romeo.send(format!("<presence type='{kind}'/>")).await;
        assert_eq!(romeo.presence().await.condition(), "bad-request");
    }
    assert!(roster(&mut romeo).await.is_empty());
}

/// RFC 6121 §2.3.3.
async fn nobody_sets_the_roster_of_another(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    roster(&mut juliet).await;
    for to in [juliet.bare().to_owned(), "nobody@localhost".to_owned()] {
        let answer = romeo.set(&to, &query("<item jid='nurse@localhost'/>")).await;
        assert_eq!(answer.condition(), "forbidden", "{to}");
        assert_eq!(romeo.get(&to, &query("")).await.kind(), Some("error"), "{to}");
    }
    juliet.nothing().await;
    assert!(roster(&mut juliet).await.is_empty());
}

fn versioned(version: &str) -> String {
    format!("<query xmlns='{}' ver='{version}'/>", ns::ROSTER)
}

/// RFC 6121 §2.6.
async fn a_version_that_is_current_costs_nothing(s: &Server) {
    let account = s.account();
    let mut romeo = s.login(&account, "one").await;
    let empty = romeo.request("get", None, &versioned("")).await;
    let before = empty.must("query", ns::ROSTER).attr("ver").expect("a version").to_owned();
    accepted(&mut romeo, "<item jid='nurse@localhost'/>").await;
    let push = romeo.iq().await;
    let pushed = push.must("query", ns::ROSTER).attr("ver").expect("a version").to_owned();
    assert_ne!(before, pushed);

    let mut again = s.login(&account, "two").await;
    let answer = again.request("get", None, &versioned(&pushed)).await;
    assert_eq!(answer.kind(), Some("result"));
    assert!(answer.child("query", ns::ROSTER).is_none(), "{}", answer.show());
    // And it is interested from now on.
    accepted(&mut romeo, "<item jid='friar@localhost'/>").await;
    again.find(|it| it.child("query", ns::ROSTER).is_some()).await;
}

async fn a_stale_version_gets_the_whole_roster(s: &Server) {
    let mut romeo = s.user().await;
    let answer = romeo.request("get", None, &versioned("")).await;
    let stale = answer.must("query", ns::ROSTER).attr("ver").expect("a version").to_owned();
    for jid in ["nurse@localhost", "friar@localhost"] {
        accepted(&mut romeo, &format!("<item jid='{jid}'/>")).await;
    }
    romeo.drain().await;
    for version in [stale.as_str(), "never-heard-of", ""] {
        let answer = romeo.request("get", None, &versioned(version)).await;
        let query = answer.must("query", ns::ROSTER);
        assert_eq!(query.children().count(), 2, "{version}");
        assert!(query.attr("ver").is_some_and(|ver| ver != stale));
    }
    romeo.nothing().await;
}

async fn names_and_groups_hold_any_text(s: &Server) {
    let mut romeo = s.user().await;
    let item = "<item jid='nurse@localhost' name='&lt;\"&apos;&amp;&gt; \u{1F339}'>\
                <group>a::b, [\"c\"]</group><group>\u{1F339} &amp;</group></item>";
    accepted(&mut romeo, item).await;
    let items = roster(&mut romeo).await;
    assert_eq!(items[0].attr("name"), Some("<\"'&> \u{1F339}"));
    assert_eq!(groups(&items[0]), ["a::b, [\"c\"]", "\u{1F339} &"]);
}

async fn names_and_groups_have_a_limit(s: &Server) {
    let mut romeo = s.user().await;
    let item = |name: usize, groups: usize, group: usize| {
        let groups: String = (0..groups).map(|number| format!("<group>{number:0>group$}</group>")).collect();
        format!("<item jid='nurse@localhost' name='{}'>{groups}</item>", "n".repeat(name))
    };
    accepted(&mut romeo, &item(1023, 64, 8)).await;
    for (name, groups, group) in [(1024, 1, 8), (8, 65, 8), (8, 1, 1024)] {
        assert_eq!(set(&mut romeo, &item(name, groups, group)).await.condition(), "not-acceptable");
    }
    assert_eq!(groups(&roster(&mut romeo).await[0]).len(), 64, "nothing of what was refused is done");
}

async fn the_roster_survives_a_restart(s: &Server) {
    let own = s.fresh(&[]);
    let account = own.account();
    let mut romeo = own.login(&account, "one").await;
    let answer = romeo.request("get", None, &versioned("")).await;
    let before = answer.must("query", ns::ROSTER).attr("ver").expect("a version").to_owned();
    accepted(&mut romeo, "<item jid='nurse@localhost' name='Nurse'><group>A</group></item>").await;
    own.kill();
    own.resume();
    let mut romeo = own.login(&account, "two").await;
    let answer = romeo.request("get", None, &versioned(&before)).await;
    let items: Vec<&Element> = answer.must("query", ns::ROSTER).children().collect();
    assert_eq!((items.len(), items[0].attr("name")), (1, Some("Nurse")));
    assert_eq!(groups(items[0]), ["A"]);
}

async fn one_contact_more_than_allowed(s: &Server) {
    let mut romeo = s.user().await;
    for n in 0..3 {
        accepted(&mut romeo, &format!("<item jid='c{n}@localhost'/>")).await;
    }
    assert_eq!(set(&mut romeo, "<item jid='c3@localhost'/>").await.condition(), "not-allowed");
    // What strangers ask takes nobody's place.
    let mut juliet = s.user().await;
    romeo.send("<presence/>").await;
    juliet.send(format!("<presence to='{}' type='subscribe'/>", romeo.bare())).await;
    romeo.find(|it| it.kind() == Some("subscribe")).await;
    // To say no is free, to say yes is one contact more.
    romeo.send(format!("<presence to='{}' type='subscribed'/>", juliet.bare())).await;
    let refused = romeo.find(|it| it.kind() == Some("error")).await;
    assert_eq!((refused.name(), &*refused.condition()), ("presence", "not-allowed"));
    romeo.send(format!("<presence to='{}' type='unsubscribed'/>", juliet.bare())).await;
    juliet.find(|it| it.kind() == Some("unsubscribed")).await;
    // Changing and removing is still free.
    accepted(&mut romeo, "<item jid='c2@localhost' name='x'/>").await;
    accepted(&mut romeo, "<item jid='c2@localhost' subscription='remove'/>").await;
    accepted(&mut romeo, "<item jid='c3@localhost'/>").await;
}
