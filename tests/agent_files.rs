//! The real agent's file commands: binary content, names of any bytes, paths that try to lead out, trees that try to
//! be too deep, too wide or unreadable, and files that are none.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod agent_rig;
mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use agent_rig::*;
use codebeaker::agent::wire::{Entry, List, Mode, Start};
use codebeaker::agent::{Agent, AgentError, remove_tree};
use rustix::fs::{CWD, FileType, Mode as Bits, OFlags, mkdirat, mknodat, openat};

/// The error number of what was refused.
fn refused<T: std::fmt::Debug>(result: Result<T, AgentError>) -> i32 {
    match result {
        Err(AgentError::Refused { errno, .. }) => errno,
        other => panic!("{other:?}"),
    }
}

async fn read(agent: &Agent, path: &[u8]) -> Result<Vec<u8>, AgentError> {
    soon(agent.read(path, u64::MAX)).await.map(|(data, _)| data)
}

async fn write(agent: &Agent, path: &[u8], content: &[u8]) -> Result<u64, AgentError> {
    soon(agent.write(path, Mode::Replace, content)).await
}

async fn list(agent: &Agent, path: &[u8], depth: u32) -> Vec<Entry> {
    let list = List { path: path.to_vec(), depth, max_entries: 100_000, hidden: true, ..List::default() };
    soon(agent.list(list)).await.unwrap().0
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Bits::from(0o666), 0).unwrap();
}

#[tokio::test]
async fn content_of_every_size_goes_there_and_back() {
    let Rig { agent, .. } = &Rig::new().await;
    for size in [0, 1, 65_535, 65_536, 65_537, 3_000_000] {
        let content: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(31) >> 3) as u8).collect();
        assert_eq!(write(agent, b"a/b/file", &content).await.unwrap(), u64::from(size));
        assert!(read(agent, b"/workspace/a//b/./file").await.unwrap() == content);
        // A part of it, with its whole size.
        let (part, whole) = soon(agent.read(b"a/b/file", 100)).await.unwrap();
        assert_eq!((&part[..], whole), (&content[..content.len().min(100)], u64::from(size)));
    }
    assert_eq!(write(agent, b"f", b"one").await.unwrap(), 3);
    assert_eq!(soon(agent.write(b"f", Mode::Append, b" two")).await.unwrap(), 4);
    assert_eq!(read(agent, b"f").await.unwrap(), b"one two");
    assert_eq!(write(agent, b"f", b"3").await.unwrap(), 1);
    assert_eq!(read(agent, b"f").await.unwrap(), b"3");
}

