//! Where a motion leads from a place. Pure: knows the lines and how many of them are shown.

use super::lines::{Lines, Pos, indentation, next, previous};

/// Where the cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    /// The last character of a word.
    WordEnd,
    Home,
    /// The first character of a line that is no blank.
    FirstNonBlank,
    End,
    Top,
    Bottom,
    PageUp,
    PageDown,
    HalfPageUp,
    HalfPageDown,
    /// The blank line above or below.
    ParagraphUp,
    ParagraphDown,
    /// The bracket that belongs to the one at the cursor.
    Bracket,
    /// The beginning of a line, counted from 0.
    Line(usize),
}

/// How far a bracket's partner is looked for, in bytes.
const FARTHEST: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    Word,
    Sign,
}

fn class(c: char) -> Class {
    match c {
        c if c.is_whitespace() => Class::Blank,
        c if c.is_alphanumeric() || c == '_' || crate::tui::text::is_combining(c) => Class::Word,
        _ => Class::Sign,
    }
}

/// Where a motion that keeps no column leads; `None` for those that do.
pub(super) fn target(lines: &Lines, at: Pos, motion: Motion) -> Option<Pos> {
    let line = lines.line(at.row);
    Some(match motion {
        Motion::Left => match previous(line, at.byte) {
            Some(byte) => Pos::new(at.row, byte),
            None => end_above(lines, at),
        },
        Motion::Right => match next(line, at.byte) {
            Some(byte) => Pos::new(at.row, byte),
            None => start_below(lines, at),
        },
        Motion::WordLeft => word_left(lines, at),
        Motion::WordRight => word_right(lines, at),
        Motion::WordEnd => word_end(lines, at),
        Motion::Home => Pos::new(at.row, 0),
        Motion::FirstNonBlank => Pos::new(at.row, indentation(line).len()),
        Motion::End => Pos::new(at.row, line.len()),
        Motion::Top => Pos::default(),
        Motion::Bottom => lines.last(),
        Motion::ParagraphUp => {
            let blank = |row: &usize| lines.line(*row).trim().is_empty();
            let text = (0..at.row).rev().find(|row| !blank(row)).unwrap_or(0);
            Pos::new((0..text).rev().find(blank).unwrap_or(0), 0)
        }
        Motion::ParagraphDown => {
            let blank = |row: &usize| lines.line(*row).trim().is_empty();
            let text = (at.row..lines.count()).find(|row| !blank(row)).unwrap_or(at.row);
            (text..lines.count()).find(blank).map_or(lines.last(), |row| Pos::new(row, 0))
        }
        Motion::Bracket => bracket_at(lines, at)
            .and_then(|at| Some((at, partner(lines, at)?)))
            .map_or(at, |(_, partner)| partner),
        Motion::Line(row) => Pos::new(row.min(lines.count() - 1), 0),
        Motion::Up
        | Motion::Down
        | Motion::PageUp
        | Motion::PageDown
        | Motion::HalfPageUp
        | Motion::HalfPageDown => return None,
    })
}

fn end_above(lines: &Lines, at: Pos) -> Pos {
    match at.row.checked_sub(1) {
        Some(row) => Pos::new(row, lines.line(row).len()),
        None => at,
    }
}

fn start_below(lines: &Lines, at: Pos) -> Pos {
    if at.row + 1 < lines.count() { Pos::new(at.row + 1, 0) } else { at }
}

fn word_left(lines: &Lines, at: Pos) -> Pos {
    let head = lines.line(at.row).get(..at.byte).unwrap_or_default();
    if at.byte == 0 {
        return end_above(lines, at);
    }
    let word = head.trim_end();
    let Some(of) = word.chars().next_back().map(class) else { return Pos::new(at.row, 0) };
    Pos::new(at.row, word.trim_end_matches(|c| class(c) == of).len())
}

fn word_right(lines: &Lines, at: Pos) -> Pos {
    let line = lines.line(at.row);
    let tail = line.get(at.byte..).unwrap_or_default();
    let Some(of) = tail.chars().next().map(class) else { return start_below(lines, at) };
    let after = if of == Class::Blank { tail } else { tail.trim_start_matches(|c| class(c) == of) };
    Pos::new(at.row, line.len() - after.trim_start().len())
}

fn word_end(lines: &Lines, at: Pos) -> Pos {
    let mut at = target(lines, at, Motion::Right).unwrap_or(at);
    loop {
        let line = lines.line(at.row);
        let tail = line.get(at.byte..).unwrap_or_default();
        let word = tail.trim_start();
        if let Some(of) = word.chars().next().map(class) {
            let after = word.trim_start_matches(|c| class(c) == of);
            let end = line.len() - after.len();
            return Pos::new(at.row, previous(line, end).unwrap_or(end));
        }
        let below = start_below(lines, at);
        if below == at {
            return Pos::new(at.row, line.len());
        }
        at = below;
    }
}

