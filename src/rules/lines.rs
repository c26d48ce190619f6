//! On which line of a file a byte stands.

/// Where the lines of a text begin.
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Lines {
        let ends = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, after)| after);
        Lines(std::iter::once(0).chain(ends).collect())
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_on_its_line() {
        let text = "one\n\nthree\nfour";
        let lines = Lines::of(text);
        for at in 0..=text.len() {
            assert_eq!(lines.line(at), text[..at].matches('\n').count() + 1, "{at}");
        }
    }
}
