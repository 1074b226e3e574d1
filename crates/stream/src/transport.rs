//! A TCP connection, perhaps with TLS on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use waxwing_net::tls::{Acceptor, Bindings, TlsStream};

/// Bytes read at once of what is not encrypted.
const READ: usize = 16 * 1024;

/// See the module.
pub enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A TLS handshake is under way, or failed: there is nothing to read or write.
    Gone,
}

impl Transport {
    /// Shakes hands as the TLS server.
    pub async fn encrypt(&mut self, acceptor: &Acceptor) -> io::Result<Bindings> {
        let Transport::Plain(tcp) = std::mem::replace(self, Transport::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (tls, bindings) = acceptor.accept(tcp).await?;
        *self = Transport::Tls(Box::new(tls));
        Ok(bindings)
    }

    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Transport::Plain(tcp) => Some(tcp),
            Transport::Tls(tls) => Some(tls.get_ref()),
            Transport::Gone => None,
        }
    }

    /// What TLS negotiated, if there is TLS.
    pub fn tls(&self) -> Option<&rustls::CommonState> {
        match self {
            Transport::Tls(tls) => Some(tls.connection()),
            Transport::Plain(_) | Transport::Gone => None,
        }
    }

    /// Appends what came to `bytes`; ready without anything at the end of what the other side sends.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut Vec<u8>) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(tcp) => {
                let before = bytes.len();
                bytes.resize(before + READ, 0);
                let mut buf = ReadBuf::new(bytes.get_mut(before..).unwrap_or_default());
                let read = Pin::new(tcp).poll_read(cx, &mut buf);
                let came = buf.filled().len();
                bytes.truncate(before + came);
                read
            }
            Transport::Tls(tls) => tls.poll_read(cx, bytes),
            Transport::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Transport::Tls(tls) => tls.poll_write(cx, bytes),
            Transport::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => tls.poll_flush(cx),
            Transport::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Ends our side: `close_notify` under TLS, then FIN.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => tls.poll_shutdown(cx),
            Transport::Gone => Poll::Ready(Ok(())),
        }
    }
}
