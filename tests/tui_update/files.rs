//! What the files pane does about what happens.

use codebeaker::engine::{Link, Told};
use codebeaker::protocol::*;
use codebeaker::tui::{Done, Effect, FilesMsg, Msg, Refusal, RunMsg, SessionMsg, Task};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::tui_support::remote::{changed, down, up};
use crate::tui_support::{Bench, ctrl, key, session, typed};
use crate::{BUN, created};

fn entry(name: &str) -> DirectoryEntry {
    let kind = if name.ends_with('/') { EntryKind::Directory } else { EntryKind::File };
    let name = name.trim_end_matches('/').to_owned();
    let (path, size) = (name.clone(), 12);
    DirectoryEntry { name, path, kind, size, modified: String::new(), mode: "0644".to_owned() }
}

/// The tasks that were begun, with their numbers.
fn begun(bench: &Bench) -> Vec<(u64, Task)> {
    let task = |effect: &Effect| match effect {
        Effect::Files { number, task, .. } => Some((*number, Task::clone(task))),
        _ => None,
    };
    bench.effects.iter().filter_map(task).collect()
}

fn answer(bench: &mut Bench, id: &str, result: Result<Done, Refusal>) {
    let (number, _) = begun(bench).last().cloned().unwrap();
    bench.tell(Msg::Files(FilesMsg::Done { session: SessionId::from(id), number, result }));
}

fn listed(names: &[&str]) -> Result<Done, Refusal> {
    Ok(Done::Listed { entries: names.iter().map(|name| entry(name)).collect(), truncated: false })
}

fn list(path: &str) -> Task {
    Task::List { path: path.to_owned(), hidden: false }
}

/// A workbench with one session, whose files are listed and in focus.
fn at_files(names: &[&str]) -> Bench {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    answer(&mut bench, "s1", listed(names));
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    bench
}

fn finished(execution: &str) -> Msg {
    Msg::Session(SessionMsg::Told(Told::Event(SessionEvent::Finished {
        session_id: SessionId::from("s1"),
        execution_id: ExecutionId::from(execution),
        success: true,
    })))
}

#[test]
fn files_are_listed_where_they_show_and_for_the_chosen_session() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    assert!(begun(&bench).is_empty(), "no files pane on this screen");
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    assert_eq!(begun(&bench), [(1, list(""))]);
    assert!(bench.screen().contains("listing"));
    answer(&mut bench, "s1", listed(&["only.py"]));
    assert!(bench.screen().contains("only.py"));
    bench.tell(created("s2", None, Language::JavaScript));
    assert_eq!(begun(&bench).last(), Some(&(2, list(""))));
    assert!(!bench.screen().contains("only.py"), "another session's files");
    answer(&mut bench, "s2", listed(&[]));
    assert!(bench.screen().contains("nothing here yet: F5 can write files"));
}

#[test]
fn a_run_that_ended_lists_again_and_a_listing_does_not() {
    let mut bench = at_files(&["a.py"]);
    assert_eq!(begun(&bench).len(), 1);
    bench.tell(finished("files-1")).tell(finished("files-2"));
    assert_eq!(begun(&bench).len(), 1);
    bench.tell(finished("run"));
    assert_eq!(begun(&bench).len(), 2);
    bench.screen();
    answer(&mut bench, "s1", listed(&["a.py"]));
    assert!(!bench.workbench.needs_drawing(), "nothing is new");
    // File commands are no runs.
    assert!(!bench.screen().contains("busy"));
}

