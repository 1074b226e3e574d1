//! The operator's commands and the local admin socket.
