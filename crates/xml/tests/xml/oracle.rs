//! What rxml, an independent strict parser, makes of the same bytes. Used by the property tests and the fuzzer.

use std::collections::BTreeMap;

use rxml::{Event, Parse};
use waxwing_xml::{Element, Limits, Scope, ns, scan, scan_front};

/// Roomy enough that only what XML says decides.
pub const LIMITS: Limits = Limits { frame: 1 << 20, depth: 100, attributes: 64 };

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Element(Tree),
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub name: (String, String),
    pub attrs: BTreeMap<(String, String), String>,
    pub nodes: Vec<Node>,
}

impl Tree {
    /// The text directly inside.
    pub fn text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    pub fn elements(&self) -> impl Iterator<Item = &Tree> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(tree) => Some(tree),
            Node::Text(_) => None,
        })
    }

    fn push_text(&mut self, more: &str) {
        match self.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(more),
            _ => self.nodes.push(Node::Text(more.to_owned())),
        }
    }
}

/// A stream header for the scope, under which rxml reads the frame.
pub fn stream(content: &str) -> String {
    format!("<stream:stream xmlns='{content}' xmlns:stream='{}'>", ns::STREAMS)
}

/// The one element in `frame` as rxml reads it after `header`; None if it refuses, or there is not just one element.
pub fn read(header: &str, frame: &[u8]) -> Option<Tree> {
    let document = [header.as_bytes(), frame, b"</stream:stream>"].concat();
    let (mut rest, mut parser) = (document.as_slice(), rxml::Parser::new());
    let mut open = vec![Tree::default()];
    while let Some(event) = parser.parse(&mut rest, true).ok()? {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attrs) => open.push(Tree {
                name: (namespace.to_string(), name.to_string()),
                attrs: attrs
                    .iter()
                    .map(|((namespace, name), value)| {
                        ((namespace.to_string(), name.to_string()), value.to_string())
                    })
                    .collect(),
                nodes: Vec::new(),
            }),
            Event::Text(_, text) => open.last_mut()?.push_text(&text),
            Event::EndElement(_) => {
                let tree = open.pop()?;
                open.last_mut()?.nodes.push(Node::Element(tree));
            }
        }
    }
    // A frame that closes the stream itself leaves two elements, or other text beside the one.
    let [document] = open.as_slice() else { return None };
    let [Node::Element(stream)] = document.nodes.as_slice() else { return None };
    match stream.nodes.as_slice() {
        [Node::Element(element)] => Some(element.clone()),
        _ => None,
    }
}

/// The same with `jabber:server` as `jabber:client`, as scan reads a server stream.
fn as_client(tree: &mut Tree) {
    let client = |namespace: &mut String| {
        if namespace == ns::SERVER {
            *namespace = ns::CLIENT.to_owned();
        }
    };
    client(&mut tree.name.0);
    tree.attrs = std::mem::take(&mut tree.attrs)
        .into_iter()
        .map(|((mut namespace, name), value)| {
            client(&mut namespace);
            ((namespace, name), value)
        })
        .collect();
    for node in &mut tree.nodes {
        if let Node::Element(tree) = node {
            as_client(tree);
        }
    }
}

/// What `scan_front` accepts, `scan` accepts too, and the other way round where nothing is rewritten.
fn front(frame: &[u8], scope: &Scope, judged: Option<&Element>) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(frame) else { return Ok(()) };
    let front = scan_front(text, scope, &LIMITS);
    if let Some((taken, element)) = &front {
        let alone = text[..*taken].trim_start_matches([' ', '\t', '\r', '\n']);
        let same =
            scan(alone.as_bytes(), scope, &LIMITS).is_ok_and(|scanned| scanned.bytes() == element.bytes());
        if !same || element.bytes() != alone.as_bytes() {
            return Err(format!("scan_front takes {alone}"));
        }
    }
    match (judged, front) {
        (Some(element), None) if element.bytes() == frame => Err(format!("scan_front refuses {text}")),
        (Some(_), Some((taken, _))) if taken < frame.len() => {
            Err(format!("scan_front takes a part of {text}"))
        }
        _ => Ok(()),
    }
}

