//! The command line on original servers.

use std::path::Path;

use tempfile::TempDir;

use crate::support::home::codebeaker;
use crate::support::original::{Era, Kind, StandIn};

/// Runs a file there; its exit code, what it wrote, and what was said.
async fn run(server: &StandIn, file: &Path, input: &'static [u8]) -> (Option<i32>, String, String) {
    let home = TempDir::new().unwrap();
    let command = codebeaker(&home, &["run", file.to_str().unwrap(), "--attach", &server.address]);
    let output = tokio::task::spawn_blocking(move || crate::support::daemon::fed(command, input));
    let output = crate::timely(output).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_run_there_and_nothing_is_left() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("hello.js");
    std::fs::write(&file, "console.log('hello there'); process.exit(3)").unwrap();
    for (era, kind) in [(Era::B, Kind::Bun), (Era::D, Kind::Bun), (Era::E, Kind::Node)] {
        let server = StandIn::start(era, kind).await;
        let (code, out, said) = run(&server, &file, b"").await;
        assert_eq!((code, out.as_str()), (Some(3), "hello there\n"), "{era:?}: {said}");
        assert_eq!(server.sessions(), Vec::<String>::new(), "{era:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_can_not_be_passed_is_told() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("slow.js");
    // Long enough for the input to be refused while it runs; the end does not depend on it.
    std::fs::write(&file, "setTimeout(() => console.log('done'), 500)").unwrap();
    let server = StandIn::start(Era::D, Kind::Bun).await;
    let (code, out, said) = run(&server, &file, b"a line\n").await;
    assert_eq!((code, out.as_str()), (Some(0), "done\n"), "{said}");
    assert!(said.contains("can't pass input to a running program"), "{said}");
    assert_eq!(server.sessions(), Vec::<String>::new());
}
