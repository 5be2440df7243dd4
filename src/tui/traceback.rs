//! Where in a text a line of a traceback points to, in the ways the five languages write it.

/// The line, counted from 1, of the file that a line of output names. `None`: it names no line of that file. A text
/// whose name no program could have is run under one of its runtime's choice: any file of the session will do.
pub(super) fn line_of(line: &str, file: Option<&str>) -> Option<usize> {
    // Python: `File "main.py", line 3, in f`.
    if let Some((_, rest)) = line.split_once("File \"")
        && let Some((path, rest)) = rest.split_once("\", line ")
    {
        return number(rest).filter(|_| is_file(path, file));
    }
    // .NET: `in /workspace/Program.cs:line 3`.
    if let Some((before, rest)) = line.split_once(":line ") {
        let path = before.rsplit_once(" in ").map_or(before, |(_, path)| path);
        return number(rest).filter(|_| is_file(path, file));
    }
    // Everybody else: `main.ts:3:7`, `./main.go:3`, `Program.cs(3,7)`.
    let words = line.split(|c: char| c.is_whitespace() || "()[]\"'<>,".contains(c));
    words.filter_map(|word| with_line(word, file)).next().or_else(|| with_brackets(line, file))
}

/// The line that a whole output points to: of Python's tracebacks the last named, of others' the first.
pub(super) fn innermost(output: &str, file: Option<&str>, last: bool) -> Option<usize> {
    let mut lines = output.lines().filter_map(|line| line_of(line, file));
    if last { lines.next_back() } else { lines.next() }
}

fn with_line(word: &str, file: Option<&str>) -> Option<usize> {
    let word = word.strip_prefix("file://").unwrap_or(word);
    let (path, rest) = word.split_once(':')?;
    let row = number(rest)?;
    (path.contains('.') && is_file(path, file)).then_some(row)
}

fn with_brackets(line: &str, file: Option<&str>) -> Option<usize> {
    let (before, rest) = line.split_once('(')?;
    let path = before.rsplit(char::is_whitespace).next()?;
    let row = number(rest)?;
    (path.contains('.') && is_file(path, file)).then_some(row)
}

fn number(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..digits)?.parse().ok().filter(|n| *n > 0)
}

fn is_file(path: &str, file: Option<&str>) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match file {
        Some(file) => name == file,
        // A library's lines are not the text's.
        None => !path.starts_with('/') || path.starts_with("/workspace/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_language_has_its_way() {
        let of = |line| line_of(line, Some("main.x"));
        assert_eq!(of("  File \"/workspace/main.x\", line 12, in <module>"), Some(12));
        assert_eq!(of("    at f (/workspace/main.x:3:7)"), Some(3));
        assert_eq!(of("    at file:///workspace/main.x:4:7"), Some(4));
        assert_eq!(of("\t/workspace/main.x:5 +0x1d"), Some(5));
        assert_eq!(of("   at Program.Main() in /workspace/main.x:line 6"), Some(6));
        assert_eq!(of("/workspace/main.x(7,13): error CS1002: ; expected"), Some(7));
        assert_eq!(of("  File \"/usr/lib/python3/json.py\", line 12"), None);
        assert_eq!(of("12:30:01 all is well"), None);
        assert_eq!(of("main.x:0"), None);
        assert_eq!(line_of("  File \"/workspace/code.py\", line 2", None), Some(2));
        assert_eq!(line_of("  File \"/usr/lib/code.py\", line 2", None), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "[ -~é]{0,60}|(File \"|\", line |:line |\\(|:[0-9]{1,30}|/|\\.){0,12}") {
            line_of(&line, Some("a.py"));
            line_of(&line, None);
        }
    }
}
