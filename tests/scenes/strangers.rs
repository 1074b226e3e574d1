//! Writing to people who do not know the sender.

use harness::{Client, Component, Server, StanzaExt, ns, scenes};
use minidom::Element;

scenes! {
    [r#"components={"few.localhost"={secret="s3cret"},"many.localhost"={secret="s3cret"}}"#, "strangers.per_hour=1", "strangers.burst=3"]:
        so_many_people_and_no_more,
        a_contact_costs_nothing,
        whoever_was_written_to_may_answer,
        whoever_is_shown_presence_is_no_stranger,
        requests_to_see_presence_count_too,
        an_address_of_nobody_costs_as_much,
        one_may_write_to_oneself_and_to_components,
        each_sender_at_a_component,
        a_component_as_a_whole;
    ["strangers.per_hour=0"]: without_a_limit;
}

/// Whether it came; else it was refused for the limit.
async fn reaches(from: &mut Client, to: &mut Client) -> bool {
    from.say(to.bare(), "first").await;
    from.sync().await;
    if to.bodies().await == ["first"] {
        from.nothing().await;
        return true;
    }
    refused(&from.message().await);
    false
}

fn refused(error: &Element) {
    assert_eq!(error.error(), ("wait".into(), "policy-violation".into()));
    let text = error.must("error", ns::CLIENT).must("text", ns::STANZAS);
    assert!(text.text().contains("do not know you"), "{}", error.show());
}

async fn strangers(s: &Server, count: usize) -> Vec<Client> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(s.user().await);
    }
    all
}

async fn so_many_people_and_no_more(s: &Server) {
    let mut romeo = s.user().await;
    let mut all = strangers(s, 5).await;
    for stranger in &mut all[..3] {
        assert!(reaches(&mut romeo, stranger).await);
    }
    assert!(!reaches(&mut romeo, &mut all[3]).await);
    assert!(!reaches(&mut romeo, &mut all[4]).await);
    // Conversations that have begun go on, and other people are not concerned.
    assert!(reaches(&mut romeo, &mut all[0]).await);
    let (mut one, mut other) = (all.pop().expect("one"), all.pop().expect("another"));
    assert!(reaches(&mut one, &mut other).await);
    // Another session of the same account is the same sender; so is one who logs in anew.
    romeo.send(format!("<message to='{}'><body>x</body></message>", one.jid())).await;
    refused(&romeo.message().await);
    one.nothing().await;
}

async fn a_contact_costs_nothing(s: &Server) {
    let mut romeo = s.user().await;
    for stranger in &mut strangers(s, 5).await {
        let item = format!("<query xmlns='{}'><item jid='{}'/></query>", ns::ROSTER, romeo.bare());
        assert_eq!(stranger.request("set", None, &item).await.kind(), Some("result"));
        stranger.drain().await;
        assert!(reaches(&mut romeo, stranger).await);
    }
    // It is their roster that counts.
    let mut all = strangers(s, 4).await;
    for stranger in &all {
        let item = format!("<query xmlns='{}'><item jid='{}'/></query>", ns::ROSTER, stranger.bare());
        romeo.request("set", None, &item).await;
    }
    romeo.drain().await;
    let mut reached = 0;
    for stranger in &mut all {
        reached += usize::from(reaches(&mut romeo, stranger).await);
    }
    assert_eq!(reached, 3);
}

async fn whoever_was_written_to_may_answer(s: &Server) {
    let mut romeo = s.user().await;
    for stranger in &mut strangers(s, 5).await {
        assert!(reaches(stranger, &mut romeo).await);
        assert!(reaches(&mut romeo, stranger).await);
    }
    for stranger in &mut strangers(s, 3).await {
        assert!(reaches(&mut romeo, stranger).await);
    }
}

async fn whoever_is_shown_presence_is_no_stranger(s: &Server) {
    let mut romeo = s.user().await;
    for stranger in &mut strangers(s, 5).await {
        stranger.send(format!("<presence to='{}'/>", romeo.jid())).await;
        stranger.sync().await;
        romeo.drain().await;
        assert!(reaches(&mut romeo, stranger).await);
    }
}

