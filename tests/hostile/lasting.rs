//! Programs that want to last: loops, deafness to signals, daemons, holders of pipes. When the result is given, nothing
//! of them is left.

use codebeaker::protocol::{Command, Execute, ExecuteCode, ExecuteResult, Language};
use serde_json::json;

use crate::siege::{Inside, Siege, gone, interactive, limited, printed, python, sh, timely};
use crate::support::native::{nap, sleeping};

/// Runs a command that must be ended by its time limit of so many milliseconds.
async fn timed_out(siege: &Siege, inside: &Inside, command: Command, ms: u64) -> ExecuteResult {
    let execution = siege.start(limited(inside, command, ms)).await;
    let result = timely(execution.finished()).await.unwrap();
    let ended = result.process().unwrap_or_else(|| panic!("{result:?}"));
    assert_eq!((ended.exit_code, ended.timed_out), (124, true), "{result:?}");
    let limit = ended.limit.as_ref().unwrap();
    assert_eq!((limit.name.as_str(), limit.value.clone()), ("time", format!("{ms} ms")));
    assert!(result.error.as_ref().unwrap().contains(&limit.value), "{result:?}");
    assert_eq!(siege.engine.stats(&inside.id).await.unwrap().processes, Some(0));
    result
}

pub async fn endless_loops(siege: &Siege) {
    let inside = siege.create().await;
    let spin = if siege.kind.language() == Language::Python { "while True: pass" } else { "while (true) {}" };
    let spin = || Command::ExecuteCode(ExecuteCode { code: spin.into(), ..ExecuteCode::default() });
    timed_out(siege, &inside, spin(), 600).await;
    timed_out(siege, &inside, sh("while :; do :; done & while :; do :; done"), 300).await;
    // A limit of processor time, which is told as such.
    let bounded = siege.create_limited(json!({ "cpuSeconds": 1 })).await;
    let result = siege.execute(&bounded, spin()).await;
    let limit = result.process().and_then(|p| p.limit.clone()).unwrap_or_else(|| panic!("{result:?}"));
    assert_eq!(limit.name, "cpu");
    siege.hello(&bounded).await;
}

pub async fn deaf_to_signals(siege: &Siege) {
    let inside = siege.create().await;
    let nap = nap();
    let deaf = format!("trap '' INT TERM HUP QUIT PIPE; setsid sleep {nap} & while :; do sleep {nap}; done");
    timed_out(siege, &inside, sh(&deaf), 400).await;
    gone(&nap);
    let all = format!(
        "import signal, time\nfor s in set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}}:\n    signal.signal(s, signal.SIG_IGN)\nnap = '{nap}'\nwhile True:\n    time.sleep(1000)"
    );
    timed_out(siege, &inside, python(&all, &[]), 400).await;
    gone(&nap);
}

pub async fn stopped_by_itself(siege: &Siege) {
    let inside = siege.create().await;
    let nap = nap();
    timed_out(siege, &inside, sh(&format!("sleep {nap} & kill -STOP $! $$; sleep {nap}")), 400).await;
    gone(&nap);
    // And in a group, as a shell would.
    let group = format!("setsid sh -c 'sleep {nap} & kill -TSTP 0; kill -STOP 0' & wait; sleep {nap}");
    timed_out(siege, &inside, sh(&group), 400).await;
    gone(&nap);
}

pub async fn odd_time_limits(siege: &Siege) {
    let inside = siege.create().await;
    timed_out(siege, &inside, sh("sleep 1000"), 1).await;
    // None is asked for, or one that never comes.
    for ms in [0, u64::MAX, u64::MAX / 1000, i64::MAX as u64, 1 << 53] {
        let execution = siege.start(limited(&inside, sh("echo in time"), ms)).await;
        let result = timely(execution.finished()).await.unwrap();
        assert_eq!(result.process().map(|p| p.stdout.as_str()), Some("in time\n"), "{ms}: {result:?}");
    }
    // Nobody raises what his session was given.
    let bounded = siege.create_limited(json!({ "timeoutMs": 300 })).await;
    for ms in [0, 60_000, u64::MAX] {
        let execution = siege.start(limited(&bounded, sh("sleep 1000"), ms)).await;
        let result = timely(execution.finished()).await.unwrap();
        let limit = result.process().and_then(|p| p.limit.clone()).unwrap_or_else(|| panic!("{result:?}"));
        assert_eq!((limit.name.as_str(), limit.value.as_str()), ("time", "300 ms"), "asked for {ms}");
    }
    siege.close(&bounded).await;
}

