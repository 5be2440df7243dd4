//! What a program is held to: by arguments, by settings, and how it is told.

use crate::{Home, expect, has, text};

/// Writes two megabytes, and takes the signal that Python would ignore.
const LARGE: &str = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n\
                     open('f', 'wb').write(bytes(2 << 20))\n";

#[test]
fn a_limit_is_told_with_its_value_and_what_raises_it() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let endless = home.file("endless.py", "while True: pass\n");
    let large = home.file("large.py", LARGE);
    for (variable, args, code, told) in [
        (None, vec![&endless, "--timeout", "0.5"], 124, "500 ms was reached (time); raise it with --timeout"),
        (
            Some(("TIMEOUT_SECONDS", "1")),
            vec![&endless, "--timeout", "20"],
            124,
            "1 s was reached (time); raise it with [limits] timeout_seconds in config.toml",
        ),
        (
            Some(("CPU_SECONDS", "1")),
            vec![&endless],
            152,
            "1 s of processor time was reached (cpu); raise it with [limits] cpu_seconds in config.toml",
        ),
        (
            Some(("FILE_SIZE_MB", "1")),
            vec![&large],
            153,
            "1 MB for one file was reached (fileSize); raise it with [limits] file_size_mb in config.toml",
        ),
    ] {
        let home = match variable {
            Some((name, value)) => Home::new().set(&format!("CODEBEAKER_LIMITS_{name}"), value),
            None => Home::new(),
        };
        let args: Vec<&str> = std::iter::once("run").chain(args).collect();
        let stderr = expect(&home, &args, "", code);
        assert_eq!(stderr, format!("codebeaker: stopped: its limit of {told}\n"));
    }
}

#[test]
fn what_is_asked_for_is_lowered_and_not_raised() {
    if !has("python3") {
        return;
    }
    let home = Home::new().set("CODEBEAKER_LIMITS_OUTPUT_KB", "1");
    let program = home.file("out.py", "print('x' * 5000)\n");
    let report = |args: &[&str]| -> serde_json::Value {
        let output = home.run(&[&["run", &program, "--json"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    for (args, memory, network) in
        [(&[][..], 512, false), (&["--memory", "100", "--network"], 100, true), (&["-m", "9000"], 512, false)]
    {
        let report = report(args);
        assert_eq!(report["config"]["memoryLimitMB"], memory, "{report:#}");
        assert_eq!(report["config"]["network"], network, "{report:#}");
        assert_eq!(report["limits"]["outputBytes"], 1024, "{report:#}");
        assert_eq!(report["result"]["stdout"].as_str().unwrap().len(), 1024);
        assert_eq!(report["result"]["truncated"], true);
    }
    home.nothing_left();
}

#[test]
fn less_isolation_than_the_settings_ask_for_runs_nothing() {
    if !has("python3") {
        return;
    }
    // More than there can be without a second kernel.
    let home = Home::new().set("CODEBEAKER_MINIMUM_ISOLATION", "10");
    for name in ["ok.py", "ok.ts"] {
        let file = home.file(name, "print(1)\n");
        let output = home.run(&["run", &file]);
        let stderr = text(&output.stderr);
        assert_eq!((text(&output.stdout), output.status.code()), ("", Some(125)), "{stderr}");
        if name == "ok.py" {
            assert!(stderr.contains("is below the minimum of 10 that the settings ask for"), "{stderr}");
            assert!(stderr.contains("\n  codebeaker doctor tells which layers are missing"), "{stderr}");
        }
        assert!(!stderr.contains("fetched"), "{stderr}");
        home.nothing_left();
    }
    let output = home.run(&["doctor"]);
    let report = text(&output.stdout);
    assert!(report.contains("below minimum_isolation = 10"), "{report}");
}

#[test]
fn odd_limits_are_told_and_passed_over() {
    if !has("python3") {
        return;
    }
    let home = Home::new().set("CODEBEAKER_LIMITS_MEMORY_MB", "lots");
    home.file("config/codebeaker/config.toml", "[limits]\nprocesses = \"few\"\n");
    let program = home.file("ok.py", "print(1)\n");
    let stderr = expect(&home, &["run", &program], "1\n", 0);
    for told in ["config.toml line 2: `processes`", "CODEBEAKER_LIMITS_MEMORY_MB: \"lots\""] {
        assert!(stderr.contains(told), "{stderr}");
    }
    let output = home.run(&["run", &program, "--memory", "0"]);
    assert!(output.status.code() == Some(125) && text(&output.stderr).contains("--memory"));
}
