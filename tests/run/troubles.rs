//! What can't be done is said in one sentence with the next step, and leaves nothing behind.

use crate::{Home, has, text, there};

/// Our own errors: exit code 125, nothing on standard output, one sentence, then the next step.
fn told(home: &Home, args: &[&str], words: &[&str]) -> String {
    let output = home.run(args);
    let stderr = text(&output.stderr).to_owned();
    assert_eq!((text(&output.stdout), output.status.code()), ("", Some(125)), "{args:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is missing: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    home.nothing_left();
    stderr
}

fn sentence_and_step(home: &Home, args: &[&str], words: &[&str]) {
    let stderr = told(home, args, words);
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines.len() == 2 && !stderr.contains("os error"), "{stderr}");
    assert!(lines[0].starts_with("codebeaker: ") && lines[1].starts_with("  "), "{stderr}");
}

#[test]
fn files_and_languages() {
    let home = Home::new();
    sentence_and_step(&home, &["run", "nope.py"], &["nope.py", "no such file", "check the name"]);
    std::fs::create_dir(home.root.path().join("dir.py")).unwrap();
    sentence_and_step(&home, &["run", "dir.py"], &["dir.py is a directory"]);
    home.file("what.xyz", "hello\n");
    sentence_and_step(&home, &["run", "what.xyz"], &["what.xyz", "--language"]);
    home.file("sh", "#!/bin/sh\necho\n");
    sentence_and_step(&home, &["run", "sh"], &["--language"]);
    std::fs::write(home.root.path().join("binary.py"), b"\xff\xfe").unwrap();
    sentence_and_step(&home, &["run", "binary.py"], &["binary.py is not UTF-8"]);
    home.file("ok.py", "print(1)\n");
    told(&home, &["run", "ok.py", "--language", "cobol"], &["cobol", "python"]);
    told(&home, &["run", "ok.py", "--runtime", "jvm"], &["jvm", "bun, deno, native"]);
    told(&home, &["run", "ok.py", "--prefer", "luck"], &["luck", "speed"]);
    told(&home, &["run", "ok.py", "--timeout=-1"], &["timeout", "time-out is between"]);
    told(&home, &["run"], &["FILE"]);
}

#[test]
fn runtimes_that_are_not_there() {
    let home = Home::new();
    home.file("ok.py", "print(1)\n");
    sentence_and_step(&home, &["run", "ok.py", "--runtime", "docker"], &["Docker"]);
    if has("python3") {
        sentence_and_step(&home, &["run", "ok.py", "--runtime", "bun"], &["Bun", "Python"]);
    }
    let bare = Home::new().set("PATH", "/nonexistent");
    bare.file("ok.py", "print(1)\n");
    sentence_and_step(&bare, &["run", "ok.py"], &["Python"]);
    bare.file("ok.go", "package main\nfunc main() {}\n");
    sentence_and_step(&bare, &["run", "ok.go"], &["Go"]);
}

#[test]
fn a_registry_that_can_not_be_reached() {
    let home = Home::new().set("CODEBEAKER_REGISTRY", "http://127.0.0.1:1").set("PATH", "/usr/bin:/bin");
    let data = home.root.path().join("data/codebeaker");
    std::fs::remove_file(&data).unwrap();
    home.file("hello.ts", "console.log(1)\n");
    for runtime in ["bun", "deno"] {
        let stderr = told(&home, &["run", "hello.ts", "--runtime", runtime], &["127.0.0.1:1"]);
        let tail: Vec<&str> = stderr.lines().collect();
        assert!(tail[0].contains("is fetched now"), "{stderr}");
        assert!(
            tail[tail.len() - 2].starts_with("codebeaker: ") && tail[tail.len() - 1].starts_with("  "),
            "{stderr}"
        );
        let left = home.root.path().join("data/codebeaker/runtimes").join(runtime);
        let versions = std::fs::read_dir(left)
            .map_or(0, |d| d.flatten().filter(|e| e.file_type().unwrap().is_dir()).count());
        assert_eq!(versions, 0);
    }
}

#[test]
fn a_home_that_can_not_be_used() {
    let home = Home::new();
    home.file("ok.py", "print(1)\n");
    let file = home.file("file", "");
    for place in [file.as_str(), "/proc/nowhere"] {
        let odd = Home::new().set("XDG_STATE_HOME", place);
        let program = odd.file("ok.py", "print(1)\n");
        sentence_and_step(&odd, &["run", &program], &[place, "XDG_STATE_HOME"]);
    }
    // All but HOME unset.
    let mut command = home.command(&["run", "ok.py"]);
    command.env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
    let output = command.env("HOME", &file).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains(&file), "{}", text(&output.stderr));
}

#[test]
fn settings_that_are_not_understood_are_named_and_passed_over() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    home.file("config/codebeaker/config.toml", "# mine\ncolour = \"red\"\npreference = \"luck\"\n");
    home.file("ok.py", "print(1)\n");
    let output = home.run(&["run", "ok.py"]);
    let stderr = text(&output.stderr);
    assert_eq!((text(&output.stdout), output.status.code()), ("1\n", Some(0)), "{stderr}");
    assert!(stderr.contains("config.toml line 2") && stderr.contains("`colour`"), "{stderr}");
    assert!(stderr.contains("luck") && stderr.contains("balanced"), "{stderr}");
    assert!(there(&home.root.path().join("state/codebeaker")));
    // The doctor tells the same.
    let report = home.run(&["doctor"]);
    assert!(text(&report.stdout).contains("config.toml line 2"));
}

#[test]
fn a_closed_standard_error_is_no_reason_to_crash() {
    let home = Home::new();
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let status = home.command(&["run", "nope.py"]).stderr(write).status().unwrap();
    assert_eq!(status.code(), Some(125));
}
