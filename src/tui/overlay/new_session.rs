//! The form for a new session: what is chosen and typed in it, and what a key does. What the texts mean is
//! `new_session_limits`', how it looks `new_session_view`'s.

use crossterm::event::{KeyCode, KeyEvent};

use super::Outcome;
use crate::protocol::{
    CreateSession, Failure, Language, RuntimePreference, RuntimeType, Selection, ServerLimits, SessionInfo,
};
use crate::tui::document::ORDER;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::Effect;
use crate::tui::race::unfit;
use crate::tui::widget::field::Field;

/// The preferences as they are offered, and what each asks for.
pub(super) const PREFERENCES: [(RuntimePreference, &str); 4] = [
    (RuntimePreference::Balanced, "speed, isolation and memory together"),
    (RuntimePreference::Speed, "the least start-up time"),
    (RuntimePreference::Security, "the most isolation"),
    (RuntimePreference::Memory, "the least memory"),
];

/// A runtime, or what matters in the choice of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    By(RuntimePreference),
    On(RuntimeType),
}

/// A part of the form that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Language,
    Runtime,
    Name,
    Network,
    Image,
    Memory,
    Processors,
    Processes,
    Disk,
    Time,
    Idle,
    Life,
}

impl Part {
    const ALL: [Self; 12] = [
        Self::Language,
        Self::Runtime,
        Self::Name,
        Self::Network,
        Self::Image,
        Self::Memory,
        Self::Processors,
        Self::Processes,
        Self::Disk,
        Self::Time,
        Self::Idle,
        Self::Life,
    ];

    /// Something is typed into it.
    pub(super) fn is_text(self) -> bool {
        !matches!(self, Self::Language | Self::Runtime | Self::Network)
    }
}

/// What is chosen and typed so far.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    pub(super) language: Language,
    selected: usize,
    choices: Vec<Choice>,
    pub(super) network: bool,
    pub(super) part: Part,
    /// The texts, in the order of [`Part::ALL`].
    fields: Vec<Field>,
    /// The ranking for the language and preference, once it is known.
    pub(super) ranking: Option<Result<Selection, Failure>>,
    /// What the engine allows at most, as far as it says.
    pub(super) most: ServerLimits,
    /// What the engine was asked for.
    asked: Option<Box<CreateSession>>,
    /// Why there is no session: what is wrong and what to do.
    pub(super) trouble: Option<(String, String)>,
}

impl NewSession {
    /// A form for the language of the editor's text.
    pub(crate) fn open(model: &Model) -> (Self, Vec<Effect>) {
        let language = model.document.language().unwrap_or(Language::TypeScript);
        let by = PREFERENCES.iter().map(|(preference, _)| Choice::By(*preference));
        let on = model.runtimes.rows.iter().map(|row| Choice::On(row.runtime));
        let choices: Vec<Choice> = by.chain(on).collect();
        let wanted = Choice::By(model.preference);
        let form = Self {
            language,
            selected: choices.iter().position(|choice| *choice == wanted).unwrap_or(0),
            choices,
            network: false,
            part: Part::Language,
            fields: vec![Field::default(); Part::ALL.len()],
            ranking: None,
            most: ServerLimits::default(),
            asked: None,
            trouble: None,
        };
        let effects = vec![form.ask(), Effect::Limits];
        (form, effects)
    }

    pub(super) fn choice(&self) -> Choice {
        self.choices.get(self.selected).copied().unwrap_or(Choice::By(RuntimePreference::Balanced))
    }

    /// The preference to rank by: a runtime chosen by hand is shown in the balanced ranking.
    pub(super) fn preference(&self) -> RuntimePreference {
        match self.choice() {
            Choice::By(preference) => preference,
            Choice::On(_) => RuntimePreference::Balanced,
        }
    }

    /// What is typed into a part.
    pub(super) fn field(&self, part: Part) -> Option<&Field> {
        let at = Part::ALL.iter().position(|p| *p == part).filter(|_| part.is_text())?;
        self.fields.get(at)
    }

    pub(super) fn typed(&self, part: Part) -> &str {
        self.field(part).map_or("", |field| field.text().trim())
    }

