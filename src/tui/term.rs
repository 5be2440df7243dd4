//! The terminal: taken over once, given back once, whatever ends the workbench.

use std::cell::RefCell;
use std::io::{self, BufWriter, Stdout, Write as _};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::thread::ThreadId;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, EventStream,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::execute;
use crossterm::style::ResetColor;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use futures_util::Stream;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::run::Control;

/// How long the loop may take to end after a signal before the process ends without it.
const GRACE: Duration = Duration::from_secs(3);

/// The terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The mouse is left to the terminal.
static NO_MOUSE: AtomicBool = AtomicBool::new(false);
/// The terminal tells apart keys that look alike elsewhere, and is asked to.
static TELLS_KEYS: AtomicBool = AtomicBool::new(false);
/// Another program has it for a while.
static AWAY: AtomicBool = AtomicBool::new(false);
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
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
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
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing better can be done about a terminal that refuses.
    let mut out = io::stdout();
    // They belong to the screen that is left.
    if TELLS_KEYS.load(Ordering::SeqCst) {
        let _ = execute!(out, PopKeyboardEnhancementFlags);
    }
    let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste, ResetColor, LeaveAlternateScreen, Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// What is typed, for as long as the terminal is ours: while another program has it, nobody here reads its keys.
#[derive(Clone, Debug)]
pub(super) struct Keyboard(Rc<RefCell<Option<EventStream>>>);

impl Stream for Keyboard {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_next(context),
            // Not polled then: the loop waits for the other program.
            None => Poll::Pending,
        }
    }
}

/// Holds the terminal, and gives it back when dropped, at a panic of the drawing thread, and at a signal.
#[derive(Debug)]
pub(super) struct TerminalGuard {
    stopped: CancellationToken,
    signal: Arc<AtomicI32>,
    watcher: AbortHandle,
    keyboard: Keyboard,
    /// How the terminal was when another program got it.
    given: Option<Termios>,
}

impl TerminalGuard {
    /// Takes the terminal. To be called within tokio, on the thread that draws.
    pub(super) fn enter(tells_keys: bool) -> io::Result<Self> {
        watch_panics();
        TELLS_KEYS.store(tells_keys, Ordering::SeqCst);
        let stopped = CancellationToken::new();
        let number = Arc::new(AtomicI32::new(0));
        // Before the terminal is taken, so that no signal finds it taken and nobody listening.
        let watcher = watch_signals(stopped.clone(), Arc::clone(&number))?;
        let keyboard = Keyboard(Rc::new(RefCell::new(None)));
        let guard = Self { stopped, signal: number, watcher, keyboard, given: None };
        take()?;
        guard.keyboard.0.replace(Some(EventStream::new()));
        Ok(guard)
    }

    pub(super) fn keyboard(&self) -> Keyboard {
        self.keyboard.clone()
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        self.watcher.abort();
        restore();
    }
}

impl Control for TerminalGuard {
    fn suspend(&mut self) -> io::Result<()> {
        restore();
        // Stops here, with the whole job of the shell, until it is continued.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        take()
    }

    fn give(&mut self) -> io::Result<()> {
        // Dropped, not only left alone: it reads in a thread of its own.
        self.keyboard.0.replace(None);
        restore();
        self.given = Some(tcgetattr(io::stdin())?);
        AWAY.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn take(&mut self) -> io::Result<()> {
        AWAY.store(false, Ordering::SeqCst);
        if let Some(given) = self.given.take() {
            // A program that crashed may have left it in any state, which must not become what we restore.
            tcsetattr(io::stdin(), OptionalActions::Now, &given)?;
        }
        let mut out = io::stdout();
        out.write_all(LEFT_BEHIND.as_bytes())?;
        execute!(out, DisableMouseCapture, DisableBracketedPaste, ResetColor, LeaveAlternateScreen, Show)?;
        take()?;
        self.keyboard.0.replace(Some(EventStream::new()));
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
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

/// A panic that ends the workbench is told on the shell's screen; any other goes to the log.
fn watch_panics() {
    static ONCE: Once = Once::new();
    let _ = DRAWER.set(std::thread::current().id());
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let drawing = DRAWER.get() == Some(&std::thread::current().id());
            if TAKEN.load(Ordering::SeqCst) && !drawing {
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
    let task = tokio::spawn(async move {
        let caught = loop {
            let caught = tokio::select! {
                _ = term.recv() => SignalKind::terminate(),
                _ = hup.recv() => SignalKind::hangup(),
                _ = int.recv() => SignalKind::interrupt(),
            };
            // Ctrl-C is for the program that has the terminal.
            if caught != SignalKind::interrupt() || !AWAY.load(Ordering::SeqCst) {
                break caught;
            }
        };
        let caught = caught.as_raw_value();
        number.store(caught, Ordering::SeqCst);
        stopped.cancel();
        tokio::time::sleep(GRACE).await;
        // The loop hangs, perhaps in a terminal that takes nothing: end without it.
        restore();
        std::process::exit(128 + caught);
    });
    Ok(task.abort_handle())
}