async fn requests_to_see_presence_count_too(s: &Server) {
    let mut romeo = s.user().await;
    let mut all = strangers(s, 4).await;
    for stranger in &mut all[..3] {
        romeo.send(format!("<presence to='{}' type='subscribe'/>", stranger.bare())).await;
        assert_eq!(stranger.presence().await.kind(), Some("subscribe"));
    }
    romeo.drain().await;
    romeo.send(format!("<presence to='{}' type='subscribe'/>", all[3].bare())).await;
    refused(&romeo.presence().await);
    // It has changed nothing, on neither side.
    romeo.nothing().await;
    all[3].nothing().await;
    let roster = romeo.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
    assert_eq!(roster.must("query", ns::ROSTER).children().count(), 3);
    // Whom one has asked one may write to.
    assert!(reaches(&mut romeo, &mut all[0]).await);
    assert!(!reaches(&mut romeo, &mut all[3]).await);
}

/// Else the limit would tell which addresses there are.
async fn an_address_of_nobody_costs_as_much(s: &Server) {
    let (mut romeo, juliet) = s.pair().await;
    for n in 0..3 {
        romeo.say(&format!("nobody{n}@localhost"), "x").await;
        assert_eq!(romeo.message().await.condition(), "service-unavailable");
    }
    let mut errors = Vec::new();
    for to in ["nobody@localhost", juliet.bare()] {
        romeo.say(to, "x").await;
        let error = romeo.message().await;
        refused(&error);
        errors.push(error.must("error", ns::CLIENT).show());
        romeo.send(format!("<presence to='{to}' type='subscribe'/>")).await;
        let error = romeo.presence().await;
        refused(&error);
        errors.push(error.must("error", ns::CLIENT).show());
    }
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
}

async fn one_may_write_to_oneself_and_to_components(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    for n in 0..5 {
        romeo.say(&account.jid, "note").await;
        romeo.say("localhost", "x").await;
        romeo.say(&format!("x{n}@none.localhost"), "x").await;
        romeo.send(format!("<message to='x{n}@localhost' type='error'/>")).await;
        romeo.send(format!("<message to='x{n}@localhost' type='groupchat'><body>x</body></message>")).await;
    }
    let got = romeo.drain().await;
    assert_eq!(got.iter().filter(|it| it.body().as_deref() == Some("note")).count(), 5);
    assert!(
        got.iter().filter(|it| it.kind() == Some("error")).all(|it| it.condition() != "policy-violation")
    );
    for stranger in &mut strangers(s, 3).await {
        assert!(reaches(&mut romeo, stranger).await);
    }
}

async fn comes(gateway: &mut Component, from: &str, to: &mut Client) -> bool {
    gateway.send(format!("<message from='{from}' to='{}'><body>first</body></message>", to.bare())).await;
    gateway.sync().await;
    if to.bodies().await == ["first"] {
        gateway.nothing().await;
        return true;
    }
    refused(&gateway.next().await);
    false
}

async fn each_sender_at_a_component(s: &Server) {
    let mut gateway = Component::connect(s, "few.localhost", "s3cret").await;
    let mut all = strangers(s, 4).await;
    for stranger in &mut all[..3] {
        assert!(comes(&mut gateway, "a@few.localhost/x", stranger).await);
    }
    assert!(!comes(&mut gateway, "a@few.localhost/y", &mut all[3]).await);
    assert!(comes(&mut gateway, "a@few.localhost/y", &mut all[0]).await);
    assert!(comes(&mut gateway, "b@few.localhost", &mut all[3]).await);
    let from = format!("<presence from='a@few.localhost' to='{}' type='subscribe'/>", all[3].bare());
    gateway.send(from).await;
    refused(&gateway.next().await);
    all[3].nothing().await;
    // Whom one writes to may answer.
    all[3].say("a@few.localhost", "hello").await;
    gateway.next().await;
    assert!(comes(&mut gateway, "a@few.localhost", &mut all[3]).await);
}

async fn a_component_as_a_whole(s: &Server) {
    let mut gateway = Component::connect(s, "many.localhost", "s3cret").await;
    let mut juliet = s.user().await;
    for n in 0..30 {
        assert!(comes(&mut gateway, &format!("a{n}@many.localhost"), &mut juliet).await, "{n}");
    }
    assert!(!comes(&mut gateway, "a30@many.localhost", &mut juliet).await);
    assert!(comes(&mut gateway, "a0@many.localhost", &mut juliet).await);
    let mut other = s.user().await;
    assert!(!comes(&mut gateway, "many.localhost", &mut other).await);
}

async fn without_a_limit(s: &Server) {
    let mut romeo = s.user().await;
    for n in 0..200 {
        romeo.say(&format!("nobody{n}@localhost"), "x").await;
    }
    let answers = romeo.drain().await;
    assert_eq!(answers.len(), 200);
    assert!(answers.iter().all(|it| it.condition() == "service-unavailable"));
}
