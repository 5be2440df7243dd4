//! The terminal: taken over once, given back once, whatever ends the workbench.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::execute;
use crossterm::style::ResetColor;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::clipboard::{self, Clipboard, Wrapper};
use super::keyboard::Keyboard;
use super::run::Control;

/// How long the loop may take to end after a signal before the process ends without it.
const GRACE: Duration = Duration::from_secs(3);

/// How often is looked what became of a signal.
const GLANCE: Duration = Duration::from_millis(20);

/// How often the workbench stops again when it is continued behind the shell.
const MOST_STOPS: usize = 1000;

/// How long after a question its answer may come.
const ANSWER: Duration = Duration::from_secs(1);

/// The terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The mouse is left to the terminal.
static NO_MOUSE: AtomicBool = AtomicBool::new(false);
/// The terminal tells apart keys that look alike elsewhere, and is asked to.
static TELLS_KEYS: AtomicBool = AtomicBool::new(false);
/// Another program has it for a while.
static AWAY: AtomicBool = AtomicBool::new(false);
/// How it was when that program got it.
static GIVEN: Mutex<Option<Termios>> = Mutex::new(None);
/// What such a program may have left: a scroll region, other characters, no line wrap, keys that send something else.
const LEFT_BEHIND: &str = "\x1b[r\x1b(B\x0f\x1b[?7h\x1b[?1l\x1b>\x1b[4l\x1b[?1004l\x1b[<9u";
/// The thread that draws: a panic elsewhere doesn't end the workbench and must not touch the screen.
static DRAWER: OnceLock<ThreadId> = OnceLock::new();

/// Opens the terminal for drawing; a frame is written in one piece.
pub(super) fn open() -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout())))
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    // With the focus may come another background.
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
    if !NO_MOUSE.load(Ordering::SeqCst) {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    if TELLS_KEYS.load(Ordering::SeqCst) {
        let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
        execute!(io::stdout(), PushKeyboardEnhancementFlags(flags))?;
    }
    Ok(())
}

