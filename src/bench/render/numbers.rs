//! Figures as text. The one place that does so: every format and the workbench show the same words for the same figure.

use crate::bench::compare::{Change, Verdict};
use crate::bench::stats::{Interval, Summary};
use crate::bench::suite::Unit;

/// What stands where a figure is withheld, or not known.
pub const WITHHELD: &str = "-";

/// A figure with its unit, to three significant digits; times in the unit that fits their size: `12.3 ms`, `497 µs`.
pub fn figure(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return WITHHELD.into();
    }
    let (scale, sign) = scale(value, unit);
    format!("{} {sign}", significant(value * scale, 3))
}

/// The same of one that may be withheld.
pub fn figure_or(value: Option<f64>, unit: Unit) -> String {
    value.map_or_else(|| WITHHELD.into(), |value| figure(value, unit))
}

/// The mean and half the width of its interval, in one unit: `12.3 ± 0.4 ms`; the mean alone where there is no interval.
pub fn mean(summary: &Summary, unit: Unit) -> String {
    let half = summary.interval.map(|interval| interval.half()).filter(|half| half.is_finite());
    let Some(half) = half.filter(|_| summary.mean.is_finite()) else {
        return figure(summary.mean, unit);
    };
    let (scale, sign) = scale(summary.mean, unit);
    let mean = significant(summary.mean * scale, 3);
    let half = half * scale;
    // As many decimals as the mean has; more only where nothing would be left.
    let decimals = decimals_of(&mean);
    let shown = format!("{half:.decimals$}");
    let nothing = half > 0.0 && shown.chars().all(|c| matches!(c, '0' | '.'));
    let half =
        if nothing || half >= 100.0 { significant(half, 1 + 2 * usize::from(!nothing)) } else { shown };
    format!("{mean} ± {half} {sign}")
}

/// A part of a sample's time, in milliseconds: parts are added up, so all of them are in one unit.
pub fn phase(ms: f64) -> String {
    if !ms.is_finite() {
        return WITHHELD.into();
    }
    match ms.abs() {
        size if size >= 100.0 => format!("{ms:.0} ms"),
        size if size >= 10.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.2} ms"),
    }
}

/// Memory, from bytes.
pub fn memory(bytes: Option<u64>) -> String {
    figure_or(bytes.map(|bytes| bytes as f64 / 1e6), Unit::Megabytes)
}

/// A change as a share of what was: `+11 %`, `-3.2 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{} %", signed(share * 100.0)) } else { WITHHELD.into() }
}

/// The interval of a change: `+5.3 to +12 %`.
pub fn percents(interval: Option<Interval>) -> String {
    match interval.filter(|i| i.low.is_finite() && i.high.is_finite()) {
        Some(Interval { low, high }) => format!("{} to {} %", signed(low * 100.0), signed(high * 100.0)),
        None => WITHHELD.into(),
    }
}

/// How many times as much: `0.004×`, `1.3×`.
pub fn ratio(times: f64) -> String {
    if !times.is_finite() {
        return WITHHELD.into();
    }
    match times.abs() {
        t if t > 0.0 && t < 0.0005 => "<0.001×".into(),
        t if t < 0.0995 => format!("{times:.3}×"),
        _ => format!("{}×", significant(times, 2)),
    }
}

/// From the least to the most, with one unit: `496 to 687 ms`.
pub fn range(range: Option<(f64, f64)>, unit: Unit) -> String {
    let Some((low, high)) = range.filter(|(low, high)| low.is_finite() && high.is_finite()) else {
        return WITHHELD.into();
    };
    let (scale, sign) = scale(high, unit);
    let low = if low == 0.0 { "0".into() } else { significant(low * scale, 3) };
    format!("{low} to {} {sign}", significant(high * scale, 3))
}

/// A verdict with a mark that needs no colour: `▲ slower`, `▼ faster`, `= no change`, `? cannot tell`.
pub fn verdict(change: &Change, unit: Unit) -> String {
    let glyph = match change.verdict {
        Verdict::Slower => "▲",
        Verdict::Faster => "▼",
        Verdict::NoChange => "=",
        Verdict::CannotTell => "?",
    };
    format!("{glyph} {}", change.verdict.words(unit))
}

/// How long something took, in seconds: `48 s`, `3 min 20 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 1e9) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes in the binary unit that fits: `64 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut sign = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, sign) = (value / 1024.0, next);
    }
    if value.fract() == 0.0 { format!("{value} {sign}") } else { format!("{value:.1} {sign}") }
}

