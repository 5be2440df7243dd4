//! The real agent and the programs it runs: streams, signals, time-outs, terminals, orphans, usage, and that nothing
//! of a program is ever left.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod agent_rig;
mod support;

use std::time::{Duration, Instant};

use agent_rig::*;
use codebeaker::agent::wire::{Exit, List, Mode, Start};
use codebeaker::agent::{AgentError, Process, ProcessEvent};
use rustix::process::Signal;

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

#[tokio::test]
async fn a_program_has_its_arguments_environment_directory_and_streams() {
    let rig = Rig::new().await;
    std::fs::create_dir(rig.path().join("below")).unwrap();
    let mut begin = start(&[
        &b"sh"[..],
        b"-c",
        b"printf '%s|' \"$@\" \"$A\"; pwd; echo oops >&2; exit 7",
        b"sh",
        b"\xff\xfe",
        b"two words",
        b"",
    ]);
    begin.env.push(b"A=\xf0 value".to_vec());
    begin.cwd = b"/workspace/below".to_vec();
    let ended = rig.run(begin).await;
    let expected =
        [&b"\xff\xfe|two words||\xf0 value|"[..], rig.path().to_str().unwrap().as_bytes(), b"/below\n"]
            .concat();
    assert_eq!(ended.out, expected);
    assert_eq!(ended.err, b"oops\n");
    assert_eq!(
        (ended.exit.code, ended.exit.signal, ended.exit.timed_out, ended.exit.killed),
        (7, 0, false, 0)
    );
}

