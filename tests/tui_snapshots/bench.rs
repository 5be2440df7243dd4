//! A benchmark, as a person sees it.

use codebeaker::bench::{Baseline, Suite};
use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{BenchMsg, ColourTier, Msg, TerminalKind};
use crossterm::event::Event;

use super::as_it_is;
use super::tui_support::bench::{begun, kept, planned, reading, told, told_against};
use super::tui_support::{Bench, RUNTIMES, options, typed};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (40, 12)];

fn measuring(bench: Bench) -> Bench {
    let mut bench = begun(bench, &RUNTIMES);
    told(&mut bench, 12, true);
    bench
}

/// It has ended, and was compared.
fn compared(bench: Bench) -> Bench {
    let mut bench = begun(bench, &RUNTIMES);
    let base = kept(&planned(&bench).1, 1.2);
    told_against(&mut bench, 50, false, Some(base));
    bench
}

#[test]
fn a_benchmark_at_every_size() {
    for (w, h) in SIZES {
        as_it_is(&format!("bench_begun_{w}x{h}"), &mut begun(Bench::new(w, h), &RUNTIMES));
        as_it_is(&format!("bench_measuring_{w}x{h}"), &mut measuring(Bench::new(w, h)));
        as_it_is(&format!("bench_compared_{w}x{h}"), &mut compared(Bench::new(w, h)));
    }
}

#[test]
fn the_other_charts() {
    let mut bench = compared(Bench::new(80, 24));
    for name in ["cold", "phases"] {
        bench.press(typed("v"));
        as_it_is(&format!("bench_{name}_80x24"), &mut bench);
    }
    let mut bench = compared(Bench::new(120, 36));
    bench.press(typed("h"));
    as_it_is("bench_log_120x36", &mut bench);
}

#[test]
fn a_suite_of_several_figures_beside_the_published_ones() {
    let mut bench = begun(Bench::new(120, 36), &RUNTIMES);
    let (number, mut plan) = planned(&bench);
    (plan.suites, plan.code) = (vec![Suite::Files], None);
    let reading = Box::new(reading(&plan, 100, false, Some(Baseline::Seed)));
    bench.tell(Msg::Bench(BenchMsg::Told { number, reading })).press(typed("]"));
    as_it_is("bench_files_120x36", &mut bench);
}

#[test]
fn what_is_measured_is_chosen() {
    for (w, h) in SIZES {
        let mut bench = compared(Bench::new(w, h));
        bench.press(typed("+"));
        as_it_is(&format!("bench_form_{w}x{h}"), &mut bench);
    }
    let mut bench = compared(Bench::new(80, 24));
    bench.press(typed("c")).tell(Msg::Bench(BenchMsg::Names(vec!["main".to_owned()])));
    as_it_is("bench_baselines_80x24", &mut bench);
}

#[test]
fn a_benchmark_without_colours_and_in_ascii() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: true };
    as_it_is("bench_mono_80x24", &mut compared(Bench::with(&given, 80, 24)));
    given.terminal = TerminalKind { colours: ColourTier::Ansi, unicode: false };
    for (w, h) in SIZES {
        let mut bench = compared(Bench::with(&given, w, h));
        assert!(bench.screen().is_ascii(), "{}", bench.screen());
        as_it_is(&format!("bench_ascii_{w}x{h}"), &mut bench);
    }
}

#[test]
fn a_benchmark_on_a_screen_that_became_too_small() {
    let mut bench = begun(Bench::new(80, 24), &[RuntimeType::Bun]);
    told(&mut bench, 12, true);
    bench.terminal.backend_mut().resize(20, 6);
    bench.tell(Msg::Input(Event::Resize(20, 6)));
    as_it_is("bench_measuring_20x6", &mut bench);
}
