use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use jid::BareJid;
use waxwing_sasl::{Keys, MIN_ITERATIONS};
use waxwing_store::{RosterRow, Store, Subscription};

use crate::{AdminError, AdminServer, Draft, Imported, Offline, Operator, Remote, Setting, import};

fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn draft(text: &str) -> Draft {
    Draft { jid: jid(text), keys: Keys::derive("secret", MIN_ITERATIONS).unwrap(), admin: false }
}

async fn store(folder: &Path) -> Arc<dyn Store> {
    waxwing_store_sqlite::open(&folder.join("w.sqlite")).await.unwrap()
}

fn ours(jid: &BareJid) -> Result<(), AdminError> {
    match jid.domain().as_str() {
        "a.example" => Ok(()),
        other => Err(AdminError(format!("{other} is not served here"))),
    }
}

/// What both operators do.
async fn does_it_all(operator: &dyn Operator, store: &dyn Store) {
    let (a, b) = (jid("a@a.example"), jid("b@a.example"));
    assert_eq!(
        operator.create(vec![draft("a@a.example"), draft("b@a.example")]).await.unwrap(),
        [true, true]
    );
    assert_eq!(
        operator.create(vec![draft("a@a.example"), draft("c@a.example")]).await.unwrap(),
        [false, true]
    );

    let first = operator.list(None).await.unwrap();
    assert_eq!(
        first.iter().map(|one| one.jid.as_str()).collect::<Vec<_>>(),
        ["a@a.example", "b@a.example", "c@a.example"]
    );
    assert_eq!(operator.list(Some("b@a.example")).await.unwrap().len(), 1);

    operator.set_disabled(&a, true).await.unwrap();
    assert!(operator.show(&a).await.unwrap().disabled);
    operator.set_disabled(&a, false).await.unwrap();
    assert!(!operator.show(&a).await.unwrap().disabled);

    for who in ["nobody", "contacts"] {
        operator.set(&a, format!("last_seen={who}").parse().unwrap()).await.unwrap();
        assert_eq!(operator.show(&a).await.unwrap().last_seen, who);
    }
    assert!("last_seen=everyone".parse::<Setting>().unwrap_err().0.contains("contacts or nobody"));

    let keys = Keys::derive("other", MIN_ITERATIONS).unwrap();
    operator.set_keys(&a, keys.clone()).await.unwrap();
    assert_eq!(store.account("a@a.example").await.unwrap().unwrap().keys, keys.to_bytes());

    operator.remove(&b).await.unwrap();
    let gone = operator.show(&b).await.unwrap_err();
    assert_eq!(gone.0, "there is no account b@a.example");
    assert_eq!(operator.remove(&b).await.unwrap_err(), gone);
    assert_eq!(operator.set_disabled(&b, true).await.unwrap_err(), gone);
    assert_eq!(operator.set_keys(&b, keys).await.unwrap_err(), gone);
}

#[tokio::test]
async fn on_the_database_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let operator = Offline::new(store.clone());
    does_it_all(&operator, &*store).await;
    operator.close().await;
}

#[tokio::test]
async fn through_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    assert!(Remote::connect(&socket).await.unwrap().is_none());
    let store = store(folder.path()).await;
    let server = AdminServer::start(&socket, Arc::new(Offline::new(store.clone()))).unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let remote = Remote::connect(&socket).await.unwrap().unwrap();
    does_it_all(&remote, &*store).await;

    let long = |at: usize| format!("{}{at:03}@{}a.example", "u".repeat(1020), "x".repeat(50));
    let keys = draft("a@a.example").keys;
    let most =
        (0..crate::wire::BATCH).map(|at| Draft { jid: jid(&long(at)), keys: keys.clone(), admin: false });
    assert_eq!(remote.create(most.collect()).await.unwrap().len(), crate::wire::BATCH);

    let second = AdminServer::start(&socket, Arc::new(Offline::new(store.clone())));
    assert!(second.err().unwrap().0.starts_with("another Waxwing is running"));
    drop(server);
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_socket_left_by_a_killed_server_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    // A path too long for a socket's address works as well.
    let long = folder.path().join("d".repeat(120));
    std::fs::create_dir(&long).unwrap();
    for folder in [folder.path(), &long] {
        let socket = folder.join("admin.sock");
        let store = store(folder).await;
        let short = crate::socket::SocketPath::new(&socket).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&short.path).unwrap());
        assert!(Remote::connect(&socket).await.unwrap().is_none());
        let _server = AdminServer::start(&socket, Arc::new(Offline::new(store))).unwrap();
        assert!(Remote::connect(&socket).await.unwrap().unwrap().list(None).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nonsense_on_the_socket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let store = store(folder.path()).await;
    let _server = AdminServer::start(&socket, Arc::new(Offline::new(store))).unwrap();
    let say = |line: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(line);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert_eq!(say(b"nonsense\n"), "");
    assert_eq!(say(&[b'x'; 3 << 20]), "");
    let no_account = say(b"{\"show\":{\"jid\":\"a.example\"}}\n");
    assert!(no_account.contains("names no account"), "{no_account}");
    let no_keys = say(b"{\"set_keys\":{\"jid\":\"a@a.example\",\"keys\":\"AAAA\"}}\n");
    assert!(no_keys.contains("keys cannot be read"), "{no_keys}");
}

