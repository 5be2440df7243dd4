//! The presets vim and emacs, as they edit.

use codebeaker::tui::Effect;
use crossterm::event::{Event, KeyCode};

use crate::tui_support::{Bench, ctrl, key, options, typed};

fn with_preset(name: &str) -> Bench {
    let mut options = options();
    options.settings.keys.read("keymap.toml", &format!("preset = \"{name}\"\n"));
    Bench::with(&options, 120, 36)
}

/// A vim with this text alone, in its normal mode at the beginning.
fn vim(text: &str) -> Bench {
    let mut bench = with_preset("vim");
    // Everything away, then the text, as it is.
    bench.press(typed("ggVG")).press(typed("d"));
    bench.press(typed("i")).tell(codebeaker::tui::Msg::Input(Event::Paste(text.to_owned())));
    bench.press([key(KeyCode::Esc)]).press(typed("gg0"));
    bench
}

/// The editor's lines.
fn lines(bench: &mut Bench) -> Vec<String> {
    let screen = bench.screen();
    let inside = |line: &str| {
        line.split(['┃', '│'])
            .find(|part| part.starts_with(' ') && part.trim().starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
    };
    let text = |line: String| line.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim().to_owned();
    screen.lines().filter_map(inside).map(text).collect()
}

#[test]
fn vim_begins_in_its_normal_mode() {
    let mut bench = with_preset("vim");
    assert!(bench.screen().contains("NORMAL"));
    bench.press(typed("ox"));
    assert!(bench.screen().contains("INSERT"));
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("NORMAL"));
}

#[test]
fn vim_moves_and_types_where_vim_does() {
    for (keys, text) in [
        ("iX", "Xone two"),
        ("aX", "oXne two"),
        ("AX", "one twoX"),
        ("wiX", "one Xtwo"),
        ("$aX", "one twoX"),
        ("wbiX", "Xone two"),
        ("llIX", "Xone two"),
        ("x", "ne two"),
        ("dw", "two"),
        ("wD", "one"),
        ("wCX", "one X"),
        ("cwX", "X two"),
        ("ccX", "X"),
        ("dwu", "one two"),
    ] {
        let mut bench = vim("one two");
        bench.press(typed(keys));
        assert_eq!(lines(&mut bench), [text], "{keys}");
    }
}

#[test]
fn vim_works_on_lines() {
    for (keys, text) in [
        ("dd", vec!["two", "three"]),
        ("jdd", vec!["one", "three"]),
        ("Gdd", vec!["one", "two"]),
        ("ddjp", vec!["two", "three", "one"]),
        ("ddp", vec!["two", "one", "three"]),
        ("yyp", vec!["one", "one", "two", "three"]),
        ("yyGP", vec!["one", "two", "one", "three"]),
        ("joX", vec!["one", "two", "X", "three"]),
        ("jOX", vec!["one", "X", "two", "three"]),
        ("J", vec!["one two", "three"]),
        ("Vjd", vec!["three"]),
        ("ddu", vec!["one", "two", "three"]),
    ] {
        let mut bench = vim("one\ntwo\nthree");
        bench.press(typed(keys));
        assert_eq!(lines(&mut bench), text, "{keys}");
    }
}

#[test]
fn vim_selects_until_it_is_told_to_stop() {
    let mut bench = vim("one two");
    bench.press(typed("ve"));
    assert!(bench.screen().contains("VISUAL"));
    bench.press(typed("d"));
    assert_eq!(lines(&mut bench), ["two"]);
    assert!(bench.screen().contains("NORMAL"));
    // The blank between the words, and the letter behind it.
    bench.press(typed("vdvd"));
    assert_eq!(lines(&mut bench), ["wo"]);
    bench.press(typed("ve")).press([key(KeyCode::Esc)]).press(typed("x"));
    assert_eq!(lines(&mut bench).len(), 1);
    assert!(bench.screen().contains("NORMAL"));
}

#[test]
fn what_vim_has_no_key_for_keeps_the_workbenchs() {
    let mut bench = vim("x");
    bench.found(&[codebeaker::protocol::RuntimeType::Bun]).press(typed("r"));
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
}

#[test]
fn emacs_moves_while_typing() {
    let mut bench = with_preset("emacs");
    bench.press([ctrl('x'), key(KeyCode::Char('h')), key(KeyCode::Backspace)]).press(typed("one"));
    bench.press([ctrl('a')]).press(typed("A")).press([ctrl('e')]).press(typed("E"));
    bench.press([ctrl('b'), ctrl('b')]).press(typed("B"));
    assert_eq!(lines(&mut bench), ["AonBeE"]);
    bench.press([ctrl('d'), ctrl('k')]);
    assert_eq!(lines(&mut bench), ["AonB"]);
    bench.press([ctrl('g')]).press(typed("!"));
    assert_eq!(lines(&mut bench), ["AonB!"]);
    bench.press([ctrl('x'), ctrl('s')]);
    assert!(bench.screen().contains("Save"), "{}", bench.screen());
}

#[test]
fn the_frame_and_the_line_of_keys_call_a_mode_the_same() {
    let mut bench = with_preset("vim");
    for (press, word) in [("", "NORMAL"), ("v", "VISUAL"), ("vi", "INSERT")] {
        bench.press(typed(press));
        let screen = bench.screen();
        assert!(screen.contains(&format!("| {word} |")), "{screen}");
        assert!(screen.contains(&format!("\n {word}  ")), "{screen}");
    }
}
