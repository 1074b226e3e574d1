//! How many requests to see somebody's presence may wait, and how large one may be (RFC 6121 §3.1.3).

use harness::{Client, Component, Server, StanzaExt, ns, scenes, subscribe};

scenes! {
    [r#"components={"requests.localhost"={secret="s3cret"}}"#, "limits.subscription_requests=2", "limits.subscription_request_bytes=1024"]:
        one_request_more_than_may_wait,
        contacts_find_room_where_strangers_do_not,
        one_that_is_too_large,
        a_component_is_told_the_same;
}

fn request(to: &str, payload: &str) -> String {
    format!("<presence to='{to}' type='subscribe' id='s'><status>{payload}</status></presence>")
}

/// Who asks whoever logs in now.
async fn asking(s: &Server, account: &harness::Account) -> (Client, Vec<String>) {
    let mut client = s.login(account, "one").await;
    client.available(0).await;
    let seen = client.drain().await;
    let requests = seen.iter().filter(|it| it.kind() == Some("subscribe"));
    let mut from: Vec<String> = requests.map(|it| it.from().expect("from").to_owned()).collect();
    from.sort();
    (client, from)
}

async fn one_request_more_than_may_wait(s: &Server) {
    let juliet = s.account();
    let mut suitors = [s.user().await, s.user().await, s.user().await];
    let mut known: Vec<String> = suitors.iter().map(|it| it.bare().to_owned()).collect();
    for suitor in &mut suitors {
        suitor.send(request(&juliet.jid, "x")).await;
        suitor.sync().await;
    }
    // It is told no more than who asks nobody: his roster says that he asks, and that is all.
    let [first, _, third] = &mut suitors;
    let mut told = vec![third.drain().await];
    third.send(request("nobody@localhost", "x")).await;
    told.push(third.drain().await);
    for stanzas in told {
        let [push] = &stanzas[..] else { panic!("{stanzas:?}") };
        let item = push.must("query", ns::ROSTER).must("item", ns::ROSTER);
        assert_eq!((item.attr("subscription"), item.attr("ask")), (Some("none"), Some("subscribe")));
    }
    // Who waits already may ask again.
    first.send(request(&juliet.jid, "again")).await;
    first.sync().await;
    assert!(first.drain().await.iter().all(|it| it.kind() != Some("error")));

    let (mut client, asked) = asking(s, &juliet).await;
    let late = known.pop().expect("the third");
    known.sort();
    assert_eq!(asked, known);
    // An answer makes room.
    client.send(format!("<presence to='{}' type='unsubscribed'/>", first.bare())).await;
    client.sync().await;
    third.send(request(&juliet.jid, "x")).await;
    assert_eq!(client.find(|it| it.kind() == Some("subscribe")).await.from(), Some(&*late));
}

async fn contacts_find_room_where_strangers_do_not(s: &Server) {
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    let mut romeo = s.user().await;
    subscribe(&mut juliet, &mut romeo).await;
    juliet.send("<presence type='unavailable'/>").await;
    juliet.drain().await;
    for _ in 0..2 {
        let mut suitor = s.user().await;
        suitor.send(request(&account.jid, "x")).await;
        suitor.sync().await;
    }
    romeo.send(request(&account.jid, "x")).await;
    romeo.sync().await;
    juliet.send("<presence/>").await;
    juliet.find(|it| it.kind() == Some("subscribe") && it.from() == Some(romeo.bare())).await;
}

/// Of whom it is for the answer says nothing.
async fn one_that_is_too_large(s: &Server) {
    let (mut romeo, juliet) = (s.user().await, s.account());
    for to in [juliet.jid.as_str(), "nobody@localhost"] {
        romeo.send(request(to, &"x".repeat(1024))).await;
        let error = romeo.presence().await;
        assert_eq!(error.error(), ("modify".into(), "policy-violation".into()));
        assert_eq!(error.from(), Some(to));
        romeo.nothing().await;
    }
    let roster = romeo.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    assert_eq!(roster.must("query", ns::ROSTER).children().count(), 0, "nothing of it is done");
    assert!(asking(s, &juliet).await.1.is_empty());
    // The largest that fits is kept whole.
    let whole = "x".repeat(800);
    romeo.send(request(&juliet.jid, &whole)).await;
    romeo.sync().await;
    let mut client = s.login(&juliet, "two").await;
    client.available(0).await;
    let request = client.find(|it| it.kind() == Some("subscribe")).await;
    assert_eq!(request.must("status", ns::CLIENT).text(), whole);
}

async fn a_component_is_told_the_same(s: &Server) {
    let juliet = s.account();
    let mut gateway = Component::connect(s, "requests.localhost", "s3cret").await;
    let mut ask = async |from: &str, to: &str, payload: &str| {
        let request = format!(
            "<presence from='{from}@requests.localhost' to='{to}' type='subscribe'><status>{payload}</status></presence>"
        );
        gateway.send(request).await;
        gateway
            .send(format!(
                "<iq from='requests.localhost' to='localhost' type='get' id='p'><ping xmlns='{}'/></iq>",
                ns::PING
            ))
            .await;
        let answer = gateway.next().await;
        if answer.id() == Some("p") {
            return None;
        }
        assert_eq!(gateway.next().await.id(), Some("p"));
        Some(answer.condition())
    };
    for to in [juliet.jid.as_str(), "nobody@localhost"] {
        assert_eq!(ask("large", to, &"x".repeat(1024)).await.as_deref(), Some("policy-violation"));
    }
    assert_eq!(ask("one", &juliet.jid, "x").await, None);
    assert_eq!(ask("two", &juliet.jid, "x").await, None);
    assert_eq!(ask("three", &juliet.jid, "x").await, None);
    assert_eq!(asking(s, &juliet).await.1, ["one@requests.localhost", "two@requests.localhost"]);
}
