//! The output pane: moving in it, finding, folding, selecting and copying, and what became of that.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::command::focus;
use crate::protocol::Language;
use crate::tui::buffers;
use crate::tui::commands::Cmd;
use crate::tui::document::Document;
use crate::tui::editor::{Action, Motion};
use crate::tui::model::{Model, Pane, Register, Verdict};
use crate::tui::msg::{Copied, Decision, Effect, OutputMsg};
use crate::tui::output::{Kind, Press, thousands};
use crate::tui::overlay::{Overlay, Question, SaveAs};
use crate::tui::text;
use crate::tui::traceback;

/// Two clicks within this time are one of a word.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

/// Does what a command of the output's says.
pub(super) fn perform(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    let (rows, columns) = model.output_room();
    let output = &mut model.output;
    match cmd {
        Cmd::Find => output.seek(false),
        Cmd::FilterOutput => output.seek(true),
        Cmd::FilterContext => match output.widen() {
            Some(0) => model.tell(Verdict::Idle, "lines that hold it alone", ""),
            Some(1) => model.tell(Verdict::Idle, "with the line before and after", "C shows more"),
            Some(lines) => model.tell(Verdict::Idle, format!("with {lines} lines before and after"), ""),
            None => {
                model.tell(Verdict::Idle, "nothing is filtered", "& shows only the lines that hold a text")
            }
        },
        Cmd::FindNext | Cmd::FindPrevious => find(model, cmd == Cmd::FindNext),
        Cmd::Fold => output.fold(rows, columns),
        Cmd::PreviousBlock | Cmd::NextBlock => {
            output.go_to_block(cmd == Cmd::NextBlock, rows, columns);
            output.stretch();
        }
        Cmd::Select if output.selection().is_some() => output.select_other(),
        Cmd::Select => output.select(rows, columns),
        Cmd::CopyLine => return copy_line(model),
        Cmd::CopyRun => return copy_run(model, false),
        Cmd::CopyMarkdown => return copy_run(model, true),
        Cmd::CopyColours => return copy_coloured(model),
        Cmd::SaveOutput => save(model),
        Cmd::GoToSource => go_to_source(model),
        _ => {}
    }
    Vec::new()
}

/// Forgets all output: after a question where that is more than one sees.
pub(super) fn clear(model: &mut Model) {
    let (runs, lines) = (model.output.run_blocks().count(), model.output.len());
    if runs <= 1 && lines <= model.output_room().0 {
        return model.output.clear();
    }
    let of = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let lines = vec![format!("{} lines of {of}", thousands(lines as u64))];
    let yes = Effect::Decided(Decision::ClearOutput);
    model.overlays.push(Overlay::Question(Question::new("Forget all output?", lines, "forget", yes)));
}

/// Up, down and sideways; what is selected grows with it.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let (rows, columns) = model.output_room();
    let output = &mut model.output;
    let sideways = output.selection().is_some_and(|selection| !selection.lines);
    match cmd {
        Cmd::Up | Cmd::Down => output.step(cmd == Cmd::Down, rows, columns),
        Cmd::PageUp | Cmd::PageDown => output.page(cmd == Cmd::PageDown, rows, columns),
        Cmd::Top => output.top(rows, columns),
        Cmd::Left | Cmd::Right if sideways => output.stretch_sideways(cmd == Cmd::Right),
        Cmd::Left => output.left = output.left.saturating_sub(8),
        Cmd::Right if !output.wrap => output.left = (output.left + 8).min(4096),
        _ => {}
    }
    output.stretch();
}

/// One step back: nothing is selected, then nothing is looked for, then the newest is followed. False: there was none.
pub(super) fn leave(model: &mut Model) -> bool {
    let output = &mut model.output;
    if output.selection().is_some() {
        output.unselect();
        return true;
    }
    output.end_seek()
}

