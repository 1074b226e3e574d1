//! What is sent again, what the store refuses, and what outlives the process.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::time::Duration;

use waxwing_kernel::{Archive, Settings};
use world::{World, Writes, patient, settings};

#[tokio::test]
async fn a_resend_on_a_later_stream_is_acknowledged_and_not_delivered_again() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    a.sent().await;
    a.end().await;
    let a = world.client("a", "1").await;
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(a.told(), 1);
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(b.bodies().await, ["one", "one"], "the third is a message of its own");
}

#[tokio::test]
async fn a_message_of_which_the_client_was_told_has_no_resend() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(a.told(), 1);
    a.end().await;
    let a = world.client("a", "1").await;
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(b.bodies().await, ["one", "one"]);
}

#[tokio::test]
async fn a_resend_beside_a_hibernated_stream_is_known() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    a.hibernate();
    let again = world.client("a", "2").await;
    again.send("b@x", "one").await;
    again.sent().await;
    assert_eq!(b.bodies().await, ["one"]);
}

#[tokio::test]
async fn a_resend_is_not_acknowledged_before_the_first_is_durable() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    world.account("b").await;
    world.store.set(Writes::Held);
    a.send("b@x", "one").await;
    a.end().await;
    let a = world.client("a", "1").await;
    a.send("b@x", "one").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!a.stands());
    world.store.set(Writes::Pass);
    a.sent().await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    assert_eq!(b.bodies().await, ["one"]);
}

#[tokio::test]
async fn a_message_of_unknown_outcome_is_not_acknowledged_and_its_resend_is_new() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    let account = world.account("b").await;
    world.store.set(Writes::Unknown);
    a.send("b@x", "one").await;
    world.core.writer.flush().await;
    assert_eq!(a.told(), 0);
    assert_eq!(a.session.closing().unwrap().condition, "internal-server-error");
    assert_eq!(account.pending(), 0);
    a.end().await;
    world.store.set(Writes::Pass);
    let a = world.client("a", "1").await;
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(a.told(), 1);
    let mut b = world.client("b", "1").await;
    b.available(0);
    assert_eq!(b.bodies().await, ["one"]);
    assert_eq!(world.stored(b.account()).await, b.account().pending());
}

#[tokio::test]
async fn a_message_that_the_store_refuses_is_answered_and_shown_to_nobody() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let mut a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Refused);
    a.send("b@x", "one").await;
    a.sent().await;
    world.store.set(Writes::Pass);
    assert!(a.bodies().await.contains(&"error".to_owned()));
    assert_eq!(b.bodies().await.len(), 0);
    assert_eq!(b.account().pending(), 0);
    a.send("b@x", "two").await;
    a.sent().await;
    assert_eq!(b.bodies().await, ["two"]);
}

#[tokio::test]
async fn a_message_refused_for_the_quota_is_new_when_it_is_sent_again() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { pending_messages: 1, ..settings() }).await;
    let mut a = world.client("a", "1").await;
    world.account("b").await;
    a.send("b@x", "one").await;
    a.send("b@x", "two").await;
    a.sent().await;
    assert_eq!(a.bodies().await, ["error"]);
    a.end().await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    assert_eq!(b.bodies().await, ["one"]);
    b.acknowledge();
    let a = world.client("a", "1").await;
    a.send("b@x", "two").await;
    assert_eq!(b.bodies().await, ["two"]);
}

#[tokio::test]
async fn the_quota_is_for_what_waits_not_for_what_somebody_takes_at_once() {
    let (world, _folder) =
        World::fresh(Archive::UntilDelivered, Settings { pending_messages: 1, ..patient() }).await;
    let mut a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    b.available(0);
    for body in ["one", "two", "three"] {
        a.send("b@x", body).await;
    }
    assert_eq!(b.bodies().await, ["one", "two", "three"]);
    b.account().hibernate(&b.session);
    a.send("b@x", "four").await;
    assert_eq!(a.bodies().await, ["error"]);
}

#[tokio::test]
async fn a_stanza_whose_handling_breaks_off_is_never_acknowledged() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let a = world.client("a", "1").await;
    drop(a.session.receive());
    assert_eq!(a.told(), 0);
    assert_eq!(a.session.closing().unwrap().condition, "internal-server-error");
}

#[test]
fn messages_survive_the_process_with_their_ids_and_resends_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let first = tokio::runtime::Runtime::new().unwrap();
    let (store, before) = first.block_on(async {
        let world = World::start(folder.path(), 1, Archive::Always, settings()).await;
        let a = world.client("a", "1").await;
        let mut b = world.client("b", "1").await;
        b.available(0);
        a.send("b@x", "one").await;
        a.send("b@x", "two").await;
        a.sent().await;
        (world.store.clone(), b.read().await)
    });
    first.shutdown_background();
    store.take_away();

    let second = tokio::runtime::Runtime::new().unwrap();
    let after = second.block_on(async {
        let world = World::start(folder.path(), 2, Archive::Always, settings()).await;
        let a = world.client("a", "1").await;
        a.send("b@x", "two").await;
        a.send("b@x", "three").await;
        a.sent().await;
        let mut b = world.client("b", "1").await;
        b.available(0);
        b.read().await
    });
    let late: Vec<_> = after.iter().map(|got| (&*got.body, got.late)).collect();
    assert_eq!(late, [("one", true), ("two", true), ("three", true)]);
    assert_eq!([&before[0].id, &before[1].id], [&after[0].id, &after[1].id]);
}
