//! What the editor's text is: a file or scratch, in which language, and the sample that scratch begins with.

use std::path::{Component, Path, PathBuf};

use super::editor::{Action, Habits};
use super::msg::{BufferId, Stamp, Unsaved};
use super::samples::SAMPLES;
use super::text;
use super::workspace::Seen;
use crate::protocol::{Language, SessionId};

/// The languages scratch can be in, the likeliest to run first.
pub(crate) const ORDER: [Language; 5] =
    [Language::TypeScript, Language::JavaScript, Language::Python, Language::Go, Language::CSharp];

/// Where a text is from, and goes back to when it is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nowhere yet.
    Scratch,
    /// A file of this machine.
    Disk(PathBuf),
    /// A file of a session's workspace.
    Workspace { session: SessionId, path: String },
}

/// A file's one name, however it is typed in this directory. A `..` that stands behind a name stays: if that is a link,
/// it leads elsewhere, and two files must never pass for one.
pub(crate) fn identity(base: &Path, path: &Path) -> PathBuf {
    let (mut whole, mut named) = (base.to_owned(), false);
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // The directory itself has a name without links.
            Component::ParentDir if !named && whole.is_absolute() => drop(whole.pop()),
            component => {
                named |= matches!(component, Component::Normal(_));
                whole.push(component);
            }
        }
    }
    whole
}

/// What the editor's text is.
#[derive(Debug)]
pub(crate) struct Document {
    /// What tells it from the other open texts.
    pub(crate) id: BufferId,
    origin: Origin,
    language: Option<Language>,
    /// The revision of the text that is on disk, or was the sample.
    saved: u64,
    /// The file's own text, where characters of it can't be shown.
    pub(crate) unshown: Option<String>,
    /// The file is being read.
    pub(crate) loading: bool,
    /// What was typed meanwhile; it is done when the text is there.
    pub(crate) held: Vec<Action>,
    /// What a crash has left of it; it is put over the file's text when that is there.
    pub(crate) recovered: Option<Box<Unsaved>>,
    /// The file when it was read or saved; `None`: there was none.
    pub(crate) on_disk: Option<Stamp>,
    /// The file of a workspace when it was read or saved.
    pub(crate) in_workspace: Option<Seen>,
    /// It is being saved.
    pub(crate) saving: bool,
    /// It shall be saved once more when it is.
    pub(crate) save_again: bool,
    /// How the file says its text.
    pub(crate) form: Form,
    /// The number of the sample that scratch begins with.
    sample: usize,
    /// What tells scratch from other scratch, for people: from 1.
    number: usize,
    /// It is too long to be edited here.
    pub(crate) big: bool,
    /// The step that its text was seen to be indented by, and whether that is a tab.
    seen: Option<(usize, bool)>,
}

/// How a file says its text, where the editor keeps it otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// It begins with a byte order mark.
    bom: bool,
    /// Its lines end with CR LF.
    crlf: bool,
    /// Characters that the editor shows others for.
    hidden: usize,
    /// Line ends unlike most.
    odd_ends: usize,
}

impl Form {
    /// The form of a file's content, and its text without the mark.
    pub(crate) fn of(content: &str) -> (Self, &str) {
        let body = content.strip_prefix('\u{feff}').unwrap_or(content);
        let pairs = body.matches("\r\n").count();
        let feeds = body.matches('\n').count() - pairs;
        let returns = body.matches('\r').count() - pairs;
        let crlf = pairs > feeds;
        let hidden = |c: &char| !matches!(c, '\n' | '\r' | '\t') && text::visible(*c) != *c;
        let form = Self {
            bom: body.len() < content.len(),
            crlf,
            hidden: body.chars().filter(hidden).count(),
            odd_ends: returns + if crlf { feeds } else { pairs },
        };
        (form, body)
    }

    /// The editor's text as the file says it.
    pub(crate) fn write(self, text: &str) -> String {
        let mark = if self.bom { "\u{feff}" } else { "" };
        let text = if self.crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        format!("{mark}{text}")
    }

    /// What of the file is lost when it is saved: nothing, or in words.
    pub(crate) fn losses(self) -> Vec<String> {
        let many = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        let mut losses = Vec::new();
        if self.hidden > 0 {
            let verb = if self.hidden == 1 { "was" } else { "were" };
            losses.push(format!(
                "{} that can't be shown {verb} replaced; saving writes the text as it is shown",
                many(self.hidden, "character")
            ));
        }
        if self.odd_ends > 0 {
            let all = if self.crlf { "CR LF" } else { "LF" };
            losses.push(format!("{} unlike most; saving makes all {all}", many(self.odd_ends, "line end")));
        }
        losses
    }

    /// Characters of the file are not shown as they are.
    pub(crate) fn hides(self) -> bool {
        self.hidden > 0
    }

    /// The file now has the text as it is shown.
    pub(crate) fn settle(&mut self) {
        (self.hidden, self.odd_ends) = (0, 0);
    }
}

