//! Blocking (XEP-0191), in all directions and for all kinds of stanza.

use harness::{Client, Component, Server, StanzaExt, befriend, ns, scenes, scenes_of_both_policies};
use minidom::Element;

scenes_of_both_policies! {
    [r#"components={"seen.localhost"={secret="s3cret"},"sent.localhost"={secret="s3cret"},"bot.localhost"={secret="s3cret"},"push.localhost"={secret="s3cret"}}"#]:
        the_list_is_kept_and_pushed,
        requests_that_make_no_sense,
        messages_from_the_blocked_are_refused,
        iqs_from_the_blocked_are_refused,
        presence_from_the_blocked_is_silence,
        nothing_goes_to_the_blocked,
        to_the_blocked_one_is_offline,
        unblocking_shows_presence_again,
        a_subscription_request_from_the_blocked_is_not_kept,
        any_resource_or_one_or_a_whole_domain,
        the_own_account_and_the_server_are_never_blocked,
        what_waits_from_the_blocked_is_not_shown,
        a_block_survives_a_restart,
        the_host_says_that_it_can,
        presence_sent_directly_is_taken_back,
        a_blocked_resource_is_told_nothing_beside_its_others,
        the_blocked_is_not_told_by_its_removal_that_one_is_there,
        who_is_unblocked_is_seen_again,
        two_spellings_are_one_address,
        who_is_offline_keeps_nothing_of_the_blocked,
        other_sessions_see_nothing_of_what_is_refused,
        a_contact_at_a_component_sees_one_go_and_come,
        who_is_blocked_at_a_component_is_refused,
        a_resource_of_a_domain_is_blocked_alone,
        nobody_is_woken_for_the_blocked;
}

scenes! {
    ["archive.policy=always"]: what_is_refused_is_in_no_archive;
    ["limits.blocked_items=3"]: one_more_than_may_be_blocked;
}

async fn block(client: &mut Client, jid: &str) {
    let payload = format!("<block xmlns='{}'><item jid='{jid}'/></block>", ns::BLOCKING);
    let answer = client.request("set", None, &payload).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

async fn unblock(client: &mut Client, jid: Option<&str>) {
    let item = jid.map(|jid| format!("<item jid='{jid}'/>")).unwrap_or_default();
    let payload = format!("<unblock xmlns='{}'>{item}</unblock>", ns::BLOCKING);
    let answer = client.request("set", None, &payload).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

fn jids(list: &Element) -> Vec<String> {
    let mut jids: Vec<String> = list.children().map(|it| it.attr("jid").expect("a JID").to_owned()).collect();
    jids.sort();
    jids
}

async fn blocked(client: &mut Client) -> Vec<String> {
    let answer = client.request("get", None, &format!("<blocklist xmlns='{}'/>", ns::BLOCKING)).await;
    jids(answer.must("blocklist", ns::BLOCKING))
}

async fn the_list_is_kept_and_pushed(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    let mut deaf = s.online(&account, "deaf").await;
    for client in [&mut one, &mut two] {
        assert_eq!(blocked(client).await, [""; 0]);
    }
    for client in [&mut one, &mut two, &mut deaf] {
        client.drain().await;
    }

    let items = "<item jid='romeo@montague.example'/><item jid='iago@shakespeare.example'/>";
    let answer = one.request("set", None, &format!("<block xmlns='{}'>{items}</block>", ns::BLOCKING)).await;
    assert_eq!(answer.kind(), Some("result"));
    for client in [&mut one, &mut two] {
        let push = client.iq().await;
        assert_eq!(push.kind(), Some("set"));
        assert!(push.from().is_none_or(|from| from == account.jid));
        let block = push.must("block", ns::BLOCKING);
        assert_eq!(jids(block), ["iago@shakespeare.example", "romeo@montague.example"]);
    }
    // It never asked for the list.
    deaf.nothing().await;
    assert_eq!(blocked(&mut two).await.len(), 2);

    unblock(&mut two, Some("iago@shakespeare.example")).await;
    for client in [&mut one, &mut two] {
        let push = client.iq().await;
        assert_eq!(jids(push.must("unblock", ns::BLOCKING)), ["iago@shakespeare.example"]);
    }
    assert_eq!(blocked(&mut one).await, ["romeo@montague.example"]);
    unblock(&mut one, None).await;
    for client in [&mut one, &mut two] {
        let push = client.iq().await;
        assert!(jids(push.must("unblock", ns::BLOCKING)).is_empty());
        client.nothing().await;
    }
    assert_eq!(blocked(&mut one).await, [""; 0]);
}

async fn requests_that_make_no_sense(s: &Server) {
    let mut romeo = s.user().await;
    let empty = romeo.request("set", None, &format!("<block xmlns='{}'/>", ns::BLOCKING)).await;
    assert_eq!(empty.condition(), "bad-request");
    for item in ["<item jid='@localhost'/>", "<item/>", "<item jid=''/>"] {
        let payload = format!("<block xmlns='{}'>{item}</block>", ns::BLOCKING);
        let condition = romeo.request("set", None, &payload).await.condition();
        assert!(matches!(&*condition, "jid-malformed" | "bad-request"), "{item}: {condition}");
    }
    // What means "these" must not turn into "all".
    block(&mut romeo, "tybalt@localhost").await;
    for item in ["<item/>", "<itm jid='tybalt@localhost'/>", "<item jid='@'/>"] {
        let payload = format!("<unblock xmlns='{}'>{item}</unblock>", ns::BLOCKING);
        let condition = romeo.request("set", None, &payload).await.condition();
        assert!(matches!(&*condition, "jid-malformed" | "bad-request"), "{item}: {condition}");
    }
    for (kind, name) in [("set", "blocklist"), ("get", "block"), ("get", "unblock"), ("set", "blocked")] {
        let payload = format!("<{name} xmlns='{}'><item jid='a@b'/></{name}>", ns::BLOCKING);
        assert_eq!(romeo.request(kind, None, &payload).await.condition(), "service-unavailable");
    }
    assert_eq!(blocked(&mut romeo).await, ["tybalt@localhost"]);
    unblock(&mut romeo, None).await;
    let juliet = s.account().jid;
    let list = format!("<blocklist xmlns='{}'/>", ns::BLOCKING);
    assert_eq!(romeo.get(&juliet, &list).await.kind(), Some("error"), "the list of another");
    assert_eq!(blocked(&mut romeo).await, [""; 0]);
}

async fn messages_from_the_blocked_are_refused(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (bare, full) = (juliet.bare().to_owned(), juliet.jid().to_owned());
    block(&mut juliet, romeo.bare()).await;
    for to in [&bare, &full] {
        for kind in ["chat", "normal", "headline"] {
            romeo.send(format!("<message to='{to}' type='{kind}' id='m'><body>x</body></message>")).await;
            let error = romeo.message().await;
            assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()), "{kind} to {to}");
            assert_eq!((error.from(), error.id()), (Some(to.as_str()), Some("m")));
        }
        // An error is never answered (RFC 6120 §8.3.1).
        romeo.send(format!("<message to='{to}' type='error'><error type='cancel'/></message>")).await;
        romeo.nothing().await;
    }
    juliet.nothing().await;

    // Subsequent stanzas come through when the block is gone, former ones do not.
    unblock(&mut juliet, Some(romeo.bare())).await;
    romeo.say(&bare, "again").await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("again"));
}