/// What a figure is multiplied by, and the sign of what it is in then.
fn scale(value: f64, unit: Unit) -> (f64, &'static str) {
    // What rounds to a thousand is one of the next unit.
    match (unit, value.abs()) {
        (Unit::Milliseconds, 0.0) => (1.0, "ms"),
        (Unit::Milliseconds, ms) if ms < 0.000_999_5 => (1e6, "ns"),
        (Unit::Milliseconds, ms) if ms < 0.999_5 => (1e3, "µs"),
        (Unit::Milliseconds, ms) if ms >= 999.5 => (1e-3, "s"),
        _ => (1.0, unit.sign()),
    }
}

/// To so many significant digits, without exponents: the digits before the point are all told.
fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let power = |value: f64| value.abs().log10().floor() as i32;
    let decimals = |value: f64| (digits as i32 - 1 - power(value)).clamp(0, 12) as usize;
    let text = format!("{value:.*}", decimals(value));
    // 9.996 has become 10.00, which is a digit too many.
    match text.parse::<f64>() {
        Ok(rounded) if rounded != 0.0 && power(rounded) > power(value) => {
            format!("{value:.*}", decimals(rounded))
        }
        _ => text,
    }
}

fn decimals_of(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// A sign always, one decimal under ten.
fn signed(percent: f64) -> String {
    let text = if percent.abs() < 9.95 { format!("{percent:+.1}") } else { format!("{percent:+.0}") };
    if matches!(text.as_str(), "+0.0" | "-0.0") { "0".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_in_the_unit_that_fits() {
        let ms = |value| figure(value, Unit::Milliseconds);
        let got = [12.34, 0.4971, 0.000_043, 1234.5, 999.6, 0.999_6, 9.996, 0.0, 123_456.0, f64::NAN].map(ms);
        assert_eq!(
            got,
            ["12.3 ms", "497 µs", "43.0 ns", "1.23 s", "1.00 s", "1.00 ms", "10.0 ms", "0 ms", "123 s", "-"]
        );
        assert_eq!(figure(412.4, Unit::MegabytesPerSecond), "412 MB/s");
        assert_eq!(figure(12_345.6, Unit::PerSecond), "12346 /s");
        assert_eq!(memory(Some(41_234_567)), "41.2 MB");
        assert_eq!(memory(None), "-");
    }

    #[test]
    fn a_mean_and_its_half_interval_are_in_one_unit() {
        let summary = |mean: f64, half: Option<f64>| Summary {
            n: 50,
            mean,
            interval: half.map(|half| Interval { low: mean - half, high: mean + half }),
            deviation: None,
            min: mean,
            p50: mean,
            p95: None,
            p99: None,
            max: mean,
            outliers: 0,
        };
        let ms = |m, half| mean(&summary(m, half), Unit::Milliseconds);
        assert_eq!(ms(12.31, Some(0.42)), "12.3 ± 0.4 ms");
        assert_eq!(ms(123.4, Some(0.31)), "123 ± 0.3 ms");
        assert_eq!(ms(0.4971, Some(0.0123)), "497 ± 12 µs");
        assert_eq!(ms(1.234, Some(212.0)), "1.23 ± 212 ms");
        assert_eq!(ms(1234.0, None), "1.23 s");
        assert_eq!(ms(12.0, Some(0.0)), "12.0 ± 0.0 ms");
    }

    #[test]
    fn changes_have_a_sign_and_ratios_few_digits() {
        assert_eq!(
            [0.113, -0.032, 0.0, 12.4, -0.0999].map(percent),
            ["+11 %", "-3.2 %", "0 %", "+1240 %", "-10 %"]
        );
        assert_eq!(percents(Some(Interval { low: -0.012, high: 0.143 })), "-1.2 to +14 %");
        assert_eq!(percents(None), "-");
        assert_eq!(
            [0.0042, 0.045, 0.42, 1.31, 12.7, 0.0001].map(ratio),
            ["0.004×", "0.045×", "0.42×", "1.3×", "13×", "<0.001×"]
        );
        assert_eq!(range(Some((0.0, 6.0)), Unit::Milliseconds), "0 to 6.00 ms");
        assert_eq!(range(Some((0.043, 0.066)), Unit::Milliseconds), "43.0 to 66.0 µs");
    }
}
