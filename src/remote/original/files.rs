//! File commands, done by a program in the session: what it is asked, and what its answer means.
//!
//! The server's own file commands are no help: in containers they succeed whatever happens, elsewhere they carry text
//! only, and there are none to list or delete. The same is asked in a POSIX shell, in JavaScript and in Python.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use crate::protocol::{
    Command, CommandOutput, Copied, Created, Deleted, DirectoryEntry, EntryKind, FileContent, ListDirectory,
    Listing, WriteFile, WriteMode, Written, to_ascii,
};

/// The most bytes one answer carries of a file.
const MAX_READ: usize = 8 << 20;
/// The most entries one answer carries of a directory.
const MAX_ENTRIES: usize = 5000;
/// What stands for a listing without end: deeper than any path can be.
const DEPTHS: u32 = 4096;
/// Bytes that one argument of a program carries: a multiple of 3, so that base64 is the same in pieces; of 128 KiB that
/// the system takes.
const PIECE: usize = 72 << 10;
/// Arguments of one call: of 2 MiB that the system takes together.
const PIECES: usize = 8;

/// The words that a command is asked with in a shell; writing has its own.
pub fn shell_words(command: &Command, kind: Kind) -> Vec<String> {
    let flag = |set: bool, word: &str| if set { word.to_owned() } else { "-".to_owned() };
    let place = |path: &str| kind.place(path);
    match command {
        Command::ReadFile(c) => vec!["read".into(), place(&c.path), MAX_READ.to_string()],
        Command::CreateDirectory(c) => vec!["make".into(), place(&c.path), flag(c.recursive, "deep")],
        Command::CopyFile(c) => {
            vec!["copy".into(), place(&c.source), place(&c.destination), flag(c.overwrite, "over")]
        }
        Command::DeleteFile(c) => vec!["delete".into(), place(&c.path), flag(c.recursive, "deep")],
        Command::ListDirectory(c) => vec![
            "list".into(),
            place(&c.path),
            depth(c).to_string(),
            flag(c.include_hidden, "hidden"),
            (MAX_ENTRIES + 1).to_string(),
        ],
        Command::WriteFile(_)
        | Command::ExecuteShell(_)
        | Command::ExecuteCode(_)
        | Command::InstallPackages(_) => Vec::new(),
    }
}

/// The calls that write a file by a shell, in order: each with as much as a call takes.
pub fn shell_writes(path: &str, content: &[u8], append: bool) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    let mut how = if append { "more" } else { "new" };
    for part in content.chunks(PIECE * PIECES) {
        let mut words = vec!["write".to_owned(), path.to_owned(), how.to_owned()];
        words.extend(part.chunks(PIECE).map(|piece| STANDARD.encode(piece)));
        calls.push(words);
        how = "more";
    }
    if calls.is_empty() {
        calls.push(vec!["write".to_owned(), path.to_owned(), how.to_owned(), String::new()]);
    }
    calls
}

/// What a command is asked with in JavaScript or Python. Error: it can't be asked at all.
pub fn ask(command: &Command, kind: Kind) -> Result<Value, String> {
    let place = |path: &str| kind.place(path);
    Ok(match command {
        Command::WriteFile(c) => json!({
            "name": "write", "path": place(&c.path), "append": c.mode == WriteMode::Append,
            "content": STANDARD.encode(c.decoded()?),
        }),
        Command::ReadFile(c) => json!({ "name": "read", "path": place(&c.path), "most": MAX_READ }),
        Command::CreateDirectory(c) => json!({ "name": "make", "path": place(&c.path), "deep": c.recursive }),
        Command::CopyFile(c) => json!({
            "name": "copy", "path": place(&c.source), "to": place(&c.destination), "over": c.overwrite,
        }),
        Command::DeleteFile(c) => json!({ "name": "delete", "path": place(&c.path), "deep": c.recursive }),
        Command::ListDirectory(c) => json!({
            "name": "list", "path": place(&c.path), "depth": depth(c), "hidden": c.include_hidden,
            "most": MAX_ENTRIES + 1,
        }),
        Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => {
            return Err("it starts a program".to_owned());
        }
    })
}

/// The program that does what is asked.
pub fn script(ask: &Value, kind: Kind) -> String {
    // A JSON text as a string of JSON, and pure ASCII: a string of both languages as well.
    let text = Value::String(to_ascii(&ask.to_string()));
    match kind {
        Kind::Python => {
            format!("import json\nask = json.loads({text})\n{}", include_str!("inside.py"))
        }
        _ => format!("const ask = JSON.parse({text});\n{}", include_str!("inside.js")),
    }
}

/// What an answer means. Error: why the command failed, in one sentence that names the path as the client gave it.
/// `otherwise` is what is known where the program did not get as far as to say.
pub fn outcome(command: &Command, answer: &str, otherwise: &str) -> Result<CommandOutput, String> {
    let (word, rest) = answer.split_once('\n').unwrap_or((answer, ""));
    let path = path(command);
    let why = match word.trim_end() {
        "ok" => return given(command, rest).ok_or_else(|| format!("{path}: the answer can't be read")),
        "missing" => format!("File not found: {path}"),
        "directory" => format!("{path} is a directory"),
        "irregular" => format!("{path} is not a regular file"),
        "plain" => format!("{path} is not a directory"),
        "full" => format!("{path} is not empty: delete it with recursive"),
        "exists" => match command {
            Command::CopyFile(c) => format!("{} exists already", c.destination),
            _ => format!("{path} exists already"),
        },
        "failed" => format!("{path}: {}", rest.trim()),
        _ => {
            // Programs put their name and the path before what is wrong.
            let line = otherwise.trim().lines().next_back().unwrap_or_default();
            let what = line.rsplit(": ").next().filter(|what| !what.is_empty());
            format!("{path}: {}", what.unwrap_or("the server did not say why"))
        }
    };
    Err(why)
}