async fn iqs_from_the_blocked_are_refused(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let full = juliet.jid().to_owned();
    block(&mut juliet, romeo.bare()).await;
    for kind in ["get", "set"] {
        let answer = romeo.request(kind, Some(&full), "<query xmlns='jabber:iq:version'/>").await;
        assert_eq!(answer.condition(), "service-unavailable");
    }
    for kind in ["result", "error"] {
        romeo.send(format!("<iq to='{full}' type='{kind}' id='r'/>")).await;
    }
    romeo.nothing().await;
    juliet.nothing().await;
}

async fn presence_from_the_blocked_is_silence(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    let (bare, full) = (juliet.bare().to_owned(), juliet.jid().to_owned());
    block(&mut juliet, romeo.bare()).await;
    juliet.drain().await;
    romeo.drain().await;
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.drain().await;
    for kind in ["", " type='probe'", " type='unavailable'"] {
        for to in [&bare, &full] {
            romeo.send(format!("<presence to='{to}'{kind}/>")).await;
        }
    }
    romeo.nothing().await;
    juliet.nothing().await;
}

/// `<not-acceptable/>` with `<blocked/>`, for whatever the user sends.
async fn nothing_goes_to_the_blocked(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (bare, full) = (romeo.bare().to_owned(), romeo.jid().to_owned());
    block(&mut juliet, &bare).await;
    for to in [&bare, &full] {
        juliet.say(to, "x").await;
        let error = juliet.message().await;
        assert_eq!(error.condition(), "not-acceptable");
        error.must("error", ns::CLIENT).must("blocked", "urn:xmpp:blocking:errors");
        assert_eq!(error.from(), Some(to.as_str()));
        let answer = juliet.get(to, "<query xmlns='jabber:iq:version'/>").await;
        assert_eq!(answer.condition(), "not-acceptable");
        juliet.send(format!("<presence to='{to}'/>")).await;
        assert_eq!(juliet.presence().await.condition(), "not-acceptable");
    }
    juliet.nothing().await;
    romeo.nothing().await;
}

