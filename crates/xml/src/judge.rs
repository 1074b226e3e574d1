//! Judges a frame as a whole: nesting, namespaces, attributes, and what its children need from outside themselves.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::element::{Namespace, Parts, RootAttr, Value, namespace_bit};
use crate::header::check_declaration;
use crate::lex::{Attr, Attrs, Lexer, Name, Role, Token};
use crate::rewrite::{self, Edit};
use crate::span::Span;
use crate::{Child, Fault, Limits, MAX_PREFIXES, Scope, known, names, ns};

/// An element whose end tag is to come.
struct Open {
    name: Span,
    outer: Outer,
}

/// What to go back to at an element's end.
#[derive(Clone, Copy)]
struct Outer {
    prefixes: usize,
    default: Default,
}

/// The default namespace, and the depth of the element that declared it: 0 for the stream header.
#[derive(Clone, Copy)]
struct Default {
    namespace: Namespace,
    depth: usize,
}

struct Prefix<'t> {
    name: &'t str,
    namespace: Namespace,
}

/// The work on one frame.
pub(crate) struct Judge<'t> {
    text: &'t str,
    /// The content namespace, where it is not `jabber:client`.
    foreign: Option<&'static str>,
    limits: &'t Limits,
    open: SmallVec<[Open; 8]>,
    default: Default,
    /// All in scope, the innermost last.
    prefixes: SmallVec<[Prefix<'t>; 4]>,
    /// Whether the top-level element's start tag was seen.
    rooted: bool,
    needs: Needs,
    pub found: Parts,
    /// What has to be written otherwise.
    pub edits: Vec<Edit>,
}

/// What the present child uses of what is declared outside itself.
#[derive(Clone, Copy, Default)]
struct Needs {
    /// How many of the prefixes in scope are from outside.
    outside: usize,
    /// Which of them, a bit each: there are at most [`MAX_PREFIXES`].
    prefixes: u64,
    default: bool,
}

impl Needs {
    fn any(&self) -> bool {
        self.default || self.prefixes != 0
    }
}

const _: () = assert!(MAX_PREFIXES <= u64::BITS as usize);

impl<'t> Judge<'t> {
    #[inline]
    pub fn new(text: &'t str, scope: &'t Scope, limits: &'t Limits) -> Self {
        Judge {
            text,
            foreign: scope.content().foreign(),
            limits,
            open: SmallVec::new(),
            default: Default { namespace: Namespace::Client, depth: 0 },
            prefixes: SmallVec::new(),
            rooted: false,
            needs: Needs::default(),
            found: Parts::default(),
            edits: Vec::new(),
        }
    }

    fn inherit(&mut self, scope: &'t Scope) -> Result<(), Fault> {
        self.bind("stream", Namespace::Streams)?;
        for (prefix, namespace) in scope.prefixes() {
            let namespace = self.common(namespace).unwrap_or_else(|| self.own(namespace.clone()));
            self.bind(prefix, namespace)?;
        }
        Ok(())
    }

    /// Judges one element and says where it ends.
    pub fn run(&mut self, scope: &'t Scope) -> Result<usize, Fault> {
        self.inherit(scope)?;
        let mut lexer = Lexer::new(self.text, self.limits.attributes);
        let mut attrs = Attrs::default();
        while !self.rooted || !self.open.is_empty() {
            if self.open.last().is_some_and(|open| lexer.take_end(open.name)) {
                self.end(lexer.at())?;
                continue;
            }
            let start = lexer.at();
            if self.open.len() == 1
                && self.is_ordinary()
                && let Some(child) = self.known(start)
            {
                lexer.skip(child);
                continue;
            }
            let token = lexer.next(&mut attrs)?.ok_or(Fault::NotWellFormed)?;
            match token {
                Token::Start { name, empty } => {
                    let outer = self.start(start, name, &attrs)?;
                    if empty {
                        self.ended(name.whole, outer, self.open.len() + 1, lexer.at());
                        self.remember(&attrs);
                    } else {
                        self.open.push(Open { name: name.whole, outer });
                    }
                }
                Token::End { name } => {
                    let expected = self.open.last().ok_or(Fault::NotWellFormed)?.name;
                    if expected.bytes(self.text) != name.bytes(self.text) {
                        return Err(Fault::NotWellFormed);
                    }
                    self.end(lexer.at())?;
                }
                Token::Text(span) => self.characters(span)?,
                Token::CData(span) => self.characters(span)?,
            }
        }
        Ok(lexer.at())
    }

