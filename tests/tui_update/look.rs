//! Themes and settings: chosen, followed, changed while the workbench is open, and remembered.

use codebeaker::config::{BUILT_IN, Paths, Settings, ThemeFile, UiSettings, Warning};
use codebeaker::tui::{ColourTier, Content, Effect, FileMsg, LookMsg, Msg, Options, Stamp, TerminalKind};
use crossterm::event::{Event, KeyCode};
use ratatui::style::Color;

use crate::tui_support::{Bench, key, options, typed};
use crate::{BUN, FIRST};

const PAPER_DARK: Color = Color::Rgb(0x1b, 0x1d, 0x21);
const PAPER_LIGHT: Color = Color::Rgb(0xfa, 0xf7, 0xf0);

fn coloured(theme: Option<&str>, light: Option<&str>) -> Options {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Rgb, unicode: true };
    given.settings.theme = theme.map(str::to_owned);
    given.settings.light_theme = light.map(str::to_owned);
    given
}

fn all() -> Vec<(ThemeFile, Vec<Warning>)> {
    BUILT_IN.iter().map(|(name, _)| ThemeFile::load(name, &Paths::below("/nonexistent"))).collect()
}

/// The background of the screen's first cell.
fn page(bench: &mut Bench) -> Color {
    bench.screen();
    bench.terminal.backend().buffer()[(0, 0)].bg
}

fn choosing() -> Bench {
    let mut bench = Bench::with(&coloured(Some("paper-dark"), None), 80, 24);
    bench.found(BUN).press([key(KeyCode::Esc)]).press(typed("T"));
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::ReadThemes(_))));
    bench.tell(Msg::Look(LookMsg::Themes(all())));
    bench
}

#[test]
fn a_theme_is_seen_while_it_is_chosen_and_esc_goes_back() {
    let mut bench = choosing();
    assert_eq!(page(&mut bench), PAPER_DARK);
    bench.press([key(KeyCode::Down)]);
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    bench.press([key(KeyCode::Esc)]);
    assert_eq!(page(&mut bench), PAPER_DARK);
    assert!(!bench.screen().contains("> Theme"));
}

#[test]
fn typing_finds_a_theme_and_enter_keeps_it() {
    let mut bench = choosing();
    bench.press(typed("light"));
    let screen = bench.screen();
    assert!(screen.contains("2 of 7") && !screen.contains("colour-blind"), "{screen}");
    bench.press(typed("zzz")).press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("no theme is called that"));
    bench.press([
        key(KeyCode::Backspace),
        key(KeyCode::Backspace),
        key(KeyCode::Backspace),
        key(KeyCode::Enter),
    ]);
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    let screen = bench.screen();
    assert!(screen.contains("theme paper-light is kept"), "{screen}");
    assert!(bench.workbench.remembered().is_some());
    assert!(bench.workbench.remembered().is_none(), "once");
}

#[test]
fn the_terminals_background_chooses_between_two_themes() {
    let given = coloured(Some("paper-dark"), Some("paper-light"));
    let mut bench = Bench::with(&given, 80, 24);
    assert!(bench.workbench.begin().contains(&Effect::AskBackground));
    assert_eq!(page(&mut bench), PAPER_DARK);
    bench.tell(Msg::Look(LookMsg::Background([0x10, 0x10, 0x10])));
    assert!(!bench.workbench.needs_drawing() || page(&mut bench) == PAPER_DARK);
    bench.tell(Msg::Look(LookMsg::Background([0xff, 0xff, 0xe0])));
    assert!(bench.workbench.needs_drawing());
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    bench.tell(Msg::Look(LookMsg::Background([0xff, 0xff, 0xff])));
    assert!(!bench.workbench.needs_drawing(), "nothing has changed");
}

