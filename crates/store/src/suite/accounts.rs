//! Accounts.

use super::{ARCHIVED, BOTH, Database, PENDING, account, append, apply, pending};
use crate::{
    DeviceRow, Doc, LogHead, NewAccount, ResendRow, Roster, RosterRow, Store, Subscription, Wanted, Write,
};

fn new(jid: &str, keys: &[u8]) -> NewAccount {
    NewAccount { jid: jid.to_owned(), keys: keys.to_vec(), admin: jid.starts_with("admin"), created: 42 }
}

pub async fn accounts_are_made_once(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let made = store
        .create_accounts(&[new("a@x", b"first"), new("admin@x", b"k"), new("a@x", b"again")])
        .await
        .unwrap();
    assert!(made[0].is_some() && made[1].is_some());
    assert_eq!(made[2], None);
    assert_eq!(store.create_accounts(&[new("a@x", b"later"), new("b@x", b"k")]).await.unwrap()[0], None);

    let first = store.account("a@x").await.unwrap().unwrap();
    assert_eq!((first.id, first.keys.as_slice(), first.created), (made[0].unwrap(), b"first".as_slice(), 42));
    assert!(!first.admin && !first.disabled);
    assert!(store.account("admin@x").await.unwrap().unwrap().admin);
    assert_eq!(store.account("A@x").await.unwrap(), None);
    assert!(store.create_accounts(&[]).await.unwrap().is_empty());
}

pub async fn who_asks_at_the_same_time_gets_his_own(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let names: Vec<String> = (0..100).map(|number| format!("u{number}@x")).collect();
    let made: Vec<NewAccount> = names.iter().map(|jid| new(jid, jid.as_bytes())).collect();
    let owners = store.create_accounts(&made).await.unwrap();
    let mut writes = Vec::new();
    for (name, owner) in names.iter().zip(owners) {
        let (owner, value) = (owner.unwrap(), name.clone().into_bytes());
        writes.push(Write::DocSet { owner, kind: "one", key: "k".to_owned(), value });
        writes.push(Write::ResendKeys(ResendRow { owner, boot: 7, at: 5, keys: vec![0; 16] }));
    }
    apply(&*store, &writes).await;
    let ask = async |number: usize| {
        // Some are asked for twice, some are not there.
        let jid = format!("u{}@x", number % 120);
        let row = store.account(&jid).await.unwrap();
        assert_eq!(row.map(|row| row.keys), names.contains(&jid).then(|| jid.clone().into_bytes()));
        // Not all want the same.
        let kinds: &[&'static str] = if number.is_multiple_of(3) { &[] } else { &["one"] };
        let since = if number.is_multiple_of(2) { 6 } else { 5 };
        let whole = store.load(&jid, &Wanted { resends: (since, 9), kinds }).await.unwrap();
        assert_eq!(whole.is_some(), names.contains(&jid));
        let Some(whole) = whole else { return };
        assert_eq!(whole.row.jid, jid);
        let doc = Doc { key: "k".to_owned(), value: jid.into_bytes() };
        assert_eq!(whole.docs.get("one"), (!kinds.is_empty()).then(|| vec![doc]).as_ref());
        assert_eq!(whole.resends.len(), usize::from(since == 5));
    };
    futures_util::future::join_all((0..200).map(ask)).await;
}

pub async fn an_account_is_loaded_whole(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let (a, b) = (account(&*store, "a@x").await, account(&*store, "b@x").await);
    let wanted = Wanted { resends: (2, 2), kinds: &["one", "two", "none"] };
    let load = async |jid| store.load(jid, &wanted).await.unwrap();
    let row = |at| ResendRow { owner: a, boot: 7, at, keys: vec![at as u8; 16] };
    let contact = |name: &str| RosterRow {
        contact: format!("{name}@x"),
        listed: true,
        name: Some("Zoë \"🐦\" \\ \n\u{1f}".to_owned()),
        groups: vec!["\"Wörk\"".to_owned(), String::new()],
        subscription: Subscription::From,
        ask: true,
        approved: true,
        request: Some(b"\0\xff".to_vec()),
    };
    let plain = RosterRow { contact: "c@x".to_owned(), ..RosterRow::default() };
    let doc = |kind, key: &str, value: &[u8]| Write::DocSet {
        owner: a,
        kind,
        key: key.to_owned(),
        value: value.to_vec(),
    };
    let nothing = load("a@x").await.unwrap();
    assert_eq!(nothing.row, store.account("a@x").await.unwrap().unwrap());
    assert_eq!((nothing.head, nothing.roster), (Default::default(), Roster::default()));
    assert!(nothing.resends.is_empty() && nothing.docs.is_empty());

    let mut writes = everything(b);
    writes.extend([append(a, 1, PENDING), append(a, 2, BOTH), append(a, 3, PENDING)]);
    writes.extend((1..=4).map(row).map(Write::ResendKeys));
    writes.extend([contact("d"), plain.clone(), contact("b")].map(|row| Write::RosterSet {
        owner: a,
        version: 9,
        row,
    }));
    writes.extend([
        doc("one", "", b"\0v"),
        doc("two", "z", b""),
        doc("two", "ä", b"2"),
        doc("three", "", b""),
    ]);
    writes.push(Write::Disabled { owner: a, disabled: true });
    for write in writes {
        apply(&*store, &[write]).await;
    }
    let loaded = load("a@x").await.unwrap();
    assert_eq!(loaded.row, store.account("a@x").await.unwrap().unwrap());
    assert!(loaded.row.disabled);
    assert_eq!(loaded.head, store.log_head(a).await.unwrap());
    assert_eq!(loaded.head, LogHead { last: 3, pending: 3, archived: 1 });
    assert_eq!(loaded.resends, [row(4), row(3)]);
    assert_eq!(loaded.roster, store.roster(a).await.unwrap());
    assert_eq!(loaded.roster, Roster { version: 9, rows: vec![contact("b"), plain, contact("d")] });
    let of = |kind: &str| loaded.docs.get(kind).cloned();
    let doc = |key: &str, value: &[u8]| Doc { key: key.to_owned(), value: value.to_vec() };
    assert_eq!(of("one"), Some(vec![doc("", b"\0v")]));
    assert_eq!(of("two"), Some(vec![doc("z", b""), doc("ä", b"2")]));
    assert_eq!(loaded.docs.len(), 2);

    let other = Wanted { resends: (6, 9), kinds: &[] };
    let other = store.load("b@x", &other).await.unwrap().unwrap();
    assert_eq!((other.row.id, other.head.pending, other.roster.rows.len()), (b, 2, 1));
    assert!(other.resends.is_empty() && other.docs.is_empty());
    assert_eq!(load("A@x").await, None);
    apply(&*store, &[Write::RemoveAccount { owner: a }]).await;
    assert_eq!(load("a@x").await, None);
}

pub async fn accounts_in_pages_by_jid(database: &dyn Database) {
    let store = database.open().await.unwrap();
    // By bytes, whatever the locale of the database.
    let sorted = ["B@x", "a-b@x", "a@x", "ab@x", "z@x", "ä@x", "日本@x"];
    let mut shuffled: Vec<NewAccount> = sorted.iter().map(|jid| new(jid, b"k")).collect();
    shuffled.rotate_left(3);
    store.create_accounts(&shuffled).await.unwrap();
    let mut found: Vec<String> = Vec::new();
    loop {
        let page = store.accounts(found.last().map(String::as_str), 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|account| account.jid));
    }
    assert_eq!(found, sorted);
}

