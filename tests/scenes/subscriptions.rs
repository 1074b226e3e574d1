//! Presence subscriptions (RFC 6121 §3, Appendix A).

use harness::{Client, Server, StanzaExt, befriend, ns, scenes, subscribe};
use minidom::Element;

scenes! {
    []: a_subscription_is_asked_for_and_granted,
        a_request_is_stamped_with_bare_addresses,
        a_request_waits_whole_until_it_is_answered,
        a_request_made_twice_is_shown_once_at_login,
        a_request_is_denied,
        a_request_that_was_granted_before_is_answered_at_once,
        a_contact_withdraws,
        a_subscriber_leaves,
        a_request_is_withdrawn,
        a_request_withdrawn_shows_nothing_of_whom_it_was_for,
        approval_may_come_first,
        approval_may_be_taken_back,
        an_answer_that_nobody_asked_for_changes_nothing,
        removing_a_contact_ends_both_directions,
        steps_to_nobody_look_like_any_other,
        everything_happens_while_the_other_is_away,
}

fn query(payload: &str) -> String {
    format!("<query xmlns='{}'>{payload}</query>", ns::ROSTER)
}

/// Two that are subscribed to each other.
async fn friends(s: &Server) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    (romeo, juliet)
}

async fn send(client: &mut Client, to: &str, kind: &str) {
    client.send(format!("<presence to='{to}' type='{kind}'/>")).await;
}

/// `subscription`, `ask` and `approved` of the contact in the next push.
fn state(item: &Element) -> String {
    let mut state = item.attr("subscription").unwrap_or("(none)").to_owned();
    for (attribute, word) in [("ask", " ask"), ("approved", " approved")] {
        if item.attr(attribute).is_some() {
            state.push_str(word);
        }
    }
    state
}

/// The state of `contact` in the next roster push; other stanzas stay to be read.
async fn pushed(client: &mut Client, contact: &str) -> String {
    let push = client.find(|it| it.name() == "iq" && it.child("query", ns::ROSTER).is_some()).await;
    let item = push.must("query", ns::ROSTER).children().next().expect("an item");
    assert_eq!(item.attr("jid"), Some(contact), "{}", push.show());
    state(item)
}

/// The state of `contact` in the roster, `None` when it is not in it.
async fn in_roster(client: &mut Client, contact: &str) -> Option<String> {
    let answer = client.request("get", None, &query("")).await;
    let query = answer.must("query", ns::ROSTER);
    query.children().find(|item| item.attr("jid") == Some(contact)).map(state)
}

/// The next presence is of this type and from this address.
async fn presence(client: &mut Client, kind: Option<&str>, from: &str) -> Element {
    let presence = client.find(|it| it.name() == "presence").await;
    assert_eq!((presence.kind(), presence.from()), (kind, Some(from)), "{}", presence.show());
    presence
}

/// RFC 6121 §3.1, step by step.
async fn a_subscription_is_asked_for_and_granted(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut romeo, &j, "subscribe").await;
    assert_eq!(pushed(&mut romeo, &j).await, "none ask");
    presence(&mut juliet, Some("subscribe"), &r).await;
    // Nothing is in the contact's roster before an answer (§3.1.3).
    juliet.nothing().await;
    assert_eq!(in_roster(&mut juliet, &r).await, None);
    romeo.nothing().await;

    send(&mut juliet, &r, "subscribed").await;
    assert_eq!(pushed(&mut juliet, &r).await, "from");
    presence(&mut romeo, Some("subscribed"), &j).await;
    assert_eq!(pushed(&mut romeo, &j).await, "to");
    presence(&mut romeo, None, juliet.jid()).await;
    romeo.nothing().await;
    juliet.nothing().await;

    // The other direction makes it both.
    send(&mut juliet, &r, "subscribe").await;
    assert_eq!(pushed(&mut juliet, &r).await, "from ask");
    presence(&mut romeo, Some("subscribe"), &j).await;
    send(&mut romeo, &j, "subscribed").await;
    assert_eq!(pushed(&mut romeo, &j).await, "both");
    presence(&mut juliet, Some("subscribed"), &r).await;
    assert_eq!(pushed(&mut juliet, &r).await, "both");
    presence(&mut juliet, None, romeo.jid()).await;
    romeo.nothing().await;
    juliet.nothing().await;
}

/// RFC 6121 §3.1.2: bare `from` and bare `to`, whatever the client wrote; id and payload stay.
async fn a_request_is_stamped_with_bare_addresses(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    romeo
        .send(format!("<presence to='{to}' type='subscribe' id='s1'><status>please</status></presence>"))
        .await;
    let request = presence(&mut juliet, Some("subscribe"), romeo.bare()).await;
    assert_eq!(request.to(), Some(juliet.bare()));
    assert_eq!(request.id(), Some("s1"));
    assert_eq!(request.must("status", ns::CLIENT).text(), "please");

    let to = romeo.jid().to_owned();
    send(&mut juliet, &to, "subscribed").await;
    let answer = presence(&mut romeo, Some("subscribed"), juliet.bare()).await;
    assert_eq!(answer.to(), Some(romeo.bare()));
}

