//! When somebody was last seen is written in batches, never once for each presence.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use waxwing_kernel::Archive;

use world::{Client, World, Writes, settings};

const PEOPLE: usize = 40;

async fn people(world: &World) -> Vec<Client> {
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(world.client(&format!("p{n}"), "1").await);
    }
    people
}

async fn presence(client: &Client, presence: &str) {
    let mut stanza = world::scan(presence);
    stanza.from = Some(client.session.jid.clone());
    waxwing_im::handle(client.session.clone(), stanza, client.session.receive()).await;
}

/// Everybody comes, changes status and goes, several times.
async fn come_and_go(people: &[Client]) {
    for round in 0..4 {
        for client in people {
            presence(client, "<presence xmlns='jabber:client'/>").await;
            presence(client, "<presence xmlns='jabber:client'><show>away</show></presence>").await;
            let bye = format!(
                "<presence xmlns='jabber:client' type='unavailable'><status>{round}</status></presence>"
            );
            presence(client, &bye).await;
        }
    }
}

async fn stored(world: &World, client: &Client) -> Option<String> {
    let doc = world.core.store.doc(client.session.account.id, "last", "").await.unwrap()?;
    Some(String::from_utf8_lossy(&doc[8..]).into_owned())
}

async fn world(folder: &std::path::Path) -> World {
    let world = World::start(folder, 1, Archive::UntilDelivered, settings()).await;
    world.install_modules();
    world
}

#[tokio::test]
async fn one_write_for_each_account_and_one_transaction_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let people = people(&world).await;
    let before = world.store.applied();
    come_and_go(&people).await;
    world.core.writer.flush().await;
    assert_eq!(world.store.applied(), before, "presence by itself writes nothing");
    world.core.late.flush(&world.core.writer).await;
    let after = world.store.applied();
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, PEOPLE), "transactions and writes");
    for client in &people {
        assert_eq!(stored(&world, client).await.as_deref(), Some("3"));
    }
    world.core.late.flush(&world.core.writer).await;
    assert_eq!(world.store.applied(), after, "nothing is written twice");
}

#[tokio::test]
async fn they_are_written_by_themselves_within_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let people = people(&world).await;
    for _ in 0..2 {
        come_and_go(&people).await;
        let last = people.last().unwrap();
        let written = async {
            while world.core.late.get(last.session.account.id, "last").is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), written).await.unwrap();
        assert_eq!(stored(&world, last).await.as_deref(), Some("3"));
    }
}

#[tokio::test]
async fn what_the_database_refuses_waits() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let people = people(&world).await;
    come_and_go(&people).await;
    world.store.set(Writes::Refused);
    world.core.late.flush(&world.core.writer).await;
    let id = people[0].session.account.id;
    assert!(world.core.late.get(id, "last").is_some());
    world.store.set(Writes::Pass);
    world.core.late.flush(&world.core.writer).await;
    assert_eq!(world.core.late.get(id, "last"), None);
    assert_eq!(stored(&world, &people[0]).await.as_deref(), Some("3"));
}