#[test]
fn directories_are_listed_when_they_are_opened() {
    let mut bench = at_files(&["src/", "z.py"]);
    bench.press([key(KeyCode::Right)]);
    assert_eq!(begun(&bench).last(), Some(&(2, list("src"))));
    assert!(bench.screen().contains("- src/"));
    answer(&mut bench, "s1", listed(&["in.py"]));
    bench.press([key(KeyCode::Right)]);
    assert!(bench.screen().contains("▸    in.py"), "into it");
    bench.press([key(KeyCode::Left), key(KeyCode::Left)]);
    let screen = bench.screen();
    assert!(screen.contains("▸+ src/") && !screen.contains("in.py"), "{screen}");
    bench.press([key(KeyCode::Enter)]);
    assert_eq!(begun(&bench).len(), 2, "it is known");
    bench.press([key(KeyCode::Char('R'))]);
    assert_eq!(begun(&bench).len(), 3, "one after the other");
    answer(&mut bench, "s1", listed(&["z.py"]));
    answer(&mut bench, "s1", Err(Refusal::Failed(Failure::new(ErrorKind::Internal, "it is gone", ""))));
    assert!(!bench.screen().contains("gone"), "nor is what was in it shown");
}

#[test]
fn a_failure_to_list_is_shown_with_its_reason() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    let why = Failure::new(ErrorKind::Internal, "no\u{1b}[2J room", "");
    answer(&mut bench, "s1", Err(Refusal::Failed(why)));
    assert!(bench.screen().contains("✗ no␛[2J room"));
}

#[test]
fn tasks_wait_for_each_other_and_end_with_their_session() {
    let mut bench = at_files(&["a.py", "b.py"]);
    bench.press(typed("x")).press([key(KeyCode::Down)]).press(typed("x"));
    let delete = |path: &str| Task::Delete { path: path.to_owned(), sure: false };
    assert_eq!(begun(&bench).last(), Some(&(2, delete("a.py"))));
    assert!(bench.screen().contains("deleting a.py"));
    answer(&mut bench, "s1", Ok(Done::Deleted(None)));
    assert!(begun(&bench).contains(&(3, delete("b.py"))), "and beside it the files are listed");
    let closed =
        SessionEvent::State { session_id: SessionId::from("s1"), state: SessionState::Closed, reason: None };
    bench.tell(Msg::Session(SessionMsg::Told(Told::Event(closed))));
    assert!(bench.screen().contains("deleting b.py: ended with the session"), "{}", bench.screen());
    // Its answer comes too late to mean anything.
    let (session, result) = (SessionId::from("s1"), Ok(Done::Deleted(None)));
    bench.tell(Msg::Files(FilesMsg::Done { session, number: 3, result }));
    assert!(!bench.screen().contains("is deleted"));
}

#[test]
fn nothing_is_asked_while_the_link_is_down_and_all_is_listed_when_it_is_back() {
    let mut bench = at_files(&["a.py"]);
    bench.tell(changed(Link::Up(up(9)))).tell(changed(Link::Down(down(1, Some(1)))));
    let before = begun(&bench).len();
    bench.press(typed("x")).press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("nothing can be asked of") && screen.contains("a.py"), "{screen}");
    assert_eq!(begun(&bench).len(), before);
    bench.tell(changed(Link::Up(up(9))));
    assert_eq!(begun(&bench).len(), before + 1);
}

#[test]
fn a_text_whose_session_is_closed_can_be_saved_on_this_machine() {
    let mut bench = at_files(&["a.py"]);
    bench.press([key(KeyCode::Enter)]);
    assert_eq!(begun(&bench).last(), Some(&(2, Task::Open { path: "a.py".to_owned() })));
    let seen = codebeaker::tui::Seen { size: 4, hash: 7 };
    answer(&mut bench, "s1", Ok(Done::Opened { text: "text".to_owned(), seen }));
    bench.press(typed("ix"));
    let event =
        SessionEvent::State { session_id: SessionId::from("s1"), state: SessionState::Closed, reason: None };
    bench.press([key(KeyCode::F(4))]);
    let save = begun(&bench).last().cloned().unwrap().1;
    assert!(
        matches!(&save, Task::Save { text, known: Some(known), .. } if text == "xtext" && *known == seen)
    );
    bench.tell(Msg::Session(SessionMsg::Told(Told::Event(event))));
    bench.press([key(KeyCode::F(4))]);
    let screen = bench.screen();
    assert!(
        screen.contains("Save as") && screen.contains("the session that a.py was in is closed"),
        "{screen}"
    );
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Save { text, .. } if text == "xtext")));
}

