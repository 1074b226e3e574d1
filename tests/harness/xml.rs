//! The server's bytes, judged by rxml and handed on as minidom elements.

use minidom::Element;
use rxml::{Parse, Parser, error::EndOrError};

/// What came out of the stream's bytes.
#[derive(Debug)]
pub enum Item {
    /// `<?xml version='1.0'?>`
    Declaration,
    /// The start tag of `<stream:stream>`, as an element without children.
    Header(Element),
    /// A complete child of the stream.
    Child(Element),
    /// `</stream:stream>`
    End,
}

/// An incremental parser for one XML stream; a restart takes a new one.
#[derive(Default)]
pub struct Reader {
    parser: Parser,
    bytes: Vec<u8>,
    open: Vec<Element>,
    in_stream: bool,
}

impl Reader {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes that are not parsed yet; after `<proceed/>` there must be none.
    pub fn unparsed(&self) -> &[u8] {
        &self.bytes
    }

    fn take(&mut self, event: rxml::Event) -> Option<Item> {
        match event {
            rxml::Event::XmlDeclaration(..) => Some(Item::Declaration),
            rxml::Event::StartElement(_, (namespace, name), attributes) => {
                let mut element = Element::bare(name.as_str(), namespace.as_str());
                *element.attrs_mut() = attributes;
                if !self.in_stream {
                    self.in_stream = true;
                    return Some(Item::Header(element));
                }
                self.open.push(element);
                None
            }
            rxml::Event::Text(_, text) => {
                if let Some(parent) = self.open.last_mut() {
                    parent.append_text(text);
                }
                None
            }
            rxml::Event::EndElement(_) => {
                let Some(done) = self.open.pop() else { return Some(Item::End) };
                match self.open.last_mut() {
                    Some(parent) => {
                        parent.append_child(done);
                        None
                    }
                    None => Some(Item::Child(done)),
                }
            }
        }
    }
}

/// The next item, or `None` when more bytes are needed. Panics when the server sent bad XML.
impl Iterator for Reader {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let mut rest = self.bytes.as_slice();
            let event = self.parser.parse(&mut rest, false);
            let used = self.bytes.len() - rest.len();
            self.bytes.drain(..used);
            match event {
                Ok(Some(event)) => {
                    if let Some(item) = self.take(event) {
                        return Some(item);
                    }
                }
                Ok(None) | Err(EndOrError::NeedMoreData) => return None,
                Err(EndOrError::Error(error)) => panic!("the server sent bad XML: {error}"),
            }
        }
    }
}
