//! Resource binding within the login (XEP-0386), with stream management (XEP-0198 §9) and carbons.

use harness::{
    Account, Client, Server, StanzaExt, Stream, Suspended, agent, befriend, identifier, ns, scenes,
};
use minidom::Element;

const ID: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const OTHER: &str = "00000000-4d72-4749-b3d3-740edbf87770";

scenes! {
    []: a_resource_is_bound_with_the_login,
        the_resource_carries_the_tag,
        a_tag_that_fits_no_address_is_left_out,
        a_device_keeps_its_resource,
        a_device_has_one_session,
        carbons_are_on_from_the_first_stanza,
        a_client_may_begin_unwatched,
        stream_management_is_on_from_the_first_stanza,
        a_session_is_resumed_with_the_login,
        what_cannot_be_resumed_is_bound,
        what_cannot_be_resumed_may_be_bound_later,
        resuming_is_for_the_owner,
        more_acknowledged_than_sent,
        unknown_wishes_are_passed_over;
    ["limits.sessions_per_account=1"]: too_many_sessions_fail_the_login;
}

fn bind(inner: &str) -> String {
    format!("<bind xmlns='{}'>{inner}</bind>", ns::BIND2)
}

fn enable() -> String {
    format!("<enable xmlns='{}' resume='true'/>", ns::SM)
}

/// Logs in with these wishes; the features that follow are returned too.
async fn login(s: &Server, account: &Account, wishes: &str) -> (Client, Element, Element) {
    let (mut stream, success) = Stream::sasl2_login(s, account, wishes).await;
    let features = stream.features().await;
    (Client::over(stream, identifier(&success)), success, features)
}

async fn a_resource_is_bound_with_the_login(s: &Server) {
    let account = s.account();
    let (mut client, success, features) = login(s, &account, &bind("")).await;
    success.must("bound", ns::BIND2);
    assert!(client.jid().starts_with(&format!("{}/", account.jid)), "{}", client.jid());
    assert!(features.child("bind", ns::BIND).is_none(), "{}", features.show());
    features.must("sm", ns::SM);
    let own = client.jid().to_owned();
    client.say(&own, "hello").await;
    assert_eq!(client.message().await.body().as_deref(), Some("hello"));
    // Bound is bound.
    let again = client.request("set", None, &format!("<bind xmlns='{}'/>", ns::BIND)).await;
    assert_eq!(again.condition(), "not-allowed");
}

async fn the_resource_carries_the_tag(s: &Server) {
    let account = s.account();
    for (wish, tag) in [("<tag>AwesomeXMPP</tag>", "AwesomeXMPP/"), ("<tag>Ää &lt;3</tag>", "Ää <3/")] {
        let (client, ..) = login(s, &account, &bind(wish)).await;
        assert!(client.jid().starts_with(&format!("{}/{tag}", account.jid)), "{}", client.jid());
        assert!(client.jid().len() > account.jid.len() + 1 + tag.len());
    }
}

async fn a_tag_that_fits_no_address_is_left_out(s: &Server) {
    let account = s.account();
    for tag in ["", " ", &"x".repeat(2000), "a\u{2028}b"] {
        let (client, ..) = login(s, &account, &bind(&format!("<tag>{tag}</tag>"))).await;
        let resource = client.jid().rsplit_once("@localhost/").expect("a resource").1.to_owned();
        assert!(!resource.contains('/') && !resource.is_empty(), "{resource}");
    }
}

async fn a_device_keeps_its_resource(s: &Server) {
    let account = s.account();
    let wishes = |id: &str, tag: &str| agent(id) + &bind(&format!("<tag>{tag}</tag>"));
    let (first, ..) = login(s, &account, &wishes(ID, "Phone")).await;
    let jid = first.jid().to_owned();
    assert!(!jid.contains(ID) && !jid.contains(&ID[..8]), "{jid}");
    first.close().await;
    let (again, ..) = login(s, &account, &wishes(&ID.to_uppercase(), "Phone")).await;
    assert_eq!(again.jid(), jid);
    let (other, ..) = login(s, &account, &wishes(OTHER, "Phone")).await;
    assert_ne!(other.jid(), jid);
    let stranger = s.account();
    let (theirs, ..) = login(s, &stranger, &wishes(ID, "Phone")).await;
    assert_ne!(theirs.jid().rsplit('/').next(), jid.rsplit('/').next());
    // Who does not say who it is gets another each time.
    let (one, ..) = login(s, &account, &bind("")).await;
    let (two, ..) = login(s, &account, &bind("")).await;
    assert_ne!(one.jid(), two.jid());
}

