//! What outlives a session, a crash and an account.

use harness::{Account, Client, Server, StanzaExt, ns, scenes};
use minidom::Element;

use crate::ask::{everything, numbers, page, set, settled};

scenes! {
    ["archive.policy=always"]:
        an_archive_survives_a_crash,
        a_removed_account_leaves_no_archive,
        three_devices_end_with_the_same;
}

async fn an_archive_survives_a_crash(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&romeo, "one").await;
    client.enable().await;
    for n in 1..=5 {
        client.say(&juliet.jid, &n.to_string()).await;
    }
    client.acknowledged().await;
    let before = page(&mut client, "").await;
    assert_eq!(before.bodies(), numbers(1..=5));
    own.kill();
    own.resume();
    let mut client = own.online(&romeo, "one").await;
    client.say(&juliet.jid, "6").await;
    let after = everything(&mut client).await;
    assert_eq!(after.bodies(), numbers(1..=6));
    assert_eq!(after.ids()[..5], before.ids());
}

async fn a_removed_account_leaves_no_archive(s: &Server) {
    let own = s.fresh(&["archive.policy=always"]);
    let (romeo, juliet) = (own.account(), own.account());
    let mut client = own.online(&romeo, "one").await;
    client.say(&juliet.jid, "x").await;
    assert_eq!(everything(&mut client).await.bodies(), ["x"]);
    assert!(own.cli(&["user", "remove", &romeo.jid], "").status.success());
    let password = format!("{}\n", romeo.password);
    assert!(own.cli(&["user", "add", "--stdin", &romeo.jid], &password).status.success());
    let mut again = own.online(&romeo, "one").await;
    let all = everything(&mut again).await;
    assert!(all.found.is_empty());
    assert_eq!(all.count().as_deref(), Some("0"));
    // The other side keeps its own.
    let mut other = own.login(&juliet, "one").await;
    assert_eq!(everything(&mut other).await.bodies(), ["x"]);
}

/// A device as a client keeps it: what it has seen, by id, and what was read up to where.
#[derive(Default)]
struct Device {
    last: Option<String>,
    seen: Vec<(String, String)>,
    displayed: Option<String>,
}

impl Device {
    /// Catches up from the last id that it knows, page by page.
    async fn catch_up(&mut self, client: &mut Client) {
        loop {
            let after = self.last.as_ref().map(|id| format!("<after>{id}</after>")).unwrap_or_default();
            let page = page(client, &set(&format!("<max>4</max>{after}"))).await;
            for found in &page.found {
                self.take(&found.id, &found.message);
            }
            if page.is_complete() {
                return;
            }
        }
    }

    fn take(&mut self, id: &str, message: &Element) {
        self.last = Some(id.to_owned());
        if self.seen.iter().any(|(known, _)| known == id) {
            return;
        }
        let marker = message.child("displayed", "urn:xmpp:chat-markers:0");
        if let Some(marker) = marker {
            self.displayed = marker.id().map(str::to_owned);
        }
        self.seen.push((id.to_owned(), message.body().unwrap_or_default()));
    }
}

/// Two online, one offline for a day: all three end with the same archive and the same unread state.
async fn three_devices_end_with_the_same(s: &Server) {
    let account: Account = s.account();
    let mut romeo = s.user().await;
    let names = ["phone", "laptop", "tablet"];
    let mut devices = [const { None::<Client> }; 3];
    for (device, name) in devices.iter_mut().zip(names) {
        let mut client = s.online(&account, name).await;
        client.request("set", None, &format!("<enable xmlns='{}'/>", ns::CARBONS)).await;
        *device = Some(client);
    }
    let [Some(mut phone), Some(mut laptop), Some(mut tablet)] = devices else { unreachable!() };
    let mut states = [Device::default(), Device::default(), Device::default()];

    // All three are there.
    romeo.send(format!("<message to='{}' type='chat' id='r1'><body>r1</body></message>", account.jid)).await;
    settled(&mut romeo).await;
    for (client, state) in [&mut phone, &mut laptop, &mut tablet].into_iter().zip(&mut states) {
        let message = client.find(|it| it.body().as_deref() == Some("r1")).await;
        state.take(message.must("stanza-id", ns::STANZA_ID).id().expect("an id"), &message);
    }
    tablet.close().await;

    // The day: they write, one reads on the phone, the laptop answers.
    for n in 2..=6 {
        let to = if n % 2 == 0 { phone.bare() } else { phone.jid() }.to_owned();
        romeo.send(format!("<message to='{to}' type='chat' id='r{n}'><body>r{n}</body></message>")).await;
    }
    settled(&mut romeo).await;
    laptop.say(romeo.bare(), "l1").await;
    settled(&mut laptop).await;
    let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='r4'/>";
    phone.send(format!("<message to='{}' type='chat'>{marker}</message>", romeo.jid())).await;
    settled(&mut phone).await;
    romeo.say(phone.bare(), "r7").await;
    settled(&mut romeo).await;
    for client in [&mut phone, &mut laptop] {
        client.drain().await;
    }

    // It comes back: nothing waits for it that another has read, the archive has it all.
    let mut tablet = s.login(&account, "tablet").await;
    states[2].catch_up(&mut tablet).await;
    tablet.available(0).await;
    assert!(tablet.bodies().await.is_empty());
    for (client, state) in [&mut phone, &mut laptop].into_iter().zip(&mut states) {
        state.catch_up(client).await;
    }
    let bodies: Vec<&str> = states[2].seen.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(bodies, ["r1", "r2", "r3", "r4", "r5", "r6", "l1", "", "r7"]);
    for state in &states {
        assert_eq!(state.seen, states[2].seen);
        assert_eq!(state.displayed.as_deref(), Some("r4"));
    }
}
