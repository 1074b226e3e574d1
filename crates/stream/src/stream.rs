//! One XML stream over one connection: frames in, bytes out, each at its own speed.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use waxwing_net::tls::{Acceptor, Bindings};
use waxwing_xml::{
    Content, Cut, Element, Header, Limits, Scope, Splitter, component_header, stream_end, stream_header,
};

use crate::error::StreamError;
use crate::input::Input;
use crate::transport::Transport;

/// The most that one write takes together.
pub const WRITE: usize = 64 * 1024;

/// How long closing may take: our last bytes, and the client's answer to them.
const CLOSING: Duration = Duration::from_secs(2);

/// How often the kernel's send queue is looked at when a stream closes.
const LOOK: Duration = Duration::from_millis(5);

thread_local! {
    /// Where every read goes first, so that a resting connection holds no buffer.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// See the module.
pub struct Stream {
    transport: Transport,
    splitter: Splitter,
    limits: Limits,
    content: Content,
    scope: Scope,
    input: Input,
    /// Bytes to write; those before `sent` were.
    out: Vec<u8>,
    sent: usize,
    unflushed: bool,
    /// Our header is sent.
    opened: bool,
}

/// What the other side sends.
#[derive(Debug)]
pub enum Frame {
    /// Boxed: one of thousands of frames is one.
    Header(Box<Header>),
    Element(Element),
    /// The end of its stream.
    End,
}

/// What [`Stream::turn`] brought about.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// So many bytes came.
    Read(usize),
    /// Everything that was to be written is with the kernel. Told only to those who wait for that: who does not read,
    /// or had more than [`WRITE`] bytes to write.
    Flushed,
    /// The other side sends nothing more.
    Eof,
}

impl Stream {
    /// A stream of a client.
    pub fn new(tcp: TcpStream, limits: Limits) -> Stream {
        Stream::of(Content::Client, tcp, limits)
    }

    /// A stream with this content namespace; a header with another is an error.
    pub fn of(content: Content, tcp: TcpStream, limits: Limits) -> Stream {
        Stream {
            transport: Transport::Plain(tcp),
            splitter: Splitter::new(limits),
            limits,
            content,
            scope: Scope::of(content),
            input: Input::default(),
            out: Vec::new(),
            sent: 0,
            unflushed: false,
            opened: false,
        }
    }

    /// A fresh parser for a stream that starts over (RFC 6120 §4.3.3). Bytes that came already belong to it.
    pub fn restart(&mut self, limits: Limits) {
        self.splitter = Splitter::new(limits);
        self.limits = limits;
        self.scope = Scope::of(self.content);
        self.opened = false;
    }

    /// Whether bytes other than whitespace came that nobody has taken.
    pub fn has_input(&self) -> bool {
        self.splitter.in_frame() || !self.input.is_space()
    }

    /// Shakes hands; everything that came in the clear is dropped.
    pub async fn encrypt(&mut self, acceptor: &Acceptor) -> io::Result<Bindings> {
        self.input = Input::default();
        self.transport.encrypt(acceptor).await
    }

    /// Other limits for what is still to come of the same stream.
    pub fn set_limits(&mut self, limits: Limits) {
        self.splitter.set_limits(limits);
        self.limits = limits;
    }

    /// The number of the TLS version.
    pub fn tls_number(&self) -> Option<u16> {
        self.transport.tls()?.protocol_version().map(u16::from)
    }

