//! What code plants in the workspace for the engine's file commands: links, also such that change at every moment, and
//! files that are none.

use codebeaker::protocol::{
    Command, CommandOutput, EntryKind, Execute, ExecuteCode, ExecuteResult, WriteMode,
};
use futures_util::future::join_all;

use crate::paths::{copy, delete, list, make, read, within, write, write_as};
use crate::siege::{Inside, Siege, interactive, printed, python, timely};

fn content(result: &ExecuteResult) -> Option<(&str, bool)> {
    match &result.result {
        Some(CommandOutput::Content(content)) => Some((&content.content, content.truncated)),
        _ => None,
    }
}

pub async fn planted_links(siege: &Siege) {
    let inside = siege.create().await;
    for (n, canary) in siege.canaries.files().iter().enumerate() {
        let directory = canary.replace("/canary.json", "");
        let plant = format!(
            "mkdir at{n} && cd at{n} && echo mine > own && mkdir sub && ln -s {canary} file && ln -s {directory} dir && \
             ln -s dir again && ln -s file chain && ln -s /proc/self/root{canary} by-proc && ln -s {directory}/new new && \
             ln -s ../../../../../../../../../..{canary} up && ln -s own fine"
        );
        assert_eq!(siege.sh(&inside, &plant).await.exit_code, 0);
        let at = |name: &str| format!("at{n}/{name}");
        for name in ["file", "dir/canary.json", "again/canary.json", "chain", "by-proc", "up"] {
            for command in [read(&at(name)), copy(&at(name), "stolen"), copy(&at(name), &at("fine"))] {
                let error = siege.refused(&inside, command).await;
                assert!(!error.contains(&siege.canaries.token), "{error}");
            }
            // These may replace the link, but never go through it.
            for mode in [WriteMode::Create, WriteMode::Append, WriteMode::Overwrite] {
                siege.execute(&inside, write_as(&at(name), "overwritten", mode)).await;
                siege.canaries.untouched();
            }
            siege.execute(&inside, copy(&at("own"), &at(name))).await;
            siege.canaries.untouched();
        }
        for name in ["dir/new", "again/new/er", "new", "new/er"] {
            siege.execute(&inside, write(&at(name), "written")).await;
            siege.execute(&inside, copy(&at("own"), &at(name))).await;
            siege.canaries.untouched();
        }
        for name in ["dir/made", "again/made", "dir/made/er"] {
            siege.refused(&inside, make(&at(name))).await;
        }
        siege.execute(&inside, make(&at("new/made"))).await;
        siege.canaries.untouched();
        for command in [list(&at("dir")), list(&at("again")), within(&at("dir")), within(&at("again"))] {
            siege.refused(&inside, command).await;
        }
        for name in ["dir/canary.json", "again/canary.mjs"] {
            siege.refused(&inside, delete(&at(name))).await;
        }
        // Deleted as links, one by one and with all around them.
        assert!(siege.execute(&inside, delete(&at("dir"))).await.success);
        siege.canaries.untouched();
        assert!(siege.execute(&inside, delete(&format!("at{n}"))).await.success);
        siege.canaries.untouched();
    }
    let plant =
        "ln -s /etc/passwd passwd && ln -s /proc/1/environ environ && ln -s / root && ln -s loop loop";
    assert_eq!(siege.sh(&inside, plant).await.exit_code, 0);
    for name in ["passwd", "environ", "root/etc/passwd", "loop", "loop/x"] {
        siege.refused(&inside, read(name)).await;
        siege.refused(&inside, copy(name, "stolen")).await;
    }
    siege.refused(&inside, list("root")).await;
    // Listing tells of links and goes through none.
    let result = siege.execute(&inside, list(".")).await;
    let Some(CommandOutput::Listing(listing)) = &result.result else { panic!("{result:?}") };
    assert!(listing.entries.iter().all(|e| !e.path.starts_with("root/")), "{listing:?}");
    let root = listing.entries.iter().find(|e| e.name == "root").unwrap();
    assert_eq!(root.kind, EntryKind::Link);
}

/// Exchanges a directory and a link to the canary's as fast as it can, until there is a file `stop`.
const FLIPS: &str = "
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
os.mkdir('flip')
open('flip/canary.json', 'w').write('mine')
os.symlink(sys.argv[1], 'link')
os.symlink('flip/canary.json', 'through')
end = time.monotonic() + 50
print('on', flush=True)
flips = 0
while flips < 5000000 and not (flips % 256 == 0 and (os.path.exists('stop') or time.monotonic() > end)):
    libc.renameat2(-100, b'flip', -100, b'link', 2)
    flips += 1
print(flips)
";