/// A key typed into what is looked for; Enter keeps it.
pub(super) fn type_query(model: &mut Model, key: &KeyEvent) {
    let (rows, columns) = model.output_room();
    let Some(seek) = &mut model.output.seek else { return };
    match key.code {
        KeyCode::Enter => model.output.keep_seek(),
        KeyCode::Backspace if seek.field.text().is_empty() => drop(model.output.end_seek()),
        _ => {
            if seek.field.key(key) {
                model.output.sought(rows, columns);
            }
        }
    }
}

/// A text pasted into what is looked for.
pub(super) fn paste_query(model: &mut Model, pasted: &str) {
    let (rows, columns) = model.output_room();
    if let Some(seek) = &mut model.output.seek {
        seek.field.insert(pasted.trim_end_matches(['\r', '\n']));
        model.output.sought(rows, columns);
    }
}

fn find(model: &mut Model, forward: bool) {
    let (rows, columns) = model.output_room();
    if model.output.query().is_none() {
        return model.tell(Verdict::Idle, "nothing is looked for", "/ begins to");
    }
    match model.output.seek_next(forward, rows, columns) {
        None => model.tell(Verdict::Idle, "it is not in the output", ""),
        Some(true) if forward => model.tell(Verdict::Idle, "went on at the oldest output", ""),
        Some(true) => model.tell(Verdict::Idle, "went on at the newest output", ""),
        Some(false) => {}
    }
}

fn copy(model: &mut Model, what: String, copied: String) -> Vec<Effect> {
    if copied.is_empty() {
        model.tell(Verdict::Idle, format!("{what}: there is nothing to copy"), "");
        return Vec::new();
    }
    model.output.copying = what;
    // What was copied can be pasted in the editor, whatever the clipboard takes.
    model.register = Register { lines: copied.ends_with('\n'), text: copied.clone() };
    vec![Effect::Copy(copied)]
}

/// Copies what is selected, else the chosen line as the program wrote it.
fn copy_line(model: &mut Model) -> Vec<Effect> {
    match model.output.selected_text() {
        Some(selected) => {
            model.output.unselect();
            copy(model, "what was selected".to_owned(), selected)
        }
        None => {
            let line = model.output.current_text().unwrap_or_default();
            copy(model, "the line".to_owned(), line)
        }
    }
}

fn copy_run(model: &mut Model, markdown: bool) -> Vec<Effect> {
    let Some(block) = model.output.block(model.output.current()).filter(|block| block.run > 0) else {
        model.tell(Verdict::Idle, "nothing has run yet", "");
        return Vec::new();
    };
    let mut what = format!("run {}", block.run);
    if block.dropped() > 0 {
        what += ", what is in memory of it";
    }
    let written = block.program_text();
    if !markdown {
        return copy(model, what, written);
    }
    let ending = block.result().map(|(_, ending)| ending.to_owned());
    let code = match &block.code {
        Some((language, code)) => fenced(language.extension(), code) + "\n",
        None => {
            what += " without its code, which is no longer kept";
            String::new()
        }
    };
    let ending = ending.map(|ending| format!("\n{}\n", ending.trim_end())).unwrap_or_default();
    copy(model, what, format!("{code}Output:\n\n{}{ending}", fenced("text", &written)))
}

/// Copies a run's output with its colours.
fn copy_coloured(model: &mut Model) -> Vec<Effect> {
    match model.output.block(model.output.current()).filter(|block| block.run > 0) {
        Some(block) => {
            let (plain, text) = (block.program_text(), block.coloured_text());
            let effects = copy(model, format!("run {} with colours", block.run), text);
            // No text of the editor has escape sequences in it.
            model.register = Register { lines: plain.ends_with('\n'), text: plain };
            effects
        }
        None => {
            model.tell(Verdict::Idle, "nothing has run yet", "");
            Vec::new()
        }
    }
}

/// A text between fences longer than any in it.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

fn save(model: &mut Model) {
    match model.output.block(model.output.current()).filter(|block| block.run > 0) {
        Some(block) => {
            let form = SaveAs::output(block.run);
            model.overlays.push(Overlay::SaveAs(form));
        }
        None => model.tell(Verdict::Idle, "nothing has run yet", ""),
    }
}

