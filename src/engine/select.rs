//! The choice of a runtime, explained. Pure: what is known of the runtimes comes in, a ranking goes out.

use crate::protocol::{
    Candidate, Capabilities, ErrorKind, Failure, IsolationReport, Language, RuntimeInfo, RuntimePreference,
    RuntimeType, Scores, SelectParams, Selection,
};

/// The weights of Balanced: speed, security, memory.
const BALANCED: (f64, f64, f64) = (0.4, 0.3, 0.3);

/// Ranks `runtimes` for what is asked. Candidates are those that are available, run the language and have the
/// `minimum` isolation score, or the one that is asked for by type; ties go to the higher isolation, then to the order
/// given.
pub fn select(params: &SelectParams, runtimes: &[RuntimeInfo], minimum: Option<u8>) -> Selection {
    let preference = params.runtime_preference.unwrap_or(RuntimePreference::Balanced);
    let language = params.language;
    let (mut candidates, mut others) = (Vec::with_capacity(runtimes.len()), Vec::new());
    for runtime in runtimes {
        match passed_over(params, runtime, minimum) {
            None => candidates.push(runtime),
            Some(reason) => others.push((runtime, reason)),
        }
    }
    let basis = Basis::of(&candidates, language);
    let least = |figure: fn(&Capabilities) -> f64| {
        candidates.iter().map(|r| figure(&basis.figures(r, language))).fold(f64::INFINITY, f64::min)
    };
    let (best_speed, best_memory) = (least(|f| f.startup_time_ms), least(|f| f.memory_overhead_mb));

    let mut ranking = Vec::with_capacity(runtimes.len());
    ranking.extend(candidates.iter().map(|runtime| {
        let figures = basis.figures(runtime, language);
        let scores = scores(&figures, best_speed, best_memory, preference);
        Candidate {
            runtime_type: runtime.runtime,
            chosen: false,
            scores: Some(scores),
            figures,
            nominal: Some(runtime.capabilities),
            measured: basis == Basis::Measured,
            reason: explain(preference, &figures, &scores, &basis),
        }
    }));
    // Stable: equal ones keep the order they came in.
    ranking.sort_by(|a, b| {
        let total = |c: &Candidate| c.scores.map_or(0.0, |s| s.total);
        total(b).total_cmp(&total(a)).then(b.figures.isolation_level.cmp(&a.figures.isolation_level))
    });
    let chosen = ranking.first_mut().map(|first| {
        first.chosen = true;
        first.runtime_type
    });
    ranking.extend(others.into_iter().map(|(runtime, reason)| Candidate {
        runtime_type: runtime.runtime,
        chosen: false,
        scores: None,
        figures: runtime.figures(language),
        nominal: Some(runtime.capabilities),
        measured: runtime.measured.contains_key(&language),
        reason,
    }));
    Selection { language, preference, chosen, ranking }
}

/// What candidates are compared by. Measured figures hold for this machine and this language, with the start of an
/// interpreter or the run of a compiler in them; nominal ones are round numbers for a runtime as a whole. One beside
/// the other says nothing, and whoever happens to be measured would win or lose by that. So measured figures count
/// where every candidate has them, and else nominal ones do for all.
#[derive(PartialEq)]
enum Basis {
    Measured,
    Nominal,
    /// As nominal, because these are not measured.
    NotYet(Vec<RuntimeType>),
}

impl Basis {
    fn of(candidates: &[&RuntimeInfo], language: Language) -> Self {
        let missing = || candidates.iter().filter(|r| !r.measured.contains_key(&language));
        match missing().count() {
            0 => Self::Measured,
            n if n == candidates.len() => Self::Nominal,
            _ => Self::NotYet(missing().map(|r| r.runtime).collect()),
        }
    }

    fn figures(&self, runtime: &RuntimeInfo, language: Language) -> Capabilities {
        match self {
            Self::Measured => runtime.figures(language),
            Self::Nominal | Self::NotYet(_) => runtime.capabilities,
        }
    }
}

impl std::fmt::Display for Basis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Measured => f.write_str("measured"),
            Self::Nominal => f.write_str("nominal"),
            Self::NotYet(runtimes) => {
                f.write_str("nominal: ")?;
                for (at, runtime) in runtimes.iter().enumerate() {
                    write!(f, "{}{runtime}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(" not measured")
            }
        }
    }
}