#[test]
fn who_has_one_theme_is_not_asked_and_a_known_background_is_the_first_frames() {
    let mut one = Bench::with(&coloured(Some("paper-dark"), None), 80, 24);
    assert!(!one.workbench.begin().contains(&Effect::AskBackground));
    assert!(!one.press([Event::FocusGained]).effects.contains(&Effect::AskBackground));
    let mut follows = Bench::with(&coloured(Some("paper-dark"), Some("paper-light")), 80, 24);
    assert!(
        follows.press([Event::FocusGained]).effects.contains(&Effect::AskBackground),
        "it may have changed"
    );
    let mut given = coloured(Some("paper-dark"), Some("paper-light"));
    given.light_background = Some(true);
    assert_eq!(page(&mut Bench::with(&given, 80, 24)), PAPER_LIGHT);
    given.terminal.colours = ColourTier::Mono;
    let mut mono = Bench::with(&given, 80, 24);
    assert!(!mono.workbench.begin().contains(&Effect::AskBackground));
    assert_eq!(page(&mut mono), Color::Reset);
}

fn reread(bench: &mut Bench, settings: Settings, warnings: Vec<Warning>) -> Vec<Effect> {
    bench.effects.clear();
    bench.tell(Msg::Look(LookMsg::Reread { settings: Box::new(settings), warnings, themes: all() }));
    std::mem::take(&mut bench.effects)
}

#[test]
fn settings_that_changed_are_in_force_at_once() {
    let mut bench = Bench::with(&coloured(Some("paper-dark"), None), 80, 24);
    bench.found(BUN);
    let mut settings = coloured(Some("paper-light"), None).settings;
    settings.glyphs = Some("ascii".to_owned());
    settings.keys = Settings::parse("config.toml", "[keys]\n\"run.start\" = \"f10\"\n").0.keys;
    settings.ui = UiSettings { mouse: Some(false), ..UiSettings::default() };
    let effects = reread(&mut bench, settings.clone(), Vec::new());
    assert_eq!(effects, [Effect::CaptureMouse(false)]);
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    let screen = bench.screen();
    assert!(screen.is_ascii() && screen.contains("F10 run") && screen.contains("were read anew"), "{screen}");
    assert_eq!(reread(&mut bench, settings, Vec::new()), []);
    assert!(!bench.workbench.needs_drawing(), "they say what they said");
}

#[test]
fn what_can_not_change_while_it_runs_is_said() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN);
    let mut settings = options().settings;
    settings.limits.memory_mb = Some(99);
    settings.minimum_isolation = Some(3);
    reread(&mut bench, settings, Vec::new());
    let screen = bench.screen();
    assert!(screen.contains("minimum_isolation, [limits] can't change"), "{screen}");
    assert!(screen.contains("from the next start on"), "{screen}");
}

#[test]
fn a_file_that_is_being_written_changes_nothing_and_all_that_is_wrong_is_in_the_log() {
    let mut bench = Bench::with(&coloured(Some("paper-light"), None), 100, 30);
    bench.found(BUN);
    let (half, wrong) = Settings::parse("config.toml", "[limits]\nmemory_mb = 99\ntheme = \"mon");
    reread(&mut bench, half, wrong);
    assert_eq!(page(&mut bench), PAPER_LIGHT, "the theme stays");
    assert!(bench.screen().contains("what was in force before still is"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    let text = "odd = 1\neven = 2\ntheme = \"paper-light\"\n[limits]\nmemory_mb = 99\n";
    let (settings, wrong) = Settings::parse("config.toml", text);
    reread(&mut bench, settings, wrong);
    let screen = bench.screen();
    assert!(screen.contains("(and 1 more)") && screen.contains("[limits] from the next start"), "{screen}");
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("M"));
    let screen = bench.screen();
    assert!(screen.contains("`odd`") && screen.contains("`even`"), "{screen}");
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_the_rest_holds() {
    let mut bench = Bench::with(&coloured(Some("paper-dark"), None), 80, 24);
    bench.found(BUN);
    let wrong =
        Warning { place: "config.toml".to_owned(), line: Some(3), message: "unknown key `x`".to_owned() };
    reread(&mut bench, coloured(Some("paper-light"), None).settings, vec![wrong]);
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    assert!(bench.screen().contains("config.toml line 3: unknown key `x`"));
    reread(&mut bench, coloured(Some("gone"), None).settings, Vec::new());
    let screen = bench.screen();
    assert!(screen.contains("theme gone: there is no such theme; `terminal` is"), "{screen}");
}

#[test]
fn the_list_is_drawn_at_any_size_and_without_colour() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: false };
    for (width, height) in [(120, 36), (80, 24), (40, 12), (30, 8), (9, 4), (1, 1)] {
        let mut bench = Bench::with(&given, 80, 24);
        bench.found(BUN).press([key(KeyCode::Esc)]).press(typed("T"));
        bench.tell(Msg::Look(LookMsg::Themes(all())));
        bench.terminal.backend_mut().resize(width, height);
        bench.tell(Msg::Input(Event::Resize(width, height)));
        let screen = bench.screen();
        assert!(screen.is_ascii());
        assert!(width < 40 || screen.contains("no colours here"), "{screen}");
    }
}

