//! Cuts one frame off a stream's bytes and refuses what is too big while it is still arriving.

use crate::{Fault, Limits, MAX_NAME, names};

/// What a stream consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The stream header as it came, with the XML declaration before it if there was one. Not judged yet.
    Header(Box<[u8]>),
    /// One whole top-level element, copied once into an allocation of its size. Not judged yet.
    Element(Box<[u8]>),
    /// The stream's end tag.
    End,
}

/// Cuts frames off a stream's bytes. It finds where a frame ends, however it is chunked, and holds it to its limits
/// meanwhile; whether the frame is well-formed is judged afterwards by [`crate::header()`] and [`crate::scan`].
/// Between frames it holds no memory beside itself.
#[derive(Debug)]
pub struct Splitter {
    limits: Limits,
    /// What arrived of a frame that came in pieces.
    begun: Vec<u8>,
    state: State,
    /// Elements open inside the frame.
    depth: u32,
    /// Bytes of the present name, value or gap between values.
    run: u32,
    /// Attributes of the present tag.
    attributes: u32,
    /// Whether the stream header is still to come.
    fresh: bool,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: the next byte starts a frame.
    Between,
    /// Markup of which only `<` was seen.
    Markup,
    /// Markup that starts with `<!`, and this many bytes of `[CDATA[`.
    Bang(u8),
    /// The XML declaration.
    Declaration,
    /// The space between the XML declaration and the header's tag.
    Prolog,
    /// A start tag, outside of values.
    StartTag,
    /// An attribute's value inside this quote.
    Value(u8),
    EndTag,
    CData,
    Text,
}

/// What a byte completed.
enum Done {
    Header,
    Element,
    End,
}

/// Of `<![CDATA[`, what follows `<!`.
const CDATA: &[u8] = b"[CDATA[";

/// The stream's end tag up to where whitespace may follow; another prefix than `stream` has no stream (RFC 6120
/// §4.8.5).
const STREAM_END: &[u8] = b"</stream:stream";

impl Splitter {
    /// For the bytes of a fresh stream (or one restarted, RFC 6120 §4.3.3), which starts with its header.
    pub fn new(limits: Limits) -> Self {
        Splitter {
            limits,
            begun: Vec::new(),
            state: State::Between,
            depth: 0,
            run: 0,
            attributes: 0,
            fresh: true,
        }
    }

    /// Sets the limits for what is still to come.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether the next byte that is not whitespace starts an element, or is the stream's end.
    pub fn is_between_elements(&self) -> bool {
        !self.fresh && !self.in_frame()
    }

    /// Whether part of a frame has arrived and its end has not.
    pub fn in_frame(&self) -> bool {
        self.state != State::Between
    }

    /// Takes bytes from the front of `input`, up to the end of the next frame: how many were taken, and the frame if
    /// it is complete. Without a frame all were taken; with one, call again with the rest. Whitespace between frames
    /// is taken and forgotten (RFC 6120 §4.6.1). After a fault the splitter is of no more use.
    pub fn feed(&mut self, input: &[u8]) -> Result<(usize, Option<Cut>), Fault> {
        let mut start = 0;
        if !self.in_frame() {
            // Before a header too, where XML allows it only without a declaration: a line feed that clients send
            // after the last element before a restart ends up here.
            start = input.iter().position(|b| !names::is_space(*b)).unwrap_or(input.len());
            match input.get(start) {
                None => return Ok((input.len(), None)),
                Some(b'<') => {}
                Some(byte) => return Err(self.stray(*byte)),
            }
        }
        let input = &input[start..];
        let room = self.limits.frame.saturating_sub(self.begun.len());
        let within = &input[..input.len().min(room)];
        match self.advance(within)? {
            Some((taken, done)) => Ok((start + taken, Some(self.cut(&within[..taken], done)))),
            None if within.len() < input.len() => Err(Fault::PolicyViolation("stanza too big")),
            None => {
                self.keep(within);
                Ok((start + within.len(), None))
            }
        }
    }

    /// What is wrong with this byte outside of any markup.
    fn stray(&self, byte: u8) -> Fault {
        match byte {
            // No UTF-8 text has these; they are what UTF-16 and UTF-32 start with.
            0x00 | 0xfe | 0xff => Fault::UnsupportedEncoding,
            _ if self.fresh => Fault::NotWellFormed,
            _ => Fault::BadFormat,
        }
    }

