//! The form for a new session: a language, and a runtime or what matters in its choice, with the ranking.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::style::Style;

use super::Outcome;
use crate::protocol::{
    Candidate, CreateSession, Failure, Language, RuntimePreference, RuntimeType, Selection, WireName as _,
};
use crate::tui::document::ORDER;
use crate::tui::layout::centred;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{frame::over, state};

/// The preferences as they are offered, and what each asks for.
const PREFERENCES: [(RuntimePreference, &str); 4] = [
    (RuntimePreference::Balanced, "speed, isolation and memory together"),
    (RuntimePreference::Speed, "the least start-up time"),
    (RuntimePreference::Security, "the most isolation"),
    (RuntimePreference::Memory, "the least memory"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    By(RuntimePreference),
    On(RuntimeType),
}

/// What is chosen so far.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    language: Language,
    selected: usize,
    choices: Vec<Choice>,
    /// The ranking for the language and preference, once it is known.
    ranking: Option<Result<Selection, Failure>>,
}

impl NewSession {
    /// A form for the language of the editor's text.
    pub(crate) fn open(model: &Model) -> (Self, Vec<Effect>) {
        let language = model.document.language().unwrap_or(Language::TypeScript);
        let by = PREFERENCES.iter().map(|(preference, _)| Choice::By(*preference));
        let on = model.runtimes.rows.iter().map(|row| Choice::On(row.runtime));
        let choices: Vec<Choice> = by.chain(on).collect();
        let wanted = Choice::By(model.preference);
        let selected = choices.iter().position(|choice| *choice == wanted).unwrap_or(0);
        let form = Self { language, selected, choices, ranking: None };
        let effects = vec![form.ask()];
        (form, effects)
    }

    fn choice(&self) -> Choice {
        self.choices.get(self.selected).copied().unwrap_or(Choice::By(RuntimePreference::Balanced))
    }

    /// The preference to rank by: a runtime chosen by hand is shown in the balanced ranking.
    fn preference(&self) -> RuntimePreference {
        match self.choice() {
            Choice::By(preference) => preference,
            Choice::On(_) => RuntimePreference::Balanced,
        }
    }

    fn ask(&self) -> Effect {
        Effect::Rank(self.language, self.preference())
    }

    /// Takes a ranking, if it is the one that is wanted now.
    pub(crate) fn ranked(
        &mut self,
        language: Language,
        preference: RuntimePreference,
        result: Result<Selection, Failure>,
    ) {
        if (language, preference) == (self.language, self.preference()) {
            self.ranking = Some(result);
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let before = (self.language, self.preference());
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => {
                self.selected = (self.selected + 1).min(self.choices.len().saturating_sub(1));
            }
            KeyCode::Right | KeyCode::Tab => self.language = next_language(self.language, 1),
            KeyCode::Left | KeyCode::BackTab => self.language = next_language(self.language, ORDER.len() - 1),
            KeyCode::Enter => return self.create(model),
            _ => {}
        }
        if before == (self.language, self.preference()) {
            return Outcome::Stay(Vec::new());
        }
        self.ranking = None;
        Outcome::Stay(vec![self.ask()])
    }

    fn create(&self, model: &mut Model) -> Outcome {
        let mut params = CreateSession::new(self.language);
        match self.choice() {
            Choice::By(preference) => params.runtime_preference = Some(preference),
            Choice::On(runtime) => {
                if let Some(why) = unfit(model, runtime, self.language) {
                    model.tell(Verdict::Warn, format!("{}: {why}", runtime.short()), "choose another, or F3");
                    return Outcome::Stay(Vec::new());
                }
                params.runtime_type = Some(runtime);
            }
        }
        model.notice = None;
        model.sessions.creating += 1;
        Outcome::Close(vec![Effect::CreateSession { params: Box::new(params), run: None }])
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let rows = self.choices.len() + model.runtimes.rows.len() + 9;
        let area = centred(model.size, 78, u16::try_from(rows).unwrap_or(u16::MAX));
        let inside = over("New session", "Esc close", theme, area, frame);
        let mut lines = self.lines(model, theme);
        // Where not all fits, the ranking goes first and the chosen line stays in view.
        let height = usize::from(inside.height);
        let chosen = self.selected + 3;
        if chosen >= height.saturating_sub(1) {
            lines.drain(2..2 + (chosen + 2 - height).min(lines.len().saturating_sub(2)));
        }
        if lines.len() > height && height > 0 {
            let keys = lines.pop();
            lines.truncate(height - 1);
            lines.extend(keys);
        }
        for ((line, style), y) in lines.into_iter().zip(inside.top()..inside.bottom()) {
            let line = text::pad(&line, usize::from(inside.width), theme.glyphs.cut);
            frame.buffer_mut().set_string(inside.x, y, line, style);
        }
    }

