//! The rules of delivery, one behaviour each, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::time::Duration;

use waxwing_kernel::{Archive, Settings};
use world::{World, Writes, patient, settings};

#[tokio::test]
async fn a_message_acknowledged_within_the_linger_is_never_written() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    assert!(!a.stands());
    assert_eq!(b.bodies().await, ["one"]);
    b.acknowledge();
    assert_eq!(a.told(), 1);
    assert_eq!(world.stored(b.account()).await, 0);
    assert_eq!(world.core.writer.stats().batches, 0);
}

#[tokio::test]
async fn a_message_that_nobody_acknowledges_is_written_after_the_linger() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(world.stored(b.account()).await, 1);
}

#[tokio::test]
async fn what_lingers_nearly_as_long_is_written_together() {
    let linger = Duration::from_secs(4);
    let (world, _folder) = World::fresh(Archive::UntilDelivered, Settings { linger, ..settings() }).await;
    let a = world.client("a", "1").await;
    let others = [world.client("b", "1").await, world.client("c", "1").await];
    others.iter().for_each(|other| other.available(0));
    a.send("b@x", "one").await;
    // Within a tenth of the linger time.
    tokio::time::sleep(Duration::from_millis(40)).await;
    a.send("c@x", "two").await;
    a.sent().await;
    for other in &others {
        assert_eq!(world.stored(other.account()).await, 1);
    }
    assert_eq!(world.core.writer.stats().batches, 1);
}

#[tokio::test]
async fn a_message_to_nobody_is_written_at_once_and_comes_late() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    world.account("b").await;
    a.send("b@x", "one").await;
    a.send("b@x", "two").await;
    a.sent().await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    let got = b.read().await;
    assert_eq!(
        got.iter().map(|got| (&*got.body, got.late)).collect::<Vec<_>>(),
        [("one", true), ("two", true)]
    );
    assert_eq!(world.stored(b.account()).await, 2);
    b.acknowledge();
    assert_eq!(world.stored(b.account()).await, 0);
    assert_eq!(b.account().pending(), 0);
}

#[tokio::test]
async fn an_archived_message_is_shown_after_its_commit_with_its_id() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Held);
    a.send("b@x", "one").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(b.next().is_none());
    assert!(!a.stands());
    world.store.set(Writes::Pass);
    a.sent().await;
    let got = b.read().await;
    assert_eq!(got.len(), 1);
    assert!(got[0].id.is_some() && !got[0].late);
}

#[tokio::test]
async fn what_comes_after_an_archived_message_waits_behind_it() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Held);
    a.send("b@x", "one").await;
    a.send_xml("<message type='headline' to='b@x'><body>two</body></message>").await;
    a.send_xml("<message type='chat' to='b@x'><body>three</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>").await;
    a.send_xml("<message type='headline' to='b@x'><body>four</body></message>").await;
    assert!(b.next().is_none());
    world.store.set(Writes::Pass);
    a.sent().await;
    assert_eq!(b.bodies().await, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn a_request_whose_addressee_goes_while_it_waits_is_answered() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let mut a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Held);
    a.send("b@x", "one").await;
    let mut request = world::scan("<iq type='get' id='1' to='b@x/1'><query xmlns='q'/></iq>");
    request.from = Some(a.session.jid.clone());
    let delivery = waxwing_kernel::Delivery::plain(request, waxwing_kernel::Targets::Full);
    b.account().accept(delivery);
    b.end().await;
    world.store.set(Writes::Pass);
    a.sent().await;
    let answer = a.next().unwrap();
    assert!(answer.has("error", "jabber:client"));
}

#[tokio::test]
async fn what_waits_for_a_commit_and_is_in_no_log_is_bounded() {
    let (world, _folder) =
        World::fresh(Archive::Always, Settings { outbox_bytes: 20_000, ..settings() }).await;
    let a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Held);
    a.send("b@x", "one").await;
    for _ in 0..100 {
        a.send_xml("<message type='headline' to='b@x'><body>two</body></message>").await;
    }
    assert_eq!(b.session.closing().unwrap().condition, "policy-violation");
}

#[tokio::test]
async fn one_not_archived_is_written_before_an_archived_one_that_came_later() {
    let (world, _folder) = World::fresh(Archive::Always, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send_xml("<message type='chat' to='b@x'><body>one</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>").await;
    a.send("b@x", "two").await;
    a.sent().await;
    // Another reads both from the log, though the first holds them.
    let mut other = world.client("b", "2").await;
    other.available(0);
    assert_eq!(other.bodies().await, ["one", "two"]);
    assert_eq!(b.bodies().await, ["one", "two"]);
}

#[tokio::test]
async fn who_becomes_available_gets_what_another_holds_uncommitted() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let first = world.client("b", "1").await;
    first.available(0);
    a.send("b@x", "one").await;
    let mut second = world.client("b", "2").await;
    second.available(0);
    assert_eq!(second.bodies().await, ["one"]);
    second.acknowledge();
    assert_eq!(a.told(), 1);
}

#[tokio::test]
async fn a_negative_priority_gets_and_settles_only_what_is_addressed_to_it() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(-1);
    a.send("b@x", "bare").await;
    a.send("b@x/1", "full").await;
    assert_eq!(b.bodies().await, ["full"]);
    b.acknowledge();
    a.sent().await;
    assert_eq!(world.stored(b.account()).await, 1);
    b.available(0);
    assert_eq!(b.bodies().await, ["bare"]);
}

#[tokio::test]
async fn what_was_acknowledged_while_unavailable_settles_when_available_and_does_not_come_twice() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, patient()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    assert_eq!(b.bodies().await, ["one"]);
    b.unavailable();
    b.acknowledge();
    a.sent().await;
    assert_eq!(world.stored(b.account()).await, 1);
    b.available(0);
    assert_eq!(b.bodies().await.len(), 0);
    assert_eq!(world.stored(b.account()).await, 0);
    assert_eq!(b.account().pending(), 0);
}
