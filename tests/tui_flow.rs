//! The real loop with fed keys, on a test terminal that counts frames, over an engine that does as it is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own machinery")]

#[path = "tui_flow/bench.rs"]
mod bench;
#[path = "tui_flow/files.rs"]
mod files;
#[path = "tui_flow/race.rs"]
mod race;
#[path = "tui_flow/remembered.rs"]
mod remembered;
#[path = "tui_flow/remote.rs"]
mod remote;
mod tui_support;

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codebeaker::engine::Engine;
use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{Control, Exit, Options, drive};
use crossterm::event::{Event, KeyCode};
use futures_util::stream;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tui_support::{Scripted, ctrl, key, options, typed};

/// A test backend that counts frames and shows each to whoever waits for something to appear.
struct Watched {
    inner: TestBackend,
    frames: Arc<AtomicUsize>,
    screen: watch::Sender<String>,
}

impl Backend for Watched {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Infallible> {
        self.inner.draw(content)
    }
    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.hide_cursor()
    }
    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.show_cursor()
    }
    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.inner.get_cursor_position()
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.inner.set_cursor_position(position)
    }
    fn clear(&mut self) -> Result<(), Infallible> {
        self.inner.clear()
    }
    fn clear_region(&mut self, region: ClearType) -> Result<(), Infallible> {
        self.inner.clear_region(region)
    }
    fn size(&self) -> Result<Size, Infallible> {
        self.inner.size()
    }
    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.inner.window_size()
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        self.frames.fetch_add(1, Ordering::SeqCst);
        let buffer = self.inner.buffer();
        let lines = buffer.content.chunks(buffer.area.width.max(1).into());
        let text: Vec<String> = lines.map(|line| line.iter().map(Cell::symbol).collect()).collect();
        self.screen.send_replace(text.join("\n"));
        self.inner.flush()
    }
}

/// What the loop asked of the terminal: how often to suspend, and what to copy.
#[derive(Default)]
struct Asked {
    suspended: usize,
    copied: Vec<String>,
}

struct Still(CancellationToken, Arc<Mutex<Asked>>);

impl Control for Still {
    fn suspend(&mut self) -> io::Result<()> {
        self.1.lock().unwrap().suspended += 1;
        Ok(())
    }
    fn give(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn take(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.1.lock().unwrap().copied.push(text.to_owned());
        Ok(())
    }
    fn capture_mouse(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn stopped(&self) -> CancellationToken {
        self.0.clone()
    }
    fn signal(&self) -> i32 {
        15
    }
}

/// The person at the keyboard.
struct Person {
    keys: mpsc::UnboundedSender<Event>,
    screen: watch::Receiver<String>,
    frames: Arc<AtomicUsize>,
    stop: CancellationToken,
    asked: Arc<Mutex<Asked>>,
    end: tokio::task::JoinHandle<Exit>,
}

impl Person {
    fn open(engine: Arc<Scripted>, options: Options) -> Self {
        let (keys, mut pressed) = mpsc::unbounded_channel();
        let (shown, screen) = watch::channel(String::new());
        let frames = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let asked = Arc::new(Mutex::new(Asked::default()));
        let backend =
            Watched { inner: TestBackend::new(100, 30), frames: Arc::clone(&frames), screen: shown };
        let mut control = Still(stop.clone(), Arc::clone(&asked));
        let end = tokio::task::spawn_local(async move {
            let mut terminal = Terminal::new(backend).unwrap();
            let events = stream::poll_fn(move |cx| pressed.poll_recv(cx).map(|event| event.map(Ok)));
            drive(&mut terminal, events, engine as Arc<dyn Engine>, options, &mut control).await.unwrap()
        });
        Self { keys, screen, frames, stop, asked, end }
    }

    fn press(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.keys.send(event).unwrap();
        }
    }

    /// Waits until the screen shows a text.
    async fn sees(&mut self, text: &str) {
        let found = self.screen.wait_for(|screen| screen.contains(text));
        if tokio::time::timeout(Duration::from_secs(600), found).await.is_err() {
            panic!("{text:?} never appeared on\n{}", *self.screen.borrow());
        }
    }

    /// Waits until a second passes without a frame (colours come in those after the first), and counts them all.
    async fn rests(&self) -> usize {
        loop {
            let before = self.frames.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.frames.load(Ordering::SeqCst) == before {
                return before;
            }
        }
    }

    /// Reads a question that came by itself: what is typed at once is no answer to it.
    async fn reads(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn leaves(self) -> Exit {
        // The second answers the question, where there is one.
        self.press([ctrl('q'), ctrl('q')]);
        tokio::time::timeout(Duration::from_secs(600), self.end).await.unwrap().unwrap()
    }
}

/// Runs a story on one thread with a clock that skips what nobody waits for.
fn story<F: Future<Output = ()>>(tell: impl FnOnce() -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, tell());
}

fn bun() -> Arc<Scripted> {
    Scripted::new(&[RuntimeType::Bun])
}

#[test]
fn code_is_typed_run_and_read() {
    story(|| async {
        let engine = bun();
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        person.press([
            key(KeyCode::Esc),
            key(KeyCode::Char('a')),
            key(KeyCode::Char('i')),
            key(KeyCode::Backspace),
        ]);
        person.press(typed("let x = 1"));
        person.sees("let x = 1").await;
        person.press([key(KeyCode::F(5))]);
        person.sees("ran: let x = 1").await;
        person.sees("✓ ok  exit 0   wall 12 ms   cpu 10 ms   peak 41 MB").await;
        person.press([key(KeyCode::F(5))]);
        person.sees("run 2  ts  bun 1.2.0  warm session").await;
        assert_eq!(engine.count("create typescript"), 1);
        assert_eq!(person.leaves().await, Exit::Quit);
    });
}

#[test]
fn nothing_is_drawn_at_rest() {
    story(|| async {
        let person = {
            let mut person = Person::open(bun(), options());
            person.sees("bun ✓ ok").await;
            person
        };
        let before = person.rests().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(person.frames.load(Ordering::SeqCst), before);
        assert_eq!(person.leaves().await, Exit::Quit);
    });
}

#[test]
fn figures_are_asked_for_but_drawn_only_when_they_change() {
    story(|| async {
        let engine = bun();
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(engine.count("stats"), 0, "there is no session to ask about");
        person.press([key(KeyCode::F(5))]);
        person.sees("exit 0").await;
        // They stand in the top line too; on a screen without it nobody looks at them.
        person.sees("1.0 MB").await;
        person.press([key(KeyCode::F(3))]);
        person.sees("Runtimes").await;
        // What was on its way when the screen changed.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = engine.count("stats");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(engine.count("stats"), asked, "nobody looks at them here");
        person.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('5'))]);
        person.sees("> 5 Stats").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (frames, asked) = (person.frames.load(Ordering::SeqCst), engine.count("stats"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(person.frames.load(Ordering::SeqCst), frames);
        let more = engine.count("stats") - asked;
        assert!((4..=6).contains(&more), "asked {more} times in 5 s");
        person.leaves().await;
    });
}

