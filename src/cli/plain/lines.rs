//! A program's output as lines of plain text: without colours, without anything a terminal would obey.

/// The longest line that is passed on whole.
const LONGEST: usize = 16 << 10;

/// What of a stream is not a whole line yet.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that are whole with these bytes.
    pub fn push(&mut self, data: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.ends_with(b"\n") {
                whole.push(plain(&std::mem::take(&mut self.rest)));
            } else if self.rest.len() >= LONGEST {
                // A character whose rest has not come begins the next line.
                let begun = self.rest.split_off(self.rest.len() - begun(&self.rest));
                whole.push(plain(&std::mem::replace(&mut self.rest, begun)));
            }
        }
        whole
    }

    /// What the program left without an end of line.
    pub fn last(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| plain(&rest))
    }
}

/// How many bytes at the end are the beginning of a character.
fn begun(bytes: &[u8]) -> usize {
    let is_begun = |tail: &usize| {
        let tail = bytes.get(bytes.len() - tail..).unwrap_or_default();
        std::str::from_utf8(tail).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
    };
    (1..=bytes.len().min(3)).find(is_begun).unwrap_or(0)
}

/// One line as it may be printed. Of a line that a program has written over, only what it wrote last.
pub fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    let text = text.rsplit('\r').next().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' => out.push('\t'),
            // Eight-bit introducers, marks that turn text around, and other controls.
            c if c.is_control() || is_turning(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Skips an escape sequence whose first character was read.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            for c in chars.by_ref() {
                if matches!(c, '@'..='~') {
                    break;
                }
            }
        }
        // Strings for the terminal: a title, the clipboard.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next();
                    break;
                }
            }
        }
        Some('(' | ')' | '*' | '+' | '#' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_come_whole_and_plain() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\x1b[1;31mb\x1b[0m\nc"), ["ab"]);
        assert_eq!(lines.push(b"d\r\n10 %\r20 %\n\x1b]52;c;AAAA\x07x\n"), ["cd", "20 %", "x"]);
        assert_eq!(lines.last(), None);
        lines.push("é\u{202e}".as_bytes());
        assert_eq!(lines.last().as_deref(), Some("é"));
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut lines = Lines::default();
        let mut bytes = 0;
        for _ in 0..1000 {
            bytes += lines.push(&[b'x'; 1000]).iter().map(String::len).sum::<usize>();
            assert!(lines.rest.len() < LONGEST + 1000);
        }
        assert_eq!(bytes + lines.last().map_or(0, |line| line.len()), 1_000_000);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        for begin in 0..4 {
            let text = format!("{}{}", "x".repeat(begin), "日👩é".repeat(10_000));
            for size in [1, 5, 1000, 20_000] {
                let mut lines = Lines::default();
                let mut all: String =
                    text.as_bytes().chunks(size).flat_map(|data| lines.push(data)).collect();
                all.extend(lines.last());
                assert!(all == text, "cut at {begin}, in pieces of {size}");
            }
        }
        // Half a character that ends there is told as what it is.
        let mut lines = Lines::default();
        let mut bytes = vec![b'x'; LONGEST];
        bytes.extend(b"\xe6\n");
        assert_eq!(lines.push(&bytes).concat(), format!("{}\u{fffd}", "x".repeat(LONGEST)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_terminal_do_anything(data in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut lines = Lines::default();
            let mut all = lines.push(&data);
            all.extend(lines.last());
            prop_assert!(all.iter().flat_map(|line| line.chars()).all(|c| c == '\t' || !c.is_control()));
        }
    }
}