#[tokio::test]
async fn copying_deleting_and_making_do_what_they_say() {
    let rig = Rig::new().await;
    let agent = &rig.agent;
    write(agent, b"from", b"content").await.unwrap();
    std::fs::set_permissions(rig.path().join("from"), PermissionsExt::from_mode(0o750)).unwrap();
    assert_eq!(soon(agent.copy(b"from", b"new/to", false)).await.unwrap(), 7);
    assert_eq!(rig.path().join("new/to").metadata().unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(refused(soon(agent.copy(b"from", b"new/to", false)).await), 17);
    // A file copied onto itself stays what it is, by whatever name.
    std::fs::hard_link(rig.path().join("from"), rig.path().join("other")).unwrap();
    symlink("from", rig.path().join("link")).unwrap();
    for other in [&b"from"[..], b"./from", b"other", b"link"] {
        soon(agent.copy(b"from", other, true)).await.unwrap();
        assert_eq!(read(agent, b"from").await.unwrap(), b"content");
    }
    assert_eq!(refused(soon(agent.copy(b"new", b"x", true)).await), 21);
    assert_eq!(refused(soon(agent.copy(b"missing", b"x", true)).await), 2);

    assert_eq!(refused(soon(agent.make_directory(b"p/q", false)).await), 2);
    soon(agent.make_directory(b"p/q/r", true)).await.unwrap();
    soon(agent.make_directory(b"p/q/r", true)).await.unwrap();
    assert_eq!(refused(soon(agent.make_directory(b"p/q", false)).await), 17);
    assert_eq!(refused(soon(agent.make_directory(b"from/x", true)).await), 20);
    assert_eq!(refused(soon(agent.make_directory(b"from", true)).await), 20);

    assert_eq!(refused(soon(agent.delete(b"p", false)).await), 39);
    soon(agent.delete(b"p/q/r", false)).await.unwrap();
    soon(agent.delete(b"p", true)).await.unwrap();
    soon(agent.delete(b"from", true)).await.unwrap();
    assert_eq!(refused(soon(agent.delete(b"from", true)).await), 2);
    assert_eq!(refused(soon(agent.delete(b"from", false)).await), 2);
    // The workspace itself is emptied, and stays.
    assert_eq!(refused(soon(agent.delete(b"", false)).await), 21);
    soon(agent.delete(b"/workspace", true)).await.unwrap();
    assert_eq!(std::fs::read_dir(rig.path()).unwrap().count(), 0);
    write(agent, b"again", b"1").await.unwrap();
}

#[tokio::test]
async fn listings_show_what_is_there() {
    let rig = Rig::new().await;
    let agent = &rig.agent;
    for path in ["b/c/d.py", "a.py", ".hidden", "b/e.txt"] {
        write(agent, path.as_bytes(), b"12345").await.unwrap();
    }
    symlink("/etc", rig.path().join("l")).unwrap();
    fifo(&rig.path().join("p"));
    let shown = |entries: &[Entry]| -> Vec<String> {
        entries.iter().map(|e| format!("{}{}", e.kind as char, String::from_utf8_lossy(&e.path))).collect()
    };
    let all = list(agent, b"", 99).await;
    assert_eq!(shown(&all), ["f.hidden", "fa.py", "db", "db/c", "fb/c/d.py", "fb/e.txt", "ll", "op"]);
    assert_eq!((all[1].size, all[1].mode), (5, 0o644));
    assert_eq!(shown(&list(agent, b"b", 1).await), ["dc", "fe.txt"]);
    let ask = |max_entries, pattern: &[u8]| List {
        depth: 9,
        max_entries,
        pattern: pattern.to_vec(),
        ..List::default()
    };
    let (found, more) = soon(agent.list(ask(1, b"*.py"))).await.unwrap();
    assert_eq!((shown(&found), more), (vec!["fa.py".to_owned()], true));
    let (found, more) = soon(agent.list(ask(2, b"*.py"))).await.unwrap();
    assert_eq!((found.len(), more), (2, false));
    assert_eq!(soon(agent.list(ask(0, b""))).await.unwrap(), (vec![], true));
    assert_eq!(refused(soon(agent.list(List { path: b"a.py".to_vec(), ..List::default() })).await), 20);
    let (bytes, files) = soon(agent.measure()).await.unwrap();
    assert_eq!(files, 6);
    assert!(bytes >= 4 * 512, "{bytes}");
}

#[tokio::test]
async fn names_may_be_any_bytes() {
    let rig = Rig::new().await;
    let agent = &rig.agent;
    let longest = [0xee; 255];
    for name in [&b"\xff\xfe\x80"[..], b"new\nline \x1b[31m", b" ", b"-rf", &longest] {
        let below = [b"d\xc3/", name].concat();
        write(agent, &below, name).await.unwrap();
        soon(agent.copy(&below, name, false)).await.unwrap();
        assert_eq!(read(agent, name).await.unwrap(), name);
        assert!(list(agent, b"d\xc3", 1).await.iter().any(|e| e.path == name));
        assert_eq!(std::fs::read(rig.path().join(OsStr::from_bytes(name))).unwrap(), name);
        soon(agent.delete(name, false)).await.unwrap();
    }
    soon(agent.delete(b"d\xc3", true)).await.unwrap();
    assert_eq!(refused(write(agent, b"a\0b", b"").await), 22);
    assert_eq!(refused(write(agent, &[0xee; 256], b"").await), 36);
    assert_eq!(refused(write(agent, &b"x/".repeat(3000), b"").await), 36);
    assert_eq!(refused(read(agent, &vec![b'y'; 900_000]).await), 36);
    // A request that no frame can carry.
    assert_eq!(refused(read(agent, &vec![b'y'; 2 << 20]).await), 7);
    let name = b"\xf0\xff".to_vec();
    write(agent, &name, b"by a program").await.unwrap();
    assert_eq!(rig.run(start(&[&b"cat"[..], &name])).await.out, b"by a program");
}

/// Whatever the path says and whatever links lie in the way: nothing outside is read, written, listed or deleted.
#[tokio::test]
async fn no_path_leads_out_of_the_workspace() {
    let outside = tempfile::tempdir().unwrap();
    let kept = outside.path().join("kept");
    std::fs::write(&kept, "secret").unwrap();
    let rig = Rig::new().await;
    let agent = &rig.agent;
    write(agent, b"sub/in", b"inside").await.unwrap();
    let up = Path::new("../..").join(outside.path().strip_prefix("/").unwrap());
    let out = outside.path();
    for (link, target) in [
        ("dir", out.to_owned()),
        ("file", kept.clone()),
        ("relative", up),
        ("dangling", out.join("new")),
        ("root", "/".into()),
        ("magic", "/proc/self/root".into()),
        ("sub/cwd", "/proc/self/cwd".into()),
        ("up", "..".into()),
        ("loop", "loop".into()),
    ] {
        symlink(target, rig.path().join(link)).unwrap();
    }
    let name = out.file_name().unwrap().to_str().unwrap();
    let mut paths: Vec<String> = [
        "dir/kept",
        "file",
        "relative/kept",
        "dangling",
        "loop",
        "/etc/passwd",
        "/",
        "//etc/passwd",
        "..",
        "../x",
        "sub/../../x",
        "/workspace/../etc/passwd",
        "/workspacex/y",
        "/proc/self/root/etc/passwd",
        "/proc/self/environ",
    ]
    .map(String::from)
    .into();
    paths.extend([
        format!("root{}", kept.display()),
        format!("magic{}", kept.display()),
        format!("up/{name}/kept"),
        format!("../{name}/kept"),
        kept.display().to_string(),
        "sub/cwd/in".into(),
    ]);
    for path in &paths {
        let bytes = path.as_bytes();
        let expected = if path == "loop" { [40, 40] } else { [18, 40] };
        assert!(expected.contains(&refused(read(agent, bytes).await)), "reading {path}");
        assert!(expected.contains(&refused(write(agent, bytes, b"overwritten").await)), "writing {path}");
        assert!(
            expected.contains(&refused(soon(agent.copy(b"sub/in", bytes, true)).await)),
            "copying to {path}"
        );
        assert!(
            expected.contains(&refused(soon(agent.copy(bytes, b"stolen", true)).await)),
            "copying {path}"
        );
    }
    for path in ["dir", "relative", "root", "magic", "sub/cwd", "up", "/", ".."] {
        let asked = List { path: path.into(), max_entries: 9, ..List::default() };
        assert_eq!(refused(soon(agent.list(asked)).await), 18, "listing {path}");
        let below = Start { cwd: path.into(), ..shell("pwd") };
        let (mut process, _control) = soon(agent.start(below)).await.unwrap();
        assert_eq!(refused(soon(process.next()).await), 18, "running in {path}");
    }
    for path in ["dir/x", "relative/x", "up/x", "../x", "/tmp/x"] {
        assert_eq!(refused(soon(agent.make_directory(path.as_bytes(), true)).await), 18, "making {path}");
        assert_eq!(refused(soon(agent.delete(path.as_bytes(), true)).await), 18, "deleting {path}");
    }
    // A link is deleted, what it leads to stays; neither walk follows one.
    assert!(list(agent, b"", 99).await.iter().all(|e| !e.path.ends_with(b"kept")));
    for link in ["dir", "file", "relative", "dangling", "root", "magic", "up", "loop"] {
        soon(agent.delete(link.as_bytes(), true)).await.unwrap();
    }
    soon(agent.delete(b"sub", true)).await.unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(out).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(rig.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn links_that_stay_inside_are_followed() {
    let rig = Rig::new().await;
    let agent = &rig.agent;
    write(agent, b"a/file", b"1").await.unwrap();
    symlink("a", rig.path().join("b")).unwrap();
    std::fs::create_dir(rig.path().join("c")).unwrap();
    symlink("../a/file", rig.path().join("c/link")).unwrap();
    symlink("../a/new", rig.path().join("c/dangling")).unwrap();
    assert_eq!(read(agent, b"b/file").await.unwrap(), b"1");
    assert_eq!(read(agent, b"c/link").await.unwrap(), b"1");
    write(agent, b"b/file", b"2").await.unwrap();
    write(agent, b"c/link", b"3").await.unwrap();
    assert_eq!(read(agent, b"a/file").await.unwrap(), b"3");
    write(agent, b"c/dangling", b"4").await.unwrap();
    assert_eq!(read(agent, b"a/new").await.unwrap(), b"4");
    soon(agent.copy(b"c/link", b"b/deep/er", false)).await.unwrap();
    assert_eq!(read(agent, b"a/deep/er").await.unwrap(), b"3");
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_once() {
    let rig = Rig::new().await;
    let agent = &rig.agent;
    fifo(&rig.path().join("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(rig.path().join("socket")).unwrap();
    std::fs::create_dir(rig.path().join("dir")).unwrap();
    assert_eq!(refused(read(agent, b"pipe").await), 22);
    assert_eq!(refused(read(agent, b"dir").await), 21);
    assert_eq!(refused(read(agent, b"").await), 21);
    assert_eq!(refused(soon(agent.copy(b"pipe", b"x", true)).await), 22);
    for path in [&b"pipe"[..], b"socket", b"dir", b""] {
        refused(write(agent, path, b"x").await);
        refused(soon(agent.copy(b"dir", path, true)).await);
    }
    refused(read(agent, b"socket").await);
    // Somebody holds the pipe open: still it is no file.
    let (_reader, _control) = soon(agent.start(shell("exec 3<>pipe; sleep 100000"))).await.unwrap();
    until("it is open", || refused_by_pipe(&rig.path().join("pipe"))).await;
    assert_eq!(refused(write(agent, b"pipe", b"x").await), 22);
}

/// Whether a pipe has a reader.
fn refused_by_pipe(path: &Path) -> bool {
    openat(CWD, path, OFlags::WRONLY | OFlags::NONBLOCK, Bits::empty()).is_ok()
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_the_agent_lives() {
    // In blocks of 1024 bytes.
    let rig = Rig::with(&mut prepared("ulimit -f 100")).await;
    let agent = &rig.agent;
    assert_eq!(refused(write(agent, b"large", &vec![1; 200_000]).await), 27);
    assert_eq!(write(agent, b"small", &vec![1; 100_000]).await.unwrap(), 100_000);
    assert_eq!(refused(soon(agent.write(b"small", Mode::Append, &vec![1; 10_000])).await), 27);
    let file = std::fs::File::create(rig.path().join("sparse")).unwrap();
    file.set_len(1 << 30).unwrap();
    assert_eq!(refused(soon(agent.copy(b"sparse", b"copy", true)).await), 27);
    // A program is ended by SIGXFSZ, as it would be elsewhere.
    let ended = rig.sh("exec head -c 200000 /dev/zero > f").await;
    assert_eq!(ended.exit.signal, 25);
}

/// Directories below each other, and the last one's path as long as that.
fn deep(top: &Path, depth: usize, mode: u32) {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut here = openat(CWD, top, flags, Bits::empty()).unwrap();
    let mut above = Vec::new();
    for _ in 0..depth {
        mkdirat(&here, "d", Bits::from(0o700)).unwrap();
        let below = openat(&here, "d", flags, Bits::empty()).unwrap();
        if mode != 0o700 {
            above.push(std::mem::replace(&mut here, below));
        } else {
            here = below;
        }
    }
    for dir in above.iter().rev() {
        rustix::fs::chmodat(dir, "d", Bits::from(mode), rustix::fs::AtFlags::empty()).unwrap();
    }
}

#[tokio::test]
async fn a_tree_of_any_depth_is_deleted_and_listed_as_far_as_paths_go() {
    let rig = Rig::in_memory().await;
    for top in ["one", "two"] {
        std::fs::create_dir(rig.path().join(top)).unwrap();
        deep(&rig.path().join(top), 20_000, 0o700);
    }
    let asked = List { depth: u32::MAX, max_entries: 5000, ..List::default() };
    let (entries, _more) = soon(rig.agent.list(asked)).await.unwrap();
    assert!(entries.len() >= 128);
    soon(rig.agent.measure()).await.unwrap();
    soon(rig.agent.delete(b"one", true)).await.unwrap();
    remove_tree(&rig.path().join("two")).unwrap();
    remove_tree(&rig.path().join("two")).unwrap();
    assert_eq!(std::fs::read_dir(rig.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_tree_of_any_width_is_deleted_soon() {
    let rig = Rig::in_memory().await;
    for top in ["one", "two"] {
        for n in 0..20_000 {
            let below = rig.path().join(format!("{top}/{n}"));
            std::fs::create_dir_all(&below).unwrap();
            std::fs::write(below.join("file"), "").unwrap();
        }
    }
    let began = Instant::now();
    soon(rig.agent.delete(b"one", true)).await.unwrap();
    remove_tree(&rig.path().join("two")).unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(std::fs::read_dir(rig.path()).unwrap().count(), 0);
}

/// Long names below each other: their path is longer than any that can be asked for.
#[tokio::test]
async fn paths_too_long_to_be_asked_for_break_no_listing() {
    let rig = Rig::new().await;
    let name = "n".repeat(250);
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut here = openat(CWD, rig.path(), flags, Bits::empty()).unwrap();
    for _ in 0..100 {
        mkdirat(&here, name.as_str(), Bits::from(0o700)).unwrap();
        here = openat(&here, name.as_str(), flags, Bits::empty()).unwrap();
    }
    let asked = List { depth: u32::MAX, max_entries: 5000, ..List::default() };
    let (entries, more) = soon(rig.agent.list(asked.clone())).await.unwrap();
    assert_eq!((entries.len(), more), (16, true));
    let (entries, _) = soon(rig.agent.list(List { max_entries: 18, ..asked })).await.unwrap();
    assert!(entries.iter().all(|e| e.path.len() <= 4096));
    soon(rig.agent.delete(b"", true)).await.unwrap();
}

/// What an ordinary user's programs have locked he can delete all the same: it is his.
#[tokio::test]
async fn trees_without_permissions_are_deleted_by_an_ordinary_user() {
    let rig = Rig::ordinary().await;
    let script = "mkdir -p a/b/c x && : > a/b/c/f && chmod 000 a/b/c a/b a && chmod 500 x && : > plain && chmod 000 plain";
    assert_eq!(rig.sh(script).await.exit.code, 0);
    if rustix::process::geteuid().is_root() {
        assert_ne!(rig.sh("ls a").await.exit.code, 0, "an ordinary user can't list it");
    }
    for path in [&b"a"[..], b"x", b"plain"] {
        soon(rig.agent.delete(path, true)).await.unwrap();
    }
    // Deeper than what is deleted in place: what is locked is moved, too.
    for mode in [0o000, 0o500, 0o300, 0o400] {
        std::fs::create_dir(rig.path().join("deep")).unwrap();
        deep(&rig.path().join("deep"), 300, mode);
        if rustix::process::geteuid().is_root() {
            let owner = format!("{NOBODY}:{NOBODY}");
            let changed = std::process::Command::new("chown").args(["-R", &owner]).arg(rig.path()).status();
            assert!(changed.unwrap().success());
        }
        soon(rig.agent.delete(b"deep", true)).await.unwrap_or_else(|e| panic!("{mode:o}: {e}"));
    }
    let left: Vec<_> = std::fs::read_dir(rig.path()).unwrap().flatten().map(|e| e.path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    let usage = soon(rig.agent.usage()).await.unwrap();
    assert_eq!(usage.processes, 0);
}

/// The names under which deep directories are moved may be taken, by whatever.
#[tokio::test]
async fn names_chosen_to_be_in_the_way_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().join("top");
    std::fs::create_dir(&top).unwrap();
    let id = std::process::id();
    for (n, path) in (1..).map(|n| top.join(format!(".deep-{id}-{n}"))).take(300).enumerate() {
        match n % 3 {
            0 => std::fs::write(path, "").unwrap(),
            1 => std::fs::create_dir_all(path.join("full")).unwrap(),
            _ => symlink("/etc", path).unwrap(),
        }
    }
    // More than are read at once, so that some are still there when the first is moved.
    (0..3000).for_each(|n| std::fs::create_dir_all(top.join(format!("{n}/full"))).unwrap());
    deep(&top, 200, 0o700);
    remove_tree(&top).unwrap();
    assert!(!top.exists());
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    remove_tree(&plain).unwrap();
    symlink(directory.path(), &plain).unwrap();
    remove_tree(&plain).unwrap();
    assert!(directory.path().exists() && !plain.exists());
}

/// A tree is deleted while a program moves and makes things in it: an error perhaps, but an end.
#[tokio::test]
async fn a_tree_that_changes_meanwhile_harms_nobody() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("kept"), "secret").unwrap();
    let rig = Rig::new().await;
    let script = format!(
        "while :; do mkdir -p t/a/b/c t/d; : > t/a/b/f; mv t/a/b t/d/ ; ln -s {out} t/a/l; mv t/a t/z; ln -s {out} t/a; rm -f t/a; mv t/d t/a; done 2>/dev/null",
        out = outside.path().display()
    );
    let (_process, control) = soon(rig.agent.start(shell(&script))).await.unwrap();
    until("it has begun", || rig.path().join("t").exists()).await;
    for _ in 0..300 {
        let _ = soon(rig.agent.delete(b"t", true)).await;
        let _ = list(&rig.agent, b"", 9).await;
    }
    control.signal(9).await.unwrap();
    let _ = soon(rig.agent.delete(b"t", true)).await;
    assert_eq!(std::fs::read(outside.path().join("kept")).unwrap(), b"secret");
}

#[tokio::test]
async fn many_file_commands_at_once_all_get_their_answer() {
    let rig = Rig::new().await;
    let mut tasks = Vec::new();
    for n in 0..200u32 {
        let agent = rig.agent.clone();
        tasks.push(tokio::spawn(async move {
            let name = format!("dir{}/{n}", n % 7);
            let content = n.to_le_bytes().repeat(20_000);
            // A place is free again as soon as another is done.
            while let Err(error) = agent.write(name.as_bytes(), Mode::Replace, &content).await {
                assert_eq!(refused::<u64>(Err(error)), 11);
            }
            loop {
                match agent.read(name.as_bytes(), u64::MAX).await {
                    Ok((data, _)) => return data == content,
                    Err(error) => assert_eq!(refused::<u64>(Err(error)), 11),
                }
            }
        }));
    }
    for task in tasks {
        assert!(soon(task).await.unwrap());
    }
}
