//! What engines that are gone have left is removed by the next one; what belongs to one that lives, never.

use std::collections::HashMap;
use std::process::{Child, Command};

use codebeaker::engine::Engine as _;
use codebeaker::protocol::Language;

use crate::made::Made;
use crate::rig::{INSTANCE, OWNER, PYTHON, ROLE, Rig, SOON, embedded, params, remember, timely, until};

/// A process that waits until it is ended.
struct Process(Child);

impl Process {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    /// Its number, and when it began, as labels have them.
    fn tail(&self) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        format!("{}:{}", self.0.id(), fields[19])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The labels of whatever process this is.
fn labels(owner: &str) -> HashMap<String, String> {
    let labels = [(OWNER, owner), (INSTANCE, "aaaaaaaaaaaa"), (ROLE, "session")];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A container that was never started, a volume, and an image.
struct Left([Made; 3]);

impl Left {
    async fn by(rig: &Rig, owner: &str) -> Self {
        Self([
            Made::container(&rig.api, PYTHON, labels(owner)).await,
            Made::volume(&rig.api, labels(owner)).await,
            Made::selftest(&rig.api, owner).await,
        ])
    }

    async fn are_there(&self) -> [bool; 3] {
        let mut there = [false; 3];
        for (made, there) in self.0.iter().zip(&mut there) {
            *there = made.is_there().await;
        }
        there
    }
}

#[tokio::test]
async fn goes_when_the_next_engine_starts() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    // How this machine is called in labels is seen from one of our own.
    let session = rig.session(Language::Python).await;
    let id = rig.container(&session).await;
    let own = rig.inspect(&id).await.config.unwrap().labels.unwrap()[OWNER].clone();
    let machine = own.splitn(4, ':').take(3).collect::<Vec<_>>().join(":");
    let (dead, alive) = (Process::start(), Process::start());
    let [dead_tail, alive_tail] = [&dead, &alive].map(Process::tail);
    drop(dead);
    let parts: Vec<&str> = machine.split(':').collect();
    let number = alive_tail.split(':').next().unwrap();
    let gone = [
        Left::by(&rig, &format!("{machine}:{dead_tail}")).await,
        // The number was given again.
        Left::by(&rig, &format!("{machine}:{number}:1")).await,
        // Before the machine was restarted.
        Left::by(&rig, &format!("{}:before:{}:{alive_tail}", parts[0], parts[2])).await,
    ];
    let kept = [
        Left::by(&rig, &format!("{machine}:{alive_tail}")).await,
        // Of others nothing is known.
        Left::by(&rig, &format!("elsewhere:{}:{}:{dead_tail}", parts[1], parts[2])).await,
        Left::by(&rig, &format!("{}:{}:1:{dead_tail}", parts[0], parts[1])).await,
        Left::by(&rig, "nonsense").await,
    ];
    let root = tempfile::tempdir().unwrap();
    remember(&root.path().join("state"), "near");
    let (next, _) = embedded(root.path(), |_| {});
    timely(next.create_session(params(Language::Python))).await.unwrap();
    for left in &gone {
        until(
            SOON,
            "what the dead have left is gone",
            async || left.are_there().await,
            |there| *there == [false; 3],
        )
        .await;
    }
    // Its end waits for what it does.
    timely(next.shutdown()).await;
    for left in &kept {
        assert_eq!(left.are_there().await, [true; 3]);
    }
    // Ours is somebody's who lives, too.
    assert_eq!(rig.code(&session, "print('alive')").await.stdout, "alive\n");
    drop((gone, kept, alive));
    rig.end().await;
}

/// What people make of a container has its labels, and is theirs.
#[tokio::test]
async fn what_people_made_of_it_stays() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let id = rig.container(&session).await;
    let own = rig.inspect(&id).await.config.unwrap().labels.unwrap()[OWNER].clone();
    let dead = Process::start();
    let tail = dead.tail();
    drop(dead);
    let machine = own.splitn(4, ':').take(3).collect::<Vec<_>>().join(":");
    let owner = format!("{machine}:{tail}");
    // As `docker commit` takes them over.
    let label = format!("LABEL {OWNER}={owner} {INSTANCE}=aaaaaaaaaaaa {ROLE}=session");
    let theirs = Made::imported(&rig.api, &[("lonely", b"here\n")], vec![label]).await;
    let ours = Made::selftest(&rig.api, &owner).await;
    rig.end().await;
    let Some(next) = Rig::new(&[PYTHON]).await else { return };
    next.session(Language::Python).await;
    until(SOON, "what is ours is gone", async || ours.is_there().await, |there| !there).await;
    assert!(theirs.is_there().await);
    next.end().await;
}
