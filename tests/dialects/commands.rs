//! Every command on every kind of session of every version.

use base64::Engine as _;
use codebeaker::engine::Engine as _;
use codebeaker::protocol::{
    Command, CommandOutput, CopyFile, CreateDirectory, DeleteFile, Encoding, EntryKind, Execute, ExecuteCode,
    ExecuteShell, ExecutionEvent, FileContent, Language, ListDirectory, OutputStream, ReadFile, SessionId,
    WriteFile, WriteMode,
};

use crate::support::original::{Era, Kind};
use crate::{ALL, Rig, code, program, runs_programs, sh, timely};

fn write(path: &str, content: &str, mode: WriteMode) -> Command {
    Command::WriteFile(WriteFile { path: path.into(), content: content.into(), encoding: None, mode })
}

fn read(path: &str) -> Command {
    Command::ReadFile(ReadFile { path: path.into(), encoding: None })
}

fn copy(source: &str, destination: &str, overwrite: bool) -> Command {
    Command::CopyFile(CopyFile { source: source.into(), destination: destination.into(), overwrite })
}

fn delete(path: &str, recursive: bool) -> Command {
    Command::DeleteFile(DeleteFile { path: path.into(), recursive })
}

fn make(path: &str, recursive: bool) -> Command {
    Command::CreateDirectory(CreateDirectory { path: path.into(), recursive })
}

fn list(path: &str, recursive: bool) -> ListDirectory {
    let (max_depth, pattern, include_hidden) = (None, None, false);
    ListDirectory { path: path.into(), recursive, max_depth, pattern, include_hidden }
}

impl Rig {
    async fn done(&self, id: &SessionId, command: Command) -> CommandOutput {
        let result = self.execute(id, command.clone()).await;
        let (era, kind) = (self.server.state.era, self.server.state.kind);
        assert!(result.success, "{era:?} {kind:?} {command:?}: {:?}", result.error);
        result.result.unwrap()
    }

    async fn refused(&self, id: &SessionId, command: Command) -> String {
        let result = self.execute(id, command.clone()).await;
        let (era, kind) = (self.server.state.era, self.server.state.kind);
        assert!(!result.success && result.result.is_none(), "{era:?} {kind:?} {command:?}: {result:?}");
        result.error.unwrap()
    }

    async fn content(&self, id: &SessionId, command: Command) -> FileContent {
        match self.done(id, command).await {
            CommandOutput::Content(content) => content,
            other => panic!("{other:?}"),
        }
    }

    async fn text(&self, id: &SessionId, path: &str) -> String {
        self.content(id, read(path)).await.content
    }

