//! The order of the work, what becomes of failures, and that nothing stays.

use std::sync::Arc;
use std::time::Duration;

use codebeaker::bench::{Code, Control, Lane, Plan, Report, Snapshot, Suite, measure};
use codebeaker::engine::{Link, LinkDown};
use codebeaker::protocol::{Language, RuntimeType};
use tokio::sync::{Semaphore, watch};

use super::fake::{Asked, Fake, Fault, each_once};

/// Lets everybody else go on; on this clock it takes no time.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

const RUNTIMES: [RuntimeType; 3] = [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun];

fn plan(suites: &[Suite], runtimes: &[RuntimeType], samples: u32) -> Plan {
    let lane = |runtime: &RuntimeType| Lane { runtime: *runtime, language: Language::JavaScript };
    Plan {
        suites: suites.to_vec(),
        lanes: runtimes.iter().map(lane).collect(),
        samples: Some(samples),
        seed: 42,
        code: Some(Code {
            name: "sum.js".to_owned(),
            language: Language::JavaScript,
            text: "console.log(1)".to_owned(),
            file_name: None,
        }),
    }
}

async fn measured(engine: Arc<Fake>, plan: Plan) -> Report {
    measure(engine, plan, Control::default(), watch::channel(None).0).await
}

#[tokio::test(start_paused = true)]
async fn every_suite_gives_its_figures_and_closes_its_sessions() {
    let engine = Arc::new(Fake { repl: true, ..Fake::new() });
    let report = measured(engine.clone(), plan(Suite::all(), &RUNTIMES[2..], 20)).await;
    engine.nothing_is_left();
    assert!(report.complete);
    let cases: usize = Suite::all().iter().map(|suite| suite.cases().len()).sum();
    assert_eq!(report.series.len(), cases);
    for series in &report.series {
        let name = format!("{} {}", series.suite, series.case);
        assert_eq!(series.samples.len(), series.launches.len(), "{name}");
        assert!(series.samples.len() >= 10, "{name}: {} samples, {:?}", series.samples.len(), series.reason);
        assert!(series.samples.iter().all(|sample| sample.is_finite() && *sample >= 0.0), "{name}");
        assert_eq!((series.failures, &series.reason), (0, &None), "{name}");
    }
    // What is recorded to repeat it.
    assert_eq!(report.method.seed, 42);
    assert_eq!(report.environments[0].isolation.score, 7);
    assert_eq!(report.environments[0].config.as_ref().unwrap().memory_limit_mb, Some(512));
    let code = report.code.unwrap();
    assert_eq!(code.sha256, "0a286891c11c056e1ab5bfc25bf5d6b2f5b06d38eac10944f678fd8a2e70c393");
    // It can be read back as it is written.
    let text = serde_json::to_string(&report.series).unwrap();
    assert!(serde_json::from_str::<Vec<codebeaker::bench::Series>>(&text).unwrap() == report.series);
}

#[tokio::test(start_paused = true)]
async fn every_round_takes_each_runtime_once_in_an_order_of_the_seed() {
    let order = async |seed| {
        let engine = Arc::new(Fake::new());
        let report = measured(engine.clone(), Plan { seed, ..plan(&[Suite::Rerun], &RUNTIMES, 20) }).await;
        assert!(report.series.iter().all(|series| series.samples.len() == 20));
        assert!(report.series.iter().all(|series| series.warm_ups == 20), "two of each of ten sessions");
        engine.executed()
    };
    let (first, again, other) = (order(1).await, order(1).await, order(2).await);
    assert!(each_once(&first, RUNTIMES.len()));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let ahead = first.chunks(3).filter(|round| round[0] == RUNTIMES[0]).count();
    assert!((5..=35).contains(&ahead), "docker began {ahead} of 40 rounds");
}