/// RFC 6121 §3.1.3.
async fn a_request_waits_whole_until_it_is_answered(s: &Server) {
    let mut romeo = s.user().await;
    let contact = s.account();
    romeo
        .send(format!(
            "<presence to='{}' type='subscribe' id='s1'><status>please &amp; soon</status>\
             <nick xmlns='http://jabber.org/protocol/nick'>R</nick></presence>",
            contact.jid
        ))
        .await;
    romeo.sync().await;
    for resource in ["one", "two"] {
        let mut juliet = s.login(&contact, resource).await;
        // Not before the session is available.
        juliet.nothing().await;
        juliet.available(0).await;
        let request = juliet.find(|it| it.kind() == Some("subscribe")).await;
        assert_eq!((request.from(), request.to()), (Some(romeo.bare()), Some(&*contact.jid)));
        assert_eq!(request.id(), Some("s1"));
        assert_eq!(request.must("status", ns::CLIENT).text(), "please & soon");
        assert_eq!(request.must("nick", "http://jabber.org/protocol/nick").text(), "R");
        juliet.close().await;
    }
    let mut juliet = s.login(&contact, "three").await;
    juliet.available(0).await;
    juliet.find(|it| it.kind() == Some("subscribe")).await;
    send(&mut juliet, romeo.bare(), "subscribed").await;
    juliet.sync().await;
    juliet.close().await;
    let mut juliet = s.login(&contact, "four").await;
    juliet.available(0).await;
    assert!(juliet.drain().await.iter().all(|it| it.kind() != Some("subscribe")), "answered already");
}

async fn a_request_made_twice_is_shown_once_at_login(s: &Server) {
    let mut romeo = s.user().await;
    let contact = s.account();
    for _ in 0..2 {
        send(&mut romeo, &contact.jid, "subscribe").await;
    }
    romeo.sync().await;
    let mut juliet = s.login(&contact, "one").await;
    juliet.available(0).await;
    let shown = juliet.drain().await.iter().filter(|it| it.kind() == Some("subscribe")).count();
    assert_eq!(shown, 1);
}

async fn a_request_is_denied(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut romeo, &j, "subscribe").await;
    assert_eq!(pushed(&mut romeo, &j).await, "none ask");
    presence(&mut juliet, Some("subscribe"), &r).await;
    send(&mut juliet, &r, "unsubscribed").await;
    presence(&mut romeo, Some("unsubscribed"), &j).await;
    assert_eq!(pushed(&mut romeo, &j).await, "none");
    romeo.nothing().await;
    juliet.nothing().await;
    assert_eq!(in_roster(&mut juliet, &r).await, None);
}

/// RFC 6121 §3.1.3: the contact's server answers for it.
async fn a_request_that_was_granted_before_is_answered_at_once(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let j = juliet.bare().to_owned();
    send(&mut romeo, &j, "subscribe").await;
    romeo.drain().await;
    juliet.nothing().await;
    assert_eq!(in_roster(&mut romeo, &j).await.as_deref(), Some("both"));
}

/// RFC 6121 §3.2.
async fn a_contact_withdraws(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut juliet, &r, "unsubscribed").await;
    assert_eq!(pushed(&mut juliet, &r).await, "to");
    assert_eq!(pushed(&mut romeo, &j).await, "from");
    let mut seen: Vec<_> = romeo
        .drain()
        .await
        .iter()
        .map(|it| (it.kind().map(str::to_owned), it.from().map(str::to_owned)))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            (Some("unavailable".into()), Some(juliet.jid().into())),
            (Some("unsubscribed".into()), Some(j.clone()))
        ]
    );
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    romeo.nothing().await;
}

/// RFC 6121 §3.3.
async fn a_subscriber_leaves(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut romeo, &j, "unsubscribe").await;
    assert_eq!(pushed(&mut romeo, &j).await, "from");
    presence(&mut juliet, Some("unsubscribe"), &r).await;
    assert_eq!(pushed(&mut juliet, &r).await, "to");
    // §3.3.3: the contact's resources go offline for the one who left.
    presence(&mut romeo, Some("unavailable"), juliet.jid()).await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    romeo.nothing().await;
}

async fn a_request_is_withdrawn(s: &Server) {
    let mut romeo = s.user().await;
    let contact = s.account();
    send(&mut romeo, &contact.jid, "subscribe").await;
    assert_eq!(pushed(&mut romeo, &contact.jid).await, "none ask");
    send(&mut romeo, &contact.jid, "unsubscribe").await;
    assert_eq!(pushed(&mut romeo, &contact.jid).await, "none");
    romeo.sync().await;
    let mut juliet = s.login(&contact, "one").await;
    juliet.available(0).await;
    assert!(juliet.drain().await.iter().all(|it| it.kind() != Some("subscribe")), "the request is gone");
}