/// Commands while links change; then how often they did.
async fn while_they_change(siege: &Siege, inside: &Inside, commands: &[Command]) -> Vec<ExecuteResult> {
    let directory = siege.canaries.files()[1].replace("/canary.json", "");
    let mut flipping = siege.start(interactive(&inside.id, python(FLIPS, &[&directory]))).await;
    printed(&mut flipping, "on\n").await;
    let mut results = Vec::new();
    for some in commands.chunks(8) {
        let each = some.iter().map(|command| async {
            let execute = Execute { concurrent: true, ..Execute::new(inside.id.clone(), command.clone()) };
            timely(siege.start(execute).await.finished()).await.unwrap()
        });
        results.extend(join_all(each).await);
    }
    let stop = Execute { concurrent: true, ..Execute::new(inside.id.clone(), write("stop", "")) };
    timely(siege.start(stop).await.finished()).await.unwrap();
    let ended = timely(flipping.finished()).await.unwrap();
    let told = &ended.process().unwrap().stdout;
    let flips: usize = told.lines().last().unwrap().parse().unwrap_or_else(|_| panic!("{ended:?}"));
    assert!(flips > 100, "it was no race: {flips} flips");
    results
}

pub async fn links_that_change_while_they_are_read(siege: &Siege) {
    let inside = siege.create().await;
    let ways = [
        read("flip/canary.json"),
        read("link/canary.json"),
        read("through"),
        copy("flip/canary.json", "stolen"),
        read("stolen"),
        list("flip"),
    ];
    let commands: Vec<Command> = ways.into_iter().cycle().take(3000).collect();
    let results = while_they_change(siege, &inside, &commands).await;
    let mut mine = 0;
    for result in &results {
        let told = format!("{result:?}");
        assert!(!told.contains(&siege.canaries.token), "{told}");
        assert!(!told.contains("canary.mjs"), "the canary's directory was listed: {told}");
        mine += usize::from(content(result).is_some_and(|(text, _)| text == "mine"));
    }
    assert!(mine > 0, "nothing was ever read: it was no race");
}

pub async fn links_that_change_while_they_are_written(siege: &Siege) {
    let inside = siege.create().await;
    let ways = [
        write("flip/canary.json", "overwritten"),
        write_as("link/canary.json", "overwritten", WriteMode::Append),
        copy("flip/canary.json", "link/canary.mjs"),
        make("flip/made/er"),
        write("flip/new/er", "written"),
        delete("flip/canary.mjs"),
        delete("link/made"),
        write("through", "overwritten"),
    ];
    let commands: Vec<Command> = ways.into_iter().cycle().take(2000).collect();
    let results = while_they_change(siege, &inside, &commands).await;
    siege.canaries.untouched();
    assert!(results.iter().any(|r| r.success), "nothing was ever written: it was no race");
}

pub async fn pipes_sockets_and_devices(siege: &Siege) {
    let inside = siege.create().await;
    let plant = "import os, socket\nos.mkfifo('pipe')\nsocket.socket(socket.AF_UNIX).bind('socket')\nos.mkdir('d')\n\
        for n in ('zero', 'random', 'full', 'null', 'stdin', 'fd/0', 'tty'):\n    os.symlink('/dev/' + n, n.replace('/', '-'))\n\
        os.symlink('/proc/self/fd/0', 'd/zero')\nos.symlink('/proc/kmsg', 'd/kmsg')\nos.symlink('pipe', 'd/pipe')";
    siege.python(&inside, plant).await;
    assert!(siege.execute(&inside, write("inside", "x")).await.success);
    let names = [
        "pipe", "socket", "zero", "random", "full", "stdin", "fd-0", "tty", "d/zero", "d/kmsg", "d/pipe", "d",
    ];
    for name in names {
        for command in [read(name), copy(name, "copied"), read(&format!("{name}/x"))] {
            siege.refused(&inside, command).await;
        }
        if name != "d" {
            siege.execute(&inside, copy("inside", name)).await;
            siege.execute(&inside, write_as(name, "x", WriteMode::Append)).await;
        }
    }
    for path in ["/dev/zero", "/dev/random", "/proc/kmsg", "/proc/self/mem", "/dev/tty"] {
        siege.refused(&inside, read(path)).await;
        siege.refused(&inside, copy(path, "copied")).await;
    }
    // Whether or not somebody waits at the other end.
    let writer = "import os\nprint('on', flush=True)\nos.mkfifo('busy')\nprint('made', flush=True)\n\
        f = os.open('busy', os.O_RDWR)\nos.write(f, b'x' * 4096)\nprint('full', flush=True)\ninput()";
    let mut waiting = siege.start(interactive(&inside.id, python(writer, &[]))).await;
    printed(&mut waiting, "full\n").await;
    for command in [read("busy"), copy("busy", "copied")] {
        let execute = Execute { concurrent: true, ..Execute::new(inside.id.clone(), command) };
        assert!(!timely(siege.start(execute).await.finished()).await.unwrap().success);
    }
    timely(siege.engine.input(&waiting.id, "\n".into(), true)).await.unwrap();
    assert!(timely(waiting.finished()).await.unwrap().success);
    let result = siege.execute(&inside, list(".")).await;
    let Some(CommandOutput::Listing(listing)) = &result.result else { panic!("{result:?}") };
    let busy = listing.entries.iter().find(|e| e.name == "busy").unwrap();
    assert_eq!(busy.kind, EntryKind::Other);
    for name in ["busy", "socket", "d"] {
        siege.execute(&inside, delete(name)).await;
    }
}

