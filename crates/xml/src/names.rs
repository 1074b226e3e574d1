//! Which characters XML allows where (XML 1.0 §2.2, §2.3; Namespaces in XML 1.0 §3).

/// The whitespace of XML 1.0 §2.3, which is less than Unicode's or Rust's.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What a byte may be in a name or a value, as far as one byte can tell.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphabetic() || b == b'_' {
            class[byte] = START | CONTINUE | ASCII;
        } else if b.is_ascii_digit() || matches!(b, b'-' | b'.') {
            class[byte] = CONTINUE | ASCII;
        } else if b == b':' {
            class[byte] = COLON;
        } else if b >= 0x80 {
            class[byte] = START | CONTINUE | WIDE;
        } else if b < b' ' || matches!(b, b'"' | b'\'' | b'<' | b'&') {
            class[byte] = VALUE_STOP;
        }
        if b < b' ' || matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&' | 0xef) {
            class[byte] |= THOUGHT;
        }
        byte += 1;
    }
    class
};
const START: u8 = 1;
const CONTINUE: u8 = 2;
const COLON: u8 = 4;
/// Part of a character beyond ASCII, which decides only as a whole.
const WIDE: u8 = 8;
/// All that can follow in most names.
const ASCII: u8 = 16;
/// Ends an attribute's value, or has to be looked at in it.
const VALUE_STOP: u8 = 32;
/// May have to be written as something else.
const THOUGHT: u8 = 64;

fn class(byte: u8) -> u8 {
    CLASS[usize::from(byte)]
}

/// Whether a name may start with this byte.
pub(crate) fn may_start(byte: u8) -> bool {
    class(byte) & START != 0
}

/// Whether a name may go on with this byte.
pub(crate) fn may_continue(byte: u8) -> bool {
    class(byte) & (CONTINUE | COLON) != 0
}

/// How many bytes of an attribute's value are nothing but themselves; of text whose characters are all legal.
pub(crate) fn plain_value(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(word) = text.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
        // All that stops is `<` or not above `'`, and what else is there is rare in a value.
        let word = u64::from_le_bytes(*word);
        let looks = less(word, b'\'' + 1) | equal(word, b'<');
        let Some(&found) = word.to_le_bytes().get(looks.trailing_zeros() as usize / 8) else {
            length += 8;
            continue;
        };
        length += looks.trailing_zeros() as usize / 8;
        if class(found) & VALUE_STOP != 0 {
            return length;
        }
        length += 1;
    }
    let rest = text.get(length..).unwrap_or(&[]);
    length + rest.iter().position(|&byte| class(byte) & VALUE_STOP != 0).unwrap_or(rest.len())
}

/// Eight bytes at once: the lowest byte with its high bit set is the first that ends an attribute's value or has to
/// be looked at in it (what borrows make of the bytes above it means nothing).
fn value_stops(word: u64) -> u64 {
    // `&` and `'` differ in the lowest bit only.
    less(word, b' ') | equal(word, b'"') | equal(word, b'<') | equal(word & !ONES, b'&' & b'\'')
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// Sets the high bit of the lowest byte that is less, if there is one.
fn less(word: u64, than: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(than)) & !word & (ONES << 7)
}

/// Sets the high bit of the lowest byte that is the same, if there is one.
fn equal(word: u64, byte: u8) -> u64 {
    less(word ^ (ONES * u64::from(byte)), 1)
}

/// Whether a byte may have to be written as something else.
pub(crate) fn needs_thought(byte: u8) -> bool {
    class(byte) & THOUGHT != 0
}

/// Whether every byte is written as it is.
pub(crate) fn is_written_as_is(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let clean = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        // `<` and `>` differ in one bit only.
        value_stops(word) | equal(word & !(ONES << 1), b'<' & b'>') | equal(word, 0xef) == 0
    };
    words.iter().all(clean) && !rest.iter().copied().any(needs_thought)
}

/// How far a qualified name at the front of `text` reaches, and where its local part starts: 0 without a prefix. None
/// if there is no qualified name.
#[inline]
pub(crate) fn qualified(text: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    let next = loop {
        // Most names are letters, and few have more than eight.
        if let Some(word) = text.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
            let letters = letters(u64::from_le_bytes(*word));
            length += letters;
            if letters == 8 {
                continue;
            }
        }
        let next = text.get(length).map_or(0, |&byte| class(byte));
        if next & ASCII == 0 {
            break next;
        }
        length += 1;
    };
    if next & (COLON | WIDE) != 0 {
        return qualified_at_length(text);
    }
    text.first().is_some_and(|&byte| may_start(byte)).then_some((length, 0))
}

