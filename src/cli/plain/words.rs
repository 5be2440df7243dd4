//! What is typed at the prompt: simple words, or the names that the palette's commands have.

use std::fmt::Write as _;

use crate::protocol::{Language, RuntimeType};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Nothing,
    /// Run the text, or this file.
    Run(Option<String>),
    Stop,
    /// A line for the running program, or the next.
    Input(String),
    /// No more input comes.
    EndInput,
    Open(String),
    Show,
    Language(Language),
    Sessions,
    New(Language, Option<RuntimeType>),
    Close(Option<usize>),
    Runtimes,
    Recheck,
    Fetch(RuntimeType),
    Samples,
    Sample(String, Option<Language>),
    Help,
    Quit,
    /// It can't be read: why, and what can.
    Unreadable(String),
}

/// A word, the palette's name for the same, what follows it, and what it does.
struct Row(&'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 17] = [
    Row("run", "run.start", "[FILE]", "runs the text, or opens a file and runs it"),
    Row("stop", "run.stop", "", "stops the running program; again within 2 s kills it (as Ctrl-C does)"),
    Row("input", "output.input", "TEXT", "gives the program a line to read; before a run it is kept for it"),
    Row("eof", "output.eof", "", "tells the program that no more input comes"),
    Row("open", "file.open", "FILE", "opens a file; it is read again at each run"),
    Row("show", "focus.editor", "", "prints the text with its line numbers"),
    Row("language", "edit.language", "NAME", "says which language the text is in"),
    Row("sessions", "focus.sessions", "", "lists the sessions"),
    Row("new", "session.new", "LANGUAGE [RUNTIME]", "creates a session; runs of its language use it"),
    Row("close", "session.close", "[NUMBER]", "closes a session, the newest without a number"),
    Row("runtimes", "runtime.setup", "", "tells what is here, what is wrong and what helps"),
    Row("recheck", "runtime.recheck", "", "looks for all runtimes again"),
    Row("fetch", "runtime.fetch", "RUNTIME", "fetches a runtime that can be fetched"),
    Row("samples", "sample.open", "", "lists short programs to begin with"),
    Row("sample", "sample.hello", "NAME [LANGUAGE]", "opens one of them"),
    Row("help", "help.here", "", "tells these words"),
    Row("quit", "app.quit", "", "ends; so does the end of input (Ctrl-D)"),
];

/// All words with what they do, a line each.
pub fn help() -> String {
    let mut out = String::new();
    for Row(word, id, follows, does) in &ROWS {
        let how = format!("{word} {follows}");
        let _ = writeln!(out, "{:<28} {does} ({id})", how.trim_end());
    }
    out
}

/// Reads a line.
pub fn read(line: &str) -> Word {
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let lower = first.to_ascii_lowercase();
    let Some(Row(word, ..)) = ROWS.iter().find(|Row(word, id, ..)| *word == lower || *id == lower) else {
        return match lower.as_str() {
            "" => Word::Nothing,
            // One more name for each sample, as the palette has it.
            _ if lower.starts_with("sample.") => sample(lower.trim_start_matches("sample."), rest),
            "?" => Word::Help,
            "exit" | "q" => Word::Quit,
            _ => Word::Unreadable(format!("{first:?} is not known; help tells what is")),
        };
    };
    let needs = |what: &str| Word::Unreadable(format!("{word} needs {what}"));
    match *word {
        "run" => Word::Run((!rest.is_empty()).then(|| rest.to_owned())),
        "stop" => Word::Stop,
        "input" => Word::Input(rest.to_owned()),
        "eof" => Word::EndInput,
        "open" if rest.is_empty() => needs("the name of a file"),
        "open" => Word::Open(rest.to_owned()),
        "show" => Word::Show,
        "language" => language(rest).map_or_else(Word::Unreadable, Word::Language),
        "sessions" => Word::Sessions,
        "new" => new(rest),
        "close" if rest.is_empty() => Word::Close(None),
        "close" => {
            rest.parse().map_or_else(|_| needs("a number, as sessions tells them"), |n| Word::Close(Some(n)))
        }
        "runtimes" => Word::Runtimes,
        "recheck" => Word::Recheck,
        "fetch" => runtime(rest).map_or_else(Word::Unreadable, Word::Fetch),
        "samples" => Word::Samples,
        // The palette's name says which, the word doesn't.
        "sample" if lower != "sample" => sample("hello", rest),
        "sample" => match rest.split_once(char::is_whitespace) {
            Some((name, language)) => sample(name, language.trim()),
            None if rest.is_empty() => Word::Samples,
            None => sample(rest, ""),
        },
        "help" => Word::Help,
        _ => Word::Quit,
    }
}

fn sample(name: &str, rest: &str) -> Word {
    let name = name.to_owned();
    match rest {
        "" => Word::Sample(name, None),
        rest => language(rest).map_or_else(Word::Unreadable, |language| Word::Sample(name, Some(language))),
    }
}

fn new(rest: &str) -> Word {
    let (first, second) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let read = language(first).and_then(|language| match second.trim() {
        "" => Ok(Word::New(language, None)),
        second => Ok(Word::New(language, Some(runtime(second.trim_start_matches("on "))?))),
    });
    read.unwrap_or_else(Word::Unreadable)
}

fn language(name: &str) -> Result<Language, String> {
    name.parse()
        .map_err(|_| format!("{name:?} is no language: there are python, javascript, typescript, go, csharp"))
}

fn runtime(name: &str) -> Result<RuntimeType, String> {
    name.parse().map_err(|_| format!("{name:?} is no runtime: there are bun, deno, native, docker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_the_palettes_names_mean_the_same() {
        for (line, word) in [
            ("run", Word::Run(None)),
            ("run.start a b.py", Word::Run(Some("a b.py".to_owned()))),
            ("  STOP ", Word::Stop),
            ("run.stop", Word::Stop),
            ("input  Ada Lovelace", Word::Input("Ada Lovelace".to_owned())),
            ("new python", Word::New(Language::Python, None)),
            ("session.new ts on bun", Word::New(Language::TypeScript, Some(RuntimeType::Bun))),
            ("close", Word::Close(None)),
            ("close 2", Word::Close(Some(2))),
            ("sample words go", Word::Sample("words".to_owned(), Some(Language::Go))),
            ("sample.fails", Word::Sample("fails".to_owned(), None)),
            ("sample.hello py", Word::Sample("hello".to_owned(), Some(Language::Python))),
            ("", Word::Nothing),
            ("q", Word::Quit),
        ] {
            assert_eq!(read(line), word, "{line:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_can() {
        for line in
            ["nonsense", "open", "new", "new klingon", "new go on mars", "close x", "fetch", "language"]
        {
            let Word::Unreadable(why) = read(line) else { panic!("{line:?} is read") };
            assert!(why.len() > 12, "{why}");
        }
        for Row(word, id, ..) in ROWS {
            assert!(help().contains(word) && help().contains(id));
            assert!(!matches!(read(id), Word::Nothing), "{id}");
        }
    }
}