fn path(command: &Command) -> &str {
    match command {
        Command::WriteFile(c) => &c.path,
        Command::ReadFile(c) => &c.path,
        Command::CreateDirectory(c) => &c.path,
        Command::CopyFile(c) => &c.source,
        Command::DeleteFile(c) => &c.path,
        Command::ListDirectory(c) => &c.path,
        Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => "",
    }
}

/// What a command has given. `None`: the answer lacks it.
fn given(command: &Command, rest: &str) -> Option<CommandOutput> {
    Some(match command {
        Command::WriteFile(c) => CommandOutput::Written(written(c)?),
        Command::ReadFile(c) => {
            let (size, content) = rest.split_once('\n').unwrap_or((rest, ""));
            let packed: String = content.split_whitespace().collect();
            let content = STANDARD.decode(packed).ok()?;
            CommandOutput::Content(FileContent::new(
                c.path.clone(),
                &content,
                size.trim().parse().ok()?,
                c.encoding,
            ))
        }
        Command::CreateDirectory(c) => CommandOutput::Created(Created { path: c.path.clone() }),
        Command::CopyFile(c) => CommandOutput::Copied(Copied {
            source: c.source.clone(),
            destination: c.destination.clone(),
            bytes: rest.trim().parse().ok()?,
        }),
        Command::DeleteFile(c) => CommandOutput::Deleted(Deleted { path: c.path.clone() }),
        Command::ListDirectory(c) => CommandOutput::Listing(listing(c, rest)),
        Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => return None,
    })
}

/// What a command has written, where it succeeded.
pub fn written(command: &WriteFile) -> Option<Written> {
    let bytes = u64::try_from(command.decoded().ok()?.len()).ok()?;
    Some(Written { path: command.path.clone(), bytes })
}

fn depth(command: &ListDirectory) -> u32 {
    match (command.recursive, command.max_depth) {
        (false, _) => 1,
        (true, None | Some(0)) => DEPTHS,
        (true, Some(depth)) => depth.min(DEPTHS),
    }
}

/// Lines of `mode size seconds ./path`, the mode in hexadecimal as the system has it.
fn listing(command: &ListDirectory, lines: &str) -> Listing {
    let found: Vec<_> = lines.lines().filter_map(entry).collect();
    let truncated = found.len() > MAX_ENTRIES;
    let fits =
        |e: &DirectoryEntry| command.pattern.as_ref().is_none_or(|p| p.is_empty() || matches(p, &e.name));
    let mut entries: Vec<_> = found.into_iter().take(MAX_ENTRIES).filter(fits).collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Listing { path: command.path.clone(), entries, truncated }
}

fn entry(line: &str) -> Option<DirectoryEntry> {
    let mut parts = line.splitn(4, ' ');
    let mode = u32::from_str_radix(parts.next()?, 16).ok()?;
    let size = parts.next()?.parse().ok()?;
    let modified = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
    let path = parts.next()?.strip_prefix("./")?;
    let kind = match mode & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o040_000 => EntryKind::Directory,
        0o120_000 => EntryKind::Link,
        _ => EntryKind::Other,
    };
    let name = path.rsplit('/').next().unwrap_or(path).to_owned();
    let (modified, mode) = (modified.to_string(), format!("{:04o}", mode & 0o7777));
    Some(DirectoryEntry { name, path: path.to_owned(), kind, size, modified, mode })
}

/// Whether a name fits a pattern: `*` is any characters, `?` any one.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and where the name goes on if it takes one character more.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if wanted == c || *wanted == '?' => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, fits) in [
            ("*.py", "a.py", true),
            ("*.py", "a.pyc", false),
            ("a?c*", "abcd", true),
            ("*a*b", "xaayb", true),
            ("**", "", true),
            ("?", "é", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_large_file_is_written_in_calls_that_the_system_takes() {
        let content = vec![7; PIECE * PIECES * 2 + 1];
        let calls = shell_writes("f", &content, false);
        assert_eq!(calls.iter().map(|c| c[2].as_str()).collect::<Vec<_>>(), ["new", "more", "more"]);
        assert!(calls.iter().flatten().all(|word| word.len() < 128 << 10));
        let joined: String = calls.iter().flat_map(|c| &c[3..]).map(String::as_str).collect();
        assert_eq!(STANDARD.decode(joined).unwrap(), content);
        assert_eq!(shell_writes("f", b"", true), [["write", "f", "more", ""]]);
    }

    #[test]
    fn what_a_program_could_not_say_is_told_in_the_systems_words() {
        let delete = Command::DeleteFile(crate::protocol::DeleteFile { path: "x".into(), recursive: false });
        let error = outcome(&delete, "", "rm: cannot remove '/workspace/x': Permission denied\n");
        assert_eq!(error.unwrap_err(), "x: Permission denied");
    }
}