#[test]
fn what_a_run_wrote_is_not_a_strangers() {
    let mut bench = at_files(&["a.ts"]);
    bench.press([key(KeyCode::Enter)]);
    let seen = codebeaker::tui::Seen { size: 4, hash: 7 };
    answer(&mut bench, "s1", Ok(Done::Opened { text: "1".to_owned(), seen }));
    bench.press(typed("i2")).press([key(KeyCode::F(5))]);
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Execute { code, .. } if code == "21")));
    bench.tell(Msg::Run(RunMsg::Finished(1, crate::tui_support::finished(0)))).press([key(KeyCode::F(4))]);
    let known = match begun(&bench).last().cloned().unwrap().1 {
        Task::Save { known, .. } => known,
        other => panic!("{other:?}"),
    };
    assert_eq!(known.map(|known| known.size), Some(2));
}

#[test]
fn a_long_copy_is_ended_with_ctrl_c() {
    let mut bench = at_files(&["src/"]);
    bench.press(typed("c\n"));
    bench.tell(Msg::Files(FilesMsg::Progress {
        session: SessionId::from("s1"),
        number: 2,
        files: (3, 12),
        bytes: (3_000_000, 9_000_000),
    }));
    assert!(bench.screen().contains("copying src  3 of 12 files, 3.0 MB of 9.0 MB"), "{}", bench.screen());
    bench.press([ctrl('c')]);
    assert!(bench.effects.contains(&Effect::StopFiles(2)));
    answer(&mut bench, "s1", Err(Refusal::Ended("a part of src-copy is there".to_owned())));
    assert!(bench.screen().contains("copying src: you ended it"));
}

#[test]
fn the_mouse_chooses_and_twice_opens() {
    let mut bench = at_files(&["a.py", "b.py"]);
    let mouse =
        |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let click = mouse(MouseEventKind::Down(MouseButton::Left), 6, 19);
    bench.press([click.clone()]);
    assert!(bench.screen().contains("▸  b.py"), "{}", bench.screen());
    assert_eq!(begun(&bench).len(), 1);
    bench.press([click]);
    assert_eq!(begun(&bench).last(), Some(&(2, Task::Open { path: "b.py".to_owned() })));
    bench.press([mouse(MouseEventKind::ScrollUp, 6, 19)]);
    assert!(bench.screen().contains("▸  a.py"));
}

#[test]
fn names_that_are_no_utf_8_are_shown_and_refused() {
    let mut bench = at_files(&["caf\u{fffd}.py"]);
    for letter in ["o", "x", "r", "c", "D"] {
        bench.press(typed(letter));
        assert!(bench.screen().contains("the name is not UTF-8"), "{letter}");
        bench.press([key(KeyCode::Esc)]);
    }
    assert_eq!(begun(&bench).len(), 1);
}

#[test]
fn the_filter_narrows_as_it_is_typed() {
    let mut bench = at_files(&["alpha.py", "beta.py", "q.py"]);
    bench.press(typed("/bt"));
    let screen = bench.screen();
    assert!(screen.contains("▸  beta.py") && !screen.contains("alpha.py") && screen.contains("/ bt"));
    bench.press([key(KeyCode::Enter), key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(screen.contains("▸  beta.py") && screen.contains("alpha.py"), "what was chosen stays so");
    // While it is typed, letters are letters.
    bench.press(typed("/q"));
    assert!(!bench.effects.contains(&Effect::Quit));
    assert!(bench.screen().contains("▸  q.py"));
}

#[test]
fn a_session_that_is_lost_says_so() {
    let mut bench = at_files(&["a.py"]);
    let mut info = session("s1", Language::TypeScript, RuntimeType::Bun);
    info.state = SessionState::Lost;
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![info]))));
    assert!(bench.screen().contains("the session is lost, and"), "{}", bench.screen());
}

