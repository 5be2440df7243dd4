//! The menu, the key doctor, the palette in a wide screen, and a zoomed pane.

use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{ColourTier, Outer, TerminalKind};
use crossterm::event::KeyCode;

use super::as_it_is;
use crate::tui_support::{Bench, ctrl, key, options, typed};

fn commanding(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(width, height);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc)]);
    bench
}

#[test]
fn menu() {
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let mut bench = commanding(width, height);
        bench.press(typed(" ")).waits();
        as_it_is(&format!("menu_{width}x{height}"), &mut bench);
        bench.press(typed("v"));
        as_it_is(&format!("menu_view_{width}x{height}"), &mut bench);
    }
}

#[test]
fn menu_in_ascii() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: false };
    let mut bench = Bench::with(&given, 80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc)]).press(typed(" k"));
    let screen = bench.screen();
    assert!(screen.is_ascii(), "{screen}");
    as_it_is("menu_ascii_80x24", &mut bench);
}

#[test]
fn doctor() {
    let mut given = options();
    given.outer = Outer { zellij: true, tmux: true, ..Outer::default() };
    let mut bench = Bench::with(&given, 80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(1)), key(KeyCode::Tab), ctrl('q')]);
    as_it_is("key_doctor_80x24", &mut bench);
    let mut bench = commanding(40, 12);
    bench.press(typed("?")).press([key(KeyCode::Tab), key(KeyCode::Char('s'))]);
    as_it_is("key_doctor_40x12", &mut bench);
}

#[test]
fn palette_details() {
    let mut bench = commanding(120, 36);
    bench.press(typed(":mouse")).press([key(KeyCode::Tab)]);
    as_it_is("palette_details_120x36", &mut bench);
}

#[test]
fn zoomed() {
    let mut bench = commanding(120, 36);
    bench.press(typed("z"));
    as_it_is("zoomed_120x36", &mut bench);
}

#[test]
fn very_wide() {
    let mut bench = Bench::new(220, 40);
    bench.found(&[RuntimeType::Bun]);
    as_it_is("very_wide_220x40", &mut bench);
}
