//! An archive that is read while messages wait in it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::time::Duration;

use minidom::Element;
use tempfile::TempDir;
use waxwing_kernel::{Archive, Retention, Settings, now};
use waxwing_stanza::ns::{CLIENT, STANZAS};
use waxwing_store::Store;
use world::{Client, World, settings};

const MAM: &str = "urn:xmpp:mam:2";

async fn world() -> (World, TempDir) {
    with(settings()).await
}

async fn with(settings: Settings) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path(), 1, Archive::Always, settings).await;
    world.install_modules();
    (world, folder)
}

/// Asks for the archive; the bodies of the results, or the error.
async fn query(client: &mut Client, inside: &str) -> Result<Vec<String>, Element> {
    client
        .send_xml(&format!("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'>{inside}</query></iq>"))
        .await;
    let mut bodies = Vec::new();
    while let Some(stanza) = client.next() {
        let stanza = parsed(stanza.element().bytes());
        if let Some(error) = stanza.get_child("error", CLIENT) {
            return Err(error.clone());
        }
        bodies.extend(stanza.get_child("result", MAM).map(body_inside));
    }
    Ok(bodies)
}

fn parsed(stanza: &[u8]) -> Element {
    let stanza = std::str::from_utf8(stanza).unwrap();
    let stream: Element = format!("<stream xmlns='{CLIENT}'>{stanza}</stream>").parse().unwrap();
    stream.children().next().unwrap().clone()
}

fn body_inside(result: &Element) -> String {
    let forwarded = result.get_child("forwarded", "urn:xmpp:forward:0").unwrap();
    forwarded.get_child("message", CLIENT).unwrap().get_child("body", CLIENT).unwrap().text()
}

#[tokio::test]
async fn a_result_that_holds_a_waiting_message_settles_it_when_it_is_acknowledged() {
    let (world, _folder) = world().await;
    let a = world.client("a", "1").await;
    world.account("b").await;
    for body in ["1", "2", "3"] {
        a.send("b@x", body).await;
    }
    a.sent().await;
    let mut b = world.client("b", "1").await;
    assert_eq!(query(&mut b, "").await.unwrap(), ["1", "2", "3"]);
    b.acknowledge();
    // It has not said yet that it takes messages.
    assert_eq!(world.stored(b.account()).await, 3);
    b.available(0);
    assert!(b.bodies().await.is_empty(), "it has them");
    assert_eq!((world.stored(b.account()).await, b.account().pending()), (0, 0));
    // They stay in the archive.
    assert_eq!(query(&mut b, "").await.unwrap(), ["1", "2", "3"]);
    b.acknowledge();
    assert_eq!(b.account().pending(), 0);
}

#[tokio::test]
async fn a_result_that_was_not_acknowledged_settles_nothing() {
    let (world, _folder) = world().await;
    let a = world.client("a", "1").await;
    world.account("b").await;
    a.send("b@x", "1").await;
    a.sent().await;
    let mut b = world.client("b", "1").await;
    b.available(-1);
    assert_eq!(query(&mut b, "").await.unwrap(), ["1"]);
    let mut other = world.client("b", "2").await;
    b.end().await;
    other.available(0);
    assert_eq!(other.bodies().await, ["1"]);
    other.acknowledge();
    assert_eq!((world.stored(other.account()).await, other.account().pending()), (0, 0));
}

#[tokio::test]
async fn what_another_session_holds_is_settled_once() {
    let (world, _folder) = world().await;
    let a = world.client("a", "1").await;
    let mut one = world.client("b", "1").await;
    one.available(0);
    a.send("b@x/1", "1").await;
    a.sent().await;
    assert_eq!(one.bodies().await, ["1"]);
    let mut two = world.client("b", "2").await;
    two.available(0);
    let _ = two.read().await;
    assert_eq!(query(&mut two, "").await.unwrap(), ["1"]);
    two.acknowledge();
    assert_eq!((world.stored(two.account()).await, two.account().pending()), (0, 0));
    one.acknowledge();
    a.send("b@x/1", "2").await;
    a.sent().await;
    assert_eq!(one.account().pending(), 1, "counted once each");
    // Settled just now, and perhaps not in the database yet: no result holds it.
    assert_eq!(one.bodies().await, ["2"]);
    one.acknowledge();
    assert_eq!(query(&mut two, "").await.unwrap(), ["1", "2"]);
    two.acknowledge();
    assert_eq!((world.stored(two.account()).await, two.account().pending()), (0, 0));
}