/// The failure for a selection that chose nothing: what is missing and how to get it.
pub fn nothing_fits(params: &SelectParams, runtimes: &[RuntimeInfo], minimum: Option<u8>) -> Failure {
    let language = params.language.title();
    let able = runtimes.iter().filter(|r| r.available && r.languages.contains(&params.language));
    let asked = able.filter(|r| params.runtime_type.is_none_or(|wanted| wanted == r.runtime));
    let strongest = asked.max_by_key(|r| r.isolation.score);
    if let Some(failure) = strongest.and_then(|r| too_weak(&r.isolation, minimum)) {
        return failure;
    }
    if let Some(wanted) = params.runtime_type {
        let Some(info) = runtimes.iter().find(|r| r.runtime == wanted) else {
            return Failure::new(
                ErrorKind::NoRuntime,
                format!("{wanted} is not offered by this engine"),
                format!("use one of {}", names(runtimes.iter())),
            );
        };
        if !info.available && info.languages.contains(&params.language) {
            let reason = info.reason.as_deref().unwrap_or("it was not found");
            let fix = info.fix.clone().unwrap_or_else(|| "see codebeaker doctor".into());
            return Failure::new(ErrorKind::NoRuntime, format!("{wanted} is not available: {reason}"), fix);
        }
        if info.fetchable_languages.contains(&params.language) {
            let message = format!("what {wanted} needs for {language} is not here yet");
            return Failure::new(ErrorKind::NoRuntime, message, setup(wanted, params.language));
        }
        let languages: Vec<&str> = info.languages.iter().map(|l| l.title()).collect();
        let able = runtimes.iter().filter(|r| r.available && r.languages.contains(&params.language));
        let hint = match names(able) {
            able if able.is_empty() => format!("{wanted} runs {}", languages.join(", ")),
            able => format!("{wanted} runs {}; {language} runs on {able}", languages.join(", ")),
        };
        return Failure::new(ErrorKind::NoRuntime, format!("{wanted} does not run {language}"), hint);
    }
    let mut fixes = runtimes.iter().filter(|r| r.languages.contains(&params.language));
    let fetchable = runtimes.iter().find(|r| r.fetchable_languages.contains(&params.language));
    let fetch = || fetchable.map(|r| setup(r.runtime, params.language));
    let fix = fixes.find_map(|r| r.fix.clone()).or_else(fetch);
    Failure::new(
        ErrorKind::NoRuntime,
        format!("no runtime for {language} is available"),
        fix.unwrap_or_else(|| "codebeaker doctor tells what is missing".into()),
    )
}

/// How what a runtime lacks for a language is fetched.
fn setup(runtime: RuntimeType, language: Language) -> String {
    format!("codebeaker setup {} --language {language} gets it", runtime.short())
}

/// The failure for an environment that isolates less than is asked for, if it does.
pub fn too_weak(isolation: &IsolationReport, minimum: Option<u8>) -> Option<Failure> {
    let shortfall = shortfall(isolation, minimum)?;
    Some(Failure::new(
        ErrorKind::NoRuntime,
        format!("{shortfall} that the settings ask for"),
        "codebeaker doctor tells which layers are missing; lower minimum_isolation in config.toml to accept it",
    ))
}

fn shortfall(isolation: &IsolationReport, minimum: Option<u8>) -> Option<String> {
    let minimum = minimum.filter(|minimum| isolation.score < *minimum)?;
    let IsolationReport { score, letters, .. } = isolation;
    Some(format!("isolation {score} of 10 ({letters}) is below the minimum of {minimum}"))
}

fn names<'a>(runtimes: impl Iterator<Item = &'a RuntimeInfo>) -> String {
    runtimes.map(|r| r.runtime.to_string()).collect::<Vec<_>>().join(", ")
}

