//! vCards (XEP-0054), and the hash of the picture in presence (XEP-0153).

use harness::{Client, Server, StanzaExt, befriend, ns, scenes};
use minidom::Element;

scenes! {
    []: a_vcard_comes_back_as_it_was_set,
        every_field_of_the_specification_is_taken,
        an_account_without_a_vcard,
        one_without_a_vcard_looks_like_one_who_does_not_exist,
        anybody_may_read_it_and_no_client_is_asked,
        one_who_is_blocked_sees_nobody,
        a_client_answers_for_its_full_address,
        nobody_sets_the_vcard_of_another,
        a_picture_that_is_no_base64,
        server_and_account_say_that_they_can,
        the_server_says_the_hash_for_a_client_that_does_not,
        what_a_client_says_of_its_picture_stays,
        a_new_picture_is_told_to_contacts_that_are_there,
        directed_presence_says_the_hash_too,
        without_a_picture_nothing_is_added,
        it_survives_a_crash,
        it_goes_with_its_account;
    ["limits.vcard_bytes=3000", "limits.avatar_bytes=1000"]: more_than_may_be_stored;
}

const UPDATE: &str = "vcard-temp:x:update";
const EMPTY: &str = "<vCard xmlns='vcard-temp'/>";
/// `abc` in Base64, and its SHA-1 (FIPS 180).
const ABC: &str = "YWJj";
const ABC_HASH: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

fn with_picture(base64: &str) -> String {
    format!(
        "<vCard xmlns='vcard-temp'><FN>Romeo</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>{base64}</BINVAL></PHOTO></vCard>"
    )
}

async fn set(client: &mut Client, vcard: &str) -> Element {
    client.request("set", None, vcard).await
}

async fn must_set(client: &mut Client, vcard: &str) {
    let answer = set(client, vcard).await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
}

async fn get(client: &mut Client, of: &str) -> Element {
    let answer = client.get(of, EMPTY).await;
    assert_eq!((answer.kind(), answer.from()), (Some("result"), Some(of)), "{}", answer.show());
    answer.must("vCard", "vcard-temp").clone()
}

fn name(vcard: &Element) -> String {
    vcard.must("FN", "vcard-temp").text()
}

/// The content of `<photo/>`, `None` where nothing is said.
fn said(presence: &Element) -> Option<String> {
    assert!(presence.is("presence", ns::CLIENT), "{}", presence.show());
    let updates = presence.children().filter(|child| child.is("x", UPDATE)).count();
    assert!(updates <= 1, "{}", presence.show());
    Some(presence.child("x", UPDATE)?.must("photo", UPDATE).text())
}

async fn friends(s: &Server) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    befriend(&mut romeo, &mut juliet).await;
    (romeo, juliet)
}

/// XEP-0054 §3.1, §3.2: to no address and to the own bare JID; the newest replaces all of the one before.
async fn a_vcard_comes_back_as_it_was_set(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    must_set(&mut romeo, "<vCard xmlns='vcard-temp'>\n <FN>Romeo &amp; co</FN>\n <DESC>x</DESC>\n</vCard>")
        .await;
    let answer = romeo.request("get", None, EMPTY).await;
    assert_eq!(name(answer.must("vCard", "vcard-temp")), "Romeo & co");
    let answer = romeo.set(&me, "<vCard xmlns='vcard-temp'><FN>R</FN></vCard>").await;
    assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
    let vcard = get(&mut romeo, &me).await;
    assert_eq!((name(&vcard).as_str(), vcard.children().count()), ("R", 1));
}

