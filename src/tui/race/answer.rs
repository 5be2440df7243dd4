//! What a program answered, its standard output and exit code, kept so that several can be compared: exactly, whatever
//! the size, and with the place where they part as far as their beginnings are kept.

use std::hash::{DefaultHasher, Hasher as _};

/// Bytes of an answer's beginning that are kept.
const HEAD: usize = 64 * 1024;

/// What one program has written so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    hash: DefaultHasher,
    bytes: u64,
    head: Vec<u8>,
    /// Some of it was lost on the way here.
    lossy: bool,
}

impl Answer {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
        self.bytes += bytes.len() as u64;
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Some output did not arrive: what is here is not the answer.
    pub(crate) fn lose(&mut self) {
        self.lossy = true;
    }

    fn same(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.hash.finish() == other.hash.finish()
    }

    /// The first line, counted from 1, at which two answers differ, if their beginnings show it.
    fn parts_at(&self, other: &Self) -> Option<usize> {
        let common = self.head.iter().zip(&other.head).take_while(|(a, b)| a == b).count();
        let seen = common < self.head.len() || common < other.head.len();
        let lines = self.head.get(..common)?.iter().filter(|byte| **byte == b'\n').count();
        seen.then_some(lines + 1)
    }
}

/// An answer with the exit code that came after it.
pub(crate) type Given<'a> = (&'a str, &'a Answer, i32);

/// Whether several answers are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Fewer than two can be compared.
    Nothing,
    /// So many are the same.
    Same(usize),
    /// They aren't: who says the same stands together, the most first.
    Differ {
        groups: Vec<Vec<String>>,
        /// The exit codes differ, and that is all.
        exit_alone: bool,
        /// The line at which the first two groups part.
        line: Option<usize>,
    },
    /// Output of these was lost, so that nobody knows.
    Lost(Vec<String>),
}

/// Compares answers.
pub(crate) fn compare(given: &[Given<'_>]) -> Agreement {
    let lost: Vec<String> =
        given.iter().filter(|(_, answer, _)| answer.lossy).map(|(name, ..)| (*name).to_owned()).collect();
    if given.len() < 2 {
        return Agreement::Nothing;
    }
    if !lost.is_empty() {
        return Agreement::Lost(lost);
    }
    let mut groups: Vec<Vec<&Given<'_>>> = Vec::new();
    for one in given {
        let like = |group: &&mut Vec<&Given<'_>>| {
            group.first().is_some_and(|first| first.1.same(one.1) && first.2 == one.2)
        };
        match groups.iter_mut().find(like) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    // Stable: of groups as large, the one whose first lane comes first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let (Some(first), Some(second)) = (groups.first(), groups.get(1)) else {
        return Agreement::Same(given.len());
    };
    let outputs_alike = given.iter().all(|one| first.first().is_some_and(|of| of.1.same(one.1)));
    let line = match (first.first(), second.first()) {
        (Some(a), Some(b)) if !outputs_alike => a.1.parts_at(b.1),
        _ => None,
    };
    let names = |group: &Vec<&Given<'_>>| group.iter().map(|(name, ..)| (*name).to_owned()).collect();
    Agreement::Differ { groups: groups.iter().map(names).collect(), exit_alone: outputs_alike, line }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(chunks: &[&str]) -> Answer {
        let mut answer = Answer::default();
        chunks.iter().for_each(|chunk| answer.write(chunk.as_bytes()));
        answer
    }

    fn groups(of: &[&[&str]]) -> Vec<Vec<String>> {
        of.iter().map(|group| group.iter().map(|name| (*name).to_owned()).collect()).collect()
    }

    #[test]
    fn answers_are_compared_whole() {
        let (a, b, c) = (answer(&["1\n2\n"]), answer(&["1\n", "2\n"]), answer(&["1\n3\n"]));
        assert_eq!(compare(&[("bun", &a, 0)]), Agreement::Nothing);
        assert_eq!(compare(&[("bun", &a, 0), ("deno", &b, 0)]), Agreement::Same(2));
        assert_eq!(
            compare(&[("docker", &c, 0), ("bun", &a, 0), ("deno", &b, 0)]),
            Agreement::Differ {
                groups: groups(&[&["bun", "deno"], &["docker"]]),
                exit_alone: false,
                line: Some(2)
            }
        );
        assert_eq!(
            compare(&[("bun", &a, 0), ("deno", &b, 1)]),
            Agreement::Differ { groups: groups(&[&["bun"], &["deno"]]), exit_alone: true, line: None }
        );
    }

    #[test]
    fn one_that_stops_early_parts_where_it_stops() {
        let (long, short) = (answer(&["1\n2\n3\n"]), answer(&["1\n2\n"]));
        let Agreement::Differ { line, .. } = compare(&[("a", &long, 0), ("b", &short, 0)]) else { panic!() };
        assert_eq!(line, Some(3));
    }

    #[test]
    fn what_lost_output_is_not_judged() {
        let (a, mut b) = (answer(&["x"]), answer(&["x"]));
        b.lose();
        assert_eq!(compare(&[("a", &a, 0), ("b", &b, 0)]), Agreement::Lost(vec!["b".to_owned()]));
    }

    #[test]
    fn a_difference_behind_what_is_kept_is_still_one() {
        let long = "x\n".repeat(HEAD);
        let (a, b) = (answer(&[&long, "a"]), answer(&[&long, "b"]));
        let Agreement::Differ { line, .. } = compare(&[("a", &a, 0), ("b", &b, 0)]) else { panic!() };
        assert_eq!(line, None);
        assert!(a.head.len() <= HEAD);
    }

    proptest! {
        #[test]
        fn how_it_is_cut_does_not_matter(text in "[ab\n]{0,40}", other in "[ab\n]{0,40}", at in 0usize..40) {
            let cut = at.min(text.len());
            let (whole, pieces) = (answer(&[&text]), answer(&[&text[..cut], &text[cut..]]));
            prop_assert!(whole.same(&pieces));
            prop_assert_eq!(whole.same(&answer(&[&other])), text == other);
        }
    }
}
