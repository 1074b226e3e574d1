//! A session that joins and fetches from the archive what came before it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::time::Duration;

use waxwing_kernel::{Archive, Settings};
use world::{Client, World, Writes, settings};

const PASSING: &str = "<no-permanent-store xmlns='urn:xmpp:hints'/>";
const HOUR: Duration = Duration::from_secs(3600);

/// A new session; the bodies of the oldest and the newest entry in its archive.
async fn join(world: &World, name: &str, resource: &str) -> (Client, Option<(String, String)>) {
    let client = world.client(name, resource).await;
    let ends = ends(&client).await;
    leave(&client).await;
    (client, ends)
}

async fn ends(client: &Client) -> Option<(String, String)> {
    let body =
        |stanza: &[u8]| world::message(&waxwing_stanza::Stanza::restore(stanza).unwrap()).unwrap().body;
    let ends = client.account().archive_before(&client.session).await.unwrap();
    ends.map(|(first, last)| (body(&first.stanza), body(&last.stanza)))
}

async fn leave(client: &Client) {
    client.account().leave_to_archive(&client.session).await.unwrap();
}

/// Sends these to somebody who is away.
async fn to_nobody(world: &World, bodies: &[&str]) -> Client {
    let a = world.client("a", "1").await;
    world.account("b").await;
    for body in bodies {
        a.send("b@x", body).await;
    }
    a.sent().await;
    a
}

/// What waits, in memory and in the database.
async fn waiting(world: &World, client: &Client) -> u64 {
    let pending = client.account().pending();
    assert_eq!(world.stored(client.account()).await, pending);
    pending
}

fn both(first: &str, last: &str) -> Option<(String, String)> {
    Some((first.to_owned(), last.to_owned()))
}

#[tokio::test]
async fn what_is_archived_is_left_to_the_archive() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = to_nobody(&world, &["1", "2", "3"]).await;
    let (mut b, ends) = join(&world, "b", "1").await;
    assert_eq!(ends, both("1", "3"));
    assert_eq!(waiting(&world, &b).await, 0);
    b.available(0);
    assert!(b.bodies().await.is_empty());
    a.send("b@x", "4").await;
    a.sent().await;
    assert_eq!(b.bodies().await, ["4"]);
    assert_eq!(waiting(&world, &b).await, 1);
    b.acknowledge();
    assert_eq!(waiting(&world, &b).await, 0);
    // It stands in the archive, for whoever comes next too.
    let (_, ends) = join(&world, "b", "2").await;
    assert_eq!(ends, both("1", "4"));
}

#[tokio::test]
async fn what_is_not_archived_waits_for_the_session_to_be_available() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = to_nobody(&world, &["1"]).await;
    a.send_xml(&format!("<message type='chat' to='b@x'><body>2</body>{PASSING}</message>")).await;
    a.send("b@x", "3").await;
    a.sent().await;
    let (mut b, ends) = join(&world, "b", "1").await;
    assert_eq!(ends, both("1", "3"));
    assert_eq!(waiting(&world, &b).await, 1);
    b.available(0);
    assert_eq!(b.bodies().await, ["2"]);
}

#[tokio::test]
async fn without_an_archive_everything_waits() {
    for policy in [Archive::UntilDelivered, Archive::Never] {
        let (world, _folder) = World::fresh(policy, settings()).await;
        let _a = to_nobody(&world, &["1", "2"]).await;
        let (mut b, ends) = join(&world, "b", "1").await;
        assert_eq!((ends, waiting(&world, &b).await), (None, 2));
        b.available(0);
        assert_eq!(b.bodies().await, ["1", "2"]);
    }
}

#[tokio::test]
async fn an_archive_that_was_emptied_keeps_what_waits() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let _a = to_nobody(&world, &["1", "2"]).await;
    world.account("b").await.set_archive_policy(Some(Archive::Never)).await.unwrap();
    let (mut b, ends) = join(&world, "b", "1").await;
    assert_eq!((ends, waiting(&world, &b).await), (None, 2));
    b.available(0);
    assert_eq!(b.bodies().await, ["1", "2"]);
}

#[tokio::test]
async fn what_is_not_committed_when_it_joins_comes_live() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = to_nobody(&world, &["1"]).await;
    world.store.set(Writes::Held);
    a.send("b@x/1", "2").await;
    let mut b = world.client("b", "1").await;
    assert_eq!(ends(&b).await, both("1", "1"));
    world.store.set(Writes::Pass);
    leave(&b).await;
    a.sent().await;
    assert_eq!(ends(&b).await, both("1", "1"), "as it was when it joined");
    assert_eq!(b.bodies().await, ["2"]);
    b.acknowledge();
    assert_eq!(waiting(&world, &b).await, 0);
}