/// The example of XEP-0054 §3.2.
async fn every_field_of_the_specification_is_taken(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    let fields = "<FN>Peter Saint-Andre</FN><N><FAMILY>Saint-Andre</FAMILY><GIVEN>Peter</GIVEN><MIDDLE/></N>\
         <NICKNAME>stpeter</NICKNAME><URL>http://www.xmpp.org/xsf/people/stpeter.shtml</URL><BDAY>1966-08-06</BDAY>\
         <ORG><ORGNAME>XMPP Standards Foundation</ORGNAME><ORGUNIT/></ORG><TITLE>Executive Director</TITLE>\
         <ROLE>Patron Saint</ROLE><TEL><WORK/><VOICE/><NUMBER>303-308-3282</NUMBER></TEL>\
         <TEL><WORK/><FAX/><NUMBER/></TEL><ADR><WORK/><EXTADD>Suite 600</EXTADD><STREET>1899 Wynkoop Street</STREET>\
         <LOCALITY>Denver</LOCALITY><REGION>CO</REGION><PCODE>80202</PCODE><CTRY>USA</CTRY></ADR>\
         <EMAIL><INTERNET/><PREF/><USERID>stpeter@jabber.org</USERID></EMAIL><JABBERID>stpeter@jabber.org</JABBERID>\
         <DESC>More information about me is located on my personal website: http://www.saint-andre.com/</DESC>";
    let vcard = format!("<vCard xmlns='vcard-temp' version='3.0'>{fields}</vCard>");
    must_set(&mut romeo, &vcard).await;
    assert_eq!(get(&mut romeo, &me).await, harness::element(&vcard));
}

/// XEP-0054 §3.1. Nothing but an empty one takes it away again.
async fn an_account_without_a_vcard(s: &Server) {
    let mut romeo = s.user().await;
    assert_eq!(romeo.request("get", None, EMPTY).await.condition(), "item-not-found");
    must_set(&mut romeo, &with_picture(ABC)).await;
    must_set(&mut romeo, EMPTY).await;
    assert_eq!(romeo.request("get", None, EMPTY).await.condition(), "item-not-found");
}

/// XEP-0054 §3.3: `<service-unavailable/>` for both, also for who shows presence.
async fn one_without_a_vcard_looks_like_one_who_does_not_exist(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    let stranger = s.account().jid;
    let mut errors = Vec::new();
    for to in [juliet.bare().to_owned(), stranger, "nobody@localhost".to_owned()] {
        let answer = romeo.get(&to, EMPTY).await;
        assert_eq!(answer.error(), ("cancel".into(), "service-unavailable".into()), "{to}");
        errors.push(answer.must("error", ns::CLIENT).clone());
    }
    assert!(errors.iter().all(|error| *error == errors[0]));
    juliet.nothing().await;
}

/// XEP-0054 §3.3, §6: world-readable, answered by the server, online or not.
async fn anybody_may_read_it_and_no_client_is_asked(s: &Server) {
    let account = s.account();
    let mut juliet = s.online(&account, "one").await;
    let mut romeo = s.user().await;
    must_set(&mut juliet, &with_picture(ABC)).await;
    assert_eq!(name(&get(&mut romeo, &account.jid).await), "Romeo");
    juliet.drain().await;
    juliet.nothing().await;
    juliet.close().await;
    let vcard = get(&mut romeo, &account.jid).await;
    assert_eq!(vcard.must("PHOTO", "vcard-temp").must("BINVAL", "vcard-temp").text(), ABC);
}

/// XEP-0191 §3.3: as if there were no account.
async fn one_who_is_blocked_sees_nobody(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let (me, to) = (romeo.bare().to_owned(), juliet.bare().to_owned());
    must_set(&mut juliet, &with_picture(ABC)).await;
    get(&mut romeo, &to).await;
    let block = format!("<block xmlns='{}'><item jid='{me}'/></block>", ns::BLOCKING);
    assert_eq!(juliet.request("set", None, &block).await.kind(), Some("result"));
    assert_eq!(romeo.get(&to, EMPTY).await.condition(), "service-unavailable");
    // The one who blocks does not ask either.
    assert_eq!(juliet.get(&me, EMPTY).await.condition(), "not-acceptable");
}

