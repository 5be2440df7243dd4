//! A panic of the drawing thread in a real terminal: the terminal is given back, and the panic can be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod tui_support;

use std::time::Duration;

use codebeaker::tui;
use tokio::io::AsyncReadExt;

/// Set in the process that this test starts: this test's own binary, once more, in a terminal.
const IN_TERMINAL: &str = "CODEBEAKER_TEST_IN_TERMINAL";

#[test]
fn the_part_in_the_terminal() {
    if std::env::var_os(IN_TERMINAL).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let engine = tui_support::Scripted::new(&[]);
    engine.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    let _ = runtime.block_on(tui::run(tui_support::options(), engine));
}

#[tokio::test]
async fn a_panic_gives_the_terminal_back() {
    let (pty, pts) = pty_process::open().unwrap();
    pty.resize(pty_process::Size::new(24, 80)).unwrap();
    let mut child = pty_process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_part_in_the_terminal", "--nocapture", "--test-threads=1"])
        .env(IN_TERMINAL, "1")
        .env("TERM", "xterm-256color")
        .env("RUST_BACKTRACE", "0")
        .kill_on_drop(true)
        .spawn(pts)
        .unwrap();
    let (mut read, _write) = pty.into_split();
    let size = std::num::NonZero::new(24).zip(std::num::NonZero::new(80)).unwrap();
    let mut screen = vt100::Parser::new(size.0, size.1, 0);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_secs(60), read.read(&mut buffer)).await
        && n > 0
    {
        screen.process(&buffer[..n]);
        bytes.extend_from_slice(&buffer[..n]);
    }
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap().unwrap();
    let shown = screen.screen();
    let taken = bytes.windows(8).any(|window| window == b"\x1b[?1049h");
    assert!(taken, "the workbench never took the terminal:\n{}", shown.contents());
    assert!(!status.success());
    assert!(!shown.alternate_screen() && !shown.hide_cursor() && !shown.bracketed_paste());
    assert_eq!(shown.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(shown.contents().contains("a fault on purpose"), "{}", shown.contents());
}