    async fn paths(&self, id: &SessionId, list: ListDirectory) -> Vec<String> {
        match self.done(id, Command::ListDirectory(list)).await {
            CommandOutput::Listing(listing) => listing.entries.into_iter().map(|e| e.path).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn files_are_written_and_read() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        let written = rig.done(&id, write("deep/er/a.txt", "eins é 'n\" $x\n", WriteMode::Create)).await;
        let CommandOutput::Written(written) = written else { panic!() };
        assert_eq!((written.path.as_str(), written.bytes), ("deep/er/a.txt", 15));
        rig.done(&id, write("/workspace/deep/er/a.txt", "zwei", WriteMode::Append)).await;
        assert_eq!(
            rig.text(&id, "/workspace/deep/er/a.txt").await,
            "eins é 'n\" $x\nzwei",
            "{era:?} {kind:?}"
        );
        rig.done(&id, write("deep/er/a.txt", "neu", WriteMode::Overwrite)).await;
        let asked = ReadFile { path: "deep/er/a.txt".into(), encoding: Some(Encoding::Base64) };
        let packed = rig.content(&id, Command::ReadFile(asked)).await;
        assert_eq!((packed.content.as_str(), packed.bytes), ("bmV1", 3));
        rig.done(&id, write("empty", "", WriteMode::Create)).await;
        assert_eq!(rig.text(&id, "empty").await, "");

        assert_eq!(
            rig.refused(&id, read("nope/none")).await,
            "File not found: nope/none",
            "{era:?} {kind:?}"
        );
        assert_eq!(rig.refused(&id, read("deep")).await, "deep is a directory");
        assert!(rig.refused(&id, write("deep", "x", WriteMode::Create)).await.contains("deep"));
        assert!(rig.refused(&id, write("empty/below", "x", WriteMode::Create)).await.contains("empty/below"));
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn bytes_stay_what_they_are() {
    for (era, kind) in [
        (Era::A, Kind::Docker),
        (Era::B, Kind::Deno),
        (Era::C, Kind::Python),
        (Era::D, Kind::Node),
        (Era::E, Kind::Native),
    ] {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        let bytes: Vec<u8> = (0..=255).cycle().take(700_000).collect();
        rig.done(&id, Command::WriteFile(WriteFile::bytes("binary", &bytes))).await;
        let read_back = rig.content(&id, read("binary")).await;
        assert_eq!((read_back.encoding, read_back.bytes), (Some(Encoding::Base64), 700_000), "{kind:?}");
        assert!(read_back.decoded().unwrap() == bytes, "{kind:?}");
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn directories_are_made_and_listed() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        rig.done(&id, make("a/b/c", true)).await;
        rig.done(&id, make("a/b/c", true)).await;
        assert!(rig.refused(&id, make("a", false)).await.contains("a exists"), "{era:?} {kind:?}");
        assert!(rig.refused(&id, make("x/y", false)).await.contains("x/y"));
        for path in ["a/one.py", "a/b/two three.py", "a/b/c/t.txt", "a/.too.py"] {
            rig.done(&id, write(path, "12345", WriteMode::Create)).await;
        }
        assert_eq!(rig.paths(&id, list(".", false)).await, ["a"], "{era:?} {kind:?}");
        let all = list("/workspace/a", true);
        let everything = ["b", "b/c", "b/c/t.txt", "b/two three.py", "one.py"];
        assert_eq!(rig.paths(&id, all.clone()).await, everything, "{era:?} {kind:?}");
        let two = ListDirectory { max_depth: Some(2), ..all.clone() };
        assert_eq!(rig.paths(&id, two).await, ["b", "b/c", "b/two three.py", "one.py"]);
        let python = ListDirectory { pattern: Some("*.py".into()), include_hidden: true, ..all };
        assert_eq!(rig.paths(&id, python).await, [".too.py", "b/two three.py", "one.py"]);
        let CommandOutput::Listing(listing) = rig.done(&id, Command::ListDirectory(list("a", false))).await
        else {
            panic!()
        };
        let entry = listing.entries.iter().find(|e| e.name == "one.py").unwrap();
        assert_eq!((entry.size, entry.kind, entry.mode.len()), (5, EntryKind::File, 4));
        assert!(entry.modified.ends_with('Z'), "{entry:?}");
        assert!(rig.refused(&id, Command::ListDirectory(list("nope", false))).await.contains("nope"));
        let plain = rig.refused(&id, Command::ListDirectory(list("a/one.py", false))).await;
        assert_eq!(plain, "a/one.py is not a directory");
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn files_are_copied_and_deleted() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        rig.done(&id, write("a", "1", WriteMode::Create)).await;
        rig.done(&id, write("b", "22", WriteMode::Create)).await;
        let CommandOutput::Copied(copied) = rig.done(&id, copy("b", "new/c", false)).await else { panic!() };
        assert_eq!(copied.bytes, 2);
        assert_eq!(rig.text(&id, "new/c").await, "22");
        assert_eq!(rig.refused(&id, copy("a", "b", false)).await, "b exists already", "{era:?} {kind:?}");
        assert_eq!(rig.text(&id, "b").await, "22");
        rig.done(&id, copy("a", "b", true)).await;
        assert_eq!(rig.text(&id, "b").await, "1");
        assert_eq!(rig.refused(&id, copy("nope", "d", true)).await, "File not found: nope");
        rig.done(&id, delete("a", false)).await;
        assert_eq!(rig.refused(&id, read("a")).await, "File not found: a");
        assert_eq!(rig.refused(&id, delete("a", true)).await, "File not found: a");
        assert!(rig.refused(&id, delete("new", false)).await.contains("new is not empty"));
        rig.done(&id, delete("new", true)).await;
        rig.done(&id, make("empty", true)).await;
        rig.done(&id, delete("empty", false)).await;
        assert_eq!(rig.paths(&id, list(".", false)).await, ["b"]);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn programs_run_with_what_they_are_called_with() {
    for (era, kind) in ALL.into_iter().filter(|(era, kind)| runs_programs(*era, *kind)) {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        let both = rig.process(&id, sh("echo out; echo err >&2")).await;
        let said = (both.exit_code, both.stdout.trim_end(), both.stderr.trim_end());
        assert_eq!(said, (0, "out", "err"), "{era:?} {kind:?}");
        let failed = rig.execute(&id, sh("echo so far; exit 3")).await;
        assert!(!failed.success);
        // Where only success is told, any failure is 1.
        let code = if matches!(kind, Kind::Deno | Kind::Native) { 1 } else { 3 };
        let process = failed.process().unwrap();
        assert_eq!((process.exit_code, process.stdout.trim_end()), (code, "so far"), "{era:?} {kind:?}");
        let apart = rig.process(&id, program("printf", &["<%s>", "a b", "", "c'd\""])).await;
        assert_eq!(apart.stdout, "<a b><><c'd\">", "{era:?} {kind:?}");
        rig.done(&id, make("in", true)).await;
        let whole = ExecuteShell {
            command_name: "sh".into(),
            args: vec!["-c".into(), "cat; echo $WHO $(basename $(pwd))".into()],
            working_directory: Some("/workspace/in".into()),
            env: [("WHO".to_owned(), "me".to_owned())].into(),
            stdin: Some("line\n".into()),
            pty: None,
        };
        let whole = rig.process(&id, Command::ExecuteShell(whole)).await;
        assert_eq!(whole.stdout.trim_end(), "line\nme in", "{era:?} {kind:?}");
        rig.done(&id, write("here.txt", "here", WriteMode::Create)).await;
        let here = rig.process(&id, program("cat", &["/workspace/here.txt"])).await;
        assert_eq!(here.stdout, "here", "{era:?} {kind:?} {}", here.stderr);
        let missing = rig.execute(&id, program("no-such-program", &[])).await;
        assert_eq!(missing.process().unwrap().exit_code, 127, "{era:?} {kind:?}");
        assert!(missing.error.unwrap().contains("no-such-program"));
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn variables_of_a_session_reach_its_programs() {
    for (era, kind) in
        [(Era::B, Kind::Docker), (Era::D, Kind::Deno), (Era::C, Kind::Python), (Era::E, Kind::Native)]
    {
        let rig = Rig::new(era, kind).await;
        let env = [("A".to_owned(), "1 2".to_owned())].into();
        let params = codebeaker::protocol::CreateSession { env, ..rig.params() };
        let id = rig.engine.create_session(params).await.unwrap().session_id;
        let said = rig.process(&id, sh("echo \"<$A>\"")).await;
        assert_eq!(said.stdout.trim_end(), "<1 2>", "{era:?} {kind:?}");
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn a_program_whose_time_is_up_ends_there_too() {
    for (era, kind) in
        [(Era::D, Kind::Docker), (Era::D, Kind::Bun), (Era::C, Kind::Python), (Era::E, Kind::Native)]
    {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        let execute =
            Execute { timeout_ms: Some(300), ..Execute::new(id.clone(), program("sleep", &["100"])) };
        let result = timely(timely(rig.engine.execute(execute)).await.unwrap().finished()).await.unwrap();
        let process = result.process().unwrap();
        assert_eq!((process.exit_code, process.timed_out), (124, true), "{kind:?} {result:?}");
        timely(rig.server.running(0)).await;
        assert_eq!(rig.process(&id, sh("echo on")).await.stdout.trim_end(), "on");
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn code_runs_in_its_language() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        // A script without programs of its own runs no other language.
        if runs_programs(era, kind) {
            let python = code(Language::Python, "import sys\nprint('é', 1 + 1)\nsys.exit(4)");
            let process = rig.process(&id, python).await;
            let code = if matches!(kind, Kind::Deno | Kind::Native) { 1 } else { 4 };
            assert_eq!((process.exit_code, process.stdout.trim_end()), (code, "é 2"), "{era:?} {kind:?}");
        }
        let javascript = rig.process(&id, code(Language::JavaScript, "console.log(6 * 7)")).await;
        assert_eq!((javascript.exit_code, javascript.stdout.trim_end()), (0, "42"), "{era:?} {kind:?}");
        let thrown = rig.execute(&id, code(Language::JavaScript, "throw new Error('oh')")).await;
        assert!(!thrown.success && thrown.process().unwrap().stderr.contains("oh"), "{era:?} {kind:?}");
        if runs_programs(era, kind) {
            let fed = ExecuteCode {
                code: "console.log(process.argv[2] + require('fs').readFileSync(0, 'utf8'))".into(),
                language: Some(Language::JavaScript),
                args: vec!["a b ".into()],
                stdin: Some("typed".into()),
                repl: false,
                file_name: Some("main.js".into()),
                pty: None,
            };
            let fed = rig.process(&id, Command::ExecuteCode(fed)).await;
            assert_eq!(fed.stdout.trim_end(), "a b typed", "{era:?} {kind:?} {}", fed.stderr);
            assert!(rig.paths(&id, list(".", false)).await.contains(&"main.js".to_owned()));
        }
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn deno_runs_scripts_by_name_in_every_version() {
    for era in [Era::B, Era::C, Era::LateC, Era::D, Era::E] {
        let rig = Rig::new(era, Kind::Deno).await;
        let id = rig.create().await;
        rig.done(&id, write("p.js", "console.log(process.argv.slice(2).join())", WriteMode::Create)).await;
        for args in [&["p.js", "x"][..], &["run", "p.js", "x"]] {
            let process = rig.process(&id, program("deno", args)).await;
            assert_eq!(process.stdout, "x", "{era:?} {args:?} {}", process.stderr);
        }
        let other = rig.execute(&id, sh("true")).await;
        assert_eq!(other.success, runs_programs(era, Kind::Deno));
        if let Some(error) = other.error {
            assert!(error.contains("scripts only"), "{error}");
        }
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn output_is_streamed_at_the_end_before_the_result() {
    for (era, kind) in [(Era::A, Kind::Docker), (Era::D, Kind::Node), (Era::E, Kind::Deno)] {
        let rig = Rig::new(era, kind).await;
        let id = rig.create().await;
        let execute = Execute { stream: true, ..Execute::new(id, sh("printf 1; printf 2 >&2")) };
        let mut execution = rig.engine.execute(execute).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = timely(execution.next()).await {
            events.push(event);
        }
        let output = |stream, data: &str| ExecutionEvent::Output { stream, data: data.to_owned().into() };
        assert_eq!(events[0], ExecutionEvent::Started);
        assert_eq!(events[1], output(OutputStream::Stdout, "1"));
        assert_eq!(events[2], output(OutputStream::Stderr, "2"));
        assert!(matches!(events[3], ExecutionEvent::Finished(_)) && events.len() == 4);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn output_that_is_no_text_is_kept_where_it_can_be() {
    let rig = Rig::new(Era::C, Kind::Python).await;
    let id = rig.create().await;
    let process = rig.process(&id, sh("printf '\\377'")).await;
    let packed = base64::engine::general_purpose::STANDARD.encode([0xff]);
    assert_eq!(process.stdout_base64, Some(packed));
    rig.leave_clean().await;
}
