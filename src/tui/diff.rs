//! What two texts have in common, line by line. Pure, and bounded in the lines it looks at.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp};

/// The most lines of each text that are compared, without those that both begin and end with.
pub(crate) const MAX_LINES: usize = 1000;
/// Equal lines that are kept around those that differ.
const CONTEXT: usize = 3;

/// A line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Same(String),
    /// In the first text alone.
    Gone(String),
    /// In the second text alone.
    New(String),
    /// So many equal lines that are not shown.
    Skipped(usize),
}

/// How two texts compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) lines: Vec<Line>,
    pub(crate) gone: usize,
    pub(crate) new: usize,
    /// One of them had more lines than were looked at.
    pub(crate) cut: bool,
}

impl Diff {
    /// Compares two texts.
    pub(crate) fn of(first: &str, second: &str) -> Self {
        let (a, b): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
        let equal = |(x, y): &(&&str, &&str)| x == y;
        let head = a.iter().zip(&b).take_while(equal).count();
        let (start, a, b) = (&a[..head], &a[head..], &b[head..]);
        let tail = a.iter().rev().zip(b.iter().rev()).take_while(equal).count();
        let (a, end) = a.split_at(a.len() - tail);
        let b = &b[..b.len() - tail];
        let mut diff = Self { cut: a.len() > MAX_LINES || b.len() > MAX_LINES, ..Self::default() };
        let differ = !a.is_empty() || !b.is_empty();
        diff.same(start, (false, differ));
        diff.middle(&a[..a.len().min(MAX_LINES)], &b[..b.len().min(MAX_LINES)]);
        // Of what stands between it and what was compared nothing is known.
        if !diff.cut {
            diff.same(end, (differ, false));
        }
        diff
    }

    /// What is between lines that are in both: it begins and ends with a difference.
    fn middle(&mut self, a: &[&str], b: &[&str]) {
        // Lines as numbers: what is compared often is compared fast.
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut numbers = Vec::with_capacity(a.len() + b.len());
        for line in a.iter().chain(b) {
            let next = known.len();
            numbers.push(*known.entry(*line).or_insert(next));
        }
        let (first, second) = numbers.split_at(a.len());
        for op in similar::capture_diff_slices(Algorithm::Myers, first, second) {
            let gone = a.get(op.old_range()).unwrap_or_default();
            let new = b.get(op.new_range()).unwrap_or_default();
            if let DiffOp::Equal { .. } = op {
                self.same(gone, (true, true));
                continue;
            }
            self.lines.extend(gone.iter().map(|line| Line::Gone((*line).to_owned())));
            self.lines.extend(new.iter().map(|line| Line::New((*line).to_owned())));
            self.gone += gone.len();
            self.new += new.len();
        }
    }

    /// Neither text has a line that the other hasn't.
    pub(crate) fn is_same(&self) -> bool {
        self.gone == 0 && self.new == 0
    }

    /// Takes lines that are in both. `around`: whether something differs before them and after them.
    fn same(&mut self, lines: &[&str], around: (bool, bool)) {
        // Texts that don't differ at all are shown as they are, as far as that is worth while.
        let (head, tail) = match around {
            (false, false) => (MAX_LINES, 0),
            (before, after) => (if before { CONTEXT } else { 0 }, if after { CONTEXT } else { 0 }),
        };
        let kept = |line: &&str| Line::Same((*line).to_owned());
        if lines.len() <= head + tail + 1 {
            self.lines.extend(lines.iter().map(kept));
            return;
        }
        let skipped = lines.len() - head - tail;
        self.lines.extend(lines.iter().take(head).map(kept));
        self.lines.push(Line::Skipped(skipped));
        self.lines.extend(lines.iter().skip(head + skipped).map(kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(first: &str, second: &str) -> Vec<String> {
        let line = |line: &Line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Gone(text) => format!("-{text}"),
            Line::New(text) => format!("+{text}"),
            Line::Skipped(many) => format!("...{many}"),
        };
        Diff::of(first, second).lines.iter().map(line).collect()
    }

    #[test]
    fn what_differs_is_shown_with_what_is_around_it() {
        assert_eq!(shown("a\nb\nc\n", "a\nB\nc\n"), [" a", "-b", "+B", " c"]);
        let many: String = (0..20).map(|n| format!("{n}\n")).collect();
        assert_eq!(shown(&many, &format!("{many}end\n")), ["...17", " 17", " 18", " 19", "+end"]);
        let changed = many.replace("10\n", "ten\n");
        let expected = ["...7", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13", "...6"];
        assert_eq!(shown(&many, &changed), expected);
    }

    #[test]
    fn equal_texts_are_equal() {
        let diff = Diff::of("a\nb", "a\nb\n");
        assert!(diff.is_same() && !diff.cut);
        assert_eq!(diff.lines.len(), 2);
        assert_eq!(Diff::of("", ""), Diff::default());
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = "x\n".repeat(MAX_LINES + 1);
        let diff = Diff::of(&long, "");
        assert!(diff.cut);
        assert_eq!(diff.gone, MAX_LINES);
        assert!(!Diff::of(&"x\n".repeat(MAX_LINES), "").cut);
        // What both begin and end with is not counted.
        let long = long.repeat(9);
        let diff = Diff::of(&format!("{long}a\n{long}"), &format!("{long}{long}"));
        assert_eq!((diff.cut, diff.gone, diff.new, diff.lines.len()), (false, 1, 0, 9));
        assert!(Diff::of(&long, &long).lines.len() <= MAX_LINES + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_text_can_be_read_out_of_it(a in "([abc]\n){0,60}", b in "([abc]\n){0,60}") {
            let diff = Diff::of(&a, &b);
            let skipped: usize = diff.lines.iter().map(|l| if let Line::Skipped(n) = l { *n } else { 0 }).sum();
            let count = |wanted: fn(&Line) -> bool| diff.lines.iter().filter(|l| wanted(l)).count();
            let same = count(|l| matches!(l, Line::Same(_))) + skipped;
            prop_assert_eq!(same + diff.gone, a.lines().count());
            prop_assert_eq!(same + diff.new, b.lines().count());
            // What is shown of the first text is in it, in its order.
            let mut left = a.lines();
            for line in &diff.lines {
                match line {
                    Line::Same(text) | Line::Gone(text) => prop_assert_eq!(left.next(), Some(text.as_str())),
                    Line::Skipped(many) => {
                        for _ in 0..*many {
                            prop_assert!(left.next().is_some());
                        }
                    }
                    Line::New(_) => {}
                }
            }
            prop_assert_eq!(left.next(), None);
        }
    }
}
