//! Programs that take all they can get: processes, memory, space, descriptors. Each has an end of its own, and a size
//! that the machine survives where the sandbox does not hold it.

use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, Language, ProcessResult,
};
use serde_json::json;

use crate::paths::{delete, read, write};
use crate::siege::{Inside, Siege, gone, printed, program, python, sh};

/// How long what has bombed waits to be ended, in seconds.
const HOLD: u32 = 20;

/// The program was ended because it reached a limit, and that is told with the limit's value.
fn ended_by(result: &ExecuteResult, name: &str, value: &str) -> ProcessResult {
    let process = result.process().unwrap_or_else(|| panic!("{result:?}"));
    let limit = process.limit.as_ref().unwrap_or_else(|| panic!("no limit of {name} is told: {result:?}"));
    assert_eq!(limit.name, name, "{result:?}");
    assert!(limit.value.contains(value), "{limit:?} instead of {value}");
    assert!(!result.success && process.exit_code != 0, "{result:?}");
    let error = result.error.as_ref().unwrap();
    assert!(error.contains(value), "{error:?} does not tell {value}");
    process.clone()
}

/// As [`ended_by`] memory. An ordinary user's programs may be refused more before that, and say so.
fn out_of_memory(result: &ExecuteResult, value: &str) {
    let process = result.process().unwrap_or_else(|| panic!("{result:?}"));
    let told = ["MemoryError", "llocation failed", "ut of memory", "Cannot allocate"];
    if !rustix::process::geteuid().is_root()
        && process.limit.is_none()
        && !result.success
        && told.iter().any(|words| process.stderr.contains(words))
    {
        return;
    }
    assert_eq!(ended_by(result, "memory", value).exit_code, 137, "{result:?}");
}

/// Starts so many, each of which ends by itself; waits where there are no more to be had.
fn forks(children: u32) -> Command {
    let script = format!(
        "import os, time\ntry:\n    for n in range({children}):\n        if os.fork() == 0:\n            time.sleep({HOLD})\n            os._exit(0)\n\
         except OSError as error:\n    print('refused after', n, error, flush=True)\ntime.sleep({HOLD})\nprint('survived')"
    );
    python(&script, &[])
}

pub async fn processes(siege: &Siege) {
    let inside = siege.create_limited(json!({ "processes": 24 })).await;
    let result = siege.execute(&inside, forks(100)).await;
    let ended = ended_by(&result, "processes", "24");
    assert!(!ended.stdout.contains("survived"));
    assert_eq!(siege.engine.stats(&inside.id).await.unwrap().processes, Some(0));
}

pub async fn processes_that_multiply(siege: &Siege) {
    let inside = siege.create_limited(json!({ "processes": 24 })).await;
    // 2 to the power of 7; each ends by itself.
    let script = format!(
        "import os, time\nfor n in range(7):\n    try:\n        os.fork()\n    except OSError:\n        pass\ntime.sleep({HOLD})"
    );
    ended_by(&siege.execute(&inside, python(&script, &[])).await, "processes", "24");
    let nap = crate::support::native::nap();
    let shell = format!(
        "n=0; while [ $n -lt 100 ]; do setsid sh -c 'trap \"\" TERM; sleep {HOLD}; : {nap}' & n=$((n+1)); done; sleep {HOLD}"
    );
    let result = siege.execute(&inside, sh(&shell)).await;
    // A shell that is refused a process ends by itself, and says why: as root the kernel has counted that, without
    // a control group nobody has.
    let ended_itself =
        result.process().is_some_and(|p| p.limit.is_none() && p.stderr.contains("Cannot fork"));
    if rustix::process::geteuid().is_root() || !ended_itself {
        ended_by(&result, "processes", "24");
    }
    gone(&nap);
}

