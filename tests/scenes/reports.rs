//! Reports to the operator that come with a block (XEP-0377).

use harness::{Client, Server, StanzaExt, ns, scenes};
use minidom::Element;

scenes! {
    ["archive.policy=always"]:
        the_host_takes_reports,
        a_report_reaches_the_operator,
        what_it_names_is_kept_as_it_was_archived,
        only_what_the_reported_sent_to_the_reporter_counts,
        reports_that_make_no_sense_block_nobody,
        reports_of_any_size_are_bounded,
        each_item_has_its_own,
        a_report_of_who_is_blocked_already,
        the_operator_lists_some_and_removes_them,
        reports_go_with_the_account_that_made_them,
        what_a_report_says_cannot_steer_a_terminal;
    ["archive.policy=until-delivered"]: where_nothing_is_archived_it_stands_alone;
    ["archive.policy=always", "reports.per_account=2"]: the_oldest_of_too_many_goes;
    ["archive.policy=always", "limits.blocked_items=1"]: a_block_that_is_refused_reports_nothing;
}

const REPORTING: &str = "urn:xmpp:reporting:1";
const SPAM: &str = "urn:xmpp:reporting:spam";

fn report(reason: &str, content: &str) -> String {
    format!("<report xmlns='{REPORTING}' reason='{reason}'>{content}</report>")
}

fn item(jid: &str, report: &str) -> String {
    format!("<item jid='{jid}'>{report}</item>")
}

fn named(by: &str, id: &str) -> String {
    format!("<stanza-id xmlns='{}' by='{by}' id='{id}'/>", ns::STANZA_ID)
}

async fn block(client: &mut Client, items: &str) -> Element {
    client.request("set", None, &format!("<block xmlns='{}'>{items}</block>", ns::BLOCKING)).await
}

async fn blocked(client: &mut Client) -> Vec<String> {
    let answer = client.request("get", None, &format!("<blocklist xmlns='{}'/>", ns::BLOCKING)).await;
    let list = answer.must("blocklist", ns::BLOCKING);
    list.children().map(|it| it.attr("jid").expect("a JID").to_owned()).collect()
}

