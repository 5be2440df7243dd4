//! Output: too much, without lines, without text, without end.

use codebeaker::protocol::{Execute, ProcessResult};

use crate::siege::{Siege, limited, sh, timely};

/// Bytes of each stream that are kept.
const KEPT: usize = 1 << 20;

fn bounded(ended: &ProcessResult) {
    assert!(ended.stdout.len() <= 3 * KEPT && ended.stderr.len() <= 3 * KEPT);
    assert!(ended.stdout_base64.as_ref().is_none_or(|b| b.len() <= KEPT / 3 * 4 + 8));
    assert!(ended.truncated);
}

pub async fn floods_on_both_streams(siege: &Siege) {
    let inside = siege.create().await;
    let flood = "yes out | head -c 30000000 & yes err | head -c 30000000 >&2; wait; exit 3";
    let ended = siege.sh(&inside, flood).await;
    bounded(&ended);
    assert_eq!(ended.exit_code, 3);
    assert!(ended.stdout.starts_with("out\n") && ended.stderr.starts_with("err\n"));
    assert!(ended.stdout.len() > KEPT - 8 && ended.stderr.len() > KEPT - 8);
    // Byte by byte.
    let drops = "import os\nfor n in range(200000):\n    os.write(1 + n % 2, b'x')";
    assert_eq!(siege.python(&inside, drops).await.len(), 100_000);
}

pub async fn without_a_line_end(siege: &Siege) {
    let inside = siege.create().await;
    let ended = siege.sh(&inside, "head -c 9000000 /dev/zero | tr '\\0' x").await;
    bounded(&ended);
    assert!(ended.exit_code == 0 && !ended.stdout.contains('\n'));
}

pub async fn bytes_that_are_no_text(siege: &Siege) {
    let inside = siege.create().await;
    let noise = "head -c 3000000 /dev/urandom; head -c 3000000 /dev/urandom >&2; printf '\\355\\240\\200\\300\\200\\377' >&2";
    let ended = siege.sh(&inside, noise).await;
    bounded(&ended);
    assert_eq!(ended.exit_code, 0);
    serde_json::to_string(&ended).unwrap();
    let ended = siege.sh(&inside, "printf 'a\\000b\\033[2J\\377\\303'").await;
    assert_eq!(ended.stdout, "a\0b\u{1b}[2J\u{fffd}\u{fffd}");
}

pub async fn without_end(siege: &Siege) {
    let inside = siege.create().await;
    for flood in
        ["yes", "yes >&2", "cat /dev/zero", "trap '' PIPE TERM; while :; do echo x; echo y >&2; done"]
    {
        let execution = siege.start(limited(&inside, sh(flood), 600)).await;
        let result = timely(execution.finished()).await.unwrap();
        let ended = result.process().unwrap_or_else(|| panic!("{flood}: {result:?}"));
        assert_eq!((ended.exit_code, ended.timed_out), (124, true), "{flood}");
        let limit = ended.limit.as_ref().unwrap_or_else(|| panic!("{flood}: no limit is told"));
        assert_eq!((limit.name.as_str(), limit.value.as_str()), ("time", "600 ms"));
        assert!(result.error.as_ref().unwrap().contains("600 ms"));
        assert!(ended.stdout.len() <= KEPT && ended.stderr.len() <= KEPT);
    }
}

pub async fn that_nobody_takes(siege: &Siege) {
    let inside = siege.create().await;
    let flood = || Execute { stream: true, concurrent: true, ..limited(&inside, sh("yes"), 3000) };
    let untaken = siege.start(flood()).await;
    drop(siege.start(flood()).await);
    // The session has not stopped for it.
    let other = Execute { concurrent: true, ..Execute::new(inside.id.clone(), sh("echo other")) };
    let result = timely(siege.start(other).await.finished()).await.unwrap();
    assert_eq!(result.process().unwrap().stdout, "other\n");
    // Its time is up whether or not anybody takes what it says.
    let result = timely(untaken.finished()).await.unwrap();
    assert!(result.process().unwrap().timed_out, "{result:?}");
}
