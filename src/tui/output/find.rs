//! What is looked for in the output: a plain text, whose case counts as soon as it holds a capital.

use std::ops::Range;

use super::Output;
use super::place::{At, Mark};
use crate::tui::widget::field::Field;

/// Lines around a match that a filter may show.
const AROUND: [usize; 3] = [1, 3, 10];

/// A text to find in lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// In small letters where the case doesn't count.
    needle: String,
    sensitive: bool,
    /// Of a filter: so many lines before and after one that holds it are shown, too.
    pub(crate) around: usize,
}

impl Query {
    pub(crate) fn new(text: &str) -> Self {
        let sensitive = text.chars().any(char::is_uppercase);
        let needle = if sensitive { text.to_owned() } else { text.chars().map(small).collect() };
        Self { needle, sensitive, around: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.needle.is_empty()
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.next(text, 0).is_some()
    }

    /// Where it stands in a text, from left to right, none over another.
    pub(crate) fn all<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.next(text, from)?;
            from = found.end;
            Some(found)
        })
    }

    fn next(&self, text: &str, from: usize) -> Option<Range<usize>> {
        if self.is_empty() {
            return None;
        }
        let rest = text.get(from..)?;
        let found = if self.sensitive {
            let at = rest.find(&self.needle)?;
            at..at + self.needle.len()
        } else if self.needle.is_ascii() && rest.is_ascii() {
            let (needle, rest) = (self.needle.as_bytes(), rest.as_bytes());
            let at = rest.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))?;
            at..at + needle.len()
        } else {
            rest.char_indices().find_map(|(at, _)| self.begins(rest.get(at..)?).map(|len| at..at + len))?
        };
        Some(from + found.start..from + found.end)
    }

    /// How many bytes of a text are the needle, if it begins with it.
    fn begins(&self, text: &str) -> Option<usize> {
        let mut chars = text.char_indices();
        for wanted in self.needle.chars() {
            let (_, c) = chars.next()?;
            if small(c) != wanted {
                return None;
            }
        }
        Some(chars.next().map_or(text.len(), |(at, _)| at))
    }
}