#[test]
fn a_new_file_is_typed_into_at_once() {
    let mut bench = at_files(&["long.txt"]);
    bench.press(typed("n"));
    let screen = bench.screen();
    assert!(screen.contains(" NEW FILE  Enter make   Esc back"), "{screen}");
    bench.press(typed("a.txt")).press([key(KeyCode::Enter)]);
    // The box asks for it; the queue gives it a number.
    assert!(begun(&bench).iter().any(|(_, task)| *task == Task::NewFile { path: "a.txt".to_owned() }));
    let path = "a.txt".to_owned();
    let number = begun(&bench).last().map_or(0, |(number, _)| *number);
    let made = FilesMsg::Done { session: SessionId::from("s1"), number, result: Ok(Done::Made) };
    bench.tell(Msg::Files(made));
    let opens = begun(&bench).into_iter().rev().find(|(_, task)| *task == Task::Open { path: path.clone() });
    let (number, _) = opens.unwrap();
    let seen = codebeaker::tui::Seen { size: 0, hash: 0 };
    let result = Ok(Done::Opened { text: String::new(), seen });
    bench.tell(Msg::Files(FilesMsg::Done { session: SessionId::from("s1"), number, result }));
    bench.press(typed("hello"));
    let screen = bench.screen();
    assert!(screen.contains("3 Editor  a.txt [workspace] *") && screen.contains("1 hello"), "{screen}");
}

/// A workbench with a text of the workspace that was typed into.
fn with_text(path: &str) -> Bench {
    let mut bench = at_files(&[path]);
    bench.press([key(KeyCode::Enter)]);
    let seen = codebeaker::tui::Seen { size: 4, hash: 7 };
    answer(&mut bench, "s1", Ok(Done::Opened { text: "text".to_owned(), seen }));
    bench.press(typed("ix"));
    bench
}

#[test]
fn another_engine_leaves_no_text_that_waits_to_be_saved() {
    let mut bench = with_text("a.py");
    bench.press([key(KeyCode::F(4))]);
    assert!(matches!(begun(&bench).last(), Some((_, Task::Save { .. }))));
    bench.press([key(KeyCode::Esc)]).press(typed("c")).press(typed("ws://lab")).press([key(KeyCode::Enter)]);
    super::link::reached(&mut bench, Link::Up(up(14)));
    // It is seen when what is told of the engine is gone.
    bench.waits();
    assert!(bench.screen().contains("saving a.py: left unfinished"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::F(4))]);
    assert!(bench.screen().contains("Save as"), "{}", bench.screen());
}

#[test]
fn a_text_that_found_no_room_in_the_queue_can_be_saved_later() {
    let mut bench = with_text("a.py");
    // One is under way, and as many wait as may.
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    for _ in 0..65 {
        bench.press(typed("x"));
    }
    bench.press([key(KeyCode::F(4))]);
    assert!(bench.screen().contains("saving a.py: too much waits"), "{}", bench.screen());
    let one_ends = |bench: &mut Bench| {
        let deletes = begun(bench).into_iter().rev().find(|(_, task)| matches!(task, Task::Delete { .. }));
        let (session, number) = (SessionId::from("s1"), deletes.unwrap().0);
        bench.tell(Msg::Files(FilesMsg::Done { session, number, result: Ok(Done::Deleted(None)) }));
    };
    one_ends(&mut bench);
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::F(4))]);
    assert!(!bench.screen().contains("too much waits"), "{}", bench.screen());
    (0..64).for_each(|_| one_ends(&mut bench));
    let saves = |(_, task): &(u64, Task)| matches!(task, Task::Save { .. });
    assert!(begun(&bench).iter().any(saves), "{:?}", begun(&bench).last());
}

