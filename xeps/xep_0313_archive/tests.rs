use std::time::Duration;

use waxwing_kernel::{Archive, stamp};

use crate::tests::{Client, Server, condition};

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

async fn query(client: &Client, children: &str) -> String {
    client.read();
    client.ask("set", "", &format!("<query xmlns='urn:xmpp:mam:2' queryid='f'>{children}</query>")).await
}

async fn filtered(client: &Client, fields: &[(&str, &str)]) -> String {
    query(client, &form(fields)).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    let kind = "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>";
    format!("<x xmlns='jabber:x:data' type='submit'>{kind}{fields}</x>")
}

fn bodies(answer: &str) -> Vec<&str> {
    answer.split("<body>").skip(1).filter_map(|rest| rest.split("</body>").next()).collect()
}

fn ids(answer: &str) -> Vec<&str> {
    answer.split("queryid='f' id='").skip(1).filter_map(|rest| rest.split('\'').next()).collect()
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
        "<iq from='romeo@c' to='romeo@c/a' id='q' type='result'><fin xmlns='urn:xmpp:mam:2' complete='true'>\
         <set xmlns='http://jabber.org/protocol/rsm'><first>{}</first><last>{}</last><count>2</count></set></fin></iq>",
        ids[0], ids[1]
    );
    let answer = answer.replace("<iq to='romeo@c/a'", "<iq from='romeo@c' to='romeo@c/a'");
    assert!(answer.ends_with(&end), "{answer}");
    let head = "<message from='romeo@c' to='romeo@c/a'><result xmlns='urn:xmpp:mam:2' queryid='f' id='";
    assert!(answer.starts_with(head), "{answer}");
    let original = "'/><message xmlns='jabber:client' from='romeo@c/a' to='juliet@c' type='chat'>";
    assert!(answer.contains(original), "{answer}");
    assert_eq!(bodies(&query(&juliet, "").await), ["1", "2"]);
}