#[tokio::test]
async fn what_was_sent_before_on_the_same_stream_is_there() {
    let (world, _folder) = world().await;
    let mut a = world.client("a", "1").await;
    world.account("b").await;
    for n in 0..40 {
        a.send("b@x", &n.to_string()).await;
    }
    assert_eq!(query(&mut a, "").await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_refused_and_bounded() {
    let (world, _folder) = with(Settings { outbox_bytes: 65_536, ..settings() }).await;
    let mut a = world.client("a", "1").await;
    world.account("b").await;
    for n in 0..60 {
        let body = format!("<body>{n}</body><x xmlns='x'>{}</x>", "x".repeat(1000));
        a.send_xml(&format!("<message type='chat' to='b@x'>{body}</message>")).await;
    }
    a.sent().await;
    // By its bytes a page is smaller than by its number, from either end.
    let page = query(&mut a, "").await.unwrap();
    assert!((2..10).contains(&page.len()), "{}", page.len());
    assert_eq!(page[0], "0");
    let last = query(&mut a, "<set xmlns='http://jabber.org/protocol/rsm'><before/></set>").await.unwrap();
    assert_eq!(last.last().unwrap(), "59");
    let mut refused = None;
    for _ in 0..20 {
        if let Err(error) = query(&mut a, "").await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("nothing was acknowledged");
    assert_eq!(refused.attr("type"), Some("wait"));
    assert!(refused.has_child("resource-constraint", STANZAS), "{refused:?}");
    assert!(a.session.outbox(|outbox| outbox.weight()) < 65_536);
    assert!(a.session.closing().is_none());
    a.acknowledge();
    assert_eq!(query(&mut a, "").await.unwrap().len(), page.len());
}

/// A large stanza comes even where it alone is more than a page may be.
#[tokio::test]
async fn one_entry_always_fits() {
    let (world, _folder) = with(Settings { outbox_bytes: 65_536, ..settings() }).await;
    let mut a = world.client("a", "1").await;
    world.account("b").await;
    let body = format!("<body>large</body><x xmlns='x'>{}</x>", "x".repeat(40_000));
    a.send_xml(&format!("<message type='chat' to='b@x'>{body}</message>")).await;
    a.send("b@x", "small").await;
    a.sent().await;
    a.acknowledge();
    assert_eq!(query(&mut a, "").await.unwrap(), ["large"]);
}

#[tokio::test]
async fn positions_hold_the_time() {
    let (world, _folder) = world().await;
    let a = world.client("a", "1").await;
    let b = world.account("b").await;
    for _ in 0..2 {
        a.send("b@x", "1").await;
        a.sent().await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let rows = world.core.store.log_archived(b.id, &waxwing_store::LogQuery::all(9)).await.unwrap();
    assert!(rows[0].at < rows[1].at);
    for row in rows {
        assert_eq!(waxwing_kernel::at_of(row.seq), row.at);
        assert!(waxwing_kernel::first_at(row.at) <= row.seq);
        assert!(row.seq < waxwing_kernel::first_at(row.at + 1));
    }
}

const DAY: i64 = 86_400_000;

#[tokio::test]
async fn what_is_too_old_goes_by_each_accounts_own_time() {
    let settings = Settings { archive_retention: Duration::from_secs(30 * 86_400), ..settings() };
    let (world, _folder) = with(settings).await;
    let a = world.client("a", "1").await;
    let (short, long) = (world.account("short").await, world.account("long").await);
    short.set_archive_retention(Retention::days(7)).await.unwrap();
    long.set_archive_retention(Retention::days(365)).await.unwrap();
    for to in ["short@x", "long@x", "b@x"] {
        world.account(to.split_once('@').unwrap().0).await;
        a.send(to, "1").await;
    }
    a.sent().await;
    let kept = async || {
        let mut kept = Vec::new();
        for name in ["a", "short", "long", "b"] {
            let account = world.account(name).await;
            let head = world.store.log_head(account.id).await.unwrap();
            assert_eq!(head.archived, account.archived(), "{name}: counted as it is");
            kept.push(head.archived);
        }
        kept
    };
    let core = &world.core;
    for (days, expected) in [(6, [3, 1, 1, 1]), (8, [3, 0, 1, 1]), (31, [0, 0, 1, 0]), (366, [0, 0, 0, 0])] {
        core.expire_archives(now() + days * DAY).await.unwrap();
        assert_eq!(kept().await, expected, "after {days} days");
    }
    // It waits all the same, for whoever has not got it.
    let mut late = world.client("short", "1").await;
    late.available(0);
    assert_eq!(late.bodies().await, ["1"]);
}

#[tokio::test]
async fn a_retention_may_be_taken_back() {
    let (world, _folder) = world().await;
    let a = world.client("a", "1").await;
    a.account().set_archive_retention(Retention::days(1)).await.unwrap();
    a.account().set_archive_retention(None).await.unwrap();
    world.account("b").await;
    a.send("b@x", "1").await;
    a.sent().await;
    world.core.expire_archives(now() + 364 * DAY).await.unwrap();
    assert_eq!(a.account().archived(), 1);
    world.core.expire_archives(now() + 366 * DAY).await.unwrap();
    assert_eq!(a.account().archived(), 0);
    assert!(
        Retention::days(0).is_none() && Retention::read("36501").is_none() && Retention::read("x").is_none()
    );
}
