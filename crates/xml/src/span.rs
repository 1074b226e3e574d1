//! Ranges of bytes.

/// A range of bytes in a frame. A frame is shorter than 4 GiB, see [`crate::lex::characters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }

    /// The same range of a text that begins so much earlier.
    pub fn after(self, bytes: usize) -> Span {
        Span::new(self.start as usize + bytes, self.end as usize + bytes)
    }

    /// The same range of a text that begins so much later, but not after it.
    pub fn before(self, bytes: u32) -> Span {
        Span { start: self.start - bytes, end: self.end - bytes }
    }

    #[inline]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// The same bytes, for a comparison: where a character begins need not be looked at.
    #[inline]
    pub fn bytes(self, text: &str) -> &[u8] {
        text.as_bytes().get(self.start as usize..self.end as usize).unwrap_or(&[])
    }

    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}