    /// The parts that can have the focus now: an image is for Docker alone.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let docker = self.choice() == Choice::On(RuntimeType::Docker);
        Part::ALL.into_iter().filter(move |part| docker || *part != Part::Image)
    }

    fn ask(&self) -> Effect {
        Effect::Rank(self.language, self.preference())
    }

    /// The engine was asked, and has not answered.
    pub(super) fn waits(&self, model: &Model) -> bool {
        self.asked.is_some() && model.sessions.creating > 0
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

    /// Takes what the engine allows at most.
    pub(crate) fn limited(&mut self, most: ServerLimits) {
        self.most = most;
    }

    /// Takes the engine's refusal of what was asked, with what was typed kept; false: nothing was.
    pub(crate) fn refused(&mut self, failure: &Failure) -> bool {
        if self.asked.take().is_none() {
            return false;
        }
        if let Some(part) = super::new_session_limits::named(&failure.message) {
            self.focus(part);
        }
        self.trouble = Some((failure.message.clone(), failure.hint.clone()));
        true
    }

    /// The session that was asked for is there: what it got less of than was asked for, in words. `None`: nothing was
    /// asked for.
    pub(crate) fn made(&mut self, info: &SessionInfo) -> Option<String> {
        let asked = self.asked.take()?;
        Some(super::new_session_limits::lowered(&asked, info))
    }

    fn focus(&mut self, part: Part) {
        if self.parts().any(|p| p == part) {
            self.part = part;
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        // What is being made is not changed.
        if self.waits(model) {
            return Outcome::Stay(Vec::new());
        }
        match key.code {
            KeyCode::Enter => self.create(model),
            KeyCode::Tab | KeyCode::Down => self.step(1),
            KeyCode::BackTab | KeyCode::Up => self.step(-1),
            KeyCode::Right | KeyCode::Char(' ') if !self.part.is_text() => self.change(1),
            KeyCode::Left if !self.part.is_text() => self.change(-1),
            _ => {
                let part = self.part;
                let at = Part::ALL.iter().position(|p| *p == part).filter(|_| part.is_text());
                if let Some(field) = at.and_then(|at| self.fields.get_mut(at))
                    && field.key(key)
                {
                    self.trouble = None;
                }
                Outcome::Stay(Vec::new())
            }
        }
    }

    /// Types a pasted text into the part that has the focus.
    pub(super) fn paste(&mut self, text: &str) {
        let at = Part::ALL.iter().position(|p| *p == self.part).filter(|_| self.part.is_text());
        if let Some(field) = at.and_then(|at| self.fields.get_mut(at)) {
            field.insert(text);
        }
    }

    /// A click goes to a part; on one that has the focus and is chosen from, it chooses the next.
    pub(super) fn click_part(&mut self, part: Part, model: &Model) -> Outcome {
        if self.waits(model) {
            return Outcome::Stay(Vec::new());
        }
        if self.part == part && !part.is_text() {
            return self.change(1);
        }
        self.focus(part);
        Outcome::Stay(Vec::new())
    }

    fn step(&mut self, by: isize) -> Outcome {
        let parts: Vec<Part> = self.parts().collect();
        let at = parts.iter().position(|part| *part == self.part).unwrap_or(0);
        let next = at.checked_add_signed(by).unwrap_or(parts.len() - 1) % parts.len();
        self.part = parts.get(next).copied().unwrap_or(Part::Language);
        Outcome::Stay(Vec::new())
    }

    /// The next of what can be chosen, or the one before; another language or preference is ranked at once.
    fn change(&mut self, by: isize) -> Outcome {
        let before = (self.language, self.preference());
        let turn = |at: usize, all: usize| at.checked_add_signed(by).unwrap_or(all - 1) % all;
        match self.part {
            Part::Language => {
                let at = ORDER.iter().position(|l| *l == self.language).unwrap_or(0);
                self.language = ORDER.get(turn(at, ORDER.len())).copied().unwrap_or(self.language);
            }
            Part::Runtime => self.selected = turn(self.selected, self.choices.len()),
            Part::Network => self.network = !self.network,
            _ => {}
        }
        self.trouble = None;
        if before == (self.language, self.preference()) {
            return Outcome::Stay(Vec::new());
        }
        self.ranking = None;
        Outcome::Stay(vec![self.ask()])
    }

    fn create(&mut self, model: &mut Model) -> Outcome {
        let params = match self.params(model) {
            Ok(params) => params,
            Err((part, message, hint)) => {
                self.focus(part);
                self.trouble = Some((message, hint));
                return Outcome::Stay(Vec::new());
            }
        };
        model.notice = None;
        self.trouble = None;
        model.sessions.creating += 1;
        self.asked = Some(Box::new(params.clone()));
        Outcome::Stay(vec![Effect::CreateSession { params: Box::new(params), run: None }])
    }

    /// What the engine is to be asked for, or which part is wrong, how, and what to do.
    fn params(&self, model: &Model) -> Result<CreateSession, (Part, String, String)> {
        let mut params = CreateSession::new(self.language);
        params.network = self.network;
        super::new_session_limits::read(self, &mut params)?;
        match self.choice() {
            Choice::By(preference) => params.runtime_preference = Some(preference),
            Choice::On(runtime) => {
                params.runtime_type = Some(runtime);
                // What an image runs is for whoever names it to know.
                let row = model.runtimes.rows.iter().find(|row| row.runtime == runtime);
                let why = row.and_then(|row| unfit(row, self.language));
                if let Some(why) = why.filter(|_| params.docker_image.is_none()) {
                    let message = format!("{}: {why}", runtime.short());
                    return Err((
                        Part::Runtime,
                        message,
                        "choose another, or F3 gets what can be had".to_owned(),
                    ));
                }
            }
        }
        Ok(params)
    }

    /// The runtime that was chosen by hand and its language; none of it where a preference chose.
    pub(crate) fn wish(&self) -> (Language, Option<RuntimeType>) {
        match self.choice() {
            Choice::By(_) => (self.language, None),
            Choice::On(runtime) => (self.language, Some(runtime)),
        }
    }

    /// Esc: what is being made goes on without the form.
    pub(super) fn leave(&self, model: &mut Model) -> Outcome {
        if self.waits(model) {
            model.tell(Verdict::Idle, "the session is still being created", "Ctrl-C ends that");
        }
        Outcome::Close(Vec::new())
    }
}
