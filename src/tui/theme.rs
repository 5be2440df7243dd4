//! What each role on the screen looks like on this terminal, and the characters it is drawn with.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::config::{ANSI, Colour, GlyphSet, RoleSpec, ThemeFile};

macro_rules! roles {
    ($($name:ident = $text:literal,)+) => {
        /// A thing on the screen that has a look of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code, reason = "themes may name what is drawn later")]
        pub(crate) enum Role { $($name,)+ }
        /// Their names in theme files, in the same order.
        pub(crate) const NAMES: &[&str] = &[$($text,)+];
    };
}

roles! {
    Background = "background", Text = "text", Muted = "text.muted", Strong = "text.strong", Link = "text.link",
    Pane = "pane", Border = "pane.border", BorderFocus = "pane.border.focus", Title = "pane.title",
    TitleFocus = "pane.title.focus", TopBar = "bar.top", KeysBar = "bar.keys", KeysKey = "bar.keys.key",
    StatusBar = "bar.status", ModeEdit = "mode.edit", ModeCommand = "mode.command", Selected = "list.selected",
    SelectedBlurred = "list.selected.blurred", ListMatch = "list.match", Input = "input",
    Placeholder = "input.placeholder", Cursor = "cursor", Selection = "selection", Thumb = "scroll.thumb",
    Track = "scroll.track", Overlay = "overlay", OverlayBorder = "overlay.border", Backdrop = "backdrop",
    ToastInfo = "toast.info", ToastWarn = "toast.warn", ToastError = "toast.error", Ok = "status.ok",
    Fail = "status.fail", Run = "status.run", Idle = "status.idle", Warn = "status.warn",
    Unknown = "status.unknown", Stderr = "output.stderr", Meta = "output.meta", OutputMatch = "output.match",
    Axis = "chart.axis", Chart1 = "chart.1", Chart2 = "chart.2", Chart3 = "chart.3", Chart4 = "chart.4",
    MeterLow = "meter.low", MeterMid = "meter.mid", MeterHigh = "meter.high", Keyword = "code.keyword",
    CodeString = "code.string", Number = "code.number", Comment = "code.comment", Function = "code.function",
    Type = "code.type", Gutter = "code.gutter", CodeLine = "code.line",
}

/// How many colours the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourTier {
    /// None: bold, underline and reverse only.
    Mono,
    /// The sixteen.
    Ansi,
    /// 256.
    Indexed,
    /// 24 bits.
    Rgb,
}

/// What the environment says about the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalKind {
    /// Its colours.
    pub colours: ColourTier,
    /// It can show box drawing and symbols.
    pub unicode: bool,
}

impl TerminalKind {
    /// Reads `NO_COLOR`, `TERM`, `COLORTERM` and the locale variables.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let term = var("TERM").unwrap_or_default();
        let true_colour = var("COLORTERM").is_some_and(|c| c == "truecolor" || c == "24bit");
        let colours = match () {
            () if var("NO_COLOR").is_some() || term == "dumb" => ColourTier::Mono,
            () if true_colour => ColourTier::Rgb,
            () if term.contains("256color") => ColourTier::Indexed,
            () => ColourTier::Ansi,
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var).unwrap_or_default().to_lowercase();
        let unicode =
            (locale.contains("utf-8") || locale.contains("utf8")) && term != "linux" && term != "dumb";
        Self { colours, unicode }
    }
}

/// Whether the background is light, as `COLORFGBG` has it: rxvt, Konsole and others set that to `fg;bg`, in numbers
/// of the sixteen colours.
pub fn light_from_vars(var: impl Fn(&str) -> Option<String>) -> Option<bool> {
    let background: u8 = var("COLORFGBG")?.rsplit(';').next()?.trim().parse().ok()?;
    (background < 16).then_some(!matches!(background, 0..=6 | 8))
}

/// Whether dark words read better on a colour than light ones.
pub(crate) fn is_light(colour: [u8; 3]) -> bool {
    // Where the contrast with black and with white is the same.
    luminance(colour) > 0.179
}

/// How bright a colour is, 0 to 1, as WCAG defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The characters of frames and states.
#[derive(Clone, Debug)]
pub(crate) struct Glyphs {
    pub(crate) border: border::Set<'static>,
    pub(crate) border_focus: border::Set<'static>,
    pub(crate) ok: &'static str,
    pub(crate) fail: &'static str,
    pub(crate) run: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) warn: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) pointer: &'static str,
    pub(crate) down: &'static str,
    pub(crate) up: &'static str,
    pub(crate) cut: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) full: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) thumb: &'static str,
    pub(crate) across: &'static str,
    pub(crate) updown: &'static str,
    /// What is chosen of several, and a character that is not shown.
    pub(crate) dot: &'static str,
    /// To the engine, and from it.
    pub(crate) sent: &'static str,
    pub(crate) came: &'static str,
    /// A curve's marks, from low to high.
    pub(crate) spark: [&'static str; 8],
    /// The parts of a bar, told apart by how dense they are.
    pub(crate) shades: [&'static str; 4],
    /// A value in a chart, and one far from the others.
    pub(crate) point: &'static str,
    pub(crate) outlier: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    border: border::PLAIN,
    border_focus: border::THICK,
    ok: "✓",
    fail: "✗",
    run: "●",
    idle: "○",
    warn: "!",
    unknown: "?",
    pointer: "▸",
    down: "▼",
    up: "▲",
    cut: "…",
    rule: "─",
    full: "█",
    empty: "░",
    thumb: "█",
    across: "←→",
    updown: "↑↓",
    dot: "•",
    sent: "→",
    came: "←",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    shades: ["░", "▒", "▓", "█"],
    point: "·",
    outlier: "×",
};

const ASCII: Glyphs = Glyphs {
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    border_focus: border::Set {
        top_left: "#",
        top_right: "#",
        bottom_left: "#",
        bottom_right: "#",
        vertical_left: "#",
        vertical_right: "#",
        horizontal_top: "=",
        horizontal_bottom: "=",
    },
    ok: "+",
    fail: "x",
    run: "*",
    idle: "o",
    warn: "!",
    unknown: "?",
    pointer: ">",
    down: "v",
    up: "^",
    cut: "~",
    rule: "-",
    full: "#",
    empty: ".",
    thumb: "%",
    across: "<>",
    updown: "^v",
    dot: "*",
    sent: ">",
    came: "<",
    spark: ["_", ".", "-", "~", "=", "+", "*", "#"],
    shades: [".", "-", "=", "#"],
    point: ".",
    outlier: "x",
};

/// The looks of all roles.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    pub(crate) name: String,
    /// It is made for a light background.
    pub(crate) light: bool,
    pub(crate) glyphs: Glyphs,
    /// How many colours the terminal has: a program's are fitted to them.
    pub(crate) tier: ColourTier,
    styles: Vec<Style>,
}