#[tokio::test]
async fn pages_by_id_and_by_time() {
    let (server, romeo, _juliet) = talking().await;
    for n in 1..=7 {
        say(&server, &romeo, "juliet@c", &n.to_string()).await;
    }
    let all = query(&romeo, "").await;
    let ids: Vec<String> = ids(&all).iter().map(|id| (*id).to_owned()).collect();
    let set = |inside: &str| PAGE.replace("</set>", &format!("{inside}</set>"));
    let first = query(&romeo, PAGE).await;
    assert_eq!(bodies(&first), ["1", "2", "3"]);
    assert!(!first.contains("complete"), "{first}");
    let next = query(&romeo, &set(&format!("<after>{}</after>", ids[3]))).await;
    assert_eq!(bodies(&next), ["5", "6", "7"]);
    assert!(next.contains("complete='true'"), "{next}");
    let last = query(&romeo, &set("<before/>")).await;
    assert_eq!(bodies(&last), ["5", "6", "7"]);
    let earlier = query(&romeo, &set(&format!("<before>{}</before>", ids[4]))).await;
    assert_eq!(bodies(&earlier), ["2", "3", "4"]);
    let flipped = query(&romeo, &format!("{}<flip-page/>", set("<before/>"))).await;
    assert_eq!(bodies(&flipped), ["7", "6", "5"]);
    assert!(flipped.contains(&format!("<first>{}</first><last>{}</last>", ids[4], ids[6])), "{flipped}");

    let between = filtered(&romeo, &[("after-id", &ids[1]), ("before-id", &ids[4])]).await;
    assert_eq!(bodies(&between), ["3", "4"]);
    assert!(!between.contains("<count>"), "no scan for a count");
    let field = form(&[("ids", &ids[5])])
        .replace("</value></field></x>", &format!("</value><value>{}</value></field></x>", ids[0]));
    assert_eq!(bodies(&query(&romeo, &field).await), ["1", "6"]);

    let times: Vec<&str> = all.split("stamp='").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert_eq!(bodies(&filtered(&romeo, &[("start", times[5])]).await), ["6", "7"]);
    assert_eq!(bodies(&filtered(&romeo, &[("end", times[1])]).await), ["1", "2"]);
    assert_eq!(bodies(&filtered(&romeo, &[("start", times[2]), ("end", times[3])]).await), ["3", "4"]);
    assert_eq!(bodies(&filtered(&romeo, &[("start", "1970-01-01T00:00:00Z")]).await).len(), 7);
    assert_eq!(bodies(&filtered(&romeo, &[("end", "9999-12-31T00:00:00Z")]).await).len(), 7);
    assert!(bodies(&filtered(&romeo, &[("start", "9999-12-31T00:00:00Z")]).await).is_empty());
    // A tenth of a millisecond later is later.
    let later = times[5].replace('Z', "1Z");
    assert_eq!(bodies(&filtered(&romeo, &[("start", &later)]).await), ["7"]);
    assert_eq!(stamp(0).len(), times[0].len());

    let none = query(&romeo, "<set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>").await;
    assert!(
        bodies(&none).is_empty()
            && none.contains("<set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>"),
        "{none}"
    );
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
    let theirs = ids(&theirs)[0].to_owned();
    let own = query(&romeo, "").await;
    let own = ids(&own)[0].to_owned();
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
        assert_eq!((condition(&answer).as_str(), bodies(&answer).len()), (expected, 0), "{fields:?}");
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
        assert_eq!(condition(&answer), expected, "{children}");
    }
    let many = format!("<value>{own}</value>").repeat(11);
    let many =
        form(&[("ids", "")]).replace("<field var='ids'><value></value>", &format!("<field var='ids'>{many}"));
    assert_eq!(condition(&query(&romeo, &many).await), "policy-violation");
    // Another's archive, and nobody's.
    for payload in ["<query xmlns='urn:xmpp:mam:2'/>", "<metadata xmlns='urn:xmpp:mam:2'/>"] {
        for kind in ["set", "get"] {
            if kind == "set" && payload.starts_with("<metadata") {
                continue;
            }
            let answers = [
                romeo.ask(kind, "juliet@c", payload).await,
                romeo.ask(kind, "nobody@c", payload).await.replace("nobody", "juliet"),
            ];
            assert_eq!(condition(&answers[0]), "forbidden", "{}", answers[0]);
            assert_eq!(answers[0], answers[1]);
        }
    }
    let without = Server::new().await;
    let romeo = without.login("romeo", "a").await;
    assert_eq!(condition(&query(&romeo, "").await), "service-unavailable");
    assert!(
        !romeo
            .ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
            .await
            .contains("mam:2")
    );
}

#[tokio::test]
async fn metadata_and_form() {
    let (server, romeo, _juliet) = talking().await;
    let metadata = "<metadata xmlns='urn:xmpp:mam:2'/>";
    let empty = romeo.ask("get", "", metadata).await;
    assert!(empty.contains("<metadata xmlns='urn:xmpp:mam:2'></metadata>"), "{empty}");
    for n in ["1", "2", "3"] {
        say(&server, &romeo, "juliet@c", n).await;
    }
    let all = query(&romeo, "").await;
    let ids = ids(&all);
    let answer = romeo.ask("get", "romeo@c", metadata).await;
    assert!(answer.contains(&format!("<start id='{}' timestamp='", ids[0])), "{answer}");
    assert!(answer.contains(&format!("<end id='{}' timestamp='", ids[2])), "{answer}");
    let form = romeo.ask("get", "", "<query xmlns='urn:xmpp:mam:2'/>").await;
    for var in ["with", "start", "end", "before-id", "after-id", "ids", "include-groupchat"] {
        assert!(form.contains(&format!("var='{var}'")), "{form}");
    }
    assert!(form.contains("<open/>") && !form.contains("required"), "{form}");
    let info = romeo.ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#info'/>").await;
    for feature in
        ["urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "http://jabber.org/protocol/rsm", "urn:xmpp:sid:0"]
    {
        assert!(info.contains(&format!("<feature var='{feature}'/>")), "{info}");
    }
}
