//! The form that goes to a server's engine, or back to the one in this process: what is typed and chosen in it. How it
//! looks is `connect_view`'s.

use crossterm::event::{KeyCode, KeyEvent};

use super::Outcome;
use crate::engine::{Look, Recent, Target, Token};
use crate::protocol::{ErrorKind, Failure};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::update;
use crate::tui::widget::field::Field;

/// How many servers are offered.
const RECENT: usize = 5;

/// A part of the form that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Engine,
    Address,
    Token,
    Recent,
}

/// What a look at the server showed.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Never,
    /// Under way, with this number.
    Asked(u32),
    Seen(Result<Box<Look>, Failure>),
}

/// A line that is not to be printed.
#[derive(Clone, Default)]
pub(super) struct Secret(pub(super) Field);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is chosen and typed so far.
#[derive(Clone, Debug)]
pub(crate) struct Connect {
    /// A server, and not the engine in this process.
    pub(super) remote: bool,
    pub(super) part: Part,
    pub(super) address: Field,
    pub(super) token: Secret,
    /// The token is shown as it is.
    pub(super) revealed: bool,
    /// Where the token comes from if none is typed.
    pub(super) source: Option<String>,
    pub(super) recent: Vec<Recent>,
    /// Which of them has the focus, or would have it.
    pub(super) chosen: usize,
    pub(super) test: Test,
    /// Why the server was not attached to.
    pub(super) failure: Option<Failure>,
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            remote: true,
            part: Part::Address,
            address: Field::default(),
            token: Secret::default(),
            revealed: false,
            source: None,
            recent: Vec::new(),
            chosen: 0,
            test: Test::Never,
            failure: None,
        }
    }
}

impl Connect {
    /// The address as it is typed, without blanks around it.
    pub(super) fn to(&self) -> &str {
        self.address.text().trim()
    }

    /// Keys that type are text here.
    pub(super) fn types(&self) -> bool {
        matches!(self.part, Part::Address | Part::Token)
    }

    /// Takes the servers attached to before.
    pub(crate) fn recent(&mut self, mut recent: Vec<Recent>) {
        recent.truncate(RECENT);
        self.recent = recent;
    }

    /// Takes where the token would come from, if it is that of the address as it is now.
    pub(crate) fn token_source(&mut self, address: &str, source: Option<String>) {
        if address == self.to() {
            self.source = source;
        }
    }

    /// Takes what a look showed, if it is the last one.
    pub(crate) fn looked(&mut self, dial: u32, result: Result<Box<Look>, Failure>) {
        if matches!(self.test, Test::Asked(number) if number == dial) {
            self.test = Test::Seen(result);
        }
    }

    /// The server was not attached to.
    pub(crate) fn failed(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// Esc: gives up the dial under way, or the form.
    pub(super) fn leave(&self, model: &mut Model) -> Outcome {
        if update::hang_up(model) {
            return Outcome::Stay(vec![Effect::HangUp]);
        }
        let looks = matches!(self.test, Test::Asked(_));
        Outcome::Close(if looks { vec![Effect::HangUp] } else { Vec::new() })
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        if key.code == KeyCode::F(3) {
            self.revealed = !self.revealed;
        }
        // What is being tried is not changed.
        if model.connection.dial.is_some() {
            return Outcome::Stay(Vec::new());
        }
        let effects = match key.code {
            KeyCode::Enter => return self.connect(model),
            KeyCode::F(5) => self.look(model),
            KeyCode::Char('t') if !self.types() => self.look(model),
            KeyCode::Tab => self.step(1),
            KeyCode::BackTab => self.step(-1),
            KeyCode::Down => self.step_or_choose(1),
            KeyCode::Up => self.step_or_choose(-1),
            KeyCode::Left | KeyCode::Right | KeyCode::Char(' ') if self.part == Part::Engine => {
                self.remote = !self.remote;
                self.failure = None;
                Vec::new()
            }
            _ => self.type_key(key),
        };
        Outcome::Stay(effects)
    }

    /// Types a pasted text: into the field that has the focus, or as the address.
    pub(super) fn paste(&mut self, text: &str, model: &Model) -> Vec<Effect> {
        if model.connection.dial.is_some() || !self.remote {
            return Vec::new();
        }
        if self.part == Part::Token {
            self.token.0.insert(text);
            self.forget_outcome();
            return Vec::new();
        }
        self.part = Part::Address;
        self.address.insert(text);
        self.address_changed()
    }

    fn type_key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        match self.part {
            Part::Address => {
                let before = self.address.text().len();
                if self.address.key(key) && self.address.text().len() != before {
                    return self.address_changed();
                }
            }
            Part::Token => {
                let before = self.token.0.text().len();
                if self.token.0.key(key) && self.token.0.text().len() != before {
                    self.forget_outcome();
                }
            }
            Part::Engine | Part::Recent => {}
        }
        Vec::new()
    }

