//! Which part of the code is what: keywords, strings, comments. Kept from line to line, so that a keystroke costs one
//! line.
//!
//! For every line the cache holds what its text was, its coloured parts, and the parser's state after it. A change
//! splices the lines that differ; parsing goes on from there until a line ends in the state it ended in before.
//! The states can't leave their thread, so the drawing loop owns the cache.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::ops::Range;
use std::time::{Duration, Instant};

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use super::editor::{Editor, Kept};
use super::msg::BufferId;
use super::theme::Role;

/// Longer lines stay plain: a pathological one takes a third of a second.
const LONGEST: usize = 4096;

type State = (ParseState, ScopeStack);

#[derive(Debug)]
struct Line {
    hash: u64,
    parts: Vec<(Range<usize>, Role)>,
    end: Option<State>,
    /// `parts` and `end` come from this text and from the state that the line above holds now.
    chained: bool,
}

/// How many texts' colours are kept besides those of the one that is shown.
const WAITING: usize = 3;

/// What is known of one text.
#[derive(Default)]
struct Cache {
    of: BufferId,
    syntax: Option<String>,
    start: Option<State>,
    lines: Vec<Line>,
    /// All lines before this one are right.
    valid: usize,
    version: Option<u64>,
}

/// The coloured parts of the text that is shown, and of some that were.
#[derive(Default)]
pub(crate) struct Highlighter {
    grammar: Option<Grammar>,
    current: Cache,
    waiting: Vec<Cache>,
}

impl Highlighter {
    /// Reads the grammars if that hasn't happened yet: some milliseconds, so not before the first frame.
    pub(crate) fn warm_up(&mut self) {
        self.grammar.get_or_insert_with(Grammar::load);
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.grammar.is_some()
    }

    /// Tells the cache the text as it is now. Cheap where it knows that version, or the one before.
    pub(crate) fn sync(&mut self, of: BufferId, editor: &Editor, syntax: Option<&str>) {
        let Some(grammar) = &self.grammar else { return };
        if self.current.of != of {
            let at = self.waiting.iter().position(|cache| cache.of == of);
            let next = at.map_or_else(|| Cache { of, ..Cache::default() }, |at| self.waiting.remove(at));
            self.waiting.insert(0, std::mem::replace(&mut self.current, next));
            self.waiting.truncate(WAITING);
        }
        let cache = &mut self.current;
        if cache.syntax.as_deref() != syntax {
            *cache = Cache { of, syntax: syntax.map(str::to_owned), ..Cache::default() };
        }
        if cache.version == Some(editor.version()) {
            return;
        }
        if cache.start.is_none() {
            cache.start = syntax.and_then(|syntax| grammar.start(syntax));
        }
        let kept = cache.version.and_then(|version| editor.kept_since(version));
        cache.version = Some(editor.version());
        if cache.start.is_some() {
            cache.splice(editor.lines(), kept.unwrap_or(Kept { head: 0, tail: 0 }));
        }
    }

    /// Parses until the lines before `upto` are right, or the time is up. True: they are.
    pub(crate) fn ensure(&mut self, lines: &[String], upto: usize, budget: Duration) -> bool {
        let Some(grammar) = &self.grammar else { return true };
        self.current.ensure(grammar, lines, upto, budget)
    }

    /// The coloured parts of a line, as ranges of its bytes; nothing for one that is not known yet.
    pub(crate) fn parts(&self, line: usize) -> &[(Range<usize>, Role)] {
        if line >= self.current.valid {
            return &[];
        }
        self.current.lines.get(line).map_or(&[], |line| line.parts.as_slice())
    }
}

impl Cache {
    /// Replaces the lines that differ; those at both ends that were kept are not looked at.
    fn splice(&mut self, lines: &[String], kept: Kept) {
        let (old, new) = (self.lines.len(), lines.len());
        let most = old.min(new);
        let head = kept.head.min(most);
        let tail = kept.tail.min(most - head);
        let hashes: Vec<u64> = lines.iter().take(new - tail).skip(head).map(|line| hash(line)).collect();
        let same = |pair: &(&Line, &u64)| pair.0.hash == *pair.1;
        let known = self.lines.get(head..old - tail).unwrap_or_default();
        let more = known.iter().zip(&hashes).take_while(same).count();
        let most = known.len().min(hashes.len()) - more;
        let behind = known.iter().rev().zip(hashes.iter().rev()).take(most).take_while(same).count();
        let fresh = hashes.get(more..hashes.len() - behind).unwrap_or_default();
        let (head, tail) = (head + more, tail + behind);
        if old == new && head == new {
            return;
        }
        // The state that the first line after the splice was parsed from.
        let inherited = match (old - tail).checked_sub(1) {
            Some(above) => self.lines.get_mut(above).and_then(|line| line.end.clone()),
            None => self.start.clone(),
        };
        let fresh =
            fresh.iter().map(|hash| Line { hash: *hash, parts: Vec::new(), end: None, chained: false });
        self.lines.splice(head..old - tail, fresh.collect::<Vec<_>>());
        match (new - tail).checked_sub(1) {
            Some(above) if above >= head => {
                if let Some(line) = self.lines.get_mut(above) {
                    line.end = inherited;
                }
            }
            above => {
                let now = match above {
                    Some(above) => self.lines.get(above).and_then(|line| line.end.clone()),
                    None => self.start.clone(),
                };
                if now != inherited {
                    self.unchain(new - tail);
                }
            }
        }
        self.valid = self.valid.min(head);
    }

