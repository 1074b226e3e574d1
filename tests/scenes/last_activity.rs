//! Last activity (XEP-0012), for those who may see presence.

use harness::{Client, Server, StanzaExt, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: the_uptime_of_the_server,
        the_last_seen_of_a_contact,
        a_contact_that_is_there,
        strangers_are_told_nothing,
        a_session_answers_for_itself,
}

fn query() -> String {
    format!("<query xmlns='{}'/>", ns::LAST)
}

fn seconds(answer: &Element) -> u64 {
    let seconds = answer.must("query", ns::LAST).attr("seconds").expect("seconds");
    seconds.parse().expect("a number")
}

async fn friends(s: &Server) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    (romeo, juliet)
}

/// XEP-0012 §5.
async fn the_uptime_of_the_server(s: &Server) {
    let mut romeo = s.user().await;
    assert!(seconds(&romeo.get("localhost", &query()).await) < 3600);
}

/// XEP-0012 §3: with the status of the last unavailable presence.
async fn the_last_seen_of_a_contact(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let to = juliet.bare().to_owned();
    juliet.send("<presence type='unavailable'><status>gone to the friar</status></presence>").await;
    juliet.sync().await;
    juliet.close().await;
    romeo.drain().await;
    let answer = romeo.get(&to, &query()).await;
    assert!(seconds(&answer) < 60, "{}", answer.show());
    assert_eq!(answer.must("query", ns::LAST).text(), "gone to the friar");
}

async fn a_contact_that_is_there(s: &Server) {
    let (mut romeo, juliet) = friends(s).await;
    assert!(seconds(&romeo.get(juliet.bare(), &query()).await) < 60);
    // One's own account as well.
    let me = romeo.bare().to_owned();
    assert!(seconds(&romeo.get(&me, &query()).await) < 60);
}

/// XEP-0012 §3: `<forbidden/>`, whether there is an account or not.
async fn strangers_are_told_nothing(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for to in [juliet.bare().to_owned(), s.account().jid, "nobody@localhost".to_owned()] {
        assert_eq!(romeo.get(&to, &query()).await.condition(), "forbidden", "{to}");
    }
    juliet.nothing().await;
}

/// XEP-0012 §4: a request to a full address is the client's to answer.
async fn a_session_answers_for_itself(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let to = juliet.jid().to_owned();
    let id = romeo.ask("get", Some(&to), &query()).await;
    juliet.iq().await.must("query", ns::LAST);
    let answer = format!(
        "<iq to='{}' type='result' id='{id}'><query xmlns='{}' seconds='5'/></iq>",
        romeo.jid(),
        ns::LAST
    );
    juliet.send(answer).await;
    assert_eq!(seconds(&romeo.iq().await), 5);
}