pub async fn threads(siege: &Siege) {
    let inside = siege.create_limited(json!({ "processes": 24 })).await;
    let script = format!(
        "import threading, time\ntry:\n    for n in range(100):\n        threading.Thread(target=time.sleep, args=({HOLD},), daemon=True).start()\n\
         except RuntimeError as error:\n    print(error, flush=True)\ntime.sleep({HOLD})"
    );
    ended_by(&siege.execute(&inside, python(&script, &[])).await, "processes", "24");
}

/// Takes so many times 16 MB, one after the other, and keeps them for a while.
fn hoards(pieces: u32) -> Command {
    let script = format!(
        "import time\nall = []\nfor n in range({pieces}):\n    all.append(b'x' * (16 << 20))\ntime.sleep({HOLD})\nprint('survived')"
    );
    python(&script, &[])
}

async fn with_memory(siege: &Siege, megabytes: u64) -> Inside {
    siege.create_with(CreateSession { memory_limit_mb: Some(megabytes), ..siege.params() }).await
}

pub async fn memory_of_one(siege: &Siege) {
    let inside = with_memory(siege, 128).await;
    out_of_memory(&siege.execute(&inside, hoards(32)).await, "128");
}

/// None of them has much.
pub async fn memory_of_many(siege: &Siege) {
    let inside = with_memory(siege, 128).await;
    let script = format!(
        "import os, time\nchildren = []\nfor n in range(10):\n    child = os.fork()\n    if child == 0:\n        mine = b'x' * (48 << 20)\n        time.sleep({HOLD})\n        os._exit(0)\n\
             children.append(child)\nfor child in children:\n    os.waitpid(child, 0)\nprint('survived')"
    );
    let result = siege.execute(&inside, python(&script, &[])).await;
    assert_eq!(ended_by(&result, "memory", "128").exit_code, 137, "{result:?}");
}

/// Memory that is mapped nowhere: files in memory, of 480 MB in all.
pub async fn memory_of_no_process(siege: &Siege) {
    let inside = with_memory(siege, 128).await;
    let files = format!(
        "import os, sys, time\nfor n in range(8):\n    try: f = os.memfd_create('x')\n    except OSError as e: sys.exit(os.strerror(e.errno))\n    for _ in range(60):\n        os.write(f, b'x' * (1 << 20))\ntime.sleep({HOLD})\nprint('survived')"
    );
    let result = siege.execute(&inside, python(&files, &[])).await;
    // Where no control group counts it there is none.
    let refused = result.process().is_some_and(|p| p.stderr == "Function not implemented\n");
    if !refused || rustix::process::geteuid().is_root() {
        out_of_memory(&result, "128");
    }
}

/// Memory that the kernel keeps for nobody: System V's segments, queues and semaphores, and POSIX queues. What a program
/// makes of it is refused, or gone when its result is given: else it fills the session for good.
pub async fn memory_that_outlives_programs(siege: &Siege) {
    let inside = siege.create().await;
    let leave = "import ctypes, sys\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.shmat.restype = ctypes.c_void_p\n\
        i = libc.shmget(7, 1 << 20, 0o1600)\nif i >= 0:\n    libc.shmat(i, None, 0)\n\
        q = libc.msgget(7, 0o1600)\nif q >= 0:\n    libc.msgsnd(q, ctypes.create_string_buffer(b'\\1' + bytes(7) + b'x' * 4000), 4000, 0)\n\
        s = libc.semget(7, 100, 0o1600)\nm = libc.mq_open(b'/left', 0o102, 0o600, None)\nprint(i, q, s, m)";
    let made = siege.python(&inside, leave).await;
    let look = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n\
        print(libc.shmget(7, 0, 0), libc.msgget(7, 0), libc.semget(7, 0, 0), libc.mq_open(b'/left', 0))";
    let left = siege.python(&inside, look).await;
    assert_eq!(left, "-1 -1 -1 -1\n", "segment, queue, semaphores, POSIX queue; made were {made}");
}