    fn unchain(&mut self, at: usize) {
        if let Some(line) = self.lines.get_mut(at) {
            line.chained = false;
        }
    }

    fn ensure(&mut self, grammar: &Grammar, lines: &[String], upto: usize, budget: Duration) -> bool {
        let Some(start) = self.start.clone() else { return true };
        let upto = upto.min(self.lines.len());
        let begun = Instant::now();
        while self.valid < upto {
            let at = self.valid;
            if !self.lines.get(at).is_some_and(|line| line.chained) {
                if begun.elapsed() > budget {
                    return false;
                }
                let above =
                    at.checked_sub(1).and_then(|at| self.lines.get(at)).and_then(|line| line.end.clone());
                let before = above.unwrap_or_else(|| start.clone());
                let Some(text) = lines.get(at) else { return true };
                let (parts, end) = grammar.parse(text, before);
                let changed = self.lines.get(at).and_then(|line| line.end.as_ref()) != Some(&end);
                if let Some(line) = self.lines.get_mut(at) {
                    line.parts = parts;
                    line.end = Some(end);
                    line.chained = true;
                }
                if let Some(below) = self.lines.get_mut(at + 1).filter(|_| changed) {
                    below.chained = false;
                }
            }
            self.valid += 1;
        }
        true
    }
}

impl std::fmt::Debug for Highlighter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Highlighter")
            .field("lines", &self.current.lines.len())
            .field("valid", &self.current.valid)
            .finish()
    }
}

fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// The syntaxes, and what their scopes mean to us.
struct Grammar {
    set: SyntaxSet,
    meanings: Vec<(Scope, Option<Role>)>,
}

/// From the innermost scope outwards the first of these decides; `None` ends the search without a colour.
const MEANINGS: &[(&str, Option<Role>)] = &[
    ("comment", Some(Role::Comment)),
    ("constant.character.escape", Some(Role::Number)),
    ("constant", Some(Role::Number)),
    ("string", Some(Role::CodeString)),
    ("meta.template.expression", None),
    ("meta.interpolation", None),
    ("meta.embedded", None),
    ("keyword.operator.word", Some(Role::Keyword)),
    ("keyword.operator.logical.python", Some(Role::Keyword)),
    ("keyword.operator", None),
    ("keyword", Some(Role::Keyword)),
    ("storage.type.function.arrow", None),
    ("storage", Some(Role::Keyword)),
    ("variable.language", Some(Role::Keyword)),
    ("entity.name.function", Some(Role::Function)),
    ("variable.function", Some(Role::Function)),
    ("support.function", Some(Role::Function)),
    ("entity.name.type", Some(Role::Type)),
    ("entity.name.class", Some(Role::Type)),
    ("entity.other.inherited-class", Some(Role::Type)),
    ("support.type", Some(Role::Type)),
    ("support.class", Some(Role::Type)),
];

impl Grammar {
    fn load() -> Self {
        let meanings = MEANINGS.iter().filter_map(|(name, role)| Some((Scope::new(name).ok()?, *role)));
        Self { set: two_face::syntax::extra_newlines(), meanings: meanings.collect() }
    }

    /// The state before the first line of a text; nothing where no grammar is for files that end so.
    fn start(&self, ending: &str) -> Option<State> {
        let syntax = self.set.find_syntax_by_extension(ending)?;
        Some((ParseState::new(syntax), ScopeStack::new()))
    }

    /// A line's coloured parts, and the state after it.
    fn parse(&self, line: &str, (mut state, mut stack): State) -> (Vec<(Range<usize>, Role)>, State) {
        let mut parts: Vec<(Range<usize>, Role)> = Vec::new();
        if line.len() > LONGEST {
            return (parts, (state, stack));
        }
        let Ok(ops) = state.parse_line(&format!("{line}\n"), &self.set) else {
            return (parts, (state, stack));
        };
        let mut from = 0;
        let end = (line.len(), None);
        for (at, op) in ops.iter().map(|(at, op)| (*at, Some(op))).chain([end]) {
            let at = at.min(line.len());
            if at > from {
                if let Some(role) = self.meaning(&stack) {
                    match parts.last_mut() {
                        Some((range, last)) if *last == role && range.end == from => range.end = at,
                        _ => parts.push((from..at, role)),
                    }
                }
                from = at;
            }
            if let Some(op) = op {
                // A grammar that pops too much spoils colours, nothing else.
                let _ = stack.apply(op);
            }
        }
        (parts, (state, stack))
    }

