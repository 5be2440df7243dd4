//! The menu of groups, the palette, help, the key doctor, and keymaps of a person's own.

use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, Options, Outer, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::tui_support::{Bench, ctrl, key, options, session, typed};

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

fn click(column: u16, row: u16) -> Event {
    mouse(MouseEventKind::Down(MouseButton::Left), column, row)
}

/// Where a text is on the screen.
fn place_of(screen: &str, text: &str) -> (u16, u16) {
    let found = screen.lines().enumerate().find_map(|(row, line)| Some((row, line.find(text)?, line)));
    let (row, at, line) = found.unwrap_or_else(|| panic!("{text} in\n{screen}"));
    (u16::try_from(line[..at].chars().count()).unwrap(), u16::try_from(row).unwrap())
}

fn with_keys(text: &str) -> Options {
    let mut options = options();
    assert_eq!(options.settings.keys.read("keymap.toml", text), []);
    options
}

fn asks_for_a_session(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. }))
}

#[test]
fn three_presses_give_any_command() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc)]).press(typed(" "));
    // Whoever knows the letters sees no box.
    assert!(!bench.screen().contains("Menu"));
    bench.press(typed("r"));
    let screen = bench.screen();
    assert!(screen.contains("Menu  r run") && screen.contains("r the editor's code"), "{screen}");
    bench.press(typed("r"));
    assert!(asks_for_a_session(&bench), "{:?}", bench.effects);
    assert!(!bench.screen().contains("Menu"));
}

#[test]
fn the_menu_shows_itself_when_its_time_has_come() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]);
    assert_eq!(bench.workbench.deadline(), None);
    bench.press([key(KeyCode::Esc)]).press(typed(" "));
    let due = bench.workbench.deadline().unwrap();
    assert_eq!(due - bench.now, std::time::Duration::from_millis(300));
    bench.tell(Msg::Deadline);
    assert!(!bench.screen().contains("> Menu"), "its time has not come: {}", bench.screen());
    bench.waits();
    assert_eq!(bench.workbench.deadline(), None);
    let screen = bench.screen();
    assert!(screen.contains("> Menu") && screen.contains("s session"), "{screen}");
    // A click chooses as a letter does; Backspace goes back, Esc away.
    let (column, row) = place_of(&screen, "v view");
    bench.press([click(column, row)]);
    assert!(bench.screen().contains("Pane: zoom"), "{}", bench.screen());
    bench.press([key(KeyCode::Backspace)]);
    assert!(bench.screen().contains("s session"));
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Menu"));
}

#[test]
fn a_space_that_is_typed_is_a_space() {
    let mut bench = Bench::new(80, 24);
    bench.press(typed("a b"));
    assert!(bench.screen().contains("a b"));
    assert_eq!(bench.workbench.deadline(), None);
}

#[test]
fn the_palette_counts_tells_and_takes_clicks() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(2))]).press(typed("zoom"));
    let screen = bench.screen();
    assert!(screen.contains("1 of ") && screen.contains("Tab details"), "{screen}");
    bench.press([key(KeyCode::Tab)]);
    assert!(bench.screen().contains("pane.zoom   z"), "{}", bench.screen());
    let (column, row) = place_of(&screen, "Pane: zoom");
    bench.press([click(column, row)]);
    assert!(bench.screen().contains("zoomed"));
    // The command used last is the first one offered, and the wheel moves on from it.
    bench.press([key(KeyCode::F(2))]);
    let first = bench.screen();
    assert!(first.contains("▸ Pane: zoom"), "{first}");
    bench.press([mouse(MouseEventKind::ScrollDown, 40, 12)]);
    assert!(!bench.screen().contains("▸ Pane: zoom"));
    bench.press([click(0, 0)]);
    assert!(!bench.screen().contains("Command palette"));
}

#[test]
fn the_palette_goes_to_sessions() {
    let mut bench = Bench::new(120, 36);
    for (id, language) in [("a", Language::TypeScript), ("b", Language::Python)] {
        let info = Box::new(session(id, language, RuntimeType::Bun));
        bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }));
    }
    bench.press([key(KeyCode::F(2))]).press(typed("@type"));
    assert!(bench.screen().contains("1 of 2"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("> 1 Sessions") && screen.contains("▸○ ts"), "{screen}");
}