/// Gives the terminal back as it was. May be called by anybody, any number of times.
fn restore() {
    if AWAY.load(Ordering::SeqCst) {
        // In the background the shell has it again, and to touch it would stop us.
        if in_front() {
            let _ = reclaim();
        }
        return;
    }
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing better can be done about a terminal that refuses.
    let mut out = io::stdout();
    // They belong to the screen that is left.
    if TELLS_KEYS.load(Ordering::SeqCst) {
        let _ = execute!(out, PopKeyboardEnhancementFlags);
    }
    let _ = execute!(
        out,
        DisableFocusChange,
        DisableMouseCapture,
        DisableBracketedPaste,
        ResetColor,
        LeaveAlternateScreen,
        Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Takes the terminal from another program as it was before, however that program has left it.
fn reclaim() -> io::Result<()> {
    AWAY.store(false, Ordering::SeqCst);
    let given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(given) = given {
        // One that crashed may have left it in any state, which must not become what we restore.
        tcsetattr(io::stdin(), OptionalActions::Now, &given)?;
    }
    let mut out = io::stdout();
    out.write_all(LEFT_BEHIND.as_bytes())?;
    execute!(out, DisableMouseCapture, DisableBracketedPaste, ResetColor, LeaveAlternateScreen, Show)
}

/// Holds the terminal, and gives it back when dropped, at a panic of the drawing thread, and at a signal.
#[derive(Debug)]
pub(super) struct TerminalGuard {
    stopped: CancellationToken,
    signal: Arc<AtomicI32>,
    watcher: AbortHandle,
    /// When the terminal was asked something last.
    asked: Option<Instant>,
    keyboard: Keyboard,
}

impl TerminalGuard {
    /// Takes the terminal, and the mouse or not. To be called within tokio, on the thread that draws.
    pub(super) fn enter(tells_keys: bool, mouse: bool) -> io::Result<Self> {
        watch_panics();
        TELLS_KEYS.store(tells_keys, Ordering::SeqCst);
        let stopped = CancellationToken::new();
        let number = Arc::new(AtomicI32::new(0));
        // Before the terminal is taken, so that no signal finds it taken and nobody listening.
        let watcher = watch_signals(stopped.clone(), Arc::clone(&number))?;
        NO_MOUSE.store(!mouse, Ordering::SeqCst);
        let keyboard = Keyboard::new()?;
        let guard = Self { stopped, signal: number, watcher, asked: None, keyboard };
        take()?;
        guard.keyboard.start()?;
        Ok(guard)
    }

    pub(super) fn keyboard(&self) -> Keyboard {
        self.keyboard.clone()
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        self.watcher.abort();
        self.keyboard.stop();
        // An answer that comes now would be typed into the shell.
        if self.asked.is_some_and(|asked| asked.elapsed() < ANSWER) {
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
        restore();
    }
}

impl Control for TerminalGuard {
    fn suspend(&mut self) -> io::Result<()> {
        restore();
        for _ in 0..MOST_STOPS {
            // Stops here, with the whole job of the shell, until it is continued.
            rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
            if in_front() {
                break;
            }
            // Continued behind the shell: to end there, or to stop again. Taking the terminal would stop it for good.
            for _ in 0..10 {
                std::thread::sleep(GLANCE);
                if self.stopped.is_cancelled() {
                    return Ok(());
                }
            }
        }
        take()?;
        // It may have changed meanwhile, of which only who is in front is told.
        self.keyboard.tell_size();
        Ok(())
    }

    fn ask_background(&mut self) -> io::Result<()> {
        self.asked = Some(Instant::now());
        let mut out = io::stdout();
        out.write_all(b"\x1b]11;?\x1b\\")?;
        out.flush()
    }

    fn give(&mut self) -> io::Result<()> {
        self.keyboard.stop();
        restore();
        *GIVEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(tcgetattr(io::stdin())?);
        AWAY.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn take(&mut self) -> io::Result<()> {
        reclaim()?;
        take()?;
        self.keyboard.start()?;
        self.keyboard.tell_size();
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(clipboard::sequence(text, Wrapper::from_env()).as_bytes())?;
        out.flush()
    }

    fn clipboard(&self) -> Clipboard {
        Clipboard::from_env()
    }

    fn clock(&self) -> Option<fn() -> Duration> {
        Some(time_of_day)
    }

    fn capture_mouse(&mut self, on: bool) -> io::Result<()> {
        NO_MOUSE.store(!on, Ordering::SeqCst);
        match on {
            true => execute!(io::stdout(), EnableMouseCapture),
            false => execute!(io::stdout(), DisableMouseCapture),
        }
    }

    fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }

    fn signal(&self) -> i32 {
        self.signal.load(Ordering::SeqCst)
    }
}

/// What the clock says where we are, since midnight.
fn time_of_day() -> Duration {
    let time = jiff::Zoned::now().time();
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Duration::from_secs(seconds.unsigned_abs())
}

/// The terminal's keys are this job's, or no job's.
fn in_front() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).map_or(true, |front| front == rustix::process::getpgrp())
}

/// A panic that ends the workbench is told on the shell's screen; any other goes to the log.
fn watch_panics() {
    static ONCE: Once = Once::new();
    let _ = DRAWER.set(std::thread::current().id());
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let drawing = DRAWER.get() == Some(&std::thread::current().id());
            if TAKEN.load(Ordering::SeqCst) && (!drawing || super::screen::catches()) {
                tracing::error!("a task panicked: {info}");
                return;
            }
            restore();
            before(info);
        }));
    });
}

fn watch_signals(stopped: CancellationToken, number: Arc<AtomicI32>) -> io::Result<AbortHandle> {
    let mut term = signal(SignalKind::terminate())?;
    let mut hup = signal(SignalKind::hangup())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let task = tokio::spawn(async move {
        let caught = loop {
            let caught = tokio::select! {
                _ = term.recv() => SignalKind::terminate(),
                _ = hup.recv() => SignalKind::hangup(),
                _ = int.recv() => SignalKind::interrupt(),
                _ = quit.recv() => SignalKind::quit(),
            };
            // Ctrl-C and Ctrl-\ are for the program that has the terminal.
            let of_keys = [SignalKind::interrupt(), SignalKind::quit()].contains(&caught);
            if !of_keys || !AWAY.load(Ordering::SeqCst) {
                break caught;
            }
        };
        let caught = caught.as_raw_value();
        number.store(caught, Ordering::SeqCst);
        stopped.cancel();
        tokio::time::sleep(GRACE).await;
        // The loop hangs, perhaps in a terminal that takes nothing: end without it, and without waiting for that.
        std::thread::spawn(restore);
        tokio::time::sleep(GLANCE * 10).await;
        let _ = disable_raw_mode();
        std::process::exit(128 + caught);
    });
    Ok(task.abort_handle())
}