pub async fn files_without_end(siege: &Siege) {
    let inside = siege.create().await;
    // More than a file may have.
    let ended = siege.sh(&inside, "truncate -s 100G huge; echo $?").await;
    assert_ne!(ended.stdout, "0\n", "{ended:?}");
    assert_eq!(siege.sh(&inside, "truncate -s 60M sparse").await.exit_code, 0);
    let result = siege.execute(&inside, read("sparse")).await;
    match content(&result) {
        Some((text, truncated)) => {
            assert!(truncated && text.len() <= 32 << 20, "{} {truncated}", text.len());
        }
        None => assert!(!result.error.as_ref().unwrap().is_empty()),
    }
    let copied = siege.execute(&inside, copy("sparse", "copy")).await;
    assert!(copied.success || copied.error.is_some_and(|e| !e.is_empty()));
    assert!(siege.execute(&inside, delete("copy")).await.success || !copied.success);
    assert!(siege.execute(&inside, delete("sparse")).await.success);
    // One that grows for as long as it is read, but for an end of its own.
    let grow = "import os, time\nend = time.monotonic() + 50\nf = open('growing', 'ab', 0)\nprint('on', flush=True)\n\
        n = 0\nwhile n < 2560 and time.monotonic() < end and not os.path.exists('stop'):\n    f.write(b'x' * 8192)\n    n += 1\nprint(n)";
    let mut growing = siege.start(interactive(&inside.id, python(grow, &[]))).await;
    printed(&mut growing, "on\n").await;
    for command in [read("growing"), copy("growing", "copied"), write("stop", "")] {
        let execute = Execute { concurrent: true, ..Execute::new(inside.id.clone(), command) };
        timely(siege.start(execute).await.finished()).await.unwrap();
    }
    assert!(timely(growing.finished()).await.unwrap().process().is_some());
}

/// The engine itself writes the code that it runs: what lies in its way there is no trap.
pub async fn traps_where_the_engine_writes(siege: &Siege) {
    let inside = siege.create().await;
    let canary = &siege.canaries.files()[1];
    let name = format!("snippet.{}", siege.kind.language().extension());
    for trap in [
        format!("mkfifo {name}"),
        format!("mkdir -p {name}/x"),
        format!("ln -s {canary} {name}"),
        format!("ln -s /dev/zero {name}"),
        format!("ln -s {name} {name}"),
        format!("echo 'x' > {name}; chmod 000 {name}"),
        format!("echo 'x' > other; ln other {name}"),
        "chmod 555 .; rm -rf /tmp/* /tmp/.[a-z]*".to_owned(),
    ] {
        let set = siege.sh(&inside, &format!("rm -rf {name} && {trap}")).await;
        assert_eq!(set.exit_code, 0, "{set:?}");
        let code = ExecuteCode { code: siege.kind.printing(7), ..ExecuteCode::default() };
        let result = siege.execute(&inside, Command::ExecuteCode(code)).await;
        let told = result.process().map(|p| p.stdout.trim()) == Some("7");
        assert!(told || result.error.as_ref().is_some_and(|e| !e.is_empty()), "{trap}: {result:?}");
        siege.canaries.untouched();
        // A program may always put in order what one has put into disorder.
        let order = siege.sh(&inside, &format!("chmod 755 /workspace; rm -rf {name} other")).await;
        assert_eq!(order.exit_code, 0, "{trap}: {order:?}");
        siege.hello(&inside).await;
    }
    // One who shuts himself out finds the door open again.
    let shut = siege.create().await;
    assert_eq!(siege.sh(&shut, "chmod 000 .").await.exit_code, 0);
    siege.hello(&shut).await;
    siege.close(&shut).await;
    let gone = siege
        .sh(&inside, "mkdir d && cd d && rmdir /workspace/d && rm -rf /workspace; mv /workspace /tmp/w; ls")
        .await;
    assert!(gone.stdout.is_empty(), "{gone:?}");
    siege.hello(&inside).await;
}
