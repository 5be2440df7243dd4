//! Several texts, searching and replacing, the register, the mouse.

use std::path::PathBuf;

use codebeaker::tui::{BufferId, Content, Effect, FileMsg, Msg, Stamp};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::tui_support::{Bench, key, options, typed};

/// A bench that shows this text and takes letters for commands.
fn bench(text: &str) -> Bench {
    let mut bench = Bench::new(100, 30);
    bench.press([key(KeyCode::Esc)]).press(typed("aX")).press([key(KeyCode::Char('i'))]);
    bench.press([Event::Paste(text.to_owned()), key(KeyCode::Esc)]);
    bench
}

fn opens(bench: &mut Bench, path: &str, text: &str) -> BufferId {
    bench.press([key(KeyCode::Esc)]).press(typed("fo")).press(typed(path)).press([key(KeyCode::Enter)]);
    let Some(Effect::Read(buffer, read)) = bench.effects.last().cloned() else {
        panic!("{:?}", bench.effects)
    };
    assert_eq!(read, PathBuf::from(path));
    let content = Content { text: text.to_owned(), ..Content::default() };
    bench.tell(Msg::File(FileMsg::Read(buffer, Ok(Some(content)))));
    buffer
}

fn copied(bench: &Bench) -> Option<&str> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn files_are_opened_switched_and_closed() {
    let mut bench = Bench::new(100, 30);
    opens(&mut bench, "/w/a.py", "first = 1\n");
    opens(&mut bench, "/w/b.json", "{\"second\": 2}\n");
    assert!(bench.screen().contains("b.json") && bench.screen().contains("second"));
    // One that is open is not read again.
    let reads = |bench: &Bench| bench.effects.iter().filter(|e| matches!(e, Effect::Read(..))).count();
    bench.press(typed("fo")).press(typed("/w/a.py")).press([key(KeyCode::Enter)]);
    assert_eq!(reads(&bench), 2);
    assert!(bench.screen().contains("first = 1"));
    bench.press(typed("i")).press(typed("x")).press([key(KeyCode::Esc)]).press(typed("ff"));
    assert!(bench.screen().contains("second"));
    bench.press(typed("fl"));
    let screen = bench.screen();
    assert!(screen.contains("* not saved") && screen.contains("/w/b.json"), "{screen}");
    bench.press([key(KeyCode::Up), key(KeyCode::Enter)]);
    assert!(bench.screen().contains("xfirst = 1"));
    // What is not saved is not closed unasked, nor left.
    bench.press(typed("fc"));
    assert!(bench.screen().contains("Close it?"));
    bench.press([key(KeyCode::Esc)]).press(typed("ffq"));
    let screen = bench.screen();
    assert!(screen.contains("a.py has changes that are not saved"), "{screen}");
    bench.press([key(KeyCode::Esc)]).press(typed("fcfc")).press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("scratch."), "{}", bench.screen());
    bench.press(typed("q"));
    assert!(bench.effects.contains(&Effect::Quit));
}

#[test]
fn a_file_that_cannot_be_read_does_not_stay_open() {
    let mut bench = Bench::new(100, 30);
    opens(&mut bench, "/w/a.py", "first = 1\n");
    bench.press(typed("fo")).press(typed("/w/b.py")).press([key(KeyCode::Enter)]);
    let Some(Effect::Read(buffer, _)) = bench.effects.last().cloned() else { panic!() };
    bench.tell(Msg::File(FileMsg::Read(buffer, Err("it is not UTF-8 text".to_owned()))));
    let screen = bench.screen();
    assert!(
        screen.contains("first = 1") && screen.contains("b.py was not opened: it is not UTF-8"),
        "{screen}"
    );
}

#[test]
fn a_path_is_completed() {
    let mut bench = Bench::new(100, 30);
    bench.press([key(KeyCode::Esc)]).press(typed("fo")).press(typed("su")).press([key(KeyCode::Tab)]);
    assert!(bench.effects.contains(&Effect::Complete("su".to_owned())));
    let paths = vec!["sum.py".to_owned(), "sum.ts".to_owned()];
    bench.tell(Msg::File(FileMsg::Completed("su".to_owned(), paths)));
    let screen = bench.screen();
    assert!(screen.contains("sum.py") && screen.contains("sum.ts"), "{screen}");
    bench.press(typed("ts")).press([key(KeyCode::Enter)]);
    assert!(matches!(bench.effects.last(), Some(Effect::Read(_, path)) if path.to_str() == Some("sum.ts")));
}