#[tokio::test(start_paused = true)]
async fn samples_are_spread_over_sessions() {
    let engine = Arc::new(Fake::new());
    let report = measured(engine.clone(), plan(&[Suite::Code], &RUNTIMES[..1], 50)).await;
    let warm = &report.series[0];
    let mut launches = warm.launches.clone();
    launches.dedup();
    assert_eq!((warm.samples.len(), launches.len()), (50, 10));
    // The first run of each session is a cold one.
    assert_eq!((report.series[1].case.as_str(), report.series[1].samples.len()), ("cold", 10));
    let created = engine.asked().iter().filter(|asked| matches!(asked, Asked::Create(_))).count();
    assert_eq!(created, 10);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_given_up_and_the_others_go_on() {
    let engine = Fake::new().with(RuntimeType::Deno, Fault::Always);
    let report = measured(engine.clone(), plan(&[Suite::Rerun], &RUNTIMES, 10)).await;
    engine.nothing_is_left();
    let of = |runtime| report.series.iter().find(|s| s.lane.unwrap().runtime == runtime).unwrap();
    let deno = of(RuntimeType::Deno);
    assert_eq!((deno.samples.len(), deno.failures), (0, 3));
    let reason = deno.reason.as_deref().unwrap();
    assert!(reason.starts_with("exited with code 1: boom"), "{reason}");
    assert_eq!(of(RuntimeType::Bun).samples.len(), 10);
    assert!(report.complete, "all that could be measured was");

    let engine = Fake::new().with(RuntimeType::Deno, Fault::NoSession);
    let report = measured(engine.clone(), plan(&[Suite::Oneshot, Suite::Exec], &RUNTIMES, 10)).await;
    engine.nothing_is_left();
    let deno = report.series.iter().filter(|s| s.lane.unwrap().runtime == RuntimeType::Deno);
    assert!(deno.clone().all(|s| s.samples.is_empty() && s.reason.as_deref() == Some("there is no room")));
    assert_eq!(deno.map(|s| s.failures).collect::<Vec<_>>(), [3, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_now_and_then_is_counted_and_is_no_sample() {
    let engine = Fake::new().with(RuntimeType::Bun, Fault::First(2));
    let report = measured(engine.clone(), plan(&[Suite::Oneshot], &RUNTIMES[2..], 10)).await;
    // Both fell to the warm-up.
    assert_eq!(report.series[0].samples.len(), 10);
    assert_eq!(report.series[0].failures, 2);
}

#[tokio::test(start_paused = true)]
async fn code_of_another_language_and_a_repl_that_is_not_offered_are_said() {
    let engine = Arc::new(Fake::new());
    let mut two = plan(&[Suite::Code], &RUNTIMES[1..], 10);
    two.lanes[0].language = Language::TypeScript;
    let report = measured(engine.clone(), two).await;
    let measured_of = |at: usize| report.series[at].samples.len();
    assert_eq!((measured_of(0), measured_of(2)), (0, 10), "the first alone is given up");
    let mut plan = plan(&[Suite::Code, Suite::Repl], &RUNTIMES[2..], 10);
    plan.lanes[0].language = Language::TypeScript;
    let report = measured(engine.clone(), plan).await;
    engine.nothing_is_left();
    let reasons: Vec<&str> = report.series.iter().map(|s| s.reason.as_deref().unwrap()).collect();
    assert_eq!(reasons[0], "it is JavaScript");
    assert!(reasons[2].starts_with("repl is not offered"), "{reasons:?}");
    assert_eq!(report.series[2].failures, 1, "it was asked once");
}

/// Waits until what is told fits.
async fn until(
    told: &mut watch::Receiver<Option<Arc<Snapshot>>>,
    fits: impl Fn(&Snapshot) -> bool,
) -> Arc<Snapshot> {
    let seen = told.wait_for(|snapshot| snapshot.as_deref().is_some_and(&fits)).await.unwrap();
    seen.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn stopped_it_keeps_what_it_has_and_closes_everything() {
    let engine = Fake::new().with(RuntimeType::Bun, Fault::Hangs);
    let control = Control::default();
    let plan = plan(&[Suite::Create, Suite::Exec, Suite::Rerun], &RUNTIMES, 10);
    let measuring = tokio::spawn(measure(engine.clone(), plan, control.clone(), watch::channel(None).0));
    // Bun's first program, of the second suite, hangs.
    while !engine.executed().contains(&RuntimeType::Bun) {
        a_moment().await;
    }
    control.stop();
    let report = measuring.await.unwrap();
    engine.nothing_is_left();
    assert!(!report.complete);
    let created = report.series.iter().filter(|s| s.suite == Suite::Create);
    assert!(created.clone().count() == 3 && created.clone().all(|s| s.samples.len() == 10));
    assert!(!report.series.iter().any(|s| s.suite == Suite::Rerun), "it had not begun");
    assert!(report.series.iter().all(|s| s.failures == 0), "being stopped is no failure");
}

#[tokio::test(start_paused = true)]
async fn paused_it_takes_no_sample_until_it_goes_on() {
    let engine = Arc::new(Fake { permits: Some(Semaphore::new(5)), ..Fake::new() });
    let (control, (told, mut seen)) = (Control::default(), watch::channel(None));
    let plan = plan(&[Suite::Rerun], &RUNTIMES[2..], 10);
    let measuring = tokio::spawn(measure(engine.clone(), plan, control.clone(), told));
    while engine.executed().len() < 6 {
        a_moment().await;
    }
    control.pause(true);
    engine.permits.as_ref().unwrap().add_permits(100);
    until(&mut seen, |s| s.progress.paused).await;
    let so_far = engine.executed().len();
    for _ in 0..1000 {
        a_moment().await;
    }
    assert_eq!(engine.executed().len(), so_far);
    control.pause(false);
    let report = measuring.await.unwrap();
    assert_eq!(report.series[0].samples.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_is_told_a_few_times_a_second() {
    let engine = Arc::new(Fake::new());
    let (told, mut seen) = watch::channel(None);
    let measuring =
        tokio::spawn(measure(engine, plan(&[Suite::Create], &RUNTIMES[..1], 100), Control::default(), told));
    let mut times = 0;
    while seen.changed().await.is_ok() {
        times += 1;
    }
    let report = measuring.await.unwrap();
    assert_eq!(report.series[0].samples.len(), 100);
    // Of real time next to none has passed: at the begin of the suite, and at the end.
    assert!((1..=8).contains(&times), "told {times} times");
    let last = seen.borrow().clone().unwrap();
    assert_eq!((last.progress.done, last.progress.total), (100, 100));
    assert!(last.report.complete);
}

fn down(wait: Option<Duration>) -> Link {
    let (server, reason) = ("ws://lab".to_owned(), "connection refused".to_owned());
    Link::Down(LinkDown { server, reason, attempt: 1, wait })
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_is_waited_for_and_not_for_ever() {
    let engine = Arc::new(Fake { permits: Some(Semaphore::new(5)), ..Fake::new() });
    let measuring = tokio::spawn(measured(engine.clone(), plan(&[Suite::Rerun], &RUNTIMES[2..], 10)));
    while engine.executed().len() < 6 {
        a_moment().await;
    }
    engine.link.send_replace(down(Some(Duration::ZERO)));
    engine.permits.as_ref().unwrap().add_permits(100);
    for _ in 0..1000 {
        a_moment().await;
    }
    let so_far = engine.executed().len();
    assert!(so_far <= 7, "{so_far} programs were asked for over a link that is lost");
    engine.link.send_replace(Link::Local);
    let report = measuring.await.unwrap();
    assert_eq!((report.series[0].samples.len(), report.complete), (10, true));

    let engine = Arc::new(Fake::new());
    engine.link.send_replace(down(Some(Duration::from_secs(1))));
    let report = measured(engine.clone(), plan(&[Suite::Rerun], &RUNTIMES, 10)).await;
    assert!(!report.complete && report.runs() == 0);
}

#[tokio::test(start_paused = true)]
async fn broken_off_it_leaves_no_session() {
    let engine = Fake::new().with(RuntimeType::Bun, Fault::Hangs);
    let measuring = tokio::spawn(measure(
        engine.clone(),
        plan(&[Suite::Exec], &RUNTIMES[2..], 10),
        Control::default(),
        watch::channel(None).0,
    ));
    while engine.executed().is_empty() {
        a_moment().await;
    }
    measuring.abort();
    assert!(measuring.await.unwrap_err().is_cancelled());
    while !engine.open.lock().unwrap().is_empty() {
        a_moment().await;
    }
    engine.nothing_is_left();
}