/// Why a runtime is no candidate, if it is none.
fn passed_over(params: &SelectParams, runtime: &RuntimeInfo, minimum: Option<u8>) -> Option<String> {
    if let Some(wanted) = params.runtime_type.filter(|wanted| *wanted != runtime.runtime) {
        return Some(format!("{wanted} was asked for"));
    }
    if !runtime.available {
        let reason = runtime.reason.as_deref().unwrap_or("not found");
        return Some(format!("not available: {reason}"));
    }
    if runtime.fetchable_languages.contains(&params.language) {
        return Some(format!("what it needs for {} is not here yet", params.language.title()));
    }
    if !runtime.languages.contains(&params.language) {
        return Some(format!("does not run {}", params.language.title()));
    }
    shortfall(&runtime.isolation, minimum)
}

fn scores(
    figures: &Capabilities,
    best_speed: f64,
    best_memory: f64,
    preference: RuntimePreference,
) -> Scores {
    // A figure of zero is as good as the best.
    let ratio = |best: f64, own: f64| if own > 0.0 { (best / own).clamp(0.0, 1.0) } else { 1.0 };
    let speed = ratio(best_speed, figures.startup_time_ms);
    let memory = ratio(best_memory, figures.memory_overhead_mb);
    let security = f64::from(figures.isolation_level) / 10.0;
    let total = match preference {
        RuntimePreference::Speed => speed,
        RuntimePreference::Security => security,
        RuntimePreference::Memory => memory,
        RuntimePreference::Balanced => BALANCED.0 * speed + BALANCED.1 * security + BALANCED.2 * memory,
    };
    Scores { speed, security, memory, total }
}

fn explain(preference: RuntimePreference, figures: &Capabilities, scores: &Scores, basis: &Basis) -> String {
    match preference {
        RuntimePreference::Speed => format!("starts in {:.0} ms ({basis})", figures.startup_time_ms),
        RuntimePreference::Security => format!("isolation {} of 10", figures.isolation_level),
        RuntimePreference::Memory => format!("needs {:.0} MB ({basis})", figures.memory_overhead_mb),
        RuntimePreference::Balanced => format!(
            "{:.2} = 0.4 × speed {:.2} + 0.3 × security {:.2} + 0.3 × memory {:.2} ({basis})",
            scores.total, scores.speed, scores.security, scores.memory
        ),
    }
}

