//! References and line ends: from text as written to text as meant (XML 1.0 §2.11, §3.3.3, §4.1).

use std::borrow::Cow;

use crate::{Fault, names};

/// Where the text stands, which decides what whitespace means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An attribute's value: a literal tab or line end is a space.
    Attribute,
    /// Character data: a line end is one line feed.
    Content,
    /// A CDATA section: the same, and `&` is an ordinary character.
    CData,
}

/// Checks all references of a text: the five predefined entities and references to legal characters.
pub(crate) fn check_references(text: &str) -> Result<(), Fault> {
    for at in memchr::memchr_iter(b'&', text.as_bytes()) {
        reference(&text[at + 1..])?;
    }
    Ok(())
}

/// The character that a reference stands for, and the bytes it takes after its `&`, `;` included.
fn reference(after: &str) -> Result<(char, usize), Fault> {
    // Seven digits reach every character; the parsers behind us take no more than eight.
    const LONGEST: usize = 9;
    let window = &after.as_bytes()[..after.len().min(LONGEST + 1)];
    let Some(end) = memchr::memchr(b';', window) else {
        return Err(unfinished(window, LONGEST));
    };
    let name = &after[..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" => '\'',
        "quot" => '"',
        _ => match name.strip_prefix('#') {
            Some(number) => numbered(number).ok_or(Fault::NotWellFormed)?,
            None if names::is_ncname(name) => return Err(Fault::RestrictedXml),
            None => return Err(Fault::NotWellFormed),
        },
    };
    Ok((character, end + 1))
}

/// What is wrong with a reference that does not end within the longest of ours: an entity of a longer name is the
/// restricted feature, anything else is broken.
fn unfinished(window: &[u8], longest: usize) -> Fault {
    if window.len() > longest && window.iter().all(|&b| names::may_continue(b)) {
        Fault::RestrictedXml
    } else {
        Fault::NotWellFormed
    }
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) || digits.len() > 7 {
        return None;
    }
    let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    names::is_legal(character).then_some(character)
}

/// Whether [`resolve`] would give back the same text.
pub(crate) fn is_plain(raw: &str, place: Place) -> bool {
    !raw.bytes().any(|b| match place {
        Place::Attribute => matches!(b, b'&' | b'\t' | b'\n' | b'\r'),
        Place::Content => matches!(b, b'&' | b'\r'),
        Place::CData => b == b'\r',
    })
}

/// The text that was meant. It was checked before, so a broken reference cannot occur; it would be left as it is.
pub(crate) fn resolve(raw: &str, place: Place) -> Cow<'_, str> {
    if is_plain(raw, place) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '&' if place != Place::CData => match reference(rest) {
                Ok((character, used)) => {
                    out.push(character);
                    rest = &rest[used..];
                }
                Err(_) => out.push('&'),
            },
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push(if place == Place::Attribute { ' ' } else { '\n' });
            }
            '\t' | '\n' if place == Place::Attribute => out.push(' '),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        assert_eq!(resolve("a &amp;&lt;&gt;&apos;&quot; b", Place::Content), "a &<>'\" b");
        assert_eq!(resolve("&#65;&#x1F600;&#x0000041;&#10;", Place::Attribute), "A\u{1f600}A\n");
        assert_eq!(resolve("&amp;amp;", Place::Content), "&amp;");
        assert_eq!(resolve("&amp;\r", Place::CData), "&amp;\n");
        for broken in [
            "&",
            "&;",
            "&a b;",
            "&#;",
            "&#x;",
            "&#X41;",
            "&#+65;",
            "&#x+41;",
            "&#0;",
            "&#8;",
            "&#xD800;",
            "&#xFFFE;",
            "&#x110000;",
            "&#99999999999999999999;",
            "&#00000065;",
            "&#6 5;",
            "&amp",
            "&#65",
        ] {
            assert_eq!(check_references(broken), Err(Fault::NotWellFormed), "{broken}");
        }
        for entity in ["&nbsp;", "&lol9;", "&averyveryverylongname;", "&AMP;"] {
            assert_eq!(check_references(entity), Err(Fault::RestrictedXml), "{entity}");
        }
    }

    #[test]
    fn line_ends() {
        assert_eq!(resolve("a\r\nb\rc\nd\t", Place::Content), "a\nb\nc\nd\t");
        assert_eq!(resolve("a\r\nb\rc\nd\t&#9;", Place::Attribute), "a b c d \t");
    }
}
