//! Themes and settings: a choice among themes, what the terminal says of itself, files that have changed.

use crate::config::{Settings, Warning};
use crate::protocol::{RuntimePreference, WireName as _};
use crate::tui::keys::Keymap;
use crate::tui::look::Read;
use crate::tui::model::{Model, Notice, Verdict};
use crate::tui::msg::{Effect, LookMsg};
use crate::tui::overlay::{Overlay, Themes};
use crate::tui::text;
use crate::tui::theme;

/// What is to be done about it when the workbench opens.
pub(super) fn begin(model: &Model) -> Vec<Effect> {
    let asks = model.look.follows().then_some(Effect::AskBackground);
    [Effect::WatchSettings(model.look.paths.clone())].into_iter().chain(asks).collect()
}

pub(super) fn update(model: &mut Model, msg: LookMsg) -> Vec<Effect> {
    match msg {
        LookMsg::Background(colour) => {
            let light = Some(theme::is_light(colour));
            // Most often it is as was thought.
            model.redraw |= model.look.light != light;
            model.look.light = light;
        }
        LookMsg::Themes(themes) => {
            model.redraw |= model.look.take(themes) || !model.overlays.is_empty();
        }
        LookMsg::Reread { settings, warnings, themes } => return reread(model, *settings, warnings, themes),
    }
    Vec::new()
}

/// Opens the list of themes.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Themes(_)));
    model.overlays.push(Overlay::Themes(Themes::new(model.look.wanted(None))));
    // Read anew each time: a theme may have been written meanwhile.
    vec![Effect::ReadThemes(model.look.paths.clone())]
}

/// The files say something else now. What can be had at once is; what can't is said.
fn reread(
    model: &mut Model,
    settings: Settings,
    mut warnings: Vec<Warning>,
    themes: Vec<Read>,
) -> Vec<Effect> {
    // Others may have been read for the first time: that is nothing to tell.
    let shown = model.look.wanted(None).to_owned();
    let was = model.look.theme(&shown).cloned();
    let themes_changed = model.look.take(themes);
    let shown_changed = was.as_ref() != model.look.theme(&shown);
    let before = model.look.settings.clone();
    // What somebody is still writing changes nothing yet.
    let broken = settings.broken;
    let changed = before != settings && !broken;
    let mut effects = Vec::new();
    if changed {
        let (keymap, more) = Keymap::load(&settings);
        warnings.extend(more);
        model.keymap = keymap.inside(model.keymap.outer());
        let follows = model.look.follows();
        model.look.set(settings);
        super::panes::keep_preset(model);
        warnings.extend(take_settings(model, &before));
        if model.look.settings.ui.mouse != before.ui.mouse {
            effects.push(Effect::CaptureMouse(model.mouse));
        }
        effects.extend((model.look.follows() && !follows).then_some(Effect::AskBackground));
    }
    // What is wrong in themes that nobody looks at can wait until somebody does.
    let shown = model.look.wanted(None).to_owned();
    match model.look.theme(&shown) {
        Some((_, wrong)) => warnings.extend(wrong.clone()),
        None => {
            let message = "there is no such theme; `terminal` is used".to_owned();
            warnings.push(Warning { place: format!("theme {shown}"), line: None, message });
        }
    }
    model.redraw |= changed || themes_changed || !warnings.is_empty();
    let late = if broken { Vec::new() } else { later(&model.look.started, &model.look.settings) };
    if !warnings.is_empty() {
        let hint = match (broken, late.as_slice()) {
            (true, _) => "what was in force before still is".to_owned(),
            (false, []) => "the rest is in force".to_owned(),
            (false, late) => format!("the rest is in force, {} from the next start on", late.join(", ")),
        };
        tell_warnings(model, &warnings, &hint);
    } else if changed && late.is_empty() {
        model.tell(Verdict::Ok, "the settings were read anew", "");
    } else if changed {
        let message = format!("read anew, but {} can't change while this runs", late.join(", "));
        model.tell(Verdict::Warn, message, "they are in force from the next start on");
    } else if shown_changed {
        model.tell(Verdict::Ok, format!("the theme {shown} was read anew"), "");
    }
    effects
}

/// Tells of the first of these; the log has all of them.
pub(crate) fn tell_warnings(model: &mut Model, warnings: &[Warning], hint: &str) {
    let Some((first, others)) = warnings.split_first() else { return };
    let notice = |warning: &Warning| Notice {
        verdict: Verdict::Warn,
        message: text::sanitise(&format!("settings: {warning}")).into_owned(),
        hint: String::new(),
    };
    others.iter().rev().for_each(|other| model.log.push(notice(other), model.now));
    let (message, hint) = match others.len() {
        0 => (format!("settings: {first}"), hint.to_owned()),
        more => (format!("settings: {first} (and {more} more)"), format!("{hint}; M shows all")),
    };
    model.tell(Verdict::Warn, message, hint);
}

/// Has the model do as the settings say, where they say something else than before. Gives what means nothing.
pub(crate) fn take_settings(model: &mut Model, before: &Settings) -> Vec<Warning> {
    let mut warnings = model.look.check();
    let settings = &model.look.settings;
    if settings.ui.mouse != before.ui.mouse {
        model.mouse = settings.ui.mouse != Some(false);
        model.dragged = None;
    }
    if settings.ui.wrap != before.ui.wrap {
        model.output.wrap = settings.ui.wrap.unwrap_or(true);
        model.output.left = 0;
    }
    if settings.preference != before.preference {
        let name = settings.preference.as_deref();
        match name.map(RuntimePreference::from_name) {
            None => model.preference = RuntimePreference::Balanced,
            Some(Some(preference)) => model.preference = preference,
            Some(None) => {
                let name = name.unwrap_or_default();
                let message = format!("unknown `{name}`: there are speed, security, memory, balanced");
                warnings.push(Warning { place: "preference".to_owned(), line: None, message });
            }
        }
    }
    warnings
}

/// The settings that the engine was made with, where they have changed.
fn later(before: &Settings, now: &Settings) -> Vec<&'static str> {
    let parts = [
        ("registry", before.registry != now.registry),
        ("minimum_isolation", before.minimum_isolation != now.minimum_isolation),
        ("allow_unconfined", before.allow_unconfined != now.allow_unconfined),
        ("calibrate", before.calibrate != now.calibrate),
        ("[limits]", before.limits != now.limits),
        ("[docker]", before.docker != now.docker),
        ("[server]", before.server != now.server),
    ];
    parts.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