pub async fn daemons(siege: &Siege) {
    let inside = siege.create().await;
    let nap = nap();
    // A double fork, a session of its own, no descriptors, deaf: and again by the shell.
    let daemon = format!(
        "import os, signal\nreading, writing = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    for s in (1, 2, 3, 15):\n        signal.signal(s, signal.SIG_IGN)\n\
         \x20   if os.fork() == 0:\n        os.chdir('/')\n        for n in range(3):\n            os.close(n)\n        os.set_inheritable(writing, False)\n        os.execvp('sleep', ['sleep', '{nap}'])\n    os._exit(0)\n\
         os.close(writing)\nos.read(reading, 1)\nprint('started')"
    );
    assert_eq!(siege.python(&inside, &daemon).await, "started\n");
    gone(&nap);
    let shell = format!(
        "(setsid nohup sh -c 'trap \"\" TERM HUP; sleep {nap}; sleep {nap}' >/dev/null 2>&1 </dev/null &); echo started"
    );
    for _ in 0..5 {
        assert_eq!(siege.sh(&inside, &shell).await.stdout, "started\n");
        gone(&nap);
    }
    // One that forks faster than it is looked for, for a while.
    let hare = format!(
        "import os, time\nprint('started', flush=True)\nif os.fork():\n    os._exit(0)\nos.setsid()\nend = time.monotonic() + 10\nnap = '{nap}'\nwhile time.monotonic() < end:\n    if os.fork():\n        os._exit(0)"
    );
    assert_eq!(siege.python(&inside, &hare).await, "started\n");
    gone(&nap);
    assert_eq!(siege.engine.stats(&inside.id).await.unwrap().processes, Some(0));
}

/// It is not waited for: it would take a quarter of an hour.
pub async fn holders_of_the_pipe(siege: &Siege) {
    let inside = siege.create().await;
    let nap = nap();
    for script in [
        format!("sleep {nap} & echo done"),
        format!("setsid sleep {nap} & echo done"),
        format!("(sleep {nap} | sleep {nap}) & echo done"),
        format!("(trap '' TERM; yes >&2 & sleep {nap}) & echo done"),
    ] {
        let ended = siege.sh(&inside, &script).await;
        assert_eq!((ended.stdout.as_str(), ended.exit_code), ("done\n", 0), "{script}");
        gone(&nap);
    }
}

pub async fn zombies(siege: &Siege) {
    let inside = siege.create().await;
    let leave = "import os\nfor n in range(20):\n    if os.fork() == 0:\n        if os.fork() == 0:\n            os._exit(0)\n        os._exit(0)\nprint('left')";
    // Ten times 20 would not fit, were they kept.
    for _ in 0..10 {
        assert_eq!(siege.python(&inside, leave).await, "left\n");
        assert_eq!(siege.engine.stats(&inside.id).await.unwrap().processes, Some(0));
    }
}

pub async fn closed_while_it_runs(siege: &Siege) {
    let nap = nap();
    let last = format!(
        "trap '' INT TERM HUP; setsid sleep {nap} & sleep {nap} & echo ready; while :; do sleep {nap}; done"
    );
    let inside = siege.create().await;
    let mut running = siege.start(interactive(&inside.id, sh(&last))).await;
    printed(&mut running, "ready\n").await;
    let queued = siege.start(Execute::new(inside.id.clone(), sh("true"))).await;
    siege.close(&inside).await;
    gone(&nap);
    for execution in [running, queued] {
        let result = timely(execution.finished()).await.unwrap();
        assert!(!result.success && result.error.is_some_and(|e| e.contains("closed")));
    }
}

pub async fn dropped_while_it_runs(siege: &Siege) {
    let nap = nap();
    let last = format!(
        "trap '' INT TERM HUP; setsid sleep {nap} & sleep {nap} & echo ready; while :; do echo more; sleep 0.01; done"
    );
    let inside = siege.create().await;
    let mut running = siege.start(interactive(&inside.id, sh(&last))).await;
    printed(&mut running, "ready\n").await;
    drop(running);
    // It goes on unheard, beside others, until the session is closed.
    let other = Execute { concurrent: true, ..Execute::new(inside.id.clone(), sh("echo other")) };
    let result = timely(siege.start(other).await.finished()).await.unwrap();
    assert_eq!(result.process().map(|p| p.stdout.as_str()), Some("other\n"));
    assert!(!sleeping(&nap).is_empty());
    siege.close(&inside).await;
    gone(&nap);
}