    fn meaning(&self, stack: &ScopeStack) -> Option<Role> {
        for scope in stack.as_slice().iter().rev() {
            if let Some((_, role)) = self.meanings.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)) {
                return *role;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Language;
    use crate::tui::editor::{Action, Habits};

    const LONG: Duration = Duration::from_secs(60);

    fn highlighter() -> Highlighter {
        let mut highlighter = Highlighter::default();
        highlighter.warm_up();
        highlighter
    }

    fn roles(language: Language, text: &str) -> Vec<(String, Role)> {
        let editor = Editor::new(text, Habits::default());
        let lines = editor.lines();
        let mut highlighter = highlighter();
        highlighter.sync(BufferId(1), &editor, Some(language.extension()));
        assert!(highlighter.ensure(lines, lines.len(), LONG));
        let parts = |(at, line): (usize, &String)| -> Vec<(String, Role)> {
            highlighter
                .parts(at)
                .iter()
                .map(|(range, role)| (line[range.clone()].to_owned(), *role))
                .collect()
        };
        lines.iter().enumerate().flat_map(parts).collect()
    }

    #[test]
    fn typescript_has_its_colours() {
        let found = roles(Language::TypeScript, "const n: number = 42; // forty-two\nlet s = `a ${n} b`;");
        let has = |text: &str, role: Role| found.iter().any(|(t, r)| t.trim() == text && *r == role);
        assert!(has("const", Role::Keyword), "{found:?}");
        assert!(has("42", Role::Number), "{found:?}");
        assert!(has("// forty-two", Role::Comment), "{found:?}");
        assert!(found.iter().any(|(t, r)| t.contains('a') && *r == Role::CodeString), "{found:?}");
        assert!(!found.iter().any(|(t, r)| t.contains("n}") && *r == Role::CodeString), "{found:?}");
    }

    #[test]
    fn every_language_has_a_grammar() {
        use crate::protocol::WireName as _;
        let highlighter = highlighter();
        let more = ["json", "md", "sh", "yaml", "toml", "rs", "Makefile", "Dockerfile"];
        for ending in Language::ALL.iter().map(|language| language.extension()).chain(more) {
            assert!(highlighter.grammar.as_ref().unwrap().start(ending).is_some(), "{ending}");
        }
    }

    /// A small generator: the test must not depend on a crate's idea of randomness.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % sides
        }
    }

    #[test]
    fn incremental_equals_fresh() {
        const PIECES: &[&str] =
            &["/* open", "close */ x", "`tick", "let a = 1;", "", "// c", "\"s\"", "} `", "${ a", "f(x)"];
        let mut dice = Dice(7);
        let mut cached = highlighter();
        let mut fresh = highlighter();
        let other = Editor::new("def f():\n    pass\n", Habits::default());
        for round in 0..60 {
            let mut lines: Vec<String> = (0..8).map(|_| PIECES[dice.roll(PIECES.len())].to_owned()).collect();
            let mut editor = Editor::new(&lines.join("\n"), Habits::default());
            for edit in 0..20 {
                let at = dice.roll(lines.len());
                let piece = PIECES[dice.roll(PIECES.len())].to_owned();
                match dice.roll(4) {
                    0 => lines.insert(at, piece),
                    1 if lines.len() > 1 => drop(lines.remove(at)),
                    2 => {
                        let upto = (at + dice.roll(4)).min(lines.len());
                        lines.splice(at..upto, [piece.clone(), piece]);
                    }
                    _ => lines[at] = piece,
                }
                editor.apply(Action::Revise(lines.join("\n")));
                if dice.roll(4) == 0 {
                    editor.apply(Action::Undo);
                    lines = editor.lines().to_vec();
                }
                // Now and then another text is shown in between.
                if dice.roll(8) == 0 {
                    cached.sync(BufferId(1000), &other, Some("py"));
                }
                cached.sync(BufferId(round), &editor, Some("ts"));
                // Sometimes only a part is parsed before the next edit, as on a screen.
                let upto = if dice.roll(3) == 0 { dice.roll(lines.len()) } else { lines.len() };
                assert!(cached.ensure(&lines, upto, LONG));
                fresh.current = Cache::default();
                fresh.waiting.clear();
                fresh.sync(BufferId(1), &editor, Some("ts"));
                assert!(fresh.ensure(&lines, lines.len(), LONG));
                for line in 0..upto {
                    assert_eq!(
                        cached.parts(line),
                        fresh.parts(line),
                        "round {round}, edit {edit}: {lines:#?}"
                    );
                }
            }
        }
    }
}