#[tokio::test]
async fn a_program_that_cant_start_is_refused_with_the_reason() {
    let rig = Rig::new().await;
    std::fs::write(rig.path().join("plain"), "no program").unwrap();
    let below = Start { cwd: b"missing".to_vec(), ..shell("true") };
    for (begin, errno, prefix) in [
        (start(&["no-such-program"]), 2, ""),
        (start(&["./no-such-program"]), 2, ""),
        (start(&["./plain"]), 13, ""),
        (start::<&str>(&[]), 2, ""),
        (below, 2, "working directory: "),
        (Start { cwd: b"../..".to_vec(), ..shell("true") }, 18, "working directory: "),
        // More than one argument may have, and more than all may have.
        (start(&["true", &"x".repeat(200_000)]), 7, ""),
        (start(&vec!["y".repeat(100_000); 12]), 7, ""),
        (start(&["true", "a\0b"]), 22, ""),
    ] {
        let refused = async {
            let (mut process, _control) = rig.agent.start(begin).await?;
            process.next().await
        };
        match soon(refused).await {
            Err(AgentError::Refused { errno: e, message }) => {
                assert_eq!(e, errno, "{message}");
                assert!(message.starts_with(prefix), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rig.sh("echo still there").await.text(), "still there");
}

#[tokio::test]
async fn outputs_of_every_size_arrive_whole() {
    let rig = Rig::new().await;
    for size in [0, 1, 4095, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 65_536 + 1, 50_000_000] {
        let ended = rig.sh(&format!("yes 123456789 | head -c {size}")).await;
        assert_eq!(ended.out.len(), size);
        assert!(ended.out.iter().zip(b"123456789\n".iter().cycle()).all(|(a, b)| a == b));
        assert_eq!(ended.exit.code, 0);
    }
}

/// What a program wrote before its end is not lost because whoever reads it is slow.
#[tokio::test]
async fn a_reader_slower_than_the_program_gets_everything() {
    let rig = Rig::new().await;
    // A window, and what a pipe takes beyond it, of both outputs; then the end.
    let script = "head -c 1048576 /dev/zero; head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; : > ended";
    let (mut process, _control) = soon(rig.agent.start(shell(script))).await.unwrap();
    until("the program has ended", || rig.path().join("ended").exists()).await;
    // The agent does other things meanwhile, and for longer than it waits for stray output.
    rig.sh("sleep 0.6").await;
    let ended = soon(follow(&mut process)).await.unwrap();
    assert_eq!((ended.out.len(), ended.err.len()), (1_048_576 + 60_000, 60_000));
}

/// Fifty megabytes that nobody reads stay with the program, and when they are read, slowly, neither end holds them.
#[tokio::test]
async fn a_slow_reader_costs_neither_end_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "alone_a_slow_reader", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "measures its whole process: run by a_slow_reader_costs_neither_end_memory"]
async fn alone_a_slow_reader() {
    let rig = Rig::new().await;
    let before = peak(std::process::id() as i32);
    let (mut process, _control) =
        soon(rig.agent.start(shell("head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2")))
            .await
            .unwrap();
    let mut got = 0;
    let exit = loop {
        // Something else between any two pieces.
        rig.agent.make_directory(b"d", true).await.unwrap();
        match soon(process.next()).await.unwrap() {
            ProcessEvent::Stdout(data) | ProcessEvent::Stderr(data) => got += data.len(),
            ProcessEvent::Exited(exit) => break exit,
            ProcessEvent::Started => {}
        }
    };
    assert_eq!((got, exit.code), (100_000_000, 0));
    let (agent, host) = (peak(rig.pid()), peak(std::process::id() as i32) - before);
    assert!(agent < 8 << 20, "the agent's peak is {agent}");
    assert!(host < 16 << 20, "the host's grew by {host}");
}

#[tokio::test]
async fn programs_that_flood_dont_keep_others_from_speaking() {
    let rig = Rig::new().await;
    let mut floods = Vec::new();
    for _ in 0..24 {
        let (mut process, control) = soon(rig.agent.start(start(&["yes"]))).await.unwrap();
        floods.push(control);
        tokio::spawn(async move { while process.next().await.is_ok() {} });
    }
    for _ in 0..5 {
        let asked = Instant::now();
        assert_eq!(rig.sh("echo here").await.text(), "here");
        assert!(asked.elapsed() < Duration::from_secs(10), "after {:?}", asked.elapsed());
    }
    let agent = peak(rig.pid());
    assert!(agent < 12 << 20, "the agent's peak is {agent}");
}

#[tokio::test]
async fn standard_input_arrives_and_ends() {
    let rig = Rig::new().await;
    let sent: Vec<u8> = (0..5_000_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let (mut process, control) =
        soon(rig.agent.start(Start { stdin: true, ..start(&["cat"]) })).await.unwrap();
    let feeding = async {
        assert!(control.feed(&sent).await.unwrap());
        control.end_input().await.unwrap();
        // After its end nothing more is taken, however much.
        assert!(!control.feed(&vec![0; 1 << 20]).await.unwrap());
    };
    let (ended, ()) = soon(async { tokio::join!(follow(&mut process), feeding) }).await;
    assert!(ended.unwrap().out == sent);
}

#[tokio::test]
async fn input_that_is_not_read_is_refused_and_hangs_nobody() {
    let rig = Rig::new().await;
    for script in ["head -c 10 | wc -c", "exec 0<&-; echo 10; exec sleep 100000"] {
        let (mut process, control) =
            soon(rig.agent.start(Start { stdin: true, ..shell(script) })).await.unwrap();
        assert!(!soon(control.feed(&vec![b'x'; 10_000_000])).await.unwrap(), "{script}");
        output_with(&mut process, "10").await;
        control.signal(SIGKILL).await.unwrap();
        soon(rest(&mut process)).await.unwrap();
    }
    // One that never reads, and one that asked for no input at all.
    let (mut process, control) =
        soon(rig.agent.start(Start { stdin: true, ..shell("sleep 0.3") })).await.unwrap();
    let much = vec![0; 10_000_000];
    let (fed, ended) = soon(async { tokio::join!(control.feed(&much), follow(&mut process)) }).await;
    assert!(!fed.unwrap());
    assert_eq!(ended.unwrap().exit.code, 0);
    let (mut process, control) = soon(rig.agent.start(shell("cat; echo end"))).await.unwrap();
    assert!(!soon(control.feed(&vec![0; 10_000_000])).await.unwrap());
    assert_eq!(soon(follow(&mut process)).await.unwrap().text(), "end");
}

#[tokio::test]
async fn orphans_are_gone_when_the_end_is_told() {
    let rig = Rig::new().await;
    let nap = marker();
    // In the background, in a session of its own, forked twice, ignoring signals, and holding the pipes or not.
    let script = format!(
        "sleep {nap} & setsid sleep {nap} >/dev/null 2>&1 </dev/null &
         setsid sh -c '(sleep {nap} &) ; (trap \"\" TERM HUP INT; setsid sleep {nap}) & exit' &
         setsid sh -c 'setsid sh -c \"sleep {nap} & sleep {nap}\" & sleep {nap}' &
         read go < go; exit 3"
    );
    let go = rig.path().join("go");
    rustix::fs::mknodat(rustix::fs::CWD, &go, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let (mut process, _control) = soon(rig.agent.start(shell(&script))).await.unwrap();
    until("all seven sleep", || marked(&nap).len() >= 7).await;
    rig.sh("echo > go").await;
    let ended = soon(follow(&mut process)).await.unwrap();
    assert_eq!(marked(&nap), Vec::<i32>::new());
    assert_eq!((ended.exit.code, ended.exit.signal), (3, 0));
    assert!(ended.exit.killed >= 7, "{:?}", ended.exit);
}

/// One that forks again and again, each time into a session of its own, faster than a list of it can be read.
#[tokio::test]
async fn a_chain_that_never_stops_forking_ends_too() {
    let perl = ["/usr/bin/perl", "/usr/local/bin/perl"].iter().any(|p| std::path::Path::new(p).exists());
    if !support::require("perl", perl.then_some(()).ok_or_else(|| "it is not installed".into())) {
        return;
    }
    let rig = Rig::new().await;
    let name = marker();
    let chain = format!(
        "use POSIX; print qq(on\\n); $|=1; print ''; while (1) {{ setsid(); exit if fork }} # {name}"
    );
    let begin = Start {
        timeout_ms: 500,
        ..start(&["sh", "-c", &format!("perl -e '{chain}' {name} & wait; sleep 1000")])
    };
    let ended = rig.run(begin).await;
    assert!(ended.exit.timed_out);
    assert_eq!(marked(&name), Vec::<i32>::new());
}

#[tokio::test]
async fn children_that_hold_the_pipes_dont_hold_up_the_end() {
    let rig = Rig::new().await;
    let began = Instant::now();
    let ended = rig.sh("sleep 100000 & echo done; exit 3").await;
    assert_eq!((ended.text().as_str(), ended.exit.code, ended.exit.killed), ("done", 3, 1));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_program_that_closes_its_streams_runs_on() {
    let rig = Rig::new().await;
    let ended = rig.sh("exec <&- >&- 2>&-; sleep 0.1; : > late; exit 5").await;
    assert_eq!(ended.exit.code, 5);
    assert!(rig.path().join("late").exists());
}

#[tokio::test]
async fn signals_reach_the_group_and_only_the_last_can_t_be_ignored() {
    // Whoever starts the agent may ignore signals himself, as a shell's background jobs do.
    for mut command in [plain(), prepared("trap '' INT TERM QUIT HUP PIPE")] {
        let rig = Rig::with(&mut command).await;
        let nap = marker();
        let script = format!("trap 'echo caught; exit 9' INT; sleep {nap} & echo ready; wait; wait");
        let (mut process, control) = soon(rig.agent.start(shell(&script))).await.unwrap();
        output_with(&mut process, "ready").await;
        control.signal(SIGINT).await.unwrap();
        let ended = soon(rest(&mut process)).await.unwrap();
        assert_eq!((ended.text().as_str(), ended.exit.code), ("caught", 9));
        assert_eq!(marked(&nap), Vec::<i32>::new());

        let (mut process, control) = soon(rig.agent.start(start(&["sleep", "100000"]))).await.unwrap();
        assert_eq!(soon(process.next()).await.unwrap(), ProcessEvent::Started);
        control.signal(SIGTERM).await.unwrap();
        assert_eq!(soon(rest(&mut process)).await.unwrap().exit.signal, SIGTERM);

        let script = format!("trap '' TERM INT; echo ready; while :; do sleep {nap}; echo on; done");
        let (mut process, control) = soon(rig.agent.start(shell(&script))).await.unwrap();
        output_with(&mut process, "ready").await;
        // Numbers that are none are no harm; and signals by the thousand do not hold the agent up.
        for number in [0, -1, -9, 65, 255, 256, i32::MAX, i32::MIN] {
            control.signal(number).await.unwrap();
        }
        for _ in 0..3000 {
            control.signal(SIGTERM).await.unwrap();
        }
        assert_eq!(rig.sh("echo meanwhile").await.text(), "meanwhile");
        control.signal(SIGKILL).await.unwrap();
        assert_eq!(soon(rest(&mut process)).await.unwrap().exit.signal, SIGKILL);
        assert_eq!(marked(&nap), Vec::<i32>::new());
        rig.end().await;
    }
}

#[tokio::test]
async fn a_program_has_no_descriptors_but_its_streams() {
    let rig = Rig::new().await;
    let (mut held, _control) = soon(rig.agent.start(Start { stdin: true, ..start(&["cat"]) })).await.unwrap();
    assert_eq!(soon(held.next()).await.unwrap(), ProcessEvent::Started);
    for pty in [(0, 0), (24, 80)] {
        // The listing's own is 3.
        let ended = rig.run(Start { pty, ..start(&["ls", "/proc/self/fd"]) }).await;
        let text = ended.text();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }
    let ended = rig.sh("sed -nE 's/^Sig(Blk|Ign)://p' /proc/self/status").await;
    for set in ended.text().split_whitespace() {
        // The C library keeps 32 and 33 for itself.
        assert_eq!(u64::from_str_radix(set, 16).unwrap() & !(0b11 << 31), 0, "{set}");
    }
}

#[tokio::test]
async fn time_is_up_inside_the_agent_too() {
    let rig = Rig::new().await;
    let nap = marker();
    let script = format!("trap '' TERM INT; setsid sleep {nap} & echo on; sleep {nap}");
    let ended = rig.run(Start { timeout_ms: 300, ..shell(&script) }).await;
    assert!(ended.exit.timed_out);
    assert_eq!((ended.exit.signal, ended.text().as_str()), (SIGKILL, "on"));
    assert!((300_000..20_000_000).contains(&ended.exit.wall_us), "{:?}", ended.exit);
    assert_eq!(marked(&nap), Vec::<i32>::new());
    // Any number will do.
    let ended = rig.run(Start { timeout_ms: u64::MAX, cpu_seconds: u64::MAX, ..shell("echo on") }).await;
    assert_eq!((ended.text().as_str(), ended.exit.code, ended.exit.timed_out), ("on", 0, false));
}

#[tokio::test]
async fn processor_time_is_limited_too() {
    let rig = Rig::new().await;
    let ended = rig.run(Start { cpu_seconds: 1, ..shell("while :; do :; done") }).await;
    // SIGXCPU
    assert_eq!((ended.exit.signal, ended.exit.timed_out), (24, false));
}

fn in_terminal(script: &str) -> Start {
    Start { pty: (33, 101), stdin: true, ..shell(script) }
}

#[tokio::test]
async fn a_terminal_is_one_and_has_its_size() {
    let rig = Rig::new().await;
    let ended = rig
        .run(in_terminal(
            "test -t 0 && test -t 1 && test -t 2 && stty size; exec 3</dev/tty; echo tty $?; seq 1 30000",
        ))
        .await;
    let text = ended.text();
    assert!(text.starts_with("33 101\ntty 0\n1\n2\n"), "{text}");
    assert!(text.ends_with("\n29999\n30000"), "its last words are missing");
    let script = "trap 'stty size; exit' WINCH; echo ready; sleep 100000 & wait; wait";
    let (mut process, control) = soon(rig.agent.start(in_terminal(script))).await.unwrap();
    output_with(&mut process, "ready").await;
    control.resize(50, 132).await.unwrap();
    assert_eq!(soon(rest(&mut process)).await.unwrap().text(), "50 132");
    // Ctrl-C, as a person types it.
    let script = "trap 'echo caught; exit' INT; echo ready; sleep 100000 & wait; wait";
    let (mut process, control) = soon(rig.agent.start(in_terminal(script))).await.unwrap();
    output_with(&mut process, "ready").await;
    control.feed(b"\x03").await.unwrap();
    assert!(soon(rest(&mut process)).await.unwrap().text().ends_with("caught"));
}

#[tokio::test]
async fn the_end_of_input_reaches_a_program_in_a_terminal() {
    let rig = Rig::new().await;
    for (input, lines) in [("", 0), ("one\ntwo\n", 2), ("one\ntwo", 1), ("\n", 1)] {
        let (mut process, control) =
            soon(rig.agent.start(in_terminal("stty -echo; echo ready; wc -lc"))).await.unwrap();
        output_with(&mut process, "ready").await;
        control.feed(input.as_bytes()).await.unwrap();
        control.end_input().await.unwrap();
        let text = soon(rest(&mut process)).await.unwrap().text();
        let counts: Vec<usize> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert_eq!(counts, [lines, input.len()], "{input:?}");
    }
}

#[tokio::test]
async fn a_terminal_takes_more_input_than_it_can_hold_and_its_end_after_it() {
    let rig = Rig::new().await;
    let script = "stty raw -echo; echo ready; head -c 300000 | wc -c; stty -raw; echo cooked; cat; echo over";
    let (mut process, control) = soon(rig.agent.start(in_terminal(script))).await.unwrap();
    output_with(&mut process, "ready").await;
    let feeding = async {
        control.feed(&vec![b'x'; 300_000]).await.unwrap();
    };
    let ((), text) = soon(async { tokio::join!(feeding, output_with(&mut process, "cooked")) }).await;
    assert!(text.contains("300000"));
    control.feed(b"last").await.unwrap();
    control.end_input().await.unwrap();
    assert!(soon(rest(&mut process)).await.unwrap().text().ends_with("over"));
    // The end comes while the terminal is full.
    let script = "stty -echo; echo ready; read go < go; cat | tail -n 1 | tail -c 6";
    rustix::fs::mknodat(rustix::fs::CWD, rig.path().join("go"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let (mut process, control) = soon(rig.agent.start(in_terminal(script))).await.unwrap();
    output_with(&mut process, "ready").await;
    let input = "0123456789\n".repeat(2000) + "final\n";
    assert!(soon(control.feed(input.as_bytes())).await.unwrap());
    control.end_input().await.unwrap();
    rig.sh("echo go > go").await;
    assert!(soon(rest(&mut process)).await.unwrap().text().ends_with("final"));
}

#[tokio::test]
async fn as_many_tasks_as_are_allowed_run_at_once_and_one_more_is_refused() {
    let rig = Rig::with(&mut prepared("ulimit -n 8192")).await;
    let mut programs = Vec::new();
    for _ in 0..256 {
        programs.push(soon(rig.agent.start(Start { stdin: true, ..start(&["cat"]) })).await.unwrap());
    }
    for (process, _) in &mut programs {
        assert_eq!(soon(process.next()).await.unwrap(), ProcessEvent::Started);
    }
    let (mut one_more, _control) = soon(rig.agent.start(shell("true"))).await.unwrap();
    assert!(matches!(soon(one_more.next()).await, Err(AgentError::Refused { errno: 11, .. })));
    assert_eq!(soon(rig.agent.usage()).await.unwrap().processes, 256);
    for (index, (process, control)) in programs.iter_mut().enumerate() {
        control.feed(index.to_string().as_bytes()).await.unwrap();
        control.end_input().await.unwrap();
        assert_eq!(soon(rest(process)).await.unwrap().text(), index.to_string());
    }
    assert_eq!(rig.sh("echo again").await.text(), "again");
}

/// Where descriptors are scarce programs are refused in time: what runs is served, and the agent does its other work.
#[tokio::test]
async fn too_few_descriptors_refuse_programs_and_break_nothing() {
    let rig = Rig::with(&mut prepared("ulimit -n 128")).await;
    let mut programs = Vec::new();
    let refused = loop {
        let (mut process, control) =
            soon(rig.agent.start(Start { stdin: true, ..start(&["cat"]) })).await.unwrap();
        match soon(process.next()).await {
            Ok(_) => programs.push((process, control)),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AgentError::Refused { errno: 11, .. }), "{refused:?}");
    assert!(programs.len() >= 10, "{}", programs.len());
    soon(rig.agent.write(b"deep/file", Mode::Replace, b"content")).await.unwrap();
    assert_eq!(soon(rig.agent.read(b"deep/file", 100)).await.unwrap().0, b"content");
    assert_eq!(soon(rig.agent.usage()).await.unwrap().processes as usize, programs.len());
    for (process, control) in &mut programs {
        control.end_input().await.unwrap();
        assert_eq!(soon(rest(process)).await.unwrap().exit.code, 0);
    }
    assert_eq!(rig.sh("echo again").await.text(), "again");
}

#[tokio::test]
async fn usage_is_plausible() {
    let rig = Rig::new().await;
    let ended = rig.sh("i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done").await;
    assert!((50_000..=ended.exit.wall_us * 3 / 2).contains(&ended.exit.cpu_us), "{:?}", ended.exit);
    let idle = rig.sh("sleep 0.3").await;
    assert!(idle.exit.wall_us >= 300_000 && idle.exit.cpu_us < 200_000, "{:?}", idle.exit);
    assert!(idle.exit.peak_bytes < 32 << 20, "{:?}", idle.exit);
    // It holds all it was given until it has seen the end.
    let large = rig.sh("head -c 100M /dev/zero | tail -c 100M | wc -c").await;
    assert_eq!(large.text(), (100 << 20).to_string());
    assert!((100 << 20..200 << 20).contains(&large.exit.peak_bytes), "{:?}", large.exit);
    let all = soon(rig.agent.usage()).await.unwrap();
    let spent = ended.exit.cpu_us + idle.exit.cpu_us + large.exit.cpu_us;
    assert_eq!((all.cpu_us, all.peak_bytes, all.processes), (spent, large.exit.peak_bytes, 0));
    // What runs now counts too, whoever's child it has become.
    let script = "(setsid sh -c '(head -c 50M /dev/zero; sleep 1000) | tail -c 50M' >/dev/null 2>&1 &); echo on; sleep 1000";
    let (mut process, _control) = soon(rig.agent.start(shell(script))).await.unwrap();
    output_with(&mut process, "on").await;
    soon(async { while rig.agent.usage().await.unwrap().memory_bytes < 50 << 20 {} }).await;
}

#[tokio::test]
async fn no_zombies_and_no_descriptors_are_left_after_hundreds_of_operations() {
    let rig = Rig::new().await;
    for n in 0..200 {
        assert_eq!(rig.sh(&format!("(true &); exit {}", n % 3)).await.exit.code, n % 3);
    }
    until("the last supervisor is reaped", || children(rig.pid()).is_empty()).await;
    let before = descriptors(rig.pid());
    if !support::require("root", before.clone().map(drop)) {
        return;
    }
    for n in 0..50 {
        rig.sh("cat").await;
        rig.run(Start { pty: (9, 9), ..shell("echo") }).await;
        let (gone, _) = soon(rig.agent.start(Start { stdin: true, ..start(&["cat"]) })).await.unwrap();
        drop(gone);
        let path = format!("f{n}/g");
        soon(rig.agent.write(path.as_bytes(), Mode::Append, &vec![1; 200_000])).await.unwrap();
        soon(rig.agent.read(path.as_bytes(), 10)).await.unwrap();
        soon(rig.agent.copy(path.as_bytes(), b"copy", true)).await.unwrap();
        soon(rig.agent.list(List { depth: 9, max_entries: 3, ..List::default() })).await.unwrap();
        soon(rig.agent.measure()).await.unwrap();
        soon(rig.agent.delete(path.as_bytes(), true)).await.unwrap();
        soon(rig.agent.read(b"missing", 1)).await.unwrap_err();
        soon(rig.agent.copy(b"missing", b"x", true)).await.unwrap_err();
        // Writing that stops in the middle, and reading that stops in the middle.
        let _ =
            tokio::time::timeout(Duration::ZERO, rig.agent.write(b"part", Mode::Replace, &vec![0; 9 << 20]))
                .await;
        let _ = tokio::time::timeout(Duration::ZERO, rig.agent.read(b"part", 9 << 20)).await;
        let (mut refused, _) = soon(rig.agent.start(start(&["./no"]))).await.unwrap();
        soon(refused.next()).await.unwrap_err();
    }
    until("all is closed", || descriptors(rig.pid()) <= before && children(rig.pid()).is_empty()).await;
    assert_eq!(descriptors(rig.pid()), before);
}

/// A program that nobody follows any more is killed, and leaves nothing in the agent: not even unread output.
#[tokio::test]
async fn programs_that_are_dropped_are_forgotten() {
    let rig = Rig::new().await;
    let nap = marker();
    for _ in 0..300 {
        let script = format!("head -c 3000000 /dev/zero & sleep {nap}");
        let (process, control) =
            soon(rig.agent.start(Start { stdin: true, ..shell(&script) })).await.unwrap();
        drop(process);
        assert!(!soon(control.feed(b"nobody")).await.unwrap());
    }
    until("they are gone", || marked(&nap).is_empty() && children(rig.pid()).is_empty()).await;
    // Ones that have filled their window and ended.
    for n in 0..300 {
        let script = format!("head -c 1100000 /dev/zero; : > ended{n}");
        let (mut process, _control) = soon(rig.agent.start(shell(&script))).await.unwrap();
        if n % 100 == 99 {
            // Those that were dropped just now may still be ending: until then there is no room.
            let mut first = soon(process.next()).await;
            while first.as_ref().is_err_and(|e| matches!(e, AgentError::Refused { errno: 11, .. })) {
                process = soon(rig.agent.start(shell(&script))).await.unwrap().0;
                first = soon(process.next()).await;
            }
            assert_eq!(first.unwrap(), ProcessEvent::Started);
            until("it has ended", || rig.path().join(format!("ended{n}")).exists()).await;
        }
        drop(process);
    }
    assert_eq!(rig.sh("echo room").await.text(), "room");
    if let Ok(count) = descriptors(rig.pid()) {
        until("all is closed", || descriptors(rig.pid()).unwrap() < 10).await;
        assert!(count < 2000);
    }
}

#[tokio::test]
async fn when_the_host_is_gone_so_is_everything() {
    let rig = Rig::new().await;
    let nap = marker();
    let script = format!("trap '' TERM INT HUP; setsid sleep {nap} & echo on; sleep {nap}");
    let mut programs = Vec::new();
    for n in 0..6 {
        let pty = if n % 2 == 0 { (0, 0) } else { (24, 80) };
        let mut program = soon(rig.agent.start(Start { pty, stdin: true, ..shell(&script) })).await.unwrap();
        output_with(&mut program.0, "on").await;
        programs.push(program);
    }
    until("all sleep", || marked(&nap).len() >= 12).await;
    drop(programs.pop());
    rig.agent.close();
    for (process, control) in &mut programs {
        assert!(matches!(soon(process.next()).await, Err(AgentError::Gone(_))));
        assert!(matches!(soon(control.signal(SIGTERM)).await, Err(AgentError::Gone(_))));
    }
    assert!(matches!(soon(rig.agent.usage()).await, Err(AgentError::Gone(_))));
    soon(rig.agent.gone()).await;
    until("all has ended", || marked(&nap).is_empty()).await;
    rig.end().await;
}

#[tokio::test]
async fn when_the_agent_is_killed_so_is_everything() {
    let rig = Rig::new().await;
    let nap = marker();
    let script = format!("trap '' TERM INT HUP; setsid sleep {nap} & echo on; sleep {nap}");
    let (mut process, _control) = soon(rig.agent.start(shell(&script))).await.unwrap();
    output_with(&mut process, "on").await;
    // A file command in a process of its own: a copy without end, or as good as.
    let sparse = std::fs::File::create(rig.path().join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let agent = rig.agent.clone();
    let copying = tokio::spawn(async move { agent.copy(b"sparse", b"copy", true).await });
    until("the copy has begun", || rig.path().join("copy").exists()).await;
    let supervised: Vec<i32> = children(rig.pid()).into_iter().map(|(pid, _)| pid).collect();
    assert_eq!(supervised.len(), 2);
    kill(rig.pid(), Signal::KILL);
    assert!(matches!(soon(rest(&mut process)).await, Err(AgentError::Gone(_))));
    assert!(matches!(soon(copying).await.unwrap(), Err(AgentError::Gone(_))));
    until("all has ended", || {
        marked(&nap).is_empty()
            && supervised.iter().all(|pid| {
                // Whoever inherits them may be slow to reap.
                status(*pid, "State").is_none_or(|state| state.starts_with('Z'))
            })
    })
    .await;
}

/// A supervisor that is stopped sees the end of its agent all the same, and a program that of its supervisor.
#[tokio::test]
async fn what_is_stopped_ends_with_a_killed_agent_too() {
    for (script, both) in [("read go; kill -STOP $PPID; echo on", false), ("read go; echo on", true)] {
        let rig = Rig::new().await;
        let nap = marker();
        let start = Start { stdin: true, ..shell(&format!("{script}; exec sleep {nap}")) };
        let (mut process, control) = soon(rig.agent.start(start)).await.unwrap();
        assert_eq!(soon(process.next()).await.unwrap(), ProcessEvent::Started);
        control.feed(b"\n").await.unwrap();
        output_with(&mut process, "on").await;
        until("it sleeps", || !marked(&nap).is_empty()).await;
        let supervisors = children(rig.pid());
        // The agent stopped, nobody else is there to clean up.
        kill(rig.pid(), Signal::STOP);
        if both {
            kill(supervisors[0].0, Signal::KILL);
        }
        kill(rig.pid(), Signal::KILL);
        until("all has ended", || marked(&nap).is_empty()).await;
    }
}

/// How a program ended whose supervisor may not have come to tell its start.
async fn end_of(process: &mut Process) -> Exit {
    loop {
        if let ProcessEvent::Exited(exit) = process.next().await.unwrap() {
            return exit;
        }
    }
}

#[tokio::test]
async fn a_supervisor_that_is_killed_takes_its_program_with_it() {
    let rig = Rig::new().await;
    let nap = marker();
    for with_more in [false, true] {
        let script = if with_more {
            format!(
                "setsid sh -c 'setsid sleep {nap} & sleep {nap}' & sleep {nap} & sleep {nap} & kill -9 $PPID; sleep {nap}"
            )
        } else {
            format!("kill -9 $PPID; sleep {nap}")
        };
        let (mut process, _control) = soon(rig.agent.start(shell(&script))).await.unwrap();
        assert_eq!(soon(end_of(&mut process)).await.signal, SIGKILL);
        assert_eq!(marked(&nap), Vec::<i32>::new(), "the end was told too early");
    }
    assert_eq!(rig.sh("echo still there").await.text(), "still there");
    until("nothing is left", || children(rig.pid()).is_empty()).await;
}

/// Code that stops its supervisor gains nothing: neither more time nor a program that can't be killed.
#[tokio::test]
async fn a_supervisor_that_is_stopped_can_be_ended() {
    let rig = Rig::new().await;
    let nap = marker();
    let script = format!("read go; kill -STOP $PPID; echo on; sleep {nap}");
    let (mut process, control) =
        soon(rig.agent.start(Start { stdin: true, ..shell(&script) })).await.unwrap();
    assert_eq!(soon(process.next()).await.unwrap(), ProcessEvent::Started);
    control.feed(b"\n").await.unwrap();
    output_with(&mut process, "on").await;
    control.signal(SIGKILL).await.unwrap();
    assert_eq!(soon(rest(&mut process)).await.unwrap().exit.signal, SIGKILL);
    assert_eq!(marked(&nap), Vec::<i32>::new());
    // One that does it again and again.
    let script = format!("while :; do kill -STOP $PPID; done & sleep {nap}");
    let begin = Start { timeout_ms: 200, ..shell(&script) };
    let (mut process, _control) = soon(rig.agent.start(begin)).await.unwrap();
    let exit = soon(end_of(&mut process)).await;
    assert!(exit.timed_out, "{exit:?}");
    assert_eq!(marked(&nap), Vec::<i32>::new());
    until("nothing is left", || children(rig.pid()).is_empty()).await;
}

/// `next` may be given up at any moment, as a time-out or a `select!` does, and nothing is lost.
#[tokio::test]
async fn waiting_for_output_can_be_given_up_without_losing_any() {
    let rig = Rig::new().await;
    let (mut process, _control) = soon(rig.agent.start(shell("head -c 5000000 /dev/zero"))).await.unwrap();
    let mut got = 0;
    let end = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < end);
        match tokio::time::timeout(Duration::from_micros(50), process.next()).await {
            Ok(Ok(ProcessEvent::Stdout(data))) => got += data.len(),
            Ok(Ok(ProcessEvent::Exited(_))) => break,
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(got, 5_000_000);
}
