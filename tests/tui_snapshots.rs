//! What a person sees: every screen at four sizes, the ASCII set, and the colours.

#![allow(clippy::unwrap_used, reason = "a test's own machinery")]

#[path = "tui_snapshots/bench.rs"]
mod bench;
#[path = "tui_snapshots/editor.rs"]
mod editor;
#[path = "tui_snapshots/files.rs"]
mod files;
#[path = "tui_snapshots/first.rs"]
mod first;
#[path = "tui_snapshots/keys.rs"]
mod keys;
#[path = "tui_snapshots/output.rs"]
mod output;
#[path = "tui_snapshots/race.rs"]
mod race;
#[path = "tui_snapshots/remote.rs"]
mod remote;
#[path = "tui_snapshots/sessions.rs"]
mod sessions;
mod tui_support;

use codebeaker::config::Settings;
use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Effect, Msg, RuntimeMsg, TerminalKind};
use crossterm::event::KeyCode;
use ratatui::style::{Color, Modifier};
use tui_support::{Bench, key, options, selection, typed};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (40, 12), (20, 6)];
const PROGRAM: &str = "squares: 1 4 9 16\n";

/// Snapshots a screen at every size. `tell` brings a new workbench there.
fn at_every_size(name: &str, tell: impl Fn(&mut Bench)) {
    for (width, height) in SIZES {
        // A screen that is too small takes no keys: it became so.
        let tiny = width < 30 || height < 8;
        let mut bench = if tiny { Bench::new(80, 24) } else { Bench::new(width, height) };
        tell(&mut bench);
        if tiny {
            bench.terminal.backend_mut().resize(width, height);
            bench.tell(Msg::Input(crossterm::event::Event::Resize(width, height)));
        }
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), bench.screen());
    }
}

/// Snapshots a screen as it is, for the modules below: beside the others.
fn as_it_is(name: &str, bench: &mut Bench) {
    insta::assert_snapshot!(name, bench.screen());
}

/// Snapshots a text, for the modules below.
fn snapshot(name: &str, text: &str) {
    insta::assert_snapshot!(name, text);
}

fn after_a_run(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
    let warning = (OutputStream::Stderr, "warning: \u{1b}[1;33mslow\u{1b}[0m path\n");
    bench.runs(&[(OutputStream::Stdout, PROGRAM), warning], 0).stats("s1");
}

#[test]
fn workbench_after_a_run() {
    at_every_size("workbench", after_a_run);
}

#[test]
fn workbench_as_it_opens() {
    let mut bench = Bench::new(80, 24);
    insta::assert_snapshot!("opening_80x24", bench.screen());
}

#[test]
fn workbench_while_a_program_waits_for_input() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]);
    bench.press([key(KeyCode::F(5))]);
    let info = Box::new(tui_support::session("s1", Language::TypeScript, RuntimeType::Bun));
    bench.tell(Msg::Session(codebeaker::tui::SessionMsg::Created { run: Some(1), result: Ok(info) }));
    bench.tell(Msg::Run(codebeaker::tui::RunMsg::Started(1)));
    bench.press([key(KeyCode::F(6)), key(KeyCode::Char('i'))]);
    bench.press(typed("Ada"));
    insta::assert_snapshot!("input_80x24", bench.screen());
}

#[test]
fn a_failure_says_what_to_do() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::NativeProcess]);
    bench.press([key(KeyCode::Esc)]).press(typed("lll")).press([key(KeyCode::F(5))]);
    insta::assert_snapshot!("no_runtime_80x24", bench.screen());
}

#[test]
fn first_run() {
    at_every_size("first_run", |bench| {
        bench.found(&[]);
    });
}

#[test]
fn first_run_fetching() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[]).press([key(KeyCode::Down), key(KeyCode::Enter)]);
    assert!(bench.effects.contains(&Effect::Fetch(RuntimeType::Bun)), "{:?}", bench.effects);
    let step =
        Progress::Downloading { runtime: RuntimeType::Bun, received: 12_000_000, total: Some(36_000_000) };
    bench.tell(Msg::Runtime(RuntimeMsg::Progress(step)));
    insta::assert_snapshot!("fetching_80x24", bench.screen());
}

#[test]
fn help() {
    at_every_size("help", |bench| {
        bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(1))]);
    });
}

#[test]
fn palette() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(2))]).press(typed("ru"));
    insta::assert_snapshot!("palette_80x24", bench.screen());
}

#[test]
fn new_session() {
    at_every_size("new_session", |bench| {
        bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
        bench.press([key(KeyCode::Esc)]).press(typed("sn"));
        let ranking = selection(Language::TypeScript, RuntimePreference::Balanced);
        let msg = RuntimeMsg::Ranked(Language::TypeScript, RuntimePreference::Balanced, Ok(ranking));
        bench.tell(Msg::Runtime(msg));
    });
}

#[test]
fn quit_question() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(5)), tui_support::ctrl('q')]);
    insta::assert_snapshot!("quit_80x24", bench.screen());
}

#[test]
fn ascii_set() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Ansi, unicode: false };
    let mut bench = Bench::with(&given, 80, 24);
    after_a_run(&mut bench);
    let screen = bench.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("ascii_80x24", screen);
}

/// Each cell's colour as a letter: what it is, not what it says.
fn colours(bench: &Bench) -> String {
    let buffer = bench.terminal.backend().buffer();
    let letter = |at: (u16, u16)| {
        let cell = &buffer[at];
        if cell.modifier.contains(Modifier::REVERSED) {
            return '#';
        }
        let bold = cell.modifier.contains(Modifier::BOLD);
        let c = match cell.fg {
            Color::Reset if bold => 'O',
            Color::Reset => '.',
            Color::DarkGray => 'd',
            Color::Blue | Color::LightBlue => 'b',
            Color::Cyan | Color::LightCyan => 'c',
            Color::Green => 'g',
            Color::Red | Color::LightRed => 'r',
            Color::Yellow => 'y',
            Color::Magenta | Color::LightMagenta => 'm',
            Color::Indexed(3) => 'i',
            _ => '?',
        };
        if bold { c.to_ascii_uppercase() } else { c }
    };
    let line = |y| (0..buffer.area.width).map(|x| letter((x, y))).collect::<String>() + "\n";
    (0..buffer.area.height).map(line).collect()
}

#[test]
fn colour_map() {
    let mut bench = Bench::new(80, 24);
    after_a_run(&mut bench);
    bench.screen();
    insta::assert_snapshot!("colours_80x24", colours(&bench));
}

#[test]
fn states_differ_without_colour() {
    let mut given = options();
    given.terminal.colours = ColourTier::Mono;
    given.settings = Settings { theme: Some("paper-dark".to_owned()), ..Settings::default() };
    let mut bench = Bench::with(&given, 120, 36);
    after_a_run(&mut bench);
    let screen = bench.screen();
    let buffer = bench.terminal.backend().buffer();
    // The program's own yellow is the program's.
    let coloured =
        buffer.content.iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count();
    assert_eq!(coloured, "slow".len(), "{screen}");
    for word in ["✓ ok", "✗ no", "○ ts bun    idle"] {
        assert!(screen.contains(word), "{word} in\n{screen}");
    }
}
