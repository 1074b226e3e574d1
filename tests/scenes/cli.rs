//! The operator's commands about the server itself: configuration, certificates, the log, bad input.

use std::{fs, path::Path};

use harness::{Account, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: bad_input_is_one_clear_line,
        the_configuration_is_checked_and_shown,
        no_second_server_on_the_same_data,
        the_ready_file_names_the_process,
        nothing_secret_is_logged,
        the_log_is_json_where_that_is_asked_for,
        certificates_are_reloaded,
        a_server_that_cannot_start_says_why,
        stopping_ends_streams_and_starting_again_works,
}

async fn bad_input_is_one_clear_line(s: &Server) {
    for jid in
        ["@localhost", "juliet", "juliet@other.example", "juliet@localhost/balcony", "", "a b@localhost"]
    {
        s.fails(&["user", "add", jid, "--password", "x"], "");
    }
    s.fails(&["user", "add", "juliet@localhost", "--password", ""], "");
    s.fails(&["user", "add", "juliet@localhost", "--stdin"], "\n");
    assert!(!s.succeeds(&["user", "list"], "").contains("juliet@localhost"));
    let said = s.fails(&["config", "check", "--set", "limits.stanzza=1"], "");
    assert!(said.contains("limits.stanza"), "did you mean: {said}");
    s.fails(&["config", "check", "--set", "limits.stanza=many"], "");
    s.fails(&["config", "check", "--set", "limits.stanza=1"], "");
    s.fails(&["config", "check", "--set", "registration=sometimes"], "");
    s.fails(&["config", "check", "--config", "/nonexistent/waxwing.toml"], "");
}

async fn the_configuration_is_checked_and_shown(s: &Server) {
    s.succeeds(&["config", "check"], "");
    let shown = s.succeeds(&["config", "show", "--set", "limits.stanza=65536"], "");
    assert!(shown.contains("limits.stanza") && shown.contains("65536"), "{shown}");
    assert!(shown.contains("archive.policy"), "{shown}");
    let file = s.data().join("broken.toml");
    fs::write(&file, "domain = \"localhost\"\n\n[limits]\nstanza = \"x\"\n").expect("the file");
    let said = s.fails(&["config", "check", "--config", file.to_str().expect("UTF-8")], "");
    assert!(said.contains("broken.toml") && said.contains('4'), "file and line: {said}");
}

async fn no_second_server_on_the_same_data(s: &Server) {
    let said = s.fails(&["serve"], "");
    assert!(!said.contains("Error {"), "{said}");
    // The first goes on.
    s.user().await.nothing().await;
}

async fn the_ready_file_names_the_process(s: &Server) {
    let ready = s.data().parent().expect("the folder").join("ready.json");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(ready).expect("the file")).expect("JSON");
    assert_eq!(json["pid"].as_u64(), Some(u64::from(s.pid())));
}

