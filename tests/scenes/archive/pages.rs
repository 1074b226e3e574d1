//! What a client finds: all of it, by pages, ids, contacts and times.

use harness::{Server, StanzaExt, ns, scenes};

use crate::ask::{everything, form, numbers, page, set, settled, talked};

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
        how_many_there_are;
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
