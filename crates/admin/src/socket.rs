//! Where the socket is.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The longest path that a socket address holds (unix(7): 108 bytes with the final zero).
const MAX_PATH: usize = 107;

/// A path to a socket, short enough for its address. Where the data folder's is too long, the path goes through the
/// open folder, which must stay open while the path is used.
pub(crate) struct SocketPath {
    pub path: PathBuf,
    _folder: Option<File>,
}

impl SocketPath {
    pub fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= MAX_PATH {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let folder = File::open(folder)?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}
