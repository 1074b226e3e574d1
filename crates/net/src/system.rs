//! What only the operating system knows.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Bytes in the kernel's send queue of a TCP socket that the peer's kernel has not acknowledged (SIOCOUTQ, tcp(7)).
/// 0 on an open socket: the peer's machine has everything.
///
/// # Errors
/// The socket is not a connected TCP socket any more.
pub fn unsent(socket: &impl AsFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed, and TIOCOUTQ (the same number as SIOCOUTQ)
    // writes one int to the address given.
    #[allow(unsafe_code)]
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Raises the process's limit of open files as far as it may; returns the limit then in force.
///
/// # Errors
/// The system refuses to tell or to set it.
pub fn raise_file_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes one `rlimit` to the address given.
    #[allow(unsafe_code)]
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: setrlimit reads one `rlimit` from the address given.
        #[allow(unsafe_code)]
        let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_the_peer_does_not_take_stays_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        assert_eq!(unsent(&ours).unwrap(), 0);
        ours.set_nonblocking(true).unwrap();
        while ours.write(&[0; 65_536]).is_ok() {}
        assert!(unsent(&ours).unwrap() > 0);
        theirs.set_nonblocking(true).unwrap();
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..1000 {
            if unsent(&ours).unwrap() == 0 {
                return;
            }
            if theirs.read(&mut buffer).unwrap_or(0) == 0 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        panic!("the queue never emptied");
    }

    #[test]
    fn the_file_limit_is_told() {
        assert!(raise_file_limit().unwrap() >= 256);
    }
}
