//! Presence (RFC 6121 §4, §8.5).

use harness::{Client, Server, StanzaExt, befriend, ns, scenes, subscribe};

scenes! {
    []: subscribers_and_nobody_else_see_it,
        the_newest_presence_is_shown_to_who_comes,
        payload_passes_whole,
        going_offline_is_told_with_its_status,
        a_lost_connection_is_told_too,
        resources_of_one_account_see_each_other,
        a_session_without_presence_gets_none,
        a_session_that_went_unavailable_gets_none,
        who_goes_is_told_as_well,
        directed_presence_reaches_a_stranger,
        the_stranger_is_told_when_it_ends,
        directed_presence_ends_with_directed_unavailable,
        directed_presence_to_a_bare_address_reaches_every_resource,
        presence_to_a_full_address_that_nobody_has_is_silence,
        presence_to_the_server_is_silence,
        a_probe_of_a_contact_is_answered,
        a_probe_of_a_stranger_is_answered_as_one_of_nobody,
        presence_to_nobody_is_silence,
        what_was_never_shown_is_not_told_to_end,
        presence_to_another_server_is_refused_until_there_is_a_way,
        an_unknown_type_is_answered_by_whom_it_was_for,
        an_impossible_priority;
    ["limits.directed_presence=2"]: presence_is_sent_directly_to_so_many;
}

/// One subscribed to the other's presence.
async fn subscribed(s: &Server) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    subscribe(&mut romeo, &mut juliet).await;
    juliet.sync().await;
    romeo.drain().await;
    juliet.drain().await;
    (romeo, juliet)
}

async fn subscribers_and_nobody_else_see_it(s: &Server) {
    let (mut romeo, mut juliet) = subscribed(s).await;
    let mut stranger = s.user().await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    let presence = romeo.presence().await;
    assert_eq!(presence.from(), Some(juliet.jid()));
    assert!(presence.to().is_some_and(|to| to == romeo.bare() || to == romeo.jid()), "{}", presence.show());
    assert_eq!(presence.must("show", ns::CLIENT).text(), "away");
    romeo.nothing().await;
    stranger.nothing().await;

    // It goes one way only.
    romeo.send("<presence><show>dnd</show></presence>").await;
    romeo.drain().await;
    juliet.nothing().await;
}

/// RFC 6121 §4.3: the server probes for the session that came.
async fn the_newest_presence_is_shown_to_who_comes(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut juliet = s.user().await;
    subscribe(&mut romeo, &mut juliet).await;
    for show in ["away", "dnd"] {
        juliet.send(format!("<presence id='{show}'><show>{show}</show></presence>")).await;
    }
    juliet.drain().await;
    romeo.close().await;

    let mut romeo = s.login(&account, "two").await;
    romeo.nothing().await;
    romeo.available(0).await;
    let seen = romeo.drain().await;
    let hers: Vec<_> = seen.iter().filter(|it| it.from() == Some(juliet.jid())).collect();
    assert_eq!(hers.len(), 1);
    assert_eq!(hers[0].must("show", ns::CLIENT).text(), "dnd");
    // A second presence is no initial one: nobody is probed again.
    romeo.send("<presence><show>chat</show></presence>").await;
    assert!(romeo.drain().await.iter().all(|it| it.from() != Some(juliet.jid())));
}

async fn payload_passes_whole(s: &Server) {
    let (mut romeo, mut juliet) = subscribed(s).await;
    juliet
        .send(
            "<presence id='p1' xml:lang='it'><show>xa</show><status>via &amp; lontana</status><priority>7</priority>\
             <x xmlns='urn:example:x' a='&lt;'><y/></x></presence>",
        )
        .await;
    let presence = romeo.presence().await;
    assert_eq!(presence.id(), Some("p1"));
    assert_eq!(presence.must("status", ns::CLIENT).text(), "via & lontana");
    assert_eq!(presence.must("priority", ns::CLIENT).text(), "7");
    let x = presence.must("x", "urn:example:x");
    assert_eq!(x.attr("a"), Some("<"));
    x.must("y", "urn:example:x");
}