/// Compares what scan and rxml make of a frame. Ok tells whether both accept it; that scan alone refuses is allowed.
pub fn agree(frame: &[u8], content: &str) -> Result<bool, String> {
    let header = stream(content);
    let scope = if content == ns::SERVER { Scope::server() } else { Scope::client() };
    let judged = scan(frame, &scope, &LIMITS);
    front(frame, &scope, judged.as_ref().ok())?;
    let Ok(element) = judged else { return Ok(false) };
    // rxml passes on a carriage return after `]` in a CDATA section as it is, where XML 1.0 §2.11 wants a line feed.
    // Such frames are compared with line feeds there, which means the same by the same clause.
    if let Some(at) = frame.windows(2).position(|pair| pair == b"]\r") {
        let line_end = if frame.get(at + 2) == Some(&b'\n') { 2 } else { 1 };
        let frame = [&frame[..at + 1], b"\n", &frame[at + 1 + line_end..]].concat();
        return agree(&frame, content);
    }
    let mut expected = read(&header, frame).ok_or("scan accepts what rxml refuses")?;
    let mut rewritten = read(&header, element.bytes()).ok_or("rxml refuses what scan has rewritten")?;
    if content == ns::SERVER {
        as_client(&mut expected);
        as_client(&mut rewritten);
    }
    if rewritten != expected {
        return Err(format!("rewritten: {rewritten:?}, meant: {expected:?}"));
    }
    same(&element, &expected)?;
    Ok(true)
}

/// Every name, attribute and text, down to the leaves: each child is read again from its own range alone, which also
/// proves that the range needs nothing outside itself.
fn same(element: &Element, expected: &Tree) -> Result<(), String> {
    let check = |what: &str, ours: &str, theirs: &str| {
        if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?}, rxml: {theirs:?}")) }
    };
    check("namespace", element.ns(), &expected.name.0)?;
    check("name", element.name(), &expected.name.1)?;
    check("text", &element.text(), &expected.text())?;
    let white = |text: &str| text.bytes().all(|b| b" \t\r\n".contains(&b));
    if element.has_text() == white(&expected.text())
        && !String::from_utf8_lossy(element.bytes()).contains("&#")
    {
        return Err(format!("has_text: {}, rxml: {:?}", element.has_text(), expected.text()));
    }
    if element.attr_names().count() != expected.attrs.len() {
        return Err(format!("attributes: {:?}", element.attr_names().collect::<Vec<_>>()));
    }
    for ((namespace, name), value) in &expected.attrs {
        match namespace.as_str() {
            "" => check(name, element.attr(name).unwrap_or("missing"), value)?,
            ns::XML if name == "lang" => check("lang", element.lang().unwrap_or("missing"), value)?,
            _ => {}
        }
    }
    if element.children().len() != expected.elements().count() {
        return Err(format!("{} children", element.children().len()));
    }
    for (child, expected) in element.children().iter().zip(expected.elements()) {
        check("child namespace", child.ns(element), &expected.name.0)?;
        check("child name", child.name(element), &expected.name.1)?;
        check("child text", &child.text(element), &expected.text())?;
        for ((namespace, name), value) in &expected.attrs {
            if namespace.is_empty() {
                check(name, &child.attr(element, name).unwrap_or_default(), value)?;
            }
        }
        let bytes = child.bytes(element);
        let alone = read(&stream(ns::CLIENT), bytes).ok_or("rxml refuses a child alone")?;
        if alone != *expected {
            return Err(format!("child alone: {alone:?}, inside: {expected:?}"));
        }
        let alone = scan(bytes, &Scope::client(), &LIMITS).map_err(|f| format!("child alone: {f}"))?;
        same(&alone, expected)?;
    }
    Ok(())
}
