//! A TLS connection that holds no buffer while it rests.
//!
//! rustls' buffered connections keep 4 KiB for what may come, as long as they live. Here records go through one buffer
//! for each thread, and what a connection keeps is a record that came in part, or one that the kernel did not take.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than any record has (RFC 8446 §5.2: 16,640 bytes and a head of 5), and than any handshake message of a client
/// that shows no certificate.
const RECORDS: usize = 32 * 1024;

/// What is encrypted at once: a record's worth.
const CHUNK: usize = 16 * 1024;

/// A ticket is smaller. Before more than this nothing else is written.
const SMALL: usize = 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; RECORDS].into_boxed_slice());
}

/// See the module.
pub struct TlsStream<S> {
    io: S,
    tls: UnbufferedServerConnection,
    /// The beginning of a record.
    incoming: Vec<u8>,
    /// What came right behind the handshake and nobody has read.
    early: Vec<u8>,
    /// Records that the kernel has not taken yet.
    outgoing: Vec<u8>,
    /// The peer sends nothing more.
    ended: bool,
    /// So do we.
    closed: bool,
    /// It broke the protocol.
    failed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Shakes hands. The last that TLS has to say to it may go out with what is read or written next.
    pub(super) async fn accept(io: S, config: ServerConfig) -> io::Result<TlsStream<S>> {
        let mut stream = TlsStream {
            io,
            tls: UnbufferedServerConnection::new(Arc::new(config)).map_err(invalid)?,
            incoming: Vec::new(),
            early: Vec::new(),
            outgoing: Vec::new(),
            ended: false,
            closed: false,
            failed: false,
        };
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// What was negotiated.
    pub fn connection(&self) -> &rustls::CommonState {
        &self.tls
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut early = mem::take(&mut self.early);
        let shaken = self.poll_until(cx, &mut early, |stream, _| !stream.tls.is_handshaking());
        self.early = early;
        shaken
    }

    /// Appends what came to `plain`; ready without anything at the end of what the peer sends.
    ///
    /// # Errors
    /// The connection broke, ended without a word, or the peer broke the protocol.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, plain: &mut Vec<u8>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            plain.append(&mut mem::take(&mut self.early));
            return Poll::Ready(Ok(()));
        }
        let before = plain.len();
        self.poll_until(cx, plain, |stream, plain| stream.ended || plain.len() > before)
    }

    /// Receives until it is `enough`, and sends what TLS has to say to that. What nobody waits for comes with what is
    /// written next: after the handshake of TLS 1.3 that is its ticket, or new keys (RFC 8446 §4.6.1, §4.6.3).
    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        plain: &mut Vec<u8>,
        enough: impl Fn(&Self, &Vec<u8>) -> bool,
    ) -> Poll<io::Result<()>> {
        loop {
            let awaited =
                self.tls.is_handshaking() || self.tls.protocol_version() != Some(ProtocolVersion::TLSv1_3);
            // What the kernel does not take now goes out later: it wakes us, or something is written.
            if awaited && let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            if enough(self, plain) {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_receive(cx, plain))?;
        }
    }

    /// Reads once.
    fn poll_receive(&mut self, cx: &mut Context<'_>, plain: &mut Vec<u8>) -> Poll<io::Result<()>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut records = ReadBuf::new(buffer);
            if self.failed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if self.incoming.len() >= records.remaining() {
                return Poll::Ready(Err(invalid("a message is too long")));
            }
            records.put_slice(&self.incoming);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut records))?;
            let filled = records.filled_mut();
            if filled.len() == self.incoming.len() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let (done, outcome) = self.process(filled, plain);
            let rest = filled.get_mut(done..).unwrap_or_default();
            if outcome.is_err() {
                self.failed = true;
                // The alert that says why; the connection is given up, whatever becomes of it.
                if let Ok(ConnectionState::EncodeTlsData(data)) = self.tls.process_tls_records(rest).state {
                    encode(data, &mut self.outgoing)?;
                }
                let _ = self.poll_send(cx);
            }
            self.incoming = rest.to_vec();
            Poll::Ready(outcome)
        })
    }

    /// Handles records; says how many bytes of them are done with.
    fn process(&mut self, records: &mut [u8], plain: &mut Vec<u8>) -> (usize, io::Result<()>) {
        let mut done = 0;
        loop {
            let rest = records.get_mut(done..).unwrap_or_default();
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(rest);
            done += discard;
            let handled = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        done += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    Ok(())
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.outgoing),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(())
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    Ok(())
                }
                Ok(ConnectionState::WriteTraffic(_))
                | Ok(ConnectionState::BlockedHandshake)
                | Ok(ConnectionState::Closed) => return (done, Ok(())),
                // Early data, which is not offered.
                Ok(_) => Err(invalid("an unexpected state")),
                Err(error) => Err(invalid(error)),
            };
            if handled.is_err() {
                return (done, handled);
            }
        }
    }

    /// Encrypts and sends the beginning of `plain`; says how much of it. That is not lost if the kernel takes only a
    /// part: it follows with the next call of this or [`poll_flush`](Self::poll_flush).
    ///
    /// # Errors
    /// The connection broke, or was closed.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, plain: &[u8]) -> Poll<io::Result<usize>> {
        if self.outgoing.len() > SMALL {
            ready!(self.poll_send(cx))?;
        }
        let plain = plain.get(..CHUNK).unwrap_or(plain);
        BUFFER.with_borrow_mut(|buffer| {
            let length = self.say(|traffic| traffic.encrypt(plain, buffer))?;
            let mut records = buffer.get(..length).unwrap_or_default();
            if !self.outgoing.is_empty() {
                self.outgoing.extend_from_slice(records);
                return match self.poll_send(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(plain.len())),
                };
            }
            // Nothing is no write: the kernel would be asked all the same.
            while !records.is_empty()
                && let Poll::Ready(sent) = self.poll_some(cx, records)
            {
                records = records.get(sent?..).unwrap_or_default();
            }
            self.outgoing = records.to_vec();
            Poll::Ready(Ok(plain.len()))
        })
    }

    /// Makes records, where that is still possible; says how many bytes.
    fn say(
        &mut self,
        what: impl FnOnce(&mut WriteTraffic<'_, ServerConnectionData>) -> Result<usize, EncryptError>,
    ) -> io::Result<usize> {
        if self.closed || self.failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // What was handled already is shown again: a message may be there in part.
        match self.tls.process_tls_records(&mut self.incoming).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => what(&mut traffic).map_err(invalid),
            Ok(_) => Err(io::ErrorKind::NotConnected.into()),
            Err(error) => Err(invalid(error)),
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Ends our side: `close_notify`, then FIN.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        BUFFER.with_borrow_mut(|buffer| {
            if let Ok(length) = self.say(|traffic| traffic.queue_close_notify(buffer)) {
                self.outgoing.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
        });
        self.closed = true;
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let records = mem::take(&mut self.outgoing);
            let sent = self.poll_some(cx, &records);
            self.outgoing = records;
            let sent = ready!(sent)?;
            self.outgoing.drain(..sent);
        }
        self.outgoing = Vec::new();
        Poll::Ready(Ok(()))
    }

    fn poll_some(&mut self, cx: &mut Context<'_>, records: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.io).poll_write(cx, records))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            sent => Poll::Ready(Ok(sent)),
        }
    }
}

fn encode<D>(mut data: EncodeTlsData<'_, D>, outgoing: &mut Vec<u8>) -> io::Result<()> {
    let before = outgoing.len();
    let mut room = 0;
    loop {
        outgoing.resize(before + room, 0);
        match data.encode(outgoing.get_mut(before..).unwrap_or_default()) {
            Ok(length) => {
                outgoing.truncate(before + length);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(size)) if size.required_size > room => {
                room = size.required_size;
            }
            Err(error) => return Err(invalid(error)),
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
