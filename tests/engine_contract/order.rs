//! Which command runs when, how it is reached while it waits or runs, and who may be slow.

use codebeaker::engine::{Execution, InterruptTarget};
use codebeaker::protocol::{
    Command, ErrorKind, Execute, ExecuteResult, ExecutionEvent, ExecutionId, SessionId, Signal,
};

use crate::{Bench, code, interactive, printed, program, sh, timely};

/// A program that says it is there and then waits for a line.
const GATE: &str = "echo ready; read line; echo \"got $line\"";

impl Bench {
    /// A session's command that runs until it is fed a line.
    async fn gate(&self, session: &SessionId) -> Execution {
        let mut gate = self.start(interactive(session, GATE)).await.unwrap();
        printed(&mut gate, "ready\n").await;
        gate
    }

    async fn open(&self, mut gate: Execution) {
        self.input(&gate.id, "x\n", false).await.unwrap();
        printed(&mut gate, "got x\n").await;
        assert!(timely(gate.finished()).await.unwrap().success);
    }

    async fn interrupt(&self, id: &ExecutionId, signal: Signal) -> bool {
        timely(self.engine.interrupt(InterruptTarget::Execution(id.clone()), signal)).await.unwrap()
    }
}

async fn finished(execution: Execution) -> ExecuteResult {
    timely(execution.finished()).await.unwrap()
}

pub async fn of_arrival(bench: &Bench) {
    let id = bench.create().await.session_id;
    let gate = bench.gate(&id).await;
    let mut waiting = Vec::new();
    for n in 1..=20 {
        let command = sh(&format!("echo {n} >> order"));
        waiting.push(bench.start(Execute::new(id.clone(), command)).await.unwrap());
    }
    bench.open(gate).await;
    for execution in waiting {
        assert!(finished(execution).await.success);
    }
    let expected: String = (1..=20).map(|n| format!("{n}\n")).collect();
    assert_eq!(bench.sh(&id, "cat order").await.stdout, expected);
}

pub async fn past_the_others(bench: &Bench) {
    let id = bench.create().await.session_id;
    let gate = bench.gate(&id).await;
    let queued = bench.start(Execute::new(id.clone(), sh("cat made"))).await.unwrap();
    let at_once = Execute { concurrent: true, ..Execute::new(id.clone(), sh("echo by the other > made")) };
    assert!(finished(bench.start(at_once).await.unwrap()).await.success);
    bench.open(gate).await;
    assert_eq!(finished(queued).await.process().unwrap().stdout, "by the other\n");
}

pub async fn sessions_side_by_side(bench: &Bench) {
    let (one, other) = (bench.create().await.session_id, bench.create().await.session_id);
    let gate = bench.gate(&one).await;
    assert_eq!(bench.sh(&other, "echo not held up").await.stdout, "not held up\n");
    assert_eq!(timely(bench.engine.sessions()).await.unwrap().len(), 2);
    bench.open(gate).await;
}

pub async fn fed_from_outside(bench: &Bench) {
    let id = bench.create().await.session_id;
    let gate = bench.gate(&id).await;
    // Fed before its turn: it waits for it.
    let cat = bench.start(interactive(&id, "cat")).await.unwrap();
    let cat_id = cat.id.clone();
    let feed = async {
        for piece in ["one ", "two é ", "three"] {
            bench.input(&cat_id, piece, false).await.unwrap();
        }
        bench.input(&cat_id, "", true).await.unwrap();
    };
    let ((), ()) = tokio::join!(feed, bench.open(gate));
    assert_eq!(finished(cat).await.process().unwrap().stdout, "one two é three");
    let late = bench.input(&cat_id, "too late", false).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::InvalidParams);
    assert!(late.message.contains(&cat_id.0) && !late.hint.is_empty(), "{late:?}");
}

pub async fn one_that_stops_reading(bench: &Bench) {
    let id = bench.create().await.session_id;
    let head = bench.start(interactive(&id, "head -c 5; exec 0<&-; sleep 1000")).await.unwrap();
    let head_id = head.id.clone();
    let piece = "x".repeat(100_000);
    // The pipe takes some; then there is nobody left to read it.
    let refused = loop {
        if let Err(failure) = bench.input(&head_id, &piece, false).await {
            break failure;
        }
    };
    assert_eq!(refused.kind, ErrorKind::InvalidParams);
    assert!(bench.interrupt(&head_id, Signal::Kill).await);
    let result = finished(head).await;
    assert_eq!(result.process().unwrap().stdout, "xxxxx");
}

pub async fn one_that_is_not_fed(bench: &Bench) {
    let id = bench.create().await.session_id;
    let nobody = ExecutionId::from("nobody");
    assert_eq!(bench.input(&nobody, "x", false).await.unwrap_err().kind, ErrorKind::InvalidParams);
    let deaf = Execute { stream: true, ..Execute::new(id, sh("echo ready; sleep 1000")) };
    let mut deaf = bench.start(deaf).await.unwrap();
    printed(&mut deaf, "ready\n").await;
    assert_eq!(bench.input(&deaf.id, "x", true).await.unwrap_err().kind, ErrorKind::InvalidParams);
    bench.interrupt(&deaf.id, Signal::Kill).await;
    finished(deaf).await;
}

