//! The ways in which a stream ends before a session is served.

pub use waxwing_stream::StreamError;

/// How a stream ends before a session is served.
#[derive(Debug)]
pub enum End {
    /// The connection broke, or the client closed it without closing its stream.
    Lost,
    /// The client closed its stream.
    Closed,
    Error(StreamError),
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> End {
        End::Error(error)
    }
}
