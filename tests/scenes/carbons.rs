//! Message carbons (XEP-0280).

use harness::{Account, Client, Server, StanzaExt, ns, scenes_of_both_policies};
use minidom::Element;

scenes_of_both_policies! {
    []: enabling_and_disabling,
        what_one_resource_gets_the_others_see,
        what_one_resource_sends_the_others_see,
        who_got_the_stanza_gets_no_copy,
        every_enabled_resource_gets_it_whatever_its_priority,
        private_messages_are_not_copied,
        what_is_eligible,
        what_is_not,
        a_message_to_oneself_is_shown_once,
        a_copy_holds_the_original_whole,
        nobody_else_gets_a_copy,
}

async fn request(client: &mut Client, name: &str) {
    let answer = client.request("set", None, &format!("<{name} xmlns='{}'/>", ns::CARBONS)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

/// A session with carbons.
async fn copied(s: &Server, account: &Account, resource: &str, priority: i8) -> Client {
    let mut client = s.online_at(account, resource, priority).await;
    request(&mut client, "enable").await;
    client
}

/// One with two resources, the second with carbons; and another user.
async fn three(s: &Server) -> (Client, Client, Client) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let two = copied(s, &account, "two", 0).await;
    one.drain().await;
    (one, two, s.user().await)
}

/// The original in the next stanza, which must be a carbon of this direction.
async fn copy(client: &mut Client, direction: &str) -> Element {
    let carbon = client.message().await;
    assert_eq!((carbon.from(), carbon.to()), (Some(client.bare()), Some(client.jid())), "{}", carbon.show());
    let original =
        carbon.must(direction, ns::CARBONS).must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
    let kind = |it: &Element| it.kind().unwrap_or("normal").to_owned();
    assert_eq!(kind(&carbon), kind(original), "the same type");
    original.clone()
}

async fn enabling_and_disabling(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    // Again is no error.
    request(&mut two, "enable").await;
    other.say(one.jid(), "a").await;
    one.message().await;
    copy(&mut two, "received").await;
    for _ in 0..2 {
        request(&mut two, "disable").await;
    }
    other.say(one.jid(), "b").await;
    one.message().await;
    two.nothing().await;
    request(&mut two, "enable").await;
    other.say(one.jid(), "c").await;
    assert_eq!(copy(&mut two, "received").await.body().as_deref(), Some("c"));
    // With the session it ends.
    let account_jid = two.bare().to_owned();
    assert_eq!(one.bare(), account_jid);
    one.drain().await;
    two.say(other.jid(), "d").await;
    two.sync().await;
    one.nothing().await;
}

async fn what_one_resource_gets_the_others_see(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    let to = one.jid().to_owned();
    other.say(&to, "x").await;
    assert_eq!(one.message().await.body().as_deref(), Some("x"));
    let original = copy(&mut two, "received").await;
    assert_eq!((original.from(), original.to()), (Some(other.jid()), Some(&*to)));
    assert_eq!(original.body().as_deref(), Some("x"));
    for client in [&mut one, &mut two, &mut other] {
        client.nothing().await;
    }
}

async fn what_one_resource_sends_the_others_see(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    for to in [other.jid().to_owned(), other.bare().to_owned(), s.account().jid] {
        one.say(&to, "x").await;
        let original = copy(&mut two, "sent").await;
        assert_eq!((original.from(), original.to()), (Some(one.jid()), Some(&*to)));
        one.nothing().await;
        two.nothing().await;
    }
    assert_eq!(other.bodies().await, ["x", "x"]);
}

/// To the bare address: both got it.
async fn who_got_the_stanza_gets_no_copy(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    request(&mut one, "enable").await;
    other.say(one.bare(), "x").await;
    other.sync().await;
    for client in [&mut one, &mut two] {
        assert_eq!(client.message().await.body().as_deref(), Some("x"));
        client.nothing().await;
    }
}

async fn every_enabled_resource_gets_it_whatever_its_priority(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut negative = copied(s, &account, "negative", -5).await;
    let mut silent = s.login(&account, "silent").await;
    one.drain().await;
    let mut other = s.user().await;
    for to in [one.jid().to_owned(), account.jid.clone()] {
        other.say(&to, "x").await;
        assert_eq!(one.message().await.body().as_deref(), Some("x"));
        assert_eq!(copy(&mut negative, "received").await.to(), Some(&*to));
        negative.nothing().await;
    }
    silent.nothing().await;
}

async fn private_messages_are_not_copied(s: &Server) {
    let account = s.account();
    let (mut one, mut two, _) = three(s).await;
    let mut phone = s.online(&account, "phone").await;
    let mut laptop = copied(s, &account, "laptop", 0).await;
    phone.drain().await;
    for payload in [
        format!("<private xmlns='{}'/><no-copy xmlns='urn:xmpp:hints'/>", ns::CARBONS),
        format!("<private xmlns='{}'/>", ns::CARBONS),
        "<no-copy xmlns='urn:xmpp:hints'/>".to_owned(),
    ] {
        let to = phone.jid().to_owned();
        one.send(format!("<message to='{to}' type='chat'><body>x</body>{payload}</message>")).await;
        phone.message().await;
        one.nothing().await;
        two.nothing().await;
        laptop.nothing().await;
    }
}

/// XEP-0280 §6.1, advertised as `urn:xmpp:carbons:rules:0`.
async fn what_is_eligible(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    let to = one.jid().to_owned();
    for stanza in [
        format!("<message to='{to}' type='chat'><thread>t</thread></message>"),
        format!("<message to='{to}'><body>normal</body></message>"),
        format!("<message to='{to}' type='normal'><body>normal</body></message>"),
        format!("<message to='{to}'><received xmlns='urn:xmpp:receipts' id='x'/></message>"),
        format!("<message to='{to}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"),
        format!("<message to='{to}'><displayed xmlns='urn:xmpp:chat-markers:0' id='x'/></message>"),
        format!("<message to='{to}'><x xmlns='jabber:x:conference' jid='room@rooms.example'/></message>"),
        format!(
            "<message to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>"
        ),
    ] {
        other.send(&stanza).await;
        one.message().await;
        copy(&mut two, "received").await;
        one.nothing().await;
        two.nothing().await;
    }
}

async fn what_is_not(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    let to = one.jid().to_owned();
    for stanza in [
        format!("<message to='{to}' type='headline'><body>h</body></message>"),
        format!("<message to='{to}' type='groupchat'><body>g</body></message>"),
        format!("<message to='{to}'><x xmlns='urn:example:x'/></message>"),
        format!(
            "<message to='{to}' type='chat'><body>room</body>\
             <x xmlns='http://jabber.org/protocol/muc#user'/></message>"
        ),
    ] {
        other.send(&stanza).await;
        one.message().await;
        two.nothing().await;
    }
}

/// One entry, once per session.
async fn a_message_to_oneself_is_shown_once(s: &Server) {
    let (mut one, mut two, _) = three(s).await;
    request(&mut one, "enable").await;
    let bare = one.bare().to_owned();
    one.say(&bare, "note").await;
    one.sync().await;
    for client in [&mut one, &mut two] {
        let shown = client.drain().await;
        assert_eq!(shown.iter().filter(|it| it.name() == "message").count(), 1, "{shown:?}");
    }
}

async fn a_copy_holds_the_original_whole(s: &Server) {
    let (mut one, mut two, mut other) = three(s).await;
    let to = one.jid().to_owned();
    other
        .send(format!(
            "<message to='{to}' type='chat' id='m1' xml:lang='it'><subject>s</subject><body>a &lt; b</body>\
             <x xmlns='urn:example:x' xmlns:p='urn:example:p' p:a='1'><p:y/></x></message>"
        ))
        .await;
    let mut direct = one.message().await;
    let copied = copy(&mut two, "received").await;
    // The same payload, element for element.
    assert_eq!((copied.id(), copied.body()), (direct.id(), direct.body()));
    assert_eq!(copied.children().count(), direct.children().count());
    for (a, b) in copied.children().zip(direct.children_mut()) {
        assert_eq!(a, b);
    }
}

async fn nobody_else_gets_a_copy(s: &Server) {
    let (mut one, _two, mut other) = three(s).await;
    let mut stranger = s.user().await;
    request(&mut stranger, "enable").await;
    other.say(one.jid(), "x").await;
    one.message().await;
    stranger.nothing().await;
}