    /// The TLS version, for the log.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.transport.tls()?.protocol_version()?.as_str()
    }

    /// The next whole frame of what has been read.
    pub fn frame(&mut self) -> Result<Option<Frame>, StreamError> {
        while !self.input.is_empty() {
            if self.splitter.is_between_elements()
                && let Some((taken, element)) =
                    waxwing_xml::scan_front(self.input.text(), &self.scope, &self.limits)
            {
                self.input.take(taken);
                return Ok(Some(Frame::Element(element)));
            }
            let (taken, cut) = self.splitter.feed(self.input.front())?;
            self.input.take(taken);
            match cut {
                None => {}
                Some(Cut::End) => return Ok(Some(Frame::End)),
                Some(Cut::Element(bytes)) => {
                    let element = waxwing_xml::scan(&bytes, &self.scope, &self.limits)?;
                    return Ok(Some(Frame::Element(element)));
                }
                Some(Cut::Header(bytes)) => {
                    let header = waxwing_xml::header(&bytes)?;
                    if header.scope.content() != self.content {
                        return Err(StreamError::new("invalid-namespace"));
                    }
                    self.scope = header.scope.clone();
                    return Ok(Some(Frame::Header(Box::new(header))));
                }
            }
        }
        Ok(None)
    }

    /// The buffer of what is to be written. Nothing goes out before [`Stream::turn`].
    pub fn out(&mut self) -> &mut Vec<u8> {
        if self.out.capacity() == 0 {
            self.out.reserve(1024);
        }
        &mut self.out
    }

    /// Bytes that wait to be written.
    pub fn backlog(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Whether everything written is with the kernel.
    pub fn is_flushed(&self) -> bool {
        self.out.is_empty() && !self.unflushed
    }

    /// Bytes that the client's machine has not acknowledged; `None` if that cannot be known any more.
    pub fn unsent(&self) -> Option<usize> {
        waxwing_net::unsent(self.transport.tcp()?).ok()
    }

    /// Writes our header; says which id the stream has.
    pub fn open(&mut self, from: &str, to: Option<&str>) -> String {
        self.opened = true;
        let id = waxwing_sasl::token();
        match self.content {
            Content::Component => component_header(self.out(), from, &id),
            Content::Client | Content::Server => stream_header(self.out(), from, to, &id, "en"),
        }
        id
    }

    pub fn is_open(&self) -> bool {
        self.opened
    }

    /// Writes what waits and, if asked to and nothing read before is left, reads. Resolves at the first step
    /// worth looking at; dropping it loses nothing.
    pub async fn turn(&mut self, read: bool) -> io::Result<Turn> {
        let tell = self.tells(read);
        poll_fn(|cx| self.poll_turn(cx, read, tell)).await
    }

    /// Whether a turn that begins now is to say [`Turn::Flushed`].
    pub fn tells(&self, read: bool) -> bool {
        !read || self.backlog() >= WRITE
    }

    /// [`Stream::turn`], polled; `tell` as it was when the turn began.
    pub fn poll_turn(&mut self, cx: &mut Context<'_>, read: bool, tell: bool) -> Poll<io::Result<Turn>> {
        match self.poll_out(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) if tell => return Poll::Ready(Ok(Turn::Flushed)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if read && self.input.is_empty() { self.poll_input(cx) } else { Poll::Pending }
    }

    /// Ready when the last byte is out; pending also when there was none.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let written = ready!(self.transport.poll_write(cx, &self.out[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.unflushed = true;
        }
        (self.out, self.sent) = (Vec::new(), 0);
        if !self.unflushed {
            return Poll::Pending;
        }
        ready!(self.transport.poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Turn>> {
        SCRATCH.with_borrow_mut(|bytes| {
            bytes.clear();
            ready!(self.transport.poll_read(cx, bytes))?;
            if bytes.is_empty() {
                return Poll::Ready(Ok(Turn::Eof));
            }
            self.input = Input::new(bytes);
            Poll::Ready(Ok(Turn::Read(bytes.len())))
        })
    }

    /// Waits until everything is with the kernel.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.is_flushed() {
            self.turn(false).await?;
        }
        Ok(())
    }

    /// Waits until the client's machine has everything written; `false` if that does not become known in time.
    pub async fn delivered(&mut self) -> bool {
        let all_there = async {
            self.flush().await.ok()?;
            while self.unsent()? > 0 {
                sleep(LOOK).await;
            }
            Some(())
        };
        matches!(timeout(CLOSING, all_there).await, Ok(Some(())))
    }

    /// Writes the error, if there is one, and the stream's end; then closes the connection, once the client has
    /// had time to read it and to close its side.
    pub async fn close(mut self, error: Option<&StreamError>) {
        if let Some(error) = error {
            error.write(self.out());
        }
        stream_end(self.out());
        // The connection is given up, whatever becomes of its last bytes.
        let _ = timeout(CLOSING, self.shut()).await;
    }

    async fn shut(&mut self) -> io::Result<()> {
        self.flush().await?;
        poll_fn(|cx| self.transport.poll_shutdown(cx)).await?;
        // A socket closed with unread input resets, and the client would not see our last words.
        loop {
            self.input = Input::default();
            if poll_fn(|cx| self.poll_input(cx)).await? == Turn::Eof {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const LIMITS: Limits = Limits { frame: 10_000, depth: 10, attributes: 10 };
    const HEADER: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' \
                          xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

    async fn connected() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Stream::new(listener.accept().await.unwrap().0, LIMITS), client)
    }

    async fn frame(stream: &mut Stream) -> Result<Frame, StreamError> {
        loop {
            if let Some(frame) = stream.frame()? {
                return Ok(frame);
            }
            stream.turn(true).await.unwrap();
        }
    }

    #[tokio::test]
    async fn frames_come_one_after_the_other_and_leave_no_buffer() {
        let (mut stream, mut client) = connected().await;
        client.write_all(HEADER.as_bytes()).await.unwrap();
        client.write_all(b"<presence/> <iq type='get' id='1'/></stream:stream>").await.unwrap();
        assert!(matches!(frame(&mut stream).await, Ok(Frame::Header(_))));
        for name in ["presence", "iq"] {
            let Ok(Frame::Element(element)) = frame(&mut stream).await else { panic!("no element") };
            assert_eq!(element.name(), name);
        }
        assert!(matches!(frame(&mut stream).await, Ok(Frame::End)));
        assert_eq!(stream.input.capacity() + stream.out.capacity(), 0);
    }

    #[tokio::test]
    async fn a_restarted_stream_keeps_what_came_and_forgets_the_old_one() {
        let (mut stream, mut client) = connected().await;
        client.write_all(format!("{HEADER}<response/>{HEADER}").as_bytes()).await.unwrap();
        assert!(matches!(frame(&mut stream).await, Ok(Frame::Header(_))));
        assert!(matches!(frame(&mut stream).await, Ok(Frame::Element(_))));
        assert!(stream.has_input());
        stream.restart(LIMITS);
        assert!(matches!(frame(&mut stream).await, Ok(Frame::Header(_))));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_still_read() {
        let (mut stream, mut client) = connected().await;
        stream.out().extend_from_slice(&vec![b' '; 64 << 20]);
        client.write_all(HEADER.as_bytes()).await.unwrap();
        let header = timeout(CLOSING, frame(&mut stream)).await.unwrap();
        assert!(matches!(header, Ok(Frame::Header(_))));
        assert!(stream.backlog() > 0 && !stream.is_flushed());
    }

    #[tokio::test]
    async fn the_last_words_arrive_though_nobody_took_what_came() {
        let (stream, mut client) = connected().await;
        client.write_all(&[b' '; 4096]).await.unwrap();
        let closing = tokio::spawn(async move { stream.close(Some(&StreamError::new("conflict"))).await });
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert!(said.contains("conflict") && said.ends_with("</stream:stream>"), "{said}");
        drop(client);
        timeout(CLOSING, closing).await.unwrap().unwrap();
    }
}
