//! Two runs side by side: where they ran, how they ended, what they cost, and which lines of their output or of their
//! code differ. Compared once, when it is opened.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::tui::diff::{Diff, Line, MAX_LINES};
use crate::tui::history::{End, Record};
use crate::tui::layout::centred;
use crate::tui::model::{Model, Verdict};
use crate::tui::output::Block;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;
use crate::tui::widget::outcome;

/// Cells of a figure's name.
const NAME: usize = 8;
/// Cells of a run's column.
const COLUMN: usize = 22;

/// The longest words on how a run ended that have room in its column.
const SHORT: usize = 10;

/// What is known of the two.
#[derive(Clone, Debug)]
pub(crate) struct Compare {
    runs: [Record; 2],
    /// `None`: the output of one of them is not kept any more.
    output: Option<Diff>,
    /// Of the runs with these numbers only the last lines of the output are in memory.
    partly: Vec<u32>,
    code: Diff,
    /// The code is shown in the place of the output.
    shows_code: bool,
    top: usize,
}

/// A row of the box.
enum Row {
    Plain(Role, String),
    /// A figure's name, and its value in each of the runs.
    Figure(&'static str, [String; 2], String),
    /// How each of them ended.
    Ending([(Verdict, String); 2]),
}

impl Compare {
    /// Compares two runs; `None`: one of them is not kept any more.
    pub(crate) fn of(model: &Model, first: u32, second: u32) -> Option<Self> {
        let runs = [model.history.find(first)?.clone(), model.history.find(second)?.clone()];
        let [a, b] = [first, second].map(|number| written(model, number));
        let cut =
            |number, of: &Option<(String, bool)>| of.as_ref().filter(|(_, whole)| !whole).map(|_| number);
        let partly = cut(first, &a).into_iter().chain(cut(second, &b)).collect();
        let output = a.zip(b).map(|((a, _), (b, _))| Diff::of(&a, &b));
        let code = Diff::of(&runs[0].code, &runs[1].code);
        Some(Self { runs, output, partly, code, shows_code: false, top: 0 })
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let page = usize::from(self.area(model).height.saturating_sub(3).max(1));
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => {
                self.shows_code = !self.shows_code;
                self.top = 0;
            }
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.top += 1,
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top += page,
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            KeyCode::End | KeyCode::Char('G') => self.top = usize::MAX,
            _ => {}
        }
        self.top = self.top.min(self.rows().len().saturating_sub(page));
        Outcome::Stay(Vec::new())
    }

    fn area(&self, model: &Model) -> Rect {
        centred(model.room(), 100, model.room().height.saturating_sub(4).max(8))
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.figures();
        rows.push(Row::Plain(Role::Text, String::new()));
        let (name, diff) =
            if self.shows_code { ("code", Some(&self.code)) } else { ("output", self.output.as_ref()) };
        let Some(diff) = diff else {
            rows.push(Row::Plain(Role::Strong, format!("{name}: of one of them it is not kept any more")));
            return rows;
        };
        let partly: &[u32] = if self.shows_code { &[] } else { &self.partly };
        let words = match (partly, diff.is_same()) {
            ([], _) => summary(diff),
            (_, true) => "what is in memory is the same".to_owned(),
            (_, false) => format!("{} in what is in memory", summary(diff)),
        };
        rows.push(Row::Plain(Role::Strong, format!("{name}: {words}")));
        for number in partly {
            let words = format!("of run {number} only the last lines are in memory");
            rows.push(Row::Plain(Role::Warn, words));
        }
        rows.extend(diff.lines.iter().map(line));
        if diff.cut {
            rows.push(Row::Plain(Role::Muted, format!("only {MAX_LINES} lines of each are compared")));
        }
        rows
    }

    fn figures(&self) -> Vec<Row> {
        let [a, b] = &self.runs;
        let each = |of: &dyn Fn(&Record) -> String| [of(a), of(b)];
        let figure = |name, of: &dyn Fn(&End) -> Option<u64>, show: fn(u64) -> String| {
            let [x, y] = [a, b].map(|run| run.end.as_ref().and_then(of));
            let value = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), show);
            Row::Figure(name, [value(x), value(y)], change(x, y))
        };
        let mut rows = vec![
            Row::Figure("", each(&|run| format!("run {}", run.number)), String::new()),
            Row::Figure("ran on", each(&ran_on), String::new()),
            Row::Figure("start", each(&start), String::new()),
            Row::Ending([ending(a), ending(b)]),
        ];
        // What has no room in a column is told below it.
        let long = |run: &&Record| run.end.as_ref().is_some_and(|end| text::width(&end.ending) > SHORT);
        for run in self.runs.iter().filter(long) {
            let (number, (_, words)) = (run.number, ending(run));
            rows.push(Row::Plain(Role::Muted, format!("run {number}: {words}")));
        }
        rows.extend([
            figure("wall", &|end| end.wall_ms, text::whole_millis),
            figure("cpu", &|end| end.cpu_ms, text::whole_millis),
            figure("peak", &|end| end.peak_bytes, text::bytes),
            Row::Plain(Role::Text, format!("{:<NAME$}{}", "code", summary(&self.code))),
        ]);
        rows
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let area = self.area(model);
        let [a, b] = &self.runs;
        let other = if self.shows_code { "Tab output" } else { "Tab code" };
        let title = format!("Runs {} and {}", a.number, b.number);
        let inside = over(&title, &format!("{other}  Esc close"), theme, area, frame);
        let rows = self.rows();
        let top = self.top.min(rows.len().saturating_sub(usize::from(inside.height)));
        for (row, y) in rows.iter().skip(top).zip(inside.top()..inside.bottom()) {
            let line = Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(2), height: 1 };
            draw_row(row, theme, line.intersection(inside), frame);
        }
        let below = rows.len().saturating_sub(top + usize::from(inside.height));
        if below > 0 && inside.width > 14 {
            let more = format!(" {below} more ");
            let x = inside.right().saturating_sub(u16::try_from(more.len()).unwrap_or(0));
            frame.buffer_mut().set_string(x, inside.bottom(), more, theme.style(Role::Muted));
        }
    }
}