/// RFC 6121 §8.5.3: what a full address is asked is its client's to answer.
async fn a_client_answers_for_its_full_address(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    must_set(&mut juliet, &with_picture(ABC)).await;
    let to = juliet.jid().to_owned();
    let id = romeo.ask("get", Some(&to), EMPTY).await;
    juliet.find(|it| it.name() == "iq" && it.kind() == Some("get")).await.must("vCard", "vcard-temp");
    let answer = format!(
        "<iq to='{}' type='result' id='{id}'><vCard xmlns='vcard-temp'><FN>own</FN></vCard></iq>",
        romeo.jid()
    );
    juliet.send(answer).await;
    assert_eq!(name(romeo.iq().await.must("vCard", "vcard-temp")), "own");
}

/// XEP-0054 §3.2.
async fn nobody_sets_the_vcard_of_another(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.bare().to_owned();
    for to in [&*to, "nobody@localhost", "localhost"] {
        assert_eq!(
            romeo.set(to, &with_picture(ABC)).await.error(),
            ("auth".into(), "forbidden".into()),
            "{to}"
        );
    }
    assert_eq!(juliet.request("get", None, EMPTY).await.condition(), "item-not-found");
    juliet.nothing().await;
}

/// XEP-0153 §4.4; whitespace in it is ignored.
async fn a_picture_that_is_no_base64(s: &Server) {
    let mut romeo = s.user().await;
    must_set(&mut romeo, &with_picture("YW\n Jj")).await;
    let answer = set(&mut romeo, &with_picture("no base64!")).await;
    assert_eq!(answer.error(), ("modify".into(), "not-acceptable".into()));
    let kept = romeo.request("get", None, EMPTY).await;
    let photo = kept.must("vCard", "vcard-temp").must("PHOTO", "vcard-temp").clone();
    assert_eq!(photo.must("BINVAL", "vcard-temp").text(), "YW\n Jj");
}

