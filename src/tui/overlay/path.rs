//! Asks for a path: of a file to make, rename, copy, fetch or send. The field and its box are any question's for a path.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Hints, Outcome};
use crate::protocol::SessionId;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;
use crate::tui::workspace::{Task, join, name};

/// The longest path and the longest part of one that a system takes, in bytes.
const LONGEST: (usize, usize) = (4095, 255);
/// How many ways to complete a path are shown.
const MOST_SHOWN: usize = 4;

/// What the path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    NewFile,
    NewDirectory,
    /// Of this file or directory.
    Rename(String),
    Copy(String),
    Download(String),
    /// Into this directory.
    Upload(String),
}

/// The path being typed.
#[derive(Clone, Debug)]
pub(crate) struct PathForm {
    ask: Ask,
    session: SessionId,
    pub(super) field: Field,
    /// What is wrong with what was typed.
    problem: Option<&'static str>,
    /// How a path of this machine may go on.
    found: Vec<String>,
}

impl PathForm {
    pub(crate) fn new(session: SessionId, ask: Ask, typed: &str) -> Self {
        Self { ask, session, field: Field::new(&text::sanitise(typed)), problem: None, found: Vec::new() }
    }

    /// The path is of this machine.
    fn is_here(&self) -> bool {
        matches!(self.ask, Ask::Upload(_) | Ask::Download(_))
    }

    pub(super) fn press(&mut self, key: &KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Tab if self.is_here() => {
                return Outcome::Stay(vec![Effect::Complete(self.field.text().to_owned())]);
            }
            KeyCode::Enter => match self.task() {
                Ok(task) => {
                    let task = Box::new(task);
                    return Outcome::Close(vec![Effect::Files {
                        session: self.session.clone(),
                        number: 0,
                        task,
                    }]);
                }
                Err(problem) => self.problem = Some(problem),
            },
            _ => {
                self.field.key(key);
                self.problem = None;
                self.found.clear();
            }
        }
        Outcome::Stay(Vec::new())
    }

    fn task(&self) -> Result<Task, &'static str> {
        let typed = self.field.text().trim();
        if self.is_here() {
            return self.transfer(typed);
        }
        let path = workspace_path(typed)?;
        Ok(match &self.ask {
            Ask::NewFile if typed.ends_with('/') => return Err("a file's name has no slash at its end"),
            Ask::NewDirectory => Task::NewDirectory { path },
            Ask::Rename(from) | Ask::Copy(from) if *from == path => return Err("that is its name already"),
            Ask::Rename(from) | Ask::Copy(from) if path.starts_with(&format!("{from}/")) => {
                return Err("that is inside of itself");
            }
            Ask::Rename(from) => Task::Rename { from: from.clone(), to: path },
            Ask::Copy(from) => Task::Copy { from: from.clone(), to: path },
            _ => Task::NewFile { path },
        })
    }

    fn transfer(&self, typed: &str) -> Result<Task, &'static str> {
        let here = PathBuf::from(typed);
        let name_here = here.file_name().and_then(|name| name.to_str());
        match &self.ask {
            Ask::Upload(into) => {
                let name = name_here.ok_or("which file or directory is missing")?;
                let to = workspace_path(&join(into, name))?;
                Ok(Task::Upload { from: here, to, replace: false })
            }
            Ask::Download(from) if typed.ends_with('/') => {
                Ok(Task::Download { from: from.clone(), to: here.join(name(from)), replace: false })
            }
            Ask::Download(from) if name_here.is_some() => {
                Ok(Task::Download { from: from.clone(), to: here, replace: false })
            }
            _ => Err("where to is missing"),
        }
    }

    /// Paths that begin as is typed: what they share is typed too, and what they differ in is shown.
    pub(crate) fn completed(&mut self, typed: &str, found: Vec<String>) {
        if !self.is_here() || self.field.text() != typed {
            return;
        }
        // A home directory is written out.
        if let Some(shared) = shared(&found) {
            self.field = Field::new(shared);
        }
        self.problem = found.is_empty().then_some("nothing here begins like that");
        self.found = if found.len() > 1 { found } else { Vec::new() };
    }

    /// For the bottom line.
    pub(super) fn hints(&self) -> Hints {
        match self.ask {
            Ask::NewFile => ("NEW FILE", &[("Enter", "make"), ("Esc", "back")]),
            Ask::NewDirectory => ("NEW DIRECTORY", &[("Enter", "make"), ("Esc", "back")]),
            Ask::Rename(_) => ("RENAME", &[("Enter", "rename"), ("Esc", "back")]),
            Ask::Copy(_) => ("COPY", &[("Enter", "copy"), ("Esc", "back")]),
            Ask::Upload(_) => ("UPLOAD", &[("Enter", "upload"), ("Tab", "complete"), ("Esc", "back")]),
            Ask::Download(_) => ("DOWNLOAD", &[("Enter", "download"), ("Tab", "complete"), ("Esc", "back")]),
        }
    }

    fn words(&self) -> (&'static str, &'static str) {
        match self.ask {
            Ask::NewFile => ("New file", "Enter make   Esc back"),
            Ask::NewDirectory => ("New directory", "Enter make   Esc back"),
            Ask::Rename(_) => ("Rename or move to", "Enter rename   Esc back"),
            Ask::Copy(_) => ("Copy to", "Enter copy   Esc back"),
            Ask::Upload(_) => ("Upload from this machine", "Tab complete   Enter upload   Esc back"),
            Ask::Download(_) => ("Download to this machine", "Tab complete   Enter download   Esc back"),
        }
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let (title, hint) = self.words();
        let mut notes: Vec<String> = self.found.iter().take(MOST_SHOWN).cloned().collect();
        if self.found.len() > MOST_SHOWN {
            notes.push(format!("and {} more", self.found.len() - MOST_SHOWN));
        }
        notes.extend(self.problem.map(|problem| format!("{} {problem}", theme.glyphs.warn)));
        let into = match &self.ask {
            Ask::Upload(into) => format!("into {}", text::sanitise(name(into))),
            Ask::Download(from) => text::sanitise(name(from)).into_owned(),
            Ask::Rename(_) | Ask::Copy(_) | Ask::NewFile | Ask::NewDirectory => "in the workspace".to_owned(),
        };
        draw(&self.field, Words { title, right: &into, notes: &notes, hint }, model, theme, frame);
    }
}

