//! Starting: with nothing configured, with a file, with several addresses and domains; and what a stop leaves.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use harness::{Account, Hash, Login, Plus, Server, StanzaExt, Stream, scenes};

scenes! {
    []: nothing_has_to_be_configured,
        defaults_are_shown,
        a_file_says_it_all,
        every_address_of_a_list_is_listened_at,
        a_domain_has_its_own_certificate,
        what_only_one_heard_is_stored_at_a_stop,
        secrets_are_for_the_server_alone;
}

/// What keeps a server out of the way of others here, and its keys cheap.
const FREE_PORTS: &str =
    "[listen]\nc2s = '127.0.0.1:0'\nc2s_tls = '127.0.0.1:0'\n[sasl]\niterations = 4096\n";

/// What stands behind the line that reads so.
fn behind<'a>(text: &'a str, line: &str) -> &'a str {
    let mut lines = text.lines().map(str::trim).skip_while(|it| *it != line);
    lines.nth(1).unwrap_or_else(|| panic!("nothing behind {line:?} in {text}"))
}

async fn nothing_has_to_be_configured(s: &Server) {
    let own = s.without_a_word(FREE_PORTS);
    let said = own.log();
    assert!(said.contains("Waxwing serves localhost\n"), "{said}");
    assert!(said.contains("CA to trust       ./waxwing-data/tls/ca.pem\n"), "{said}");
    let admin = Account::named("admin", behind(&said, "admin@localhost"));
    assert!(admin.password.len() >= 16, "nobody guesses it");
    // The harness connects where it was printed, and trusts that CA alone.
    for direct in [false, true] {
        let login = Login { direct, hash: Hash::Sha256, plus: Some(Plus::Exporter) };
        let jid = login.stream(&own, &admin).await.bind(None).await;
        assert!(jid.starts_with("admin@localhost/"), "{jid}");
    }
    // What to type next, in a client and on the command line.
    let connect = format!("/connect admin@localhost port {} tls trust", own.c2s().port());
    assert!(said.lines().any(|line| line.trim() == connect), "{said}");
    let more = said.lines().last().expect("a last line").trim();
    assert!(more.ends_with("waxwing user add someone@localhost"), "{more}");
    let words: Vec<&str> = more.split_whitespace().skip(1).chain(["--password", "secret"]).collect();
    own.succeeds(&words, "");
    for (user, marks) in [("someone", "admin     no"), ("admin", "admin     yes")] {
        assert!(own.succeeds(&["user", "show", &format!("{user}@localhost")], "").contains(marks));
    }

    // Certificate and account are kept.
    let tls = |name: &str| fs::read(own.data().join("tls").join(name)).expect(name);
    let before = (tls("ca.pem"), tls("server.pem"));
    own.restart();
    assert_eq!((tls("ca.pem"), tls("server.pem")), before);
    assert_eq!(own.log().matches("First account").count(), 1);
    Login::default().stream(&own, &admin).await.bind(None).await;
}

