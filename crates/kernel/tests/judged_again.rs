//! What guards say when a stored message is read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::atomic::{AtomicU8, Ordering};

use waxwing_kernel::{About, Archive, Kinds, Module, On, Point, Setup, SetupError, Table, Verdict};
use waxwing_store::StoreError;
use world::{World, settings};

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
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
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