#[test]
fn ctrl_c_interrupts_and_then_kills() {
    story(|| async {
        let engine = bun();
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        person.press([ctrl('c')]);
        person.sees("nothing runs").await;
        person.press(typed("// stubborn hang\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("waiting").await;
        person.press([ctrl('c')]);
        person.sees("got INT").await;
        // Long after the first, a second press only asks again.
        tokio::time::sleep(Duration::from_secs(10)).await;
        person.press([ctrl('c')]);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!engine.was_asked("signal KILL"));
        person.press([ctrl('c')]);
        person.sees("exit 137").await;
        person.leaves().await;
    });
}

#[test]
fn a_program_reads_what_is_typed() {
    story(|| async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press(typed("// echo\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("● running").await;
        person.press([key(KeyCode::F(6)), key(KeyCode::Enter)]);
        person.press(typed("hello\n"));
        person.sees("you said hello").await;
        person.leaves().await;
    });
}

#[test]
fn the_first_run_fetches_only_on_enter() {
    story(|| async {
        let engine = Scripted::new(&[]);
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("can be fetched").await;
        assert!(!engine.was_asked("provision deno"));
        person.press([key(KeyCode::Enter)]);
        person.sees("deno 2.1.0 is ready").await;
        assert!(engine.was_asked("provision deno"));
        person.press([key(KeyCode::F(5))]);
        person.sees("exit 0").await;
        person.leaves().await;
    });
}

#[test]
fn a_session_is_made_by_hand_and_closed() {
    story(|| async {
        let engine = bun();
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("sn"));
        person.sees("best total").await;
        person.press([key(KeyCode::Right), key(KeyCode::Enter)]);
        person.sees("session on bun ready").await;
        assert!(engine.was_asked("create javascript"));
        person.press(typed("1x"));
        person.sees("no session yet").await;
        assert!(engine.was_asked("close s1"));
        person.leaves().await;
    });
}

#[test]
fn a_flood_is_bounded_and_keys_come_first() {
    story(|| async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press(typed("// flood\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("line 19999").await;
        person.sees("exit 0").await;
        let frames = person.frames.load(Ordering::SeqCst);
        assert!(frames < 2000, "{frames} frames for 20,000 lines");
        // What is gone is told where it was.
        person.press([key(KeyCode::F(6)), key(KeyCode::Home)]);
        person.sees("10,000 lines").await;
        person.sees("before this are not kept").await;
        person.leaves().await;
    });
}

#[test]
fn a_file_is_opened_changed_and_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello.py");
    std::fs::write(&path, "print('hi')\n").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let options = Options { file: Some(path.clone()), ..options() };
        let mut person = Person::open(Scripted::new(&[RuntimeType::NativeProcess]), options);
        person.sees("print('hi')").await;
        person.press(typed("# new\n"));
        person.sees("hello.py *").await;
        person.press([ctrl('q')]);
        person.sees("not saved").await;
        person.press([key(KeyCode::Esc), key(KeyCode::F(4))]);
        person.sees("hello.py is saved").await;
        assert_eq!(person.leaves().await, Exit::Quit);
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# new\nprint('hi')\n");
}

#[test]
fn a_file_that_something_else_changed_is_replaced_only_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello.py");
    std::fs::write(&path, "\u{feff}print('hi')\r\n").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let options = Options { file: Some(path.clone()), ..options() };
        let mut person = Person::open(Scripted::new(&[RuntimeType::NativeProcess]), options);
        person.sees("print('hi')").await;
        std::fs::write(&path, "somebody else's").unwrap();
        person.press(typed("# new\n"));
        person.press([key(KeyCode::F(4))]);
        person.sees("was changed by something else").await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
        person.press([key(KeyCode::Enter)]);
        person.reads().await;
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "somebody else's",
            "who types on has not answered"
        );
        person.press([key(KeyCode::Enter)]);
        person.sees("hello.py is saved").await;
        // What it wrote itself is no stranger's.
        person.press([key(KeyCode::Char('x'))]);
        person.sees("hello.py *").await;
        person.press([key(KeyCode::Backspace), key(KeyCode::F(4))]);
        let settled = |screen: &String| !screen.contains("hello.py *") || screen.contains("something else");
        let screen = person.screen.wait_for(settled).await.unwrap().clone();
        assert!(!screen.contains("something else"), "{screen}");
        assert_eq!(person.leaves().await, Exit::Quit);
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "\u{feff}# new\r\nprint('hi')\r\n");
}

