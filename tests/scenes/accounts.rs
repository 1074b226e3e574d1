//! The operator's commands about accounts, while the server runs and while it does not.

use std::fs;

use harness::{Account, Server, StanzaExt, Stream, ns, scenes};

scenes! {
    []: accounts_are_managed_while_the_server_runs,
        accounts_are_managed_while_it_does_not,
        the_password_comes_from_standard_input,
        the_password_is_asked_for_unseen,
        a_new_password_ends_resumable_sessions,
        a_disabled_account_is_out,
        a_removed_account_is_out,
        an_import_names_its_bad_line,
        many_are_imported_in_one_go,
}

async fn accounts_are_managed_while_the_server_runs(s: &Server) {
    let juliet = Account::named("cli-juliet", "first");
    s.succeeds(&["user", "add", &juliet.jid, "--password", "first"], "");
    assert!(juliet.can_log_in(s).await);
    s.fails(&["user", "add", &juliet.jid, "--password", "again"], "");
    assert!(s.succeeds(&["user", "list"], "").contains(&juliet.jid));
    assert!(s.succeeds(&["user", "show", &juliet.jid], "").contains(&juliet.jid));
    s.succeeds(&["user", "passwd", &juliet.jid, "--password", "second"], "");
    assert!(!juliet.can_log_in(s).await);
    assert!(Account::named("cli-juliet", "second").can_log_in(s).await);
    s.succeeds(&["user", "remove", &juliet.jid], "");
    assert!(!Account::named("cli-juliet", "second").can_log_in(s).await);
    assert!(!s.succeeds(&["user", "list"], "").contains(&juliet.jid));
    for command in ["show", "remove", "disable", "enable"] {
        s.fails(&["user", command, &juliet.jid], "");
    }
    s.fails(&["user", "passwd", &juliet.jid, "--password", "x"], "");
}

async fn accounts_are_managed_while_it_does_not(s: &Server) {
    let own = s.fresh(&[]);
    own.terminate();
    assert!(own.stopped().success());
    let juliet = Account::named("juliet", "first");
    own.succeeds(&["user", "add", &juliet.jid, "--password", "first"], "");
    own.fails(&["user", "add", &juliet.jid, "--password", "again"], "");
    assert!(own.succeeds(&["user", "list"], "").contains(&juliet.jid));
    own.succeeds(&["user", "passwd", &juliet.jid, "--password", "second"], "");
    let (romeo, paris) = (Account::named("romeo", "secret"), Account::named("paris", "secret"));
    for account in [&romeo, &paris] {
        own.succeeds(&["user", "add", &account.jid, "--password", "secret"], "");
    }
    own.succeeds(&["user", "remove", &romeo.jid], "");
    own.fails(&["user", "show", &romeo.jid], "");
    own.succeeds(&["user", "disable", &paris.jid], "");
    assert!(own.succeeds(&["user", "show", &paris.jid], "").contains("disabled  yes"));
    own.resume();
    assert!(!juliet.can_log_in(&own).await);
    assert!(Account::named("juliet", "second").can_log_in(&own).await);
    assert!(!romeo.can_log_in(&own).await && !paris.can_log_in(&own).await);
}

async fn the_password_comes_from_standard_input(s: &Server) {
    let juliet = Account::named("cli-stdin", "from stdin");
    s.succeeds(&["user", "add", &juliet.jid, "--stdin"], "from stdin\n");
    assert!(juliet.can_log_in(s).await);
}

/// Twice, so that a slip of the finger locks nobody out; a third time changes nothing.
async fn the_password_is_asked_for_unseen(s: &Server) {
    let (first, second) = ("Password: ", "Once more: ");
    let juliet = Account::named("cli-prompt", "wherefore");
    let (done, shown) =
        s.at_terminal(&["user", "add", &juliet.jid], &[(first, "wherefore"), (second, "wherefore")]);
    assert!(done && !shown.contains("wherefore"), "{shown}");
    assert!(juliet.can_log_in(s).await);

    let passwd = ["user", "passwd", &juliet.jid];
    for (dialogue, says) in [
        (&[(first, "art"), (second, "thou")][..], "the two passwords differ"),
        (&[(first, "")][..], "the password is empty"),
    ] {
        let (done, shown) = s.at_terminal(&passwd, dialogue);
        assert!(!done && shown.contains(says), "{shown}");
    }
    // Nobody waits at a terminal that is none.
    assert!(s.fails(&passwd, "art\nart\n").contains("--stdin"));
    assert!(juliet.can_log_in(s).await);
}

