//! The operator's commands: accounts while the server runs and while it does not, configuration, bad input.

use std::{fs, path::Path, process::Output};

use harness::{Account, Binding, Hash, Scram, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: accounts_are_managed_while_the_server_runs,
        accounts_are_managed_while_it_does_not,
        the_first_account_is_printed_once,
        the_password_comes_from_standard_input,
        a_new_password_ends_resumable_sessions,
        a_disabled_account_is_out,
        a_removed_account_is_out,
        an_import_names_its_bad_line,
        bad_input_is_one_clear_line,
        the_configuration_is_checked_and_shown,
        no_second_server_on_the_same_data,
        the_ready_file_names_the_process,
        nothing_secret_is_logged,
        the_log_is_json_where_that_is_asked_for,
        certificates_are_reloaded,
        a_server_that_cannot_start_says_why,
        stopping_ends_streams_and_starting_again_works,
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeds(s: &Server, command: &[&str], stdin: &str) -> String {
    let output = s.cli(command, stdin);
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    stdout(&output)
}

/// Fails with one clear line.
fn fails(s: &Server, command: &[&str], stdin: &str) -> String {
    let output = s.cli(command, stdin);
    assert!(!output.status.success(), "{command:?} went through: {}", stdout(&output));
    let said = stderr(&output);
    assert!(!said.is_empty() && !said.contains("panicked"), "{command:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
    said
}

fn account(user: &str, password: &str) -> Account {
    Account { user: user.to_owned(), password: password.to_owned(), jid: format!("{user}@localhost") }
}

async fn can_log_in(s: &Server, account: &Account) -> bool {
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &Binding::No);
    stream.scram("SCRAM-SHA-256", scram).await.is_ok()
}

async fn accounts_are_managed_while_the_server_runs(s: &Server) {
    let juliet = account("cli-juliet", "first");
    succeeds(s, &["user", "add", &juliet.jid, "--password", "first"], "");
    assert!(can_log_in(s, &juliet).await);
    fails(s, &["user", "add", &juliet.jid, "--password", "again"], "");
    assert!(succeeds(s, &["user", "list"], "").contains(&juliet.jid));
    assert!(succeeds(s, &["user", "show", &juliet.jid], "").contains(&juliet.jid));
    succeeds(s, &["user", "passwd", &juliet.jid, "--password", "second"], "");
    assert!(!can_log_in(s, &juliet).await);
    assert!(can_log_in(s, &account("cli-juliet", "second")).await);
    succeeds(s, &["user", "remove", &juliet.jid], "");
    assert!(!can_log_in(s, &account("cli-juliet", "second")).await);
    assert!(!succeeds(s, &["user", "list"], "").contains(&juliet.jid));
    for command in ["show", "remove", "disable", "enable"] {
        fails(s, &["user", command, &juliet.jid], "");
    }
    fails(s, &["user", "passwd", &juliet.jid, "--password", "x"], "");
}

async fn accounts_are_managed_while_it_does_not(s: &Server) {
    let own = s.fresh(&[]);
    own.terminate();
    assert!(own.stopped().success());
    let juliet = account("juliet", "first");
    succeeds(&own, &["user", "add", &juliet.jid, "--password", "first"], "");
    assert!(succeeds(&own, &["user", "list"], "").contains(&juliet.jid));
    let romeo = account("romeo", "secret");
    succeeds(&own, &["user", "add", &romeo.jid, "--password", "secret"], "");
    succeeds(&own, &["user", "remove", &romeo.jid], "");
    own.resume();
    assert!(can_log_in(&own, &juliet).await);
    assert!(!can_log_in(&own, &romeo).await);
}

async fn the_password_comes_from_standard_input(s: &Server) {
    let juliet = account("cli-stdin", "from stdin");
    succeeds(s, &["user", "add", &juliet.jid, "--stdin"], "from stdin\n");
    assert!(can_log_in(s, &juliet).await);
}

/// Zero configuration: an admin account with a password that is shown at the first start only.
async fn the_first_account_is_printed_once(s: &Server) {
    let own = s.fresh(&[]);
    let log = own.log();
    let mut lines = log.lines().map(str::trim).skip_while(|line| *line != "admin@localhost");
    let password = lines.nth(1).unwrap_or_else(|| panic!("no first account in {log}")).to_owned();
    assert!(can_log_in(&own, &account("admin", &password)).await);
    assert!(succeeds(&own, &["user", "show", "admin@localhost"], "").contains("admin     yes"));
    own.restart();
    assert_eq!(own.log().matches("First account").count(), 1);
    assert!(can_log_in(&own, &account("admin", &password)).await);
}

async fn a_new_password_ends_resumable_sessions(s: &Server) {
    let old = s.account();
    let mut phone = s.login(&old, "phone").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    let mut laptop = s.online(&old, "laptop").await;
    succeeds(s, &["user", "passwd", &old.jid, "--password", "brand new"], "");
    // Who is connected has shown the password of then, and stays.
    laptop.nothing().await;
    let new = Account { password: "brand new".to_owned(), ..old };
    let Err((_, answer)) = suspended.resume(s, &new).await else { panic!("resumed") };
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
}

async fn a_disabled_account_is_out(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut phone = s.login(&account, "phone").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    succeeds(s, &["user", "disable", &account.jid], "");
    romeo.failed().await;
    // Told to who knows the password, and to nobody else.
    for (password, condition) in [(&*account.password, "account-disabled"), ("wrong", "not-authorized")] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let outcome = stream.plain_auth("", &account.user, password).await;
        assert_eq!(outcome.err().as_deref(), Some(condition));
    }
    succeeds(s, &["user", "enable", &account.jid], "");
    assert!(can_log_in(s, &account).await);
    let Err((_, answer)) = suspended.resume(s, &account).await else { panic!("resumed") };
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
}