pub async fn interrupted(bench: &Bench) {
    let id = bench.create().await.session_id;
    let trap = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.02; done";
    let mut polite = bench.start(interactive(&id, trap)).await.unwrap();
    printed(&mut polite, "ready\n").await;
    assert!(bench.interrupt(&polite.id, Signal::Int).await);
    let result = finished(polite).await;
    let process = result.process().unwrap();
    assert_eq!((process.exit_code, process.stdout.as_str()), (7, "ready\ncaught\n"));

    // KILL takes what it started with it, also what has left its group.
    let deaf = "trap '' INT TERM; setsid sleep 1000 & sleep 1000 & echo ready; wait; sleep 1000";
    let mut deaf = bench.start(interactive(&id, deaf)).await.unwrap();
    printed(&mut deaf, "ready\n").await;
    let target = InterruptTarget::Session(id.clone());
    assert!(timely(bench.engine.interrupt(target.clone(), Signal::Kill)).await.unwrap());
    assert_eq!(finished(deaf).await.process().unwrap().signal.as_deref(), Some("SIGKILL"));
    bench.without_processes(&id).await;

    assert!(!timely(bench.engine.interrupt(target, Signal::Int)).await.unwrap());
    assert!(!bench.interrupt(&ExecutionId::from("nobody"), Signal::Int).await);
}

pub async fn interrupted_before_its_turn(bench: &Bench) {
    let id = bench.create().await.session_id;
    let gate = bench.gate(&id).await;
    let never = bench.start(Execute::new(id.clone(), sh("echo x > made"))).await.unwrap();
    let after = bench.start(Execute::new(id.clone(), sh("test ! -e made"))).await.unwrap();
    assert!(bench.interrupt(&never.id, Signal::Int).await);
    bench.open(gate).await;
    let result = finished(never).await;
    assert!(!result.success && result.result.is_none());
    assert_eq!(result.error.as_deref(), Some("cancelled before it was started"));
    assert!(finished(after).await.success);
}

/// An interruption that was accepted ends the program, however little of it there was.
pub async fn interrupted_at_any_moment(bench: &Bench) {
    let id = bench.create().await.session_id;
    for n in 0..40 {
        // A program is started at once; code is written to a file first.
        let command = match n % 2 {
            0 => program("sleep", &["1000"]),
            _ => Command::ExecuteCode(code(bench.kind.endless())),
        };
        let endless = bench.start(Execute::new(id.clone(), command)).await.unwrap();
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        assert!(bench.interrupt(&endless.id, Signal::Term).await, "after {n} turns");
        assert!(!finished(endless).await.success, "after {n} turns");
    }
}

pub async fn too_many(bench: &Bench) {
    let id = bench.create().await.session_id;
    let gate = bench.gate(&id).await;
    let mut taken = Vec::new();
    let refused = loop {
        let concurrent = taken.len() % 8 == 7;
        let command = if concurrent { program("sleep", &["1000"]) } else { sh("true") };
        match bench.start(Execute { concurrent, ..Execute::new(id.clone(), command) }).await {
            Ok(execution) => taken.push(execution),
            Err(failure) => break failure,
        }
        assert!(taken.len() < 10_000, "nothing bounds them");
    };
    assert_eq!(refused.kind, ErrorKind::Busy);
    assert!(refused.message.contains(&id.0) && !refused.hint.is_empty(), "{refused:?}");
    for (n, execution) in taken.iter().enumerate().filter(|(n, _)| n % 8 == 7) {
        assert!(bench.interrupt(&execution.id, Signal::Kill).await, "number {n}");
    }
    bench.open(gate).await;
    for execution in taken {
        finished(execution).await;
    }
    assert_eq!(bench.sh(&id, "echo room again").await.stdout, "room again\n");
}

pub async fn ids_are_unique(bench: &Bench) {
    let id = bench.create().await.session_id;
    let other = bench.create().await.session_id;
    let named = |session: &SessionId, command| Execute {
        execution_id: Some(ExecutionId::from("mine")),
        ..Execute::new(session.clone(), command)
    };
    let first = Execute { stream: true, interactive: true, ..named(&id, sh(GATE)) };
    let mut first = bench.start(first).await.unwrap();
    printed(&mut first, "ready\n").await;
    for session in [&id, &other] {
        let refused = bench.start(named(session, sh("true"))).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidParams);
        assert!(refused.message.contains("mine"), "{refused:?}");
    }
    // The refused ones have not taken its place.
    bench.open(first).await;
    assert!(finished(bench.start(named(&other, sh("true"))).await.unwrap()).await.success);
}

pub async fn readers_that_are_slow_or_gone(bench: &Bench) {
    let id = bench.create().await.session_id;
    let size = 20_000_000;
    let much = || Execute { stream: true, ..Execute::new(id.clone(), sh(&format!("yes | head -c {size}"))) };
    let mut slow = bench.start(much()).await.unwrap();
    // Meanwhile others are served: this program waits, nothing else does.
    for _ in 0..3 {
        let other = Execute { concurrent: true, ..Execute::new(id.clone(), sh("echo other")) };
        assert_eq!(finished(bench.start(other).await.unwrap()).await.process().unwrap().stdout, "other\n");
    }
    let mut total = 0;
    while let Some(event) = timely(slow.next()).await {
        match event {
            ExecutionEvent::Output { data, .. } => total += data.len(),
            ExecutionEvent::Finished(result) => assert!(result.success),
            _ => {}
        }
    }
    assert_eq!(total, size);
    drop(bench.start(much()).await.unwrap());
    assert_eq!(bench.sh(&id, "echo after").await.stdout, "after\n");
}
