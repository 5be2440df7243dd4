//! What is done in each session's workspace: one thing after the other, so that no two race for a file. Listing waits
//! for nothing but listing, so that a long transfer keeps nobody from looking around.

use std::collections::VecDeque;

use crate::protocol::SessionId;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::workspace::Task;

/// The most that waits in one session.
const MOST: usize = 64;

/// What is being done.
#[derive(Debug)]
struct Running {
    number: u64,
    task: Task,
    /// How far it is, for people.
    progress: String,
}

#[derive(Debug)]
struct Queue {
    session: SessionId,
    /// It lists, or else does everything else.
    lists: bool,
    running: Running,
    waiting: VecDeque<Task>,
}

/// Every session's queue; one with nothing to do is gone.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    all: Vec<Queue>,
    last: u64,
}

/// As many tasks wait in this session as may.
#[derive(Debug)]
pub(crate) struct Full;

impl Queues {
    /// Puts a task behind the others of its session. Gives the effect that begins it if it is the first; listing twice
    /// what waits to be listed is listing once.
    pub(crate) fn add(&mut self, session: SessionId, task: Task) -> Result<Option<Effect>, Full> {
        let lists = matches!(task, Task::List { .. });
        if let Some(queue) = self.all.iter_mut().find(|q| q.session == session && q.lists == lists) {
            if lists && queue.waiting.contains(&task) {
                return Ok(None);
            }
            if queue.waiting.len() >= MOST {
                return Err(Full);
            }
            queue.waiting.push_back(task);
            return Ok(None);
        }
        let (running, effect) = begin(&mut self.last, &session, task);
        self.all.push(Queue { session, lists, running, waiting: VecDeque::new() });
        Ok(Some(effect))
    }

    /// A task has ended: gives it, and the effect that begins the next. `None`: it was given up before.
    pub(crate) fn end(&mut self, session: &SessionId, number: u64) -> Option<(Task, Option<Effect>)> {
        let at = self.all.iter().position(|q| q.session == *session && q.running.number == number)?;
        let queue = self.all.get_mut(at)?;
        if let Some(task) = queue.waiting.pop_front() {
            let (running, effect) = begin(&mut self.last, session, task);
            return Some((std::mem::replace(&mut queue.running, running).task, Some(effect)));
        }
        Some((self.all.swap_remove(at).running.task, None))
    }

    /// Gives up all that is done in sessions that are gone, and gives it.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&SessionId) -> bool) -> Vec<Task> {
        let mut lost = Vec::new();
        let (kept, gone) = std::mem::take(&mut self.all).into_iter().partition(|q| is_there(&q.session));
        self.all = kept;
        for Queue { running, waiting, .. } in gone {
            lost.push(running.task);
            lost.extend(waiting);
        }
        lost
    }

    /// Notes how far a task is. False: it is not under way.
    pub(crate) fn progress(&mut self, number: u64, files: (u64, u64), bytes: (u64, u64)) -> bool {
        let Some(queue) = self.all.iter_mut().find(|queue| queue.running.number == number) else {
            return false;
        };
        let of = |(done, all): (u64, u64)| format!("{} of {}", text::bytes(done), text::bytes(all));
        queue.running.progress = match files {
            (_, 1) => of(bytes),
            (done, all) => format!("{done} of {all} files, {}", of(bytes)),
        };
        true
    }

    /// What is being done that is more than a look, in words: `uploading a.bin  3 of 12 files`.
    pub(crate) fn activity(&self) -> Option<String> {
        let Running { task, progress, .. } = self.under_way()?;
        let words = text::sanitise(&task.words()).into_owned();
        Some(if progress.is_empty() { words } else { format!("{words}  {progress}") })
    }

    /// The number of what is being done, if it can be ended half way.
    pub(crate) fn can_end(&self) -> Option<u64> {
        let ends = |task: &Task| {
            matches!(
                task,
                Task::Upload { .. } | Task::Download { .. } | Task::Copy { .. } | Task::Open { .. }
            )
        };
        self.all.iter().find(|queue| ends(&queue.running.task)).map(|queue| queue.running.number)
    }

    fn under_way(&self) -> Option<&Running> {
        self.all.iter().find(|queue| !queue.lists).map(|queue| &queue.running)
    }
}

fn begin(last: &mut u64, session: &SessionId, task: Task) -> (Running, Effect) {
    *last += 1;
    let effect = Effect::Files { session: session.clone(), number: *last, task: Box::new(task.clone()) };
    (Running { number: *last, task, progress: String::new() }, effect)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn make(path: &str) -> Task {
        Task::NewFile { path: path.to_owned() }
    }

    #[test]
    fn one_thing_at_a_time_in_a_session() {
        let mut queues = Queues::default();
        let (a, b) = (SessionId::from("a"), SessionId::from("b"));
        assert!(queues.add(a.clone(), make("1")).unwrap().is_some());
        assert!(queues.add(a.clone(), make("2")).unwrap().is_none());
        assert!(queues.add(b.clone(), make("3")).unwrap().is_some(), "sessions do not wait for each other");
        assert!(queues.end(&a, 9).is_none() && queues.end(&b, 1).is_none());
        let (ended, next) = queues.end(&a, 1).unwrap();
        assert_eq!(ended, make("1"));
        assert_eq!(next, Some(Effect::Files { session: a.clone(), number: 3, task: Box::new(make("2")) }));
        assert_eq!(queues.retain(|id| *id == b), [make("2")]);
        assert!(queues.end(&a, 3).is_none(), "it was given up");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut queues = Queues::default();
        let id = SessionId::from("a");
        let list = || Task::List { path: String::new(), hidden: false };
        for n in 0..=MOST {
            assert!(queues.add(id.clone(), make(&n.to_string())).is_ok(), "{n}");
        }
        assert!(queues.add(id.clone(), make("more")).is_err());
        assert!(queues.add(id.clone(), list()).unwrap().is_some(), "listing does not wait for it");
        for _ in 0..2 * MOST {
            assert!(queues.add(id.clone(), list()).unwrap().is_none(), "it waits already");
        }
    }

    proptest! {
        #[test]
        fn every_task_is_begun_once_and_in_order(steps in prop::collection::vec(0u8..3, 0..60)) {
            let mut queues = Queues::default();
            let id = SessionId::from("a");
            let (mut added, mut begun, mut running) = (0u32, Vec::new(), Vec::new());
            let mut note = |effect: Option<Effect>, running: &mut Vec<u64>| {
                if let Some(Effect::Files { number, task, .. }) = effect {
                    running.push(number);
                    begun.push(*task);
                }
            };
            for step in steps {
                if step < 2 {
                    added += 1;
                    let effect = queues.add(id.clone(), make(&added.to_string())).unwrap();
                    note(effect, &mut running);
                } else if let Some(number) = running.pop() {
                    note(queues.end(&id, number).unwrap().1, &mut running);
                }
                prop_assert!(running.len() <= 1);
            }
            while let Some(number) = running.pop() {
                note(queues.end(&id, number).unwrap().1, &mut running);
            }
            let all: Vec<Task> = (1..=added).map(|n| make(&n.to_string())).collect();
            prop_assert_eq!(begun, all);
        }
    }
}