async fn defaults_are_shown(_: &Server) {
    let shown = Server::bare_cli(&["config", "show"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for expected in [
        "domain = \"localhost\"",
        "data = \"./waxwing-data\"",
        "listen.c2s = \"[::]:5222\"",
        "listen.c2s_tls = \"[::]:5223\"",
        "listen.components = \"127.0.0.1:5347\"",
        "registration = \"closed\"",
    ] {
        let is_default = |line: &str| line.starts_with(expected) && line.ends_with("# default");
        assert!(shown.lines().any(is_default), "{expected} in {shown}");
    }
}

/// The one in the working directory for the server, the same named by `--config` for a command run elsewhere.
async fn a_file_says_it_all(s: &Server) {
    let own = s.without_a_word(&format!("domain = 'example.org'\ndata = 'kept'\n{FREE_PORTS}"));
    assert!(own.log().contains("Waxwing serves example.org\n"));
    let file = own.folder().join("waxwing.toml");
    let file = file.to_str().expect("UTF-8");
    let listed = || {
        let listed = Server::bare_cli(&["user", "list", "--config", file]);
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        String::from_utf8_lossy(&listed.stdout).into_owned()
    };
    // Through the socket in the file's data folder, and on the database itself.
    assert_eq!(listed(), "admin@example.org admin\n");
    assert!(own.folder().join("kept/admin.sock").exists());
    own.terminate();
    assert!(own.stopped().success());
    assert_eq!(listed(), "admin@example.org admin\n");
    // Over the file stands what the command line says.
    let shown = Server::bare_cli(&["config", "show", "--config", file, "--set", "domain=example.net"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let from = |key: &str, origin: &str| {
        shown.lines().any(|line| line.starts_with(key) && line.contains("# ") && line.contains(origin))
    };
    assert!(from("domain = \"example.net\"", "--set"), "{shown}");
    assert!(from("data = ", "waxwing.toml"), "{shown}");
}

async fn every_address_of_a_list_is_listened_at(s: &Server) {
    let own = s.fresh(&["listen.c2s=[\"127.0.0.1:0\", \"127.0.0.2:0\"]", "listen.c2s_tls=127.0.0.3:0"]);
    let addresses = own.all_c2s();
    assert_eq!(
        addresses.iter().map(|it| it.ip().to_string()).collect::<Vec<_>>(),
        ["127.0.0.1", "127.0.0.2"]
    );
    assert!(addresses.iter().all(|it| it.port() != 0));
    for address in addresses {
        Stream::to(&own, address, "localhost").await.open().await;
        assert!(own.log().contains(&format!("listen.c2s        {address}\n")), "printed too");
    }
    Stream::direct(&own).await.open().await;
    assert_eq!(own.c2s_tls().ip().to_string(), "127.0.0.3");
}

/// By the name that the client asks for (SNI), beside the certificate that the server makes itself.
async fn a_domain_has_its_own_certificate(s: &Server) {
    let other = s.fresh(&["domain=example.org"]);
    let file = other.data().join("tls/server.pem");
    let files = format!("certificate = {file:?}, key = {file:?}");
    let hosts = format!("tls.hosts={{ \"example.org\" = {{ {files} }} }}");
    let own = s.fresh(&["hosts=[\"localhost\", \"example.org\"]", &hosts]);
    let here = Stream::direct(&own).await;

    let mut there = Stream::to(&own, own.c2s_tls(), "example.org").await;
    there.trust(&other);
    there.handshake().await.expect("the certificate of the other CA");
    assert_eq!(there.open().await.name(), "features");
    assert_ne!(there.certificate, here.certificate);
    assert_eq!(there.certificate, Stream::direct_to(&other, "example.org").await.certificate);

    // STARTTLS too.
    let mut there = Stream::to(&own, own.c2s(), "example.org").await;
    there.trust(&other);
    there.open().await;
    there.encrypt().await.expect("the certificate of the other CA");
    there.open().await;
}

/// SIGTERM: also of what lingers in memory, since the recipient was given it and has not acknowledged it.
async fn what_only_one_heard_is_stored_at_a_stop(s: &Server) {
    let own = s.fresh(&["delivery.linger_ms=1000", "sm.resume_seconds=0"]);
    let account = own.account();
    let mut juliet = own.login(&account, "one").await;
    juliet.enable().await;
    juliet.available(0).await;
    juliet.stop_acknowledging();
    let mut romeo = own.user().await;
    romeo.say(juliet.jid(), "parting is such sweet sorrow").await;
    assert_eq!(juliet.message().await.body().as_deref(), Some("parting is such sweet sorrow"));
    own.terminate();
    assert_eq!(romeo.failed().await, "system-shutdown");
    assert!(own.stopped().success());
    own.resume();
    let mut juliet = own.login(&account, "one").await;
    juliet.available(0).await;
    assert_eq!(juliet.bodies().await, ["parting is such sweet sorrow"]);
}

/// Nobody but the server's own user reads its secrets.
async fn secrets_are_for_the_server_alone(s: &Server) {
    let mode = |path: &Path| fs::metadata(path).expect("the file").permissions().mode() & 0o777;
    let data = s.data();
    assert_eq!(mode(&data), 0o700);
    for secret in ["tls/ca.key", "tls/server.pem", "device.key", "admin.sock"] {
        assert_eq!(mode(&data.join(secret)), 0o600, "{secret}");
    }
}