#[test]
fn the_palette_goes_to_texts_and_runs() {
    let mut bench = Bench::new(120, 36);
    bench.found(&[RuntimeType::Bun]).runs(&[(OutputStream::Stdout, "a\n")], 0);
    bench.press([key(KeyCode::F(2))]).press(typed("#"));
    assert!(bench.screen().contains("run 1  TypeScript on bun  exit 0"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("> 6 History"), "{}", bench.screen());
    bench.press([key(KeyCode::F(2))]).press(typed("/scratch"));
    assert!(bench.screen().contains("1 of 1"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("> 3 Editor"), "{}", bench.screen());
}

#[test]
fn help_filters_and_scrolls_by_wheel() {
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::F(1))]);
    let top = bench.screen();
    bench.press([mouse(MouseEventKind::ScrollDown, 40, 12)]);
    assert_ne!(bench.screen(), top);
    bench.press([mouse(MouseEventKind::ScrollUp, 40, 12)]);
    assert_eq!(bench.screen(), top);
    bench.press(typed("suspend"));
    let screen = bench.screen();
    assert!(screen.contains("Ctrl-Z") && !screen.contains("Shift-F6"), "{screen}");
}

#[test]
fn the_doctor_shows_keys_and_does_nothing_with_them() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(1)), key(KeyCode::Tab), key(KeyCode::F(5))]);
    let screen = bench.screen();
    assert!(screen.contains("arrived: F5") && screen.contains("Run: the editor's code"), "{screen}");
    let alt_x = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT);
    bench.press([Event::Key(alt_x)]);
    assert!(bench.screen().contains("arrived: Alt-x"), "{}", bench.screen());
    bench.press([ctrl('q'), key(KeyCode::Esc)]);
    assert!(bench.screen().contains("Esc again closes this"), "{}", bench.screen());
    assert!(!asks_for_a_session(&bench) && !bench.effects.contains(&Effect::Quit));
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("press any"));
}

#[test]
fn keys_that_another_program_keeps_are_not_promised() {
    let mut options = options();
    options.outer = Outer { vscode: true, zellij: true, ..Outer::default() };
    let mut bench = Bench::with(&options, 100, 30);
    bench.found(&[RuntimeType::Bun]);
    let last = |bench: &mut Bench| bench.screen().lines().nth(28).unwrap_or_default().to_owned();
    let typing = last(&mut bench);
    assert!(
        typing.contains("Esc r run") && typing.ends_with("Esc ? help") && !typing.contains("F5"),
        "{typing}"
    );
    bench.press([key(KeyCode::Esc)]);
    let commands = last(&mut bench);
    assert!(commands.contains("q quit") && commands.ends_with("? help"), "{commands}");
    assert!(!commands.contains("Ctrl-Q"), "{commands}");
}

#[test]
fn odd_keys_are_told_with_file_and_line() {
    let options = with_keys("[global]\n\"no.such\" = \"F9\"\n");
    let mut bench = Bench::with(&options, 120, 36);
    assert!(bench.screen().contains("keymap.toml line 2: unknown command `no.such`"), "{}", bench.screen());
}

#[test]
fn a_box_says_what_its_keys_do() {
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::F(2))]);
    let line = bench.screen().lines().nth(22).unwrap_or_default().to_owned();
    assert!(line.contains("PALETTE") && line.contains("Esc close") && !line.contains("F5"), "{line}");
}

#[test]
fn emacs_closes_boxes_its_own_way() {
    let mut bench = Bench::with(&with_keys("preset = \"emacs\"\n"), 80, 24);
    bench.press([key(KeyCode::F(2)), ctrl('g')]);
    assert!(!bench.screen().contains("Command palette"));
    bench.press(typed("x")).press([ctrl('x'), ctrl('s')]);
    assert!(bench.screen().contains("Save"), "{}", bench.screen());
}

#[test]
fn a_preset_is_chosen_while_working() {
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::F(2))]).press(typed("keymap vim")).press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("the keys are vim now") && screen.contains("INSERT"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("NORMAL"));
    bench.press(typed("ZZ"));
    assert!(bench.effects.contains(&Effect::Quit), "{:?}", bench.effects);
}

#[test]
fn a_preset_that_was_chosen_outlives_a_reading_of_the_settings_and_the_workbench() {
    let dir = tempfile::tempdir().unwrap();
    let given = Options { state: Some(dir.path().to_owned()), ..options() };
    let mut bench = Bench::with(&given, 80, 24);
    bench.press([key(KeyCode::F(2))]).press(typed("keymap vim")).press([key(KeyCode::Enter)]);
    let read = |bench: &mut Bench, settings: codebeaker::config::Settings| {
        let settings = Box::new(settings);
        let themes = Vec::new();
        bench.tell(Msg::Look(codebeaker::tui::LookMsg::Reread { settings, warnings: Vec::new(), themes }));
    };
    let mut settings = options().settings;
    settings.ui.wrap = Some(false);
    read(&mut bench, settings);
    assert!(bench.screen().contains("INSERT"), "{}", bench.screen());
    let kept = serde_json::to_string(&bench.workbench.remembered().unwrap()).unwrap();
    std::fs::write(dir.path().join("workbench.json"), kept).unwrap();
    let mut next = Bench::with(&given, 80, 24);
    assert!(next.screen().contains("NORMAL"), "{}", next.screen());
    read(&mut next, with_keys("preset = \"emacs\"\n").settings);
    next.press(typed("i"));
    assert!(!next.screen().contains("INSERT") && !next.screen().contains("NORMAL"), "{}", next.screen());
}

