//! What a damaged database hands back.

use waxwing_sasl::Keys;
use waxwing_stanza::Stanza;

use super::Target;
use crate::mutate::Random;

pub const STORED: Target = Target { name: "stored", corpus: STANZAS, pieces: PIECES, check: stored };

/// An entry of the log is a stanza or it is none; what is one can be shown, and is stored as one that is shown the same.
/// An account's keys are what was written or an error.
fn stored(input: &[u8], _: &mut Random) -> Result<(), String> {
    if let Ok(keys) = Keys::from_bytes(input)
        && keys.to_bytes() != input
    {
        return Err("keys are written otherwise than they were read".to_owned());
    }
    let Some(stanza) = Stanza::restore(input) else { return Ok(()) };
    let shown = written(&stanza);
    let again = Stanza::restore(&stanza.stored()).ok_or("what was stored again cannot be read")?;
    if again.kind != stanza.kind || written(&again) != shown {
        let (shown, again) = (String::from_utf8_lossy(&shown).into_owned(), written(&again));
        return Err(format!("{shown} becomes {}", String::from_utf8_lossy(&again)));
    }
    Ok(())
}

fn written(stanza: &Stanza) -> Vec<u8> {
    let mut out = Vec::new();
    stanza.write(&mut out, None, |_| {});
    out
}

const STANZAS: &[&[u8]] = &[
    b"<message from='romeo@example.net/orchard' to='juliet@example.com' type='chat' id='m1'><body>Art thou &lt; not?</body></message>",
    b"<message from='a@b' to='c@d' xml:lang='de'><body>x</body><delay xmlns='urn:xmpp:delay' from='d' stamp='2026-01-01T00:00:00Z'/></message>",
    b"<message type='normal'><x xmlns='urn:example:x' a='1'>y<z xmlns='urn:example:z'/></x></message>",
    b"<presence from='a@b/c' type='unavailable'><status>gone</status></presence>",
    b"<iq type='get' id='1' from='a@b/c' to='d'><query xmlns='q'/></iq>",
];

const PIECES: &[&str] = &[
    " xmlns='jabber:client'",
    " xmlns='jabber:server'",
    " from=''",
    " to='@'",
    " type='x'",
    "</message>",
    "<message",
    "&#0;",
    "&amp;",
    "<!--",
    "]]>",
    "\0",
    "xmlns:p='u'",
    "<p:x/>",
    "'",
    ">",
];