/// Word or signs or blanks around a place in its line.
pub(super) fn word_around(lines: &Lines, at: Pos) -> (Pos, Pos) {
    let line = lines.line(at.row);
    let (head, tail) = (line.get(..at.byte).unwrap_or_default(), line.get(at.byte..).unwrap_or_default());
    let of = match (tail.chars().next().map(class), head.chars().next_back().map(class)) {
        // Behind a word it is that word.
        (None | Some(Class::Blank | Class::Sign), Some(Class::Word)) => Class::Word,
        (Some(of), _) | (None, Some(of)) => of,
        (None, None) => return (at, at),
    };
    let from = head.trim_end_matches(|c| class(c) == of).len();
    let to = line.len() - tail.trim_start_matches(|c| class(c) == of).len();
    (Pos::new(at.row, from), Pos::new(at.row, to))
}

/// The bracket at a place, or just before it.
pub(super) fn bracket_at(lines: &Lines, at: Pos) -> Option<Pos> {
    let is_bracket = |c: char| "()[]{}".contains(c);
    let line = lines.line(at.row);
    if line.get(at.byte..)?.chars().next().is_some_and(is_bracket) {
        return Some(at);
    }
    let before = line.get(..at.byte)?.chars().next_back().filter(|c| is_bracket(*c))?;
    Some(Pos::new(at.row, at.byte - before.len_utf8()))
}

/// The bracket that belongs to the one at this place. Counts brackets alone: one in a string counts too.
pub(super) fn partner(lines: &Lines, at: Pos) -> Option<Pos> {
    let bracket = *lines.line(at.row).as_bytes().get(at.byte)?;
    let (other, forward) = match bracket {
        b'(' => (b')', true),
        b'[' => (b']', true),
        b'{' => (b'}', true),
        b')' => (b'(', false),
        b']' => (b'[', false),
        b'}' => (b'{', false),
        _ => return None,
    };
    let mut depth = 0usize;
    let mut left = FARTHEST;
    let mut row = at.row;
    let mut range = if forward { at.byte..lines.line(row).len() } else { 0..at.byte + 1 };
    loop {
        let bytes = lines.line(row).as_bytes().get(range.clone())?;
        let mut closes = |(offset, byte): (usize, &u8)| {
            depth += usize::from(*byte == bracket);
            depth -= usize::from(*byte == other && depth > 0);
            (depth == 0 && *byte == other).then_some(offset)
        };
        let found = if forward {
            bytes.iter().enumerate().find_map(&mut closes)
        } else {
            bytes.iter().enumerate().rev().find_map(&mut closes)
        };
        if let Some(offset) = found {
            return Some(Pos::new(row, range.start + offset));
        }
        left = left.checked_sub(bytes.len() + 1)?;
        row = if forward { row + 1 } else { row.checked_sub(1)? };
        if row >= lines.count() {
            return None;
        }
        range = 0..lines.line(row).len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(text: &str, at: (usize, usize), motion: Motion) -> (usize, usize) {
        let to = target(&Lines::of(text), Pos::new(at.0, at.1), motion).unwrap();
        (to.row, to.byte)
    }

    #[test]
    fn words_begin_and_end_where_they_should() {
        let text = "let x_1 = f(a);\n\n  end";
        assert_eq!(go(text, (0, 0), Motion::WordRight), (0, 4));
        assert_eq!(go(text, (0, 4), Motion::WordRight), (0, 8));
        assert_eq!(go(text, (0, 11), Motion::WordRight), (0, 12));
        assert_eq!(go(text, (0, 15), Motion::WordRight), (1, 0));
        assert_eq!(go(text, (0, 8), Motion::WordLeft), (0, 4));
        assert_eq!(go(text, (2, 2), Motion::WordLeft), (2, 0));
        assert_eq!(go(text, (2, 0), Motion::WordLeft), (1, 0));
        assert_eq!(go(text, (0, 0), Motion::WordEnd), (0, 2));
        assert_eq!(go(text, (0, 2), Motion::WordEnd), (0, 6));
        assert_eq!(go(text, (0, 14), Motion::WordEnd), (2, 4));
        let around = |at| word_around(&Lines::of(text), Pos::new(0, at));
        assert_eq!(around(5), (Pos::new(0, 4), Pos::new(0, 7)));
        assert_eq!(around(7), (Pos::new(0, 4), Pos::new(0, 7)));
    }

    #[test]
    fn brackets_find_their_partners() {
        let text = "f(a[1], {\n  b: (2)\n})";
        assert_eq!(go(text, (0, 1), Motion::Bracket), (2, 1));
        assert_eq!(go(text, (2, 2), Motion::Bracket), (0, 1));
        assert_eq!(go(text, (0, 3), Motion::Bracket), (0, 5));
        assert_eq!(go(text, (2, 0), Motion::Bracket), (0, 8));
        assert_eq!(go("((", (0, 0), Motion::Bracket), (0, 0));
        assert_eq!(go("x", (0, 0), Motion::Bracket), (0, 0));
    }

    #[test]
    fn paragraphs_end_at_blank_lines() {
        let text = "a\nb\n\n\nc\nd";
        assert_eq!(go(text, (0, 0), Motion::ParagraphDown), (2, 0));
        assert_eq!(go(text, (2, 0), Motion::ParagraphDown), (5, 1));
        assert_eq!(go(text, (5, 0), Motion::ParagraphUp), (3, 0));
        assert_eq!(go(text, (3, 0), Motion::ParagraphUp), (0, 0));
    }
}