/// What is in memory of a run's output, here or in its lane of the race, and whether that is all of it.
fn written(model: &Model, number: u32) -> Option<(String, bool)> {
    let lanes = || model.race.iter().flat_map(|race| &race.lanes);
    let lane = || Some(&lanes().find(|lane| lane.number == number)?.output);
    let of = |block: &Block| (block.program_text(), block.dropped() == 0);
    let block = model.output.run_blocks().find(|block| block.run == number);
    block.map(of).or_else(|| Some(lane()?.newest().map(of).unwrap_or((String::new(), true))))
}

fn summary(diff: &Diff) -> String {
    match (diff.is_same(), diff.cut) {
        (true, false) => "the same in both".to_owned(),
        (true, true) => "the same as far as they are compared".to_owned(),
        (false, false) => format!("-{} +{} lines", diff.gone, diff.new),
        (false, true) => format!("-{} +{} lines and more", diff.gone, diff.new),
    }
}

fn line(line: &Line) -> Row {
    let (role, mark, words) = match line {
        Line::Same(words) => (Role::Muted, "  ", words),
        Line::Gone(words) => (Role::Fail, "- ", words),
        Line::New(words) => (Role::Ok, "+ ", words),
        Line::Skipped(1) => return Row::Plain(Role::Meta, "  (1 equal line)".to_owned()),
        Line::Skipped(many) => return Row::Plain(Role::Meta, format!("  ({many} equal lines)")),
    };
    Row::Plain(role, format!("{mark}{}", text::sanitise(words)))
}

fn ran_on(run: &Record) -> String {
    let runtime = run.place.as_ref().map_or("-", |place| place.runtime.short());
    format!("{runtime} {}", run.language.extension())
}

fn start(run: &Record) -> String {
    let start = run.place.as_ref().map_or("-", |place| if place.cold { "cold" } else { "warm" });
    start.to_owned()
}

fn ending(run: &Record) -> (Verdict, String) {
    let words = run.end.as_ref().map_or_else(String::new, |end| end.ending.clone());
    (run.verdict(), words)
}

/// By how much the second is more or less than the first.
fn change(first: Option<u64>, second: Option<u64>) -> String {
    match (first, second) {
        (Some(first), Some(second)) if first > 0 => {
            let percent = (second as f64 - first as f64) * 100.0 / first as f64;
            // Beyond that a factor says more.
            if percent >= 1000.0 {
                format!("{:.0} times", second as f64 / first as f64)
            } else {
                // Without a sign where it rounds to nothing.
                let percent = percent.round() as i64;
                if percent == 0 { "0 %".to_owned() } else { format!("{percent:+} %") }
            }
        }
        _ => String::new(),
    }
}

fn draw_row(row: &Row, theme: &Theme, at: Rect, frame: &mut Frame<'_>) {
    if at.is_empty() {
        return;
    }
    let room = usize::from(at.width);
    let column = COLUMN.min(room.saturating_sub(NAME + 7) / 2);
    let mut x = at.x;
    let mut write = |words: &str, cells: usize, role: Role| {
        let words = text::pad(words, cells.min(usize::from(at.right().saturating_sub(x))), theme.glyphs.cut);
        frame.buffer_mut().set_string(x, at.y, &words, theme.style(role));
        x += u16::try_from(text::width(&words)).unwrap_or(0);
    };
    match row {
        Row::Plain(role, words) => write(words, room, *role),
        Row::Figure(name, values, change) => {
            write(name, NAME, Role::Muted);
            let role = if name.is_empty() { Role::Strong } else { Role::Text };
            for value in values {
                write(value, column.saturating_sub(1), role);
                write("", 1, role);
            }
            write(change, room, Role::Text);
        }
        Row::Ending(endings) => {
            write("ended", NAME, Role::Muted);
            for (of, words) in endings {
                let (glyph, word, _) = outcome(theme, *of);
                let long = format!("{glyph} {word}  {words}");
                let short = format!("{glyph} {word}");
                let fits = text::width(&long) < column;
                let role = if *of == Verdict::Ok { Role::Ok } else { Role::Text };
                write(if fits { &long } else { &short }, column.saturating_sub(1), role);
                write("", 1, role);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn changes_in_words() {
        assert_eq!(change(Some(100), Some(12)), "-88 %");
        assert_eq!(change(Some(100), Some(100)), "0 %");
        assert_eq!(change(Some(1000), Some(999)), "0 %");
        assert_eq!(change(Some(10), Some(500)), "50 times");
        assert_eq!(change(Some(0), Some(5)), "");
        assert_eq!(change(None, Some(5)), "");
    }
}