    fn address_changed(&mut self) -> Vec<Effect> {
        self.forget_outcome();
        self.source = None;
        match self.to() {
            "" => Vec::new(),
            address => vec![Effect::TokenSource(address.to_owned())],
        }
    }

    /// What was seen and said was so of what was typed before.
    fn forget_outcome(&mut self) {
        self.failure = None;
        self.test = Test::Never;
    }

    /// The parts that can have the focus now.
    fn parts(&self) -> &'static [Part] {
        match (self.remote, self.recent.is_empty()) {
            (false, _) => &[Part::Engine],
            (true, true) => &[Part::Engine, Part::Address, Part::Token],
            (true, false) => &[Part::Engine, Part::Address, Part::Token, Part::Recent],
        }
    }

    /// Goes to the next part, or the one before.
    fn step(&mut self, by: isize) -> Vec<Effect> {
        let parts = self.parts();
        let at = parts.iter().position(|part| *part == self.part).unwrap_or(0);
        let next = at.checked_add_signed(by).unwrap_or(parts.len() - 1) % parts.len();
        self.part = parts.get(next).copied().unwrap_or(Part::Engine);
        if self.part == Part::Recent {
            self.chosen = if by > 0 { 0 } else { self.recent.len() - 1 };
        }
        Vec::new()
    }

    /// Goes up and down through the servers, and past their ends to the parts around.
    fn step_or_choose(&mut self, by: isize) -> Vec<Effect> {
        let next = self.chosen.checked_add_signed(by).filter(|at| *at < self.recent.len());
        match next {
            Some(next) if self.part == Part::Recent => {
                self.chosen = next;
                Vec::new()
            }
            _ => self.step(by),
        }
    }

    /// The chosen server becomes the one to go to. A token that was typed was meant for another.
    fn fill(&mut self) {
        let Some(recent) = self.recent.get(self.chosen).filter(|_| self.part == Part::Recent) else { return };
        if recent.address != self.to() {
            self.address = Field::new(&recent.address);
            self.token = Secret::default();
            self.source = None;
            self.forget_outcome();
        }
    }

    /// The server that the form names; none where it names none, which it then says.
    fn target(&mut self) -> Option<Target> {
        self.fill();
        if self.to().is_empty() {
            let hint = "type one, as in wss://host:5039, or choose a recent one";
            self.failure = Some(Failure::new(ErrorKind::InvalidParams, "there is no address yet", hint));
            self.part = Part::Address;
            return None;
        }
        let token = Token::new(self.token.0.text());
        let token = (!token.secret().is_empty()).then_some(token);
        Some(Target { address: self.to().to_owned(), token })
    }

    fn look(&mut self, model: &mut Model) -> Vec<Effect> {
        if !self.remote {
            return Vec::new();
        }
        let Some(target) = self.target() else { return Vec::new() };
        let dial = update::next_number(model);
        self.failure = None;
        self.test = Test::Asked(dial);
        vec![Effect::Look { dial, target }]
    }

    fn connect(&mut self, model: &mut Model) -> Outcome {
        if !self.remote {
            let effects = update::work_locally(model);
            return if effects.is_empty() { Outcome::Close(effects) } else { Outcome::Stay(effects) };
        }
        let Some(target) = self.target() else { return Outcome::Stay(Vec::new()) };
        self.failure = None;
        // A look that is under way ends with the dial.
        if matches!(self.test, Test::Asked(_)) {
            self.test = Test::Never;
        }
        Outcome::Stay(update::dial(model, Some(target)))
    }
}