async fn to_the_blocked_one_is_offline(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    block(&mut juliet, romeo.bare()).await;
    let gone = romeo.presence().await;
    assert_eq!((gone.kind(), gone.from()), (Some("unavailable"), Some(juliet.jid())));
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    romeo.nothing().await;
    // A new session of the blocked one sees nothing either.
    romeo.send("<presence type='unavailable'/>").await;
    romeo.drain().await;
    romeo.available(0).await;
    romeo.nothing().await;
    // A stranger is told nothing.
    let mut stranger = s.user().await;
    block(&mut juliet, stranger.bare()).await;
    stranger.nothing().await;
}

async fn unblocking_shows_presence_again(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    block(&mut juliet, romeo.bare()).await;
    juliet.send("<presence><show>dnd</show></presence>").await;
    juliet.drain().await;
    assert_eq!(romeo.presence().await.kind(), Some("unavailable"));
    unblock(&mut juliet, Some(romeo.bare())).await;
    let presence = romeo.presence().await;
    assert_eq!((presence.kind(), presence.from()), (None, Some(juliet.jid())));
    assert_eq!(presence.must("show", ns::CLIENT).text(), "dnd");
}

async fn a_subscription_request_from_the_blocked_is_not_kept(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    block(&mut juliet, romeo.bare()).await;
    romeo.send(format!("<presence to='{}' type='subscribe'/>", juliet.bare())).await;
    romeo.drain().await;
    juliet.nothing().await;
    unblock(&mut juliet, None).await;
    juliet.send("<presence type='unavailable'/>").await;
    juliet.drain().await;
    juliet.available(0).await;
    juliet.nothing().await;
}

/// XEP-0191 §5.
async fn any_resource_or_one_or_a_whole_domain(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    let mut juliet = s.user().await;
    let to = juliet.jid().to_owned();
    block(&mut juliet, one.jid()).await;
    one.say(&to, "x").await;
    assert_eq!(one.message().await.condition(), "service-unavailable");
    two.say(&to, "from two").await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("from two"));

    unblock(&mut juliet, None).await;
    block(&mut juliet, "localhost").await;
    two.say(&to, "x").await;
    assert_eq!(two.message().await.condition(), "service-unavailable");
    juliet.nothing().await;
}

async fn the_own_account_and_the_server_are_never_blocked(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    for jid in [account.jid.as_str(), "localhost", two.jid()] {
        block(&mut one, jid).await;
    }
    let to = two.jid().to_owned();
    one.say(&to, "to myself").await;
    assert_eq!(two.message().await.body().as_deref(), Some("to myself"));
    two.send("<presence><show>away</show></presence>").await;
    assert_eq!(one.find(|it| it.name() == "presence").await.from(), Some(two.jid()));
    let answer = one.get("localhost", &format!("<ping xmlns='{}'/>", ns::PING)).await;
    assert_eq!(answer.kind(), Some("result"));
}