/// RFC 6121 §4.5.
async fn going_offline_is_told_with_its_status(s: &Server) {
    let (mut romeo, mut juliet) = subscribed(s).await;
    juliet.send("<presence type='unavailable'><status>good night</status></presence>").await;
    let presence = romeo.presence().await;
    assert_eq!((presence.kind(), presence.from()), (Some("unavailable"), Some(juliet.jid())));
    assert_eq!(presence.must("status", ns::CLIENT).text(), "good night");
    // Told once: not again when the stream closes.
    juliet.close().await;
    romeo.nothing().await;
}

/// RFC 6121 §4.5.2.
async fn a_lost_connection_is_told_too(s: &Server) {
    for graceful in [true, false] {
        let (mut romeo, juliet) = subscribed(s).await;
        let jid = juliet.jid().to_owned();
        if graceful {
            juliet.close().await;
        } else {
            juliet.drop_connection();
        }
        let presence = romeo.presence().await;
        assert_eq!((presence.kind(), presence.from()), (Some("unavailable"), Some(&*jid)));
    }
}

async fn resources_of_one_account_see_each_other(s: &Server) {
    let account = s.account();
    let mut garden = s.online(&account, "garden").await;
    let mut balcony = s.login(&account, "balcony").await;
    balcony.available(0).await;
    assert_eq!(garden.presence().await.from(), Some(balcony.jid()));
    let other = balcony.presence().await;
    assert_eq!((other.from(), other.kind()), (Some(garden.jid()), None));
    let jid = balcony.jid().to_owned();
    balcony.close().await;
    let gone = garden.presence().await;
    assert_eq!((gone.from(), gone.kind()), (Some(&*jid), Some("unavailable")));
}

async fn a_session_without_presence_gets_none(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut juliet = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    let mut silent = s.login(&account, "silent").await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    silent.nothing().await;
    romeo.presence().await;
}

async fn a_session_that_went_unavailable_gets_none(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    romeo.send("<presence type='unavailable'/>").await;
    romeo.drain().await;
    juliet.presence().await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.drain().await;
    romeo.nothing().await;
    // And with the next initial presence it is back.
    romeo.available(0).await;
    romeo.find(|it| it.from() == Some(juliet.jid())).await;
    assert_eq!(juliet.presence().await.kind(), None);
}

/// RFC 6121 §4.5.2: unavailable presence goes to the resource that it came from, too.
async fn who_goes_is_told_as_well(s: &Server) {
    let mut romeo = s.user().await;
    romeo.available(0).await;
    romeo.send("<presence type='unavailable'><status>gone</status></presence>").await;
    let told = romeo.presence().await;
    assert_eq!((told.kind(), told.from()), (Some("unavailable"), Some(romeo.jid())));
    assert_eq!(told.must("status", ns::CLIENT).text(), "gone");
    // Once only: it was not available the second time.
    romeo.send("<presence type='unavailable'/>").await;
    romeo.nothing().await;
}

/// RFC 6121 §4.6.
async fn directed_presence_reaches_a_stranger(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    romeo.send(format!("<presence to='{to}'><show>dnd</show></presence>")).await;
    let presence = juliet.presence().await;
    assert_eq!((presence.from(), presence.to()), (Some(romeo.jid()), Some(&*to)));
    // Broadcasts still do not.
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.drain().await;
    juliet.nothing().await;
}