pub async fn account_numbers_are_not_used_again(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let first = account(&*store, "a@x").await;
    let second = account(&*store, "b@x").await;
    apply(&*store, &[Write::RemoveAccount { owner: second }]).await;
    let third = account(&*store, "b@x").await;
    assert!(first < second && second < third);
}

pub async fn keys_and_disabling(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    let keys = vec![0, 255, 0, 7];
    apply(&*store, &[Write::Keys { owner, keys: keys.clone() }, Write::Disabled { owner, disabled: true }])
        .await;
    let found = store.account("a@x").await.unwrap().unwrap();
    assert_eq!((found.keys, found.disabled), (keys, true));
    apply(&*store, &[Write::Disabled { owner, disabled: false }]).await;
    assert!(!store.account("a@x").await.unwrap().unwrap().disabled);
}

pub async fn keys_are_upgraded_once(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let owner = account(&*store, "a@x").await;
    apply(&*store, &[Write::Keys { owner, keys: vec![1] }, Write::DeviceSet(device(owner, "phone", 5))])
        .await;
    let upgrade = |from, to| Write::UpgradeKeys { owner, from: vec![from], to: vec![to] };
    apply(&*store, &[upgrade(1, 2), upgrade(1, 3), upgrade(1, 2)]).await;
    assert_eq!(store.account("a@x").await.unwrap().unwrap().keys, [2]);
    assert!(!store.device(owner, "phone").await.unwrap().unwrap().tokens.is_empty());
}

fn everything(owner: i64) -> Vec<Write> {
    vec![
        append(owner, 1, PENDING),
        append(owner, 2, BOTH),
        append(owner, 3, ARCHIVED),
        Write::ResendKeys(ResendRow { owner, boot: 1, at: 5, keys: vec![9; 16] }),
        Write::RosterSet {
            owner,
            version: 3,
            row: RosterRow { contact: "c@x".to_owned(), ..RosterRow::default() },
        },
        Write::DeviceSet(device(owner, "phone", 3)),
        Write::DocSet { owner, kind: "block", key: "k".to_owned(), value: vec![1] },
    ]
}