pub async fn memory_of_its_own_language(siege: &Siege) {
    let inside = with_memory(siege, 192).await;
    let code = match siege.kind.language() {
        Language::Python => format!(
            "import time\nall = [bytearray(b'x' * (16 << 20)) for n in range(40)]\ntime.sleep({HOLD})"
        ),
        _ => format!(
            "const all = [];\nfor (let n = 0; n < 40; n++) all.push(new Uint8Array(16 << 20).fill(1));\nsetTimeout(() => console.log(all.length), {HOLD}000);"
        ),
    };
    let code = Command::ExecuteCode(ExecuteCode { code, ..ExecuteCode::default() });
    out_of_memory(&siege.execute(&inside, code).await, "192");
    siege.hello(&inside).await;
    if siege.kind.language() != Language::Python {
        // On the engine's own heap, of objects: it may itself say that there is no more.
        let code = format!(
            "const all = [];\nfor (let n = 0; n < 60; n++) {{ const some = []; for (let i = 0; i < 300000; i++) some.push({{ n: i + 0.5 }}); all.push(some); }}\n\
             setTimeout(() => console.log('survived', all.length), {HOLD}000);"
        );
        let code = Command::ExecuteCode(ExecuteCode { code, ..ExecuteCode::default() });
        let result = siege.execute(&inside, code).await;
        assert!(!result.success && result.error.as_ref().is_some_and(|e| !e.is_empty()), "{result:?}");
        let ended = result.process().unwrap();
        let heap = ended.stderr.contains("memory");
        assert!(heap || ended.limit.as_ref().is_some_and(|l| l.name == "memory"), "{result:?}");
    }
}

/// What holds where nobody asked for anything.
pub async fn the_default_limits(siege: &Siege) {
    let inside = siege.create().await;
    ended_by(&siege.execute(&inside, forks(150)).await, "processes", "64");
    out_of_memory(&siege.execute(&inside, hoards(80)).await, "512");
    let large = program("dd", &["if=/dev/zero", "of=large", "bs=1M", "count=70"]);
    ended_by(&siege.execute(&inside, large).await, "fileSize", "64");
    assert!(siege.execute(&inside, delete("large")).await.success);
    let fill = filling("/workspace", 600);
    let told = siege.python(&inside, &fill).await;
    assert!(told.starts_with("ENOSPC "), "the workspace is without bounds: {told}");
}

/// Fills a directory with files of 4 MB, at most so many MB; tells what stopped it, after how many MB, and takes all
/// away.
fn filling(directory: &str, most: u32) -> String {
    format!(
        "import errno, os, shutil\nplace = '{directory}/filled'\nos.mkdir(place)\nn = 0\nwhy = 'nothing'\ntry:\n    while n < {most}:\n\
         \x20       with open(f'{{place}}/{{n}}', 'wb', 0) as file:\n            for _ in range(4):\n                file.write(b'x' * (1 << 20))\n                n += 1\n\
         except OSError as error:\n    why = errno.errorcode[error.errno]\nfinally:\n    shutil.rmtree(place)\nprint(why, n)"
    )
}

/// Makes at most so many empty files in a directory.
fn sowing(directory: &str, most: u32) -> String {
    format!(
        "import errno, os, shutil\nplace = '{directory}/sown'\nos.mkdir(place)\nn = 0\nwhy = 'nothing'\ntry:\n    while n < {most}:\n\
         \x20       os.close(os.open(f'{{place}}/{{n}}', os.O_CREAT | os.O_WRONLY))\n        n += 1\n\
         except OSError as error:\n    why = errno.errorcode[error.errno]\nfinally:\n    shutil.rmtree(place)\nprint(why, n)"
    )
}

fn stopped_after(told: &str) -> u32 {
    let (why, n) = told.trim().split_once(' ').unwrap();
    assert!(["ENOSPC", "EDQUOT"].contains(&why), "it was not stopped: {told}");
    n.parse().unwrap()
}