impl Theme {
    /// A theme on this terminal.
    pub(crate) fn resolve(file: &ThemeFile, tier: ColourTier, set: GlyphSet) -> Self {
        let styles = NAMES.iter().map(|name| style_of(name, file, tier)).collect();
        let glyphs = if set == GlyphSet::Ascii { ASCII } else { UNICODE };
        Self { name: file.name.clone(), light: file.light, glyphs, tier, styles }
    }

    /// What a role looks like.
    pub(crate) fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

/// A role's look: its own, or that of the longest known prefix of its name, at last that of `text`.
fn style_of(name: &str, file: &ThemeFile, tier: ColourTier) -> Style {
    let mut prefix = Some(name);
    while let Some(candidate) = prefix {
        if let Some(role) = file.roles.get(candidate) {
            return style(role, file, tier);
        }
        prefix = candidate.rsplit_once('.').map(|(parent, _)| parent);
    }
    file.roles.get("text").map(|role| style(role, file, tier)).unwrap_or_default()
}

fn style(role: &RoleSpec, file: &ThemeFile, tier: ColourTier) -> Style {
    let colour = |name: &Option<String>| {
        let name = name.as_ref()?;
        file.palette.get(name).and_then(|colour| terminal_colour(colour, tier))
    };
    let mut style = Style { fg: colour(&role.fg), bg: colour(&role.bg), ..Style::default() };
    for word in &role.mods {
        let (word, only_mono) = word.strip_suffix("-if-mono").map_or((word.as_str(), false), |w| (w, true));
        if !only_mono || tier == ColourTier::Mono {
            style = style.add_modifier(modifier(word));
        }
    }
    style
}

fn modifier(word: &str) -> Modifier {
    match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        _ => Modifier::empty(),
    }
}

/// A palette colour on a terminal with so many colours; `None` leaves the terminal's own.
fn terminal_colour(colour: &Colour, tier: ColourTier) -> Option<Color> {
    match (tier, colour.rgb) {
        (ColourTier::Mono, _) => None,
        (ColourTier::Rgb, Some([r, g, b])) => Some(Color::Rgb(r, g, b)),
        (ColourTier::Indexed, Some(rgb)) => Some(Color::Indexed(nearest(rgb))),
        _ => ansi(&colour.ansi),
    }
}

fn ansi(name: &str) -> Option<Color> {
    Some(match name {
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => return None,
    })
}

/// What a colour is in 24 bits, as xterm has it. `None`: the terminal's own.
pub(crate) fn rgb(colour: Color) -> Option<[u8; 3]> {
    let named = |at: usize| ANSI.get(at).map(|(_, value)| *value);
    match colour {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(n @ 0..=15) => named(usize::from(n)),
        Color::Indexed(n @ 16..=231) => {
            let n = usize::from(n) - 16;
            Some([n / 36, n / 6 % 6, n % 6].map(|step| STEPS[step]))
        }
        Color::Indexed(n) => Some([8 + 10 * (n - 232); 3]),
        named_colour => {
            ANSI.iter().find(|(name, _)| ansi(name) == Some(named_colour)).map(|(_, value)| *value)
        }
    }
}

/// The levels of red, green and blue in the cube of 216 colours among the 256.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the 240 fixed colours among the 256.
pub(crate) fn nearest(rgb: [u8; 3]) -> u8 {
    let distance =
        |a: [u8; 3]| -> u32 { a.iter().zip(rgb).map(|(x, y)| u32::from(x.abs_diff(y)).pow(2)).sum() };
    let step = |v: u8| (0..6).min_by_key(|i| STEPS[*i].abs_diff(v)).unwrap_or(0);
    let [r, g, b] = rgb.map(step);
    let cube = [STEPS[r], STEPS[g], STEPS[b]];
    let grey_at = (0..24u8).min_by_key(|i| distance([8 + 10 * i; 3])).unwrap_or(0);
    if distance([8 + 10 * grey_at; 3]) < distance(cube) {
        232 + grey_at
    } else {
        16 + u8::try_from(36 * r + 6 * g + b).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