#[tokio::test]
async fn who_holds_it_gets_it_all_the_same() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = to_nobody(&world, &[]).await;
    let mut first = world.client("b", "1").await;
    first.available(0);
    let mut asleep = world.client("b", "2").await;
    asleep.available(0);
    asleep.hibernate();
    a.send("b@x", "1").await;
    a.sent().await;
    let (mut b, ends) = join(&world, "b", "3").await;
    assert_eq!(ends, both("1", "1"));
    assert_eq!(waiting(&world, &b).await, 0);
    b.available(0);
    assert!(b.bodies().await.is_empty());
    assert_eq!(first.bodies().await, ["1"]);
    first.acknowledge();
    asleep.resume();
    assert_eq!(asleep.bodies().await, ["1"]);
    asleep.end().await;
    // Nobody's count is wrong by it.
    a.send("b@x", "2").await;
    a.sent().await;
    assert_eq!(waiting(&world, &b).await, 1);
    assert_eq!((first.bodies().await, b.bodies().await), (vec!["2".to_owned()], vec!["2".to_owned()]));
    b.acknowledge();
    assert_eq!(waiting(&world, &b).await, 0);
}

#[tokio::test]
async fn what_another_has_yet_to_read_from_the_log_waits() {
    let (world, _folder) = World::fresh(Archive::Always, Settings { outbox_bytes: 4000, ..settings() }).await;
    let a = to_nobody(&world, &[]).await;
    let mut slow = world.client("b", "1").await;
    slow.available(0);
    let all: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for body in &all {
        a.send("b@x", body).await;
    }
    a.sent().await;
    let (b, ends) = join(&world, "b", "2").await;
    assert_eq!(ends, both("0", "19"));
    assert!((1..20).contains(&waiting(&world, &b).await));
    let mut got = Vec::new();
    while got.len() < all.len() {
        let more = slow.bodies().await;
        assert!(!more.is_empty());
        got.extend(more);
        slow.acknowledge();
    }
    assert_eq!(got, all);
    assert_eq!(waiting(&world, &b).await, 0);
}

#[tokio::test]
async fn what_was_acknowledged_a_moment_ago_is_settled_once() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let a = to_nobody(&world, &[]).await;
    let mut first = world.client("b", "1").await;
    first.available(0);
    a.send("b@x", "1").await;
    a.send("b@x", "2").await;
    a.sent().await;
    first.hibernate();
    assert_eq!(first.next().map(|stanza| world::message(&stanza).unwrap().body).as_deref(), Some("1"));
    world.store.set(Writes::Held);
    first.acknowledge();
    let b = world.client("b", "2").await;
    let joining = tokio::spawn({
        let session = b.session.clone();
        async move { session.account.leave_to_archive(&session).await }
    });
    tokio::task::yield_now().await;
    world.store.set(Writes::Pass);
    joining.await.unwrap().unwrap();
    assert_eq!(waiting(&world, &b).await, 0);
    world.account("b").await;
    a.send("b@x/2", "3").await;
    a.sent().await;
    assert_eq!(waiting(&world, &b).await, 1);
}

#[tokio::test]
async fn what_the_archive_keeps_for_less_than_a_day_waits() {
    for (hours, expected) in [(24, 2), (25, 0)] {
        let archive_retention = hours * HOUR;
        let (world, _folder) =
            World::fresh(Archive::Always, Settings { archive_retention, ..settings() }).await;
        let _a = to_nobody(&world, &["1", "2"]).await;
        let (b, ends) = join(&world, "b", "1").await;
        assert_eq!(ends, both("1", "2"), "{hours} h");
        assert_eq!(waiting(&world, &b).await, expected, "{hours} h");
    }
}

#[tokio::test]
async fn what_newer_ones_may_soon_push_out_waits() {
    let (world, _folder) =
        World::fresh(Archive::Always, Settings { archived_messages: 8, ..settings() }).await;
    let _a = to_nobody(&world, &["1", "2", "3", "4", "5", "6"]).await;
    let (mut b, ends) = join(&world, "b", "1").await;
    assert_eq!(ends, both("1", "6"));
    b.available(0);
    assert_eq!(b.bodies().await, ["1", "2"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_as_it_is() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let _a = to_nobody(&world, &["1"]).await;
    let b = world.client("b", "1").await;
    world.account("b").await.archive_policy().await.unwrap();
    world.store.take_away();
    assert!(b.account().archive_before(&b.session).await.is_err());
    assert!(b.account().leave_to_archive(&b.session).await.is_err());
    assert_eq!(b.account().pending(), 1);
}

#[tokio::test]
async fn a_session_that_has_ended_leaves_nothing() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let _a = to_nobody(&world, &["1"]).await;
    let b = world.client("b", "1").await;
    let session = b.session.clone();
    b.end().await;
    assert!(session.account.archive_before(&session).await.unwrap().is_none());
    session.account.leave_to_archive(&session).await.unwrap();
    assert_eq!(session.account.pending(), 1);
}
