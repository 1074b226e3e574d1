//! What clients put into messages: the server passes it on as it is, copies it to the other devices, archives it and
//! keeps it for who is away; a typing notice it passes and copies only.

use harness::{Account, Client, Server, StanzaExt, element, ns, scenes};
use minidom::Element;

scenes! {
    ["archive.policy=always"]:
        receipts,
        markers,
        corrections_and_retractions,
        reactions_and_replies,
        encrypted_messages,
        calls,
        typing_notices_pass_and_leave_no_trace,
        a_typing_notice_with_more_is_a_message,
        a_sender_asks_that_nothing_is_kept;
    ["archive.policy=until-delivered"]: all_of_them_wait_without_an_archive;
}

const MAM: &str = "urn:xmpp:mam:2";

/// XEP-0184 §5: the request, and the receipt of either type, with and without a hint.
const RECEIPTS: &[(&str, &str)] = &[
    ("chat", "<body>x</body><request xmlns='urn:xmpp:receipts'/>"),
    ("chat", "<received xmlns='urn:xmpp:receipts' id='m1'/><store xmlns='urn:xmpp:hints'/>"),
    ("chat", "<received xmlns='urn:xmpp:receipts' id='m1'/>"),
    ("normal", "<received xmlns='urn:xmpp:receipts' id='m1'/>"),
];

/// XEP-0333 §4.
const MARKERS: &[(&str, &str)] = &[
    ("chat", "<body>x</body><markable xmlns='urn:xmpp:chat-markers:0'/>"),
    ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/><store xmlns='urn:xmpp:hints'/>"),
    ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/><thread>t</thread>"),
    ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"),
    ("normal", "<received xmlns='urn:xmpp:chat-markers:0' id='m1'/>"),
];

/// XEP-0308 §4; XEP-0424 §3, also without its fallback.
const EDITS: &[(&str, &str)] = &[
    ("chat", "<body>y</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"),
    (
        "chat",
        "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>\
         <body>/me retracted a previous message</body><store xmlns='urn:xmpp:hints'/>",
    ),
    ("chat", "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>"),
];

/// XEP-0444 §3, one that takes all reactions back too; XEP-0461 §3 with XEP-0428's ranges.
const ANSWERS: &[(&str, &str)] = &[
    (
        "chat",
        "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>👋</reaction><reaction>🐢</reaction></reactions>\
         <store xmlns='urn:xmpp:hints'/>",
    ),
    ("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='m1'/>"),
    (
        "chat",
        "<body>&gt; Anna wrote:\n&gt; Hi\nGreat</body><reply xmlns='urn:xmpp:reply:0' to='anna@example.com' id='m1'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='20'/></fallback>",
    ),
];

/// XEP-0384 §5 with XEP-0380 and a fallback, the older OMEMO, and a key transport without a text.
const ENCRYPTED: &[(&str, &str)] = &[
    (
        "chat",
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='27183'><keys jid='a@b'><key rid='31415'>b64</key></keys>\
         </header><payload>YWI=</payload></encrypted><store xmlns='urn:xmpp:hints'/>\
         <encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='urn:xmpp:omemo:2'/><body>I am encrypted</body>",
    ),
    (
        "chat",
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>b64</key><iv>aXY=</iv></header>\
         <payload>YWI=</payload></encrypted>\
         <encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>",
    ),
    (
        "chat",
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='27183'><keys jid='a@b'><key rid='31415' kex='true'>b64</key>\
         </keys></header></encrypted><store xmlns='urn:xmpp:hints'/>",
    ),
];

/// XEP-0353 §3.
const CALLS: &[(&str, &str)] = &[
    (
        "chat",
        "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'>\
         <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><store xmlns='urn:xmpp:hints'/>",
    ),
    ("chat", "<ringing xmlns='urn:xmpp:jingle-message:0' id='c1'/><store xmlns='urn:xmpp:hints'/>"),
    ("chat", "<proceed xmlns='urn:xmpp:jingle-message:0' id='c1'/><store xmlns='urn:xmpp:hints'/>"),
    (
        "chat",
        "<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><busy/></reason></reject>\
         <store xmlns='urn:xmpp:hints'/>",
    ),
    (
        "chat",
        "<retract xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><cancel/></reason></retract>\
         <store xmlns='urn:xmpp:hints'/>",
    ),
    (
        "chat",
        "<finish xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><success/></reason></finish>\
         <store xmlns='urn:xmpp:hints'/>",
    ),
];

/// XEP-0085 §5.1, as clients write it: with a thread, an id of their own, or the hint that nobody needs.
const TYPING: &[&str] = &[
    "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    "<paused xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>",
    "<active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/>",
    "<gone xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>",
];