#[test]
fn a_path_may_begin_with_ones_home() {
    let home = std::env::var("HOME").unwrap();
    let mut bench = Bench::new(100, 30);
    bench.press([key(KeyCode::Esc)]).press(typed("fo")).press(typed("~/sum.ts")).press([key(KeyCode::Enter)]);
    let written_out = PathBuf::from(format!("{home}/sum.ts"));
    assert!(matches!(bench.effects.last(), Some(Effect::Read(_, path)) if *path == written_out));
    let mut bench = self::bench("text");
    bench.press([key(KeyCode::F(4))]);
    // A name alone does not tell where it leads.
    let here = format!("in {}", std::env::current_dir().unwrap().display());
    let screen = bench.screen();
    assert!(screen.contains("Save as") && screen.contains(&here), "{screen}");
    bench.press(vec![key(KeyCode::Backspace); 20]).press(typed("~/sum.ts"));
    assert!(!bench.screen().contains(&here), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert!(matches!(bench.effects.last(), Some(Effect::Save { path, .. }) if *path == written_out));
}

#[test]
fn a_search_goes_on_with_every_letter_and_around_the_end() {
    let mut bench = bench("alpha\nbeta Alpha\nalphabet");
    bench.press(typed("g1")).press([key(KeyCode::Enter)]).press(typed("/al"));
    let screen = bench.screen();
    assert!(screen.contains("1 of 3"), "{screen}");
    bench.press(typed("phab"));
    assert!(bench.screen().contains("1 of 1"));
    bench.press([key(KeyCode::Esc)]).press(typed("/alpha")).press([key(KeyCode::Enter)]);
    for seen in ["2 of 3", "3 of 3", "1 of 3"] {
        bench.press(typed("n"));
        assert!(bench.screen().contains(seen), "{seen}: {}", bench.screen());
    }
    bench.press(typed("N"));
    assert!(bench.screen().contains("3 of 3"));
    bench.press(typed("/Al"));
    assert!(bench.screen().contains("1 of 1"), "a capital letter asks for itself");
    bench.press(typed("zz"));
    assert!(bench.screen().contains("not found"));
    // A selection found is what is copied.
    bench.press([key(KeyCode::Esc)]).press(typed("/alphab")).press([key(KeyCode::Enter)]).press(typed("y"));
    assert_eq!(copied(&bench), Some("alphab"));
}

#[test]
fn matches_are_replaced_one_by_one_or_all_at_once() {
    let mut bench = bench("cat cat\ncat");
    bench.press(typed("g1")).press([key(KeyCode::Enter)]).press(typed("&cat")).press([key(KeyCode::Enter)]);
    bench.press(typed("cats")).press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("y yes"), "{}", bench.screen());
    bench.press(typed("ny"));
    assert!(bench.screen().contains("cat cats"), "{}", bench.screen());
    // After the last it comes to what was passed over first, and ends: that was asked about already.
    bench.press(typed("y"));
    let screen = bench.screen();
    assert!(screen.contains("cat cats") && !screen.contains("y yes"), "{screen}");
    bench
        .press(typed("uu"))
        .press(typed("&"))
        .press([key(KeyCode::Enter), key(KeyCode::Enter)])
        .press(typed("a"));
    assert!(
        bench.screen().contains("cats cats") && bench.screen().contains("3 replaced"),
        "{}",
        bench.screen()
    );
    bench.press(typed("u"));
    assert!(bench.screen().contains("cat cat") && !bench.screen().contains("cats"));
}

#[test]
fn lines_and_selections_are_cut_and_pasted() {
    let mut bench = bench("one\ntwo\nthree");
    bench.press(typed("g1")).press([key(KeyCode::Enter)]).press(typed("X"));
    assert_eq!(copied(&bench), Some("one\n"));
    bench.press([key(KeyCode::Down)]).press(typed("PvyKP"));
    assert_eq!(copied(&bench), Some("one"));
    let screen = bench.screen();
    let rows: Vec<&str> = ["two", "one", "three"].into_iter().filter(|row| screen.contains(row)).collect();
    assert_eq!(rows.len(), 3, "{screen}");
    // Another text has the same register.
    bench.press(typed("fnaX")).press(typed("P"));
    assert!(bench.screen().contains("squares"), "{}", bench.screen());
}

#[test]
fn the_mouse_selects() {
    let mut bench = bench("alpha beta gamma\nsecond line");
    bench.screen();
    let mouse =
        |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let left = MouseButton::Left;
    // Inside the frame, behind the line numbers.
    let (x, y) = (1 + 3, 3);
    let press = |bench: &mut Bench, column| {
        bench.press([
            mouse(MouseEventKind::Down(left), column, y),
            mouse(MouseEventKind::Up(left), column, y),
        ]);
    };
    press(&mut bench, x + 7);
    press(&mut bench, x + 7);
    bench.press([key(KeyCode::Esc)]).press(typed("y"));
    assert_eq!(copied(&bench), Some("beta"));
    press(&mut bench, x + 7);
    bench.press([key(KeyCode::Esc)]).press(typed("y"));
    assert_eq!(copied(&bench), Some("alpha beta gamma\n"));
    bench.press([
        mouse(MouseEventKind::Down(left), x + 2, y),
        mouse(MouseEventKind::Drag(left), x + 3, y),
        mouse(MouseEventKind::Drag(left), x + 3, y + 1),
        mouse(MouseEventKind::Up(left), x + 3, y + 1),
        mouse(MouseEventKind::Drag(left), x + 5, y + 1),
    ]);
    bench.press([key(KeyCode::Esc)]).press(typed("y"));
    assert_eq!(copied(&bench), Some("pha beta gamma\nsec"));
}