impl Document {
    /// Nothing of it is there yet, unless it is scratch.
    pub(crate) fn new(origin: Origin) -> Self {
        let language = match &origin {
            Origin::Scratch => ORDER.first().copied(),
            Origin::Disk(path) => of_path(path),
            Origin::Workspace { path, .. } => of_path(Path::new(path)),
        };
        let loading = origin != Origin::Scratch;
        Self {
            id: BufferId::default(),
            origin,
            language,
            saved: 1,
            loading,
            unshown: None,
            held: Vec::new(),
            recovered: None,
            on_disk: None,
            in_workspace: None,
            saving: false,
            save_again: false,
            form: Form::default(),
            sample: 0,
            number: 1,
            big: false,
            seen: None,
        }
    }

    /// Scratch that is called like this: only the ending counts.
    pub(crate) fn named(name: &str) -> Self {
        let language = of_path(Path::new(name));
        let scratch = Self::new(Origin::Scratch);
        Self { language: language.or(scratch.language), ..scratch }
    }

    /// What the text is before anything is typed or read.
    pub(crate) fn sample(&self) -> String {
        match self.language {
            Some(language) if self.origin == Origin::Scratch => {
                SAMPLES.get(self.sample).map_or_else(String::new, |sample| sample.code(language).to_owned())
            }
            _ => String::new(),
        }
    }

    /// Scratch begins with this sample, in whatever language.
    pub(crate) fn show_sample(&mut self, number: usize) {
        self.sample = number;
    }

    /// The number of scratch.
    pub(crate) fn number(&self) -> Option<usize> {
        (self.origin == Origin::Scratch).then_some(self.number)
    }

    /// Scratch is called by this number from now on.
    pub(crate) fn set_number(&mut self, number: usize) {
        self.number = number;
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The file of this machine that it is.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Disk(path) => Some(path),
            Origin::Scratch | Origin::Workspace { .. } => None,
        }
    }

    /// The file it is, wherever that is.
    fn any_path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Scratch => None,
            Origin::Disk(path) => Some(path),
            Origin::Workspace { path, .. } => Some(Path::new(path)),
        }
    }

    /// Where it is from, for a person.
    pub(crate) fn place(&self) -> String {
        let place = match &self.origin {
            Origin::Scratch => "no file yet".to_owned(),
            Origin::Disk(path) => path.display().to_string(),
            Origin::Workspace { path, .. } => format!("workspace: {path}"),
        };
        text::sanitise(&place).into_owned()
    }

    pub(crate) fn language(&self) -> Option<Language> {
        self.language
    }

    pub(crate) fn set_language(&mut self, language: Language) {
        self.language = Some(language);
    }

    pub(crate) fn saved_revision(&self) -> u64 {
        self.saved
    }

    /// What its colours are chosen by: an extension, or a file's whole name.
    pub(crate) fn syntax(&self) -> Option<&str> {
        if self.big {
            return None;
        }
        let of_language = self.language.map(Language::extension);
        let path = self.any_path();
        let ending = path.and_then(Path::extension).or_else(|| path.and_then(Path::file_name));
        // A language that was chosen by hand or by a first line counts more than an ending that says nothing.
        of_language.or_else(|| ending?.to_str())
    }

    /// How its text is written.
    pub(crate) fn habits(&self) -> Habits {
        let usual = habits(self.language, self.syntax());
        self.seen.map_or(usual, |(indent, hard_tabs)| Habits { indent, hard_tabs, ..usual })
    }

    /// Looks at how a text is indented, to go on like that.
    pub(crate) fn look_at(&mut self, text: &str) {
        self.seen = indentation(text).map(|step| match step {
            Step::Tab => (habits(self.language, self.syntax()).indent, true),
            Step::Spaces(n) => (n, false),
        });
    }

    /// The text of this revision is on disk, or counts as if it were.
    pub(crate) fn set_saved(&mut self, revision: u64) {
        self.saved = revision;
    }

    /// The text is now that of a file.
    pub(crate) fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
        self.language = self.any_path().and_then(of_path).or(self.language);
    }

    /// What the text is called: the file's name, or `scratch.ts`, or `scratch-2.ts` beside that.
    pub(crate) fn name(&self) -> String {
        let name = self.any_path().and_then(Path::file_name);
        match name {
            Some(name) => text::sanitise(&name.to_string_lossy()).into_owned(),
            None => {
                let number = if self.number > 1 { format!("-{}", self.number) } else { String::new() };
                format!("scratch{number}.{}", self.language.map_or("txt", Language::extension))
            }
        }
    }

    /// What a program's messages should call it; only a plain name is passed on.
    pub(crate) fn file_name(&self) -> Option<String> {
        let name = self.any_path()?.file_name()?.to_str()?;
        is_plain(name).then(|| name.to_owned())
    }

    /// Its path in a workspace, if that is plain throughout.
    pub(crate) fn workspace_path(&self) -> Option<String> {
        match &self.origin {
            Origin::Workspace { path, .. } if path.split('/').all(is_plain) => Some(path.clone()),
            _ => None,
        }
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().all(plain) && !name.starts_with(['.', '-'])
}

