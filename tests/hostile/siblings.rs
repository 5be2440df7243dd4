//! Two sessions beside each other: neither sees the other's files, processes or sockets.

use serde_json::json;

use crate::paths::read;
use crate::siege::{Siege, interactive, printed, python, sh, timely};
use crate::support::native::{nap, sleeping};

pub async fn files_of_another_session(siege: &Siege) {
    let (one, other) = (siege.create().await, siege.create().await);
    let token = nap();
    let leave = format!("for d in /workspace /tmp /dev/shm; do echo {token} > $d/left-{token}; done");
    assert_eq!(siege.sh(&one, &leave).await.exit_code, 0);
    let look = format!(
        "ls -a /workspace /tmp /dev/shm; cat /workspace/left-{token} /tmp/left-{token} /dev/shm/left-{token}; \
         cat /proc/*/root/tmp/left-{token} /proc/*/cwd/left-{token}; find / -xdev -name 'left-{token}'"
    );
    let seen = siege.sh(&other, &look).await;
    assert!(!seen.stdout.contains(&token), "{}", seen.stdout);
    siege.refused(&other, read(&format!("left-{token}"))).await;
    for path in [format!("../{}/workspace/left-{token}", one.id), format!("/tmp/left-{token}")] {
        siege.refused(&other, read(&path)).await;
    }
    // It has kept them.
    let kept =
        siege.sh(&one, &format!("cat /workspace/left-{token} /tmp/left-{token} /dev/shm/left-{token}")).await;
    assert_eq!(kept.stdout, format!("{token}\n").repeat(3));
}

pub async fn processes_of_another_session(siege: &Siege) {
    let (one, other) = (siege.create().await, siege.create().await);
    let nap = nap();
    let script = format!("sleep {nap} & echo ready; read line; kill $! && echo \"still here $line\"");
    let mut running = siege.start(interactive(&one.id, sh(&script))).await;
    printed(&mut running, "ready\n").await;
    let pids = sleeping(&nap);
    assert!(!pids.is_empty());
    let facts = siege.facts(json!({ "nap": nap, "pids": pids }));
    siege.held_in_python(&other, include_str!("attacks/processes.py"), &facts).await;
    timely(siege.engine.input(&running.id, "yet\n".into(), true)).await.unwrap();
    let ended = timely(running.finished()).await.unwrap();
    assert_eq!(ended.process().map(|p| p.stdout.as_str()), Some("ready\nstill here yet\n"), "{ended:?}");
}

/// Listens in three ways, as its arguments say; ends with its input.
const LISTENS: &str = "
import socket, sys
tcp = socket.socket()
tcp.bind(('127.0.0.1', int(sys.argv[1])))
named = socket.socket(socket.AF_UNIX)
named.bind('\\0' + sys.argv[2])
local = socket.socket(socket.AF_UNIX)
local.bind('/tmp/' + sys.argv[2])
for one in (tcp, named, local):
    one.listen()
print(tcp.getsockname()[1], flush=True)
input()
for one in (tcp, named, local):
    one.setblocking(False)
    try:
        one.accept()
        print('somebody came')
    except BlockingIOError:
        pass
";

const CONNECTS: &str = "
import socket, sys
for family, address in ((socket.AF_INET, ('127.0.0.1', int(sys.argv[1]))), (socket.AF_UNIX, '\\0' + sys.argv[2]),
                        (socket.AF_UNIX, '/tmp/' + sys.argv[2])):
    try:
        with socket.socket(family) as one:
            one.settimeout(5)
            one.connect(address)
            print('reached', address)
    except OSError as error:
        print('held', file=sys.stderr)
";

pub async fn sockets_of_another_session(siege: &Siege) {
    let (one, other) = (siege.create().await, siege.create().await);
    let name = format!("codebeaker-{}", nap());
    let mut running = siege.start(interactive(&one.id, python(LISTENS, &["0", &name]))).await;
    let port = printed(&mut running, "\n").await.trim().to_owned();
    let tried = siege.run(&other, python(CONNECTS, &[&port, &name])).await;
    assert_eq!((tried.stdout.as_str(), tried.stderr.as_str()), ("", "held\nheld\nheld\n"), "{tried:?}");
    // The same port and names are free over there.
    let mut too = siege.start(interactive(&other.id, python(LISTENS, &[&port, &name]))).await;
    assert_eq!(printed(&mut too, "\n").await.trim(), port);
    for execution in [running, too] {
        timely(siege.engine.input(&execution.id, "\n".into(), true)).await.unwrap();
        let ended = timely(execution.finished()).await.unwrap();
        assert_eq!(ended.process().map(|p| p.exit_code), Some(0), "{ended:?}");
        assert!(!ended.process().unwrap().stdout.contains("somebody"), "{ended:?}");
    }
}