/// Blocks with a report.
async fn reports(client: &mut Client, jid: &str, content: &str) {
    let answer = block(client, &item(jid, &report(SPAM, content))).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

fn cli(s: &Server, command: &[&str]) -> String {
    let output = s.cli(command, "");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The lines that the operator sees of reports by this account.
fn listed(s: &Server, reporter: &str) -> Vec<String> {
    let all = cli(s, &["reports", "list"]);
    all.lines().filter(|line| line.contains(&format!("  {reporter} reports "))).map(str::to_owned).collect()
}

fn id(line: &str) -> &str {
    line.split_whitespace().next().expect("an id")
}

/// What the operator sees of the one report of this account.
fn shown(s: &Server, reporter: &str) -> String {
    let lines = listed(s, reporter);
    assert_eq!(lines.len(), 1, "{lines:?}");
    cli(s, &["reports", "show", id(&lines[0])])
}

/// A message that came, and its id in the archive.
async fn received(from: &mut Client, to: &mut Client, body: &str) -> String {
    from.say(to.bare(), body).await;
    let message = to.find(|it| it.body().as_deref() == Some(body)).await;
    message.must("stanza-id", ns::STANZA_ID).id().expect("an id").to_owned()
}

async fn the_host_takes_reports(s: &Server) {
    let mut user = s.user().await;
    let info = user.get("localhost", &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let query = info.must("query", ns::DISCO_INFO);
    assert!(query.children().any(|it| it.name() == "feature" && it.attr("var") == Some(REPORTING)));
}

async fn a_report_reaches_the_operator(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    blocked(&mut juliet).await;
    let text = "<text xml:lang='en'>Never came trouble to my house like this.</text><text>Nie</text>";
    reports(&mut juliet, romeo.bare(), &format!("{text}<third-party/>")).await;
    // It is a block as any other, and the others hear nothing of the report.
    let push = juliet.iq().await;
    let pushed = push.must("block", ns::BLOCKING).must("item", ns::BLOCKING);
    assert_eq!((pushed.attr("jid"), pushed.children().count()), (Some(romeo.bare()), 0));
    romeo.say(juliet.bare(), "x").await;
    assert_eq!(romeo.message().await.condition(), "service-unavailable");

    let lines = listed(s, juliet.bare());
    assert_eq!(lines.len(), 1);
    let says = format!("{} reports {}: {SPAM}, 0 messages", juliet.bare(), romeo.bare());
    assert!(lines[0].ends_with(&says), "{}", lines[0]);
    let shown = shown(s, juliet.bare());
    for line in [
        format!("by        {}", juliet.bare()),
        format!("against   {}", romeo.bare()),
        format!("reason    {SPAM}"),
        "may be told to their server: no, to others: yes".to_owned(),
        "text (en): Never came trouble to my house like this.".to_owned(),
        "text: Nie".to_owned(),
    ] {
        assert!(shown.lines().any(|it| it == line), "{line} is not in {shown}");
    }
}

async fn what_it_names_is_kept_as_it_was_archived(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let first = received(&mut romeo, &mut juliet, "buy my pills").await;
    let second = received(&mut romeo, &mut juliet, "and my coins").await;
    let by = juliet.bare().to_owned();
    // The same twice is one.
    let names = [named(&by, &first), named(&by, &second), named(&by, &first)].concat();
    reports(&mut juliet, romeo.bare(), &format!("{names}<report-origin/>")).await;
    assert!(listed(s, &by)[0].ends_with("2 messages"));
    // It stands also where the message does no more.
    cli(s, &["user", "set", &by, "archive=never"]);
    let shown = shown(s, &by);
    assert_eq!(shown.matches("<body>buy my pills</body>").count(), 1, "{shown}");
    assert_eq!(shown.matches("<body>and my coins</body>").count(), 1, "{shown}");
    assert!(shown.contains(&format!("from='{}'", romeo.jid())), "{shown}");
    assert!(shown.contains("may be told to their server: yes, to others: no"), "{shown}");
}

/// Nobody can have shown what is not theirs, nor put words into somebody's mouth.
async fn only_what_the_reported_sent_to_the_reporter_counts(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let mut nurse = s.user().await;
    let others = received(&mut nurse, &mut juliet, "of the nurse").await;
    let foreign = received(&mut juliet, &mut romeo, "of juliet").await;
    let theirs = received(&mut romeo, &mut nurse, "to the nurse").await;
    let (me, he, she) = (juliet.bare().to_owned(), romeo.bare().to_owned(), nurse.bare().to_owned());
    let names = [
        named(&me, &others),
        named(&me, &foreign),
        named(&he, &foreign),
        named(&me, &theirs),
        named(&she, &theirs),
        named(&me, "nonsense"),
        named("", ""),
    ];
    reports(&mut juliet, &he, &names.concat()).await;
    assert!(listed(s, &me)[0].ends_with("0 messages"));
    let shown = shown(s, &me);
    assert!(!shown.contains("<body>"), "{shown}");
    assert_eq!(shown.matches("not in the reporter's archive, or not by the reported").count(), names.len());
}

async fn reports_that_make_no_sense_block_nobody(s: &Server) {
    let mut juliet = s.user().await;
    let fine = report(SPAM, "");
    for bad in [
        format!("<report xmlns='{REPORTING}'/>"),
        report("", ""),
        report(&"x".repeat(257), ""),
        report(SPAM, &format!("<stanza-id xmlns='{}' id='1'/>", ns::STANZA_ID)),
        format!("{fine}{fine}"),
    ] {
        let answer = block(&mut juliet, &item("romeo@example.org", &bad)).await;
        assert_eq!(answer.condition(), "bad-request", "{bad}");
    }
    let many: String = (0..33).map(|n| item(&format!("r{n}@example.org"), &fine)).collect();
    assert_eq!(block(&mut juliet, &many).await.condition(), "policy-violation");
    assert_eq!(block(&mut juliet, &fine).await.condition(), "bad-request");
    assert_eq!(block(&mut juliet, &item("@", &fine)).await.condition(), "jid-malformed");
    assert_eq!(blocked(&mut juliet).await, [""; 0]);
    assert!(listed(s, juliet.bare()).is_empty());
    // What nobody knows yet is no reason to refuse: other reasons may be registered (§11.3), other children come.
    let new = report("urn:example:rude", "<x xmlns='urn:example'/>");
    assert_eq!(block(&mut juliet, &item("romeo@example.org", &new)).await.kind(), Some("result"));
    let old = "<report xmlns='urn:xmpp:reporting:0'><spam/></report>";
    assert_eq!(block(&mut juliet, &item("iago@example.org", old)).await.kind(), Some("result"));
    assert_eq!(listed(s, juliet.bare()).len(), 1);
}

/// Whoever is annoyed must not be told that they are too much so: what is beyond is left out.
async fn reports_of_any_size_are_bounded(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let me = juliet.bare().to_owned();
    let large = received(&mut romeo, &mut juliet, &"x".repeat(70_000)).await;
    let small = received(&mut romeo, &mut juliet, "small").await;
    let mut content = format!("<text>{}</text>", "é".repeat(3000));
    content.push_str(&named(&me, &large));
    content.push_str(&named(&me, &small));
    (0..100).for_each(|n| content.push_str(&named(&me, &format!("{n}"))));
    reports(&mut juliet, romeo.bare(), &content).await;
    assert!(listed(s, &me)[0].ends_with("2 messages"));
    let shown = shown(s, &me);
    assert_eq!(shown.matches('é').count(), 2048);
    assert_eq!(shown.matches("too large to be kept").count(), 1);
    assert!(shown.contains("<body>small</body>"));
    assert_eq!(shown.lines().filter(|line| line.starts_with("message ")).count(), 32);
}

async fn each_item_has_its_own(s: &Server) {
    let mut juliet = s.user().await;
    let items = [
        item("romeo@example.org", &report(SPAM, "<text>one</text>")),
        item("iago@example.org/x", &report("urn:xmpp:reporting:abuse", "<text>two</text>")),
        item("tybalt@example.org", ""),
    ];
    assert_eq!(block(&mut juliet, &items.concat()).await.kind(), Some("result"));
    assert_eq!(blocked(&mut juliet).await.len(), 3);
    let mut lines: Vec<String> = listed(s, juliet.bare());
    lines.sort_by_key(|line| line.contains("romeo"));
    assert!(lines[0].ends_with(" reports iago@example.org/x: urn:xmpp:reporting:abuse, 0 messages"));
    assert!(lines[1].ends_with(&format!(" reports romeo@example.org: {SPAM}, 0 messages")));
    assert_eq!(lines.len(), 2);
    assert!(cli(s, &["reports", "show", id(&lines[0])]).contains("text: two\n"));
}

async fn a_report_of_who_is_blocked_already(s: &Server) {
    let mut juliet = s.user().await;
    assert_eq!(block(&mut juliet, &item("romeo@example.org", "")).await.kind(), Some("result"));
    reports(&mut juliet, "ROMEO@example.org", "").await;
    assert_eq!(blocked(&mut juliet).await, ["romeo@example.org"]);
    assert!(listed(s, juliet.bare())[0].contains(" reports romeo@example.org: "));
}

async fn the_operator_lists_some_and_removes_them(s: &Server) {
    // A server of its own: it is stopped.
    let own = s.fresh(&["archive.policy=always"]);
    let mut juliet = own.user().await;
    for jid in ["a@one.example", "a@one.example/b", "b@one.example", "two.example"] {
        reports(&mut juliet, jid, "").await;
    }
    let count = |more: &[&str]| cli(&own, &[&["reports", "list"], more].concat()).lines().count();
    for running in [true, false] {
        assert_eq!(count(&[]), 4);
        assert_eq!(count(&["--host", "localhost"]), 4);
        assert_eq!(count(&["--host", "one.example"]), 0);
        assert_eq!(count(&["--reported", "one.example"]), 3);
        assert_eq!(count(&["--reported", "A@One.example"]), 2);
        assert_eq!(count(&["--reported", "a@one.example/b"]), 1);
        assert_eq!(count(&["--reported", "two.example", "--host", "localhost"]), 1);
        for command in [["show", "0000000000000001"], ["remove", "0000000000000001"], ["remove", "x"]] {
            let output = own.cli(&["reports", command[0], command[1]], "");
            assert!(!output.status.success() && !output.stderr.is_empty(), "{command:?}");
        }
        assert!(!own.cli(&["reports", "list", "--reported", "@"], "").status.success());
        if running {
            own.terminate();
            assert!(own.stopped().success());
        }
    }
    let lines = cli(&own, &["reports", "list", "--reported", "two.example"]);
    cli(&own, &["reports", "remove", id(&lines)]);
    assert_eq!(count(&[]), 3);
    own.resume();
    let lines = cli(&own, &["reports", "list", "--reported", "b@one.example"]);
    cli(&own, &["reports", "remove", id(&lines)]);
    assert_eq!(count(&[]), 2);
}

async fn reports_go_with_the_account_that_made_them(s: &Server) {
    let (romeo, mut juliet) = s.pair().await;
    reports(&mut juliet, romeo.bare(), "").await;
    assert_eq!(listed(s, juliet.bare()).len(), 1);
    // Not with the account that they are about.
    cli(s, &["user", "remove", romeo.bare()]);
    assert_eq!(listed(s, juliet.bare()).len(), 1);
    cli(s, &["user", "remove", juliet.bare()]);
    assert!(listed(s, juliet.bare()).is_empty());
}

async fn what_a_report_says_cannot_steer_a_terminal(s: &Server) {
    let mut juliet = s.user().await;
    reports(
        &mut juliet,
        "romeo@example.org",
        "<text>a\u{9b}2J\u{202e}b&#10;by        nobody@localhost</text>",
    )
    .await;
    let shown = shown(s, juliet.bare());
    assert!(shown.contains("text: a\\u{9b}2J\\u{202e}b\\u{a}by        nobody@localhost\n"), "{shown}");
}

async fn where_nothing_is_archived_it_stands_alone(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    romeo.say(juliet.bare(), "x").await;
    assert!(juliet.message().await.child("stanza-id", ns::STANZA_ID).is_none());
    let me = juliet.bare().to_owned();
    reports(&mut juliet, romeo.bare(), &named(&me, "AAAAAAAAAAAAAAAAAAAAAA")).await;
    assert!(shown(s, &me).contains("not in the reporter's archive"));
}

async fn the_oldest_of_too_many_goes(s: &Server) {
    let (mut juliet, mut nurse) = s.pair().await;
    reports(&mut nurse, "x0@example.org", "").await;
    for n in 0..4 {
        reports(&mut juliet, &format!("x{n}@example.org"), "").await;
    }
    let lines = listed(s, juliet.bare());
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("x2@") && lines[1].contains("x3@"), "{lines:?}");
    assert_eq!(listed(s, nurse.bare()).len(), 1);
}

async fn a_block_that_is_refused_reports_nothing(s: &Server) {
    let mut juliet = s.user().await;
    let items = [item("a@example.org", &report(SPAM, "")), item("b@example.org", &report(SPAM, ""))].concat();
    assert_eq!(block(&mut juliet, &items).await.condition(), "not-allowed");
    assert!(listed(s, juliet.bare()).is_empty());
    assert_eq!(blocked(&mut juliet).await, [""; 0]);
}