#[test]
fn a_very_long_paste_is_asked_about() {
    let mut bench = Bench::new(100, 30);
    bench.press([Event::Paste("line\n".repeat(1000))]);
    let screen = bench.screen();
    assert!(screen.contains("1001 lines were pasted") && !screen.contains("  1 line\n"), "{screen}");
    bench.press([key(KeyCode::Esc), Event::Paste("line\n".repeat(1000)), key(KeyCode::Enter)]);
    assert!(bench.screen().contains("1001:1"), "{}", bench.screen());
    // A thousand are typed at once.
    let mut bench = Bench::new(100, 30);
    bench.press([Event::Paste("line\n".repeat(999))]);
    assert!(bench.screen().contains("1000:1"));
}

#[test]
fn a_text_that_is_too_long_is_shown_and_not_changed() {
    let mut bench = Bench::new(100, 30);
    opens(&mut bench, "/w/a.py", &"x = 1\n".repeat(20_001));
    let screen = bench.screen();
    assert!(
        screen.contains("20002 lines") && screen.contains("changed here") && screen.contains("READ"),
        "{screen}"
    );
    bench
        .press([key(KeyCode::Esc)])
        .press(typed("i"))
        .press(typed("zzz"))
        .press([Event::Paste("a\nb".to_owned())]);
    bench.press([key(KeyCode::Esc)]).press(typed("D"));
    let screen = bench.screen();
    assert!(!screen.contains("zzz") && !screen.contains("a.py *"), "{screen}");
    // All else works: it is searched, and it can be run.
    bench.press(typed("/x = ")).press([key(KeyCode::Enter)]).press(typed("n"));
    assert!(bench.screen().contains("of 20001"), "{}", bench.screen());
}

#[test]
fn a_file_is_open_once_whatever_it_is_called() {
    let here = std::env::current_dir().unwrap();
    let name = here.file_name().unwrap().to_str().unwrap();
    let mut given = options();
    given.file = Some("u.py".into());
    given.more = vec!["./u.py".into(), here.join("u.py"), format!("../{name}/u.py").into()];
    let mut bench = Bench::with(&given, 100, 30);
    bench.press([key(KeyCode::Esc)]).press(typed("fl"));
    let screen = bench.screen();
    assert_eq!(screen.matches(" u.py").count(), 3, "the title, the list and the place: {screen}");
    bench.press([key(KeyCode::Esc)]).press(typed("fo")).press(typed("./u.py\n"));
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Read(..))), "{:?}", bench.effects);
}

#[test]
fn a_language_that_was_chosen_stays_when_the_file_is_saved() {
    let mut bench = Bench::new(100, 30);
    let buffer = opens(&mut bench, "/w/a.py", "x\n");
    bench.press(typed("l"));
    assert!(bench.screen().contains("go | "), "{}", bench.screen());
    bench.press([key(KeyCode::F(4))]);
    let saved = FileMsg::Saved(buffer, "/w/a.py".into(), 1, Ok(Stamp::default()));
    bench.tell(Msg::File(saved));
    let screen = bench.screen();
    assert!(screen.contains("a.py is saved") && screen.contains("go | "), "{screen}");
}

#[test]
fn a_new_text_has_a_name_of_its_own_and_is_told_of() {
    let mut bench = bench("one");
    bench.found(&[codebeaker::protocol::RuntimeType::Bun]).press(typed("fn"));
    let screen = bench.screen();
    assert!(
        screen.contains("3 Editor  scratch-2.ts") && screen.contains("scratch-2.ts is a new text"),
        "{screen}"
    );
    bench.press(typed("fl"));
    let screen = bench.screen();
    assert!(screen.contains(" scratch.ts ") && screen.contains(" scratch-2.ts "), "{screen}");
    // A program's messages call it so, too.
    bench.press([key(KeyCode::Esc), key(KeyCode::F(5))]);
    let session = crate::created("s1", Some(1), codebeaker::protocol::Language::TypeScript);
    bench.tell(session);
    let named = |effect: &Effect| matches!(effect, Effect::Execute { file_name: Some(name), .. } if name == "scratch-2.ts");
    assert!(bench.effects.iter().any(named), "{:?}", bench.effects);
}
