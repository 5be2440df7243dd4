//! Pictures that are as wide as there is room: across in percents, downwards in pixels, so that words keep their size on
//! a phone.

use super::escaped;

/// A picture that grows from the top down.
pub(super) struct Svg {
    title: String,
    description: String,
    body: String,
}

impl Svg {
    pub(super) fn new(title: &str, description: &str) -> Self {
        Self { title: escaped(title), description: escaped(description), body: String::new() }
    }

    /// A bar from `from` to `to` percent.
    pub(super) fn bar(&mut self, class: &str, (from, to): (f64, f64), y: f64, height: f64) {
        let width = (to - from).max(0.0);
        self.body.push_str(&format!(
            "<rect class=\"{class}\" x=\"{from:.2}%\" y=\"{y:.1}\" width=\"{width:.2}%\" height=\"{height:.1}\"/>"
        ));
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.body.push_str(&format!(
            "<line class=\"{class}\" x1=\"{x1:.2}%\" y1=\"{y1:.1}\" x2=\"{x2:.2}%\" y2=\"{y2:.1}\"/>"
        ));
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.body
            .push_str(&format!("<circle class=\"{class}\" cx=\"{x:.2}%\" cy=\"{y:.1}\" r=\"{radius}\"/>"));
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.body.push_str(&format!("<text class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}\">{text}</text>"));
    }

    /// Words at a place along an axis, kept within the picture at its ends.
    pub(super) fn tick(&mut self, (x, y): (f64, f64), text: &str) {
        let class = match x {
            x if x < 8.0 => "f",
            x if x > 92.0 => "f e",
            _ => "f m",
        };
        self.text(class, (x, y), text);
    }

    pub(super) fn finish(self, height: f64) -> String {
        let Self { title, description, body } = self;
        format!(
            "<svg class=\"chart\" role=\"img\" width=\"100%\" height=\"{height:.0}\"><title>{title}</title>\
             <desc>{description}</desc>{body}</svg>\n"
        )
    }
}

/// Where values lie across a picture, in percent.
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

/// What spans more than this is drawn on a logarithmic scale.
const SPAN: f64 = 20.0;

impl Scale {
    /// From nothing to the largest; logarithmic where the least of them would be too small to see.
    pub(super) fn of(values: &[f64]) -> Self {
        let fine = || values.iter().copied().filter(|value| value.is_finite() && *value >= 0.0);
        let high = fine().fold(0.0, f64::max);
        let least = fine().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if high <= 0.0 {
            return Self { low: 0.0, high: 1.0, log: false };
        }
        match high / least > SPAN {
            // The least has half a decade of bar.
            true => Self { low: (least.log10() - 0.5).floor(), high: high.log10(), log: true },
            false => Self { low: 0.0, high, log: false },
        }
    }

    pub(super) fn between(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, log: false }
    }

    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let at = (value - self.low) / (self.high - self.low) * 100.0;
        if at.is_finite() { at.clamp(0.0, 100.0) } else { 0.0 }
    }

    /// A few round values within it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.log {
            let (low, high) = (self.low.ceil() as i32, self.high.floor() as i32);
            let step = ((high - low) / 5 + 1).max(1) as usize;
            return (low..=high).step_by(step).take(8).map(|power| 10f64.powi(power)).collect();
        }
        let span = self.high - self.low;
        let power = 10f64.powf((span / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| span / step <= 3.5);
        let step = step.unwrap_or(span);
        let first = (self.low / step).ceil() as i64;
        (first..first + 8).map(|i| i as f64 * step).filter(|tick| *tick <= self.high).collect()
    }
}
