//! The rules of delivery, one behaviour each, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use waxwing_kernel::{About, Archive, Kinds, Module, On, Point, Settings, Setup, SetupError, Table, Verdict};
use waxwing_store::StoreError;
use world::{World, Writes, settings};

async fn world(archive: Archive) -> (World, TempDir) {
    with(archive, settings()).await
}

async fn with(archive: Archive, settings: Settings) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (World::start(folder.path(), 1, archive, settings).await, folder)
}

/// Nothing is written for want of an acknowledgement.
fn patient() -> Settings {
    Settings { linger: Duration::from_secs(60), ..settings() }
}

#[tokio::test]
async fn a_message_acknowledged_within_the_linger_is_never_written() {
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
    let a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    a.send("b@x", "one").await;
    a.sent().await;
    assert_eq!(world.stored(b.account()).await, 1);
}

#[tokio::test]
async fn a_message_to_nobody_is_written_at_once_and_comes_late() {
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = world(Archive::Always).await;
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
    let (world, _folder) = world(Archive::Always).await;
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
    let (world, _folder) = world(Archive::Always).await;
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
    let (world, _folder) = with(Archive::Always, Settings { outbox_bytes: 20_000, ..settings() }).await;
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
    let (world, _folder) = with(Archive::Always, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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

#[tokio::test]
async fn a_slow_reader_reads_its_log_and_misses_nothing() {
    let (world, _folder) = with(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..settings() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, Settings { outbox_bytes: 4000, ..patient() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, patient()).await;
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

#[tokio::test]
async fn a_resend_on_a_later_stream_is_acknowledged_and_not_delivered_again() {
    let (world, _folder) = world(Archive::Always).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
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
    let (world, _folder) = world(Archive::Always).await;
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
        with(Archive::UntilDelivered, Settings { pending_messages: 1, ..settings() }).await;
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
    let (world, _folder) = with(Archive::UntilDelivered, Settings { pending_messages: 1, ..patient() }).await;
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
    let (world, _folder) = world(Archive::UntilDelivered).await;
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

/// Refuses, or cannot tell, as [`RULE`] says.
struct Ruled;

static RULE: AtomicU8 = AtomicU8::new(0);

impl Module for Ruled {
    const ABOUT: About = About { xep: 0, version: "1", name: "test", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Ruled, SetupError> {
        Ok(Ruled)
    }

    fn install(on: &mut On<'_, Ruled>) {
        on.guard(Point::ToAccount, Kinds::MESSAGE, |_, _| match RULE.load(Ordering::Relaxed) {
            0 => Verdict::Pass,
            1 => Verdict::Drop,
            _ => Verdict::AskAgain(Box::pin(async { Err(StoreError("away".to_owned())) })),
        });
    }
}

#[tokio::test]
async fn stored_messages_are_judged_again_and_are_not_lost_while_that_cannot_be_done() {
    let (world, _folder) = world(Archive::UntilDelivered).await;
    let setup = Setup {
        core: &world.core,
        host: &world.host,
        iterations: 1,
        block_list_items: 1,
        reports: 2,
        contacts: Default::default(),
        private_bytes: 1,
        command_sessions: 1,
        vcard_bytes: 1,
        avatar_bytes: 1,
        archive_page: 1,
        archive_preferences: 1,
        push: Default::default(),
    };
    let mut table = Table::default();
    table.install::<Ruled>(&setup).unwrap();
    world.host.set_table(table);
    let a = world.client("a", "1").await;
    let mut b = world.client("b", "1").await;
    a.send("b@x", "one").await;
    a.sent().await;
    b.available(0);
    RULE.store(2, Ordering::Relaxed);
    assert!(b.account().clone().read_log(&b.session).await.is_err());
    assert_eq!(b.account().pending(), 1);
    RULE.store(1, Ordering::Relaxed);
    assert_eq!(b.bodies().await.len(), 0);
    assert_eq!(b.account().pending(), 0);
    assert_eq!(world.stored(b.account()).await, 0);
    RULE.store(0, Ordering::Relaxed);
}
