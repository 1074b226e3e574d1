//! What a client wants to hear of, and rooms.

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Server, StanzaExt, ns, scenes};

use crate::app_server::{app_server, count, enable, left_alone, notification, opened, published, summary};

scenes! {
    [crate::app_server::APP_SERVERS, "push.patience_seconds=1", "archive.policy=until-delivered"]:
        the_filters_of_a_client,
        a_room_wakes_who_sleeps,
        the_rooms_that_may_wake,
        what_only_a_session_has;
}

async fn the_filters_of_a_client(s: &Server) {
    let mut service = app_server(s, "mute").await;
    let (mut friend, mut muted, mut stranger) = (s.user().await, s.user().await, s.user().await);
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    for contact in [friend.bare(), muted.bare()] {
        let item = format!("<query xmlns='{}'><item jid='{contact}'/></query>", ns::ROSTER);
        assert_eq!(phone.request("set", None, &item).await.kind(), Some("result"));
    }
    let filters = format!(
        "<muted xmlns='tigase:push:filter:muted:0'><item jid='{}'/><item jid='@'/><item/></muted>\
         <ignore-unknown xmlns='tigase:push:filter:ignore-unknown:0'/>",
        muted.bare()
    );
    enable(&mut phone, &service, &filters).await;
    phone.close().await;
    for from in [&mut muted, &mut stranger] {
        from.say(&account.jid, "x").await;
        from.sync().await;
    }
    left_alone(s, &mut service).await;
    friend.say(&account.jid, "x").await;
    published(&mut service, "").await;
}

/// What somebody says in a room.
fn in_room(room: &str, nick: &str, to: &str, payload: &str) -> String {
    format!("<message from='{room}/{nick}' to='{to}' type='groupchat'>{payload}</message>")
}

/// In no log: whoever has it in its session is woken for it.
async fn a_room_wakes_who_sleeps(s: &Server) {
    let mut service = app_server(s, "groups").await;
    let mut room = app_server(s, "chat").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let key = [7u8; 16];
    let encrypt = format!(
        "<encrypt xmlns='tigase:push:encrypt:0' alg='aes-128-gcm'>{}</encrypt>\
         <ignore-unknown xmlns='tigase:push:filter:ignore-unknown:0'/>",
        STANDARD.encode(key)
    );
    enable(&mut phone, &service, &encrypt).await;
    let mut laptop = s.online(&account, "laptop").await;
    laptop.send("<presence to='coven@chat.localhost/other'/>").await;
    phone.drain().await;
    phone.enable().await;
    phone.send("<presence to='coven@chat.localhost/witch'/>").await;
    phone.sync().await;
    let to = phone.jid().to_owned();
    let say = |nick: &str, payload: &str| in_room("coven@chat.localhost", nick, &to, payload);
    // Who has it is not woken.
    room.send(say("hecate", "<body>1</body>")).await;
    phone.message().await;
    phone.acknowledge().await;
    left_alone(s, &mut service).await;
    let suspended = phone.drop_connection();
    // Not for a change of subject or a marker, what was said long ago, and what one said oneself.
    let old = "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>";
    let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
    for (nick, payload) in [
        ("hecate", "<subject>x</subject>"),
        ("hecate", marker),
        ("hecate", old),
        ("witch", "<body>x</body>"),
        ("other", "<body>x</body>"),
    ] {
        room.send(say(nick, payload)).await;
    }
    room.sync().await;
    left_alone(s, &mut service).await;
    room.send(say("hecate", "<body>2</body>")).await;
    let iq = published(&mut service, "").await;
    let content = opened(notification(&iq).must("encrypted", "tigase:push:encrypt:0"), &key);
    assert_eq!(
        content,
        serde_json::json!({
            "unread": 1, "type": "groupchat", "sender": "coven@chat.localhost", "nickname": "hecate", "message": "2"
        })
    );
    let Ok((mut phone, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    let bodies: Vec<String> = phone.drain().await.iter().filter_map(StanzaExt::body).collect();
    assert_eq!(bodies, ["x", "x", "x", "2"]);
    // Nor is one that seems connected and does not acknowledge left to sleep.
    phone.acknowledge().await;
    phone.stop_acknowledging();
    room.send(say("hecate", "<body>3</body>")).await;
    published(&mut service, "").await;
}

async fn the_rooms_that_may_wake(s: &Server) {
    let mut service = app_server(s, "filter").await;
    let mut room = app_server(s, "theatre").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    let rules = "<groupchat xmlns='tigase:push:filter:groupchat:0'>\
         <room jid='all@theatre.localhost' allow='always'/><room jid='some@theatre.localhost' allow='mentioned' nick='Juliet'/>\
         <room jid='none@theatre.localhost' allow='never'/><room jid='@' allow='always'/><room/></groupchat>";
    enable(&mut phone, &service, rules).await;
    phone.enable().await;
    let to = phone.jid().to_owned();
    let suspended = phone.drop_connection();
    for (name, body) in [("none", "Juliet"), ("unlisted", "Juliet"), ("some", "hello"), ("some", "Julietta")]
    {
        room.send(in_room(
            &format!("{name}@theatre.localhost"),
            "romeo",
            &to,
            &format!("<body>{body}</body>"),
        ))
        .await;
    }
    room.sync().await;
    left_alone(s, &mut service).await;
    room.send(in_room("some@theatre.localhost", "romeo", &to, "<body>are you there, juliet?</body>")).await;
    assert_eq!(summary(&published(&mut service, "").await), [count(1)]);
    room.send(in_room("all@theatre.localhost", "romeo", &to, "<body>hello</body>")).await;
    published(&mut service, "").await;
    drop(suspended);
}

/// Nothing that a person should see is passed over because no log keeps it.
async fn what_only_a_session_has(s: &Server) {
    let mut service = app_server(s, "held").await;
    let account = s.account();
    let mut phone = s.online(&account, "phone").await;
    enable(&mut phone, &service, "").await;
    phone.enable().await;
    let suspended = phone.drop_connection();
    let mut other = s.user().await;
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let passing = "<body>off the record</body><no-store xmlns='urn:xmpp:hints'/>";
    let news = "<body>news</body>";
    for kind in ["headline", "error"] {
        other.send(format!("<message to='{}/phone' type='{kind}'>{news}</message>", account.jid)).await;
    }
    other.sync().await;
    left_alone(s, &mut service).await;
    for payload in [typing, passing] {
        other.send(format!("<message to='{}' type='chat'>{payload}</message>", account.jid)).await;
    }
    assert_eq!(published(&mut service, "").await.from(), Some(&*account.jid));
    left_alone(s, &mut service).await;
    let Ok((mut phone, _)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    let bodies: Vec<String> = phone.drain().await.iter().filter_map(StanzaExt::body).collect();
    assert_eq!(bodies, ["news", "news", "off the record"]);
}
