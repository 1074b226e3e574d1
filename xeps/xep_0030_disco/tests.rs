use std::sync::Arc;

use jid::Jid;
use minidom::Element;
use waxwing_kernel::{Archive, Component};

use crate::tests::{Came, Server, StanzaExt, element};

const INFO: &str = "http://jabber.org/protocol/disco#info";
const ITEMS: &str = "http://jabber.org/protocol/disco#items";

fn payload(came: &Came) -> &Element {
    came.payload("query", INFO)
}

fn has_identity(came: &Came, attributes: &str) -> bool {
    let identity = element(&format!("<identity xmlns='{INFO}' {attributes}/>"));
    payload(came).children().any(|it| *it == identity)
}

#[tokio::test]
async fn disco_of_the_server() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "a").await;
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let answer = romeo.ask("get", "c", info).await;
    assert!(has_identity(&answer, "category='server' type='im' name='Waxwing'"), "{answer:?}");
    for feature in
        ["http://jabber.org/protocol/caps", "urn:xmpp:blocking", "urn:xmpp:carbons:rules:0", "msgoffline"]
    {
        assert!(answer.features().contains(&feature), "{feature}");
    }
    let mut features = Vec::new();
    server.host.table().write_stream_features(&mut features);
    let features = Came::parse(&String::from_utf8(features).unwrap());
    let caps = features.iter().find(|it| it.is("c", "http://jabber.org/protocol/caps")).unwrap();
    let ver = caps.attr("ver").unwrap();
    let node = format!("urn:x-waxwing:server#{ver}");
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>");
    let by_node = romeo.ask("get", "c", &query).await;
    assert_eq!(payload(&by_node).attr("node"), Some(&*node));
    assert_eq!(payload(&by_node).without("node"), *payload(&answer));
    let unknown = query.replace(ver, "other");
    assert_eq!(romeo.ask("get", "c", &unknown).await.condition(), "item-not-found");
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    assert_eq!(*romeo.ask("get", "c", items).await.payload("query", ITEMS), element(items));
    let component = Component::new(Arc::new(Jid::new("gateway.c").unwrap()), 1000);
    server.core.set_components([component]);
    let gateway = element(&format!("<query xmlns='{ITEMS}'><item jid='gateway.c'/></query>"));
    assert_eq!(*romeo.ask("get", "c", items).await.payload("query", ITEMS), gateway);
}

#[tokio::test]
async fn disco_of_accounts_tells_strangers_nothing() {
    let server = Server::with(Archive::Always).await;
    server.befriend("juliet", "nurse").await;
    let (romeo, nurse) = (server.login("romeo", "a").await, server.login("nurse", "a").await);
    server.account("juliet").await;
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let own = romeo.ask("get", "", info).await;
    assert!(has_identity(&own, "category='account' type='registered'"), "{own:?}");
    assert!(own.features().contains(&"urn:xmpp:sid:0"));
    assert!(!own.features().contains(&"msgoffline"));
    let shown = nurse.ask("get", "juliet@c", info).await;
    assert!(has_identity(&shown, "category='account' type='registered'"), "{shown:?}");
    let requests = [
        info.to_owned(),
        info.replace("/>", " node='x'/>"),
        info.replace("#info", "#items"),
        info.replace("#info'", "#items' node='x'"),
        "<query xmlns='jabber:iq:last'/>".to_owned(),
        "<query xmlns='jabber:iq:version'/>".to_owned(),
        "<query xmlns='jabber:iq:private'><x xmlns='y'/></query>".to_owned(),
        "<ping xmlns='urn:xmpp:ping'/>".to_owned(),
    ];
    for request in requests {
        let known = romeo.ask("get", "juliet@c", &request).await;
        let unknown = romeo.ask("get", "nobody@c", &request).await;
        assert_eq!(known.only_from("juliet@c"), unknown.only_from("nobody@c"), "{request}");
        let items = known.only().get_child("query", ITEMS);
        assert!(items.is_some() || known.only().kind() == Some("error"), "{known:?}");
    }
}
