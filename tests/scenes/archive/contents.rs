//! What is in an archive, and to whom it is sent.

use harness::{Server, StanzaExt, ns, scenes};

use crate::ask::{everything, page, settled};

scenes! {
    ["archive.policy=always"]:
        what_is_archived,
        what_is_not,
        results_come_before_the_answer_and_to_the_asker_only;
}

/// XEP-0313 §6.1.1, and what clients need to show the same history on every device.
const KEPT: &[&str] = &[
    "<body>x</body>",
    "<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
    "<received xmlns='urn:xmpp:receipts' id='1'/>",
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
    "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><store xmlns='urn:xmpp:hints'/>",
    "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><body>y</body>",
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
    "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
    "<composing xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>",
];

async fn what_is_archived(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    for kind in ["chat", "normal"] {
        for payload in KEPT {
            romeo.send(format!("<message to='{}' type='{kind}'>{payload}</message>", juliet.bare())).await;
        }
    }
    settled(&mut romeo).await;
    for client in [&mut romeo, &mut juliet] {
        let all = everything(client).await;
        assert_eq!(all.found.len(), KEPT.len() * 2);
        for (found, payload) in all.found.iter().zip(KEPT.iter().chain(KEPT)) {
            let text = found.message.show();
            let first = payload.split(['<', ' ', '>', '/']).nth(1).expect("a name");
            assert!(text.contains(&format!("<{first}")), "{payload}: {text}");
        }
    }
}

async fn what_is_not(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let to = juliet.jid().to_owned();
    for (kind, payload) in [
        ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        ("chat", "<gone xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>"),
        ("chat", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"),
        ("chat", "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>"),
        ("headline", "<body>x</body>"),
        ("groupchat", "<body>x</body>"),
        ("error", "<body>x</body><error type='cancel'/>"),
    ] {
        romeo.send(format!("<message to='{to}' type='{kind}'>{payload}</message>")).await;
    }
    settled(&mut romeo).await;
    for client in [&mut romeo, &mut juliet] {
        let all = everything(client).await;
        assert!(all.found.is_empty(), "{:?}", all.found[0].message.show());
    }
}

async fn results_come_before_the_answer_and_to_the_asker_only(s: &Server) {
    let account = s.account();
    let mut one = s.online(&account, "one").await;
    let mut two = s.online(&account, "two").await;
    one.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
    let mut romeo = s.user().await;
    romeo.say(two.jid(), "x").await;
    settled(&mut romeo).await;
    for client in [&mut one, &mut two] {
        client.drain().await;
    }
    assert_eq!(page(&mut two, "").await.bodies(), ["x"]);
    two.nothing().await;
    one.nothing().await;
}