/// XEP-0054 §4.
async fn server_and_account_say_that_they_can(s: &Server) {
    let mut romeo = s.user().await;
    let me = romeo.bare().to_owned();
    for to in ["localhost", &me] {
        let info = romeo.get(to, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
        let query = info.must("query", ns::DISCO_INFO);
        let said = query.children().filter(|it| it.attr("var") == Some("vcard-temp")).count();
        assert_eq!(said, 1, "{to}: {}", info.show());
    }
}

/// XEP-0153 §4.1 by the server, as XEP-0398 §4 has it; whoever asks later is told as well.
async fn the_server_says_the_hash_for_a_client_that_does_not(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut juliet = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    must_set(&mut romeo, &with_picture(ABC)).await;
    juliet.drain().await;
    romeo.send("<presence><show>away</show></presence>").await;
    assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
    // An empty element only says that the client knows of pictures.
    romeo.send(format!("<presence><x xmlns='{UPDATE}'/></presence>")).await;
    assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
    let mut other = s.online(&account, "two").await;
    assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
    other.drain().await;
    juliet.send(format!("<presence to='{}' type='probe'/>", account.jid)).await;
    assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
}

/// XEP-0398 §4: an empty `<photo/>` stays; a hash of the client's own may be true before the server knows.
async fn what_a_client_says_of_its_picture_stays(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    must_set(&mut romeo, &with_picture(ABC)).await;
    juliet.drain().await;
    for own in ["", "0123456789abcdef0123456789abcdef01234567"] {
        romeo.send(format!("<presence><x xmlns='{UPDATE}'><photo>{own}</photo></x></presence>")).await;
        assert_eq!(said(&juliet.presence().await).as_deref(), Some(own));
    }
    // Also when the picture changes: that client speaks for itself.
    must_set(&mut romeo, &with_picture("YWJjYWJj")).await;
    juliet.nothing().await;
    romeo.send("<presence type='unavailable'/>").await;
    assert_eq!(said(&juliet.presence().await), None);
}

async fn a_new_picture_is_told_to_contacts_that_are_there(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    let mut juliet = s.user().await;
    befriend(&mut romeo, &mut juliet).await;
    let mut other = s.online(&account, "two").await;
    romeo.drain().await;
    juliet.drain().await;
    must_set(&mut other, &with_picture(ABC)).await;
    for _ in 0..2 {
        assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
    }
    juliet.nothing().await;
    // The same picture again is no news.
    must_set(&mut other, &with_picture(ABC)).await;
    juliet.nothing().await;
    must_set(&mut other, "<vCard xmlns='vcard-temp'><FN>R</FN></vCard>").await;
    for _ in 0..2 {
        assert_eq!(said(&juliet.presence().await).as_deref(), Some(""));
    }
    juliet.nothing().await;
    let own = romeo.drain().await;
    assert_eq!(own.iter().filter(|it| it.name() == "presence").count(), 4, "own resources are told too");
}

/// XEP-0153 §4.1, XEP-0398 §4.
async fn directed_presence_says_the_hash_too(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    must_set(&mut romeo, &with_picture(ABC)).await;
    romeo.send(format!("<presence to='{}'/>", juliet.bare())).await;
    assert_eq!(said(&juliet.presence().await).as_deref(), Some(ABC_HASH));
}

async fn without_a_picture_nothing_is_added(s: &Server) {
    let (mut romeo, mut juliet) = friends(s).await;
    romeo.send("<presence/>").await;
    assert_eq!(said(&juliet.presence().await), None);
    must_set(&mut romeo, "<vCard xmlns='vcard-temp'><FN>R</FN><PHOTO><BINVAL/></PHOTO></vCard>").await;
    juliet.nothing().await;
    romeo.send("<presence/>").await;
    assert_eq!(said(&juliet.presence().await), None);
}

async fn it_survives_a_crash(s: &Server) {
    let own = s.fresh(&[]);
    let account = own.account();
    let mut romeo = own.online(&account, "one").await;
    must_set(&mut romeo, &with_picture(ABC)).await;
    own.kill();
    own.resume();
    let mut romeo = own.login(&account, "one").await;
    assert_eq!(name(&get(&mut romeo, &account.jid).await), "Romeo");
    romeo.send("<presence/>").await;
    assert_eq!(said(&romeo.presence().await).as_deref(), Some(ABC_HASH));
}

async fn it_goes_with_its_account(s: &Server) {
    let account = s.account();
    let mut romeo = s.online(&account, "one").await;
    must_set(&mut romeo, &with_picture(ABC)).await;
    drop(romeo);
    assert!(s.cli(&["user", "remove", &account.jid], "").status.success());
    let added = s.cli(&["user", "add", &account.jid, "--password", &account.password], "");
    assert!(added.status.success(), "{added:?}");
    let mut juliet = s.user().await;
    assert_eq!(juliet.get(&account.jid, EMPTY).await.condition(), "service-unavailable");
    let mut romeo = s.login(&account, "one").await;
    romeo.send("<presence/>").await;
    assert_eq!(said(&romeo.presence().await), None);
}

/// The answer says how much it may be.
async fn more_than_may_be_stored(s: &Server) {
    let mut romeo = s.user().await;
    let text = |answer: &Element| {
        assert_eq!(answer.condition(), "policy-violation");
        answer.must("error", ns::CLIENT).must("text", ns::STANZAS).text()
    };
    must_set(&mut romeo, &with_picture(&ABC.repeat(333))).await;
    let answer = set(&mut romeo, &with_picture(&ABC.repeat(334))).await;
    assert!(text(&answer).contains("1000 bytes"), "{}", answer.show());
    let large = format!("<vCard xmlns='vcard-temp'><DESC>{}</DESC></vCard>", "x".repeat(3000));
    let answer = set(&mut romeo, &large).await;
    assert!(text(&answer).contains("3000 bytes"), "{}", answer.show());
    assert_eq!(name(romeo.request("get", None, EMPTY).await.must("vCard", "vcard-temp")), "Romeo");
}
