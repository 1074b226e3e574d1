//! Which characters XML allows where (XML 1.0 §2.2, §2.3; Namespaces in XML 1.0 §3).

/// The whitespace of XML 1.0 §2.3, which is less than Unicode's or Rust's.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a name may go on with this byte, as far as one byte can tell; `:` included.
pub(crate) fn may_continue(byte: u8) -> bool {
    byte >= 0x80 || byte == b':' || ascii_continue(byte)
}

/// Whether a name may start with this byte, as far as one byte can tell.
pub(crate) fn may_start(byte: u8) -> bool {
    byte >= 0x80 || ascii_start(byte)
}

fn ascii_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn ascii_continue(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Where the local part of a qualified name starts: 0 without a prefix. None if it is no qualified name.
pub(crate) fn local_part(name: &str) -> Option<usize> {
    match name.bytes().position(|b| b == b':') {
        None => is_ncname(name).then_some(0),
        Some(colon) => {
            let (prefix, local) = (&name[..colon], &name[colon + 1..]);
            (is_ncname(prefix) && is_ncname(local)).then_some(colon + 1)
        }
    }
}

/// Whether this is a name without a colon.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

fn starts_name(c: char) -> bool {
    if c.is_ascii() {
        return ascii_start(c as u8);
    }
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn continues_name(c: char) -> bool {
    if c.is_ascii() {
        return ascii_continue(c as u8);
    }
    starts_name(c) || matches!(c, '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether a character may stand in a document, written out or as a reference (XML 1.0 §2.2).
pub(crate) fn is_legal(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        _ => c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    }
}

/// Whether all characters may stand in a document; the same as `text.chars().all(is_legal)`, without decoding.
pub(crate) fn all_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Without an early exit, so that the compiler makes vector code of it.
    let control =
        bytes.iter().fold(false, |bad, &b| bad | ((b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r')));
    let noncharacter = || {
        memchr::memchr_iter(0xef, bytes).any(|i| matches!(bytes.get(i + 1..i + 3), Some([0xbf, 0xbe | 0xbf])))
    };
    !control && !noncharacter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_legality_is_that_of_each_character() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}b");
            assert_eq!(all_legal(&text), is_legal(c), "U+{:04x}", c as u32);
        }
    }

    #[test]
    fn qualified_names() {
        assert_eq!(local_part("message"), Some(0));
        assert_eq!(local_part("stream:error"), Some(7));
        assert_eq!(local_part("é"), Some(0));
        for bad in [
            "",
            ":",
            ":a",
            "a:",
            "a:b:c",
            "1a",
            "a:1",
            "-a",
            ".a",
            "a:-b",
            "a b",
            "a\u{d7}",
            "\u{b7}",
            "\u{fdd0}a",
        ] {
            assert_eq!(local_part(bad), None, "{bad:?}");
        }
    }
}