/// One small letter for one letter, so that places stay where they are.
fn small(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A search, or a filter, in the output.
#[derive(Clone, Debug)]
pub(crate) struct Seek {
    pub(crate) field: Field,
    /// Only lines that hold it are shown.
    pub(crate) filters: bool,
    /// It is still being typed.
    pub(crate) typing: bool,
    pub(crate) query: Query,
    /// Where the view and the cursor were before.
    pub(super) origin: (Option<Mark>, Option<Mark>),
}

impl Output {
    /// Begins to type what is looked for, or what is to be shown alone.
    pub(crate) fn seek(&mut self, filters: bool) {
        let origin = (self.top, self.cursor);
        self.selection = None;
        self.seek =
            Some(Seek { field: Field::default(), filters, typing: true, query: Query::default(), origin });
        self.look();
    }

    /// What is looked for was changed: marks it, and goes to the first from where the search began.
    pub(crate) fn sought(&mut self, rows: usize, columns: usize) {
        let Some(seek) = &mut self.seek else { return };
        seek.query = Query { around: self.around, ..Query::new(seek.field.text()) };
        let (top, cursor) = seek.origin;
        let filters = seek.filters;
        self.look();
        (self.top, self.cursor) = (top, cursor);
        if !filters {
            let from = cursor.map_or_else(|| self.first_shown(rows, columns).0, |mark| self.find(&mark));
            if let Some(at) = self.hit_from(from) {
                self.choose(at, rows, columns);
            }
        }
    }

    /// Has a filter show more lines around those that hold the text, or none again. Gives how many; `None`: there is no
    /// filter.
    pub(crate) fn widen(&mut self) -> Option<usize> {
        let seek = self.seek.as_mut().filter(|seek| seek.filters)?;
        let next = AROUND.into_iter().find(|lines| *lines > self.around).unwrap_or(0);
        (self.around, seek.query.around) = (next, next);
        Some(next)
    }

    /// Keeps what was typed; nothing typed is nothing looked for.
    pub(crate) fn keep_seek(&mut self) {
        match &mut self.seek {
            Some(seek) if !seek.query.is_empty() => seek.typing = false,
            _ => drop(self.end_seek()),
        }
    }

    /// Looks for nothing any more. False: nothing was looked for.
    pub(crate) fn end_seek(&mut self) -> bool {
        let Some(seek) = self.seek.take() else { return false };
        if seek.typing {
            (self.top, self.cursor) = seek.origin;
        }
        self.look();
        true
    }

    fn look(&mut self) {
        let none = Query::default();
        let query = self.seek.as_ref().map_or(&none, |seek| &seek.query);
        self.blocks.iter_mut().for_each(|block| block.look_for(query));
    }

    /// What is looked for, if it is something.
    pub(crate) fn query(&self) -> Option<&Query> {
        self.seek.as_ref().map(|seek| &seek.query).filter(|query| !query.is_empty())
    }

    /// How many lines hold it.
    pub(crate) fn hits(&self) -> usize {
        let Some(query) = self.query() else { return 0 };
        self.blocks.iter().map(|block| block.hits(query)).sum()
    }

    /// Which of them is the current line, counted from 1.
    pub(crate) fn hit_number(&self) -> Option<usize> {
        let (query, here) = (self.query()?, self.chosen().unwrap_or_else(|| self.last()));
        let block = self.blocks.get(here.block)?;
        if !block.is_hit(here.line, query) {
            return None;
        }
        let above: usize = self.blocks.iter().take(here.block).map(|block| block.hits(query)).sum();
        Some(above + (0..=here.line).filter(|at| block.is_hit(*at, query)).count())
    }

    /// Goes to the next line that holds it, or to the one before. `None`: there is none; true: past the end.
    pub(crate) fn seek_next(&mut self, forward: bool, rows: usize, columns: usize) -> Option<bool> {
        let here = self.current();
        let from = if forward { self.after(here) } else { self.before(here) };
        let around = if forward { self.first() } else { self.last() };
        let (at, wrapped) = match from.and_then(|from| self.hit_on_the_way(from, forward)) {
            Some(at) => (at, false),
            None => (self.hit_on_the_way(around, forward)?, true),
        };
        self.choose(at, rows, columns);
        Some(wrapped)
    }

    /// The first line from a place on that holds it, going on at the beginning.
    fn hit_from(&self, from: At) -> Option<At> {
        self.hit_on_the_way(from, true).or_else(|| self.hit_on_the_way(self.first(), true))
    }

    fn hit_on_the_way(&self, from: At, forward: bool) -> Option<At> {
        let query = self.query()?;
        let mut at = Some(from);
        while let Some(here) = at {
            if self.blocks.get(here.block)?.is_hit(here.line, query) {
                return Some(here);
            }
            at = if forward { self.after(here) } else { self.before(here) };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(needle: &str, text: &str) -> Vec<Range<usize>> {
        Query::new(needle).all(text).collect()
    }

    #[test]
    fn a_capital_makes_the_case_count() {
        assert_eq!(found("err", "Err err ERR"), [0..3, 4..7, 8..11]);
        assert_eq!(found("Err", "Err err ERR"), vec![Range { start: 0, end: 3 }]);
        assert_eq!(found("ä", "Ä日ä"), [0..2, 5..7]);
        assert_eq!(found("aa", "aaaaa"), [0..2, 2..4]);
        assert!(found("", "abc").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_found_is_there(needle in "[a-cA-C日Äß ]{1,3}", text in "[a-cA-C日Äß ]{0,30}") {
            let query = Query::new(&needle);
            for range in query.all(&text) {
                prop_assert_eq!(text[range].to_lowercase(), needle.to_lowercase());
            }
            prop_assert_eq!(query.is_in(&text), query.all(&text).next().is_some());
            if text.contains(&needle) {
                prop_assert!(query.is_in(&text));
            }
        }
    }
}