    /// Reads on until a frame is complete: how many bytes that took.
    fn advance(&mut self, input: &[u8]) -> Result<Option<(usize, Done)>, Fault> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            match self.state {
                State::Between => {
                    self.state = State::Markup;
                    at += 1;
                }
                State::Text => {
                    // One element right after another, as often as not.
                    let found = if byte == b'<' { Some(0) } else { memchr::memchr(b'<', rest) };
                    let Some(distance) = found else { break };
                    self.state = State::Markup;
                    at += distance + 1;
                }
                State::Markup => {
                    at += 1;
                    self.markup(byte, &input[..at])?;
                }
                State::StartTag => {
                    // A few bytes away: a loop gets there before a vector search has begun.
                    let found = rest.iter().position(|byte| matches!(byte, b'>' | b'"' | b'\''));
                    let Some(distance) = self.counted(found, rest)? else { break };
                    at += distance + 1;
                    if rest[distance] != b'>' {
                        self.value(rest[distance])?;
                    } else if let Some(done) = self.start_tag(self.ends_with(&input[..at], b"/>")) {
                        return Ok(Some((at, done)));
                    }
                }
                State::Value(quote) => {
                    let Some(distance) = self.counted(memchr::memchr(quote, rest), rest)? else { break };
                    self.enter(State::StartTag);
                    at += distance + 1;
                }
                State::EndTag => {
                    let found = rest.iter().position(|&byte| byte == b'>');
                    let Some(distance) = self.counted(found, rest)? else { break };
                    at += distance + 1;
                    if let Some(done) = self.end_tag(&input[..at])? {
                        return Ok(Some((at, done)));
                    }
                }
                State::CData => {
                    let Some(distance) = memchr::memchr(b'>', rest) else { break };
                    at += distance + 1;
                    if self.ends_with(&input[..at], b"]]>") {
                        self.state = State::Text;
                    }
                }
                State::Bang(matched) => {
                    self.bang(byte, matched)?;
                    at += 1;
                }
                State::Declaration => {
                    let Some(distance) = self.counted(memchr::memchr(b'>', rest), rest)? else { break };
                    at += distance + 1;
                    if !self.ends_with(&input[..at], b"?>") {
                        return Err(Fault::NotWellFormed);
                    }
                    self.state = State::Prolog;
                }
                State::Prolog => {
                    match byte {
                        b'<' => self.state = State::Markup,
                        _ if names::is_space(byte) => {}
                        _ => return Err(Fault::NotWellFormed),
                    }
                    at += 1;
                }
            }
        }
        Ok(None)
    }

    /// Counts the bytes up to what was found, or all: they are part of a name or a value, or stand between values.
    fn counted(&mut self, found: Option<usize>, rest: &[u8]) -> Result<Option<usize>, Fault> {
        let bytes = found.unwrap_or(rest.len());
        self.run = self.run.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if self.run as usize > MAX_NAME {
            return Err(Fault::PolicyViolation("name or attribute value too long"));
        }
        Ok(found)
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.run = 0;
    }

    /// The byte after `<`.
    fn markup(&mut self, byte: u8, seen: &[u8]) -> Result<(), Fault> {
        match byte {
            b'/' if self.fresh => return Err(Fault::NotWellFormed),
            b'/' => self.enter(State::EndTag),
            b'?' if self.fresh && self.begun.len() + seen.len() == 2 => self.enter(State::Declaration),
            b'?' => return Err(Fault::RestrictedXml),
            b'!' => self.state = State::Bang(0),
            _ if names::may_start(byte) => {
                if self.depth as usize >= self.limits.depth {
                    return Err(Fault::PolicyViolation("too many elements inside one another"));
                }
                self.attributes = 0;
                self.enter(State::StartTag);
                self.run = 1;
            }
            _ => return Err(Fault::NotWellFormed),
        }
        Ok(())
    }

    fn bang(&mut self, byte: u8, matched: u8) -> Result<(), Fault> {
        let matched = usize::from(matched);
        if CDATA.get(matched) != Some(&byte) {
            return Err(Fault::RestrictedXml);
        }
        if matched + 1 < CDATA.len() {
            self.state = State::Bang(matched as u8 + 1);
            return Ok(());
        }
        if self.depth == 0 {
            return Err(self.stray(byte));
        }
        self.state = State::CData;
        Ok(())
    }

    /// A quote opens an attribute's value.
    fn value(&mut self, quote: u8) -> Result<(), Fault> {
        if self.attributes as usize >= self.limits.attributes {
            return Err(Fault::PolicyViolation("too many attributes"));
        }
        self.attributes += 1;
        self.enter(State::Value(quote));
        Ok(())
    }

    fn start_tag(&mut self, empty: bool) -> Option<Done> {
        if self.fresh {
            return Some(Done::Header);
        }
        if !empty {
            self.depth += 1;
        }
        self.state = State::Text;
        (self.depth == 0).then_some(Done::Element)
    }

    fn end_tag(&mut self, seen: &[u8]) -> Result<Option<Done>, Fault> {
        let Some(depth) = self.depth.checked_sub(1) else {
            let tag = [self.begun.as_slice(), seen].concat();
            let space = tag.strip_prefix(STREAM_END).and_then(|rest| rest.strip_suffix(b">"));
            return match space {
                Some(space) if space.iter().all(|b| names::is_space(*b)) => Ok(Some(Done::End)),
                _ => Err(Fault::NotWellFormed),
            };
        };
        self.depth = depth;
        self.state = State::Text;
        Ok((depth == 0).then_some(Done::Element))
    }

    /// Whether the frame so far, the last bytes of which are `seen`, ends with `tail`.
    fn ends_with(&self, seen: &[u8], tail: &[u8]) -> bool {
        let (earlier, here) = tail.split_at(tail.len().saturating_sub(seen.len()));
        seen.ends_with(here) && self.begun.ends_with(earlier)
    }

    /// Keeps a piece of a frame. The allocation never exceeds the limit, though it grows by doubling.
    fn keep(&mut self, piece: &[u8]) {
        let needed = self.begun.len() + piece.len();
        if needed > self.begun.capacity() {
            let capacity = needed.max(self.begun.capacity() * 2).min(self.limits.frame.max(needed));
            self.begun.reserve_exact(capacity - self.begun.len());
        }
        self.begun.extend_from_slice(piece);
    }

    /// Hands the frame out whole and starts anew.
    fn cut(&mut self, last: &[u8], done: Done) -> Cut {
        let mut begun = std::mem::take(&mut self.begun);
        let frame = if begun.is_empty() {
            last
        } else {
            begun.extend_from_slice(last);
            &begun
        };
        self.state = State::Between;
        match done {
            Done::Header => {
                self.fresh = false;
                Cut::Header(frame.into())
            }
            Done::Element => Cut::Element(frame.into()),
            Done::End => Cut::End,
        }
    }
}