/// What stands around the field.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) right: &'a str,
    /// Between the field and the hint.
    pub(super) notes: &'a [String],
    pub(super) hint: &'a str,
}

/// Draws a field in its box.
pub(super) fn draw(field: &Field, words: Words<'_>, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let notes = u16::try_from(words.notes.len()).unwrap_or(u16::MAX);
    let area = centred(model.room(), 64, notes.saturating_add(5));
    let inside = over(words.title, words.right, theme, area, frame);
    let row = |y: u16| {
        Rect::new(inside.x + 1, inside.y + y, inside.width.saturating_sub(2), 1).intersection(inside)
    };
    field.draw(theme, row(0), true, frame);
    let lines = words.notes.iter().map(|note| (note.as_str(), Role::Text));
    let lines = lines.chain([("", Role::Text), (words.hint, Role::KeysKey)]);
    // A box without notes has one blank line before the hint, as one with notes has after them.
    for ((line, role), y) in lines.zip(1..) {
        if !row(y).is_empty() {
            let line = text::fit(line, usize::from(row(y).width), theme.glyphs.cut);
            frame.buffer_mut().set_string(row(y).x, row(y).y, line, theme.style(role));
        }
    }
}

/// A path as it was typed, from the workspace.
fn workspace_path(typed: &str) -> Result<String, &'static str> {
    let typed = typed.strip_prefix("/workspace/").unwrap_or(typed);
    if typed.starts_with('/') {
        return Err("only paths in /workspace can be reached");
    }
    let parts: Vec<&str> = typed.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() {
        return Err("the name is missing");
    }
    if parts.contains(&"..") {
        return Err("a path with .. would lead elsewhere: write it out");
    }
    if typed.len() > LONGEST.0 || parts.iter().any(|part| part.len() > LONGEST.1) {
        return Err("the name is too long");
    }
    Ok(parts.join("/"))
}

/// What all of these begin with.
fn shared(found: &[String]) -> Option<&str> {
    let (first, others) = found.split_first()?;
    let mut end = first.len();
    for other in others {
        let same = first.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
        let until = same.map_or(first.len().min(other.len()), |((at, _), _)| at);
        end = end.min(until);
    }
    first.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_workspace() {
        assert_eq!(workspace_path("a.py").as_deref(), Ok("a.py"));
        assert_eq!(workspace_path("/workspace/src/./x//y/").as_deref(), Ok("src/x/y"));
        for wrong in ["", "  ", "/", "./", "/etc/passwd", "..", "a/../b"] {
            assert!(workspace_path(wrong.trim()).is_err(), "{wrong:?}");
        }
        assert!(workspace_path(&"x".repeat(256)).is_err());
    }

    #[test]
    fn what_paths_share_is_typed() {
        let found = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(shared(&found(&["src/", "sérif", "s"])), Some("s"));
        assert_eq!(shared(&found(&["one/"])), Some("one/"));
        assert_eq!(shared(&[]), None);
        let mut form = PathForm::new(SessionId::from("s"), Ask::Upload(String::new()), "s");
        form.completed("other", found(&["x"]));
        assert_eq!(form.field.text(), "s", "what was typed since counts");
        form.completed("s", found(&["src/a", "src/b"]));
        assert_eq!((form.field.text(), form.found.len()), ("src/", 2));
    }

    #[test]
    fn a_directory_is_not_moved_into_itself() {
        let ask = |to: &str| PathForm::new(SessionId::from("s"), Ask::Rename("a".to_owned()), to).task();
        assert!(ask("a").is_err() && ask("a/b").is_err());
        assert_eq!(ask("ab"), Ok(Task::Rename { from: "a".to_owned(), to: "ab".to_owned() }));
    }

    #[test]
    fn a_place_for_a_download_may_be_a_directory() {
        let to = |typed: &str| {
            let form = PathForm::new(SessionId::from("s"), Ask::Download("x/a.py".to_owned()), typed);
            form.task().map(|task| match task {
                Task::Download { to, .. } => to,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(to("/tmp/"), Ok(PathBuf::from("/tmp/a.py")));
        assert_eq!(to("b.py"), Ok(PathBuf::from("b.py")));
        assert!(to("").is_err() && to("..").is_err());
    }
}