/// Goes to the line of the editor's text that the chosen line names.
fn go_to_source(model: &mut Model) {
    let line = model.output.current_text().unwrap_or_default();
    let Some(block) = model.output.block(model.output.current()).filter(|block| block.run > 0) else {
        return model.tell(Verdict::Idle, "nothing has run here", "");
    };
    // The text that was run is asked for by the name that it had, which may not be the one it ran under.
    let record = model.history.find(block.run);
    let called = record.and_then(|record| record.file_name.clone());
    let ran_as = record.and_then(|record| record.written.clone()).or_else(|| called.clone());
    let last_is_innermost = record.is_some_and(|record| record.language == Language::Python);
    let row = traceback::line_of(&line, ran_as.as_deref())
        .or_else(|| traceback::innermost(&block.program_text(), ran_as.as_deref(), last_is_innermost));
    let Some(row) = row else {
        return model.tell(Verdict::Idle, "neither this line nor this run names a place in its text", "");
    };
    let Some(record) = record else {
        return model.tell(Verdict::Idle, "that run was forgotten: its text is not known any more", "");
    };
    let line_then = record.code.lines().nth(row - 1).unwrap_or_default().to_owned();
    let is_it = |document: &Document| super::run::named(document).name == called;
    let found = [&model.document]
        .into_iter()
        .chain(buffers::all(model).map(|(document, _)| document))
        .find(|d| is_it(d));
    let Some(found) = found.map(|document| document.id) else {
        return model.tell(Verdict::Idle, "the text that was run is not open any more", "");
    };
    buffers::show_buffer(model, found);
    // The text may have been changed since: the line is where the nearest one like it stands.
    let text = model.editor.text();
    let alike = text.lines().enumerate().filter(|(_, line)| *line == line_then).map(|(at, _)| at + 1);
    let Some(row) = alike.min_by_key(|at| at.abs_diff(row)) else {
        let message = format!("line {row} of what was run is not in the text any more");
        return model.tell(Verdict::Idle, message, "History has the code that was run");
    };
    model.editor.apply(Action::Move { motion: Motion::Top, select: false });
    for _ in 1..row {
        model.editor.apply(Action::Move { motion: Motion::Down, select: false });
    }
    focus(model, Pane::Editor);
    model.edits = false;
}

/// The mouse in the output: pressed and moved it selects, released it copies. `None` is not for the output.
pub(super) fn mouse(model: &mut Model, mouse: MouseEvent) -> Option<Vec<Effect>> {
    let layout = model.layout();
    let (inside, at) = (layout.inside(Pane::Output), Position::new(mouse.column, mouse.row));
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) if inside.contains(at) => {
            focus(model, Pane::Output);
            press(model, inside, at);
        }
        MouseEventKind::Down(_) => {
            model.output.press = None;
            return None;
        }
        MouseEventKind::Drag(MouseButton::Left) if model.output.press.is_some() => drag(model, inside, at),
        MouseEventKind::Up(MouseButton::Left) if model.output.press.is_some() => return Some(release(model)),
        _ => return None,
    }
    model.redraw = true;
    Some(Vec::new())
}

/// The character under the mouse, in the nearest row and column of the pane.
fn under(model: &Model, inside: Rect, at: Position) -> Option<(crate::tui::output::At, usize)> {
    let (rows, columns) = model.output_room();
    let row = usize::from(at.y.saturating_sub(inside.y)).min(rows.saturating_sub(1));
    let column = usize::from(at.x.saturating_sub(inside.x)).min(columns.saturating_sub(1));
    model.output.at_cell((row, column), rows, columns)
}

fn press(model: &mut Model, inside: Rect, at: Position) {
    model.output.unselect();
    let (rows, _) = model.output_room();
    if usize::from(at.y - inside.y) >= rows && model.runs.active.is_some() {
        model.feeds = true;
        return;
    }
    let Some((line, byte)) = under(model, inside, at) else {
        model.output.press = None;
        return;
    };
    let Some(mark) = model.output.mark(line) else { return };
    let again = model.output.press.is_some_and(|last| {
        last.mark == mark && last.byte == byte && model.now.saturating_sub(last.when) <= DOUBLE_CLICK
    });
    let selects = again && model.output.select_word(line, byte);
    model.output.press = Some(Press { mark, byte, when: model.now, selects });
}

