//! What is counted where no file system and, for an ordinary user, no control group does it: by the agent, several
//! times a second. What takes too much is ended, told by its limit and its value, and the session goes on. Each has an
//! end of its own.

use codebeaker::protocol::{Command, CreateSession, ExecuteCode, ExecuteResult, ProcessResult};
use serde_json::json;

use crate::behind_landlock;
use crate::siege::{Inside, Siege, python};
use crate::support::native::Kind;

/// How long what has taken too much waits to be ended, in seconds.
const HOLD: u32 = 20;

/// It was ended because it reached a limit, and that is told with the limit's value; the session goes on.
async fn ended_by(
    siege: &Siege,
    inside: &Inside,
    command: Command,
    name: &str,
    value: &str,
) -> ProcessResult {
    let result = siege.execute(inside, command).await;
    let ended = reached(&result, name, value);
    assert_eq!(ended.exit_code, 137, "{result:?}");
    assert!(!ended.stdout.contains("survived"), "{result:?}");
    assert_eq!(siege.engine.stats(&inside.id).await.unwrap().processes, Some(0));
    ended
}

fn reached(result: &ExecuteResult, name: &str, value: &str) -> ProcessResult {
    let process = result.process().unwrap_or_else(|| panic!("{result:?}"));
    let limit = process.limit.as_ref().unwrap_or_else(|| panic!("no limit of {name} is told: {result:?}"));
    assert_eq!(limit.name, name, "{result:?}");
    assert!(limit.value.contains(value), "{limit:?} instead of {value}");
    assert!(!result.success && result.error.as_ref().unwrap().contains(&limit.value), "{result:?}");
    process.clone()
}

async fn with_memory(siege: &Siege, megabytes: u64) -> Inside {
    siege.create_with(CreateSession { memory_limit_mb: Some(megabytes), ..siege.params() }).await
}

/// A script that then waits to be ended.
fn holding(script: &str) -> Command {
    python(
        &format!(
            "import ctypes, mmap, os, sys, time\ndef close(path, mode): os.fchmod(os.open(path, os.O_RDONLY), mode)\n{script}\ntime.sleep({HOLD})\nprint('survived')"
        ),
        &[],
    )
}

/// Runs a script that takes more than 128 MB of memory.
async fn too_much_memory(script: &str) {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = with_memory(siege, 128).await;
        ended_by(siege, &inside, holding(script), "memory", "128 MB").await;
    })
    .await;
}

#[tokio::test]
async fn memory_of_one() {
    too_much_memory("all = [b'x' * (16 << 20) for n in range(20)]").await;
}

#[tokio::test]
async fn memory_of_a_tree() {
    too_much_memory(&format!(
        "def grow(depth):\n    mine = b'x' * (24 << 20)\n    for n in range(2 if depth else 0):\n        if os.fork() == 0:\n            grow(depth - 1)\n\
         \x20   time.sleep({HOLD})\n    os._exit(0)\ngrow(3)"
    ))
    .await;
}

/// Those of a daemon too, while the program that has left it runs.
#[tokio::test]
async fn memory_of_a_daemon() {
    too_much_memory(&format!(
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        mine = b'x' * (300 << 20)\n        time.sleep({HOLD})\n    os._exit(0)"
    ))
    .await;
}

/// Where no control group counts them there are none; as memory it would be nobody's.
#[tokio::test]
async fn memory_in_files_without_a_name() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = with_memory(siege, 128).await;
        for hidden in ["", "ctypes.CDLL(None).prctl(4, 0)\n"] {
            let script = format!(
                "{hidden}try: files = [os.memfd_create('x') for n in range(10)]\nexcept OSError as e: sys.exit(os.strerror(e.errno))\nfor f in files: os.write(f, bytes(30 << 20))"
            );
            let result = siege.execute(&inside, holding(&script)).await;
            let refused = result.process().is_some_and(|p| p.stderr == "Function not implemented\n");
            if !refused {
                assert_eq!(reached(&result, "memory", "128 MB").exit_code, 137, "{result:?}");
            }
        }
    })
    .await;
}

/// One that lets nobody see what it has, where files count.
#[tokio::test]
async fn bytes_in_files_that_are_deleted_and_hidden() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = siege.create_limited(json!({ "workspaceBytes": 32 << 20 })).await;
        let script = "ctypes.CDLL(None).prctl(4, 0)\nfiles = [open(f'deleted{n}', 'wb', 0) for n in range(30)]\nfor n, f in enumerate(files):\n    os.unlink(f'deleted{n}')\n    f.write(bytes(4 << 20))";
        let result = siege.execute(&inside, holding(script)).await;
        let ended = result.process().unwrap();
        assert!(ended.exit_code == 137 && ended.limit.is_some(), "{result:?}");
    })
    .await;
}

#[tokio::test]
async fn memory_that_is_shared_by_a_tree() {
    too_much_memory(
        "shared = mmap.mmap(-1, 300 << 20)\nfor n in range(0, 300 << 20, 4096): shared[n] = 1\nfor n in range(3): os.fork()",
    )
    .await;
}

