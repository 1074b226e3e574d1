//! Addresses.

use super::Target;
use crate::mutate::Random;

pub const JID: Target = Target { name: "jid", corpus: JIDS, pieces: PIECES, check: jid };

/// No panic, and what was prepared twice is final. Once is not enough: nodeprep (RFC 3920 Appendix A) folds case before
/// it normalises, and U+1F11A normalises to a capital letter in parentheses.
fn jid(input: &[u8], _: &mut Random) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(()) };
    let Ok(once) = jid::Jid::new(text) else { return Ok(()) };
    let Ok(twice) = jid::Jid::new(once.as_str()) else { return Ok(()) };
    match jid::Jid::new(twice.as_str()) {
        Ok(thrice) if thrice == twice => Ok(()),
        other => Err(format!("{once:?} becomes {twice:?} becomes {other:?}")),
    }
}

const JIDS: &[&[u8]] = &[
    b"juliet@example.com/balcony",
    b"example.com",
    b"a.b@[::1]/x/y@z",
    b"fu\xc3\x9fball@xn--bcher-kva.example",
    b"\xe1\xbf\xac@example.com/\xef\xbc\xa1",
];

const PIECES: &[&str] = &[
    "@", "/", ".", "[", "]", ":", "xn--", "\u{3002}", "\u{130}", "\u{df}", "\u{fb01}", "\u{200d}", " ", "A",
];