fn drag(model: &mut Model, inside: Rect, at: Position) {
    let (rows, columns) = model.output_room();
    let Some(press) = model.output.press else { return };
    if at.y < inside.y {
        model.output.scroll(-1, rows, columns);
    } else if usize::from(at.y.saturating_sub(inside.y)) >= rows {
        model.output.scroll(1, rows, columns);
    }
    let Some((line, byte)) = under(model, inside, at) else { return };
    let moved = model.output.mark(line) != Some(press.mark) || byte != press.byte;
    if model.output.selection().is_none() && moved {
        let begun = model.output.find(&press.mark);
        model.output.select_at(begun, press.byte);
    }
    if model.output.selection().is_some() && (moved || !press.selects) {
        model.output.select_to(line, byte);
        model.output.press = Some(Press { selects: true, ..press });
    }
}

fn release(model: &mut Model) -> Vec<Effect> {
    model.redraw = true;
    let Some(press) = model.output.press else { return Vec::new() };
    if press.selects {
        let selected = model.output.selected_text().unwrap_or_default();
        model.output.unselect();
        return copy(model, "what was selected".to_owned(), selected);
    }
    // A click on a header folds its run.
    let at = model.output.find(&press.mark);
    if model.output.line(at).is_some_and(|line| line.kind == Kind::Header) {
        let (rows, columns) = model.output_room();
        model.output.fold_at(at, rows, columns);
    }
    Vec::new()
}

/// A run's output begins to be saved: of much of it that takes a while.
pub(super) fn saving(model: &mut Model, effect: &Effect) {
    if let Effect::SaveOutput { run, path, .. } = effect {
        model.output.saving.push((*run, path.clone()));
        model.tell(Verdict::Idle, format!("saving the output of run {run} to {}", path.display()), "");
    }
}

fn is_saved(model: &mut Model, run: u32, path: &std::path::Path) {
    let saving = &mut model.output.saving;
    if let Some(at) = saving.iter().position(|(of, to)| *of == run && to == path) {
        saving.remove(at);
    }
}

/// What was told of output that was kept or copied.
pub(super) fn update(model: &mut Model, msg: OutputMsg) -> Vec<Effect> {
    match msg {
        OutputMsg::Copied { size, how } => copied(model, size, &how),
        OutputMsg::NotCopied { text, why } => {
            tracing::info!("not copied: {why}");
            return vec![Effect::CopyByTerminal(text)];
        }
        OutputMsg::Kept(run, kept) => model.output.set_kept(run, kept),
        OutputMsg::Saved { run, path, result: Ok(bytes) } => {
            is_saved(model, run, &path);
            let size = text::bytes(bytes);
            model.tell(Verdict::Ok, format!("run {run}: {size} saved to {}", path.display()), "");
        }
        OutputMsg::Saved { run, path, result: Err(why) } => {
            is_saved(model, run, &path);
            let message = format!("run {run} was not saved to {}: {why}", path.display());
            model.tell(Verdict::Fail, message, "S asks for another name");
        }
    }
    Vec::new()
}

fn copied(model: &mut Model, size: usize, how: &Copied) {
    let size = text::bytes(size as u64);
    let what = match std::mem::take(&mut model.output.copying) {
        what if what.is_empty() => size,
        what => format!("{what} ({size})"),
    };
    match how {
        Copied::By(program) => model.tell(Verdict::Ok, format!("{what} copied with {program}"), ""),
        Copied::Sent => model.tell(Verdict::Ok, format!("{what} sent to the terminal's clipboard"), ""),
        Copied::TooLarge(limit) => {
            let message =
                format!("{what} was not copied: a terminal takes {} at once", text::bytes(*limit as u64));
            let save = if model.focus == Pane::Output { ", or save it: S in the output" } else { "" };
            model.tell(Verdict::Warn, message, format!("select less{save}"));
        }
    }
}
