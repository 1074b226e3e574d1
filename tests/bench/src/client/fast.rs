//! Coming back in one round trip: a token (XEP-0484) and the resumption (XEP-0198) in one `<authenticate/>`
//! (XEP-0388), which is sent behind the stream header without waiting.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Client, Target, user};
use crate::scram::Scram;
use crate::wire;
use crate::{DOMAIN, Fault};

const MECHANISM: &str = "HT-SHA-256-EXPR";
const SASL2: &str = "urn:xmpp:sasl:2";
const FAST: &str = "urn:xmpp:fast:0";

/// What a client keeps to come back with.
#[derive(Clone)]
pub struct Ticket {
    number: usize,
    token: String,
    session: String,
}

/// A session whose connection has gone.
pub struct Lost {
    ticket: Ticket,
    received: u32,
}

fn agent(number: usize) -> String {
    format!("<user-agent id='d4565fa7-4d72-4749-b3d3-{number:012x}'><software>Bench</software></user-agent>")
}

impl Client {
    /// Logs in with the password, asks for a token and becomes available; the session may be resumed.
    pub async fn obtain(target: &Target, number: usize) -> Result<(Client, Ticket), Fault> {
        let mut client = Client::connect(target).await?;
        let scram = Scram::new(&user(number));
        let authenticate = format!(
            "<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-1'><initial-response>{}</initial-response>{}\
             <request-token xmlns='{FAST}' mechanism='{MECHANISM}'/><bind xmlns='urn:xmpp:bind:0'>\
             <enable xmlns='urn:xmpp:sm:3' resume='true'/></bind></authenticate>",
            scram.first(),
            agent(number)
        );
        let challenge = client.ask(&authenticate, "<challenge").await?;
        let last = scram.last(wire::text(challenge.as_bytes()).unwrap_or(""))?;
        let response = format!("<response xmlns='{SASL2}'>{last}</response>");
        let success = client.ask(&response, "<success").await?;
        let within = |element: &str, name| {
            let rest = success.find(element).and_then(|at| success.get(at..));
            let value = rest.and_then(|rest| wire::attribute(rest.as_bytes(), name));
            value.map(str::to_owned).ok_or_else(|| Fault::new(format!("no {element} in {success}")))
        };
        let ticket = Ticket { number, token: within("<token", "token")?, session: within("<enabled", "id")? };
        client.received = 0;
        client.appear().await?;
        // The roster's answer and the client's own presence, which `ask` does not count.
        client.received = 2;
        Ok((client, ticket))
    }

    /// The connection goes without a word.
    pub fn lose(self, ticket: Ticket) -> Lost {
        Lost { ticket, received: self.received }
    }

    /// Logs in with the token and resumes the session.
    pub async fn resume(target: &Target, lost: &Lost) -> Result<Client, Fault> {
        let Lost { ticket: Ticket { number, token, session }, received } = lost;
        let mut client = Client::over(target.connect().await?);
        let (_, connection) = client.socket.get_ref();
        let exported = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))?;
        // HMAC takes keys of any length.
        #[allow(clippy::expect_used)]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(token.as_bytes()).expect("a key");
        mac.update(b"Initiator");
        mac.update(&exported);
        let name = user(*number);
        let initial = [name.as_bytes(), b"\0", &mac.finalize().into_bytes()].concat();
        let request = format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' from='{name}@{DOMAIN}' version='1.0' \
             xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
             <authenticate xmlns='{SASL2}' mechanism='{MECHANISM}'><initial-response>{}</initial-response>{}\
             <fast xmlns='{FAST}'/><resume xmlns='urn:xmpp:sm:3' previd='{session}' h='{received}'/></authenticate>",
            STANDARD.encode(initial),
            agent(*number)
        );
        let success = client.ask(&request, "<success").await?;
        match success.contains("<resumed") {
            true => Ok(client),
            false => Err(Fault::new(format!("not resumed: {success}"))),
        }
    }
}