/// Asked again when stored messages are flushed: nothing from someone blocked since.
async fn what_waits_from_the_blocked_is_not_shown(s: &Server) {
    let (mut romeo, mut nurse) = s.pair().await;
    let juliet = s.account();
    romeo.say(&juliet.jid, "from romeo").await;
    nurse.say(&juliet.jid, "from the nurse").await;
    romeo.sync().await;
    nurse.sync().await;
    let mut client = s.login(&juliet, "one").await;
    block(&mut client, romeo.bare()).await;
    client.available(0).await;
    assert_eq!(client.bodies().await, ["from the nurse"]);
}

async fn a_block_survives_a_restart(s: &Server) {
    let own = s.fresh(&[]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&juliet, "one").await;
    block(&mut client, &romeo.jid).await;
    own.kill();
    own.resume();
    let mut client = own.online(&juliet, "one").await;
    let mut blocked_one = own.online(&romeo, "one").await;
    blocked_one.say(client.jid(), "x").await;
    assert_eq!(blocked_one.message().await.condition(), "service-unavailable");
    client.nothing().await;
    assert_eq!(blocked(&mut client).await, [romeo.jid]);
}

async fn one_more_than_may_be_blocked(s: &Server) {
    let mut romeo = s.user().await;
    for n in 0..3 {
        block(&mut romeo, &format!("c{n}@example.org")).await;
    }
    let payload = format!("<block xmlns='{}'><item jid='c3@example.org'/></block>", ns::BLOCKING);
    assert_eq!(romeo.request("set", None, &payload).await.condition(), "not-allowed");
    assert_eq!(blocked(&mut romeo).await.len(), 3);
    // What is blocked already costs nothing.
    block(&mut romeo, "c2@example.org").await;
}