/// It counts once.
#[tokio::test]
async fn memory_that_is_shared_and_not_too_much() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = with_memory(siege, 128).await;
        let script = "import mmap, os, time\nshared = mmap.mmap(-1, 48 << 20)\nfor n in range(0, 48 << 20, 4096): shared[n] = 1\nchildren = []\n\
            for n in range(6):\n    child = os.fork()\n    if child == 0:\n        sum(shared[n] for n in range(0, 48 << 20, 4096))\n        time.sleep(0.5)\n        os._exit(0)\n\
            \x20   children.append(child)\nfor child in children: os.waitpid(child, 0)\nprint('fits')";
        assert_eq!(siege.python(&inside, script).await, "fits\n");
    })
    .await;
}

async fn memory_of_its_own_language(kind: Kind) {
    behind_landlock(kind, async |siege: &Siege| {
        let inside = with_memory(siege, 192).await;
        let code = format!(
            "const all = [];\nfor (let n = 0; n < 40; n++) all.push(new Uint8Array(16 << 20).fill(1));\nsetTimeout(() => console.log('survived', all.length), {HOLD}000);"
        );
        let code = Command::ExecuteCode(ExecuteCode { code, ..ExecuteCode::default() });
        ended_by(siege, &inside, code, "memory", "192 MB").await;
    })
    .await;
}

#[tokio::test]
async fn memory_of_deno() {
    memory_of_its_own_language(Kind::Deno).await;
}

#[tokio::test]
async fn memory_of_bun() {
    memory_of_its_own_language(Kind::Bun).await;
}

#[tokio::test]
async fn memory_of_node() {
    memory_of_its_own_language(Kind::JavaScript).await;
}

async fn too_many_processes(script: &str) {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = siege.create_limited(json!({ "processes": 24 })).await;
        ended_by(siege, &inside, holding(script), "processes", "24 processes").await;
    })
    .await;
}

#[tokio::test]
async fn processes() {
    too_many_processes(&format!(
        "try:\n    for n in range(100):\n        if os.fork() == 0:\n            time.sleep({HOLD})\n            os._exit(0)\nexcept OSError: pass"
    ))
    .await;
}

/// 2 to the power of 7; each ends by itself.
#[tokio::test]
async fn processes_that_multiply() {
    too_many_processes("for n in range(7):\n    try: os.fork()\n    except OSError: pass").await;
}

#[tokio::test]
async fn processes_in_sessions_of_their_own() {
    too_many_processes(&format!(
        "for n in range(60):\n    try:\n        if os.fork() == 0:\n            os.setsid()\n            if os.fork() == 0: time.sleep({HOLD})\n            os._exit(0)\n    except OSError: pass"
    ))
    .await;
}

#[tokio::test]
async fn threads() {
    too_many_processes(&format!(
        "import threading\ntry:\n    for n in range(100): threading.Thread(target=time.sleep, args=({HOLD},), daemon=True).start()\nexcept RuntimeError: pass"
    ))
    .await;
}

/// As many as may be, beside whatever its user runs elsewhere.
#[tokio::test]
async fn processes_that_are_not_too_many() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        // What the test's user runs does not count.
        let others: Vec<_> = (0..100).map(|_| std::thread::spawn(std::thread::park)).collect();
        let inside = siege.create_limited(json!({ "processes": 24 })).await;
        let script = "import os, time\nchildren = []\nfor n in range(18):\n    child = os.fork()\n    if child == 0:\n        time.sleep(0.5)\n        os._exit(0)\n\
            \x20   children.append(child)\nfor child in children: os.waitpid(child, 0)\nprint('fits')";
        assert_eq!(siege.python(&inside, script).await, "fits\n");
        for other in others {
            other.thread().unpark();
            other.join().unwrap();
        }
    })
    .await;
}

/// Fills directories with files of 4 MB, so many MB in all.
fn filling(place: &str, megabytes: u32) -> String {
    format!(
        "place = {place}\nos.makedirs(place, exist_ok=True)\nfor n in range({megabytes} // 4):\n    with open(f'{{place}}/{{n}}', 'wb', 0) as file: file.write(bytes(4 << 20))"
    )
}

async fn too_much_in_the_workspace(script: &str, value: &str) {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let limits = json!({ "workspaceBytes": 32 << 20, "workspaceFiles": 1000 });
        let inside = siege.create_limited(limits).await;
        ended_by(siege, &inside, holding(script), "workspace", value).await;
        // What is there stays, and can be taken away; then there is room.
        let clear =
            "chmod -R u+rwx . $TMPDIR $XDG_CACHE_HOME; rm -rf ./* $TMPDIR/* $XDG_CACHE_HOME/*; echo cleared";
        let cleared = siege.sh(&inside, clear).await;
        assert!(cleared.stdout == "cleared\n" || cleared.limit.is_some(), "{cleared:?}");
    })
    .await;
}

