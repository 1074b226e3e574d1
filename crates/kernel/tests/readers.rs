//! Slow readers, sleeping ones and those without stream management.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use waxwing_kernel::{Archive, Settings};
use world::{World, patient, settings};

#[tokio::test]
async fn a_slow_reader_reads_its_log_and_misses_nothing() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    let all: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    for body in &all {
        a.send("b@x", body).await;
        assert!(b.session.outbox(|outbox| outbox.weight()) < 4000 + 1000);
    }
    let mut got = Vec::new();
    while got.len() < all.len() {
        let more = b.bodies().await;
        assert!(!more.is_empty());
        got.extend(more);
        b.acknowledge();
    }
    assert_eq!(got, all);
    assert_eq!(world.stored(b.account()).await, 0);
    assert_eq!(b.account().pending(), 0);
}

#[tokio::test]
async fn a_slow_reader_with_a_negative_priority_is_not_given_what_is_for_others() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(-1);
    for n in 0..20 {
        a.send("b@x/1", &format!("full{n}")).await;
        a.send("b@x", &format!("bare{n}")).await;
    }
    a.sent().await;
    let mut got = Vec::new();
    loop {
        let more = b.bodies().await;
        b.acknowledge();
        if more.is_empty() {
            break;
        }
        got.extend(more);
    }
    assert_eq!(got, (0..20).map(|n| format!("full{n}")).collect::<Vec<_>>());
    assert_eq!(b.account().pending(), 20);
}

#[tokio::test]
async fn what_no_log_keeps_stays_in_order_behind_what_is_read() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    let mut all = Vec::new();
    for n in 0..15 {
        a.send("b@x", &format!("chat{n}")).await;
        all.push(format!("chat{n}"));
        if n % 5 == 4 {
            a.send_xml(&format!("<message type='headline' to='b@x'><body>head{n}</body></message>")).await;
            all.push(format!("head{n}"));
        }
    }
    let mut got = Vec::new();
    while got.len() < all.len() {
        got.extend(b.bodies().await);
        b.acknowledge();
    }
    assert_eq!(got, all);
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_when_what_no_log_keeps_does_not_fit() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
    let a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    for n in 0..30 {
        a.send("b@x", &n.to_string()).await;
    }
    assert!(b.session.closing().is_none());
    for _ in 0..30 {
        a.send_xml("<message type='headline' to='b@x'><body>two</body></message>").await;
    }
    assert_eq!(b.session.closing().unwrap().condition, "policy-violation");
}

#[tokio::test]
async fn what_an_ended_session_had_not_acknowledged_goes_to_the_others() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let first = world.client("b", "1").await;
    let mut second = world.client("b", "2").await;
    first.available(0);
    second.available(0);
    a.send("b@x", "both").await;
    a.send("b@x/1", "first").await;
    assert_eq!(second.bodies().await, ["both"]);
    first.end().await;
    assert_eq!(second.bodies().await, ["first"]);
    second.acknowledge();
    assert_eq!(a.told(), 2);
    assert_eq!(world.stored(second.account()).await, 0);
}

#[tokio::test]
async fn hibernation_commits_what_is_held_and_resumption_brings_it_again() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    b.hibernate();
    a.sent().await;
    a.send("b@x", "two").await;
    a.sent().await;
    assert_eq!(world.stored(b.account()).await, 2);
    b.resume();
    let got = b.read().await;
    assert_eq!(
        got.iter().map(|got| (&*got.body, got.late)).collect::<Vec<_>>(),
        [("one", false), ("two", false)]
    );
    b.acknowledge();
    assert_eq!(world.stored(b.account()).await, 0);
}

#[tokio::test]
async fn a_hibernated_session_that_is_full_reads_its_log_when_it_is_resumed() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..patient() }).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    b.hibernate();
    let all: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    for body in &all {
        a.send("b@x", body).await;
    }
    a.sent().await;
    b.resume();
    let mut got = Vec::new();
    while got.len() < all.len() {
        let more = b.bodies().await;
        assert!(!more.is_empty());
        got.extend(more);
        b.acknowledge();
    }
    assert_eq!(got, all);
}

#[tokio::test]
async fn without_numbering_arrival_settles() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.plain_client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    assert_eq!(b.bodies().await, ["one"]);
    assert_eq!(a.told(), 0);
    b.acknowledge();
    assert_eq!(a.told(), 1);
}

#[tokio::test]
async fn what_was_written_before_counting_began_is_settled_by_a_later_acknowledgement_only() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.plain_client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    assert_eq!(b.bodies().await, ["one"]);
    b.session.restart_counting();
    b.received = 0;
    assert_eq!(b.account().pending(), 1);
    a.send("b@x", "two").await;
    assert_eq!(b.bodies().await, ["two"]);
    b.acknowledge();
    assert_eq!(b.account().pending(), 0);
    assert!(b.session.outbox(|outbox| outbox.acknowledge(3, |_| {})).is_err_and(|sent| sent == 1));
}
