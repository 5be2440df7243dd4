//! Asks for the file to save scratch to, or a run's output, or a benchmark; and for the name to keep one by.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::path::{self as form, Words};
use super::{Hints, Outcome};
use crate::tui::bench::BenchTask;
use crate::tui::buffers;
use crate::tui::disk;
use crate::tui::document::Document;
use crate::tui::editor::Editor;
use crate::tui::model::Model;
use crate::tui::msg::{BufferId, Effect, Replace};
use crate::tui::text;
use crate::tui::theme::Theme;
use crate::tui::widget::field::Field;

/// The path being typed.
#[derive(Clone, Debug)]
pub(crate) struct SaveAs {
    pub(super) field: Field,
    what: What,
}

/// What is saved.
#[derive(Clone, Copy, Debug)]
enum What {
    /// A text: the one it was asked for, whichever is shown.
    Text(BufferId),
    /// A run's output.
    Output(u32),
    /// A benchmark, in the format that the name ends with.
    Bench,
    /// A benchmark, by a name among those that are kept.
    BenchName,
}

impl SaveAs {
    pub(crate) fn new(buffer: BufferId, name: &str) -> Self {
        Self { field: Field::new(name), what: What::Text(buffer) }
    }

    /// Asks for the file to save a run's output to.
    pub(crate) fn output(run: u32) -> Self {
        Self { field: Field::new(&format!("run-{run}.txt")), what: What::Output(run) }
    }

    /// Asks for the file to write the benchmark to.
    pub(crate) fn bench_file(name: &str) -> Self {
        Self { field: Field::suggesting(name), what: What::Bench }
    }

    /// Asks for the name to keep the benchmark by.
    pub(crate) fn bench_name(name: &str) -> Self {
        Self { field: Field::suggesting(name), what: What::BenchName }
    }

    /// For the bottom line.
    pub(super) fn hints(&self) -> Hints {
        match self.what {
            What::BenchName => ("KEEP AS", &[("Enter", "keep"), ("Esc", "back")]),
            What::Bench => ("EXPORT", &[("Enter", "write"), ("Esc", "back")]),
            What::Text(_) | What::Output(_) => ("SAVE AS", &[("Enter", "save"), ("Esc", "back")]),
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let typed = self.field.text().trim();
        if key.code == KeyCode::Enter && !typed.is_empty() {
            let path = PathBuf::from(disk::expand(typed));
            return Outcome::Close(match self.what {
                What::Output(run) => {
                    let text = model.output.run_text(run).unwrap_or_default();
                    vec![Effect::SaveOutput { run, path, text }]
                }
                What::Bench => {
                    let reading = model.bench.as_ref().and_then(|bench| bench.reading.clone()).map(Box::new);
                    let task = |reading| BenchTask::Export { reading, path, replace: false };
                    reading.map(|reading| Effect::Bench(task(reading))).into_iter().collect()
                }
                What::BenchName => {
                    let snapshot = model.bench.as_ref().and_then(|bench| bench.snapshot().cloned());
                    let name = typed.to_owned();
                    let task = |snapshot| BenchTask::Keep { snapshot, name, replace: false };
                    snapshot.map(|snapshot| Effect::Bench(task(snapshot))).into_iter().collect()
                }
                What::Text(buffer) => {
                    let saved = buffers::all(model).find(|(document, _)| document.id == buffer);
                    let save = |(document, editor): (&Document, &Editor)| Effect::Save {
                        buffer,
                        path,
                        text: document.form.write(&editor.text()),
                        revision: editor.revision(),
                        replace: Replace::Never,
                    };
                    saved.map(save).into_iter().collect()
                }
            });
        }
        self.field.key(key);
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let title = match self.what {
            What::Text(_) => "Save as".to_owned(),
            What::Output(run) => format!("Save the output of run {run} as"),
            What::Bench => "Write the benchmark to".to_owned(),
            What::BenchName => "Keep the benchmark as".to_owned(),
        };
        // Where a name alone leads is not to be seen in it.
        let is_relative = Path::new(&disk::expand(self.field.text().trim())).is_relative();
        let base = &model.memory.base;
        let note = format!("in {}", text::sanitise(&base.to_string_lossy()));
        let mut notes = if is_relative && base.is_absolute() { vec![note] } else { Vec::new() };
        match self.what {
            What::Bench => notes.push("its end is its format: .json .csv .md .html .txt".to_owned()),
            What::BenchName => notes = vec!["a name: letters, digits, dots, dashes, underscores".to_owned()],
            What::Text(_) | What::Output(_) => {}
        }
        let hint = match self.what {
            What::BenchName => "Enter keep   Esc back",
            What::Bench => "Enter write   Esc back",
            What::Text(_) | What::Output(_) => "Enter save   Esc back",
        };
        let words = Words { title: &title, right: "", notes: &notes, hint };
        form::draw(&self.field, words, model, theme, frame);
    }
}
