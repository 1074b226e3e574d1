//! Bytes that came and that nobody has taken.

/// Read as text as far as they are text: all of it, but for a character that is torn or broken at the end.
#[derive(Default)]
pub struct Input {
    text: String,
    /// What follows the text.
    tail: Vec<u8>,
    /// How much of both was taken.
    taken: usize,
}

impl Input {
    pub fn new(bytes: &[u8]) -> Input {
        let text = str::from_utf8(bytes).or_else(|error| {
            // Valid so far, so this does not fail.
            str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default())
        });
        let text = text.unwrap_or_default();
        Input { text: text.to_owned(), tail: bytes.get(text.len()..).unwrap_or(&[]).to_vec(), taken: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.taken >= self.text.len() + self.tail.len()
    }

    /// Whether nothing but whitespace is left.
    pub fn is_space(&self) -> bool {
        self.text().trim_ascii().is_empty() && (self.tail.is_empty() || self.is_empty())
    }

    /// The text that is left.
    pub fn text(&self) -> &str {
        self.text.get(self.taken..).unwrap_or("")
    }

    /// The bytes that are left: the text first, the rest by itself.
    pub fn front(&self) -> &[u8] {
        match self.taken.checked_sub(self.text.len()) {
            None => self.text.as_bytes().get(self.taken..).unwrap_or(&[]),
            Some(taken) => self.tail.get(taken..).unwrap_or(&[]),
        }
    }

    /// Takes bytes off the front; after the last no memory is held.
    pub fn take(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.is_empty() {
            *self = Input::default();
        }
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.tail.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn what_is_no_text_comes_after_what_is() {
        let mut input = Input::new(b"<a/> \xc3");
        assert_eq!((input.text(), input.front()), ("<a/> ", &b"<a/> "[..]));
        input.take(4);
        assert!(!input.is_space());
        input.take(1);
        assert_eq!((input.text(), input.front(), input.is_empty()), ("", &b"\xc3"[..], false));
        input.take(1);
        assert!(input.is_empty() && input.is_space() && input.capacity() == 0);
        assert!(Input::new(b" \n").is_space() && Input::default().is_empty());
    }
}
