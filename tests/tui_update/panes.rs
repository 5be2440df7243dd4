//! Zooming, resizing and dragging panes.

use codebeaker::tui::Effect;
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::tui_support::{Bench, key, typed};

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// The column at which a pane's frame begins in the first row of panes, or its row in the screen.
fn column_of(screen: &str, title: &str) -> usize {
    let line = screen.lines().find(|line| line.contains(title)).unwrap_or_default();
    line.find(title).map_or(0, |at| line[..at].chars().count())
}

fn row_of(screen: &str, title: &str) -> usize {
    screen.lines().position(|line| line.contains(title)).unwrap_or(0)
}

#[test]
fn a_border_is_dragged_and_the_panes_follow() {
    let mut bench = Bench::new(120, 36);
    let before = bench.screen();
    let (stats, output) = (column_of(&before, "5 Stats"), row_of(&before, "4 Output"));
    // The right column's border, ten cells to the left.
    bench.press([
        mouse(MouseEventKind::Down(MouseButton::Left), 84, 10),
        mouse(MouseEventKind::Drag(MouseButton::Left), 75, 12),
        mouse(MouseEventKind::Up(MouseButton::Left), 75, 12),
    ]);
    assert_eq!(column_of(&bench.screen(), "5 Stats"), stats - 10, "{}", bench.screen());
    // Dragging on without a button held moves nothing.
    bench.press([mouse(MouseEventKind::Drag(MouseButton::Left), 60, 12)]);
    assert_eq!(column_of(&bench.screen(), "5 Stats"), stats - 10);
    // The output's upper border, three rows up.
    let row = u16::try_from(output).unwrap_or(0);
    bench.press([
        mouse(MouseEventKind::Down(MouseButton::Left), 40, row - 1),
        mouse(MouseEventKind::Drag(MouseButton::Left), 40, row - 3),
        mouse(MouseEventKind::Up(MouseButton::Left), 40, row - 3),
    ]);
    assert_eq!(row_of(&bench.screen(), "4 Output"), output - 3);
}

#[test]
fn keys_resize_the_pane_in_focus_and_even_gives_it_back() {
    let mut bench = Bench::new(120, 36);
    bench.press([key(KeyCode::Esc)]);
    let before = bench.screen();
    bench.press(typed(">>+"));
    let wider = bench.screen();
    assert_eq!(column_of(&wider, "5 Stats"), column_of(&before, "5 Stats") + 4);
    assert_eq!(row_of(&wider, "4 Output"), row_of(&before, "4 Output") + 1);
    bench.press(typed("4+"));
    assert_eq!(row_of(&bench.screen(), "4 Output"), row_of(&before, "4 Output"));
    bench.press(typed("="));
    assert_eq!(column_of(&bench.screen(), "5 Stats"), column_of(&before, "5 Stats"));
    // There is nothing beside a pane that is as wide as the screen, and that is said.
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::Esc)]).press(typed("<"));
    assert!(bench.screen().contains("as wide as it can be"), "{}", bench.screen());
}

#[test]
fn a_zoomed_pane_says_so_and_goes_back() {
    let mut bench = Bench::new(120, 36);
    bench.press([key(KeyCode::Esc)]).press(typed("z"));
    let screen = bench.screen();
    assert!(screen.contains("zoomed") && !screen.contains("4 Output"), "{screen}");
    // Another pane in focus is zoomed in its place.
    bench.press(typed("4"));
    let screen = bench.screen();
    assert!(screen.contains("> 4 Output") && !screen.contains("3 Editor"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(!screen.contains("zoomed") && screen.contains("3 Editor"), "{screen}");
}

#[test]
fn esc_ends_typing_before_it_ends_the_zoom() {
    let mut bench = Bench::new(120, 36);
    bench.press([key(KeyCode::Esc)]).press(typed("zi"));
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("zoomed"));
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("zoomed"));
}

#[test]
fn the_mouse_is_left_to_the_terminal_and_taken_again() {
    let mut bench = Bench::new(120, 36);
    let toggle = |bench: &mut Bench| {
        bench.press([key(KeyCode::F(2))]).press(typed("mouse")).press([key(KeyCode::Enter)]);
    };
    toggle(&mut bench);
    assert_eq!(bench.effects.last(), Some(&Effect::CaptureMouse(false)));
    assert!(bench.screen().contains("F2 «mouse» takes it back"), "{}", bench.screen());
    toggle(&mut bench);
    assert_eq!(bench.effects.last(), Some(&Effect::CaptureMouse(true)));
}
