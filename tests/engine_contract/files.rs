//! The seven commands that work on files, and the workspace's borders.

use base64::Engine as _;
use codebeaker::protocol::{
    Command, CommandOutput, CopyFile, CreateDirectory, DeleteFile, Encoding, ExecuteResult, ExecuteShell,
    FileContent, ListDirectory, Listing, ReadFile, SessionId, WriteFile, WriteMode,
};

use crate::{Bench, program};

pub fn write(path: &str, content: &str, mode: WriteMode) -> Command {
    Command::WriteFile(WriteFile { path: path.into(), content: content.into(), encoding: None, mode })
}

pub fn read(path: &str) -> Command {
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

fn list(path: &str) -> ListDirectory {
    ListDirectory {
        path: path.into(),
        recursive: false,
        max_depth: None,
        pattern: None,
        include_hidden: false,
    }
}

pub fn content(result: &ExecuteResult) -> &FileContent {
    match &result.result {
        Some(CommandOutput::Content(content)) => content,
        other => panic!("{other:?}: {:?}", result.error),
    }
}

fn listing(result: &ExecuteResult) -> &Listing {
    match &result.result {
        Some(CommandOutput::Listing(listing)) => listing,
        other => panic!("{other:?}: {:?}", result.error),
    }
}

impl Bench {
    async fn done(&self, session: &SessionId, command: Command) -> ExecuteResult {
        let result = self.execute(session, command.clone()).await;
        assert!(result.success, "{command:?}: {:?}", result.error);
        result
    }

    /// The error of a command that must fail, which must name `path`.
    async fn refused(&self, session: &SessionId, command: Command, path: &str) -> String {
        let result = self.execute(session, command.clone()).await;
        assert!(!result.success && result.result.is_none(), "{command:?}: {result:?}");
        let error = result.error.unwrap();
        assert!(error.contains(path), "{command:?}: {error}");
        error
    }

    async fn text(&self, session: &SessionId, path: &str) -> String {
        content(&self.done(session, read(path)).await).content.clone()
    }
}

pub async fn written_and_read(bench: &Bench) {
    let id = bench.create().await.session_id;
    let written = bench.done(&id, write("deep/er/a.txt", "eins\n", WriteMode::Create)).await;
    let Some(CommandOutput::Written(written)) = written.result else { panic!() };
    assert_eq!((written.path.as_str(), written.bytes), ("deep/er/a.txt", 5));
    bench.done(&id, write("deep/er/a.txt", "zwei é\n", WriteMode::Append)).await;
    assert_eq!(bench.text(&id, "deep/er/a.txt").await, "eins\nzwei é\n");
    bench.done(&id, write("deep/er/a.txt", "neu", WriteMode::Overwrite)).await;
    assert_eq!(bench.text(&id, "./deep//er/../er/a.txt").await, "neu");
    bench.done(&id, write("empty", "", WriteMode::Append)).await;
    assert_eq!(bench.text(&id, "empty").await, "");

    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    bench.done(&id, Command::WriteFile(WriteFile::bytes("binary", &bytes))).await;
    let read_back = bench.done(&id, read("binary")).await;
    assert_eq!(content(&read_back).encoding, Some(Encoding::Base64));
    assert_eq!(content(&read_back).decoded().unwrap(), bytes);
    let wanted =
        Command::ReadFile(ReadFile { path: "deep/er/a.txt".into(), encoding: Some(Encoding::Base64) });
    let asked = bench.done(&id, wanted).await;
    assert_eq!(content(&asked).content, base64::engine::general_purpose::STANDARD.encode("neu"));

    let error = bench.refused(&id, read("nope/none.txt"), "nope/none.txt").await;
    assert_eq!(error, "File not found: nope/none.txt");
    bench.refused(&id, read("deep"), "deep").await;
    bench.refused(&id, write("deep", "x", WriteMode::Create), "deep").await;
    bench.refused(&id, write("empty/below", "x", WriteMode::Create), "empty/below").await;
    let not_base64 = WriteFile {
        path: "x".into(),
        content: "*".into(),
        encoding: Some(Encoding::Base64),
        mode: WriteMode::Create,
    };
    bench.refused(&id, Command::WriteFile(not_base64), "base64").await;
    bench.refused(&id, read("x"), "x").await;
}

pub async fn directories_and_listings(bench: &Bench) {
    let id = bench.create().await.session_id;
    bench.done(&id, make("a/b/c", true)).await;
    bench.done(&id, make("a/b/c", true)).await;
    bench.refused(&id, make("a", false), "a exists").await;
    bench.refused(&id, make("x/y", false), "x/y").await;
    for path in ["a/one.py", "a/b/two.py", "a/b/c/three.txt", ".hidden", "a/.too.py"] {
        bench.done(&id, write(path, "12345", WriteMode::Create)).await;
    }
    let paths = async |list: ListDirectory| -> Vec<String> {
        let result = bench.done(&id, Command::ListDirectory(list)).await;
        listing(&result).entries.iter().map(|e| e.path.clone()).collect()
    };
    assert_eq!(paths(list(".")).await, ["a"]);
    assert_eq!(paths(ListDirectory { include_hidden: true, ..list(".") }).await, [".hidden", "a"]);
    let all = ListDirectory { recursive: true, ..list("/workspace/a") };
    assert_eq!(paths(all.clone()).await, ["b", "b/c", "b/c/three.txt", "b/two.py", "one.py"]);
    assert_eq!(
        paths(ListDirectory { max_depth: Some(2), ..all.clone() }).await,
        ["b", "b/c", "b/two.py", "one.py"]
    );
    let python = ListDirectory { pattern: Some("*.py".into()), ..all.clone() };
    assert_eq!(paths(python.clone()).await, ["b/two.py", "one.py"]);
    assert_eq!(
        paths(ListDirectory { include_hidden: true, ..python }).await,
        [".too.py", "b/two.py", "one.py"]
    );
    let result = bench.done(&id, Command::ListDirectory(list("a"))).await;
    let entry = listing(&result).entries.iter().find(|e| e.name == "one.py").unwrap();
    assert_eq!((entry.size, entry.kind), (5, codebeaker::protocol::EntryKind::File));
    assert!(entry.modified.ends_with('Z') && entry.mode.len() == 4, "{entry:?}");
    bench.refused(&id, Command::ListDirectory(list("nope")), "nope").await;
    bench.refused(&id, Command::ListDirectory(list("a/one.py")), "a/one.py").await;
}

pub async fn copied_and_deleted(bench: &Bench) {
    let id = bench.create().await.session_id;
    bench.done(&id, write("a", "1", WriteMode::Create)).await;
    bench.done(&id, write("b", "2", WriteMode::Create)).await;
    bench.done(&id, copy("a", "new/c", false)).await;
    assert_eq!(bench.text(&id, "new/c").await, "1");
    bench.refused(&id, copy("a", "b", false), "b exists").await;
    assert_eq!(bench.text(&id, "b").await, "2");
    bench.done(&id, copy("a", "b", true)).await;
    assert_eq!(bench.text(&id, "b").await, "1");
    bench.done(&id, copy("a", "a", true)).await;
    assert_eq!(bench.text(&id, "a").await, "1");
    bench.refused(&id, copy("nope", "d", true), "nope").await;

    bench.done(&id, delete("a", false)).await;
    bench.refused(&id, read("a"), "a").await;
    bench.refused(&id, delete("a", true), "a").await;
    bench.refused(&id, delete("new", false), "new").await;
    bench.done(&id, delete("new", true)).await;
    bench.done(&id, make("empty", true)).await;
    bench.done(&id, delete("empty", false)).await;
    let left = bench.done(&id, Command::ListDirectory(list("."))).await;
    assert_eq!(listing(&left).entries.len(), 1);
}

pub async fn no_way_out(bench: &Bench) {
    let id = bench.create().await.session_id;
    let links = bench
        .sh(&id, "ln -s /etc/passwd file && ln -s / dir && ln -s ../.. up && mkdir -p in && echo 1 > in/f")
        .await;
    assert_eq!(links.exit_code, 0, "{links:?}");
    for path in
        ["../x", "in/../../x", "/etc/passwd", "/workspace/../etc/passwd", "file", "dir/etc/passwd", "up/x"]
    {
        bench.refused(&id, read(path), path).await;
        bench.refused(&id, copy(path, "stolen", true), path).await;
        bench.refused(&id, write(path, "x", WriteMode::Append), path).await;
        bench.refused(&id, copy("in/f", path, true), "").await;
        if path != "file" {
            bench.refused(&id, delete(path, true), path).await;
            bench.refused(&id, make(path, true), path).await;
        }
    }
    for path in ["..", "/", "/etc", "dir", "up", "dir/etc", "/workspacex"] {
        bench.refused(&id, Command::ListDirectory(list(path)), path).await;
        let there = ExecuteShell { working_directory: Some(path.into()), ..ExecuteShell::default() };
        let there = Command::ExecuteShell(ExecuteShell { command_name: "pwd".into(), ..there });
        let result = bench.execute(&id, there).await;
        assert!(!result.success && result.error.unwrap().contains(path));
    }
    // A link is listed and deleted as itself.
    let everything = ListDirectory { recursive: true, ..list(".") };
    let result = bench.done(&id, Command::ListDirectory(everything)).await;
    let names: Vec<&str> = listing(&result).entries.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(names, ["dir", "file", "in", "in/f", "up"]);
    bench.done(&id, delete("dir", true)).await;
    bench.done(&id, delete("file", false)).await;
    assert!(std::path::Path::new("/etc/passwd").exists());
}

pub async fn workspace_paths(bench: &Bench) {
    let id = bench.create().await.session_id;
    bench.done(&id, write("/workspace/in/a.txt", "here\n", WriteMode::Create)).await;
    assert_eq!(bench.text(&id, "in/a.txt").await, "here\n");
    let cat = bench.done(&id, program("cat", &["/workspace/in/a.txt"])).await;
    assert_eq!(cat.process().unwrap().stdout, "here\n");
    let there = Command::ExecuteShell(ExecuteShell {
        command_name: "cat".into(),
        args: vec!["a.txt".into()],
        working_directory: Some("/workspace/in".into()),
        ..ExecuteShell::default()
    });
    assert_eq!(bench.done(&id, there).await.process().unwrap().stdout, "here\n");
    let named = Command::ExecuteShell(ExecuteShell {
        command_name: "sh".into(),
        args: vec!["-c".into(), "cat $WHERE".into()],
        env: [("WHERE".to_owned(), "/workspace/in/a.txt".to_owned())].into(),
        ..ExecuteShell::default()
    });
    assert_eq!(bench.done(&id, named).await.process().unwrap().stdout, "here\n");
}

pub async fn kept_between_commands(bench: &Bench) {
    let id = bench.create().await.session_id;
    let other = bench.create().await.session_id;
    bench.done(&id, write("n", "1", WriteMode::Create)).await;
    assert_eq!(bench.sh(&id, "echo $(($(cat n) + 1)) > n; echo 2 > by-program").await.exit_code, 0);
    assert_eq!(bench.text(&id, "n").await, "2\n");
    assert_eq!(bench.text(&id, "by-program").await, "2\n");
    bench.refused(&other, read("n"), "n").await;
}

/// As every program may that has a directory of its own: package managers and compilers do so all the time.
pub async fn moved_from_one_directory_into_another(bench: &Bench) {
    let id = bench.create().await.session_id;
    bench.done(&id, write("from/file", "x", WriteMode::Create)).await;
    // `mv` would copy where it can't move; `ln` has no such way out.
    let linked = bench.sh(&id, "mkdir to && ln from/file to/file && rm from/file && cat to/file").await;
    assert_eq!((linked.exit_code, linked.stdout.as_str()), (0, "x"), "{linked:?}");
}
