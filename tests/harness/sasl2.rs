//! The extensible SASL profile (XEP-0388) on the client's side.

use base64::{Engine, engine::general_purpose::STANDARD};
use minidom::Element;

use crate::{
    Account, Binding, Hash, Scram, Server, StanzaExt, Stream, ns,
    stream::{decoded, failure},
};

/// `<authenticate/>` with an initial response, and `more` within it.
pub fn authenticate(mechanism: &str, initial: impl AsRef<[u8]>, more: &str) -> String {
    format!(
        "<authenticate xmlns='{}' mechanism='{mechanism}'><initial-response>{}</initial-response>{more}</authenticate>",
        ns::SASL2,
        STANDARD.encode(initial)
    )
}

/// `<user-agent/>` of the client with this id.
pub fn agent(id: &str) -> String {
    format!("<user-agent id='{id}'><software>Scenes</software><device>A test's phone</device></user-agent>")
}

impl Stream {
    /// SCRAM by SASL2, with `more` within `<authenticate/>`; returns `<success/>` or `<continue/>`, what follows is
    /// not read. On failure the condition.
    pub async fn sasl2(&mut self, mechanism: &str, mut scram: Scram, more: &str) -> Result<Element, String> {
        self.send(authenticate(mechanism, scram.first(), more)).await;
        let challenge = self.child().await;
        if challenge.is("failure", ns::SASL2) {
            return Err(failure(&challenge));
        }
        assert!(challenge.is("challenge", ns::SASL2), "no challenge: {}", challenge.show());
        let response = scram.last(&decoded(&challenge));
        self.send(format!("<response xmlns='{}'>{}</response>", ns::SASL2, STANDARD.encode(response))).await;
        let outcome = self.child().await;
        if outcome.is("failure", ns::SASL2) {
            return Err(failure(&outcome));
        }
        let proof = decoded(outcome.must("additional-data", ns::SASL2));
        assert!(scram.verify(&proof), "the server's signature is wrong");
        Ok(outcome)
    }

    /// Logs in by SASL2 with SCRAM-SHA-256 on a direct TLS stream; returns `<success/>`.
    pub async fn sasl2_login(server: &Server, account: &Account, more: &str) -> (Stream, Element) {
        let mut stream = Stream::direct(server).await;
        stream.open().await;
        let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &Binding::No);
        match stream.sasl2("SCRAM-SHA-256", scram, more).await {
            Ok(success) => {
                assert!(success.is("success", ns::SASL2), "{}", success.show());
                (stream, success)
            }
            Err(condition) => panic!("login of {}: {condition}", account.jid),
        }
    }

    /// Sends what must be refused; returns the `<failure/>`.
    pub async fn sasl2_refused(&mut self, authenticate: impl AsRef<[u8]>) -> Element {
        self.send(authenticate).await;
        let answer = self.child().await;
        assert!(answer.is("failure", ns::SASL2), "{}", answer.show());
        answer
    }
}

/// The name of the account in `<authorization-identifier/>`.
pub fn identifier(success: &Element) -> String {
    success.must("authorization-identifier", ns::SASL2).text()
}

/// What a client sends to log in with a token (draft-schmaus-kitten-sasl-ht-09 §3.1).
pub fn hashed_token(user: &str, token: &str, binding: &Binding) -> Vec<u8> {
    let data = [b"Initiator", channel(binding)].concat();
    [user.as_bytes(), b"\0", &Hash::Sha256.hmac(token.as_bytes(), &data)].concat()
}

/// What the server must answer to that.
pub fn token_proof(token: &str, binding: &Binding) -> String {
    STANDARD.encode(Hash::Sha256.hmac(token.as_bytes(), &[b"Responder", channel(binding)].concat()))
}

fn channel(binding: &Binding) -> &[u8] {
    match binding {
        Binding::Bound(_, data) => data,
        Binding::No | Binding::Unoffered => b"",
    }
}