async fn is_empty(store: &dyn Store, owner: i64) -> bool {
    let head = store.log_head(owner).await.unwrap();
    let roster = store.roster(owner).await.unwrap();
    head == Default::default()
        && pending(store, owner).await.is_empty()
        && store.log_marks(owner, 3).await.unwrap().is_none()
        && roster.rows.is_empty()
        && roster.version == 0
        && store.docs(owner, "block").await.unwrap().is_empty()
        && store.doc(owner, "block", "k").await.unwrap().is_none()
        && store.devices(owner).await.unwrap().is_empty()
        && store.device(owner, "phone").await.unwrap().is_none()
}

fn device(owner: i64, id: &str, seen: i64) -> DeviceRow {
    let (software, name) = ("Söftware".to_owned(), "Kiva's phone".to_owned());
    DeviceRow { owner, id: id.to_owned(), software, name, first: seen - 1, seen, tokens: vec![0, 255, 7] }
}

pub async fn devices(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let (owner, other) = (account(&*store, "a@x").await, account(&*store, "b@x").await);
    let (phone, desk) = (device(owner, "phone", 5), device(owner, "desk", 9));
    apply(&*store, &[Write::DeviceSet(phone.clone()), Write::DeviceSet(desk.clone())]).await;
    apply(&*store, &[Write::DeviceSet(device(other, "phone", 7))]).await;
    assert_eq!(store.device(owner, "phone").await.unwrap(), Some(phone.clone()));
    let row = store.account("a@x").await.unwrap().unwrap();
    assert_eq!(store.account_on("a@x", "phone").await.unwrap(), Some((row.clone(), Some(phone.clone()))));
    assert_eq!(store.account_on("a@x", "Phone").await.unwrap(), Some((row, None)));
    assert_eq!(store.account_on("c@x", "phone").await.unwrap(), None);
    assert_eq!(store.device(owner, "Phone").await.unwrap(), None);
    assert_eq!(store.devices(owner).await.unwrap(), [desk.clone(), phone.clone()]);
    let again = DeviceRow { seen: 11, tokens: Vec::new(), software: String::new(), ..phone };
    let set = Write::DeviceSet(again.clone());
    apply(&*store, &[set.clone(), set]).await;
    assert_eq!(store.devices(owner).await.unwrap(), [again, desk]);
    let remove = Write::DeviceRemove { owner, id: "phone".to_owned() };
    apply(&*store, &[remove.clone(), remove]).await;
    assert_eq!(store.devices(owner).await.unwrap().len(), 1);
    assert_eq!(store.devices(other).await.unwrap().len(), 1);
}

pub async fn tokens_go_with_the_password(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let (owner, other) = (account(&*store, "a@x").await, account(&*store, "b@x").await);
    let tokens = async |owner| store.device(owner, "phone").await.unwrap().unwrap().tokens;
    for owner in [owner, other] {
        apply(&*store, &[Write::DeviceSet(device(owner, "phone", 5))]).await;
    }
    apply(&*store, &[Write::Keys { owner, keys: vec![1] }]).await;
    assert!(tokens(owner).await.is_empty());
    apply(&*store, &[Write::DeviceSet(device(owner, "phone", 6))]).await;
    apply(&*store, &[Write::Disabled { owner, disabled: false }]).await;
    assert!(!tokens(owner).await.is_empty());
    // Nothing comes to a disabled account.
    let disabled = Write::Disabled { owner, disabled: true };
    apply(&*store, &[disabled, Write::DeviceSet(device(owner, "phone", 7))]).await;
    assert!(tokens(owner).await.is_empty());
    assert!(!tokens(other).await.is_empty());
}

pub async fn removal_takes_every_row(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let gone = account(&*store, "gone@x").await;
    let stays = account(&*store, "stays@x").await;
    apply(&*store, &everything(gone)).await;
    apply(&*store, &everything(stays)).await;
    assert!(!is_empty(&*store, gone).await);
    apply(&*store, &[Write::RemoveAccount { owner: gone }]).await;
    apply(&*store, &[Write::RemoveAccount { owner: gone }]).await;
    assert_eq!(store.account("gone@x").await.unwrap(), None);
    assert!(is_empty(&*store, gone).await);
    assert_eq!(pending(&*store, stays).await, [1, 2]);
    assert_eq!(store.roster(stays).await.unwrap().version, 3);
}

pub async fn writes_for_nobody_change_nothing(database: &dyn Database) {
    let store = database.open().await.unwrap();
    let gone = account(&*store, "gone@x").await;
    let stays = account(&*store, "stays@x").await;
    apply(&*store, &[Write::RemoveAccount { owner: gone }]).await;
    // Among those of another, in one batch: what is still under way when an account is removed.
    let mut writes = everything(gone);
    writes.extend(everything(stays));
    writes.push(Write::Keys { owner: gone, keys: vec![1] });
    writes.push(Write::Disabled { owner: gone, disabled: true });
    apply(&*store, &writes).await;
    assert!(is_empty(&*store, gone).await);
    let head = store.log_head(stays).await.unwrap();
    assert_eq!((head.last, head.pending, head.archived), (3, 2, 2));
}