#[tokio::test]
async fn bytes_in_the_workspace() {
    too_much_in_the_workspace(&filling("'filled'", 120), "32 MB in the workspace").await;
}

#[tokio::test]
async fn bytes_in_directories_that_are_closed() {
    let script = filling("'closed/filled'", 120);
    too_much_in_the_workspace(
        &format!("{script}\nclose('closed/filled', 0)\nclose('closed', 0o200)"),
        "32 MB",
    )
    .await;
}

/// Nothing starts in such a workspace afterwards, but it can be closed.
#[tokio::test]
async fn bytes_in_a_workspace_that_is_closed() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = siege.create_limited(json!({ "workspaceBytes": 32 << 20 })).await;
        let script = holding(&format!("{}\nclose('.', 0)", filling("'filled'", 120)));
        ended_by(siege, &inside, script, "workspace", "32 MB in the workspace").await;
        siege.close(&inside).await;
    })
    .await;
}

#[tokio::test]
async fn bytes_in_files_that_are_deleted() {
    let script = "files = [open(f'deleted{n}', 'wb', 0) for n in range(30)]\nfor n, f in enumerate(files):\n    os.unlink(f'deleted{n}')\n    f.write(bytes(4 << 20))";
    too_much_in_the_workspace(script, "32 MB or 1000 files in the workspace").await;
}

#[tokio::test]
async fn bytes_of_temporary_files() {
    too_much_in_the_workspace(
        &filling("os.environ['TMPDIR'] + '/filled'", 120),
        "32 MB or 1000 files of temporary",
    )
    .await;
}

#[tokio::test]
async fn bytes_of_caches() {
    too_much_in_the_workspace(
        &filling("os.environ['XDG_CACHE_HOME'] + '/filled'", 120),
        "32 MB or 1000 files of temporary",
    )
    .await;
}

#[tokio::test]
async fn files_in_the_workspace() {
    let script = "os.mkdir('many')\nfor n in range(5000): open(f'many/{n}', 'w').close()";
    too_much_in_the_workspace(script, "1000 files in the workspace").await;
}

#[tokio::test]
async fn directories_and_links_in_the_workspace() {
    let script = "os.mkdir('many')\nfor n in range(5000): os.symlink('x', f'many/{n}') if n % 8 == 0 else os.mkdir(f'many/{n}')";
    too_much_in_the_workspace(script, "1000 files in the workspace").await;
}

#[tokio::test]
async fn a_tree_that_is_too_deep_to_be_counted() {
    let script = "os.mkdir('deep')\nos.chdir('deep')\nfor n in range(300):\n    os.mkdir('d')\n    os.chdir('d')\nwith open('bottom', 'wb') as f: f.write(bytes(1 << 20))";
    too_much_in_the_workspace(script, "in the workspace").await;
}

#[tokio::test]
async fn a_little_of_everything_is_not_too_much() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let limits = json!({ "workspaceBytes": 32 << 20, "workspaceFiles": 1000 });
        let inside = siege.create_limited(limits).await;
        let script = "import os, time\nfor place in ('.', os.environ['TMPDIR'], os.environ['XDG_CACHE_HOME']):\n    os.mkdir(place + '/closed')\n    with open(place + '/closed/file', 'wb') as f: f.write(bytes(4 << 20))\n\
            \x20   os.fchmod(os.open(place + '/closed', os.O_RDONLY), 0o300)\n    for n in range(100): open(f'{place}/{n}', 'w').close()\nopen('hole', 'wb').truncate(60 << 20)\ntime.sleep(1)\n\
            print([oct(os.stat(p + '/closed').st_mode & 0o777) for p in ('.', os.environ['TMPDIR'])])";
        // An ordinary user's agent may change permissions no more than his programs: what is closed is too much.
        if rustix::process::geteuid().is_root() {
            assert_eq!(siege.python(&inside, script).await, "['0o300', '0o300']\n");
        } else {
            let script = script.replace("0o300", "0o500");
            assert_eq!(siege.python(&inside, &script).await, "['0o500', '0o500']\n");
        }
    })
    .await;
}

/// What one program has taken away again the next is not ended for.
#[tokio::test]
async fn what_is_gone_is_not_the_next_ones() {
    behind_landlock(Kind::Python, async |siege: &Siege| {
        let inside = siege.create_limited(json!({ "workspaceBytes": 8 << 20 })).await;
        for _ in 0..15 {
            // As if by chance: it may itself be seen with too much, and ended.
            let script = "import os\nfor n in range(3):\n    with open(f'x{n}', 'wb') as f: f.write(bytes(8 << 20))\nfor n in range(3): os.unlink(f'x{n}')";
            siege.run(&inside, python(script, &[])).await;
            assert!(siege.sh(&inside, "rm -f x*").await.limit.is_none());
            let ended = siege.run(&inside, python("import time\ntime.sleep(0.3)\nprint('here')", &[])).await;
            assert_eq!(ended.stdout, "here\n", "{ended:?}");
        }
    })
    .await;
}
