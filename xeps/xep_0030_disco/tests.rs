use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Archive, Component};

use crate::tests::{Server, condition};

#[tokio::test]
async fn disco_of_the_server() {
    let server = Server::new().await;
    let romeo = server.login("romeo", "a").await;
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let answer = romeo.ask("get", "c", info).await;
    assert!(answer.contains("<identity category='server' type='im' name='Waxwing'/>"));
    for feature in
        ["http://jabber.org/protocol/caps", "urn:xmpp:blocking", "urn:xmpp:carbons:rules:0", "msgoffline"]
    {
        assert!(answer.contains(&format!("<feature var='{feature}'/>")), "{feature}");
    }
    let mut caps = Vec::new();
    server.host.table().write_stream_features(&mut caps);
    let caps = String::from_utf8(caps).unwrap();
    let ver = caps.split("ver='").nth(1).unwrap().split('\'').next().unwrap();
    let node = format!("urn:x-waxwing:server#{ver}");
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>");
    let by_node = romeo.ask("get", "c", &query).await;
    assert_eq!(by_node, answer.replacen("disco#info'>", &format!("disco#info' node='{node}'>"), 1));
    let unknown = query.replace(ver, "other");
    assert_eq!(condition(&romeo.ask("get", "c", &unknown).await), "item-not-found");
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    assert!(romeo.ask("get", "c", items).await.contains("#items'></query></iq>"));
    let component = Component::new(Arc::new(Jid::new("gateway.c").unwrap()), 1000);
    server.core.set_components([component]);
    assert!(romeo.ask("get", "c", items).await.contains("#items'><item jid='gateway.c'/></query></iq>"));
}

#[tokio::test]
async fn disco_of_accounts_tells_strangers_nothing() {
    let server = Server::with(Archive::Always).await;
    server.befriend("juliet", "nurse").await;
    let (romeo, nurse) = (server.login("romeo", "a").await, server.login("nurse", "a").await);
    server.account("juliet").await;
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let own = romeo.ask("get", "", info).await;
    assert!(own.contains("<identity category='account' type='registered'/>"));
    assert!(own.contains("<feature var='urn:xmpp:sid:0'/>"));
    assert!(!own.contains("msgoffline"));
    assert!(nurse.ask("get", "juliet@c", info).await.contains("type='registered'"));
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
        assert_eq!(known, unknown.replace("nobody", "juliet"), "{request}");
        assert!(known.contains("#items'") || known.contains("type='error'"), "{known}");
    }
}