/// RFC 6121 §4.6.3: whoever was shown presence is told that it ended.
async fn the_stranger_is_told_when_it_ends(s: &Server) {
    for how in ["unavailable", "close", "drop"] {
        let (mut romeo, mut juliet) = s.pair().await;
        let (from, to) = (romeo.jid().to_owned(), juliet.jid().to_owned());
        romeo.send(format!("<presence to='{to}'/>")).await;
        juliet.presence().await;
        match how {
            "unavailable" => romeo.send("<presence type='unavailable'/>").await,
            "close" => romeo.close().await,
            _ => drop(romeo.drop_connection()),
        }
        let presence = juliet.presence().await;
        assert_eq!((presence.kind(), presence.from()), (Some("unavailable"), Some(&*from)), "{how}");
        juliet.nothing().await;
    }
}

async fn directed_presence_ends_with_directed_unavailable(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    romeo.send(format!("<presence to='{to}'/>")).await;
    romeo.send(format!("<presence to='{to}' type='unavailable'/>")).await;
    assert_eq!(juliet.presence().await.kind(), None);
    assert_eq!(juliet.presence().await.kind(), Some("unavailable"));
    romeo.close().await;
    juliet.nothing().await;
}

/// RFC 6121 §8.5.2.1.2: negative priority too, `to` unchanged.
async fn directed_presence_to_a_bare_address_reaches_every_resource(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut one = s.online(&account, "one").await;
    let mut two = s.online_at(&account, "two", -5).await;
    let mut silent = s.login(&account, "silent").await;
    one.drain().await;
    romeo.send(format!("<presence to='{}'><show>chat</show></presence>", account.jid)).await;
    romeo.sync().await;
    for client in [&mut one, &mut two] {
        let presence = client.presence().await;
        assert_eq!((presence.from(), presence.to()), (Some(romeo.jid()), Some(&*account.jid)));
        client.nothing().await;
    }
    romeo.send(format!("<presence to='{}' type='unavailable'/>", account.jid)).await;
    romeo.sync().await;
    for client in [&mut one, &mut two] {
        let presence = client.presence().await;
        assert_eq!((presence.kind(), presence.to()), (Some("unavailable"), Some(&*account.jid)));
        client.nothing().await;
    }
    silent.nothing().await;
}

/// RFC 6121 §8.5.3.2.2: never to another resource.
async fn presence_to_a_full_address_that_nobody_has_is_silence(s: &Server) {
    let account = s.account();
    let mut romeo = s.user().await;
    let mut one = s.online(&account, "one").await;
    befriend(&mut romeo, &mut one).await;
    for bare in [account.jid, s.account().jid] {
        for kind in ["", " type='unavailable'", " type='error'"] {
            romeo.send(format!("<presence to='{bare}/nowhere'{kind}/>")).await;
        }
    }
    romeo.nothing().await;
    one.nothing().await;
}

async fn presence_to_the_server_is_silence(s: &Server) {
    let mut romeo = s.user().await;
    for to in ["localhost", "localhost/x"] {
        for kind in ["", " type='unavailable'", " type='error'", " type='probe'"] {
            romeo.send(format!("<presence to='{to}'{kind}/>")).await;
        }
    }
    romeo.nothing().await;
}

async fn presence_is_sent_directly_to_so_many(s: &Server) {
    let mut romeo = s.user().await;
    let mut others = [s.user().await, s.user().await, s.user().await];
    for (number, other) in others.iter_mut().enumerate() {
        romeo.send(format!("<presence to='{}'/>", other.jid())).await;
        if number < 2 {
            assert_eq!(other.presence().await.from(), Some(romeo.jid()));
        } else {
            assert_eq!(romeo.presence().await.condition(), "resource-constraint");
            other.nothing().await;
        }
    }
    // One that is told it ended makes room.
    romeo.send(format!("<presence to='{}' type='unavailable'/>", others[0].jid())).await;
    romeo.send(format!("<presence to='{}'/>", others[2].jid())).await;
    assert_eq!(others[2].presence().await.from(), Some(romeo.jid()));
}

