//! What a hostile program prints, seen in a real terminal: its text is there, and of its escapes nothing reaches the
//! terminal but colours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::person::{Person, path};

const PROGRAM: &str = r#"
import sys
out = sys.stdout.buffer
def say(*pieces):
    out.write(b"".join(pieces) + b"\n")
out.write(b"y" * 10_000_000 + b"\n")
say(b"\x1b]52;c;", b"QUFB" * 10_000_000, b"\x07")
say(b"\x1b]0;evil title\x07\x1b]2;evil title\x1b\\one: titles")
say(b"\x1b]52;c;ZXZpbA==\x07\x1b]52;p;ZXZpbA==\x1b\\two: the clipboard")
say(b"\x1b]8;;http://evil.example\x1b\\three: a link\x1b]8;;\x1b\\")
say(b"\x1b[?1049l\x1b[?1049h\x1b[?47h\x1b[?2004l\x1b[?1000l\x1b[?25hfour: modes")
say(b"\x1b[2J\x1b[H\x1b[999;999H\x1b[10A\x1b[3J\x1bc\x1b7\x1b8five: moves")
say(b"\x1bP+q544e\x1b\\\x1bPq#0;2;0;0;0\x1b\\\x1b_Gf=100;AAAA\x1b\\\x1b^evil\x1b\\six: strings")
say(b"\x9b2J\x9d0;other\x9c\x90q\x9cseven: C1")
say("\u202eeight\u202c \u2066bidi\u2069 \u200b\u200b\ufeff\U000e0041".encode())
say(("nine: e" + "\u0301" * 500).encode())
say(b"ten: \xff\xfe\xc3\x28 not UTF-8")
say(b"\x1b[6n\x1b[c\x1b[>c\x1b[14t\x1b[21t\x05eleven: questions")
say(b"\x1b[31;1mtwelve: red")
say(b"\x07thirteen: the end \x1b]0;evil title")
"#;

#[tokio::test]
async fn nothing_of_a_hostile_program_reaches_the_terminal_but_its_text() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("hostile.py");
    // Below what the editor shows of it: its text is not what is looked for.
    std::fs::write(&file, format!("import sys{}{PROGRAM}", "\n".repeat(60))).unwrap();
    let mut person = Person::open(40, 120, &["open", file.to_str().unwrap()], &path);
    person.sees("import sys").await;
    person.types("\x1b[15~").await;
    person.sees("✓ ok  exit 0").await;
    let text = person.text();
    for shown in
        ["two: the clipboard", "three: a link", "four: modes", "eleven: questions", "thirteen: the end"]
    {
        assert!(text.contains(shown), "{shown} in\n{text}");
    }
    // To the output, through all of it.
    person.types("\x1b[17~").await;
    person.sees("> 4 Output").await;
    person.types("g").await;
    person.sees("lines (").await;
    // Ten megabytes without a line's end, and forty of a string that nobody sees.
    let status = std::fs::read_to_string(format!("/proc/{}/status", person.child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("at most {peak} kB");
    assert!(peak < 120_000, "{peak} kB");
    // A search and a filter draw what is hostile too.
    person.types("&: \r").await;
    person.sees("with :").await;
    person.types("\x1b").await;
    person.sees("paused").await;
    let raw = String::from_utf8_lossy(&person.bytes).into_owned();
    for evil in [
        "evil title",
        "]52;",
        "]8;;",
        "\x1bP",
        "\x1b_",
        "\x1b^",
        "\x1bc",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[?47h",
    ] {
        assert!(!raw.contains(evil), "{evil:?} reached the terminal");
    }
    assert_eq!(raw.matches("\x1b[?1049h").count(), 1, "the alternate screen is ours");
    assert_eq!(raw.matches("\x1b[?1049l").count(), 0, "the alternate screen is ours");
    assert_eq!(raw.matches("\x1b[?2004l").count(), 0, "bracketed paste is ours");
    let bad = |c: char| matches!(c, '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    assert!(!raw.chars().any(bad), "a control of Unicode's reached the terminal");
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn a_program_that_asks_is_answered_and_its_lines_are_found() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("asks.py");
    let code = "for n in range(300):\n    print('row', n)\nname = input('who? ')\nprint('hello', name)\nraise ValueError(name)\n";
    std::fs::write(&file, code).unwrap();
    let mut person = Person::open(36, 120, &["open", file.to_str().unwrap()], &path);
    person.sees("for n in range").await;
    person.types("\x1b[15~").await;
    person.sees("waits for input?").await;
    person.types("\x1b[17~").await;
    person.sees("> 4 Output").await;
    person.types("iAda\r").await;
    person.sees("ValueError: Ada").await;
    person.sees("exit 1").await;
    person.types("/row 29\r").await;
    person.sees("of 11 row 29").await;
    person.types("/line 5\r").await;
    person.sees("1 of 1 line 5").await;
    // The traceback's line is the code's.
    person.types("o").await;
    person.sees("> 3 Editor").await;
    person.sees("5:1").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}
