//! What is typed into the form for a new session, as what the engine is asked for; and what it made of that.

use super::new_session::{NewSession, Part};
use crate::protocol::{CreateSession, SessionInfo};

/// The most characters of a name.
const NAME: usize = 60;
/// The most minutes: a year.
const MINUTES: u64 = 525_600;

/// Which part is wrong, how, and what to do.
type Wrong = (Part, String, String);

/// Reads the texts into what the engine is asked for. An empty one is the engine's default.
pub(super) fn read(form: &NewSession, params: &mut CreateSession) -> Result<(), Wrong> {
    let name = form.typed(Part::Name);
    if name.chars().count() > NAME {
        let hint = format!("at most {NAME} characters");
        return Err((Part::Name, "the name is too long".to_owned(), hint));
    }
    params.name = (!name.is_empty()).then(|| name.to_owned());
    if form.parts().any(|part| part == Part::Image) {
        let image = form.typed(Part::Image);
        if image.contains(char::is_whitespace) {
            let hint = "write it as docker does: python:3.12-slim".to_owned();
            return Err((Part::Image, "an image's name holds no blanks".to_owned(), hint));
        }
        params.docker_image = (!image.is_empty()).then(|| image.to_owned());
    }
    params.memory_limit_mb = whole(form, Part::Memory, "memory", "MB", form.most.max_memory)?;
    params.cpu_shares = processors(form)?;
    params.limits.processes = whole(form, Part::Processes, "processes", "processes", None)?;
    let disk = whole(form, Part::Disk, "disk", "MB", Some(u64::MAX >> 20))?;
    params.limits.workspace_bytes = disk.map(|mb| mb << 20);
    let time = whole(form, Part::Time, "time", "seconds", form.most.max_timeout.or(Some(MINUTES * 60)))?;
    params.limits.timeout_ms = time.map(|s| s.saturating_mul(1000));
    for (part, name, to) in [
        (Part::Idle, "idle", &mut params.idle_timeout_minutes),
        (Part::Life, "life", &mut params.max_lifetime_minutes),
    ] {
        if let Some(minutes) = whole(form, part, name, "minutes", Some(MINUTES))? {
            *to = u32::try_from(minutes).unwrap_or(u32::MAX);
        }
    }
    Ok(())
}

/// A whole number above 0, or nothing.
fn whole(
    form: &NewSession,
    part: Part,
    name: &str,
    unit: &str,
    most: Option<u64>,
) -> Result<Option<u64>, Wrong> {
    let typed = form.typed(part);
    if typed.is_empty() {
        return Ok(None);
    }
    let hint = "leave it empty for the default".to_owned();
    match (typed.parse::<u64>(), most) {
        (Ok(n), Some(most)) if n > most => {
            Err((part, format!("{name}: no more than {most} {unit} can be had, not {n}"), hint))
        }
        (Ok(n), _) if n > 0 => Ok(Some(n)),
        _ => Err((part, format!("{name}: a whole number of {unit} above 0, not {typed:?}"), hint)),
    }
}

/// Processors as 1024ths.
fn processors(form: &NewSession) -> Result<Option<u64>, Wrong> {
    let typed = form.typed(Part::Processors);
    if typed.is_empty() {
        return Ok(None);
    }
    match typed.parse::<f64>() {
        // Within what a u64 holds; less than a thousandth is still something.
        Ok(n) if n > 0.0 && n <= 1e6 => Ok(Some(((n * 1024.0).round() as u64).max(1))),
        _ => {
            let hint = "write 0.5 or 2, or leave it empty for the default".to_owned();
            Err((Part::Processors, format!("processors: a number above 0, not {typed:?}"), hint))
        }
    }
}

/// The part that an engine's refusal names.
pub(super) fn named(message: &str) -> Option<Part> {
    let message = message.to_lowercase();
    let words = [
        ("image", Part::Image),
        ("memory", Part::Memory),
        ("cpu", Part::Processors),
        ("processes", Part::Processes),
        ("workspace", Part::Disk),
        ("idle", Part::Idle),
        ("lifetime", Part::Life),
        ("timeout", Part::Time),
        ("network", Part::Network),
    ];
    words.into_iter().find(|(word, _)| message.contains(word)).map(|(_, part)| part)
}

/// What a session got less of than was asked for, in words; empty: nothing.
pub(super) fn lowered(asked: &CreateSession, info: &SessionInfo) -> String {
    let limits = &info.limits;
    let mb = |bytes: u64| bytes >> 20;
    let pairs = [
        ("memory", " MB", asked.memory_limit_mb, info.config.memory_limit_mb),
        ("processes", "", asked.limits.processes, limits.processes),
        ("disk", " MB", asked.limits.workspace_bytes.map(mb), limits.workspace_bytes.map(mb)),
        (
            "time of a run",
            " s",
            asked.limits.timeout_ms.map(|ms| ms / 1000),
            limits.timeout_ms.map(|ms| ms / 1000),
        ),
    ];
    let mut words: Vec<String> = pairs
        .into_iter()
        .filter_map(|(name, unit, asked, got)| Some((name, unit, asked?, got?)))
        .filter(|(_, _, asked, got)| got < asked)
        .map(|(name, unit, asked, got)| format!("{name} {got}{unit}, not {asked}{unit}"))
        .collect();
    if let (Some(asked), Some(got)) = (asked.cpu_shares, limits.cpu_shares)
        && got < asked
    {
        let cpus = |shares: u64| shares as f64 / 1024.0;
        words.push(format!("processors {}, not {}", cpus(got), cpus(asked)));
    }
    words.join("; ")
}
