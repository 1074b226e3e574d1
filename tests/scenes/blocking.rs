//! Blocking (XEP-0191), in all directions and for all kinds of stanza.

use harness::{Client, Server, StanzaExt, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: the_list_is_kept_and_pushed,
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
        a_block_survives_a_restart;
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
