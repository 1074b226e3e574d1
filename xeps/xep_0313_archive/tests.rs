use std::time::Duration;

use minidom::Element;
use waxwing_kernel::{Archive, stamp};
use waxwing_stanza::ns::{CLIENT, DELAY};

use crate::tests::{Came, Client, Server, StanzaExt, element};

const MAM: &str = "urn:xmpp:mam:2";
const DATA: &str = "jabber:x:data";
const RSM: &str = "http://jabber.org/protocol/rsm";

const PAGE: &str = "<set xmlns='http://jabber.org/protocol/rsm'><max>3</max></set>";

async fn talking() -> (Server, Client, Client) {
    let server = Server::with(Archive::Always).await;
    let (romeo, juliet) = (server.login("romeo", "a").await, server.login("juliet", "a").await);
    (server, romeo, juliet)
}

/// Sends it, and waits until it is stored on both sides.
async fn say(server: &Server, from: &Client, to: &str, body: &str) {
    from.send(&format!("<message to='{to}' type='chat'><body>{body}</body></message>")).await;
    server.core.writer.flush().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn query(client: &Client, children: &str) -> Came {
    client.read();
    client.ask("set", "", &format!("<query xmlns='urn:xmpp:mam:2' queryid='f'>{children}</query>")).await
}

async fn filtered(client: &Client, fields: &[(&str, &str)]) -> Came {
    query(client, &form(fields)).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    let kind = "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>";
    format!("<x xmlns='jabber:x:data' type='submit'>{kind}{fields}</x>")
}

fn results(answer: &Came) -> Vec<&Element> {
    let results: Vec<&Element> = answer.iter().filter_map(|it| it.get_child("result", MAM)).collect();
    assert!(results.iter().all(|it| it.attr("queryid") == Some("f")), "{answer:?}");
    results
}

fn forwarded(result: &Element) -> &Element {
    result.must("forwarded", "urn:xmpp:forward:0")
}

fn bodies(answer: &Came) -> Vec<String> {
    results(answer).iter().map(|it| forwarded(it).must("message", CLIENT).body().unwrap()).collect()
}

fn ids(answer: &Came) -> Vec<String> {
    results(answer).iter().map(|it| it.attr("id").unwrap().to_owned()).collect()
}

fn stamps(answer: &Came) -> Vec<String> {
    let stamp = |it: &&Element| forwarded(it).must("delay", DELAY).attr("stamp").unwrap().to_owned();
    results(answer).iter().map(stamp).collect()
}

fn fin(answer: &Came) -> &Element {
    answer.payload("fin", MAM)
}

#[tokio::test]
async fn results_come_in_order_and_then_the_end() {
    let (server, romeo, juliet) = talking().await;
    say(&server, &romeo, "juliet@c", "1").await;
    say(&server, &juliet, "romeo@c/a", "2").await;
    let answer = query(&romeo, "").await;
    assert_eq!(bodies(&answer), ["1", "2"]);
    let ids = ids(&answer);
    let end = format!(
        "<iq to='romeo@c/a' id='q' type='result'><fin xmlns='urn:xmpp:mam:2' complete='true'>\
         <set xmlns='http://jabber.org/protocol/rsm'><first>{}</first><last>{}</last><count>2</count></set></fin></iq>",
        ids[0], ids[1]
    );
    assert_eq!(answer.len(), 3, "{answer:?}");
    assert_eq!(answer[2], element(&end));
    let head = &answer[0];
    assert_eq!((head.name(), head.kind(), head.children().count()), ("message", None, 1));
    assert_eq!((head.from(), head.to()), (Some("romeo@c"), Some("romeo@c/a")));
    let inside = forwarded(results(&answer)[0]);
    assert_eq!(inside.children().map(Element::name).collect::<Vec<_>>(), ["delay", "message"]);
    let original = inside.must("message", CLIENT);
    assert_eq!((original.from(), original.to()), (Some("romeo@c/a"), Some("juliet@c")));
    assert_eq!(original.kind(), Some("chat"));
    assert_eq!(bodies(&query(&juliet, "").await), ["1", "2"]);
}

#[tokio::test]
async fn pages_by_id_and_by_time() {
    let (server, romeo, _juliet) = talking().await;
    for n in 1..=7 {
        say(&server, &romeo, "juliet@c", &n.to_string()).await;
    }
    let all = query(&romeo, "").await;
    let ids = ids(&all);
    let set = |inside: &str| PAGE.replace("</set>", &format!("{inside}</set>"));
    let first = query(&romeo, PAGE).await;
    assert_eq!(bodies(&first), ["1", "2", "3"]);
    assert_eq!(fin(&first).attr("complete"), None);
    let next = query(&romeo, &set(&format!("<after>{}</after>", ids[3]))).await;
    assert_eq!(bodies(&next), ["5", "6", "7"]);
    assert_eq!(fin(&next).attr("complete"), Some("true"));
    let last = query(&romeo, &set("<before/>")).await;
    assert_eq!(bodies(&last), ["5", "6", "7"]);
    let earlier = query(&romeo, &set(&format!("<before>{}</before>", ids[4]))).await;
    assert_eq!(bodies(&earlier), ["2", "3", "4"]);
    let flipped = query(&romeo, &format!("{}<flip-page/>", set("<before/>"))).await;
    assert_eq!(bodies(&flipped), ["7", "6", "5"]);
    let edge = |name: &str| fin(&flipped).must("set", RSM).must(name, RSM).text();
    assert_eq!((edge("first"), edge("last")), (ids[4].clone(), ids[6].clone()));

    let between = filtered(&romeo, &[("after-id", &ids[1]), ("before-id", &ids[4])]).await;
    assert_eq!(bodies(&between), ["3", "4"]);
    assert!(between.all("count", RSM).is_empty(), "no scan for a count");
    let field = form(&[("ids", &ids[5])])
        .replace("</value></field></x>", &format!("</value><value>{}</value></field></x>", ids[0]));
    assert_eq!(bodies(&query(&romeo, &field).await), ["1", "6"]);

    let times = stamps(&all);
    assert_eq!(bodies(&filtered(&romeo, &[("start", &times[5])]).await), ["6", "7"]);
    assert_eq!(bodies(&filtered(&romeo, &[("end", &times[1])]).await), ["1", "2"]);
    assert_eq!(bodies(&filtered(&romeo, &[("start", &times[2]), ("end", &times[3])]).await), ["3", "4"]);
    assert_eq!(bodies(&filtered(&romeo, &[("start", "1970-01-01T00:00:00Z")]).await).len(), 7);
    assert_eq!(bodies(&filtered(&romeo, &[("end", "9999-12-31T00:00:00Z")]).await).len(), 7);
    assert!(bodies(&filtered(&romeo, &[("start", "9999-12-31T00:00:00Z")]).await).is_empty());
    // A tenth of a millisecond later is later.
    let later = times[5].replace('Z', "1Z");
    assert_eq!(bodies(&filtered(&romeo, &[("start", &later)]).await), ["7"]);
    assert_eq!(stamp(0).len(), times[0].len());

    let none = query(&romeo, "<set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>").await;
    assert!(results(&none).is_empty(), "{none:?}");
    assert_eq!(*fin(&none).must("set", RSM), element(&format!("<set xmlns='{RSM}'><count>7</count></set>")));
}

#[tokio::test]
async fn with_whom() {
    let (server, romeo, juliet) = talking().await;
    let paris = server.login("paris", "p").await;
    say(&server, &romeo, "juliet@c/a", "1").await;
    say(&server, &paris, "romeo@c", "2").await;
    say(&server, &romeo, "romeo@c", "3").await;
    say(&server, &juliet, "romeo@c", "4").await;
    say(&server, &romeo, "juliet@c", "5").await;
    let with = async |jid| bodies(&filtered(&romeo, &[("with", jid)]).await).join(" ");
    assert_eq!(with("juliet@c").await, "1 4 5");
    assert_eq!(with("Juliet@C").await, "1 4 5");
    assert_eq!(with("juliet@c/a").await, "1 4");
    assert_eq!(with("juliet@c/b").await, "");
    assert_eq!(with("paris@c/p").await, "2");
    assert_eq!(with("romeo@c").await, "3", "what was sent to oneself, not everything");
}

#[tokio::test]
async fn refusals() {
    let (server, romeo, juliet) = talking().await;
    say(&server, &romeo, "juliet@c", "1").await;
    let theirs = query(&juliet, "").await;
    let theirs = ids(&theirs)[0].clone();
    let own = query(&romeo, "").await;
    let own = ids(&own)[0].clone();
    for (fields, expected) in [
        (&[("after-id", &*theirs)][..], "item-not-found"),
        (&[("before-id", "nonsense")], "item-not-found"),
        (&[("ids", &*theirs)], "item-not-found"),
        (&[("with", "@")], "jid-malformed"),
        (&[("start", "yesterday")], "bad-request"),
        (&[("include-groupchat", "perhaps")], "bad-request"),
        (&[("with", "a@c"), ("with", "b@c")], "bad-request"),
        (&[("{urn:example}more", "1")], "feature-not-implemented"),
    ] {
        let answer = filtered(&romeo, fields).await;
        assert_eq!((&*answer.condition(), answer.len()), (expected, 1), "{fields:?}");
    }
    let set = |inside: &str| PAGE.replace("</set>", &format!("{inside}</set>"));
    for (children, expected) in [
        (set("<index>3</index>"), "feature-not-implemented"),
        (set(&format!("<after>{theirs}</after>")), "item-not-found"),
        (set("<before>x</before>"), "item-not-found"),
        (set("").replace('3', "-3"), "bad-request"),
        (form(&[]).replace("mam:2", "mam:1"), "bad-request"),
        (form(&[]).replace("submit", "form"), "bad-request"),
        (form(&[("ids", &own)]).replace("<value>", "<value>x</value><value>"), "bad-request"),
    ] {
        let answer = query(&romeo, &children).await;
        assert_eq!(answer.condition(), expected, "{children}");
    }
    let many = format!("<value>{own}</value>").repeat(11);
    let many =
        form(&[("ids", "")]).replace("<field var='ids'><value></value>", &format!("<field var='ids'>{many}"));
    assert_eq!(query(&romeo, &many).await.condition(), "policy-violation");
    // Another's archive, and nobody's.
    for payload in ["<query xmlns='urn:xmpp:mam:2'/>", "<metadata xmlns='urn:xmpp:mam:2'/>"] {
        for kind in ["set", "get"] {
            if kind == "set" && payload.starts_with("<metadata") {
                continue;
            }
            let theirs = romeo.ask(kind, "juliet@c", payload).await;
            let nobodys = romeo.ask(kind, "nobody@c", payload).await;
            assert_eq!(theirs.condition(), "forbidden");
            assert_eq!(theirs.only_from("juliet@c"), nobodys.only_from("nobody@c"));
        }
    }
    let without = Server::new().await;
    let romeo = without.login("romeo", "a").await;
    assert_eq!(query(&romeo, "").await.condition(), "service-unavailable");
    let info = romeo.ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#info'/>").await;
    assert!(!info.features().iter().any(|it| it.starts_with(MAM)), "{info:?}");
}

#[tokio::test]
async fn metadata_and_form() {
    let (server, romeo, _juliet) = talking().await;
    let metadata = "<metadata xmlns='urn:xmpp:mam:2'/>";
    let empty = romeo.ask("get", "", metadata).await;
    assert_eq!(*empty.payload("metadata", MAM), element(metadata));
    for n in ["1", "2", "3"] {
        say(&server, &romeo, "juliet@c", n).await;
    }
    let all = query(&romeo, "").await;
    let (ids, times) = (ids(&all), stamps(&all));
    let answer = romeo.ask("get", "romeo@c", metadata).await;
    let edge = |name: &str, n: usize| format!("<{name} id='{}' timestamp='{}'/>", ids[n], times[n]);
    let expected = format!("<metadata xmlns='{MAM}'>{}{}</metadata>", edge("start", 0), edge("end", 2));
    assert_eq!(*answer.payload("metadata", MAM), element(&expected));
    let form = romeo.ask("get", "", "<query xmlns='urn:xmpp:mam:2'/>").await;
    let fields = form.payload("query", MAM).must("x", DATA).children().filter(|it| it.is("field", DATA));
    let vars: Vec<&str> = fields.filter_map(|it| it.attr("var")).collect();
    for var in ["with", "start", "end", "before-id", "after-id", "ids", "include-groupchat"] {
        assert!(vars.contains(&var), "{var}: {form:?}");
    }
    assert!(!form.all("open", "http://jabber.org/protocol/xdata-validate").is_empty(), "{form:?}");
    assert!(form.all("required", DATA).is_empty(), "{form:?}");
    let info = romeo.ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#info'/>").await;
    for feature in
        ["urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "http://jabber.org/protocol/rsm", "urn:xmpp:sid:0"]
    {
        assert!(info.features().contains(&feature), "{feature}");
    }
}
