//! What two texts have in common, line by line. Pure, and bounded in the lines it looks at.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp};

/// The most lines of each text that are compared.
pub(crate) const MAX_LINES: usize = 2000;
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
        let (a, cut_a) = head(first);
        let (b, cut_b) = head(second);
        let mut diff = Self { cut: cut_a || cut_b, ..Self::default() };
        // Lines as numbers: what is compared often is compared fast.
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut numbers = Vec::with_capacity(a.len() + b.len());
        for line in a.iter().chain(&b) {
            let next = known.len();
            numbers.push(*known.entry(*line).or_insert(next));
        }
        let (first, second) = numbers.split_at(a.len());
        let ops = similar::capture_diff_slices(Algorithm::Myers, first, second);
        let last = ops.len().saturating_sub(1);
        for (at, op) in ops.iter().enumerate() {
            diff.take(op, &a, &b, (at > 0, at < last));
        }
        diff
    }

    /// Neither text has a line that the other hasn't.
    pub(crate) fn is_same(&self) -> bool {
        self.gone == 0 && self.new == 0
    }

    /// Takes one step of the comparison. `around`: whether something differs before it and after it.
    fn take(&mut self, op: &DiffOp, a: &[&str], b: &[&str], around: (bool, bool)) {
        let old = a.get(op.old_range()).unwrap_or_default();
        let new = b.get(op.new_range()).unwrap_or_default();
        if let DiffOp::Equal { .. } = op {
            self.same(old, around);
            return;
        }
        self.lines.extend(old.iter().map(|line| Line::Gone((*line).to_owned())));
        self.lines.extend(new.iter().map(|line| Line::New((*line).to_owned())));
        self.gone += old.len();
        self.new += new.len();
    }

    fn same(&mut self, lines: &[&str], (before, after): (bool, bool)) {
        let head = if before { CONTEXT } else { 0 };
        let tail = if after { CONTEXT } else { 0 };
        let kept = |line: &&str| Line::Same((*line).to_owned());
        // Texts that don't differ at all are shown as they are.
        if !(before || after) || lines.len() <= head + tail + 1 {
            self.lines.extend(lines.iter().map(kept));
            return;
        }
        let skipped = lines.len() - head - tail;
        self.lines.extend(lines.iter().take(head).map(kept));
        self.lines.push(Line::Skipped(skipped));
        self.lines.extend(lines.iter().skip(head + skipped).map(kept));
    }
}

fn head(text: &str) -> (Vec<&str>, bool) {
    let mut lines = text.lines();
    let head = lines.by_ref().take(MAX_LINES).collect();
    (head, lines.next().is_some())
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
                    Line::Skipped(many) => drop((0..*many).for_each(|_| drop(left.next()))),
                    Line::New(_) => {}
                }
            }
            prop_assert_eq!(left.next(), None);
        }
    }
}
