//! Programs: how they are started, what they are given, and what is told of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use codebeaker::protocol::{
    Command, CreateDirectory, CreateSession, Execute, ExecuteCode, ExecuteShell, ExecutionEvent,
    InstallPackages, Language, OutputStream, PtySize,
};

use crate::support::native::Kind;
use crate::{Bench, code, interactive, printed, program, sh, timely};

/// Bytes of each stream that an engine keeps, unless it was told otherwise.
const KEPT: usize = 1 << 20;

pub async fn code_that_fails(bench: &Bench) {
    let id = bench.create().await.session_id;
    let result = bench.execute(&id, Command::ExecuteCode(code(bench.kind.failing()))).await;
    let process = result.process().unwrap();
    assert_eq!((process.stdout.as_str(), process.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!((process.exit_code, result.success), (3, false));
    assert_eq!(result.error.as_deref(), Some("exited with code 3"));
    assert!(process.peak_memory_bytes.is_some_and(|n| n > 1 << 20), "{process:?}");
    assert!(process.cpu_ms.is_some() && !process.truncated && process.signal.is_none(), "{process:?}");
}

pub async fn code_with_arguments_variables_and_input(bench: &Bench) {
    let env = BTreeMap::from([("GREETING".to_owned(), "guten Tag".to_owned())]);
    let session = bench.engine.create_session(CreateSession { env, ..bench.params() }).await.unwrap();
    let args = ["", "two words", "\"quotes'", "ünï", "a\nb", "$HOME", "--flag=1", "-"];
    let code = ExecuteCode {
        args: args.map(str::to_owned).to_vec(),
        stdin: Some("line\nlast".into()),
        ..code(bench.kind.telling())
    };
    let result = bench.execute(&session.session_id, Command::ExecuteCode(code)).await;
    let expected: String = args.map(|a| format!("[{a}]")).concat();
    assert_eq!(result.process().unwrap().stdout, format!("{expected}guten Tag\nline\nlast"), "{result:?}");
    assert!(result.success && result.error.is_none());
}

/// Where the time went is told of programs, and adds up to all of it.
pub async fn phases_of_a_command(bench: &Bench) {
    let id = bench.create().await.session_id;
    let first = bench.start(Execute::new(id.clone(), sh("sleep 0.05"))).await.unwrap();
    let second = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap();
    let slept = timely(first.finished()).await.unwrap();
    let waited = timely(second.finished()).await.unwrap();
    let written = bench.execute(&id, Command::ExecuteCode(code(&bench.kind.printing(1)))).await;
    for result in [&slept, &waited, &written] {
        let phases = result.phases.unwrap_or_else(|| panic!("{result:?}"));
        assert!(phases.launch_ms > 0.0 && phases.run_ms > 0.0 && phases.collect_ms >= 0.0, "{phases:?}");
        // The whole is told in full milliseconds.
        let whole = f64::from(result.duration_ms);
        assert!(phases.total_ms() > whole - 0.001 && phases.total_ms() < whole + 1.0, "{result:?}");
    }
    assert!(slept.phases.unwrap().run_ms >= 50.0, "{slept:?}");
    assert!(waited.phases.unwrap().queue_ms > 0.0, "{waited:?}");
    let told = f64::from(written.process().unwrap().duration_ms);
    assert!(written.phases.unwrap().run_ms >= told, "{written:?}");
    // Where no program is started there is nothing to tell apart.
    let directory = CreateDirectory { path: "made".into(), recursive: true };
    for command in [program("no-such-program", &[]), Command::CreateDirectory(directory)] {
        assert_eq!(bench.execute(&id, command).await.phases, None);
    }
}

pub async fn code_of_any_name(bench: &Bench) {
    let id = bench.create().await.session_id;
    for name in ["plain", "-v", "sub dir/ünï", "data.txt"] {
        let named = ExecuteCode { file_name: Some(name.into()), ..code(bench.kind.failing()) };
        let result = bench.execute(&id, Command::ExecuteCode(named)).await;
        assert_eq!(result.process().map(|p| p.stdout.as_str()), Some("out\n"), "{name}: {result:?}");
    }
    let repl = ExecuteCode { repl: true, ..code("1") };
    let result = bench.execute(&id, Command::ExecuteCode(repl)).await;
    assert!(!result.success && result.error.unwrap().contains("repl"));
}

pub async fn code_in_a_terminal(bench: &Bench) {
    let id = bench.create().await.session_id;
    let run = |pty| {
        let code = ExecuteCode { pty, ..code(bench.kind.in_a_terminal()) };
        let execute = Execute::new(id.clone(), Command::ExecuteCode(code));
        bench.start(Execute { stream: pty.is_some(), interactive: pty.is_some(), ..execute })
    };
    let without = timely(run(None).await.unwrap().finished()).await.unwrap();
    assert_eq!(without.process().map(|p| p.stdout.as_str()), Some("false\n"), "{without:?}");

    let mut within = run(Some(PtySize { rows: 21, cols: 77 })).await.unwrap();
    assert!(printed(&mut within, "21x77\r\n").await.contains("true\r\n"));
    timely(bench.engine.resize(&within.id, 33, 99)).await.unwrap();
    printed(&mut within, "33x99\r\n").await;
    // The terminal makes an interrupt of it.
    bench.input(&within.id, "\x03", false).await.unwrap();
    let result = timely(within.finished()).await.unwrap();
    let process = result.process().unwrap();
    assert!(process.exit_code == 130 || process.signal.as_deref() == Some("SIGINT"), "{result:?}");
}

pub async fn compiled_code(bench: &Bench) {
    code_that_fails(bench).await;
    code_with_arguments_variables_and_input(bench).await;
    let id = bench.create().await.session_id;
    // Fed from outside: the compiler must not eat it.
    let execute = Execute {
        stream: true,
        interactive: true,
        ..Execute::new(id.clone(), Command::ExecuteCode(code(bench.kind.telling())))
    };
    let mut execution = bench.start(execute).await.unwrap();
    bench.input(&execution.id, "fed", true).await.unwrap();
    let told = printed(&mut execution, "fed").await;
    assert!(told.ends_with("\nfed"), "{told:?}");
    assert!(timely(execution.finished()).await.unwrap().success);

    let broken = Execute { stream: true, ..Execute::new(id, Command::ExecuteCode(code("no such thing"))) };
    let result = timely(bench.start(broken).await.unwrap().finished()).await.unwrap();
    let process = result.process().unwrap();
    assert!(!result.success && process.exit_code != 0, "{result:?}");
    // All of it was on the way to a program that never was.
    assert!(result.phases.is_some_and(|p| p.run_ms == 0.0 && p.launch_ms > 0.0), "{:?}", result.phases);
    let complaint = format!("{}{}", process.stdout, process.stderr);
    assert!(
        complaint.contains(if bench.kind.language() == Language::Go { "snippet.go" } else { "error" }),
        "{complaint}"
    );
}

pub async fn exact_arguments_and_variables(bench: &Bench) {
    let id = bench.create().await.session_id;
    let args = ["", "a  b", "\"'\\", "é漢🦀", "x\ny", "*", "$(echo no)", "--", "/workspace/../etc"];
    let all = [&["-c", "for a; do printf '[%s]' \"$a\"; done; printf \"$SAID\"", "sh"], &args[..]].concat();
    let Command::ExecuteShell(shell) = program("sh", &all) else { panic!() };
    let env = BTreeMap::from([("SAID".to_owned(), "déjà \"vu\"".to_owned())]);
    let result = bench.execute(&id, Command::ExecuteShell(ExecuteShell { env, ..shell })).await;
    let stdout = &result.process().unwrap().stdout;
    let expected: String = args[..8].iter().map(|a| format!("[{a}]")).collect();
    assert!(stdout.starts_with(&expected) && stdout.ends_with("déjà \"vu\""), "{stdout}");
    // Nothing of ours is inherited.
    let variables = bench.sh(&id, "env").await.stdout;
    assert!(!variables.contains("CARGO"), "{variables}");
}

pub async fn what_can_not_be_started(bench: &Bench) {
    let id = bench.create().await.session_id;
    let result = bench.execute(&id, program("no-such-program", &[])).await;
    assert_eq!(result.process().unwrap().exit_code, 127);
    assert_eq!(result.error.as_deref(), Some("no-such-program: command not found"));
    bench.sh(&id, "echo x > text").await;
    let result = bench.execute(&id, program("./text", &[])).await;
    assert_eq!(result.process().unwrap().exit_code, 126);
    assert!(result.error.unwrap().contains("./text"));
    let result = bench.execute(&id, program("", &[])).await;
    assert!(!result.success, "{result:?}");
    let elsewhere = ExecuteShell {
        command_name: "pwd".into(),
        working_directory: Some("nowhere".into()),
        ..ExecuteShell::default()
    };
    let result = bench.execute(&id, Command::ExecuteShell(elsewhere)).await;
    assert!(!result.success && result.error.unwrap().contains("nowhere"));
    assert_eq!(bench.sh(&id, "echo still here").await.stdout, "still here\n");
}

pub async fn ended_by_signals(bench: &Bench) {
    let id = bench.create().await.session_id;
    for (name, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11), ("USR1", 10)] {
        let result = bench.execute(&id, sh(&format!("echo before; kill -{name} $$"))).await;
        let process = result.process().unwrap();
        assert_eq!(process.exit_code, 128 + number);
        assert_eq!(process.signal.as_deref(), Some(format!("SIG{name}").as_str()));
        assert_eq!(process.stdout, "before\n");
        assert_eq!(result.error.unwrap(), format!("ended by SIG{name}"));
    }
    for exit_code in [0, 1, 42, 255] {
        assert_eq!(bench.sh(&id, &format!("exit {exit_code}")).await.exit_code, exit_code);
    }
}

pub async fn time_is_up(bench: &Bench) {
    let id = bench.create().await.session_id;
    let endless = "echo before; sleep 1000 & trap '' TERM INT; while :; do sleep 1000; done";
    let execute = Execute { timeout_ms: Some(300), ..Execute::new(id.clone(), sh(endless)) };
    let result = timely(bench.start(execute).await.unwrap().finished()).await.unwrap();
    let process = result.process().unwrap();
    assert_eq!((process.exit_code, process.timed_out, process.stdout.as_str()), (124, true, "before\n"));
    assert_eq!(process.limit.as_ref().map(|l| (l.name.as_str(), l.value.as_str())), Some(("time", "300 ms")));
    assert!(result.error.unwrap().contains("300 ms"));
    bench.without_processes(&id).await;
    let execute = Execute { timeout_ms: Some(60_000), ..Execute::new(id, sh("echo in time")) };
    assert!(timely(bench.start(execute).await.unwrap().finished()).await.unwrap().success);
}

pub async fn streams_are_told_as_they_are_written(bench: &Bench) {
    let id = bench.create().await.session_id;
    // Each piece is asked for by the one before it: it must have been told when it was written.
    let talk = "for i in 1 2 3; do printf \"out $i?\"; read answer; echo \"err $answer\" >&2; done";
    let mut execution = bench.start(interactive(&id, talk)).await.unwrap();
    for i in 1..=3 {
        let mut question = String::new();
        while !question.ends_with('?') {
            match timely(execution.next()).await.unwrap() {
                ExecutionEvent::Output { stream: OutputStream::Stdout, data } => {
                    question.push_str(std::str::from_utf8(&data).unwrap());
                }
                ExecutionEvent::Started => assert!(i == 1 && question.is_empty()),
                ExecutionEvent::Output { stream: OutputStream::Stderr, .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(question, format!("out {i}?"));
        bench.input(&execution.id, &format!("{i}\n"), false).await.unwrap();
    }
    assert!(timely(execution.finished()).await.unwrap().success);

    let much = "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\"; echo \"é $i\" >&2; i=$((i+1)); done";
    let execute = Execute { stream: true, ..Execute::new(id, sh(much)) };
    let mut execution = bench.start(execute).await.unwrap();
    let (mut out, mut err, mut result, mut started) = (Vec::new(), Vec::new(), None, 0);
    while let Some(event) = timely(execution.next()).await {
        assert!(result.is_none(), "after the result: {event:?}");
        match event {
            ExecutionEvent::Started => started += 1,
            ExecutionEvent::Output { stream: OutputStream::Stdout, data } => out.extend_from_slice(&data),
            ExecutionEvent::Output { stream: OutputStream::Stderr, data } => err.extend_from_slice(&data),
            ExecutionEvent::Finished(finished) => result = Some(finished),
            ExecutionEvent::Lagged { .. } => panic!("nothing may be missing"),
        }
    }
    let result = result.unwrap();
    let process = result.process().unwrap();
    assert_eq!(started, 1);
    assert!(process.stdout.as_bytes() == out && process.stderr.as_bytes() == err && !process.truncated);
    assert!(process.stdout.ends_with("line 2999 of many\n") && out.len() > 50_000);
}

pub async fn more_than_is_kept(bench: &Bench) {
    let id = bench.create().await.session_id;
    // A character of two bytes stands across the end of what is kept.
    let much = Execute { stream: true, ..Execute::new(id.clone(), sh("yes é | head -c 3000000")) };
    let mut execution = bench.start(much).await.unwrap();
    let (mut told, mut result) = (Vec::new(), None);
    while let Some(event) = timely(execution.next()).await {
        match event {
            ExecutionEvent::Output { data, .. } => told.extend_from_slice(&data),
            ExecutionEvent::Finished(finished) => result = Some(finished),
            _ => {}
        }
    }
    assert_eq!(told, "é\n".repeat(1_000_000).as_bytes());
    let result = result.unwrap();
    let process = result.process().unwrap();
    assert!(process.truncated && result.success);
    assert_eq!(process.stdout.len(), KEPT - KEPT % 3);
    assert!(told.starts_with(process.stdout.as_bytes()) && process.stdout_base64.is_none());
}

pub async fn bytes_that_are_no_text(bench: &Bench) {
    let id = bench.create().await.session_id;
    let process = bench.sh(&id, r"printf '\377\000\376ok\303'").await;
    let bytes = base64::engine::general_purpose::STANDARD.decode(process.stdout_base64.unwrap()).unwrap();
    assert_eq!(bytes, b"\xff\0\xfeok\xc3");
    assert_eq!(process.stdout, "\u{fffd}\0\u{fffd}ok\u{fffd}");
    assert_eq!(bench.sh(&id, "echo text").await.stdout_base64, None);
}

pub async fn input_by_value(bench: &Bench) {
    let id = bench.create().await.session_id;
    let with = |name: &str, stdin: Option<String>| {
        Command::ExecuteShell(ExecuteShell { command_name: name.into(), stdin, ..ExecuteShell::default() })
    };
    let lines = "zeile é\n".repeat(200_000);
    let counted = bench.execute(&id, with("wc", Some(lines.clone()))).await;
    let words: Vec<String> =
        counted.process().unwrap().stdout.split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["200000".to_owned(), "400000".to_owned(), lines.len().to_string()]);
    // One that reads nothing, and one that is given nothing.
    assert!(bench.execute(&id, with("true", Some(lines))).await.success);
    assert_eq!(bench.execute(&id, with("cat", None)).await.process().unwrap().stdout, "");
    assert_eq!(bench.execute(&id, with("cat", Some(String::new()))).await.process().unwrap().stdout, "");
}

pub async fn code_that_runs_at_once_has_files_of_its_own(bench: &Bench) {
    let id = bench.create().await.session_id;
    let mut running = Vec::new();
    for number in 0..4 {
        let command = Command::ExecuteCode(code(&bench.kind.printing(number)));
        let execute = Execute { concurrent: true, ..Execute::new(id.clone(), command) };
        running.push(bench.start(execute).await.unwrap());
    }
    for (number, execution) in running.into_iter().enumerate() {
        let result = timely(execution.finished()).await.unwrap();
        let printed = result.process().map(|p| p.stdout.trim().to_owned());
        assert_eq!(printed, Some(number.to_string()), "{result:?}");
    }
}

pub async fn files_that_look_like_options_or_tests(bench: &Bench) {
    let id = bench.create().await.session_id;
    for name in ["@P", "x_test"] {
        let name = format!("{name}.{}", bench.kind.language().extension());
        let named = ExecuteCode { file_name: Some(name.clone()), ..code(&bench.kind.printing(7)) };
        let result = bench.execute(&id, Command::ExecuteCode(named)).await;
        assert_eq!(result.process().map(|p| p.stdout.trim()), Some("7"), "{name}: {result:?}");
    }
}

/// Its flags are ours: they give what the session has, and the network only where it was asked for.
pub async fn what_deno_is_allowed(bench: &Bench) {
    const ASKS: &str = "const f = Deno.makeTempFileSync(); Deno.writeTextFileSync(f, 'x'); \
        Deno.hostname(); console.log(Deno.permissions.querySync({ name: 'net' }).state)";
    for (network, state) in [(false, "denied"), (true, "granted")] {
        let session =
            timely(bench.engine.create_session(CreateSession { network, ..bench.params() })).await.unwrap();
        let result = bench.execute(&session.session_id, Command::ExecuteCode(code(ASKS))).await;
        let told = result.process().map(|p| p.stdout.trim().to_owned());
        // Without a person to ask, what would be asked for is denied.
        let as_expected = told.as_deref() == Some(state) || !network && told.as_deref() == Some("prompt");
        assert!(as_expected, "{network}: {result:?}");
    }
}

/// From where the language has them, so the machine must reach that. What is not offered is refused with a reason.
pub async fn packages(bench: &Bench) {
    let (package, using) = match bench.kind.language() {
        Language::Python => ("six", "import six; print(six.__name__)"),
        _ => ("is-odd", "import odd from 'is-odd'; console.log(odd(3) ? 'six' : '')"),
    };
    let install = |package: &str| {
        Command::InstallPackages(InstallPackages {
            packages: vec![package.into()],
            ..InstallPackages::default()
        })
    };
    let without = bench.create().await.session_id;
    let refused = bench.execute(&without, install(package)).await;
    assert!(!refused.success && refused.result.is_none());
    assert!(refused.error.as_ref().unwrap().contains("network"), "{refused:?}");
    let params = CreateSession { network: true, ..bench.params() };
    let id = bench.engine.create_session(params).await.unwrap().session_id;
    let none = bench.execute(&id, install("--help")).await;
    assert!(!none.success && none.result.is_none(), "{none:?}");
    let installed = bench.execute(&id, install(package)).await;
    if bench.kind == Kind::Deno {
        assert!(installed.error.as_ref().unwrap().contains("npm:NAME"), "{installed:?}");
        return;
    }
    let reached =
        installed.success.then_some(()).ok_or_else(|| format!("{package} can't be had: {installed:?}"));
    if !crate::support::require("registry", reached) {
        return;
    }
    let code = ExecuteCode { file_name: Some("using.mjs".into()), ..code(using) };
    let code = if package == "six" { ExecuteCode { file_name: None, ..code } } else { code };
    let code = ExecuteCode { language: (package != "six").then_some(Language::JavaScript), ..code };
    let used = bench.execute(&id, Command::ExecuteCode(code)).await;
    assert_eq!(used.process().unwrap().stdout, "six\n", "{used:?}");
}