#[tokio::test]
async fn an_import_is_judged_whole_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let operator = Offline::new(store.clone());
    let file = folder.path().join("users");
    let run = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let result = import(&file, MIN_ITERATIONS, &ours, &operator).await;
        result.map_err(|error| error.0.replace(file.to_str().unwrap(), "users"))
    };
    let fault = async |text: &str| run(text).await.unwrap_err();
    assert_eq!(
        fault("a@a.example x\n\nb@a.example\n").await,
        "users:3: must be a JID, a space and a password; nothing was imported"
    );
    assert!(
        fault("a@a.example x\nb@b.example y\n").await.starts_with("users:2: b.example is not served here")
    );
    assert!(
        fault("a@a.example x\na@a.example y\n")
            .await
            .contains("users:2: a@a.example stands in line 1 already")
    );
    assert!(fault("a@a.example x\n@ y\n").await.starts_with("users:2: \"@\" is no JID"));
    assert!(fault("a@a.example x\nb@a.example \t\n").await.contains("users:2: "));
    assert!(
        fault("a@a.example x\nb@a.example a\u{7}b\n").await.contains("users:2: the password has characters")
    );
    assert!(operator.list(None).await.unwrap().is_empty());

    let text = "A@a.example pass word\r\nb@a.example pässwörd\n";
    assert_eq!(run(text).await.unwrap(), Imported { made: 2, existing: vec![] });
    let again = run(&format!("{text}\nc@a.example x")).await.unwrap();
    assert_eq!(again, Imported { made: 1, existing: vec![(1, jid("a@a.example")), (2, jid("b@a.example"))] });
}

#[tokio::test]
async fn contacts_of_a_removed_account_lose_their_subscriptions() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let operator = Offline::new(store.clone());
    operator.create(vec![draft("a@a.example"), draft("b@a.example"), draft("c@a.example")]).await.unwrap();
    let id = async |text| store.account(text).await.unwrap().unwrap().id;
    let row = |contact: &str, listed, subscription| RosterRow {
        contact: contact.into(),
        listed,
        subscription,
        name: Some("N".into()),
        request: (!listed).then(|| b"x".to_vec()),
        ..RosterRow::default()
    };
    let writer = waxwing_store::Writer::start(store.clone(), waxwing_store::WriterOptions::default());
    let (a, b, c) = (id("a@a.example").await, id("b@a.example").await, id("c@a.example").await);
    let set = |owner, version, row| waxwing_store::Write::RosterSet { owner, version, row };
    writer
        .commit(vec![
            set(a, 1, row("b@a.example", true, Subscription::Both)),
            set(a, 2, row("c@a.example", true, Subscription::None)),
            set(a, 3, row("d@elsewhere.example", true, Subscription::To)),
            set(b, 7, row("a@a.example", true, Subscription::Both)),
            set(c, 1, row("a@a.example", false, Subscription::None)),
        ])
        .await
        .unwrap();
    operator.remove(&jid("a@a.example")).await.unwrap();
    let left = store.roster(b).await.unwrap();
    assert_eq!((left.version, left.rows), (8, vec![row("a@a.example", true, Subscription::None)]));
    assert!(store.roster(c).await.unwrap().rows.is_empty());
}
