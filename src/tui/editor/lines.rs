//! A text as lines, the places in it, and what a reader counts: characters as they are seen, and cells.
//!
//! A place is always between two characters of an existing line; whatever else is asked for is clamped to one.

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// A place in a text: a line, and bytes in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pos {
    pub(crate) row: usize,
    pub(crate) byte: usize,
}

impl Pos {
    pub(crate) fn new(row: usize, byte: usize) -> Self {
        Self { row, byte }
    }

    /// Where a text ends that begins here.
    pub(super) fn after(self, text: &str) -> Self {
        match text.rsplit_once('\n') {
            None => Self::new(self.row, self.byte + text.len()),
            Some((_, last)) => Self::new(self.row + text.matches('\n').count(), last.len()),
        }
    }
}

/// The lines of a text: never none.
#[derive(Clone, Debug)]
pub(super) struct Lines(Vec<String>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.split('\n').map(str::to_owned).collect())
    }

    pub(super) fn all(&self) -> &[String] {
        &self.0
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn line(&self, row: usize) -> &str {
        self.0.get(row).map_or("", String::as_str)
    }

    pub(super) fn last(&self) -> Pos {
        let row = self.0.len().saturating_sub(1);
        Pos::new(row, self.line(row).len())
    }

    /// The nearest place that exists, at or before this one.
    pub(super) fn clamp(&self, at: Pos) -> Pos {
        if at.row >= self.0.len() {
            return self.last();
        }
        let line = self.line(at.row);
        let byte = at.byte.min(line.len());
        let mut floor = byte;
        while !line.is_char_boundary(floor) {
            floor -= 1;
        }
        Pos::new(at.row, floor)
    }

    /// The text between two places.
    pub(super) fn slice(&self, from: Pos, to: Pos) -> String {
        if from >= to {
            return String::new();
        }
        if from.row == to.row {
            return self.line(from.row).get(from.byte..to.byte).unwrap_or_default().to_owned();
        }
        let mut text = self.line(from.row).get(from.byte..).unwrap_or_default().to_owned();
        for row in from.row + 1..to.row {
            text.push('\n');
            text.push_str(self.line(row));
        }
        text.push('\n');
        text.push_str(self.line(to.row).get(..to.byte).unwrap_or_default());
        text
    }

    /// Replaces what is between two places, and gives what was there.
    pub(super) fn splice(&mut self, from: Pos, to: Pos, new: &str) -> String {
        let removed = self.slice(from, to);
        let tail = self.line(to.row).get(to.byte..).unwrap_or_default().to_owned();
        let Some(line) = self.0.get_mut(from.row) else { return removed };
        line.truncate(from.byte);
        let mut pieces = new.split('\n');
        line.push_str(pieces.next().unwrap_or_default());
        let mut more: Vec<String> = pieces.map(str::to_owned).collect();
        match more.last_mut() {
            Some(last) => last.push_str(&tail),
            None => line.push_str(&tail),
        }
        if !more.is_empty() || to.row > from.row {
            self.0.splice(from.row + 1..=to.row.max(from.row), more);
        }
        removed
    }
}

/// The end of the character that begins here.
pub(super) fn next(line: &str, byte: usize) -> Option<usize> {
    let grapheme = line.get(byte..)?.graphemes(true).next()?;
    Some(byte + grapheme.len())
}

/// The beginning of the character that ends here.
pub(super) fn previous(line: &str, byte: usize) -> Option<usize> {
    let grapheme = line.get(..byte)?.graphemes(true).next_back()?;
    Some(byte - grapheme.len())
}

/// How many cells a character takes that begins in this column. None takes none: what nobody sees can't be edited.
pub(crate) fn cells(grapheme: &str, column: usize, tab: usize) -> usize {
    match grapheme {
        "\t" => tab - column % tab,
        g => usize::from(g.cell_width()).max(1),
    }
}

/// A line's characters with where they begin: in bytes and in cells.
pub(crate) fn placed(line: &str, tab: usize) -> impl Iterator<Item = (usize, usize, &str)> {
    let tab = tab.max(1);
    line.grapheme_indices(true).scan(0, move |column, (byte, grapheme)| {
        let at = *column;
        *column += cells(grapheme, at, tab);
        Some((byte, at, grapheme))
    })
}

/// The column of a place in a line.
pub(crate) fn column(line: &str, byte: usize, tab: usize) -> usize {
    let head = line.get(..byte).unwrap_or(line);
    if is_plain(head) {
        return head.len();
    }
    placed(head, tab).last().map_or(0, |(_, at, grapheme)| at + cells(grapheme, at, tab.max(1)))
}

/// The place at a column of a line, or the line's end.
pub(super) fn byte_at(line: &str, column: usize, tab: usize) -> usize {
    if is_plain(line) {
        return column.min(line.len());
    }
    let past = |(_, at, grapheme): &(usize, usize, &str)| at + cells(grapheme, *at, tab.max(1)) > column;
    placed(line, tab).find(past).map_or(line.len(), |(byte, ..)| byte)
}

/// A byte a cell.
fn is_plain(line: &str) -> bool {
    line.bytes().all(|b| (b' '..0x7f).contains(&b))
}

/// The blanks that a line begins with.
pub(super) fn indentation(line: &str) -> &str {
    let end = line.find(|c| c != ' ' && c != '\t').unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_splice_says_what_it_took_and_can_be_taken_back() {
        let mut lines = Lines::of("one\ntwo\nthree");
        let (from, to) = (Pos::new(0, 1), Pos::new(2, 2));
        let removed = lines.splice(from, to, "X\nY");
        assert_eq!((removed.as_str(), lines.all().join("\n").as_str()), ("ne\ntwo\nth", "oX\nYree"));
        let back = lines.splice(from, from.after("X\nY"), &removed);
        assert_eq!((back.as_str(), lines.all().join("\n").as_str()), ("X\nY", "one\ntwo\nthree"));
        assert_eq!(lines.splice(Pos::default(), lines.last(), ""), "one\ntwo\nthree");
        assert_eq!(lines.all(), [""]);
    }

    #[test]
    fn a_character_is_what_is_seen() {
        let family = "a👩\u{200d}👩\u{200d}👧e\u{301}日";
        let mut at = 0;
        let mut stops = vec![0];
        while let Some(end) = next(family, at) {
            stops.push(end);
            at = end;
        }
        assert_eq!(stops.len(), 5);
        while let Some(start) = previous(family, at) {
            assert_eq!(Some(&at), stops.last());
            stops.pop();
            at = start;
        }
        assert_eq!(at, 0);
        assert_eq!(column(family, family.len(), 4), 1 + 2 + 1 + 2);
        assert_eq!(byte_at(family, 2, 4), 1, "the second cell of the family is the family");
        assert_eq!(byte_at("\tx", 3, 4), 0);
        assert_eq!((column("a\tb", 2, 4), byte_at("a\tb", 4, 4)), (4, 2));
    }

    #[test]
    fn no_place_is_outside() {
        let lines = Lines::of("日\nx");
        assert_eq!(lines.clamp(Pos::new(0, 2)), Pos::new(0, 0));
        assert_eq!(lines.clamp(Pos::new(0, 9)), Pos::new(0, 3));
        assert_eq!(lines.clamp(Pos::new(7, 0)), Pos::new(1, 1));
    }
}