#[test]
fn the_file_that_was_shown_last_is_remembered_first() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let mut given = Options { state: Some(dir.path().to_owned()), ..options() };
    (given.file, given.more) = (Some(file("a.py")), vec![file("b.py"), file("c.py")]);
    let mut bench = Bench::with(&given, 100, 30);
    for effect in bench.workbench.begin() {
        if let Effect::Read(buffer, _) = effect {
            let content = Content { text: "one\ntwo\n".to_owned(), ..Content::default() };
            bench.tell(Msg::File(FileMsg::Read(buffer, Ok(Some(content)))));
        }
    }
    let mut order = |keys: &[Event]| -> Vec<String> {
        bench.press(keys.iter().cloned());
        let kept = bench.workbench.remembered();
        assert!(bench.workbench.remembered().is_none(), "once");
        let kept = kept.map_or(serde_json::Value::Null, |kept| serde_json::to_value(kept).unwrap());
        let files = kept["files"].as_array().into_iter().flatten();
        let name = |place: &serde_json::Value| {
            let path = place["path"].as_str().unwrap();
            format!("{}:{}", path.rsplit('/').next().unwrap(), place["row"])
        };
        files.map(name).collect()
    };
    assert_eq!(order(&[key(KeyCode::Esc)])[0], "a.py:0");
    assert_eq!(order(&typed("ffff"))[..2], ["c.py:0", "a.py:0"]);
    assert_eq!(order(&[key(KeyCode::Down)])[..2], ["c.py:1", "a.py:0"]);
    assert_eq!(order(&typed("ff")), ["a.py:0", "c.py:1", "b.py:0"]);
    assert!(order(&typed("j")).is_empty(), "nothing new");
}

#[test]
fn what_was_remembered_is_found_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut given = coloured(Some("paper-dark"), None);
    given.paths = Paths::below(dir.path());
    given.state = Some(dir.path().to_owned());
    let memory = dir.path().join("workbench.json");
    let file = dir.path().join("a.py");
    given.file = Some(file.clone());
    let text = Content { text: "one\ntwo\nthree\n".to_owned(), stamp: Stamp::default() };
    let opened = |bench: &mut Bench| {
        bench.tell(Msg::File(FileMsg::Read(FIRST, Ok(Some(text.clone())))));
    };
    let mut bench = Bench::with(&given, 120, 36);
    opened(&mut bench);
    bench.press([key(KeyCode::Down), key(KeyCode::Down), key(KeyCode::End), key(KeyCode::Esc)]);
    bench.press(typed("zT"));
    bench.tell(Msg::Look(LookMsg::Themes(all()))).press([key(KeyCode::Down), key(KeyCode::Enter)]);
    let before = bench.screen();
    let kept = serde_json::to_string(&bench.workbench.remembered().unwrap()).unwrap();
    std::fs::write(&memory, kept).unwrap();

    let mut bench = Bench::with(&given, 120, 36);
    opened(&mut bench);
    bench.press([key(KeyCode::Esc)]);
    assert_eq!(page(&mut bench), PAPER_LIGHT);
    let after = bench.screen();
    assert!(after.contains("3:6"), "{after}");
    assert_eq!(before.lines().nth(1), after.lines().nth(1), "zoomed again");
    assert!(bench.workbench.remembered().is_none(), "nothing new");

    std::fs::write(&memory, "{").unwrap();
    let screen = Bench::with(&given, 80, 24).screen();
    assert!(screen.contains("what was remembered is left out: it is broken"), "{screen}");
}