    /// Whether what [`known`] finds is to be taken: its children are within any sane limit, and mean themselves.
    #[inline]
    fn is_ordinary(&self) -> bool {
        self.foreign.is_none() && self.limits.depth > 1 && self.limits.attributes > 0
    }

    /// Takes a child that is known, and says how long it is.
    #[inline]
    fn known(&mut self, at: usize) -> Option<usize> {
        let (child, bit) = known::find(self.text, at)?;
        self.found.namespaces |= bit;
        self.found.children.push(child);
        Some(child.whole.len())
    }

    /// Has the empty element that has just ended known from now on, if it is a child with its namespace only.
    #[inline]
    fn remember(&self, attrs: &Attrs) {
        if self.open.len() == 1
            && self.is_ordinary()
            && let [Attr { role: Role::DeclaresDefault, plain: true, .. }] = &attrs.list[..]
            && let Some(child) = self.found.children.last()
            && child.name.start == child.whole.start + 1
        {
            known::remember(self.text, child);
        }
    }

    fn characters(&mut self, span: Span) -> Result<(), Fault> {
        match self.open.len() {
            0 => return Err(Fault::NotWellFormed),
            1 => self.found.has_text |= !span.bytes(self.text).iter().all(|&byte| names::is_space(byte)),
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn start(&mut self, at: usize, name: Name, attrs: &Attrs) -> Result<Outer, Fault> {
        let depth = self.open.len() + 1;
        if depth > self.limits.depth {
            return Err(Fault::PolicyViolation("too many elements inside one another"));
        }
        let outer = Outer { prefixes: self.prefixes.len(), default: self.default };
        if depth == 2 {
            self.needs = Needs { outside: self.prefixes.len(), ..Needs::default() };
        }
        if attrs.declare {
            self.declarations(&attrs.list, depth)?;
        }
        self.unique(&attrs.list)?;
        if attrs.prefixed {
            self.unique_meant(&attrs.list, depth)?;
        }
        let namespace = match name.prefix(self.text) {
            Some(prefix) => self.resolve(prefix, depth)?,
            None => {
                self.needs.default |= self.default.depth < 2 && self.default.namespace != Namespace::Client;
                self.default.namespace
            }
        };
        match depth {
            1 => {
                self.rooted = true;
                self.found.name = name.local();
                self.found.namespace = namespace;
                self.root_attrs(&attrs.list);
            }
            2 => {
                self.found.namespaces |= namespace_bit(self.namespace_name(namespace));
                self.found.children.push(Child { name: name.local(), namespace, whole: Span::new(at, at) });
            }
            _ => {}
        }
        Ok(outer)
    }

    #[inline]
    fn end(&mut self, at: usize) -> Result<(), Fault> {
        let open = self.open.pop().ok_or(Fault::NotWellFormed)?;
        self.ended(open.name, open.outer, self.open.len() + 1, at);
        Ok(())
    }

    /// An element has ended before `at`.
    #[inline]
    fn ended(&mut self, name: Span, outer: Outer, depth: usize, at: usize) {
        self.prefixes.truncate(outer.prefixes);
        self.default = outer.default;
        if depth == 2
            && let Some(child) = self.found.children.last_mut()
        {
            child.whole.end = at as u32;
            if self.needs.any() {
                self.give(name.end);
            }
        }
    }

    /// Gives the child that has just ended the declarations it used from outside itself, after its tag's name.
    fn give(&mut self, at: u32) {
        let needs = self.needs;
        if needs.default {
            let namespace = self.default.namespace;
            self.edits.push(rewrite::declare(at, None, self.namespace_name(namespace)));
        }
        for (index, prefix) in self.prefixes.iter().enumerate().take(needs.outside) {
            if needs.prefixes & (1 << index) != 0 {
                let namespace = self.namespace_name(prefix.namespace);
                self.edits.push(rewrite::declare(at, Some(prefix.name), namespace));
            }
        }
    }

    fn declarations(&mut self, attrs: &[Attr], depth: usize) -> Result<(), Fault> {
        for attr in attrs {
            let prefix = match attr.role {
                Role::DeclaresPrefix => Some(attr.name.local().of(self.text)),
                Role::DeclaresDefault => None,
                Role::Plain | Role::Prefixed => continue,
            };
            let namespace = self.declared(attr, prefix, depth)?;
            match prefix {
                Some("xml") => {}
                Some(prefix) => self.bind(prefix, namespace)?,
                None => self.default = Default { namespace, depth },
            }
        }
        Ok(())
    }

    /// The namespace that an attribute declares.
    fn declared(&mut self, attr: &Attr, prefix: Option<&str>, depth: usize) -> Result<Namespace, Fault> {
        let name = attr.meant(self.text);
        check_declaration(prefix, &name)?;
        if depth > 1 && self.foreign.is_some_and(|foreign| name == foreign) {
            self.edits.push(Edit { at: attr.value, with: ns::CLIENT.into() });
        }
        Ok(self.common(&name).unwrap_or_else(|| match name {
            Cow::Borrowed(_) => Namespace::Written(attr.value),
            Cow::Owned(name) => self.own(name.into()),
        }))
    }

    /// The namespaces that need no text of their own.
    fn common(&self, name: &str) -> Option<Namespace> {
        match name {
            "" => Some(Namespace::None),
            ns::CLIENT => Some(Namespace::Client),
            _ if self.foreign == Some(name) => Some(Namespace::Client),
            ns::STREAMS => Some(Namespace::Streams),
            _ => None,
        }
    }

    fn own(&mut self, text: Box<str>) -> Namespace {
        self.found.owned.push(text);
        Namespace::Owned(self.found.owned.len() as u32 - 1)
    }

    fn bind(&mut self, name: &'t str, namespace: Namespace) -> Result<(), Fault> {
        if self.prefixes.len() == MAX_PREFIXES {
            return Err(Fault::PolicyViolation("too many namespace prefixes"));
        }
        self.prefixes.push(Prefix { name, namespace });
        Ok(())
    }

    fn resolve(&mut self, prefix: &str, depth: usize) -> Result<Namespace, Fault> {
        if prefix == "xml" {
            return Ok(Namespace::Xml);
        }
        let index = self.prefixes.iter().rposition(|p| p.name == prefix).ok_or(Fault::NotWellFormed)?;
        if depth > 1 && index < self.needs.outside {
            self.needs.prefixes |= 1 << index;
        }
        Ok(self.prefixes[index].namespace)
    }

    /// No attribute twice as written (XML 1.0 §3.1).
    #[inline]
    fn unique(&self, attrs: &[Attr]) -> Result<(), Fault> {
        let name = |attr: &Attr| attr.name.whole.bytes(self.text);
        for (at, attr) in attrs.iter().enumerate() {
            let same = |other: &Attr| other.key == attr.key && name(other) == name(attr);
            if attrs.iter().take(at).any(same) {
                return Err(Fault::NotWellFormed);
            }
        }
        Ok(())
    }

    /// No attribute twice as meant (Namespaces in XML 1.0 §6.3).
    fn unique_meant(&mut self, attrs: &[Attr], depth: usize) -> Result<(), Fault> {
        let text = self.text;
        let mut seen: SmallVec<[(Namespace, &str); 4]> = SmallVec::new();
        for attr in attrs.iter().filter(|attr| attr.role == Role::Prefixed) {
            let namespace = self.resolve(attr.name.prefix(text).unwrap_or(""), depth)?;
            let local = attr.name.local().of(text);
            let same = |other: &(Namespace, &str)| {
                other.1 == local && self.namespace_name(other.0) == self.namespace_name(namespace)
            };
            if seen.iter().any(same) {
                return Err(Fault::NotWellFormed);
            }
            seen.push((namespace, local));
        }
        Ok(())
    }

    fn root_attrs(&mut self, attrs: &[Attr]) {
        let text = self.text;
        for attr in attrs.iter().filter(|attr| matches!(attr.role, Role::Plain | Role::Prefixed)) {
            let value = if attr.plain {
                Value::Written(attr.value)
            } else {
                self.found.owned.push(attr.meant(text).into());
                Value::Owned(self.found.owned.len() as u32 - 1)
            };
            self.found.attrs.push(RootAttr { name: attr.name.whole, key: attr.key, value });
        }
    }

    fn namespace_name(&self, namespace: Namespace) -> &str {
        match namespace {
            Namespace::None => "",
            Namespace::Client => ns::CLIENT,
            Namespace::Streams => ns::STREAMS,
            Namespace::Xml => ns::XML,
            Namespace::Written(span) => span.of(self.text),
            Namespace::Owned(index) => self.found.owned.get(index as usize).map_or("", |name| name),
        }
    }
}