/// RFC 6121 §3.3.3: unavailable presence goes to who saw the available one, not to a stranger who asked.
async fn a_request_withdrawn_shows_nothing_of_whom_it_was_for(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    for leave in ["unsubscribe", "removal"] {
        send(&mut romeo, &j, "subscribe").await;
        presence(&mut juliet, Some("subscribe"), &r).await;
        if leave == "removal" {
            romeo.request("set", None, &query(&format!("<item jid='{j}' subscription='remove'/>"))).await;
        } else {
            send(&mut romeo, &j, "unsubscribe").await;
        }
        presence(&mut juliet, Some("unsubscribe"), &r).await;
        let seen = romeo.drain().await;
        assert!(seen.iter().all(|it| it.name() != "presence"), "{leave}");
    }
}

/// RFC 6121 §3.4.
async fn approval_may_come_first(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut juliet, &r, "subscribed").await;
    assert_eq!(pushed(&mut juliet, &r).await, "none approved");
    juliet.sync().await;
    romeo.nothing().await;

    send(&mut romeo, &j, "subscribe").await;
    assert_eq!(pushed(&mut romeo, &j).await, "none ask");
    presence(&mut romeo, Some("subscribed"), &j).await;
    assert_eq!(pushed(&mut romeo, &j).await, "to");
    presence(&mut romeo, None, juliet.jid()).await;
    assert!(pushed(&mut juliet, &r).await.starts_with("from"));
    // She is not bothered.
    juliet.nothing().await;
}

/// RFC 6121 §3.4.2, A.3.2.
async fn approval_may_be_taken_back(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut juliet, &r, "subscribed").await;
    assert_eq!(pushed(&mut juliet, &r).await, "none approved");
    send(&mut juliet, &r, "unsubscribed").await;
    assert_eq!(pushed(&mut juliet, &r).await, "none");
    romeo.nothing().await;
    send(&mut romeo, &j, "subscribe").await;
    presence(&mut juliet, Some("subscribe"), &r).await;
}

/// RFC 6121 A.3: nothing is routed and nothing pushed when the state does not change.
async fn an_answer_that_nobody_asked_for_changes_nothing(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    send(&mut juliet, &r, "unsubscribed").await;
    send(&mut juliet, &r, "unsubscribe").await;
    juliet.drain().await;
    romeo.nothing().await;
    assert_eq!(in_roster(&mut romeo, &j).await, None);
    romeo.send("<presence/>").await;
    romeo.drain().await;
    juliet.nothing().await;
}

/// RFC 6121 §2.5.2.
async fn removing_a_contact_ends_both_directions(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let (r, j) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    let answer =
        romeo.request("set", None, &query(&format!("<item jid='{j}' subscription='remove'/>"))).await;
    assert_eq!(answer.kind(), Some("result"));
    assert_eq!(pushed(&mut romeo, &j).await, "remove");
    let seen = juliet.drain().await;
    for kind in ["unsubscribe", "unsubscribed"] {
        assert!(seen.iter().any(|it| it.kind() == Some(kind) && it.from() == Some(&*r)), "no {kind}");
    }
    assert!(seen.iter().any(|it| it.kind() == Some("unavailable") && it.from() == Some(romeo.jid())));
    assert_eq!(in_roster(&mut juliet, &r).await.as_deref(), Some("none"));
    assert_eq!(in_roster(&mut romeo, &j).await, None);
    presence(&mut romeo, Some("unavailable"), juliet.jid()).await;
    juliet.send("<presence/>").await;
    juliet.drain().await;
    romeo.nothing().await;
}

/// Who has an account cannot be found out by asking (RFC 6121 §8.5.1).
async fn steps_to_nobody_look_like_any_other(s: &Server) {
    let (mut romeo, somebody) = (s.user().await, s.account().jid);
    for kind in ["subscribe", "unsubscribe", "subscribed", "unsubscribed"] {
        let mut seen = Vec::new();
        for contact in [&*somebody, "nobody@localhost"] {
            send(&mut romeo, contact, kind).await;
            let came = romeo.drain().await;
            assert!(came.iter().all(|it| it.name() == "iq"), "{kind}: {came:?}");
            let items = came.iter().flat_map(|it| it.must("query", ns::ROSTER).children());
            seen.push(items.map(state).collect::<Vec<_>>());
        }
        assert_eq!(seen[0], seen[1], "{kind}");
    }
}

/// Both are told at their next login what they missed: by the roster.
async fn everything_happens_while_the_other_is_away(s: &Server) {
    let (r, j) = (s.account(), s.account());
    let mut romeo = s.online(&r, "one").await;
    send(&mut romeo, &j.jid, "subscribe").await;
    romeo.sync().await;
    romeo.close().await;

    let mut juliet = s.login(&j, "one").await;
    in_roster(&mut juliet, &r.jid).await;
    juliet.available(0).await;
    presence(&mut juliet, Some("subscribe"), &r.jid).await;
    send(&mut juliet, &r.jid, "subscribed").await;
    juliet.sync().await;

    let mut romeo = s.login(&r, "two").await;
    assert_eq!(in_roster(&mut romeo, &j.jid).await.as_deref(), Some("to"));
    romeo.available(0).await;
    let seen = romeo.drain().await;
    assert!(seen.iter().any(|it| it.kind().is_none() && it.from() == Some(juliet.jid())), "her presence");
    let mut other = s.user().await;
    subscribe(&mut other, &mut juliet).await;
}
