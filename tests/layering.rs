//! DESIGN.md's map, held against the source: which module may know which, where `unsafe` may stand, how long a file
//! may be, and that no registry's host is written down. Reads the files' words, so that it holds for modules to come.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

use std::path::{Path, PathBuf};

/// Who may use whom (DESIGN.md section 3). A module that isn't here may use nothing.
const EDGES: [(&str, &[&str]); 12] = [
    ("main", &["cli"]),
    ("cli", &["tui", "server", "bench", "engine", "remote", "runtimes", "provision", "config", "protocol"]),
    ("tui", &["engine", "bench", "config", "protocol"]),
    ("bench", &["engine", "protocol"]),
    ("server", &["engine", "protocol", "config"]),
    ("remote", &["engine", "protocol"]),
    ("runtimes", &["engine", "agent", "sandbox", "provision", "protocol"]),
    ("engine", &["agent", "protocol"]),
    ("provision", &[]),
    ("sandbox", &[]),
    ("agent", &[]),
    ("config", &[]),
];

/// The longest a file may be, in lines.
const LONGEST: usize = 800;

/// One word or mark of Rust, with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// The words and marks of a Rust source, without comments and without what stands inside strings.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut i, mut line, mut out) = (0, 1, Vec::new());
    while i < chars.len() {
        let start = i;
        let mut push = |text: String| out.push(Token { text, line });
        if at(i) == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if is_word(at(i)) {
            while is_word(at(i)) {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = (i..).take_while(|j| at(*j) == '#').count();
            if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                i += hashes + 1;
                while i < chars.len() && !chars[i..].starts_with(&end) {
                    i += 1;
                }
                i += end.len();
                push("\"\"".to_owned());
            } else if word == "r" && hashes == 1 {
                // A raw name is the name: the next word follows at once.
                i += 1;
            } else {
                push(word);
            }
        } else if at(i) == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
            push("\"\"".to_owned());
        } else if at(i) == '\'' {
            // A character, or else the mark of a lifetime.
            i += if at(i + 1) == '\\' {
                (i + 3..chars.len()).find(|j| at(*j) == '\'').map_or(1, |end| end + 1 - i)
            } else if at(i + 2) == '\'' {
                3
            } else {
                1
            };
        } else if at(i) == ':' && at(i + 1) == ':' {
            i += 2;
            push("::".to_owned());
        } else {
            i += 1;
            if !at(start).is_whitespace() {
                push(at(start).to_string());
            }
        }
        line += chars[start..i.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

/// The first names of what follows a `::` at `from`: of `a::b` it is `a`, of `{a::b, c as d}` they are `a` and `c`.
fn heads(tokens: &[Token], from: usize) -> Vec<Token> {
    let Some(first) = tokens.get(from) else { return Vec::new() };
    if first.text != "{" {
        return vec![first.clone()];
    }
    let (mut depth, mut fresh, mut out) = (0, true, Vec::new());
    for (i, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" if depth == 1 && fresh => {
                // A group in a group begins names as the outer one does.
                out.extend(heads(tokens, i));
                (depth, fresh) = (depth + 1, false);
            }
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => fresh = true,
            _ if depth == 1 && fresh => {
                out.push(token.clone());
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    out
}

/// What a file names in the crate's root: by `crate::`, by climbing there with `super::`, or by the crate's name.
fn named_in_root(tokens: &[Token], file_depth: usize) -> Vec<Token> {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let (mut out, mut braces, mut inner) = (Vec::new(), 0_usize, Vec::new());
    let mut i = 0;
    while i < tokens.len() {
        let begins = i == 0 || text(i - 1) != "::";
        match text(i) {
            "{" => {
                braces += 1;
                if i >= 2 && text(i - 2) == "mod" {
                    inner.push(braces);
                }
            }
            "}" => {
                if inner.last() == Some(&braces) {
                    inner.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "crate" | "codebeaker" if begins && text(i + 1) == "::" => out.extend(heads(tokens, i + 2)),
            // `use crate as x`, `extern crate self as x` and the like would hide edges from this test.
            "codebeaker" | "self" if i > 0 && text(i - 1) == "crate" && begins => out.push(tokens[i].clone()),
            "crate" if text(i + 1) == "as" => out.push(tokens[i].clone()),
            "super" if begins => {
                let mut climbed = 1;
                while text(i + 1) == "::" && text(i + 2) == "super" {
                    (climbed, i) = (climbed + 1, i + 2);
                }
                if climbed >= file_depth + inner.len() && text(i + 1) == "::" {
                    out.extend(heads(tokens, i + 2));
                }
            }
            _ => {}
        }
        i += 1;
    }
    out
}

/// A file under `src`: where it is, what module it belongs to, and how deep that lies under the crate's root.
struct File {
    path: PathBuf,
    source: String,
    tokens: Vec<Token>,
}

impl File {
    fn new(path: impl Into<PathBuf>, source: impl Into<String>) -> Self {
        let (path, source) = (path.into(), source.into());
        let tokens = tokens(&source);
        Self { path, source, tokens }
    }

    /// The top-level module: `tui` of `tui/view/mod.rs` and of `tui.rs`.
    fn module(&self) -> String {
        let first = self.path.iter().next().unwrap_or_default();
        Path::new(first).with_extension("").display().to_string()
    }

    /// 1 of `tui/mod.rs` and `tui.rs`, 2 of `tui/model.rs`, 0 of `lib.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.iter().count();
        let stem = self.path.file_stem().unwrap_or_default();
        if stem == "mod" || (parts == 1 && (stem == "lib" || stem == "main")) { parts - 1 } else { parts }
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_build_script(&self) -> bool {
        self.path == Path::new("agent/build.rs")
    }

    fn line(&self, line: usize, problem: &str) -> String {
        format!("src/{}:{line}: {problem}", self.path.display())
    }

    /// What breaks the map in this file.
    fn broken_edges(&self) -> Vec<String> {
        if self.is_build_script() {
            let named = self.tokens.iter().filter(|t| t.text == "crate" || t.text == "codebeaker");
            return named.map(|t| self.line(t.line, "build.rs can know nothing of the crate")).collect();
        }
        let module = self.module();
        let allowed = EDGES.iter().find(|(from, _)| *from == module).map_or(&[][..], |(_, to)| to);
        let mut broken: Vec<String> = named_in_root(&self.tokens, self.depth())
            .into_iter()
            // `crate::{self}` names nothing further.
            .filter(|to| to.text != module && !allowed.contains(&to.text.as_str()))
            .map(|to| self.line(to.line, &format!("{module} may not use {}", to.text)))
            .collect();
        // `tui → engine (the trait)`: it can't tell an embedded engine from a remote one.
        if module == "tui" {
            let named = self.tokens.iter().filter(|t| t.text == "Embedded" || t.text == "embedded");
            broken.extend(named.map(|t| self.line(t.line, "tui knows the trait Engine, not Embedded")));
        }
        // A file of one module compiled into another would have edges that no path shows.
        for window in self.tokens.windows(3) {
            if matches!(window, [hash, bracket, path] if hash.text == "#" && bracket.text == "[" && path.text == "path")
            {
                broken.push(self.line(window[2].line, "#[path] hides where a module stands"));
            }
        }
        broken
    }

    /// What the agent's program may not use. It is a crate of its own that needs nothing but std; its files are part
    /// of the library too, for their tests. `siblings` are the names of files beside it.
    fn broken_program(&self, siblings: &[String]) -> Vec<String> {
        let tokens = without_tests(&self.tokens);
        let declared = |name: &str| tokens.windows(2).any(|w| w[0].text == "mod" && w[1].text == name);
        let own = |name: &str| declared(name) || siblings.iter().any(|sibling| sibling == name);
        let mut broken = Vec::new();
        for (i, token) in tokens.iter().enumerate() {
            let after = |n: usize| tokens.get(i + n).map_or("", |t| t.text.as_str());
            if token.text == "crate" && after(1) == "::" {
                // `crate` is its own root there and the library's here: no path by it holds in both.
                broken.push(
                    self.line(token.line, &format!("the agent's program can't name crate::{}", after(2))),
                );
            }
            let is_use = matches!(token.text.as_str(), "use") && !matches!(after(1), "<" | "crate");
            for head in if is_use { heads(&tokens, i + 1) } else { Vec::new() } {
                let name = head.text.as_str();
                let known = ["std", "core", "alloc", "self", "super", "::"].contains(&name);
                if !known && !own(name) && !name.starts_with(char::is_uppercase) {
                    broken
                        .push(self.line(head.line, &format!("the agent's program is std only, not {name}")));
                }
            }
        }
        broken
    }
}

/// Tokens without the modules that only tests have: those may use more than the program.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let marks = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        let is_test =
            marks.iter().zip(&tokens[i..]).filter(|(mark, t)| t.text == **mark).count() == marks.len();
        if is_test && tokens.get(i + marks.len() + 1).is_some_and(|t| t.text == "{") {
            i += marks.len() + 1;
            let mut depth = 0;
            while i < tokens.len() {
                match tokens[i].text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                i += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            out.push(tokens[i].clone());
            i += 1;
        }
    }
    out
}

fn read(folder: &Path, root: &Path, files: &mut Vec<File>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(&path, root, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            files.push(File::new(path.strip_prefix(root).unwrap(), source));
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files() -> Vec<File> {
    let mut files = Vec::new();
    read(&root(), &root(), &mut files);
    assert!(files.len() > 5, "the source is not where this test looks for it");
    files
}

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn modules_know_only_what_the_map_allows() {
    assert_none(files().iter().flat_map(File::broken_edges).collect());
}

/// All under `agent/program`, and the files beside it that the program's root, `agent/main.rs`, names.
#[test]
fn the_agents_program_needs_nothing_but_std() {
    let files = files();
    let root = files.iter().find(|f| f.path == Path::new("agent/main.rs"));
    let names = |file: &File| -> Vec<String> {
        file.tokens.windows(2).filter(|w| w[0].text == "mod").map(|w| w[1].text.clone()).collect()
    };
    let shared: Vec<String> = root.map(names).unwrap_or_default();
    let is_program = |file: &&File| {
        let beside = |name: &String| file.path == Path::new("agent").join(name).with_extension("rs");
        file.is_under("agent/program") || file.path == Path::new("agent/main.rs") || shared.iter().any(beside)
    };
    let siblings: Vec<String> = files
        .iter()
        .filter(|f| f.is_under("agent"))
        .map(|f| f.path.file_stem().unwrap_or_default().display().to_string())
        .collect();
    assert_none(files.iter().filter(is_program).flat_map(|f| f.broken_program(&siblings)).collect());
}

/// A module that DESIGN.md doesn't know has no edges, so it would slip in unnoticed.
#[test]
fn every_module_is_on_the_map() {
    let known =
        |module: &str| EDGES.iter().any(|(m, _)| *m == module) || ["protocol", "lib"].contains(&module);
    let unknown = files().into_iter().filter(|f| !known(&f.module()));
    assert_none(unknown.map(|f| f.line(1, "this module is not in DESIGN.md section 3")).collect());
}

#[test]
fn main_is_one_call_into_cli() {
    let main = files().into_iter().find(|f| f.path == Path::new("main.rs")).unwrap();
    let modules = main.tokens.iter().filter(|t| t.text == "mod");
    assert_none(modules.map(|t| main.line(t.line, "main.rs has no modules: the library has them")).collect());
}

/// The words on the wire are plain data: no runtime, no files, no sockets, no clock.
#[test]
fn protocol_does_nothing() {
    let forbidden = ["tokio", "fs", "net", "process", "thread", "SystemTime", "Instant"];
    let mut problems = Vec::new();
    for file in files().iter().filter(|f| f.module() == "protocol") {
        for window in file.tokens.windows(3) {
            let path = (window[0].text == "std" || window[0].text == "time") && window[1].text == "::";
            if window[0].text == "tokio" || (path && forbidden.contains(&window[2].text.as_str())) {
                problems.push(file.line(window[0].line, "protocol is data: no tokio, no IO, no clock"));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn files_can_be_read_at_one_sitting() {
    let long = files().into_iter().filter(|f| f.source.lines().count() > LONGEST);
    assert_none(long.map(|f| f.line(LONGEST, &format!("{} lines", f.source.lines().count()))).collect());
}

#[test]
fn unsafe_stands_in_sandbox_and_agent_only() {
    let files = files();
    let outside = files.iter().filter(|f| !f.is_under("sandbox") && !f.is_under("agent"));
    let found = outside.flat_map(|f| {
        f.tokens
            .iter()
            .filter(|t| t.text == "unsafe")
            .map(|t| f.line(t.line, "unsafe outside sandbox and agent"))
    });
    assert_none(found.collect());
}

/// Runtimes come from the registry that the user's settings name; none is written down, not even in a comment.
#[test]
fn no_registry_host_is_written_down() {
    // In parts, so that this file doesn't write one down itself.
    let hosts = [
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["yarnpkg", "com"],
        ["npmmirror", "com"],
        ["npm.pkg.github", "com"],
        ["jsr", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["crates", "io"],
        ["nuget", "org"],
        ["proxy.golang", "org"],
        ["registry-1.docker", "io"],
        ["index.docker", "io"],
    ]
    .map(|parts| parts.join("."));
    let mut problems = Vec::new();
    for file in files() {
        for (i, line) in file.source.lines().enumerate() {
            let line = line.to_ascii_lowercase();
            let found = hosts.iter().filter(|host| line.contains(host.as_str()));
            problems.extend(found.map(|host| file.line(i + 1, &format!("names the registry host {host}"))));
        }
    }
    assert_none(problems);
}

/// The names that `source` in `path` uses and may not, in order.
fn broken(path: &str, source: &str) -> Vec<String> {
    let file = File::new(path, source);
    let program =
        if file.is_under("agent/program") { file.broken_program(&["frame".to_owned()]) } else { Vec::new() };
    file.broken_edges().into_iter().chain(program).collect()
}

#[test]
fn forbidden_edges_are_found() {
    for (path, source, expected) in [
        ("tui/mod.rs", "use crate::engine::Engine;", &[][..]),
        ("tui/mod.rs", "\n\nuse crate::server::Server;", &["src/tui/mod.rs:3: tui may not use server"]),
        ("tui.rs", "use crate::server::Server;", &["src/tui.rs:1: tui may not use server"]),
        (
            "bench/mod.rs",
            "pub(crate) use crate::{\n  engine::{self, Engine},\n  bench::stats,\n  tui::{run, x::y},\n  remote as r,\n};",
            &["src/bench/mod.rs:4: bench may not use tui", "src/bench/mod.rs:5: bench may not use remote"],
        ),
        (
            "tui/a.rs",
            "fn f() -> crate::runtimes::X { let _ = $crate::agent::y!(); }",
            &["src/tui/a.rs:1: tui may not use runtimes", "src/tui/a.rs:1: tui may not use agent"],
        ),
        (
            "config/mod.rs",
            "use crate::{{protocol::X}};",
            &["src/config/mod.rs:1: config may not use protocol"],
        ),
        ("engine/mod.rs", "use crate::*;", &["src/engine/mod.rs:1: engine may not use *"]),
        ("engine/mod.rs", "use r#crate::r#tui;", &["src/engine/mod.rs:1: engine may not use tui"]),
        ("engine/mod.rs", "use crate as c;", &["src/engine/mod.rs:1: engine may not use crate"]),
        ("engine/mod.rs", "extern crate self as c;", &["src/engine/mod.rs:1: engine may not use self"]),
        ("engine/mod.rs", "use codebeaker::tui;", &["src/engine/mod.rs:1: engine may not use tui"]),
        // Climbing to the root is an edge too; climbing less is not.
        ("tui/mod.rs", "use super::server::X;", &["src/tui/mod.rs:1: tui may not use server"]),
        (
            "tui/view/list.rs",
            "use super::super::super::{server};",
            &["src/tui/view/list.rs:1: tui may not use server"],
        ),
        ("tui/view/list.rs", "use super::super::model::Server;", &[]),
        (
            "tui/mod.rs",
            "mod tests { use super::server; mod a { use super::super::super::remote; } }\nuse super::remote;",
            &["src/tui/mod.rs:1: tui may not use remote", "src/tui/mod.rs:2: tui may not use remote"],
        ),
        // What only looks like an edge.
        ("config/mod.rs", "// use crate::tui;\n/* crate::tui /* */ crate::tui */ //! crate::tui\n", &[]),
        (
            "config/mod.rs",
            r####"const A: &str = "crate::tui \" crate::tui"; const B: &str = r#"crate::"tui"#;"####,
            &[],
        ),
        (
            "config/mod.rs",
            "fn f<'a>(x: &'a str) { let _ = ('\"', '\\'', '\\u{7f}', '{'); } // crate::tui",
            &[],
        ),
        (
            "config/mod.rs",
            "pub(crate) fn f() {} pub(in crate::config) fn g() {} use serde::codebeaker::x;",
            &[],
        ),
        ("main.rs", "use codebeaker::cli;", &[]),
        ("main.rs", "use codebeaker::{cli, tui::run};", &["src/main.rs:1: main may not use tui"]),
        ("lib.rs", "pub use crate::tui::run;", &["src/lib.rs:1: lib may not use tui"]),
        ("tui/a.rs", "engine.Embedded", &["src/tui/a.rs:1: tui knows the trait Engine, not Embedded"]),
        (
            "tui/a.rs",
            "#[path = \"../server/x.rs\"] mod x;",
            &["src/tui/a.rs:1: #[path] hides where a module stands"],
        ),
        // The agent's two halves, and the build script.
        ("agent/mod.rs", "use crate::agent::frame;", &[]),
        ("agent/host.rs", "use crate::protocol::X;", &["src/agent/host.rs:1: agent may not use protocol"]),
        (
            "agent/program/mod.rs",
            "mod sys;\nuse std::{io, fs};\nuse frame::F;\nuse super::frame;\nuse sys::x;\nuse Kind::*;\n\
            #[cfg(test)] mod tests { use proptest::x; fn f() -> impl X + use<> {} }",
            &[],
        ),
        (
            "agent/program/task.rs",
            "use crate::engine::X;\nuse codebeaker::cli;\nuse serde::Serialize;\nuse super::super::super::tui;",
            &[
                "src/agent/program/task.rs:1: agent may not use engine",
                "src/agent/program/task.rs:2: agent may not use cli",
                "src/agent/program/task.rs:4: agent may not use tui",
                "src/agent/program/task.rs:1: the agent's program can't name crate::engine",
                "src/agent/program/task.rs:2: the agent's program is std only, not codebeaker",
                "src/agent/program/task.rs:3: the agent's program is std only, not serde",
            ],
        ),
        (
            "agent/build.rs",
            "use codebeaker::cli;",
            &["src/agent/build.rs:1: build.rs can know nothing of the crate"],
        ),
    ] {
        assert_eq!(broken(path, source), expected, "{path}: {source}");
    }
}
