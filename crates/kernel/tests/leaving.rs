//! What becomes of what a session was to get when the server, or the session, is gone in the middle of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use tempfile::TempDir;
use waxwing_kernel::Archive;
use waxwing_stanza::{IqType, Kind, MessageType, PresenceType, Stanza};
use waxwing_store::{RosterRow, Subscription};
use world::{Client, World, Writes, addr, settings};

/// All that is there but presence.
fn stanzas(client: &mut Client) -> Vec<Stanza> {
    let all = std::iter::from_fn(|| client.next());
    all.filter(|stanza| !matches!(stanza.kind, Kind::Presence(PresenceType::Available))).collect()
}

/// A request and a room's message wait behind a message that is not committed, and nobody is left when it is.
#[tokio::test]
async fn what_waits_behind_a_commit_for_a_session_that_ends_is_answered() {
    let (world, _folder) = World::fresh(Archive::Always, settings()).await;
    let mut a = world.client("a", "1").await;
    let b = world.client("b", "1").await;
    b.available(0);
    world.store.set(Writes::Held);
    a.send("b@x/1", "kept").await;
    a.send_xml("<message to='b@x/1' type='groupchat' id='g'><body>g</body></message>").await;
    a.send_xml("<message to='b@x/1' type='headline' id='h'><body>h</body></message>").await;
    a.send_xml("<iq to='b@x/1' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    b.end().await;
    assert!(stanzas(&mut a).is_empty());
    world.store.set(Writes::Pass);
    a.sent().await;
    let answers = stanzas(&mut a);
    let told: Vec<_> = answers.iter().map(|it| (it.kind, it.id().unwrap_or_default())).collect();
    assert_eq!(told, [(Kind::Message(MessageType::Error), "g"), (Kind::Iq(IqType::Error), "i")]);
    assert!(answers[0].has_child("recipient-unavailable") && answers[1].has_child("service-unavailable"));
    // The message itself waits.
    let mut b = world.client("b", "2").await;
    b.available(0);
    assert_eq!(b.bodies().await, ["kept"]);
}

trait HasChild {
    fn has_child(&self, condition: &str) -> bool;
}

impl HasChild for Stanza {
    fn has_child(&self, condition: &str) -> bool {
        String::from_utf8_lossy(&self.stored()).contains(&format!("<{condition} "))
    }
}

/// What the roster of one says of another.
async fn row(world: &World, owner: &str, contact: &str) -> RosterRow {
    let account = world.account(owner).await;
    let roster = world.core.rosters.get(account.id).await.unwrap();
    roster.row(&addr(contact)).cloned().unwrap_or_default()
}

async fn step(client: &Client, kind: &str, to: &str) {
    client.send_xml(&format!("<presence to='{to}' type='{kind}'/>")).await;
}

/// The process is killed after the first of the two rosters is written, and started again.
async fn killed_between(world: World, folder: &TempDir, client: &Client, kind: &str, to: &str) -> World {
    world.store.set(Writes::One);
    step(client, kind, to).await;
    drop(world);
    World::start(folder.path(), 2, Archive::Always, settings()).await
}

#[tokio::test]
async fn a_request_that_a_crash_cut_short_is_made_once_more() {
    let (world, folder) = World::fresh(Archive::Always, settings()).await;
    let a = world.client("a", "1").await;
    world.account("b").await;
    let world = killed_between(world, &folder, &a, "subscribe", "b@x").await;
    assert!(row(&world, "a", "b@x").await.ask);
    assert_eq!(row(&world, "b", "a@x").await.request, None);

    let a = world.client("a", "1").await;
    step(&a, "subscribe", "b@x").await;
    assert!(row(&world, "b", "a@x").await.request.is_some());
}

#[tokio::test]
async fn an_answer_that_a_crash_cut_short_is_given_once_more() {
    for (answer, subscription) in [("subscribed", Subscription::To), ("unsubscribed", Subscription::None)] {
        let (world, folder) = World::fresh(Archive::Always, settings()).await;
        let (a, b) = (world.client("a", "1").await, world.client("b", "1").await);
        step(&a, "subscribe", "b@x").await;
        let world = killed_between(world, &folder, &b, answer, "a@x").await;
        // The asker's side stands, and the request is there to be answered again.
        let asker = row(&world, "a", "b@x").await;
        assert_eq!((asker.subscription, asker.ask), (subscription, false), "{answer}");
        assert!(row(&world, "b", "a@x").await.request.is_some(), "{answer}");

        let mut b = world.client("b", "1").await;
        b.send_xml("<presence/>").await;
        let shown = std::iter::from_fn(|| b.next());
        let subscribe = Kind::Presence(PresenceType::Subscribe);
        assert_eq!(shown.filter(|stanza| stanza.kind == subscribe).count(), 1, "{answer}");
        step(&b, answer, "a@x").await;
        let own = row(&world, "b", "a@x").await;
        let shows = matches!(own.subscription, Subscription::From);
        assert_eq!((shows, own.request), (answer == "subscribed", None), "{answer}");
        assert_eq!(row(&world, "a", "b@x").await.subscription, subscription, "{answer}");
    }
}

#[tokio::test]
async fn a_removal_that_a_crash_cut_short_is_made_once_more() {
    let (world, folder) = World::fresh(Archive::Always, settings()).await;
    let (a, b) = (world.client("a", "1").await, world.client("b", "1").await);
    step(&a, "subscribe", "b@x").await;
    step(&b, "subscribed", "a@x").await;
    let remove = "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>\
                  <item jid='b@x' subscription='remove'/></query></iq>";
    world.store.set(Writes::One);
    a.send_xml(remove).await;
    drop(world);
    let world = World::start(folder.path(), 2, Archive::Always, settings()).await;
    // The contact shows itself no more, and the client still finds it in the roster.
    assert_eq!(row(&world, "b", "a@x").await.subscription, Subscription::None);
    assert!(row(&world, "a", "b@x").await.listed);
    let a = world.client("a", "1").await;
    a.send_xml(remove).await;
    assert!(!row(&world, "a", "b@x").await.listed);
}