pub async fn bytes_in_the_workspace(siege: &Siege) {
    let inside = siege.create_limited(json!({ "workspaceBytes": 32 << 20 })).await;
    let told = siege.python(&inside, &filling("/workspace", 100)).await;
    assert!((16..=32).contains(&stopped_after(&told)), "{told}");
    // Left full: what the engine itself writes is refused with the reason, and goes on when there is space.
    let left = siege.run(&inside, program("dd", &["if=/dev/zero", "of=filled", "bs=1M", "count=50"])).await;
    assert!(left.exit_code == 1 && left.stderr.contains("No space left"), "{left:?}");
    assert!(left.limit.is_some_and(|l| l.name == "workspace" && l.value.contains("32 MB")));
    let error = siege.refused(&inside, write("more", &"x".repeat(2 << 20))).await;
    assert!(error.to_lowercase().contains("space"), "{error}");
    let code = ExecuteCode { code: siege.kind.printing(7), ..ExecuteCode::default() };
    let result = siege.execute(&inside, Command::ExecuteCode(code)).await;
    assert!(result.success || result.error.as_ref().is_some_and(|e| !e.is_empty()), "{result:?}");
    assert!(siege.execute(&inside, delete("filled")).await.success);
    assert!(siege.execute(&inside, write("more", &"x".repeat(2 << 20))).await.success);
    // One that goes on though there is no room is ended.
    let sits = format!(
        "import signal, time\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nf = open('filled', 'wb', 0)\ntry:\n    while True: f.write(b'x' * (1 << 20))\nexcept OSError: time.sleep({HOLD})\nprint('survived')"
    );
    ended_by(&siege.execute(&inside, python(&sits, &[])).await, "workspace", "32 MB");
    assert!(siege.execute(&inside, delete("filled")).await.success);
    // Holes count as what they become.
    let sparse = "import os\nf = os.open('hole', os.O_CREAT | os.O_RDWR)\nos.ftruncate(f, 60 << 20)\nprint(os.stat('hole').st_blocks)";
    assert_eq!(siege.python(&inside, sparse).await, "0\n");
}

pub async fn bytes_in_private_places(siege: &Siege) {
    let inside = siege.create().await;
    for place in ["/tmp", "/dev/shm"] {
        let told = siege.python(&inside, &filling(place, 300)).await;
        assert!(stopped_after(&told) >= 8, "{place}: {told}");
        // It is usable again.
        assert_eq!(
            siege.sh(&inside, &format!("echo x > {place}/x && cat {place}/x && rm {place}/x")).await.stdout,
            "x\n"
        );
    }
}

pub async fn files_in_the_workspace(siege: &Siege) {
    let inside = siege.create_limited(json!({ "workspaceFiles": 2000 })).await;
    let told = siege.python(&inside, &sowing("/workspace", 6000)).await;
    assert!((1000..=2000).contains(&stopped_after(&told)), "{told}");
    // And directories, and links.
    let links = "import errno, os\nos.mkdir('more')\ntry:\n    for n in range(6000):\n        os.symlink('x', f'more/{n}') if n % 2 else os.mkdir(f'more/{n}')\nexcept OSError as error:\n    print(errno.errorcode[error.errno])";
    assert_eq!(siege.python(&inside, links).await, "ENOSPC\n");
    let error = siege.refused(&inside, write("one/more", "x")).await;
    assert!(error.to_lowercase().contains("space"), "{error}");
    assert!(siege.execute(&inside, delete("more")).await.success);
}

pub async fn files_in_private_places(siege: &Siege) {
    let inside = siege.create().await;
    for place in ["/tmp", "/dev/shm"] {
        let told = siege.python(&inside, &sowing(place, 60_000)).await;
        assert!(stopped_after(&told) >= 500, "{place}: {told}");
    }
}

