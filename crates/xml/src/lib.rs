//! XMPP's XML: cut frames, judge them once, write them.
//!
//! Bytes from a stream go through [`Splitter`], which cuts off one frame at a time and refuses what is too big while
//! it is still arriving, then through [`header()`] or [`scan`], which judge the frame strictly; [`scan_front`] does both
//! at once for an element that came whole. What `scan` accepts
//! means the same to every XML parser, so its bytes may be passed on as they are. [`Tag`] and the functions beside it
//! write XML. Nothing outside this crate sees a tag character.

mod child;
mod element;
mod fault;
mod header;
mod judge;
mod known;
mod lex;
mod limits;
mod names;
mod rewrite;
mod scan;
mod scope;
mod span;
mod split;
mod text;
mod write;

pub use child::Child;
pub use element::Element;
pub use fault::Fault;
pub use header::{Header, header};
pub use limits::{Limits, MAX_NAME, MAX_PREFIXES};
pub use scan::{scan, scan_front};
pub use scope::{Content, Scope};
pub use split::{Cut, Splitter};
pub use write::{Tag, attach, close, component_header, escape_attr, stream_end, stream_header, text};

/// Namespaces that XML itself and the stream give a meaning to.
pub mod ns {
    /// The content namespace of client streams (RFC 6120 §4.8.3).
    pub const CLIENT: &str = "jabber:client";
    /// The content namespace of server streams (RFC 6120 §4.8.3); [`crate::scan`] reports it as [`CLIENT`].
    pub const SERVER: &str = "jabber:server";
    /// The content namespace of component streams (XEP-0114); [`crate::scan`] reports it as [`CLIENT`].
    pub const COMPONENT: &str = "jabber:component:accept";
    /// The stream's own namespace (RFC 6120 §4.8.1).
    pub const STREAMS: &str = "http://etherx.jabber.org/streams";
    /// What the prefix `xml` always stands for (Namespaces in XML 1.0 §3).
    pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
    /// What the prefix `xmlns` always stands for (Namespaces in XML 1.0 §3).
    pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
}
