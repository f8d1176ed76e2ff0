//! What a server says beside its data, as `git` shows it.

/// Makes lines of the second band, and hands each on as soon as it is whole.
pub(crate) struct RemoteLines<'a> {
    show: Box<dyn FnMut(String) + 'a>,
    text: Vec<u8>,
}

impl<'a> RemoteLines<'a> {
    pub(crate) fn new(show: impl FnMut(String) + 'a) -> Self {
        Self {
            show: Box::new(show),
            text: Vec::new(),
        }
    }

    pub(crate) fn hear(&mut self, text: &[u8]) {
        for &byte in text {
            match byte {
                b'\n' => self.end(),
                // What is redrawn is not worth a line each.
                b'\r' => self.text.clear(),
                byte => self.text.push(byte),
            }
        }
    }

    fn end(&mut self) {
        let line = String::from_utf8_lossy(&self.text).trim_end().to_owned();
        self.text.clear();
        if !line.is_empty() {
            (self.show)(format!("remote: {line}"));
        }
    }
}

impl Drop for RemoteLines<'_> {
    /// The last line may lack its end.
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_what_is_redrawn_is_left_out() {
        let mut shown = Vec::new();
        let mut lines = RemoteLines::new(|line| shown.push(line));
        for text in [
            &b"Counting: 1\rCount"[..],
            b"ing: 2, done.\nde",
            b"nied \n\n",
            b"bye",
        ] {
            lines.hear(text);
        }
        drop(lines);
        assert_eq!(
            shown,
            ["remote: Counting: 2, done.", "remote: denied", "remote: bye"]
        );
    }
}
