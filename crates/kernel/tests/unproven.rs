//! What a login asks the directory before its client has proven anything.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;

use waxwing_kernel::Archive;
use waxwing_store::{NewAccount, Store, Write};
use world::{World, addr, settings};

#[tokio::test]
async fn the_row_is_as_it_is_now_whether_the_account_is_in_memory_or_not() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    let new = NewAccount { jid: "a@x".to_owned(), keys: b"first".to_vec(), admin: false, created: 0 };
    world.store.create_accounts(&[new]).await.unwrap();
    let found = async || world.core.directory.find_stored(&world.host, &addr("a@x")).await.unwrap();

    let (account, row) = found().await.unwrap();
    assert_eq!((row.id, row.keys), (account.id, b"first".to_vec()));
    assert!(Arc::ptr_eq(&account, &world.core.directory.present(&addr("a@x")).unwrap()));

    let change = Write::Keys { owner: account.id, keys: b"second".to_vec() };
    world.core.writer.commit(vec![change]).await.unwrap();
    let (again, row) = found().await.unwrap();
    assert!(Arc::ptr_eq(&account, &again));
    assert_eq!(row.keys, b"second");
}

#[tokio::test]
async fn nobody_is_found_under_a_name_that_nobody_has() {
    let (world, _folder) = World::fresh(Archive::UntilDelivered, settings()).await;
    assert!(world.core.directory.find_stored(&world.host, &addr("nobody@x")).await.unwrap().is_none());
    assert!(world.core.directory.present(&addr("nobody@x")).is_none());
}