fn of_path(path: &Path) -> Option<Language> {
    Language::from_extension(path.extension()?.to_str()?)
}

/// How the people of a language write it, or of a file with this ending.
pub(crate) fn habits(language: Option<Language>, ending: Option<&str>) -> Habits {
    let usual = Habits::default();
    match (language, ending) {
        (Some(Language::JavaScript | Language::TypeScript), _) => {
            Habits { indent: 2, comment: Some("//"), ..usual }
        }
        (Some(Language::Go), _) => Habits { hard_tabs: true, comment: Some("//"), ..usual },
        (Some(Language::CSharp), _) => Habits { comment: Some("//"), ..usual },
        (Some(Language::Python), _) => Habits { comment: Some("#"), ..usual },
        (None, Some("json" | "yaml" | "yml" | "html" | "css" | "xml" | "md")) => {
            let comment = matches!(ending, Some("yaml" | "yml")).then_some("#");
            Habits { indent: 2, comment, ..usual }
        }
        (None, Some("rs" | "c" | "h" | "cpp" | "java" | "kt" | "swift" | "jsonc" | "scss")) => {
            Habits { comment: Some("//"), ..usual }
        }
        (None, Some("Makefile" | "mk")) => Habits { hard_tabs: true, comment: Some("#"), ..usual },
        (None, Some("sh" | "bash" | "toml" | "rb" | "Dockerfile")) => Habits { comment: Some("#"), ..usual },
        (None, Some("sql" | "lua" | "hs")) => Habits { comment: Some("--"), ..usual },
        (None, _) => usual,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Tab,
    Spaces(usize),
}

/// The step that a text is indented by: tabs where most lines begin with one, else the least that a line is indented
/// more than the one above.
fn indentation(text: &str) -> Option<Step> {
    let (mut tabs, mut spaces, mut above, mut least) = (0, 0, 0, None);
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(1000) {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        tabs += usize::from(line.starts_with('\t'));
        spaces += usize::from(blanks > 0);
        if let Some(more) = blanks.checked_sub(above).filter(|more| (2..=8).contains(more)) {
            least = Some(least.map_or(more, |least: usize| least.min(more)));
        }
        above = blanks;
    }
    if tabs > spaces { Some(Step::Tab) } else { least.map(Step::Spaces) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::editor::Editor;

    #[test]
    fn a_file_keeps_its_mark_and_line_ends() {
        for content in ["", "\u{feff}", "a\n", "a\r\nb\r\n", "\u{feff}a\r\n\tb", "\u{feff}a\nb\n"] {
            let (form, text) = Form::of(content);
            let editor = Editor::new(text, Habits::default());
            assert!(!editor.text().contains(['\r', '\u{feff}']));
            assert_eq!(form.write(&editor.text()), content);
            assert_eq!(form.losses(), Vec::<String>::new(), "{content:?}");
        }
    }

    #[test]
    fn a_file_has_one_name_however_it_is_typed() {
        let name = |path: &str| identity(Path::new("/w/here"), Path::new(path)).display().to_string();
        for path in ["a.py", "./a.py", "././/a.py", "../here/a.py", "/w/here/a.py", "/w/./here//a.py"] {
            assert_eq!(name(path), "/w/here/a.py", "{path}");
        }
        assert_eq!(name("../../../a.py"), "/a.py");
        // What stands before it may be a link.
        assert_eq!(name("link/../a.py"), "/w/here/link/../a.py");
        assert_eq!(identity(Path::new(""), Path::new("../a.py")), Path::new("../a.py"));
    }

    #[test]
    fn a_text_is_indented_on_as_it_is() {
        assert_eq!(indentation("a\n\tb\n\t\tc\n"), Some(Step::Tab));
        assert_eq!(indentation("a\n   b\n      c\n   d\n"), Some(Step::Spaces(3)));
        assert_eq!(indentation("a\n b\n"), None);
        let mut document = Document::new(Origin::Disk("a.py".into()));
        document.look_at("if a:\n\tb\n");
        assert_eq!(document.habits(), Habits { indent: 4, hard_tabs: true, comment: Some("#") });
        assert_eq!(Document::new(Origin::Disk("x/Makefile".into())).syntax(), Some("Makefile"));
        assert_eq!(Document::new(Origin::Disk("x/a.json".into())).syntax(), Some("json"));
        assert_eq!(Document::new(Origin::Scratch).syntax(), Some("ts"));
    }

    #[test]
    fn what_saving_would_lose_is_known() {
        let (form, text) = Form::of("a\r\nb\r\nc\nd\re\u{1b}\u{200b}\u{feff}");
        assert_eq!((form.hidden, form.odd_ends, form.crlf, form.bom), (3, 2, true, false));
        assert_eq!(form.write(&Editor::new(text, Habits::default()).text()).matches("\r\n").count(), 4);
        assert_eq!(form.losses().len(), 2);
        let (mut form, _) = Form::of("a\nb\nc\r\n");
        assert_eq!((form.odd_ends, form.crlf), (1, false));
        form.settle();
        assert!(form.losses().is_empty());
    }
}
