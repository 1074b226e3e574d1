//! What the load generator reads off a stream. It trusts the server to send well-formed XML and looks only as far as
//! it must: where a top-level element ends, and the few things that a scenario counts.

use memchr::{memchr, memchr2, memmem};

/// Cuts top-level elements off a stream.
#[derive(Default)]
pub struct Cutter {
    bytes: Vec<u8>,
    /// What was handed out already.
    taken: usize,
    /// Up to where the present element was looked through, and its depth there.
    seen: usize,
    depth: u32,
}

impl Cutter {
    /// Where more bytes of the stream are to be appended.
    pub fn input(&mut self) -> &mut Vec<u8> {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.seen -= self.taken;
            self.taken = 0;
        }
        &mut self.bytes
    }

    /// The next element that is there whole; a stream header and the XML declaration count as one each.
    pub fn next(&mut self) -> Option<&[u8]> {
        loop {
            let open = self.seen + memchr(b'<', &self.bytes[self.seen..])?;
            let close = open + tag_end(&self.bytes[open..])?;
            let tag = &self.bytes[open..=close];
            let alone = tag.starts_with(b"<?") || tag.starts_with(b"<stream:stream") || tag.ends_with(b"/>");
            self.seen = close + 1;
            if tag.starts_with(b"</") {
                self.depth = self.depth.saturating_sub(1);
            } else if !alone {
                self.depth += 1;
            }
            if self.depth == 0 {
                let start = std::mem::replace(&mut self.taken, self.seen);
                return Some(self.bytes[start..self.seen].trim_ascii_start());
            }
        }
    }

    /// A stream begins anew.
    pub fn restart(&mut self) {
        *self = Cutter::default();
    }
}

/// Where the tag ends that `bytes` begin with: a `>` in an attribute's value is none.
fn tag_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr(b'>', bytes)?;
    match memchr2(b'\'', b'"', &bytes[..end]) {
        None => Some(end),
        Some(_) => {
            let mut quote = None;
            bytes.iter().position(|&byte| match (quote, byte) {
                (None, b'>') => true,
                (None, b'\'' | b'"') => {
                    quote = Some(byte);
                    false
                }
                (Some(open), byte) if open == byte => {
                    quote = None;
                    false
                }
                _ => false,
            })
        }
    }
}

/// What an element means to a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Message(Number),
    /// XEP-0198 `<a/>`.
    Acknowledged(u32),
    /// XEP-0198 `<r/>`.
    Asked,
    /// A message that no scenario sent: an error, a bounce.
    Stray,
    /// Another stanza.
    Stanza,
    End,
    Other,
}

/// Who sent a message of a scenario, and the how manieth of its own it was, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub sender: u32,
    pub number: u32,
}

impl Event {
    pub fn of(element: &[u8]) -> Event {
        match element {
            [b'<', b'm', b'e', b's', b's', ..] => Number::of(element).map_or(Event::Stray, Event::Message),
            [b'<', b'a', b' ', ..] => match attribute(element, "h").and_then(|h| h.parse().ok()) {
                Some(h) => Event::Acknowledged(h),
                None => Event::Other,
            },
            [b'<', b'r', b' ' | b'/', ..] => Event::Asked,
            [b'<', b'p', b'r', b'e', b's', ..] | [b'<', b'i', b'q', ..] => Event::Stanza,
            _ if element.starts_with(b"</") || element.starts_with(b"<stream:error") => Event::End,
            _ => Event::Other,
        }
    }
}

impl Number {
    fn of(message: &[u8]) -> Option<Number> {
        if memmem::find(message, b"type='error'").or(memmem::find(message, b"type=\"error\"")).is_some() {
            return None;
        }
        let body = memmem::find(message, b"<body>")? + b"<body>".len();
        let mut words = message[body..].split(|&byte| byte == b' ' || byte == b'<');
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
        Some(Number { sender: number()?, number: number()? })
    }
}

/// The value of an attribute of the element's first tag.
pub fn attribute<'a>(element: &'a [u8], name: &str) -> Option<&'a str> {
    let tag = &element[..=tag_end(element)?];
    let start = memmem::find_iter(tag, name.as_bytes())
        .find(|&at| at > 0 && tag[at - 1].is_ascii_whitespace() && tag.get(at + name.len()) == Some(&b'='))?
        + name.len()
        + 1;
    let quote = *tag.get(start)?;
    let value = &tag[start + 1..];
    std::str::from_utf8(&value[..memchr(quote, value)?]).ok()
}

/// The text of an element that holds nothing else.
pub fn text(element: &[u8]) -> Option<&str> {
    let start = tag_end(element)? + 1;
    let end = start + memchr(b'<', &element[start..])?;
    std::str::from_utf8(&element[start..end]).ok()
}

/// Appends a chat message as clients send it; its body has about 100 bytes.
pub fn write_message(out: &mut Vec<u8>, to: &str, Number { sender, number }: Number) {
    let text = format!(
        "<message to='{to}' type='chat' id='m{sender}-{number}'>\
         <body>{sender} {number} Wherefore art thou Romeo? Deny thy father and refuse thy name; or, if thou wilt \
         not...</body><active xmlns='http://jabber.org/protocol/chatstates'/>\
         <request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='m{sender}-{number}'/></message>"
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_however_they_arrive() {
        let stream =
            b"<?xml version='1.0'?><stream:stream a='>'><f><g/>x</f> <a h='7' xmlns='s'/></stream:stream>";
        let mut cutter = Cutter::default();
        let mut elements = Vec::new();
        for byte in stream {
            cutter.input().push(*byte);
            while let Some(element) = cutter.next() {
                elements.push(String::from_utf8(element.to_vec()).expect("text"));
            }
        }
        assert_eq!(
            elements[1..],
            ["<stream:stream a='>'>", "<f><g/>x</f>", "<a h='7' xmlns='s'/>", "</stream:stream>"]
        );
        assert_eq!(Event::of(elements[3].as_bytes()), Event::Acknowledged(7));
    }

    #[test]
    fn messages_are_known_by_their_number() {
        let mut out = Vec::new();
        let number = Number { sender: 3, number: 41 };
        write_message(&mut out, "a@b", number);
        assert_eq!(Event::of(&out), Event::Message(number));
        assert_eq!(Event::of(b"<message type='error'><body>3 41 x</body></message>"), Event::Stray);
        assert_eq!(attribute(&out, "type"), Some("chat"));
    }
}
