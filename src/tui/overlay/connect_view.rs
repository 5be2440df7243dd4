//! How the form for another engine looks.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::connect::{Connect, Part, Test};
use crate::engine::{Look, Recent};
use crate::protocol::Failure;
use crate::tui::connection::round_trip;
use crate::tui::layout::centred;
use crate::tui::model::{Model, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;
use crate::tui::widget::verdict;

/// Cells of a row's name, with the mark of the focus before it.
const NAME: u16 = 11;
/// Cells of the token's field.
const TOKEN: u16 = 26;
/// The most lines that say what came of a test.
const OUTCOME: usize = 6;

/// A row of the form.
enum Row<'a> {
    Gap,
    Choice { server: bool },
    Address,
    Token,
    Tls,
    Recent(Option<(usize, &'a Recent)>),
    Note,
}

impl Connect {
    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let width = model.room().width.min(68);
        let outcome = self.outcome(model, usize::from(width.saturating_sub(4)));
        let rows = self.rows();
        let height = rows.len() + outcome.len() + 4;
        let area = centred(model.room(), width, u16::try_from(height).unwrap_or(u16::MAX));
        let inside = over("Connect", "", theme, area, frame);
        // The keys and what came of them stay in view; of the form, what has the focus does.
        let below =
            inside.height.min(1 + u16::try_from(outcome.len()).unwrap_or(0)).min(inside.height / 2 + 1);
        let form = Rect { height: inside.height - below, ..inside };
        self.draw_rows(&rows, model, theme, form, frame);
        for (said, y) in outcome.iter().zip(form.bottom()..inside.bottom().saturating_sub(1)) {
            draw_said(said, theme, Rect { y, height: 1, ..inside }, frame);
        }
        let last = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        say(theme, last.intersection(inside), &self.keys(model), Role::KeysKey, frame);
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = vec![Row::Choice { server: false }, Row::Choice { server: true }];
        if self.remote {
            rows.extend([Row::Gap, Row::Address, Row::Token, Row::Tls, Row::Gap]);
            rows.extend(self.recent.iter().enumerate().map(|recent| Row::Recent(Some(recent))));
            if self.recent.is_empty() {
                rows.push(Row::Recent(None));
            }
            rows.extend([Row::Gap, Row::Note]);
        }
        rows
    }

    /// The row that has the focus.
    fn focus(&self, rows: &[Row<'_>]) -> usize {
        let has = |row: &Row<'_>| match (row, self.part) {
            (Row::Choice { server }, Part::Engine) => *server == self.remote,
            (Row::Address, Part::Address) | (Row::Token, Part::Token) => true,
            (Row::Recent(Some((at, _))), Part::Recent) => *at == self.chosen,
            _ => false,
        };
        rows.iter().position(has).unwrap_or(0)
    }

    fn draw_rows(&self, rows: &[Row<'_>], model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let focus = self.focus(rows);
        let first = (focus + 1).saturating_sub(usize::from(area.height));
        for ((at, row), y) in rows.iter().enumerate().skip(first).zip(area.top()..area.bottom()) {
            let line = Rect { y, height: 1, ..area };
            self.draw_row(row, at == focus, model, theme, line, frame);
        }
    }

    fn draw_row(
        &self,
        row: &Row<'_>,
        focused: bool,
        model: &Model,
        theme: &Theme,
        line: Rect,
        frame: &mut Frame<'_>,
    ) {
        let mark = if focused { theme.glyphs.pointer } else { " " };
        let name = match row {
            Row::Choice { server: false } => "Engine",
            Row::Address => "Address",
            Row::Token => "Token",
            Row::Tls => "TLS",
            Row::Recent(None | Some((0, _))) => "Recent",
            _ => "",
        };
        let role = if focused { Role::Strong } else { Role::Muted };
        say(theme, line, &format!("{mark}{name}"), role, frame);
        let used = NAME.min(line.width);
        let value = Rect { x: line.x + used, width: line.width - used, ..line };
        match row {
            Row::Gap => {}
            Row::Choice { server } => {
                let chosen = if *server == self.remote { theme.glyphs.dot } else { " " };
                let what = if *server { "a server, by its address" } else { "local, in this process" };
                let role = if focused { Role::Strong } else { Role::Text };
                say(theme, value, &format!("({chosen}) {what}"), role, frame);
            }
            Row::Address => {
                self.draw_address(focused && model.connection.dial.is_none(), theme, value, frame)
            }
            Row::Token => self.draw_token(focused && model.connection.dial.is_none(), theme, value, frame),
            Row::Tls => {
                let (role, words) = self.tls(theme);
                say(theme, value, &words, role, frame);
            }
            Row::Recent(None) => say(theme, value, "none yet", Role::Muted, frame),
            Row::Recent(Some((_, recent))) => draw_recent(recent, focused, theme, value, frame),
            Row::Note => {
                let clear = self.to().starts_with("ws://");
                let role = if clear { Role::Warn } else { Role::Muted };
                let note = "ws:// sends tokens in clear: allowed only to this machine";
                say(theme, line, &format!(" {} {note}", theme.glyphs.warn), role, frame);
            }
        }
    }

    fn draw_address(&self, active: bool, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let inside = brackets(theme, area, frame);
        if self.address.text().is_empty() {
            say(theme, inside, "wss://host:5039", Role::Placeholder, frame);
        }
        self.address.draw(theme, inside, active, frame);
    }

    fn draw_token(&self, active: bool, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let inside = brackets(theme, Rect { width: area.width.min(TOKEN), ..area }, frame);
        if self.revealed {
            self.token.0.draw(theme, inside, active, frame);
        } else {
            self.token
                .0
                .masked(theme.glyphs.dot.chars().next().unwrap_or('*'))
                .draw(theme, inside, active, frame);
        }
        let used = (TOKEN + 1).min(area.width);
        let beside = Rect { x: area.x + used, width: area.width - used, ..area };
        let words = match (&self.source, self.token.0.text().is_empty()) {
            (Some(source), true) => format!("from: {source}"),
            (None, true) if self.to().is_empty() => String::new(),
            (None, true) => "none known".to_owned(),
            (_, false) if self.revealed => "F3 hide".to_owned(),
            (_, false) => "F3 show".to_owned(),
        };
        say(theme, beside, &words, Role::Muted, frame);
    }

    /// What is known of the server's certificate.
    fn tls(&self, theme: &Theme) -> (Role, String) {
        match &self.test {
            Test::Seen(Ok(look)) => match &look.tls {
                Some(tls) => (Role::Ok, format!("{} {tls}", theme.glyphs.ok)),
                None => (Role::Muted, "none: nothing is encrypted".to_owned()),
            },
            _ if self.to().starts_with("ws://") => (Role::Muted, "none: nothing is encrypted".to_owned()),
            _ => (Role::Muted, format!("{} not tested yet", theme.glyphs.unknown)),
        }
    }

    /// What came of a test or an attempt, line by line.
    fn outcome(&self, model: &Model, cells: usize) -> Vec<Said> {
        let cells = cells.saturating_sub(3);
        let mut lines = match (&model.connection.dial, &self.failure, &self.test) {
            (Some(dial), ..) => said(Verdict::Run, &format!("connecting to {}", dial.to), cells),
            (None, Some(failure), _) => failed(failure, cells),
            (None, None, _) if !self.remote => Vec::new(),
            (None, None, Test::Never) => Vec::new(),
            (None, None, Test::Asked(_)) => said(Verdict::Run, &format!("testing {}", self.to()), cells),
            (None, None, Test::Seen(Err(failure))) => failed(failure, cells),
            (None, None, Test::Seen(Ok(look))) => seen(look, cells),
        };
        lines.truncate(OUTCOME);
        lines
    }

    /// What keys do here.
    fn keys(&self, model: &Model) -> String {
        if model.connection.dial.is_some() {
            return " Esc gives up".to_owned();
        }
        let test = match (self.remote, self.types()) {
            (false, _) => "",
            (true, true) => "F5 test   ",
            (true, false) => "t test   ",
        };
        let change = if self.part == Part::Engine { "Space change   " } else { "" };
        format!(" Enter connect   {test}{change}Tab next   Esc back")
    }
}

/// A line of what came of something.
struct Said {
    /// Its state, before the first of several lines.
    of: Option<Verdict>,
    line: String,
}

fn said(of: Verdict, words: &str, cells: usize) -> Vec<Said> {
    let lines = text::wrap(words, cells).into_iter().enumerate();
    lines.map(|(at, line)| Said { of: (at == 0).then_some(of), line }).collect()
}

/// What went wrong, and what to do about it.
fn failed(failure: &Failure, cells: usize) -> Vec<Said> {
    let mut lines = said(Verdict::Fail, &failure.message, cells);
    lines.truncate(OUTCOME / 2);
    lines.extend(text::wrap(&failure.hint, cells).into_iter().map(|line| Said { of: None, line }));
    lines
}

fn seen(look: &Look, cells: usize) -> Vec<Said> {
    let sessions = match look.sessions {
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    };
    let words = format!("{}, {}, {sessions}", look.software, round_trip(look.round_trip));
    let mut lines = said(Verdict::Ok, &words, cells);
    if !look.missing.is_empty() {
        lines.extend(said(
            Verdict::Warn,
            &format!("not available there: {}", look.missing.join(", ")),
            cells,
        ));
    }
    lines
}

fn draw_said(said: &Said, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let text = Rect { x: line.x + 3.min(line.width), width: line.width.saturating_sub(3), ..line };
    if let Some(of) = said.of {
        let (glyph, _, style) = verdict(theme, of);
        frame.buffer_mut().set_stringn(
            line.x + 1,
            line.y,
            glyph,
            usize::from(line.width.saturating_sub(1)),
            style,
        );
    }
    say(theme, text, &said.line, Role::Text, frame);
}

fn draw_recent(recent: &Recent, focused: bool, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let ago = format!("{} ago", text::span(recent.ago));
    let room = usize::from(area.width).saturating_sub(ago.len() + 3);
    let line = format!("{}  {ago}", text::pad(&recent.address, room, theme.glyphs.cut));
    say(theme, area, &line, if focused { Role::Selected } else { Role::Text }, frame);
}

/// Draws a field's brackets, and gives the room between them.
fn brackets(theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> Rect {
    let area = Rect { width: area.width.saturating_sub(1), ..area };
    if area.width < 5 {
        return area;
    }
    let end = Rect { x: area.right() - 1, width: 1, ..area };
    say(theme, area, "[", Role::Muted, frame);
    say(theme, end, "]", Role::Muted, frame);
    Rect { x: area.x + 2, width: area.width - 4, ..area }
}

/// Writes a line into a row, cut to its width.
fn say(theme: &Theme, area: Rect, words: &str, role: Role, frame: &mut Frame<'_>) {
    if !area.is_empty() {
        let shown = text::fit(words, usize::from(area.width), theme.glyphs.cut);
        frame.buffer_mut().set_string(area.x, area.y, shown, theme.style(role));
    }
}