/// §3.2: earlier sessions of the same client end; others do not.
async fn a_device_has_one_session(s: &Server) {
    let account = s.account();
    let (mut phone, ..) = login(s, &account, &(agent(ID) + &bind("<tag>one</tag>"))).await;
    let (mut laptop, ..) = login(s, &account, &(agent(OTHER) + &bind(""))).await;
    let (mut nameless, ..) = login(s, &account, &bind("")).await;
    let (mut stranger, ..) = login(s, &s.account(), &(agent(ID) + &bind(""))).await;
    let (mut anew, ..) = login(s, &account, &(agent(ID) + &bind("<tag>two</tag>"))).await;
    assert_eq!(phone.failed().await, "conflict");
    for client in [&mut laptop, &mut nameless, &mut stranger, &mut anew] {
        client.sync().await;
    }
    // Also one that waits to be resumed.
    let (mut stream, success) = Stream::sasl2_login(s, &account, &(agent(OTHER) + &bind(&enable()))).await;
    stream.features().await;
    assert_eq!(laptop.failed().await, "conflict");
    let lost = managed(stream, &success).drop_connection();
    let (next, ..) = login(s, &account, &(agent(OTHER) + &bind(""))).await;
    let (_, answer) = lost.resume(s, &account).await.err().expect("the session is over");
    answer.must("item-not-found", ns::STANZAS);
    drop(next);
}

/// The client of a session that was bound with stream management.
fn managed(stream: Stream, success: &Element) -> Client {
    let mut client = Client::over(stream, identifier(success));
    client.managed(success.must("bound", ns::BIND2).must("enabled", ns::SM));
    client
}

async fn carbons_are_on_from_the_first_stanza(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let carbons = format!("<enable xmlns='{}'/>", ns::CARBONS);
    let (mut phone, ..) = login(s, &juliet, &bind(&carbons)).await;
    let (mut plain, ..) = login(s, &juliet, &bind("")).await;
    let (mut desk, ..) = login(s, &juliet, &bind("")).await;
    let mut sender = Client::login(s, &romeo, "orchard").await;
    let to = desk.jid().to_owned();
    sender.say(&to, "psst").await;
    assert_eq!(desk.message().await.body().as_deref(), Some("psst"));
    phone.message().await.must("received", ns::CARBONS);
    plain.nothing().await;
}

/// XEP-0352: presence waits from the start, a message does not and brings it along.
async fn a_client_may_begin_unwatched(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut desk = Client::login(s, &juliet, "balcony").await;
    let mut friend = Client::login(s, &romeo, "orchard").await;
    for client in [&mut desk, &mut friend] {
        client.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
        client.available(0).await;
    }
    befriend(&mut friend, &mut desk).await;
    desk.close().await;
    let (mut phone, ..) = login(s, &juliet, &bind("<inactive xmlns='urn:xmpp:csi:0'/>")).await;
    let (mut tablet, ..) = login(s, &juliet, &bind("<active xmlns='urn:xmpp:csi:0'/>")).await;
    for client in [&mut phone, &mut tablet] {
        // Its echo is presence too: the ping brings it along.
        client.send("<presence/>").await;
        client.drain().await;
    }
    let status = "<presence><status>waiting</status></presence>";
    friend.send(status).await;
    friend.sync().await;
    tablet.find(|it| it.name() == "presence" && it.child("status", ns::CLIENT).is_some()).await;
    friend.say(phone.jid(), "hello").await;
    // What came before it waits to be read.
    phone.find(|it| it.body().as_deref() == Some("hello")).await;
    phone.find(|it| it.child("status", ns::CLIENT).is_some()).await;
}

async fn stream_management_is_on_from_the_first_stanza(s: &Server) {
    let account = s.account();
    let (mut stream, success) = Stream::sasl2_login(s, &account, &bind(&enable())).await;
    let features = stream.features().await;
    assert!(features.child("sm", ns::SM).is_none(), "{}", features.show());
    let mut client = managed(stream, &success);
    assert!(client.sm().id.is_some() && client.sm().max.is_some());
    client.available(0).await;
    client.acknowledged().await;
    // A second time is once too often.
    client.send_raw(enable()).await;
    assert_eq!(client.failed().await, "policy-violation");
    // Without resumption there is no id.
    let wish = format!("<enable xmlns='{}'/>", ns::SM);
    let (_, success, _) = login(s, &account, &bind(&wish)).await;
    let enabled = success.must("bound", ns::BIND2).must("enabled", ns::SM);
    assert_eq!(enabled.id(), None, "{}", enabled.show());
}

fn resume(suspended: &Suspended) -> String {
    let id = suspended.sm.id.as_deref().expect("a resumable session");
    format!("<resume xmlns='{}' previd='{id}' h='{}'/>", ns::SM, suspended.sm.received)
}

