//! Service discovery (XEP-0030) and entity capabilities (XEP-0115): what is shown, and to whom.

use harness::{Client, Server, StanzaExt, Stream, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: the_server_shows_its_features,
        the_own_account_shows_its_features,
        nothing_is_advertised_before_it_works,
        a_stranger_looks_like_nobody,
        items_of_a_stranger_are_none,
        capabilities_of_the_server,
        an_unknown_node,
        a_contact_may_look_further_than_a_stranger;
    ["archive.policy=always"]: what_clients_look_for_and_where;
    ["contact.abuse=[\"xmpp:abuse@localhost\", \"mailto:abuse@example.org\", \"xmpp:abuse@localhost\"]", "contact.security=mailto:security@example.org", "contact.external_status=https://status.example.org/xmpp.json"]:
        whom_to_turn_to,
        capabilities_with_forms,
        contacts_are_judged_at_the_start;
}

const COMMANDS: &str = "http://jabber.org/protocol/commands";
const DATA: &str = "jabber:x:data";

fn info(node: Option<&str>) -> String {
    let node = node.map(|node| format!(" node='{node}'")).unwrap_or_default();
    format!("<query xmlns='{}'{node}/>", ns::DISCO_INFO)
}

async fn query(client: &mut Client, to: &str, node: Option<&str>) -> Element {
    let answer = client.get(to, &info(node)).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
    answer.must("query", ns::DISCO_INFO).clone()
}

fn features(query: &Element) -> Vec<String> {
    let features = query.children().filter(|it| it.name() == "feature");
    features.map(|it| it.attr("var").expect("a var").to_owned()).collect()
}

fn identities(query: &Element) -> Vec<String> {
    let identities = query.children().filter(|it| it.name() == "identity");
    identities
        .map(|it| format!("{}/{}", it.attr("category").unwrap_or(""), it.kind().unwrap_or("")))
        .collect()
}

async fn the_server_shows_its_features(s: &Server) {
    let mut romeo = s.user().await;
    let query = query(&mut romeo, "localhost", None).await;
    assert_eq!(identities(&query), ["server/im"]);
    let features = features(&query);
    for feature in [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        "http://jabber.org/protocol/caps",
        "jabber:iq:last",
        "jabber:iq:version",
        "jabber:iq:private",
        "urn:xmpp:ping",
        "urn:xmpp:time",
        "urn:xmpp:blocking",
        "urn:xmpp:carbons:2",
        "urn:xmpp:carbons:rules:0",
        "msgoffline",
    ] {
        assert!(features.iter().any(|it| it == feature), "no {feature} in {features:?}");
    }
    let mut unique = features.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), features.len(), "each once (XEP-0115 §5.4)");
    let items = romeo.get("localhost", &format!("<query xmlns='{}'/>", ns::DISCO_ITEMS)).await;
    assert_eq!(items.kind(), Some("result"));
}

async fn the_own_account_shows_its_features(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    let account = query(&mut romeo, &me, None).await;
    assert!(identities(&account).contains(&"account/registered".to_owned()), "{}", account.show());
    assert!(features(&account).contains(&ns::DISCO_INFO.to_owned()));
    let items = romeo.get(&me, &format!("<query xmlns='{}'/>", ns::DISCO_ITEMS)).await;
    assert_eq!(items.kind(), Some("result"));
}

async fn nothing_is_advertised_before_it_works(s: &Server) {
    let mut romeo = s.user().await;
    for to in ["localhost".to_owned(), romeo.bare().to_owned()] {
        let query = query(&mut romeo, &to, None).await;
        assert!(!identities(&query).iter().any(|it| it.starts_with("pubsub/")), "{}", query.show());
        for feature in features(&query) {
            // These scenes run without an archive.
            for absent in ["urn:xmpp:mam:", "http://jabber.org/protocol/pubsub", "urn:xmpp:sid:0"] {
                assert!(!feature.starts_with(absent), "{to} shows {feature}");
            }
        }
    }
}

/// XEP-0030 §8, RFC 6121 §8.5.1: the same answer with and without a node, account or none.
async fn a_stranger_looks_like_nobody(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for node in [None, Some("urn:example:node")] {
        for to in [juliet.bare().to_owned(), s.account().jid, "nobody@localhost".to_owned()] {
            let answer = romeo.get(&to, &info(node)).await;
            assert_eq!(answer.error(), ("cancel".into(), "service-unavailable".into()), "{to} {node:?}");
        }
    }
    juliet.nothing().await;
}

async fn items_of_a_stranger_are_none(s: &Server) {
    let (mut romeo, juliet) = s.pair().await;
    for to in [juliet.bare().to_owned(), s.account().jid, "nobody@localhost".to_owned()] {
        let answer = romeo.get(&to, &format!("<query xmlns='{}'/>", ns::DISCO_ITEMS)).await;
        assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
        assert_eq!(answer.must("query", ns::DISCO_ITEMS).children().count(), 0);
    }
}