async fn a_removed_account_is_out(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    succeeds(s, &["user", "remove", &account.jid], "");
    assert_eq!(romeo.failed().await, "not-authorized");
    assert!(!can_log_in(s, &account).await);
}

async fn an_import_names_its_bad_line(s: &Server) {
    let file = s.data().join("import.txt");
    let path = file.to_str().expect("UTF-8").to_owned();
    fs::write(&file, "imp1@localhost one\nimp2@localhost\nimp3@localhost three\n").expect("the list");
    let said = s.cli(&["user", "import", &path], "");
    assert!(!said.status.success());
    assert!(stderr(&said).contains('2'), "{}", stderr(&said));
    for bad in ["@localhost x\n", "imp4@other.example x\n", "a b c@localhost x\n"] {
        fs::write(&file, bad).expect("the list");
        let said = s.cli(&["user", "import", &path], "");
        assert!(!said.status.success() && stderr(&said).contains('1'), "{bad}: {}", stderr(&said));
    }
    fs::write(&file, "imp5@localhost five\nimp6@localhost with spaces in it\n").expect("the list");
    succeeds(s, &["user", "import", &path], "");
    assert!(can_log_in(s, &account("imp5", "five")).await);
    assert!(can_log_in(s, &account("imp6", "with spaces in it")).await);
    fails(s, &["user", "import", "/nonexistent/file"], "");
}

async fn bad_input_is_one_clear_line(s: &Server) {
    for jid in
        ["@localhost", "juliet", "juliet@other.example", "juliet@localhost/balcony", "", "a b@localhost"]
    {
        fails(s, &["user", "add", jid, "--password", "x"], "");
    }
    fails(s, &["user", "add", "juliet@localhost", "--password", ""], "");
    fails(s, &["user", "add", "juliet@localhost", "--stdin"], "\n");
    assert!(!succeeds(s, &["user", "list"], "").contains("juliet@localhost"));
    let said = fails(s, &["config", "check", "--set", "limits.stanzza=1"], "");
    assert!(said.contains("limits.stanza"), "did you mean: {said}");
    fails(s, &["config", "check", "--set", "limits.stanza=many"], "");
    fails(s, &["config", "check", "--set", "limits.stanza=1"], "");
    fails(s, &["config", "check", "--set", "registration=sometimes"], "");
    fails(s, &["config", "check", "--config", "/nonexistent/waxwing.toml"], "");
}

