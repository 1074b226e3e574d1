//! Asking an archive, and what it answers.

use harness::{Client, Server, StanzaExt, ns};
use minidom::Element;

pub const MAM: &str = "urn:xmpp:mam:2";
pub const RSM: &str = "http://jabber.org/protocol/rsm";
pub const DATA: &str = "jabber:x:data";

/// A result: its id, its stamp and the message.
pub struct Found {
    pub id: String,
    pub stamp: String,
    pub message: Element,
}

/// An answered query.
pub struct Page {
    pub found: Vec<Found>,
    pub fin: Element,
}

impl Page {
    pub fn bodies(&self) -> Vec<String> {
        self.found.iter().map(|it| it.message.body().unwrap_or_default()).collect()
    }

    pub fn ids(&self) -> Vec<String> {
        self.found.iter().map(|it| it.id.clone()).collect()
    }

    pub fn set(&self) -> &Element {
        self.fin.must("set", RSM)
    }

    pub fn is_complete(&self) -> bool {
        self.fin.attr("complete") == Some("true")
    }

    pub fn count(&self) -> Option<String> {
        self.set().child("count", RSM).map(Element::text)
    }
}

/// Asks, and reads what comes up to the answer; other messages are dropped.
pub async fn ask(client: &mut Client, inside: &str) -> Result<Page, Element> {
    let id = client.ask("set", None, &format!("<query xmlns='{MAM}' queryid='f27'>{inside}</query>")).await;
    let mut found = Vec::new();
    loop {
        let stanza = client.next().await;
        if stanza.name() == "iq" && stanza.id() == Some(&id) {
            if stanza.kind() == Some("error") {
                return Err(stanza);
            }
            let fin = stanza.must("fin", MAM).clone();
            let page = Page { found, fin };
            let ends = ["first", "last"].map(|name| page.set().child(name, RSM).map(Element::text));
            let mut ids = page.ids();
            if inside.contains("flip-page") {
                ids.reverse();
            }
            assert_eq!(ends, [ids.first().cloned(), ids.last().cloned()]);
            return Ok(page);
        }
        let Some(result) = stanza.child("result", MAM) else { continue };
        assert_eq!((stanza.from(), stanza.to()), (Some(client.bare()), Some(client.jid())));
        assert_eq!(result.attr("queryid"), Some("f27"));
        let forwarded = result.must("forwarded", ns::FORWARD);
        found.push(Found {
            id: result.id().expect("an id").to_owned(),
            stamp: forwarded.must("delay", ns::DELAY).attr("stamp").expect("a stamp").to_owned(),
            message: forwarded.must("message", ns::CLIENT).clone(),
        });
    }
}

pub async fn page(client: &mut Client, inside: &str) -> Page {
    ask(client, inside).await.unwrap_or_else(|error| panic!("{}", error.show()))
}

/// What it sent is stored, and whoever is there was sent it: an archive has everything that came before the query.
pub async fn settled(client: &mut Client) {
    page(client, &set("<max>0</max>")).await;
}

pub async fn everything(client: &mut Client) -> Page {
    client.drain().await;
    page(client, "").await
}

pub async fn refused(client: &mut Client, inside: &str) -> String {
    match ask(client, inside).await {
        Ok(page) => panic!("{inside}: {}", page.fin.show()),
        Err(error) => error.condition(),
    }
}

pub fn set(inside: &str) -> String {
    format!("<set xmlns='{RSM}'>{inside}</set>")
}

pub fn form(fields: &[(&str, &[&str])]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, values)| {
            let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
            format!("<field var='{var}'>{values}</field>")
        })
        .collect();
    format!(
        "<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>\
         {fields}</x>"
    )
}

pub fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Two who have sent each other numbered messages; what came of it is read.
pub async fn talked(s: &Server, count: u32) -> (Client, Client) {
    let (mut romeo, mut juliet) = s.pair().await;
    for n in 1..=count {
        let (from, to) = if n % 2 == 1 { (&mut romeo, &juliet) } else { (&mut juliet, &romeo) };
        let to = if n % 3 == 0 { to.jid().to_owned() } else { to.bare().to_owned() };
        from.say(&to, &n.to_string()).await;
        // So that both write in this order.
        settled(from).await;
    }
    romeo.drain().await;
    juliet.drain().await;
    (romeo, juliet)
}