/// Two people with two devices each, which see what the other device does; and one who is away.
struct Cast {
    orchard: Client,
    garden: Client,
    balcony: Client,
    chamber: Client,
    away: Account,
}

impl Cast {
    async fn new(s: &Server) -> Cast {
        let (romeo, juliet) = (s.account(), s.account());
        let mut cast = Cast {
            orchard: s.online(&romeo, "orchard").await,
            garden: s.online(&romeo, "garden").await,
            balcony: s.online(&juliet, "balcony").await,
            chamber: s.online(&juliet, "chamber").await,
            away: s.account(),
        };
        for client in [&mut cast.garden, &mut cast.chamber] {
            client.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
        }
        for client in [&mut cast.orchard, &mut cast.garden, &mut cast.balcony, &mut cast.chamber] {
            client.drain().await;
        }
        cast
    }
}

fn message(to: &str, kind: &str, id: &str, payload: &str) -> String {
    format!("<message to='{to}' type='{kind}' id='{id}'>{payload}</message>")
}

/// The children that its sender wrote: what servers add is left out.
fn payload(message: &Element) -> Vec<Element> {
    let added = |it: &&Element| !it.is("stanza-id", ns::STANZA_ID) && !it.is("delay", ns::DELAY);
    message.children().filter(added).cloned().collect()
}

fn sent(text: &str) -> Vec<Element> {
    element(&message("a@b", "chat", "x", text).replacen("<message", "<message xmlns='jabber:client'", 1))
        .children()
        .cloned()
        .collect()
}

/// The forwarded message in a carbon.
fn copied(carbon: &Element, direction: &str) -> Element {
    carbon.must(direction, ns::CARBONS).must("forwarded", ns::FORWARD).must("message", ns::CLIENT).clone()
}

/// The messages in the archive.
async fn archive(client: &mut Client) -> Vec<Element> {
    let id = client.ask("set", None, &format!("<query xmlns='{MAM}'/>")).await;
    let mut messages = Vec::new();
    loop {
        let stanza = client.find(|it| it.child("result", MAM).is_some() || it.id() == Some(&id)).await;
        let Some(result) = stanza.child("result", MAM) else {
            assert_eq!(stanza.kind(), Some("result"), "{}", stanza.show());
            return messages;
        };
        messages.push(result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT).clone());
    }
}

async fn next_message(client: &mut Client) -> Element {
    client.find(|it| it.name() == "message").await
}

/// All of them, one after the other, to a device, and to somebody who is away, by a bare and a full JID.
async fn pass(s: &Server, payloads: &[(&str, &str)]) {
    let mut cast = Cast::new(s).await;
    let (to, away) = (cast.balcony.jid().to_owned(), cast.away.jid.clone());
    for (number, (kind, text)) in payloads.iter().enumerate() {
        let id = format!("p{number}");
        cast.orchard.send(message(&to, kind, &id, text)).await;
        let got = next_message(&mut cast.balcony).await;
        assert_eq!((got.id(), got.kind().unwrap_or("normal")), (Some(&*id), *kind), "{}", got.show());
        assert_eq!(payload(&got), sent(text), "{}", got.show());
        for (client, direction) in [(&mut cast.garden, "sent"), (&mut cast.chamber, "received")] {
            let carbon = next_message(client).await;
            assert_eq!(payload(&copied(&carbon, direction)), sent(text), "{}", carbon.show());
        }
    }
    let expected: Vec<_> = payloads.iter().map(|(_, text)| sent(text)).collect();
    let all = |messages: Vec<Element>| messages.iter().map(payload).collect::<Vec<_>>();
    for client in [&mut cast.orchard, &mut cast.garden, &mut cast.chamber] {
        assert_eq!(all(archive(client).await), expected);
    }
    for to in [away.clone(), format!("{away}/gone")] {
        for (kind, text) in payloads {
            cast.orchard.send(message(&to, kind, "late", text)).await;
        }
    }
    cast.orchard.nothing().await;
    let twice = [expected.clone(), expected].concat();
    let mut back = s.login(&cast.away, "back").await;
    back.available(0).await;
    let late = messages(&mut back).await;
    assert!(late.iter().all(|it| it.child("delay", ns::DELAY).is_some()));
    assert_eq!(all(late), twice);
    assert_eq!(all(archive(&mut back).await), twice);
}

/// The messages that came so far.
async fn messages(client: &mut Client) -> Vec<Element> {
    client.drain().await.into_iter().filter(|it| it.name() == "message").collect()
}

async fn receipts(s: &Server) {
    pass(s, RECEIPTS).await;
}

async fn markers(s: &Server) {
    pass(s, MARKERS).await;
}

async fn corrections_and_retractions(s: &Server) {
    pass(s, EDITS).await;
}

