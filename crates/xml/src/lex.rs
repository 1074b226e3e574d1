//! Tokens of one frame, each strictly checked by itself. How they nest is judged in `judge`.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::span::Span;
use crate::text::{self, Place};
use crate::{Fault, MAX_NAME, names};

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
    /// See [`key`].
    pub key: u32,
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

/// The attributes of one tag, and what there is to do about them.
#[derive(Debug, Default)]
pub(crate) struct Attrs {
    pub list: SmallVec<[Attr; 12]>,
    /// Whether there is a namespace declaration among them.
    pub declare: bool,
    /// Whether there is a name with a prefix among them, `xmlns` aside.
    pub prefixed: bool,
}

impl Attrs {
    fn clear(&mut self) {
        self.list.clear();
        (self.declare, self.prefixed) = (false, false);
    }

    #[inline]
    fn push(&mut self, attr: Attr) {
        self.declare |= matches!(attr.role, Role::DeclaresDefault | Role::DeclaresPrefix);
        self.prefixed |= attr.role == Role::Prefixed;
        self.list.push(attr);
    }
}

/// The first bytes of a name: where these differ, the names do.
#[inline]
pub(crate) fn key(name: &[u8]) -> u32 {
    match name.first_chunk::<4>() {
        Some(first) => u32::from_le_bytes(*first),
        None => name.iter().rev().fold(0, |key, &byte| key << 8 | u32::from(byte)),
    }
}

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

    /// Takes the end tag of that name if it is next, written without whitespace.
    #[inline]
    pub fn take_end(&mut self, name: Span) -> bool {
        if self.peek(1) != Some(b'/') || self.peek(0) != Some(b'<') {
            return false;
        }
        let (name, tag) = (name.bytes(self.text), self.rest().get(2..).unwrap_or(&[]));
        let found = tag.get(name.len()) == Some(&b'>') && tag.starts_with(name);
        if found {
            self.at += name.len() + 3;
        }
        found
    }

    /// Takes what was read by other means.
    pub fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Takes whitespace and tells whether there was any.
    pub fn space(&mut self) -> bool {
        space(self.text.as_bytes(), &mut self.at)
    }

    /// Takes `name = "value"`.
    pub fn attribute(&mut self) -> Result<Attr, Fault> {
        attribute(self.text, &mut self.at)
    }

    #[inline]
    fn peek(&self, ahead: usize) -> Option<u8> {
        byte_at(self.text.as_bytes(), self.at + ahead)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn start_tag(&mut self, attrs: &mut Attrs) -> Result<Token, Fault> {
        attrs.clear();
        // A position of its own may stay in a register.
        let (text, mut at) = (self.text.as_bytes(), self.at + 1);
        let name = name(text, &mut at)?;
        loop {
            let spaced = space(text, &mut at);
            match byte_at(text, at) {
                Some(b'>') => {
                    self.at = at + 1;
                    return Ok(Token::Start { name, empty: false });
                }
                Some(b'/') if byte_at(text, at + 1) == Some(b'>') => {
                    self.at = at + 2;
                    return Ok(Token::Start { name, empty: true });
                }
                _ if !spaced => return Err(Fault::NotWellFormed),
                _ if attrs.list.len() == self.max_attributes => {
                    return Err(Fault::PolicyViolation("too many attributes"));
                }
                _ => attrs.push(attribute(self.text, &mut at)?),
            }
        }
    }

    fn end_tag(&mut self) -> Result<Token, Fault> {
        self.at += 2;
        let name = name(self.text.as_bytes(), &mut self.at)?.whole;
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
}

#[inline]
fn byte_at(text: &[u8], at: usize) -> Option<u8> {
    text.get(at).copied()
}

/// Takes whitespace and tells whether there was any.
#[inline]
fn space(text: &[u8], at: &mut usize) -> bool {
    let start = *at;
    while byte_at(text, *at).is_some_and(names::is_space) {
        *at += 1;
    }
    *at > start
}

#[inline(always)]
fn name(text: &[u8], at: &mut usize) -> Result<Name, Fault> {
    let start = *at;
    let (length, local) = names::qualified(text.get(start..).unwrap_or(&[])).ok_or(Fault::NotWellFormed)?;
    if length > MAX_NAME {
        return Err(Fault::PolicyViolation("name too long"));
    }
    *at += length;
    Ok(Name { whole: Span::new(start, *at), local: (start + local) as u32 })
}

/// Takes `name = "value"`.
#[inline(always)] // Half of a scan: its parts are not to be handed over in memory.
fn attribute(text: &str, at: &mut usize) -> Result<Attr, Fault> {
    let bytes = text.as_bytes();
    let name = name(bytes, at)?;
    if byte_at(bytes, *at) != Some(b'=') {
        space(bytes, at);
        if byte_at(bytes, *at) != Some(b'=') {
            return Err(Fault::NotWellFormed);
        }
    }
    *at += 1;
    if !matches!(byte_at(bytes, *at), Some(b'\'' | b'"')) {
        space(bytes, at);
    }
    let (value, plain) = value(text, at)?;
    let written = name.whole.bytes(text);
    let role = match name.local > name.whole.start {
        false if written == b"xmlns" => Role::DeclaresDefault,
        false => Role::Plain,
        true if written.starts_with(b"xmlns:") => Role::DeclaresPrefix,
        true => Role::Prefixed,
    };
    Ok(Attr { name, key: key(written), role, value, plain })
}

/// Takes a value with its quotes, and tells whether it is meant as it is written.
#[inline(always)]
fn value(text: &str, at: &mut usize) -> Result<(Span, bool), Fault> {
    let start = *at + 1;
    let inner = text.as_bytes().get(start..).unwrap_or(&[]);
    let Some(quote @ (b'"' | b'\'')) = byte_at(text.as_bytes(), *at) else {
        return Err(Fault::NotWellFormed);
    };
    let (mut length, mut plain) = (0, true);
    loop {
        length += names::plain_value(inner.get(length..).unwrap_or(&[]));
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
    let span = Span::new(start, start + length);
    if !plain {
        text::check_references(span.of(text))?;
    }
    *at = start + length + 1;
    Ok((span, plain))
}

/// The characters directly inside the element that `text` is, checked before.
pub(crate) fn direct_text(text: &str) -> Cow<'_, str> {
    let mut lexer = Lexer::new(text, usize::MAX);
    let (mut attrs, mut depth) = (Attrs::default(), 0usize);
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
