//! Why there is no figure.

use std::fmt;

/// One line for whoever runs the benchmark.
#[derive(Debug)]
pub struct Fault(String);

impl Fault {
    pub fn new(why: impl Into<String>) -> Fault {
        Fault(why.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault(error.to_string())
    }
}