/// RFC 6121 §4.3.2.
async fn a_probe_of_a_contact_is_answered(s: &Server) {
    let (mut romeo, mut juliet) = subscribed(s).await;
    let to = juliet.bare().to_owned();
    romeo.send(format!("<presence to='{to}' type='probe'/>")).await;
    let presence = romeo.presence().await;
    assert_eq!((presence.from(), presence.kind()), (Some(juliet.jid()), None));
    juliet.nothing().await;

    juliet.close().await;
    assert_eq!(romeo.presence().await.kind(), Some("unavailable"));
    romeo.send(format!("<presence to='{to}' type='probe'/>")).await;
    let presence = romeo.presence().await;
    assert_eq!(presence.kind(), Some("unavailable"));
    assert!(presence.from().is_some_and(|from| from.starts_with(&to)), "{}", presence.show());
}

/// RFC 6121 §4.3.2: `unsubscribed`, whether there is an account or not.
async fn a_probe_of_a_stranger_is_answered_as_one_of_nobody(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for to in [juliet.bare().to_owned(), s.account().jid, "nobody@localhost".to_owned()] {
        romeo.send(format!("<presence to='{to}' type='probe'/>")).await;
        let presence = romeo.presence().await;
        assert_eq!((presence.kind(), presence.from()), (Some("unsubscribed"), Some(&*to)));
        romeo.nothing().await;
    }
    juliet.nothing().await;
}

/// RFC 6121 §8.5.1.
async fn presence_to_nobody_is_silence(s: &Server) {
    let mut romeo = s.user().await;
    for kind in ["", " type='unavailable'", " type='unsubscribed'", " type='error'"] {
        for to in ["nobody@localhost", "nobody@localhost/x"] {
            romeo.send(format!("<presence to='{to}'{kind}/>")).await;
        }
    }
    romeo.nothing().await;
}

/// RFC 6121 §4.5.2: contacts are told by a session that they saw; what was sent directly concerns nobody else.
async fn what_was_never_shown_is_not_told_to_end(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let (mut juliet, mut stranger) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    for how in ["unavailable", "close"] {
        let mut quiet = s.login(&account, how).await;
        quiet.send(format!("<presence to='{}'/>", stranger.jid())).await;
        stranger.presence().await;
        match how {
            "unavailable" => quiet.send("<presence type='unavailable'/>").await,
            _ => quiet.close().await,
        }
        assert_eq!(stranger.presence().await.kind(), Some("unavailable"));
        romeo.nothing().await;
        juliet.nothing().await;
    }
}

/// RFC 6120 §10.4.
async fn presence_to_another_server_is_refused_until_there_is_a_way(s: &Server) {
    let mut romeo = s.user().await;
    romeo.send("<presence to='room@chat.example.org/nick' id='join'/>").await;
    let answer = romeo.presence().await;
    assert_eq!((answer.id(), &*answer.condition()), (Some("join"), "remote-server-not-found"));
}

/// RFC 6121 §4.7.1; RFC 6120 §8.3.1: an error comes from the intended recipient.
async fn an_unknown_type_is_answered_by_whom_it_was_for(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    romeo.send(format!("<presence to='{}' type='hello' id='x'/>", juliet.bare())).await;
    let answer = romeo.presence().await;
    assert_eq!(
        (answer.from(), answer.id(), &*answer.condition()),
        (Some(juliet.bare()), Some("x"), "bad-request")
    );
    juliet.nothing().await;
}

/// RFC 6121 §4.7.2.3: an integer between -128 and +127. What is none is no reason to lose the presence's
/// meaning in silence: it is refused.
async fn an_impossible_priority(s: &Server) {
    let mut romeo = s.login(&s.account(), "one").await;
    for priority in ["200", "-129", "high"] {
        romeo.send(format!("<presence><priority>{priority}</priority></presence>")).await;
        let answer = romeo.presence().await;
        assert_eq!(answer.condition(), "bad-request", "{priority}");
    }
    romeo.available(127).await;
    romeo.available(-128).await;
}
