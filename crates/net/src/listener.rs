//! Listening sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::NetError;

/// Connections that wait to be accepted; the kernel may allow less (net.core.somaxconn).
const BACKLOG: i32 = 4096;

/// How long accepting pauses when the process or the machine is out of something (file descriptors, memory).
const PAUSE: Duration = Duration::from_millis(200);

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free port. `[::]` takes IPv4 as well, also on a machine without IPv6.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// One line that names the address and the reason: in use, not permitted, not of this machine.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let bound = match listen(address) {
            Err(error) if no_ipv6(&error) && address.ip().is_unspecified() => {
                listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
            }
            other => other,
        };
        let inner =
            bound.and_then(TcpListener::from_std).map_err(|error| NetError(explain(address, &error)))?;
        let address = inner.local_addr().map_err(|error| NetError(explain(address, &error)))?;
        Ok(Self { inner, address })
    }

    /// The address really bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, with Nagle's algorithm off (a stanza must not wait for another). Failures of single
    /// connections are passed over; when the process is out of file descriptors, accepting pauses and tries again.
    pub async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut failing = false;
        loop {
            match self.inner.accept().await {
                Ok((stream, peer)) => {
                    if stream.set_nodelay(true).is_ok() {
                        return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()));
                    }
                }
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    if !failing {
                        tracing::warn!(address = %self.address, %error, "cannot accept connections for now");
                        failing = true;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Else a restart has to wait until the connections of the last run are forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

/// Errors that belong to a connection that broke before it was accepted (accept(2), "Error handling").
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | TimedOut)
        || matches!(
            error.raw_os_error(),
            Some(libc::ENETDOWN | libc::EPROTO | libc::ENOPROTOOPT | libc::EHOSTDOWN | libc::ENONET)
                | Some(libc::EHOSTUNREACH | libc::EOPNOTSUPP | libc::ENETUNREACH | libc::EPERM)
        )
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program".to_owned(),
        io::ErrorKind::PermissionDenied => format!("no permission to use port {}", address.port()),
        io::ErrorKind::AddrNotAvailable => {
            let family = if matches!(address.ip(), IpAddr::V4(_)) { "IPv4" } else { "IPv6" };
            format!("this machine has no such {family} address")
        }
        _ => error.to_string(),
    };
    format!("cannot listen on {address}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_free_port_is_taken_and_a_taken_one_refused() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        assert_ne!(address.port(), 0);
        let error = Listener::bind(address).unwrap_err().to_string();
        assert_eq!(error, format!("cannot listen on {address}: the port is in use by another program"));
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = listener.accept().await;
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn the_unspecified_ipv6_address_takes_ipv4_too() {
        let listener = Listener::bind("[::]:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(("127.0.0.1", listener.local_addr().port())).await.unwrap();
        let (_stream, peer) = listener.accept().await;
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let error = Listener::bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "cannot listen on 192.0.2.1:0: this machine has no such IPv4 address");
    }
}