pub async fn one_large_file(siege: &Siege) {
    let inside = siege.create_limited(json!({ "fileSizeBytes": 1 << 20 })).await;
    let large = program("dd", &["if=/dev/zero", "of=large", "bs=64k", "count=80"]);
    let ended = ended_by(&siege.execute(&inside, large).await, "fileSize", "1 MB");
    assert_eq!((ended.exit_code, ended.signal.as_deref()), (128 + 25, Some("SIGXFSZ")));
    let result = siege.execute(&inside, read("large")).await;
    assert!(result.success, "{result:?}");
    // Python ignores the signal, and is told.
    let told = "import errno\ntry:\n    with open('large', 'wb') as f:\n        f.write(b'x' * (2 << 20))\nexcept OSError as e:\n    print(errno.errorcode[e.errno])";
    assert_eq!(siege.python(&inside, told).await, "EFBIG\n");
    // The engine's own hand in there is held too, or is not; it outlives it.
    let written = siege.execute(&inside, write("larger", &"x".repeat(3 << 20))).await;
    assert!(written.success || written.error.is_some_and(|e| !e.is_empty()));
}

pub async fn open_files(siege: &Siege) {
    let inside = siege.create().await;
    let hoard = "import errno, os\nn = 0\ntry:\n    while n < 5000:\n        os.open('/dev/null', os.O_RDONLY)\n        n += 1\nexcept OSError as e:\n    print(errno.errorcode[e.errno], n < 1024)";
    assert_eq!(siege.python(&inside, hoard).await, "EMFILE True\n");
    // Of many processes, each with many.
    let many = "import os, sys\nfor child in range(10):\n    if os.fork() == 0:\n        n = 0\n        try:\n            while n < 5000:\n                os.pipe()\n                n += 1\n        except OSError:\n            pass\n        os._exit(0)\nfor child in range(10):\n    os.wait()\nprint('all')";
    assert_eq!(siege.python(&inside, many).await, "all\n");
    let less = siege.create_limited(json!({ "openFiles": 64 })).await;
    assert_eq!(siege.python(&less, &hoard.replace("1024", "64")).await, "EMFILE True\n");
    siege.close(&less).await;
}

pub async fn core_dumps(siege: &Siege) {
    let inside = siege.create().await;
    let ended = siege.sh(&inside, "ulimit -c unlimited 2>/dev/null; kill -SEGV $$").await;
    assert_eq!((ended.exit_code, ended.signal.as_deref()), (128 + 11, Some("SIGSEGV")));
    let ended = siege.run(&inside, python("import os, resource\ntry:\n    resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))\nexcept (OSError, ValueError):\n    pass\nos.abort()", &[])).await;
    assert_eq!(ended.signal.as_deref(), Some("SIGABRT"));
    assert_eq!(siege.sh(&inside, "ls -A /workspace /tmp | grep -i core").await.stdout, "");
}

/// What the kernel counts for a user, and so for whoever launched the session and all its other sessions: a session takes
/// a few of it, and others still have theirs.
pub async fn what_is_counted_for_everybody(siege: &Siege) {
    let greedy = siege.create().await;
    let take = format!(
        "import ctypes, os, time\nlibc = ctypes.CDLL(None, use_errno=True)\nn = 0\nwhile n < 300 and libc.inotify_init() >= 0: n += 1\n\
         print(n, os.strerror(ctypes.get_errno()), libc.syscall({IO_SETUP}, 1000, ctypes.byref(ctypes.c_ulong())), flush=True)\ntime.sleep(1000)"
    );
    let mut taking =
        siege.start(Execute { stream: true, ..Execute::new(greedy.id.clone(), python(&take, &[])) }).await;
    let told = printed(&mut taking, "\n").await;
    if siege.kind.in_container() {
        // Its user is nobody else's, so what it takes is its own; the rest is counted for all users, and refused.
        assert!(told.ends_with(" -1\n") && told != "0 -1\n", "{told}");
    } else {
        assert_eq!(told, "8 Too many open files -1\n");
    }
    let other = siege.create().await;
    let one = "import ctypes\nprint(ctypes.CDLL(None).inotify_init() >= 0)";
    assert_eq!(siege.python(&other, one).await, "True\n");
    rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::empty()).expect("the host has some, too");
    siege.close(&greedy).await;
}

#[cfg(target_arch = "x86_64")]
const IO_SETUP: u32 = 206;
#[cfg(target_arch = "aarch64")]
const IO_SETUP: u32 = 0;