#[test]
fn scratch_is_saved_under_a_name_and_never_over_another_file_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken.ts");
    std::fs::write(&path, "old").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::F(4))]);
        person.sees("Save as").await;
        person.press(vec![key(KeyCode::Backspace); 10]);
        person.press(vec![Event::Paste(path.display().to_string()), key(KeyCode::Enter)]);
        person.sees("exists already").await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        person.reads().await;
        person.press([key(KeyCode::Enter)]);
        person.sees("taken.ts is saved").await;
        person.leaves().await;
    });
    assert!(std::fs::read_to_string(&path).unwrap().contains("squares"));
}

#[test]
fn a_signal_ends_it_and_ctrl_z_suspends() {
    story(|| async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press([ctrl('z'), key(KeyCode::F(1))]);
        person.sees("Help").await;
        assert_eq!(person.asked.lock().unwrap().suspended, 1);
        person.stop.cancel();
        assert_eq!(person.end.await.unwrap(), Exit::Signal(15));
    });
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    story(|| async {
        let person = Person::open(bun(), options());
        drop(person.keys);
        assert_eq!(person.end.await.unwrap(), Exit::Lost);
    });
}

#[test]
fn the_menu_shows_itself_after_a_moment() {
    story(|| async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::Esc), key(KeyCode::Char(' '))]);
        person.sees("> Menu").await;
        person.press([key(KeyCode::Char('v'))]);
        person.sees("Pane: zoom").await;
        let before = person.rests().await;
        assert_eq!(person.rests().await, before);
        person.press([key(KeyCode::Char('z'))]);
        person.sees("zoomed").await;
        assert_eq!(person.leaves().await, Exit::Quit);
    });
}

#[test]
fn what_is_only_said_goes_by_itself_and_then_nothing_is_drawn() {
    story(|| async {
        let mut person = Person::open(bun(), options());
        person.sees("bun ✓ ok").await;
        person.press([ctrl('c')]);
        person.sees("nothing runs").await;
        // Nobody presses anything.
        let gone = person.screen.wait_for(|screen| !screen.contains("nothing runs"));
        tokio::time::timeout(Duration::from_secs(6), gone).await.unwrap().unwrap();
        let frames = person.rests().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(person.frames.load(Ordering::SeqCst), frames);
        assert_eq!(person.leaves().await, Exit::Quit);
    });
}