/// Figures to choose by until a machine's own are measured: start-up in ms, memory in MB, isolation.
pub fn nominal(runtime: RuntimeType, isolation_level: u8) -> Capabilities {
    let (startup_time_ms, memory_overhead_mb) = match runtime {
        RuntimeType::Docker => (560.0, 250.0),
        RuntimeType::Deno => (80.0, 30.0),
        RuntimeType::Bun => (50.0, 25.0),
        RuntimeType::NativeProcess => (100.0, 40.0),
    };
    Capabilities { startup_time_ms, memory_overhead_mb, isolation_level }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::protocol::Measured;

    fn info(runtime: RuntimeType, isolation: u8, languages: &[Language]) -> RuntimeInfo {
        RuntimeInfo {
            ready: None,
            runtime,
            available: true,
            version: None,
            path: None,
            reason: None,
            fix: None,
            fetchable: false,
            languages: languages.to_vec(),
            fetchable_languages: Vec::new(),
            capabilities: nominal(runtime, isolation),
            measured: BTreeMap::new(),
            isolation: IsolationReport::default(),
        }
    }

    fn all() -> Vec<RuntimeInfo> {
        let script = [Language::JavaScript, Language::TypeScript];
        vec![
            info(RuntimeType::Docker, 9, &[Language::Python, Language::JavaScript, Language::Go]),
            info(RuntimeType::Deno, 7, &script),
            info(RuntimeType::Bun, 7, &script),
            info(RuntimeType::NativeProcess, 1, &[Language::Python, Language::JavaScript]),
        ]
    }

    fn chosen(preference: Option<RuntimePreference>, language: Language) -> Option<RuntimeType> {
        select(&SelectParams { language, runtime_preference: preference, runtime_type: None }, &all(), None)
            .chosen
    }

    #[test]
    fn each_preference_chooses_as_designed() {
        use RuntimePreference::{Balanced, Memory, Security, Speed};
        assert_eq!(chosen(Some(Speed), Language::JavaScript), Some(RuntimeType::Bun));
        assert_eq!(chosen(Some(Security), Language::JavaScript), Some(RuntimeType::Docker));
        assert_eq!(chosen(Some(Memory), Language::JavaScript), Some(RuntimeType::Bun));
        assert_eq!(chosen(Some(Balanced), Language::JavaScript), Some(RuntimeType::Bun));
        assert_eq!(chosen(None, Language::JavaScript), Some(RuntimeType::Bun));
        assert_eq!(chosen(Some(Security), Language::Python), Some(RuntimeType::Docker));
        assert_eq!(chosen(Some(Speed), Language::Python), Some(RuntimeType::NativeProcess));
        assert_eq!(chosen(Some(Speed), Language::CSharp), None);
    }

    #[test]
    fn what_could_be_fetched_for_a_language_is_told() {
        let mut docker = info(RuntimeType::Docker, 9, &[Language::Python]);
        docker.fetchable_languages = vec![Language::Go];
        let asked =
            |runtime_type| SelectParams { language: Language::Go, runtime_preference: None, runtime_type };
        let all = [docker, info(RuntimeType::Bun, 7, &[Language::JavaScript])];
        let failure = nothing_fits(&asked(Some(RuntimeType::Docker)), &all, None);
        assert_eq!(failure.message, "what Docker needs for Go is not here yet");
        assert_eq!(failure.hint, "codebeaker setup docker --language go gets it");
        let failure = nothing_fits(&asked(None), &all, None);
        assert_eq!(failure.hint, "codebeaker setup docker --language go gets it");
        let ranking = select(&asked(None), &all, None).ranking;
        assert_eq!(ranking[0].reason, "what it needs for Go is not here yet");
    }

    #[test]
    fn balanced_is_the_weighted_sum() {
        let params =
            SelectParams { language: Language::TypeScript, runtime_preference: None, runtime_type: None };
        let selection = select(&params, &all(), None);
        let total =
            |t| selection.ranking.iter().find(|c| c.runtime_type == t).and_then(|c| c.scores).unwrap().total;
        assert!((total(RuntimeType::Bun) - (0.4 + 0.3 * 0.7 + 0.3)).abs() < 1e-9);
        let deno = 0.4 * 50.0 / 80.0 + 0.3 * 0.7 + 0.3 * 25.0 / 30.0;
        assert!((total(RuntimeType::Deno) - deno).abs() < 1e-9);
        // Those that are no candidates are named with their reason, last.
        let last = selection.ranking.last().unwrap();
        assert!(last.scores.is_none() && last.reason.contains("does not run"), "{last:?}");
    }

    #[test]
    fn a_type_is_obeyed_or_refused() {
        let mut runtimes = all();
        let mut params = SelectParams {
            language: Language::JavaScript,
            runtime_preference: Some(RuntimePreference::Security),
            runtime_type: Some(RuntimeType::Bun),
        };
        assert_eq!(select(&params, &runtimes, None).chosen, Some(RuntimeType::Bun));
        runtimes[2].available = false;
        runtimes[2].reason = Some("no bun on the PATH".into());
        runtimes[2].fix = Some("codebeaker setup bun".into());
        assert_eq!(select(&params, &runtimes, None).chosen, None);
        let failure = nothing_fits(&params, &runtimes, None);
        assert!(failure.message.contains("no bun on the PATH"), "{failure:?}");
        assert_eq!(failure.hint, "codebeaker setup bun");
        params.language = Language::Python;
        params.runtime_type = Some(RuntimeType::Deno);
        let failure = nothing_fits(&params, &runtimes, None);
        assert_eq!(failure.message, "Deno does not run Python");
        assert!(failure.hint.contains("Docker"), "{failure:?}");
    }

    #[test]
    fn ties_go_to_the_higher_isolation_and_measured_figures_count() {
        let mut runtimes = vec![
            info(RuntimeType::Deno, 5, &[Language::TypeScript]),
            info(RuntimeType::Bun, 8, &[Language::TypeScript]),
        ];
        let same = nominal(RuntimeType::Deno, 5);
        runtimes[1].capabilities = Capabilities { isolation_level: 8, ..same };
        let params = SelectParams {
            language: Language::TypeScript,
            runtime_preference: Some(RuntimePreference::Speed),
            runtime_type: None,
        };
        assert_eq!(select(&params, &runtimes, None).chosen, Some(RuntimeType::Bun));
        runtimes[0].measured = measured(20.0);
        runtimes[1].measured = measured(30.0);
        let selection = select(&params, &runtimes, None);
        assert_eq!(selection.chosen, Some(RuntimeType::Deno));
        let first = &selection.ranking[0];
        assert_eq!((first.figures.startup_time_ms, first.nominal), (20.0, Some(same)));
        assert!(first.measured && first.reason == "starts in 20 ms (measured)", "{first:?}");
        // The isolation is the one that was computed, whatever it was when they were measured.
        assert_eq!(selection.ranking.iter().map(|c| c.figures.isolation_level).collect::<Vec<_>>(), [5, 8]);
    }

    fn measured(startup_time_ms: f64) -> BTreeMap<Language, Measured> {
        let measured = Measured {
            startup_time_ms,
            memory_overhead_mb: 9.0,
            isolation_level: 1,
            samples: 7,
            at: "2026-11-26T10:00:00Z".into(),
        };
        BTreeMap::from([(Language::TypeScript, measured)])
    }

    #[test]
    fn figures_are_compared_with_their_like_only() {
        let script = [Language::TypeScript, Language::JavaScript];
        let mut runtimes = vec![info(RuntimeType::Deno, 7, &script), info(RuntimeType::Bun, 7, &script)];
        // By its measured figure Deno would win over what Bun is said to take.
        runtimes[0].measured = measured(20.0);
        let speed = |language, runtime_type| SelectParams {
            language,
            runtime_preference: Some(RuntimePreference::Speed),
            runtime_type,
        };
        let selection = select(&speed(Language::TypeScript, None), &runtimes, None);
        let told: Vec<_> =
            selection.ranking.iter().map(|c| (c.runtime_type, c.measured, c.reason.as_str())).collect();
        let (bun, deno) =
            ("starts in 50 ms (nominal: Bun not measured)", "starts in 80 ms (nominal: Bun not measured)");
        assert_eq!(told, [(RuntimeType::Bun, false, bun), (RuntimeType::Deno, false, deno)]);
        // Another language is another measurement, and one that is alone has nobody to be compared with.
        let other = select(&speed(Language::JavaScript, None), &runtimes, None);
        assert_eq!(other.ranking[1].reason, "starts in 80 ms (nominal)");
        let alone = select(&speed(Language::TypeScript, Some(RuntimeType::Deno)), &runtimes, None);
        assert_eq!(alone.ranking[0].reason, "starts in 20 ms (measured)");
        // Nor does one count that is no candidate.
        runtimes[1].available = false;
        let without = select(&speed(Language::TypeScript, None), &runtimes, None);
        assert!(without.ranking[0].measured && !without.ranking[1].measured, "{without:?}");
    }

    #[test]
    fn what_is_below_the_minimum_is_passed_over() {
        let mut runtimes = vec![
            info(RuntimeType::Deno, 9, &[Language::TypeScript]),
            info(RuntimeType::Bun, 6, &[Language::TypeScript]),
        ];
        for runtime in &mut runtimes {
            let score = runtime.capabilities.isolation_level;
            runtime.isolation =
                IsolationReport { score, letters: "F1 N2 P1 R1 K1".into(), ..Default::default() };
        }
        let mut params = SelectParams {
            language: Language::TypeScript,
            runtime_preference: Some(RuntimePreference::Speed),
            runtime_type: None,
        };
        assert_eq!(select(&params, &runtimes, Some(6)).chosen, Some(RuntimeType::Bun));
        let selection = select(&params, &runtimes, Some(8));
        assert_eq!(selection.chosen, Some(RuntimeType::Deno));
        let told = "isolation 6 of 10 (F1 N2 P1 R1 K1) is below the minimum of 8";
        assert_eq!(selection.ranking[1].reason, told);
        params.runtime_type = Some(RuntimeType::Bun);
        assert_eq!(select(&params, &runtimes, Some(8)).chosen, None);
        let failure = nothing_fits(&params, &runtimes, Some(8));
        assert_eq!(failure.message, format!("{told} that the settings ask for"));
        assert!(failure.hint.contains("minimum_isolation"), "{failure:?}");
        // The strongest is named where none is strong enough.
        params.runtime_type = None;
        assert!(nothing_fits(&params, &runtimes, Some(10)).message.starts_with("isolation 9 of 10"));
    }
}