async fn reactions_and_replies(s: &Server) {
    pass(s, ANSWERS).await;
}

async fn encrypted_messages(s: &Server) {
    pass(s, ENCRYPTED).await;
}

async fn calls(s: &Server) {
    pass(s, CALLS).await;
    // §3.3: the one that takes the call tells the own other devices.
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let mut desk = s.online(&account, "desk").await;
    phone.drain().await;
    let accept = "<accept xmlns='urn:xmpp:jingle-message:0' id='c1'/><store xmlns='urn:xmpp:hints'/>";
    phone.send(message(&account.jid, "chat", "a1", accept)).await;
    assert_eq!(payload(&next_message(&mut desk).await), sent(accept));
    let kept = archive(&mut desk).await;
    assert_eq!(kept.iter().map(payload).collect::<Vec<_>>(), [sent(accept)], "once");
}

async fn typing_notices_pass_and_leave_no_trace(s: &Server) {
    let mut cast = Cast::new(s).await;
    let (to, away) = (cast.balcony.jid().to_owned(), cast.away.jid.clone());
    for kind in ["chat", "normal"] {
        for text in TYPING {
            cast.orchard.send(message(&to, kind, "t", text)).await;
            assert_eq!(payload(&next_message(&mut cast.balcony).await), sent(text));
            for (client, direction) in [(&mut cast.garden, "sent"), (&mut cast.chamber, "received")] {
                assert_eq!(payload(&copied(&next_message(client).await, direction)), sent(text));
            }
        }
    }
    for text in TYPING {
        cast.orchard.send(message(&away, "chat", "t", text)).await;
    }
    cast.orchard.nothing().await;
    assert!(archive(&mut cast.orchard).await.is_empty());
    assert!(archive(&mut cast.chamber).await.is_empty());
    let mut back = s.login(&cast.away, "back").await;
    back.available(0).await;
    assert!(messages(&mut back).await.is_empty());
    assert!(archive(&mut back).await.is_empty());
}

async fn a_typing_notice_with_more_is_a_message(s: &Server) {
    let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
    let with = |more: &str| format!("{more}{state}");
    let all = [
        with("<body>x</body>"),
        with("<received xmlns='urn:xmpp:receipts' id='m1'/>"),
        with("<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"),
        with("<encrypted xmlns='urn:xmpp:omemo:2'/>"),
        with("<store xmlns='urn:xmpp:hints'/>"),
    ];
    let mut romeo = s.user().await;
    let away = s.account();
    for text in &all {
        romeo.send(message(&away.jid, "chat", "m", text)).await;
    }
    assert_eq!(archive(&mut romeo).await.len(), all.len());
    let mut back = s.login(&away, "back").await;
    back.available(0).await;
    let got: Vec<_> = messages(&mut back).await.iter().map(payload).collect();
    assert_eq!(got, all.iter().map(|text| sent(text)).collect::<Vec<_>>());
}

/// XEP-0334 §4: hints win over what is in the message.
async fn a_sender_asks_that_nothing_is_kept(s: &Server) {
    let mut cast = Cast::new(s).await;
    let (to, away) = (cast.balcony.jid().to_owned(), cast.away.jid.clone());
    let text = "<body>x</body><received xmlns='urn:xmpp:receipts' id='m1'/>\
                <no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/>";
    cast.orchard.send(message(&to, "chat", "n", text)).await;
    assert_eq!(payload(&next_message(&mut cast.balcony).await), sent(text));
    for client in [&mut cast.garden, &mut cast.chamber] {
        client.nothing().await;
        assert!(archive(client).await.is_empty());
    }
    cast.orchard.send(message(&away, "chat", "n", text)).await;
    // Not in silence: nobody has it and nobody will.
    assert_eq!(next_message(&mut cast.orchard).await.condition(), "service-unavailable");
    let mut back = s.login(&cast.away, "back").await;
    back.available(0).await;
    assert!(messages(&mut back).await.is_empty());
}

async fn all_of_them_wait_without_an_archive(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    let all = [RECEIPTS, MARKERS, EDITS, ANSWERS, ENCRYPTED, CALLS].concat();
    for (number, (kind, text)) in all.iter().enumerate() {
        romeo.send(message(&away.jid, kind, &format!("p{number}"), text)).await;
        romeo.send(message(&away.jid, "chat", "t", TYPING[number % TYPING.len()])).await;
    }
    romeo.nothing().await;
    let mut back = s.login(&away, "back").await;
    back.available(0).await;
    let got: Vec<_> = messages(&mut back).await.iter().map(payload).collect();
    assert_eq!(got, all.iter().map(|(_, text)| sent(text)).collect::<Vec<_>>());
}