/// Never a body, a status or a secret, however much is logged.
async fn nothing_secret_is_logged(s: &Server) {
    let own = s.fresh(&["log.level=trace", "registration=open"]);
    let romeo = own.account();
    let mut client = own.online(&romeo, "one").await;
    client.enable().await;
    client.say(&romeo.jid, "soft-what-light").await;
    client.send("<presence><status>banished-from-verona</status></presence>").await;
    client.send("<message to='nobody@localhost' type='chat'><body>what-is-in-a-name</body></message>").await;
    client.drain().await;
    assert!(!Account::named(&romeo.user, "wr0ng-pass").can_log_in(&own).await);
    let mut stream = Stream::direct(&own).await;
    stream.open().await;
    stream.plain_auth("", &romeo.user, &romeo.password).await.expect("login");
    let mut stream = Stream::direct(&own).await;
    stream.open().await;
    let fields = "<username>tybalt</username><password>prince-of-cats</password>";
    stream.send(format!("<iq type='set' id='r'><query xmlns='{}'>{fields}</query></iq>", ns::REGISTER)).await;
    assert_eq!(stream.child().await.kind(), Some("result"));
    own.succeeds(&["user", "passwd", &romeo.jid, "--password", "the-lark"], "");
    let resume = client.sm().id.clone().expect("a token to resume with");
    client.close().await;
    own.terminate();
    assert!(own.stopped().success());
    let log = own.log();
    assert!(log.contains(&romeo.user) && log.contains("tybalt@localhost"), "{log}");
    for secret in [
        &romeo.password,
        &resume,
        "soft-what-light",
        "banished-from-verona",
        "what-is-in-a-name",
        "wr0ng-pass",
        "prince-of-cats",
        "the-lark",
    ] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

/// One line for each login, logout and refusal.
async fn the_log_is_json_where_that_is_asked_for(s: &Server) {
    let own = s.fresh(&["log.format=json"]);
    let account = own.account();
    let client = own.online(&account, "one").await;
    client.close().await;
    assert!(!Account::named(&account.user, "wrong").can_log_in(&own).await);
    let mut stream = Stream::direct(&own).await;
    stream.open().await;
    stream.send("<presence/>").await;
    stream.failed().await;
    own.terminate();
    assert!(own.stopped().success());
    let log = own.log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let of = |message: &str| {
        let mut all = lines.iter().filter(|line| line["message"] == message);
        let one = all.next().unwrap_or_else(|| panic!("no {message:?} in {log}"));
        assert!(all.next().is_none(), "{message:?} twice in {log}");
        assert_eq!(one["level"], "INFO");
        assert!(one["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{one}");
        one.clone()
    };
    let full = format!("{}/one", account.jid);
    assert_eq!(of("logged in")["jid"], *full);
    assert_eq!(of("logged out")["jid"], *full);
    let refused = of("login refused");
    assert_eq!((&refused["account"], &refused["condition"]), (&account.jid.into(), &"not-authorized".into()));
    assert_eq!(of("stream refused")["condition"], "not-authorized");
}

/// On SIGHUP, and when a file changes. A file that is broken changes nothing for clients.
async fn certificates_are_reloaded(s: &Server) {
    let own = s.fresh(&[]);
    let leaf = own.data().join("tls/server.pem");
    let first = Stream::direct(&own).await.certificate.clone();
    own.reload();
    until_logged(&own, "certificates reloaded").await;
    assert_eq!(Stream::direct(&own).await.certificate, first, "what is good is kept");

    fs::write(&leaf, "no certificate").expect("the leaf");
    own.reload();
    until_logged(&own, "certificates not reloaded").await;
    assert_eq!(Stream::direct(&own).await.certificate, first);

    fs::remove_file(&leaf).expect("the leaf");
    // The harness verifies: the new one is of the CA that was kept.
    while Stream::direct(&own).await.certificate == first {}
    own.user().await.nothing().await;
}

async fn until_logged(s: &Server, what: &str) {
    while !s.log().contains(what) {
        tokio::task::yield_now().await;
    }
}

/// And leaves nothing behind, so that the next start is the first.
async fn a_server_that_cannot_start_says_why(s: &Server) {
    let folder = s.data().join("cannot-start");
    fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let (data, damaged) = (path("data"), path("damaged"));
    fs::write(&damaged, "damaged ".repeat(1000)).expect("a file");
    let fails = |command: &[&str]| {
        let output = Server::bare_cli(command);
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{command:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
        assert!(said.starts_with("waxwing: "), "{command:?}: {said}");
        said
    };
    let starts = |data: &str, settings: &[&str]| {
        let common = ["listen.c2s=127.0.0.1:0", "listen.c2s_tls=127.0.0.1:0", "log.level=error"];
        let mut command = vec!["serve", "--data", data];
        command.extend(common.iter().chain(settings).flat_map(|setting| ["--set", *setting]));
        fails(&command)
    };
    assert!(starts("/proc/waxwing", &[]).contains("/proc/waxwing"));
    let said = starts(&data, &["storage=postgres://romeo:montague@127.0.0.1:1/waxwing"]);
    assert!(said.contains("127.0.0.1") && !said.contains("montague"), "{said}");
    assert!(starts(&data, &["storage=postgres://romeo@db/x?sslmode=require"]).contains("TLS to Postgres"));
    let taken = format!("listen.c2s={}", s.c2s());
    assert!(starts(&data, &[&taken]).contains("in use"));
    assert!(starts(&data, &["listen.c2s=192.0.2.1:5222"]).contains("no such IPv4 address"));
    assert!(starts(&data, &[&format!("storage={damaged}")]).contains(&damaged));
    let (certificate, key) = (format!("tls.certificate={damaged}"), format!("tls.key={damaged}"));
    assert!(starts(&data, &[&certificate, &key]).contains(&damaged));
    assert!(starts(&data, &[&certificate]).contains("tls.key"));
    assert!(starts(&data, &["domain=not a domain"]).contains("domain"));
    assert!(fails(&["config", "check", "--set", &certificate, "--set", &key]).contains(&damaged));
    for command in [&["user", "list"][..], &["user", "passwd", "a@localhost", "--password", "x"]] {
        assert!(fails(&[command, &["--data", &data]].concat()).contains("is the data folder right?"));
    }
    assert!(!Path::new(&data).exists(), "nothing was begun");
}

async fn stopping_ends_streams_and_starting_again_works(s: &Server) {
    let own = s.fresh(&[]);
    let account = own.account();
    let mut bound = own.online(&account, "one").await;
    let mut unbound = Stream::direct(&own).await;
    unbound.open().await;
    own.terminate();
    assert_eq!(bound.failed().await, "system-shutdown");
    assert_eq!(unbound.failed().await, "system-shutdown");
    assert!(own.stopped().success());
    own.resume();
    own.online(&account, "one").await.nothing().await;
}
