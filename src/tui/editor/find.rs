//! Finds a text in lines: to the letter where what is looked for has a capital letter, else whatever the case.

use std::ops::Range;

use super::lines::Pos;

/// The most matches that are counted.
pub(crate) const MOST: usize = 100_000;

/// What is looked for. Never empty, and within one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    exact: bool,
}

/// A match: within one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Match {
    pub(crate) fn from(self) -> Pos {
        Pos::new(self.row, self.start)
    }

    pub(crate) fn to(self) -> Pos {
        Pos::new(self.row, self.end)
    }
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let exact = text.chars().any(char::is_uppercase);
        (!text.is_empty()).then(|| Self { text: text.to_owned(), exact })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The matches in one line, from left to right; none overlaps another.
    pub(crate) fn in_line(&self, line: &str) -> Vec<Range<usize>> {
        if self.exact {
            return line.match_indices(&self.text).map(|(at, found)| at..at + found.len()).collect();
        }
        if self.text.is_ascii() {
            return self.ascii(line);
        }
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            match self.folded(rest) {
                Some(len) => {
                    found.push(at..at + len);
                    at += len;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        found
    }

    fn ascii(&self, line: &str) -> Vec<Range<usize>> {
        let (wanted, bytes) = (self.text.as_bytes(), line.as_bytes());
        let first = wanted.first().copied().unwrap_or_default();
        let mut found = Vec::new();
        let mut at = 0;
        while at + wanted.len() <= bytes.len() {
            let here = |part: &[u8]| part.eq_ignore_ascii_case(wanted);
            let begins = bytes.get(at).is_some_and(|b| b.eq_ignore_ascii_case(&first));
            if begins && bytes.get(at..at + wanted.len()).is_some_and(here) {
                found.push(at..at + wanted.len());
                at += wanted.len();
            } else {
                at += 1;
            }
        }
        found
    }

    /// How much of a text's beginning is a match, whatever the case.
    fn folded(&self, text: &str) -> Option<usize> {
        let mut wanted = self.text.chars().flat_map(char::to_lowercase).peekable();
        let mut len = 0;
        for c in text.chars() {
            for c in c.to_lowercase() {
                if wanted.next()? != c {
                    return None;
                }
            }
            len += c.len_utf8();
            if wanted.peek().is_none() {
                return Some(len);
            }
        }
        None
    }

    /// All matches, but not more than `MOST`.
    pub(crate) fn all(&self, lines: &[String]) -> Vec<Match> {
        let in_row = |(row, line): (usize, &String)| {
            let found = self.in_line(line).into_iter();
            found.map(move |found| Match { row, start: found.start, end: found.end })
        };
        lines.iter().enumerate().flat_map(in_row).take(MOST).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, line: &str) -> Vec<Range<usize>> {
        Pattern::new(pattern).unwrap().in_line(line)
    }

    #[test]
    fn a_capital_letter_asks_for_itself() {
        assert_eq!(found("ab", "Ab aB ab"), [0..2, 3..5, 6..8]);
        assert_eq!(found("Ab", "Ab aB ab"), [0..2]);
        assert_eq!(found("aa", "aaaaa"), [0..2, 2..4]);
        assert_eq!(found("é", "É e é"), [0..2, 5..7]);
        assert_eq!(found("日", "x日本日"), [1..4, 7..10]);
        assert!(found("x", "").is_empty());
        assert!(Pattern::new("").is_none());
    }

    #[test]
    fn matches_are_bounded() {
        let lines = vec!["a".repeat(MOST + 5)];
        assert_eq!(Pattern::new("a").unwrap().all(&lines).len(), MOST);
    }
}