async fn a_session_is_resumed_with_the_login(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let mut sender = Client::login(s, &romeo, "orchard").await;
    let (mut stream, success) = Stream::sasl2_login(s, &juliet, &(agent(ID) + &bind(&enable()))).await;
    stream.features().await;
    let mut phone = managed(stream, &success);
    phone.available(0).await;
    phone.acknowledged().await;
    phone.acknowledge().await;
    let lost = phone.drop_connection();
    sender.say(&juliet.jid, "in the tunnel").await;
    sender.sync().await;
    // Resumption goes before the bind, which is ignored then.
    let wishes = agent(ID) + &resume(&lost) + &bind("<tag>other</tag>");
    let (stream, success) = Stream::sasl2_login(s, &juliet, &wishes).await;
    let resumed = success.must("resumed", ns::SM);
    assert_eq!(resumed.attr("previd"), lost.sm.id.as_deref());
    assert_eq!(resumed.attr("h"), Some(lost.sm.sent.to_string().as_str()));
    assert!(success.child("bound", ns::BIND2).is_none(), "{}", success.show());
    assert_eq!(identifier(&success), lost.jid);
    // XEP-0198 §9.2: no features follow, but what was missed.
    let mut phone = Client::over(stream, lost.jid.clone());
    phone.managed_again(lost);
    assert_eq!(phone.message().await.body().as_deref(), Some("in the tunnel"));
    phone.sync().await;
    phone.acknowledged().await;
}

async fn what_cannot_be_resumed_is_bound(s: &Server) {
    let account = s.account();
    for resume in [
        format!("<resume xmlns='{}' previd='unknown' h='3'/>", ns::SM),
        format!("<resume xmlns='{}' previd='unknown'/>", ns::SM),
        format!("<resume xmlns='{}' h='x'/>", ns::SM),
    ] {
        let (mut client, success, features) = login(s, &account, &(resume + &bind(&enable()))).await;
        let failed = success.must("failed", ns::SM);
        assert!(failed.children().all(|it| it.ns() == ns::STANZAS), "{}", failed.show());
        success.must("bound", ns::BIND2).must("enabled", ns::SM);
        assert!(features.child("bind", ns::BIND).is_none());
        client.managed(success.must("bound", ns::BIND2).must("enabled", ns::SM));
        client.sync().await;
    }
}

async fn what_cannot_be_resumed_may_be_bound_later(s: &Server) {
    let account = s.account();
    let wish = format!("<resume xmlns='{}' previd='unknown' h='3'/>", ns::SM);
    let (mut stream, success) = Stream::sasl2_login(s, &account, &wish).await;
    success.must("failed", ns::SM).must("item-not-found", ns::STANZAS);
    assert_eq!(identifier(&success), account.jid);
    stream.features().await.must("bind", ns::BIND);
    stream.bind(None).await;
}

async fn resuming_is_for_the_owner(s: &Server) {
    let (romeo, juliet) = (s.account(), s.account());
    let (mut stream, success) = Stream::sasl2_login(s, &juliet, &bind(&enable())).await;
    stream.features().await;
    let lost = managed(stream, &success).drop_connection();
    let (_, success) = Stream::sasl2_login(s, &romeo, &resume(&lost)).await;
    success.must("failed", ns::SM).must("item-not-found", ns::STANZAS);
    let (_, success) = Stream::sasl2_login(s, &juliet, &resume(&lost)).await;
    success.must("resumed", ns::SM);
}

async fn more_acknowledged_than_sent(s: &Server) {
    let account = s.account();
    let (mut stream, success) = Stream::sasl2_login(s, &account, &bind(&enable())).await;
    stream.features().await;
    let mut lost = managed(stream, &success).drop_connection();
    lost.sm.received = 77;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = format!("\0{}\0{}", account.user, account.password);
    stream.send(harness::authenticate("PLAIN", message, &resume(&lost))).await;
    assert_eq!(stream.failed().await, "undefined-condition");
}

async fn unknown_wishes_are_passed_over(s: &Server) {
    let account = s.account();
    let wishes = format!(
        "<what xmlns='urn:example:what'><deep/></what>{}",
        bind("<what xmlns='urn:example:what'/><tag>a</tag><tag>b</tag><enable xmlns='urn:example:what'/>")
    );
    let (client, ..) = login(s, &account, &wishes).await;
    assert!(client.jid().starts_with(&format!("{}/a/", account.jid)), "{}", client.jid());
}

async fn too_many_sessions_fail_the_login(s: &Server) {
    let account = s.account();
    let (mut first, ..) = login(s, &account, &(agent(ID) + &bind(""))).await;
    let mut stream = Stream::direct(s).await;
    stream.open().await;
    let message = format!("\0{}\0{}", account.user, account.password);
    let failure = stream.sasl2_refused(harness::authenticate("PLAIN", &message, &bind(""))).await;
    failure.must("temporary-auth-failure", ns::SASL);
    failure.must("text", ns::SASL2);
    first.sync().await;
    // The same device takes its own place.
    stream.send(harness::authenticate("PLAIN", &message, &(agent(ID) + &bind("")))).await;
    assert!(stream.child().await.is("success", ns::SASL2));
    assert_eq!(first.failed().await, "conflict");
}
