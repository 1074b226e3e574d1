//! Tokens of one frame, each strictly checked by itself. How they nest is judged in `judge`.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::text::{self, Place};
use crate::{Fault, MAX_NAME, names};

/// A range of bytes in a frame. A frame is shorter than 4 GiB, see [`characters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }

    /// The same bytes, for a comparison: where a character begins need not be looked at.
    #[inline]
    pub fn bytes(self, text: &str) -> &[u8] {
        text.as_bytes().get(self.start as usize..self.end as usize).unwrap_or(&[])
    }

    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// A qualified name as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub whole: Span,
    /// Where the local part starts.
    local: u32,
}

impl Name {
    pub fn local(&self) -> Span {
        Span { start: self.local, end: self.whole.end }
    }

    pub fn prefix<'a>(&self, text: &'a str) -> Option<&'a str> {
        (self.local > self.whole.start)
            .then(|| Span { start: self.whole.start, end: self.local - 1 }.of(text))
    }
}

/// The bytes as characters, all of them legal and few enough for [`Span`].
pub(crate) fn characters(bytes: &[u8]) -> Result<&str, Fault> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Fault::PolicyViolation("stanza too big"));
    }
    // RFC 6120 §4.9.3.22 counts broken UTF-8 as an encoding that is not supported.
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::UnsupportedEncoding)?;
    if names::all_legal(text) { Ok(text) } else { Err(Fault::NotWellFormed) }
}

/// One attribute as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attr {
    pub name: Name,
    pub role: Role,
    /// Between the quotes.
    pub value: Span,
    /// Whether the value is meant as it is written.
    pub plain: bool,
}

impl Attr {
    /// The value as it is meant.
    pub fn meant<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let written = self.value.of(text);
        if self.plain { Cow::Borrowed(written) } else { text::resolve(written, Place::Attribute) }
    }
}

/// What an attribute is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Without a prefix.
    Plain,
    /// With a prefix, other than `xmlns`.
    Prefixed,
    /// `xmlns`.
    DeclaresDefault,
    /// `xmlns:` and the prefix, which is the local part.
    DeclaresPrefix,
}

/// The attributes of one tag.
pub(crate) type Attrs = SmallVec<[Attr; 12]>;

pub(crate) enum Token {
    Start { name: Name, empty: bool },
    End { name: Span },
    Text(Span),
    CData(Span),
}

pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    max_attributes: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, max_attributes: usize) -> Self {
        Lexer { text, at: 0, max_attributes }
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next token, None at the end. A start tag's attributes replace what is in `attrs`.
    pub fn next(&mut self, attrs: &mut Attrs) -> Result<Option<Token>, Fault> {
        let token = match self.peek(0) {
            None => return Ok(None),
            Some(b'<') => match self.peek(1) {
                Some(b'/') => self.end_tag()?,
                Some(b'!') => self.cdata()?,
                Some(b'?') => return Err(Fault::RestrictedXml),
                _ => self.start_tag(attrs)?,
            },
            Some(_) => self.characters()?,
        };
        Ok(Some(token))
    }

    /// Takes `literal` if it is next.
    pub fn take(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal.as_bytes());
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Takes whitespace and tells whether there was any.
    #[inline]
    pub fn space(&mut self) -> bool {
        let start = self.at;
        while self.peek(0).is_some_and(names::is_space) {
            self.at += 1;
        }
        self.at > start
    }

    /// Takes `name = "value"`.
    #[inline(always)] // Half of a scan: its parts are not to be handed over in memory.
    pub fn attribute(&mut self) -> Result<Attr, Fault> {
        let name = self.name()?;
        self.space();
        if self.peek(0) != Some(b'=') {
            return Err(Fault::NotWellFormed);
        }
        self.at += 1;
        self.space();
        let (value, plain) = self.value()?;
        let written = name.whole.bytes(self.text);
        let prefixed = name.local > name.whole.start;
        let role = match prefixed {
            false if written == b"xmlns" => Role::DeclaresDefault,
            false => Role::Plain,
            true if written.starts_with(b"xmlns:") => Role::DeclaresPrefix,
            true => Role::Prefixed,
        };
        Ok(Attr { name, role, value, plain })
    }

    #[inline]
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn start_tag(&mut self, attrs: &mut Attrs) -> Result<Token, Fault> {
        self.at += 1;
        attrs.clear();
        let name = self.name()?;
        loop {
            let spaced = self.space();
            match self.peek(0) {
                Some(b'>') => {
                    self.at += 1;
                    return Ok(Token::Start { name, empty: false });
                }
                Some(b'/') if self.peek(1) == Some(b'>') => {
                    self.at += 2;
                    return Ok(Token::Start { name, empty: true });
                }
                _ if !spaced => return Err(Fault::NotWellFormed),
                _ if attrs.len() == self.max_attributes => {
                    return Err(Fault::PolicyViolation("too many attributes"));
                }
                _ => attrs.push(self.attribute()?),
            }
        }
    }

    fn end_tag(&mut self) -> Result<Token, Fault> {
        self.at += 2;
        let name = self.name()?.whole;
        self.space();
        if self.peek(0) != Some(b'>') {
            return Err(Fault::NotWellFormed);
        }
        self.at += 1;
        Ok(Token::End { name })
    }

    fn cdata(&mut self) -> Result<Token, Fault> {
        if !self.take("<![CDATA[") {
            return Err(Fault::RestrictedXml);
        }
        let start = self.at;
        let length = memchr::memmem::find(self.rest(), b"]]>").ok_or(Fault::NotWellFormed)?;
        self.at += length + 3;
        Ok(Token::CData(Span::new(start, start + length)))
    }

    fn characters(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let length = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        let span = Span::new(self.at, self.at + length);
        let run = &rest[..length];
        // `]]>` must not stand in character data (XML 1.0 §2.4).
        if memchr::memchr_iter(b'>', run).any(|i| run[..i].ends_with(b"]]")) {
            return Err(Fault::NotWellFormed);
        }
        text::check_references(span.of(self.text))?;
        self.at += length;
        Ok(Token::Text(span))
    }

    fn name(&mut self) -> Result<Name, Fault> {
        let start = self.at;
        let (length, local) = names::qualified(self.rest()).ok_or(Fault::NotWellFormed)?;
        if length > MAX_NAME {
            return Err(Fault::PolicyViolation("name too long"));
        }
        self.at += length;
        Ok(Name { whole: Span::new(start, self.at), local: (start + local) as u32 })
    }

    fn value(&mut self) -> Result<(Span, bool), Fault> {
        let (Some(&quote @ (b'"' | b'\'')), inner) =
            (self.rest().first(), self.rest().get(1..).unwrap_or(&[]))
        else {
            return Err(Fault::NotWellFormed);
        };
        let (mut length, mut plain) = (0, true);
        loop {
            length += names::plain_value(&inner[length..]);
            match inner.get(length) {
                Some(&byte) if byte == quote => break,
                None | Some(b'<') => return Err(Fault::NotWellFormed),
                // The parser under minidom and xso misreads a lone carriage return in a value, so none passes.
                Some(b'\r') if inner.get(length + 1) != Some(&b'\n') => return Err(Fault::NotWellFormed),
                // The other quote.
                Some(b'"' | b'\'') => {}
                Some(_) => plain = false,
            }
            length += 1;
        }
        if length > MAX_NAME {
            return Err(Fault::PolicyViolation("attribute value too long"));
        }
        let span = Span::new(self.at + 1, self.at + 1 + length);
        if !plain {
            text::check_references(span.of(self.text))?;
        }
        self.at += length + 2;
        Ok((span, plain))
    }
}

/// The characters directly inside the element that `text` is, checked before.
pub(crate) fn direct_text(text: &str) -> Cow<'_, str> {
    let mut lexer = Lexer::new(text, usize::MAX);
    let (mut attrs, mut depth) = (Attrs::new(), 0usize);
    let mut found = Cow::Borrowed("");
    while let Ok(Some(token)) = lexer.next(&mut attrs) {
        let (span, place) = match token {
            Token::Start { empty: false, .. } => {
                depth += 1;
                continue;
            }
            Token::End { .. } => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Token::Text(span) => (span, Place::Content),
            Token::CData(span) => (span, Place::CData),
            Token::Start { .. } => continue,
        };
        if depth == 1 {
            let piece = text::resolve(span.of(text), place);
            if found.is_empty() { found = piece } else { found.to_mut().push_str(&piece) }
        }
    }
    found
}