/// How many of eight bytes are letters of ASCII before the first that is none.
#[inline]
fn letters(word: u64) -> usize {
    const HIGH: u64 = ONES << 7;
    let lower = word | ONES << 5;
    // What a byte that is none carries into those above it means nothing.
    let above = lower.wrapping_add(ONES * u64::from(0x7f - b'z')) & HIGH;
    let none = less(lower, b'a') | above | (word & HIGH);
    none.trailing_zeros() as usize / 8
}

/// The same for names with a prefix or with characters beyond ASCII.
fn qualified_at_length(text: &[u8]) -> Option<(usize, usize)> {
    let (mut local, mut wide) = (0, 0);
    let mut length = 0;
    while let Some(&byte) = text.get(length) {
        let class = class(byte);
        if class & CONTINUE == 0 {
            // A second colon is the start of no local part.
            if class & COLON == 0 || local > 0 {
                break;
            }
            local = length + 1;
        }
        wide |= class & WIDE;
        length += 1;
    }
    let well_formed = if wide == 0 {
        let starts = |at: usize| at < length && may_start(text[at]);
        starts(0) && starts(local) && text.get(length) != Some(&b':')
    } else {
        let name = std::str::from_utf8(&text[..length]).ok()?;
        is_ncname(&name[local..])
            && (local == 0 || is_ncname(&name[..local - 1]))
            && text.get(length) != Some(&b':')
    };
    well_formed.then_some((length, local))
}

/// Whether all of this is a qualified name.
pub(crate) fn is_qualified(name: &str) -> bool {
    qualified(name.as_bytes()).is_some_and(|(length, _)| length == name.len())
}

/// Whether this is a name without a colon.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

/// XML allows U+FDF0 to U+FFFD as well, which the parser under minidom and xso does not.
fn starts_name(c: char) -> bool {
    if c.is_ascii() {
        return may_start(c as u8);
    }
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{10000}'..='\u{effff}')
}

fn continues_name(c: char) -> bool {
    if c.is_ascii() {
        return class(c as u8) & CONTINUE != 0;
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
    // Without an early exit, so that the compiler makes vector code of it. Most text has not even a line end.
    let control = bytes.iter().fold(false, |found, &b| found | (b < b' '))
        && bytes.iter().any(|&b| b < b' ' && !is_space(b));
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
    fn a_value_is_plain_up_to_what_ends_it_or_is_to_be_resolved() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b'a'; 24];
                text[at] = byte;
                text[22] = b'"';
                let stops = byte < b' ' || matches!(byte, b'"' | b'\'' | b'<' | b'&');
                assert_eq!(plain_value(&text), if stops { at } else { 22 }, "{byte} at {at}");
                let clean = text.split_last_chunk::<2>().is_some_and(|(text, _)| is_written_as_is(text));
                assert_eq!(clean, !stops && byte != b'>' && byte != 0xef, "{byte} at {at}");
            }
        }
        assert_eq!(plain_value(b"no more"), 7);
    }

    #[test]
    fn letters_are_counted_up_to_the_first_other_byte() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut word = *b"abyzABYZ";
                word[at] = byte;
                let expected = if byte.is_ascii_alphabetic() { 8 } else { at };
                assert_eq!(letters(u64::from_le_bytes(word)), expected, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn qualified_names() {
        assert_eq!(qualified(b"long-names.of_18th>letters"), Some((18, 0)));
        assert_eq!(qualified(b"message to"), Some((7, 0)));
        assert_eq!(qualified(b"stream:error>"), Some((12, 7)));
        assert_eq!(qualified("é:ü".as_bytes()), Some((5, 3)));
        assert!(!is_qualified("a b"));
        for bad in [
            "",
            ":",
            ":a",
            "a:",
            "a:b:c",
            "a:b:",
            "1a",
            "a:1",
            "-a",
            ".a",
            "a:-b",
            "\u{b7}",
            "\u{fdd0}a",
            "a\u{d7}",
        ] {
            assert_eq!(qualified(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