async fn the_host_says_that_it_can(s: &Server) {
    let mut romeo = s.user().await;
    let info = romeo.get("localhost", &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let query = info.must("query", ns::DISCO_INFO);
    assert!(query.children().any(|it| it.name() == "feature" && it.attr("var") == Some(ns::BLOCKING)));
}

/// It was shown to them, so they see it go.
async fn presence_sent_directly_is_taken_back(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let mut nurse = s.user().await;
    juliet.send(format!("<presence to='{}'/><presence to='{}'/>", romeo.jid(), nurse.bare())).await;
    juliet.sync().await;
    romeo.presence().await;
    nurse.presence().await;
    block(&mut juliet, romeo.bare()).await;
    let gone = romeo.presence().await;
    assert_eq!((gone.kind(), gone.from()), (Some("unavailable"), Some(juliet.jid())));
    // Once, and only they.
    juliet.send("<presence type='unavailable'/>").await;
    juliet.sync().await;
    romeo.nothing().await;
    assert_eq!(nurse.presence().await.kind(), Some("unavailable"));
    nurse.nothing().await;
}

async fn a_blocked_resource_is_told_nothing_beside_its_others(s: &Server) {
    let (account, mut juliet) = (s.account(), s.user().await);
    let mut one = s.online(&account, "one").await;
    befriend(&mut one, &mut juliet).await;
    let mut two = s.online(&account, "two").await;
    one.drain().await;
    juliet.drain().await;
    block(&mut juliet, one.jid()).await;
    assert_eq!(one.presence().await.kind(), Some("unavailable"));
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.sync().await;
    assert_eq!(two.presence().await.from(), Some(juliet.jid()));
    // Both, and then one of them again.
    block(&mut juliet, &account.jid).await;
    assert_eq!(two.presence().await.kind(), Some("unavailable"));
    unblock(&mut juliet, Some(&account.jid)).await;
    assert_eq!(two.presence().await.kind(), None);
    one.nothing().await;
    two.nothing().await;
    let full = one.jid().to_owned();
    unblock(&mut juliet, Some(&full)).await;
    assert_eq!(one.presence().await.from(), Some(juliet.jid()));
}

/// The subscriptions end on both sides, but it looks as offline as before.
async fn the_blocked_is_not_told_by_its_removal_that_one_is_there(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    block(&mut juliet, romeo.bare()).await;
    romeo.drain().await;
    let item = format!("<item jid='{}' subscription='remove'/>", romeo.bare());
    let payload = format!("<query xmlns='{}'>{item}</query>", ns::ROSTER);
    assert_eq!(juliet.request("set", None, &payload).await.kind(), Some("result"));
    for stanza in romeo.drain().await {
        assert_ne!(stanza.kind(), Some("unavailable"), "{}", stanza.show());
    }
    // Neither does what it asks.
    romeo.send(format!("<presence to='{}' type='probe'/>", juliet.bare())).await;
    romeo.drain().await;
    let last = romeo.get(juliet.bare(), &format!("<query xmlns='{}'/>", ns::LAST)).await;
    assert_eq!(last.kind(), Some("error"));
}

/// What they sent meanwhile was dropped, so they are asked.
async fn who_is_unblocked_is_seen_again(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    block(&mut juliet, romeo.bare()).await;
    romeo.send("<presence><show>xa</show></presence>").await;
    romeo.sync().await;
    juliet.nothing().await;
    unblock(&mut juliet, None).await;
    let presence = juliet.presence().await;
    assert_eq!(presence.from(), Some(romeo.jid()));
    assert_eq!(presence.must("show", ns::CLIENT).text(), "xa");
    juliet.nothing().await;
}

async fn two_spellings_are_one_address(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let shouted = romeo.bare().to_uppercase();
    block(&mut juliet, &shouted).await;
    // What prepares to what must be prepared once more.
    block(&mut juliet, "\u{1F11A}@example.org").await;
    assert_eq!(blocked(&mut juliet).await, ["(k)@example.org", romeo.bare()]);
    let to = juliet.bare().to_owned();
    romeo.say(&to, "x").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    unblock(&mut juliet, Some(&shouted)).await;
    romeo.say(&to, "y").await;
    assert_eq!(juliet.find(|it| it.name() == "message").await.body().as_deref(), Some("y"));
}

async fn who_is_offline_keeps_nothing_of_the_blocked(s: &Server) {
    let (account, mut romeo) = (s.account(), s.user().await);
    let mut juliet = s.online(&account, "one").await;
    block(&mut juliet, romeo.bare()).await;
    juliet.close().await;
    romeo.say(&account.jid, "refused").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    romeo.send(format!("<presence to='{}' type='subscribe'/>", account.jid)).await;
    romeo.drain().await;
    let mut juliet = s.login(&account, "one").await;
    unblock(&mut juliet, None).await;
    juliet.available(0).await;
    juliet.nothing().await;
}

async fn other_sessions_see_nothing_of_what_is_refused(s: &Server) {
    let (account, mut romeo) = (s.account(), s.user().await);
    let mut phone = s.online(&account, "phone").await;
    let mut desk = s.online(&account, "desk").await;
    phone.drain().await;
    for client in [&mut phone, &mut desk] {
        client.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    }
    block(&mut desk, romeo.bare()).await;
    romeo.say(phone.jid(), "in").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    desk.say(romeo.bare(), "out").await;
    assert_eq!(desk.message().await.condition(), "not-acceptable");
    phone.nothing().await;
    desk.nothing().await;
    romeo.nothing().await;
}

async fn component(s: &Server, name: &str) -> Component {
    Component::connect(s, &format!("{name}.localhost"), "s3cret").await
}

async fn a_contact_at_a_component_sees_one_go_and_come(s: &Server) {
    let (mut juliet, mut gateway) = (s.user().await, component(s, "seen").await);
    let contact = "romeo@seen.localhost";
    gateway.send(format!("<presence from='{contact}' to='{}' type='subscribe'/>", juliet.bare())).await;
    juliet.find(|it| it.kind() == Some("subscribe")).await;
    juliet.send(format!("<presence to='{contact}' type='subscribed'/>")).await;
    gateway.find(|it| it.kind() == Some("subscribed")).await;
    gateway.find(|it| it.name() == "presence" && it.kind().is_none()).await;
    juliet.drain().await;

    block(&mut juliet, contact).await;
    let gone = gateway.next().await;
    assert_eq!((gone.kind(), gone.from()), (Some("unavailable"), Some(juliet.jid())), "{}", gone.show());
    assert_eq!(gone.to(), Some(contact));
    juliet.send("<presence><show>dnd</show></presence>").await;
    juliet.sync().await;
    gateway.send(format!("<presence from='{contact}' to='{}' type='probe'/>", juliet.bare())).await;
    gateway.nothing().await;
    unblock(&mut juliet, Some(contact)).await;
    let back = gateway.next().await;
    assert_eq!((back.kind(), back.from()), (None, Some(juliet.jid())), "{}", back.show());
    assert_eq!(back.must("show", ns::CLIENT).text(), "dnd");
}

async fn who_is_blocked_at_a_component_is_refused(s: &Server) {
    let (mut juliet, mut gateway) = (s.user().await, component(s, "sent").await);
    let (bare, full) = (juliet.bare().to_owned(), juliet.jid().to_owned());
    block(&mut juliet, "sent.localhost").await;
    for from in ["sent.localhost", "a@sent.localhost/b", "sent.localhost/c"] {
        for to in [&bare, &full] {
            gateway.send(format!("<message from='{from}' to='{to}' id='m'><body>x</body></message>")).await;
            let error = gateway.next().await;
            assert_eq!(error.error(), ("cancel".into(), "service-unavailable".into()), "{from} to {to}");
            let iq =
                format!("<iq from='{from}' to='{to}' id='i' type='get'><ping xmlns='{}'/></iq>", ns::PING);
            gateway.send(iq).await;
            assert_eq!(gateway.next().await.condition(), "service-unavailable", "{from} to {to}");
            gateway.send(format!("<presence from='{from}' to='{to}'/>")).await;
        }
        gateway.send(format!("<presence from='{from}' to='{bare}' type='subscribe'/>")).await;
    }
    gateway.nothing().await;
    juliet.nothing().await;
    juliet.say("a@sent.localhost", "x").await;
    assert_eq!(juliet.message().await.condition(), "not-acceptable");
    gateway.nothing().await;
}

/// XEP-0191 §5: `domain/resource` is that and nothing else.
async fn a_resource_of_a_domain_is_blocked_alone(s: &Server) {
    let (mut juliet, mut gateway) = (s.user().await, component(s, "bot").await);
    let to = juliet.jid().to_owned();
    block(&mut juliet, "bot.localhost/news").await;
    let message = |from: &str| format!("<message from='{from}' to='{to}'><body>{from}</body></message>");
    gateway.send(message("bot.localhost/news")).await;
    assert_eq!(gateway.next().await.condition(), "service-unavailable");
    for from in ["bot.localhost", "bot.localhost/weather", "a@bot.localhost/news"] {
        gateway.send(message(from)).await;
        assert_eq!(juliet.message().await.body().as_deref(), Some(from));
    }
}

async fn nobody_is_woken_for_the_blocked(s: &Server) {
    let (account, mut romeo, mut service) = (s.account(), s.user().await, component(s, "push").await);
    let mut phone = s.online(&account, "phone").await;
    let enable = "<enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='n'/>";
    assert_eq!(phone.request("set", None, enable).await.kind(), Some("result"));
    block(&mut phone, romeo.bare()).await;
    phone.close().await;
    romeo.say(&account.jid, "x").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    service.nothing().await;
    let told = s.cli(&["user", "push", &account.jid], "");
    let told = String::from_utf8(told.stdout).expect("UTF-8");
    assert!(told.contains("queued      0\n"), "{told}");
}

async fn what_is_refused_is_in_no_archive(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    block(&mut juliet, romeo.bare()).await;
    let (one, other) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    romeo.say(&other, "in").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");
    juliet.say(&one, "out").await;
    assert_eq!(juliet.message().await.condition(), "not-acceptable");
    let query = juliet.request("set", None, "<query xmlns='urn:xmpp:mam:2'/>").await;
    assert_eq!(query.kind(), Some("result"));
    juliet.nothing().await;
    unblock(&mut juliet, None).await;
    romeo.say(&other, "after").await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("after"));
}
