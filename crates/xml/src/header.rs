//! The stream header (RFC 6120 §4.7, §4.8).

use std::borrow::Cow;

use crate::lex::{self, Attr, Attrs, Lexer, Role, Token};
use crate::{Content, Fault, Scope, ns};

/// What a stream header says. Attributes are as they came, not yet judged as addresses or versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub to: Option<String>,
    pub from: Option<String>,
    pub version: Option<String>,
    /// `xml:lang`.
    pub lang: Option<String>,
    pub id: Option<String>,
    /// What top-level elements inherit.
    pub scope: Scope,
}

/// Judges a stream header as [`crate::Cut::Header`] holds it.
///
/// Errors: beside what is wrong with any XML, [`Fault::InvalidNamespace`] if the element or the default namespace is
/// in none of ours (RFC 6120 §4.8.1, §4.8.3), [`Fault::BadNamespacePrefix`] for another prefix than `stream`
/// (§4.8.5), [`Fault::BadFormat`] for another root or another XML version than 1.0.
pub fn header(bytes: &[u8]) -> Result<Header, Fault> {
    let text = lex::characters(bytes)?;
    let mut lexer = Lexer::new(text, usize::MAX);
    if lexer.take("<?") {
        declaration(&mut lexer, text)?;
        lexer.space();
    }
    let mut attrs = Attrs::default();
    let Some(Token::Start { name, empty }) = lexer.next(&mut attrs)? else {
        return Err(Fault::NotWellFormed);
    };
    if lexer.at() != text.len() {
        return Err(Fault::NotWellFormed);
    }
    let declared = Declared::read(text, &attrs.list)?;
    match name.prefix(text) {
        Some(prefix) => {
            let namespace = declared.prefix(prefix).ok_or(Fault::NotWellFormed)?;
            if namespace != ns::STREAMS {
                return Err(Fault::InvalidNamespace);
            }
            if prefix != "stream" {
                return Err(Fault::BadNamespacePrefix);
            }
        }
        None if declared.default == ns::STREAMS => return Err(Fault::BadNamespacePrefix),
        None => return Err(Fault::InvalidNamespace),
    }
    if name.local().of(text) != "stream" || empty {
        return Err(Fault::BadFormat);
    }
    let scope = match &*declared.default {
        ns::CLIENT => Scope::client(),
        ns::SERVER => Scope::server(),
        ns::COMPONENT => Scope::of(Content::Component),
        _ => return Err(Fault::InvalidNamespace),
    };
    let mut header = Header { to: None, from: None, version: None, lang: None, id: None, scope };
    for attr in &attrs.list {
        let place = match attr.name.whole.of(text) {
            "to" => &mut header.to,
            "from" => &mut header.from,
            "version" => &mut header.version,
            "xml:lang" => &mut header.lang,
            "id" => &mut header.id,
            _ => continue,
        };
        *place = Some(attr.meant(text).into_owned());
    }
    let extra = declared.prefixes.into_iter().filter(|(prefix, _)| *prefix != "stream");
    header.scope = header.scope.with_prefixes(extra.map(|(p, n)| (p.into(), n.into())).collect());
    Ok(header)
}

/// The namespaces that a tag declares.
struct Declared<'a> {
    default: Cow<'a, str>,
    prefixes: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Declared<'a> {
    /// Reads and judges a whole tag's attributes: no two alike, no prefix undeclared.
    fn read(text: &'a str, attrs: &[Attr]) -> Result<Self, Fault> {
        let mut declared = Declared { default: Cow::Borrowed(""), prefixes: Vec::new() };
        for (at, attr) in attrs.iter().enumerate() {
            let whole = attr.name.whole.of(text);
            if attrs[..at].iter().any(|other| other.name.whole.of(text) == whole) {
                return Err(Fault::NotWellFormed);
            }
            let prefix = match attr.role {
                Role::DeclaresPrefix => Some(attr.name.local().of(text)),
                Role::DeclaresDefault => None,
                Role::Plain | Role::Prefixed => continue,
            };
            let namespace = attr.meant(text);
            check_declaration(prefix, &namespace)?;
            match prefix {
                None => declared.default = namespace,
                Some("xml") => {}
                Some(prefix) => {
                    if declared.prefixes.len() == crate::MAX_PREFIXES {
                        return Err(Fault::PolicyViolation("too many namespace prefixes"));
                    }
                    declared.prefixes.push((prefix, namespace));
                }
            }
        }
        declared.check_prefixed(text, attrs)?;
        Ok(declared)
    }

    fn prefix(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(ns::XML);
        }
        self.prefixes.iter().find(|(p, _)| *p == prefix).map(|(_, namespace)| &**namespace)
    }

    fn check_prefixed(&self, text: &str, attrs: &[Attr]) -> Result<(), Fault> {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for attr in attrs.iter().filter(|attr| attr.role == Role::Prefixed) {
            let prefix = attr.name.prefix(text).unwrap_or("");
            let expanded = (self.prefix(prefix).ok_or(Fault::NotWellFormed)?, attr.name.local().of(text));
            if seen.contains(&expanded) {
                return Err(Fault::NotWellFormed);
            }
            seen.push(expanded);
        }
        Ok(())
    }
}

/// What may be declared (Namespaces in XML 1.0 §2.2, §3): `xml` only as what it is, `xmlns` never, neither of their
/// names by another prefix, and no prefix as nothing.
pub(crate) fn check_declaration(prefix: Option<&str>, namespace: &str) -> Result<(), Fault> {
    let well_formed = match prefix {
        Some("xmlns") => false,
        Some("xml") => namespace == ns::XML,
        _ if namespace == ns::XML || namespace == ns::XMLNS => false,
        Some(_) => !namespace.is_empty(),
        None => true,
    };
    if well_formed { Ok(()) } else { Err(Fault::NotWellFormed) }
}

/// The XML declaration after its `<?` (XML 1.0 §2.8): the version, perhaps the encoding, perhaps `standalone`.
fn declaration(lexer: &mut Lexer<'_>, text: &str) -> Result<(), Fault> {
    if !lexer.take("xml") {
        return Err(Fault::RestrictedXml);
    }
    let mut expected = ["version", "encoding", "standalone"].iter();
    let mut first = true;
    loop {
        let spaced = lexer.space();
        if lexer.take("?>") {
            return if first { Err(Fault::NotWellFormed) } else { Ok(()) };
        }
        if !spaced {
            // Another target, such as `xml-stylesheet`, is a processing instruction.
            return Err(if first { Fault::RestrictedXml } else { Fault::NotWellFormed });
        }
        let attr = lexer.attribute()?;
        let (name, value) = (attr.name.whole.of(text), attr.value.of(text));
        if first && name != "version" || !expected.any(|e| *e == name) {
            return Err(Fault::NotWellFormed);
        }
        first = false;
        match name {
            "version" if value != "1.0" => return Err(Fault::BadFormat),
            "encoding" if !value.eq_ignore_ascii_case("utf-8") => return Err(Fault::UnsupportedEncoding),
            "standalone" if !matches!(value, "yes" | "no") => return Err(Fault::NotWellFormed),
            _ => {}
        }
    }
}