#[test]
fn the_menu_shows_titles_at_any_size_and_more_on_another_page() {
    let mut bench = Bench::new(40, 12);
    bench.press([key(KeyCode::Esc)]).press(typed(" e"));
    let screen = bench.screen();
    assert!(screen.contains("Tab more 1/2") && screen.contains("u undo"), "{screen}");
    bench.press([key(KeyCode::Tab)]);
    let screen = bench.screen();
    assert!(screen.contains("Tab more 2/2") && screen.contains("o new line below"), "{screen}");
    // A letter of the first page works from there too.
    bench.press(typed("i"));
    assert!(bench.screen().contains("EDIT"), "{}", bench.screen());
}

#[test]
fn a_text_behind_another_pane_is_not_scrolled() {
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::Down), key(KeyCode::End), key(KeyCode::Esc)]).press(typed("2"));
    bench.screen();
    bench.press(typed("3"));
    assert!(bench.screen().contains("1 // F5 runs this"), "{}", bench.screen());
}

#[test]
fn how_to_stop_is_said_first_at_any_size() {
    for (width, height) in [(40, 12), (80, 24), (120, 36)] {
        let mut bench = Bench::new(width, height);
        bench.found(&[RuntimeType::Bun]).press([key(KeyCode::F(5))]);
        let screen = bench.screen();
        assert!(screen.contains(" EDIT  Ctrl-C stop   "), "{width}x{height}: {screen}");
        assert!(!screen.contains("   F5 run"), "one runs: {screen}");
    }
}

#[test]
fn a_search_is_called_one_in_the_bottom_line() {
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::Esc)]).press(typed("/"));
    assert!(bench.screen().contains(" FIND  Enter keep   Esc back"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("&x"));
    assert!(bench.screen().contains(" REPLACE  Enter by what   Esc back"), "{}", bench.screen());
}

#[test]
fn the_way_to_the_input_is_named_from_every_pane() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).tell(crate::created("s1", None, Language::TypeScript));
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(codebeaker::tui::RunMsg::Accepted(1, ExecutionId::from("e1"))));
    bench.tell(Msg::Run(codebeaker::tui::RunMsg::Started(1)));
    assert!(bench.screen().contains("Ctrl-C stop   F9 type input"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("2"));
    assert!(bench.screen().contains("Ctrl-C stop   F9 type input"), "{}", bench.screen());
    bench.press(typed("4"));
    assert!(bench.screen().contains("Ctrl-C stop   i type input"), "{}", bench.screen());
}

#[test]
fn output_that_is_filtered_or_cleared_says_so() {
    let mut bench = Bench::new(40, 12);
    bench.found(&[RuntimeType::Bun]).runs(&[(OutputStream::Stdout, "one\ntwo\n")], 0);
    bench.press([key(KeyCode::Esc)]).press(typed("4&tw")).press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains(" OUTPUT  Esc all lines"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("D"));
    let screen = bench.screen();
    assert!(screen.contains("nothing is here any more") && !screen.contains("all lines"), "{screen}");
}

#[test]
fn what_may_follow_the_first_of_two_keys_is_shown_and_works() {
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let mut bench = Bench::new(width, height);
        bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc)]).press(typed("f"));
        let screen = bench.screen();
        for words in ["f then", "c  File: close", "o  File: open", "f  File: next"] {
            assert!(screen.contains(words), "{words:?} at {width}x{height} in\n{screen}");
        }
        bench.press([key(KeyCode::Esc)]);
        assert!(!bench.screen().contains("f then"), "{}", bench.screen());
        bench.press(typed("fo"));
        assert!(bench.screen().contains("Open"), "{}", bench.screen());
    }
}

#[test]
fn help_names_no_key_that_means_something_else_here() {
    let mut bench = Bench::new(120, 100);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc)]).press(typed("4?"));
    let screen = bench.screen();
    assert!(screen.contains("Output: follow") && !screen.contains("File: open"), "{screen}");
    assert_eq!(screen.matches("Samples").count(), 0, "S saves there");
    let rows = codebeaker::tui::key_rows(&codebeaker::config::Settings::default()).0;
    let row = rows.iter().find(|row| row.id == "pane.zoom" && row.place == "every pane").unwrap();
    assert_eq!(row.but_in, [("z".to_owned(), vec!["output".to_owned()])]);
}
