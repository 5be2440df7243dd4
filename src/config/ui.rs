//! `[ui]`: how the workbench behaves on the screen.

use super::document::{Item, Reader};

/// What a person may set of the screen; absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UiSettings {
    /// Nothing moves that need not: also where `NO_MOTION` is set. So far nothing does, so that it changes nothing.
    pub reduced_motion: Option<bool>,
    /// Clicks and the wheel come here; false leaves them to the terminal.
    pub mouse: Option<bool>,
    /// Long lines of output are broken, not cut.
    pub wrap: Option<bool>,
    /// What was run, and the files that were open, are there again at the next start.
    pub remember: Option<bool>,
}

impl UiSettings {
    /// Reads one key. Gives the glyph set, which is the settings' own.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) -> Option<String> {
        match item.key {
            "reduced_motion" => self.reduced_motion = reader.boolean(item),
            "mouse" => self.mouse = reader.boolean(item),
            "wrap" => self.wrap = reader.boolean(item),
            "remember" => self.remember = reader.boolean(item),
            "glyphs" => return reader.string(item),
            unknown => {
                let known = "reduced_motion, mouse, wrap, remember, glyphs";
                reader.warn(item.at, format!("unknown key `{unknown}` in [ui]: there are {known}"));
            }
        }
        None
    }

    /// Lets the environment win.
    pub(super) fn overlay(
        &mut self,
        given: impl Fn(&str) -> Option<String>,
        mut warn: impl FnMut(&str, String),
    ) {
        let places = [
            ("CODEBEAKER_UI_REDUCED_MOTION", &mut self.reduced_motion),
            ("CODEBEAKER_UI_MOUSE", &mut self.mouse),
            ("CODEBEAKER_UI_WRAP", &mut self.wrap),
            ("CODEBEAKER_UI_REMEMBER", &mut self.remember),
        ];
        for (name, place) in places {
            match given(name).map(|value| super::settings::boolean(&value)) {
                Some(Ok(value)) => *place = Some(value),
                Some(Err(message)) => {
                    *place = Some(false);
                    warn(name, message);
                }
                None => {}
            }
        }
        if given("NO_MOTION").is_some() {
            self.reduced_motion = Some(true);
        }
    }
}