/// XEP-0115 §6.2, §6.3: the hash in the stream features is that of the server's disco#info.
async fn capabilities_of_the_server(s: &Server) {
    let account = s.account();
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let offered = stream.login(&account).await;
    let caps = offered.must("c", "http://jabber.org/protocol/caps");
    assert_eq!(caps.attr("hash"), Some("sha-1"));
    let (node, ver) = (caps.attr("node").expect("a node"), caps.attr("ver").expect("a ver"));
    let node = format!("{node}#{ver}");
    let jid = stream.bind(None).await;
    let mut romeo = Client::over(stream, jid);

    let plain = query(&mut romeo, "localhost", None).await;
    let asked = query(&mut romeo, "localhost", Some(&node)).await;
    assert_eq!(asked.attr("node"), Some(&*node));
    assert_eq!((identities(&asked), features(&asked)), (identities(&plain), features(&plain)));

    // XEP-0115 §5.1.
    let mut text = String::new();
    let mut identities: Vec<String> = plain
        .children()
        .filter(|it| it.name() == "identity")
        .map(|it| {
            let lang = it.attr_ns("http://www.w3.org/XML/1998/namespace", "lang").unwrap_or("");
            let (category, kind) = (it.attr("category").unwrap_or(""), it.kind().unwrap_or(""));
            format!("{category}/{kind}/{lang}/{}<", it.attr("name").unwrap_or(""))
        })
        .collect();
    identities.sort();
    let mut features: Vec<String> = features(&plain).iter().map(|it| format!("{it}<")).collect();
    features.sort();
    text.extend(identities);
    text.extend(features);
    for (kind, fields) in forms(&plain) {
        text.push_str(&format!("{kind}<"));
        for (name, mut values) in fields {
            values.sort();
            text.push_str(&format!("{name}<{}<", values.join("<")));
        }
    }
    let hash = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        harness::Hash::Sha1.digest(text.as_bytes()),
    );
    assert_eq!(hash, ver);
}

async fn capabilities_with_forms(s: &Server) {
    capabilities_of_the_server(s).await;
}

/// Values by field.
type Fields = Vec<(String, Vec<String>)>;

/// The forms, by their `FORM_TYPE`s.
fn forms(query: &Element) -> Vec<(String, Fields)> {
    let mut forms = Vec::new();
    for form in query.children().filter(|it| it.is("x", DATA)) {
        assert_eq!(form.kind(), Some("result"));
        let mut fields: Fields = form
            .children()
            .map(|field| {
                (field.attr("var").expect("a var").to_owned(), field.children().map(Element::text).collect())
            })
            .collect();
        let kind = fields.remove(0);
        assert_eq!((kind.0.as_str(), kind.1.len()), ("FORM_TYPE", 1));
        fields.sort();
        forms.push((kind.1[0].clone(), fields));
    }
    forms.sort();
    forms
}

/// XEP-0157 §3, XEP-0455 §2.1.
async fn whom_to_turn_to(s: &Server) {
    let mut romeo = s.user().await;
    let found = forms(&query(&mut romeo, "localhost", None).await);
    let texts = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    let info = vec![
        ("abuse-addresses".to_owned(), texts(&["mailto:abuse@example.org", "xmpp:abuse@localhost"])),
        ("security-addresses".to_owned(), texts(&["mailto:security@example.org"])),
    ];
    let outage =
        vec![("external-status-addresses".to_owned(), texts(&["https://status.example.org/xmpp.json"]))];
    let wanted =
        [("http://jabber.org/network/serverinfo".to_owned(), info), ("urn:xmpp:sos:0".to_owned(), outage)];
    assert_eq!(found, wanted);
    // Of the server, not of its accounts.
    let me = romeo.bare().to_owned();
    assert!(forms(&query(&mut romeo, &me, None).await).is_empty());
}

async fn contacts_are_judged_at_the_start(_: &Server) {
    for (key, value) in [
        ("contact.abuse", "abuse@example.org"),
        ("contact.admin", "[\"mailto:admin@example.org\", \"mailto:nobody\"]"),
        ("contact.support", "xmpp:@"),
        ("contact.external_status", "mailto:status@example.org"),
        ("contact.feedback", "5"),
    ] {
        let output = Server::bare_cli(&["config", "check", "--set", &format!("{key}={value}")]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(key) && said.contains("must be"), "{key}: {said}");
    }
}

async fn an_unknown_node(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in ["localhost", &*me] {
        let answer = romeo.get(to, &info(Some("urn:example:node"))).await;
        assert_eq!(answer.condition(), "item-not-found", "{to}");
    }
}

/// A contact that shows its presence also shows that it is an account.
async fn a_contact_may_look_further_than_a_stranger(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    let to = juliet.bare().to_owned();
    let query = query(&mut romeo, &to, None).await;
    assert!(identities(&query).contains(&"account/registered".to_owned()), "{}", query.show());
    juliet.nothing().await;
}

/// Clients look for each of these at one of the two addresses, and do without where it is not there: Conversations, Monal,
/// Gajim, Siskin, and the compliance tester.
async fn what_clients_look_for_and_where(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    let server = ["urn:xmpp:blocking", "urn:xmpp:carbons:2", "msgoffline", "vcard-temp", COMMANDS];
    let account = [
        "urn:xmpp:mam:2",
        "urn:xmpp:sid:0",
        "urn:xmpp:push:0",
        "tigase:push:encrypt:0",
        "tigase:push:encrypt:aes-128-gcm",
        "tigase:push:priority:0",
        "tigase:push:filter:muted:0",
        "tigase:push:filter:ignore-unknown:0",
        "tigase:push:away:0",
        "tigase:push:jingle:0",
        "vcard-temp",
        COMMANDS,
    ];
    for (to, wanted) in [("localhost", &server[..]), (&me, &account[..])] {
        let features = features(&query(&mut romeo, to, None).await);
        for feature in wanted {
            assert!(features.iter().any(|it| it == feature), "{to} has no {feature}: {features:?}");
        }
    }
    // What only an account has is not the server's.
    let features = features(&query(&mut romeo, "localhost", None).await);
    assert!(
        !features.iter().any(|it| it.starts_with("urn:xmpp:mam:") || it == "urn:xmpp:push:0"),
        "{features:?}"
    );
}