#[test]
fn a_text_that_is_opened_late_leaves_the_one_that_a_box_is_about() {
    let late = |bench: &mut Bench| {
        let seen = codebeaker::tui::Seen { size: 4, hash: 7 };
        answer(bench, "s1", Ok(Done::Opened { text: "late\nlate".to_owned(), seen }));
    };
    let mut bench = at_files(&["a.py"]);
    bench.press([key(KeyCode::Enter), key(KeyCode::F(4))]);
    assert!(bench.screen().contains("Save as"), "{}", bench.screen());
    late(&mut bench);
    assert!(bench.screen().contains("a.py is open behind this text"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    let saved = bench.effects.iter().find_map(|effect| match effect {
        Effect::Save { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(saved.as_ref().is_some_and(|text| text.contains("squares")), "{saved:?}");

    // Nor is anything replaced in it.
    let mut bench = at_files(&["a.py"]);
    bench.press([key(KeyCode::Enter), key(KeyCode::Char('3'))]).press(typed("/squ"));
    late(&mut bench);
    let screen = bench.screen();
    assert!(screen.contains("/ squ") && screen.contains("1 of ") && !screen.contains("late"), "{screen}");
}

/// What the file of each run was called.
fn run_as(bench: &Bench) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::Execute { file_name, .. } => Some(file_name.clone().unwrap_or_default()),
        _ => None,
    };
    bench.effects.iter().filter_map(name).collect()
}

fn ends(bench: &mut Bench, run: u32) {
    bench.tell(Msg::Run(RunMsg::Finished(run, crate::tui_support::finished(0))));
}

/// Makes a file from the files pane, and shows it.
fn makes(bench: &mut Bench, path: &str) {
    bench.press(typed("n")).press(typed(path)).press([key(KeyCode::Enter)]);
    let (made, seen) = (|task: &Task| matches!(task, Task::NewFile { .. }), codebeaker::tui::Seen::of(b""));
    let number = |bench: &Bench, is: &dyn Fn(&Task) -> bool| {
        begun(bench).into_iter().rev().find(|(number, task)| *number > 0 && is(task)).unwrap().0
    };
    let session = || SessionId::from("s1");
    let done = FilesMsg::Done { session: session(), number: number(bench, &made), result: Ok(Done::Made) };
    bench.tell(Msg::Files(done));
    let result = Ok(Done::Opened { text: String::new(), seen });
    let opened = number(bench, &|task| matches!(task, Task::Open { .. }));
    bench.tell(Msg::Files(FilesMsg::Done { session: session(), number: opened, result }));
}

#[test]
fn a_text_of_the_workspace_runs_where_it_is() {
    let mut bench = at_files(&["main.ts"]);
    makes(&mut bench, "sub/main.ts");
    bench.press(typed("1")).press([key(KeyCode::F(5))]);
    assert_eq!(run_as(&bench), ["sub/main.ts"]);
    ends(&mut bench, 1);
    // A part of it runs beside it.
    bench.press([key(KeyCode::F(5))]);
    ends(&mut bench, 2);
    bench.press([Event::Key(crossterm::event::KeyEvent::new(KeyCode::Home, KeyModifiers::SHIFT))]);
    bench.press([Event::Key(crossterm::event::KeyEvent::new(KeyCode::F(5), KeyModifiers::SHIFT))]);
    assert_eq!(run_as(&bench)[1..], ["sub/main.ts", "sub/main-run.ts"]);
}

#[test]
fn a_run_writes_over_no_file_that_its_person_made_there() {
    let mut bench = at_files(&[]);
    bench.press([key(KeyCode::Char('3'))]).press(typed("i2")).press([key(KeyCode::F(5))]);
    ends(&mut bench, 1);
    assert_eq!(run_as(&bench), ["scratch.ts"]);
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    makes(&mut bench, "scratch-2.ts");
    bench.press(typed("3")).press([key(KeyCode::F(5))]);
    ends(&mut bench, 2);
    // The other text again.
    bench.press([key(KeyCode::Esc)]).press(typed("fn")).press([key(KeyCode::F(5))]);
    assert_eq!(run_as(&bench)[1..], ["scratch-2.ts", "scratch-2-run.ts"]);
    assert!(
        bench.screen().contains("your scratch-2.ts there stays: this runs as scratch-2-"),
        "{}",
        bench.screen()
    );
}

#[test]
fn files_that_were_saved_in_a_session_are_a_reason_to_stay() {
    let mut bench = at_files(&[]);
    makes(&mut bench, "a.ts");
    bench.press([ctrl('q')]);
    let screen = bench.screen();
    assert!(screen.contains("session TypeScript on bun holds files that you saved there"), "{screen}");
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('1'))]);
    bench.press(typed("x"));
    assert!(bench.screen().contains("goes with it: 1 file"), "{}", bench.screen());
}
