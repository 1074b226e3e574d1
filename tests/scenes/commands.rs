//! Ad-hoc commands (XEP-0050), with the two that everybody has: the own devices, and signing them out.

use harness::{Account, Client, Component, Server, StanzaExt, Stream, agent, identifier, ns, scenes};
use minidom::Element;

const COMMANDS: &str = "http://jabber.org/protocol/commands";
const DATA: &str = "jabber:x:data";
const LIST: &str = "urn:x-waxwing:devices";
const REVOKE: &str = "urn:x-waxwing:devices:revoke";
const DESK: &str = "00000000-4d72-4749-b3d3-740edbf87770";
const PHONE: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const TABLET: &str = "11111111-4d72-4749-b3d3-740edbf87770";

scenes! {
    []: server_and_account_say_that_they_can,
        commands_are_listed,
        a_command_says_what_it_is,
        unknown_nodes,
        strangers_are_offered_nothing,
        one_without_stages_is_done_at_once,
        the_own_devices_are_listed,
        a_device_is_signed_out_in_stages,
        stages_are_gone_back_to,
        a_run_is_cancelled,
        actions_that_a_stage_does_not_have,
        forms_that_do_not_fit,
        sessions_that_are_not_ones_own,
        sessions_that_are_over,
        languages_that_are_not_spoken,
        two_runs_side_by_side,
        there_is_no_other_device;
    ["limits.command_sessions=2"]: one_run_too_many_ends_the_oldest;
    [r#"components={"commands.localhost"={secret="s3cret"}}"#]: a_component_is_offered_nothing;
}

fn command(node: &str, attributes: &str, payload: &str) -> String {
    format!("<command xmlns='{COMMANDS}' node='{node}' {attributes}>{payload}</command>")
}

/// Runs a stage; what the server says of it.
async fn run(client: &mut Client, node: &str, attributes: &str, payload: &str) -> Element {
    let answer = client.set("localhost", &command(node, attributes, payload)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
    let done = answer.must("command", COMMANDS).clone();
    assert_eq!(done.attr("node"), Some(node));
    assert_eq!(done.attr_ns("http://www.w3.org/XML/1998/namespace", "lang"), Some("en"));
    done
}

/// Runs a stage that must fail: the error's type, its condition and the one of XEP-0050 §4.4.
async fn fails(client: &mut Client, node: &str, attributes: &str, payload: &str) -> (String, String, String) {
    let answer = client.set("localhost", &command(node, attributes, payload)).await;
    let (kind, condition) = answer.error();
    let specific = answer.must("error", ns::CLIENT).children().find(|it| it.ns() == COMMANDS);
    (kind, condition, specific.map(|it| it.name().to_owned()).unwrap_or_default())
}

fn error(kind: &str, condition: &str, specific: &str) -> (String, String, String) {
    (kind.to_owned(), condition.to_owned(), specific.to_owned())
}

fn bad(specific: &str) -> (String, String, String) {
    error("modify", "bad-request", specific)
}

fn expired() -> (String, String, String) {
    error("cancel", "not-allowed", "session-expired")
}

fn session(done: &Element) -> String {
    format!("sessionid='{}'", done.attr("sessionid").filter(|id| !id.is_empty()).expect("a session"))
}

fn status(done: &Element) -> &str {
    done.attr("status").expect("a status")
}

/// What may be done next, the default last.
fn actions(done: &Element) -> Vec<String> {
    let actions = done.must("actions", COMMANDS);
    let names = actions.children().map(|it| it.name().to_owned());
    names.chain(actions.attr("execute").map(|it| format!("execute={it}"))).collect()
}

fn submit(values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
    format!("<x xmlns='{DATA}' type='submit'><field var='devices'>{values}</field></x>")
}

async fn login(s: &Server, account: &Account, device: &str) -> Client {
    let more = agent(device) + "<bind xmlns='urn:xmpp:bind:0'/>";
    let (mut stream, success) = Stream::sasl2_login(s, account, &more).await;
    stream.features().await;
    Client::over(stream, identifier(&success))
}

/// One on its desk, with a phone besides.
async fn with_a_phone(s: &Server) -> (Client, Client) {
    let account = s.account();
    (login(s, &account, DESK).await, login(s, &account, PHONE).await)
}

async fn disco(client: &mut Client, to: &str, ns: &str, node: &str) -> Element {
    client.get(to, &format!("<query xmlns='{ns}' node='{node}'/>")).await
}

/// XEP-0050 §2.1.
async fn server_and_account_say_that_they_can(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in ["localhost", &me] {
        let info = romeo.get(to, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
        let query = info.must("query", ns::DISCO_INFO);
        assert!(query.children().any(|it| it.attr("var") == Some(COMMANDS)), "{}", info.show());
    }
}

/// XEP-0050 §2.2: each with a node and a name, at the address that was asked (§5).
async fn commands_are_listed(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in ["localhost", &me] {
        let items = disco(&mut romeo, to, ns::DISCO_ITEMS, COMMANDS).await;
        let query = items.must("query", ns::DISCO_ITEMS);
        assert_eq!(query.attr("node"), Some(COMMANDS));
        let mut nodes = Vec::new();
        for item in query.children() {
            assert_eq!(item.attr("jid"), Some(to), "{}", items.show());
            assert!(item.attr("name").is_some_and(|name| !name.is_empty()), "{}", items.show());
            nodes.push(item.attr("node").expect("a node").to_owned());
        }
        for node in [LIST, REVOKE] {
            assert_eq!(nodes.iter().filter(|it| *it == node).count(), 1, "{nodes:?}");
        }
    }
}

/// XEP-0050 §2.2.
async fn a_command_says_what_it_is(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in ["localhost", &me] {
        for (node, kind) in [(LIST, "command-node"), (COMMANDS, "command-list")] {
            let info = disco(&mut romeo, to, ns::DISCO_INFO, node).await;
            let query = info.must("query", ns::DISCO_INFO);
            assert_eq!(query.attr("node"), Some(node));
            let identity = query.must("identity", ns::DISCO_INFO);
            assert_eq!((identity.attr("category"), identity.kind()), (Some("automation"), Some(kind)));
            for feature in [COMMANDS, DATA] {
                assert!(query.children().any(|it| it.attr("var") == Some(feature)), "{}", info.show());
            }
        }
        let items = disco(&mut romeo, to, ns::DISCO_ITEMS, LIST).await;
        assert_eq!(items.must("query", ns::DISCO_ITEMS).children().count(), 0);
    }
}

async fn unknown_nodes(s: &Server) {
    let mut romeo = s.user().await;
    for ns in [ns::DISCO_INFO, ns::DISCO_ITEMS] {
        assert_eq!(disco(&mut romeo, "localhost", ns, "urn:example:x").await.condition(), "item-not-found");
    }
    assert_eq!(fails(&mut romeo, "urn:example:x", "", "").await, error("cancel", "item-not-found", ""));
    let answer = romeo.set("localhost", &format!("<command xmlns='{COMMANDS}'/>")).await;
    assert_eq!(answer.condition(), "bad-request");
}

/// Another's account answers as one that does not exist.
async fn strangers_are_offered_nothing(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let account = juliet.bare().to_owned();
    for to in [&*account, "nobody@localhost"] {
        let items = disco(&mut romeo, to, ns::DISCO_ITEMS, COMMANDS).await;
        assert_eq!(items.must("query", ns::DISCO_ITEMS).children().count(), 0, "{}", items.show());
        assert_eq!(disco(&mut romeo, to, ns::DISCO_INFO, LIST).await.condition(), "service-unavailable");
        let answer = romeo.set(to, &command(LIST, "", "")).await;
        assert_eq!(answer.condition(), "service-unavailable", "{to}");
    }
    juliet.nothing().await;
}

/// XEP-0050 §2.2, §4.4.
async fn a_component_is_offered_nothing(s: &Server) {
    let mut component = Component::connect(s, "commands.localhost", "s3cret").await;
    let asks = [
        ("get", format!("<query xmlns='{}' node='{LIST}'/>", ns::DISCO_INFO)),
        ("set", command(LIST, "", "")),
    ];
    for (number, (kind, payload)) in asks.iter().enumerate() {
        component
            .send(format!(
                "<iq type='{kind}' id='c{number}' from='commands.localhost' to='localhost'>{payload}</iq>"
            ))
            .await;
        assert_eq!(component.next().await.error(), ("cancel".into(), "forbidden".into()));
    }
    let list = format!("<query xmlns='{}' node='{COMMANDS}'/>", ns::DISCO_ITEMS);
    component
        .send(format!("<iq type='get' id='l' from='commands.localhost' to='localhost'>{list}</iq>"))
        .await;
    let items = component.next().await;
    assert_eq!(items.must("query", ns::DISCO_ITEMS).children().count(), 0, "{}", items.show());
}

/// XEP-0050 §2.4.1. `execute` is what is meant where nothing is said.
async fn one_without_stages_is_done_at_once(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    let mut ids = Vec::new();
    for attributes in ["", "action='execute'", "status='executing'"] {
        let done = run(&mut romeo, LIST, attributes, "").await;
        assert_eq!((status(&done), done.child("actions", COMMANDS)), ("completed", None));
        assert!(!done.must("note", COMMANDS).text().is_empty());
        ids.push(session(&done));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each run has an id of its own");
    let answer = romeo.set(&me, &command(LIST, "", "")).await;
    assert_eq!(status(answer.must("command", COMMANDS)), "completed");
}

async fn the_own_devices_are_listed(s: &Server) {
    let (mut desk, _phone) = with_a_phone(s).await;
    let done = run(&mut desk, LIST, "", "").await;
    let table = done.must("x", DATA);
    assert_eq!(table.kind(), Some("result"));
    let columns = table.must("reported", DATA).children().count();
    let items: Vec<&Element> = table.children().filter(|it| it.name() == "item").collect();
    assert_eq!(items.len(), 2, "{}", done.show());
    let value = |item: &Element, var: &str| {
        let field = item.children().find(|it| it.attr("var") == Some(var)).expect("the field");
        field.must("value", DATA).text()
    };
    for item in &items {
        assert_eq!(item.children().count(), columns);
        assert_eq!(
            (value(item, "software"), value(item, "name")),
            ("Scenes".into(), "A test's phone".into())
        );
        assert!(value(item, "seen").starts_with("20") && value(item, "token") == "no");
    }
    let this = items.iter().filter(|item| value(item, "this") == "yes").map(|item| value(item, "id"));
    assert_eq!(this.collect::<Vec<_>>(), [DESK]);
}

/// XEP-0050 §2.4.2: chosen, confirmed, done.
async fn a_device_is_signed_out_in_stages(s: &Server) {
    let (mut desk, mut phone) = with_a_phone(s).await;
    let chosen = run(&mut desk, REVOKE, "", "").await;
    assert_eq!(
        (status(&chosen), actions(&chosen)),
        ("executing", vec!["next".into(), "execute=next".into()])
    );
    let form = chosen.must("x", DATA);
    assert_eq!(form.kind(), Some("form"));
    let field = form.children().find(|it| it.attr("var") == Some("devices")).expect("a field");
    let options: Vec<String> =
        field.children().filter(|it| it.name() == "option").map(|it| it.must("value", DATA).text()).collect();
    assert_eq!(options, [PHONE], "the device at hand is not offered");
    let id = session(&chosen);

    let asked = run(&mut desk, REVOKE, &format!("{id} action='next'"), &submit(&[PHONE])).await;
    let expected = vec!["prev".into(), "complete".into(), "execute=complete".to_owned()];
    assert_eq!((session(&asked), actions(&asked)), (id.clone(), expected));
    // Nothing is done yet.
    phone.sync().await;

    let done = run(&mut desk, REVOKE, &format!("{id} action='complete'"), &submit(&[])).await;
    assert_eq!((status(&done), session(&done)), ("completed", id));
    assert!(!done.must("note", COMMANDS).text().is_empty());
    assert_eq!(phone.failed().await, "not-authorized");
    desk.sync().await;
    let items = run(&mut desk, LIST, "", "").await;
    assert_eq!(items.must("x", DATA).children().filter(|it| it.name() == "item").count(), 1);
}

/// XEP-0050 §2.4.2: `execute` is the stage's default.
async fn stages_are_gone_back_to(s: &Server) {
    let account = s.account();
    let mut desk = login(s, &account, DESK).await;
    let (mut phone, mut tablet) = (login(s, &account, PHONE).await, login(s, &account, TABLET).await);
    let id = session(&run(&mut desk, REVOKE, "", "").await);
    run(&mut desk, REVOKE, &id, &submit(&[PHONE])).await;
    let back = run(&mut desk, REVOKE, &format!("{id} action='prev'"), "").await;
    assert_eq!(actions(&back), ["next", "execute=next"]);
    assert_eq!(fails(&mut desk, REVOKE, &format!("{id} action='prev'"), "").await, bad("bad-action"));
    run(&mut desk, REVOKE, &id, &submit(&[TABLET])).await;
    // A form of the type `cancel` is as good as a filled in one (§3.5.1).
    let done = run(&mut desk, REVOKE, &id, &format!("<x xmlns='{DATA}' type='cancel'/>")).await;
    assert_eq!(status(&done), "completed");
    assert_eq!(tablet.failed().await, "not-authorized");
    phone.sync().await;
}

/// XEP-0050 §2.4.3.
async fn a_run_is_cancelled(s: &Server) {
    let (mut desk, mut phone) = with_a_phone(s).await;
    let id = session(&run(&mut desk, REVOKE, "", "").await);
    run(&mut desk, REVOKE, &id, &submit(&[PHONE])).await;
    let cancelled = run(&mut desk, REVOKE, &format!("{id} action='cancel'"), "").await;
    assert_eq!((status(&cancelled), session(&cancelled)), ("canceled", id.clone()));
    assert_eq!(cancelled.children().count(), 0);
    assert_eq!(fails(&mut desk, REVOKE, &id, &submit(&[])).await, expired());
    phone.sync().await;
}

/// XEP-0050 §4.4. The run stays where it was.
async fn actions_that_a_stage_does_not_have(s: &Server) {
    let (mut desk, _phone) = with_a_phone(s).await;
    for action in ["next", "prev", "complete", "cancel"] {
        assert_eq!(fails(&mut desk, REVOKE, &format!("action='{action}'"), "").await, bad("bad-action"));
    }
    assert_eq!(fails(&mut desk, REVOKE, "action='walk'", "").await, bad("malformed-action"));
    let id = session(&run(&mut desk, REVOKE, "", "").await);
    let refused = fails(&mut desk, REVOKE, &format!("{id} action='complete'"), &submit(&[PHONE])).await;
    assert_eq!(refused, bad("bad-action"));
    assert_eq!(fails(&mut desk, REVOKE, &format!("{id} action='x'"), "").await, bad("malformed-action"));
    run(&mut desk, REVOKE, &id, &submit(&[PHONE])).await;
    let refused = fails(&mut desk, REVOKE, &format!("{id} action='next'"), &submit(&[])).await;
    assert_eq!(refused, bad("bad-action"));
    assert_eq!(status(&run(&mut desk, REVOKE, &id, &submit(&[])).await), "completed");
}

/// XEP-0050 §4.4. The run stays where it was.
async fn forms_that_do_not_fit(s: &Server) {
    let (mut desk, mut phone) = with_a_phone(s).await;
    let id = session(&run(&mut desk, REVOKE, "", "").await);
    let large = submit(&[&"x".repeat(20_000)]);
    let form = format!("<x xmlns='{DATA}' type='form'/>");
    for payload in
        ["", &form, &large, &submit(&[]), &submit(&["x"]), &submit(&[PHONE, TABLET]), &submit(&[DESK])]
    {
        assert_eq!(fails(&mut desk, REVOKE, &id, payload).await, bad("bad-payload"), "{payload:.60}");
    }
    phone.sync().await;
    run(&mut desk, REVOKE, &id, &submit(&[PHONE])).await;
}

/// XEP-0050 §3.3: between one asker and one who answers.
async fn sessions_that_are_not_ones_own(s: &Server) {
    let account = s.account();
    let mut desk = login(s, &account, DESK).await;
    let mut phone = login(s, &account, PHONE).await;
    let mut stranger = s.user().await;
    let id = session(&run(&mut desk, REVOKE, "", "").await);
    for other in [&mut phone, &mut stranger] {
        for attributes in [id.clone(), format!("{id} action='cancel'")] {
            assert_eq!(fails(other, REVOKE, &attributes, &submit(&[PHONE])).await, bad("bad-sessionid"));
        }
    }
    assert_eq!(fails(&mut desk, LIST, &id, "").await, bad("bad-sessionid"), "of another command");
    for never in ["sessionid=''", "sessionid='x'", "sessionid='AAAAAAAAAAAAAAAAAAAAAA'"] {
        assert_eq!(fails(&mut desk, REVOKE, never, "").await, bad("bad-sessionid"));
    }
    run(&mut desk, REVOKE, &id, &submit(&[PHONE])).await;
}

/// XEP-0050 §4.4. Also after a restart: an id is known as one that was given.
async fn sessions_that_are_over(s: &Server) {
    let s = &s.fresh(&[]);
    let account = s.account();
    let mut desk = s.online(&account, "desk").await;
    let id = session(&run(&mut desk, LIST, "", "").await);
    for action in ["execute", "next", "cancel"] {
        assert_eq!(fails(&mut desk, LIST, &format!("{id} action='{action}'"), "").await, expired());
    }
    s.restart();
    let mut desk = s.online(&account, "desk").await;
    assert_eq!(fails(&mut desk, LIST, &id, "").await, expired());
    assert_ne!(session(&run(&mut desk, LIST, "", "").await), id);
}

/// XEP-0050 §3.7. What a client says with every stanza of its own is no demand.
async fn languages_that_are_not_spoken(s: &Server) {
    let mut romeo = s.user().await;
    assert_eq!(fails(&mut romeo, LIST, "xml:lang='fr-ca'", "").await, bad("bad-locale"));
    for fine in ["xml:lang='en'", "xml:lang='en-GB'", "xml:lang='EN'", "xml:lang=''"] {
        run(&mut romeo, LIST, fine, "").await;
    }
    let stanza =
        format!("<iq type='set' id='fr' to='localhost' xml:lang='fr'>{}</iq>", command(LIST, "", ""));
    romeo.send(stanza).await;
    assert_eq!(status(romeo.iq().await.must("command", COMMANDS)), "completed");
}

async fn two_runs_side_by_side(s: &Server) {
    let (mut desk, mut phone) = with_a_phone(s).await;
    let one = session(&run(&mut desk, REVOKE, "", "").await);
    let two = session(&run(&mut desk, REVOKE, "", "").await);
    let of_phone = session(&run(&mut phone, REVOKE, "", "").await);
    run(&mut desk, REVOKE, &one, &submit(&[PHONE])).await;
    run(&mut phone, REVOKE, &of_phone, &submit(&[DESK])).await;
    run(&mut desk, REVOKE, &format!("{two} action='cancel'"), "").await;
    run(&mut phone, REVOKE, &format!("{of_phone} action='cancel'"), "").await;
    assert_eq!(status(&run(&mut desk, REVOKE, &one, &submit(&[])).await), "completed");
}

async fn there_is_no_other_device(s: &Server) {
    let account = s.account();
    let mut desk = login(s, &account, DESK).await;
    let done = run(&mut desk, REVOKE, "", "").await;
    assert_eq!((status(&done), done.child("x", DATA)), ("completed", None));
    assert!(!done.must("note", COMMANDS).text().is_empty());
}

async fn one_run_too_many_ends_the_oldest(s: &Server) {
    let (mut desk, _phone) = with_a_phone(s).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(session(&run(&mut desk, REVOKE, "", "").await));
    }
    assert_eq!(fails(&mut desk, REVOKE, &ids[0], &submit(&[PHONE])).await, expired());
    for id in &ids[1..] {
        run(&mut desk, REVOKE, id, &submit(&[PHONE])).await;
    }
}