async fn a_new_password_ends_resumable_sessions(s: &Server) {
    let old = s.account();
    let mut phone = s.login(&old, "phone").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    let mut laptop = s.online(&old, "laptop").await;
    s.succeeds(&["user", "passwd", &old.jid, "--password", "brand new"], "");
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
    s.succeeds(&["user", "disable", &account.jid], "");
    assert_eq!(romeo.failed().await, "not-authorized");
    // Told to who knows the password, and to nobody else.
    for (password, condition) in [(&*account.password, "account-disabled"), ("wrong", "not-authorized")] {
        let mut stream = Stream::direct(s).await;
        stream.open().await;
        let outcome = stream.plain_auth("", &account.user, password).await;
        assert_eq!(outcome.err().as_deref(), Some(condition));
    }
    s.succeeds(&["user", "enable", &account.jid], "");
    assert!(account.can_log_in(s).await);
    let Err((_, answer)) = suspended.resume(s, &account).await else { panic!("resumed") };
    assert!(answer.is("failed", ns::SM), "{}", answer.show());
}

async fn a_removed_account_is_out(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    s.succeeds(&["user", "remove", &account.jid], "");
    assert_eq!(romeo.failed().await, "not-authorized");
    assert!(!account.can_log_in(s).await);
}

/// And nothing of the file is done, before that line or behind it.
async fn an_import_names_its_bad_line(s: &Server) {
    let file = s.data().join("import.txt");
    let path = file.to_str().expect("UTF-8").to_owned();
    for bad in
        ["imp2@localhost", "@localhost x", "imp2@other.example x", "a b c@localhost x", "imp1@localhost x"]
    {
        fs::write(&file, format!("imp1@localhost one\n{bad}\nimp3@localhost three\n")).expect("the list");
        let said = s.fails(&["user", "import", &path], "");
        assert!(said.contains("import.txt:2: ") && said.contains("nothing was imported"), "{bad}: {said}");
    }
    assert!(!s.succeeds(&["user", "list"], "").contains("imp"));
    fs::write(&file, "imp5@localhost five\nimp6@localhost with spaces in it\n").expect("the list");
    s.succeeds(&["user", "import", &path], "");
    assert!(Account::named("imp5", "five").can_log_in(s).await);
    assert!(Account::named("imp6", "with spaces in it").can_log_in(s).await);
    s.fails(&["user", "import", "/nonexistent/file"], "");
}

/// More than one transaction's worth, at a terminal, which shows how far it is. Who exists stays as he was.
async fn many_are_imported_in_one_go(s: &Server) {
    const MANY: usize = 1101;
    let own = s.fresh(&[]);
    let before = own.account();
    let file = own.folder().join("many.txt");
    let path = file.to_str().expect("UTF-8").to_owned();
    let mut lines: String = (1..MANY).map(|n| format!("many{n}@localhost secret{n}\n")).collect();
    lines.push_str(&format!("{} stolen\n", before.jid));
    fs::write(&file, &lines).expect("the list");
    let (done, shown) = own.at_terminal(&["user", "import", &path], &[]);
    assert!(done && shown.contains(&format!("/{MANY} accounts")), "a bar: {shown}");
    assert!(shown.contains(&format!("line {MANY}: {} exists already", before.jid)), "{shown}");
    assert!(shown.contains(&format!("{} accounts made, 1 existed", MANY - 1)), "{shown}");
    let listed = own.succeeds(&["user", "list"], "");
    assert_eq!(listed.lines().filter(|line| line.starts_with("many")).count(), MANY - 1);
    for n in [1, MANY / 2, MANY - 1] {
        assert!(Account::named(&format!("many{n}"), &format!("secret{n}")).can_log_in(&own).await);
    }
    assert!(before.can_log_in(&own).await);
}