    /// Everything in the box, line by line.
    fn lines(&self, model: &Model, theme: &Theme) -> Vec<(String, Style)> {
        let plain = theme.style(Role::Text);
        let muted = theme.style(Role::Muted);
        let mut lines = Vec::new();
        let arrows = theme.glyphs.across;
        lines.push((
            format!(" language  {:<12} {arrows} change", self.language.title()),
            theme.style(Role::Strong),
        ));
        lines.push((String::new(), plain));
        lines.push((" choose the runtime by, or take this one:".to_owned(), muted));
        for (at, choice) in self.choices.iter().enumerate() {
            let selected = at == self.selected;
            let mark = if selected { theme.glyphs.pointer } else { " " };
            let (line, style) = self.choice_line(*choice, model, theme);
            let style = if selected { theme.style(Role::Selected) } else { style };
            lines.push((format!(" {mark} {line}"), style));
        }
        lines.push((String::new(), plain));
        lines.extend(self.ranking_lines(theme));
        lines.push((
            format!(" Enter create   {} choose   Esc back", theme.glyphs.updown),
            theme.style(Role::KeysKey),
        ));
        lines
    }

    fn choice_line(&self, choice: Choice, model: &Model, theme: &Theme) -> (String, Style) {
        match choice {
            Choice::By(preference) => {
                let what = PREFERENCES.iter().find(|(p, _)| *p == preference).map_or("", |(_, what)| *what);
                (format!("{:<10}{what}", preference.name()), theme.style(Role::Text))
            }
            Choice::On(runtime) => match unfit(model, runtime, self.language) {
                None => {
                    let ready = state(theme, Verdict::Ok, "ready");
                    (format!("{:<10}{}", runtime.short(), ready.content), theme.style(Role::Text))
                }
                Some(why) => {
                    let glyph = theme.glyphs.fail;
                    (format!("{:<10}{glyph} {why}", runtime.short()), theme.style(Role::Muted))
                }
            },
        }
    }

    fn ranking_lines(&self, theme: &Theme) -> Vec<(String, Style)> {
        let title = format!(" ranking for {}, {}", self.language.title(), self.preference().name());
        let mut lines = vec![(title, theme.style(Role::Muted))];
        match &self.ranking {
            None => lines.push((" asking...".to_owned(), theme.style(Role::Muted))),
            Some(Err(failure)) => lines.push((format!(" {}", failure.message), theme.style(Role::Fail))),
            Some(Ok(selection)) => {
                for (at, candidate) in selection.ranking.iter().enumerate() {
                    lines.push(candidate_line(at + 1, candidate, theme));
                }
            }
        }
        lines.push((String::new(), theme.style(Role::Text)));
        lines
    }
}

fn candidate_line(place: usize, candidate: &Candidate, theme: &Theme) -> (String, Style) {
    let name = candidate.runtime_type.short();
    let Some(scores) = candidate.scores else {
        return (format!("   - {name:<8}{}", candidate.reason), theme.style(Role::Muted));
    };
    let line = format!(
        "   {place} {name:<8}{:.2}  speed {:.2}  security {:.2}  memory {:.2}  {}",
        scores.total, scores.speed, scores.security, scores.memory, candidate.reason
    );
    (line, theme.style(if candidate.chosen { Role::Strong } else { Role::Text }))
}

/// Why a runtime can't run a language here; `None`: it can.
fn unfit(model: &Model, runtime: RuntimeType, language: Language) -> Option<String> {
    let row = model.runtimes.rows.iter().find(|row| row.runtime == runtime);
    match row.and_then(|row| row.info.as_ref()) {
        None => Some("still being looked for".to_owned()),
        Some(info) if !info.available => {
            Some(info.reason.clone().unwrap_or_else(|| "not available".to_owned()))
        }
        Some(info) if !info.languages.contains(&language) => {
            Some(match info.fetchable_languages.contains(&language) {
                true => format!("what it needs for {} is not here yet: F3 gets it", language.title()),
                false => format!("does not run {}", language.title()),
            })
        }
        Some(_) => None,
    }
}

fn next_language(language: Language, by: usize) -> Language {
    let at = ORDER.iter().position(|l| *l == language).unwrap_or(0);
    ORDER.get((at + by) % ORDER.len()).copied().unwrap_or(language)
}