async fn the_configuration_is_checked_and_shown(s: &Server) {
    succeeds(s, &["config", "check"], "");
    let shown = succeeds(s, &["config", "show", "--set", "limits.stanza=65536"], "");
    assert!(shown.contains("limits.stanza") && shown.contains("65536"), "{shown}");
    assert!(shown.contains("archive.policy"), "{shown}");
    let file = s.data().join("broken.toml");
    fs::write(&file, "domain = \"localhost\"\n\n[limits]\nstanza = \"x\"\n").expect("the file");
    let said = fails(s, &["config", "check", "--config", file.to_str().expect("UTF-8")], "");
    assert!(said.contains("broken.toml") && said.contains('4'), "file and line: {said}");
}

async fn no_second_server_on_the_same_data(s: &Server) {
    let said = fails(s, &["serve"], "");
    assert!(!said.contains("Error {"), "{said}");
    // The first goes on.
    s.user().await.nothing().await;
}

async fn the_ready_file_names_the_process(s: &Server) {
    let ready = s.data().parent().expect("the folder").join("ready.json");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(ready).expect("the file")).expect("JSON");
    assert_eq!(json["pid"].as_u64(), Some(u64::from(s.pid())));
}

/// One line per login and refusal, never a body or a secret.
async fn nothing_secret_is_logged(s: &Server) {
    let own = s.fresh(&["log.level=debug"]);
    let romeo = own.account();
    let mut client = own.online(&romeo, "one").await;
    client.say(&romeo.jid, "soft-what-light").await;
    client.drain().await;
    assert!(!can_log_in(&own, &account(&romeo.user, "wr0ng-pass")).await);
    let mut stream = Stream::direct(&own).await;
    stream.open().await;
    stream.plain_auth("", &romeo.user, &romeo.password).await.expect("login");
    client.close().await;
    let log = own.log();
    assert!(log.contains(&romeo.user), "{log}");
    for secret in [romeo.password.as_str(), "soft-what-light", "wr0ng-pass"] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

async fn the_log_is_json_where_that_is_asked_for(s: &Server) {
    let own = s.fresh(&["log.format=json"]);
    let client = own.user().await;
    client.close().await;
    own.terminate();
    assert!(own.stopped().success());
    let log = own.log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let of = |message: &str| lines.iter().find(|line| line["message"] == message);
    let login = of("logged in").unwrap_or_else(|| panic!("no login in {log}"));
    assert_eq!(login["level"], "INFO");
    assert!(login["jid"].as_str().is_some_and(|jid| jid.ends_with("@localhost/one")), "{login}");
    assert!(of("logged out").is_some(), "{log}");
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

async fn a_server_that_cannot_start_says_why(s: &Server) {
    let folder = s.data().join("cannot-start");
    fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    fs::write(path("damaged"), "damaged ".repeat(1000)).expect("a file");
    let starts = |settings: &[&str], data: &str| {
        let common = ["listen.c2s=127.0.0.1:0", "listen.c2s_tls=127.0.0.1:0", "log.level=error"];
        let mut command = vec!["serve", "--data", data];
        command.extend(common.iter().chain(settings).flat_map(|setting| ["--set", *setting]));
        let output = Server::bare_cli(&command);
        let said = stderr(&output);
        assert!(!output.status.success(), "{settings:?}: {}", stdout(&output));
        assert_eq!(said.lines().count(), 1, "{settings:?}: {said}");
        assert!(said.starts_with("waxwing: ") && stdout(&output).is_empty(), "{settings:?}: {said}");
        said
    };
    let taken = format!("listen.c2s={}", s.c2s());
    assert!(starts(&[&taken], &path("taken")).contains("in use"));
    assert!(!Path::new(&path("taken")).exists(), "nothing was begun");
    assert!(starts(&[], "/proc/waxwing").contains("/proc/waxwing"));
    let unreachable = "storage=postgres://romeo:montague@127.0.0.1:1/waxwing";
    let said = starts(&[unreachable], &path("unreachable"));
    assert!(said.contains("127.0.0.1") && !said.contains("montague"), "{said}");
    let damaged = path("damaged");
    assert!(starts(&[&format!("storage={damaged}")], &path("data")).contains(&damaged));
    let (certificate, key) = (format!("tls.certificate={damaged}"), format!("tls.key={damaged}"));
    assert!(starts(&[&certificate, &key], &path("data")).contains(&damaged));
    assert!(starts(&[&certificate], &path("data")).contains("tls.key"));
    assert!(starts(&["domain=not a domain"], &path("data")).contains("domain"));
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
