//! A session's container as a program in it finds it.

use codebeaker::protocol::Language;
use serde_json::Value;

use crate::rig::{PYTHON, Rig};

/// Tells what it can do and what it finds, as JSON.
const LOOK: &str = r#"
import ctypes, errno, grp, json, os, platform, pwd, socket
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == 'aarch64'
def call(*arguments):
    ctypes.set_errno(0)
    given = libc.syscall(*[ctypes.c_long(a) for a in arguments])
    return 'done' if given >= 0 else errno.errorcode[ctypes.get_errno()]
def tried(what):
    try:
        what()
        return 'done'
    except OSError as e:
        return errno.errorcode[e.errno]
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines() if ':' in line)
first = dict(line.split(':', 1) for line in open('/proc/1/status').read().splitlines() if ':' in line)
names = ['CapEff', 'CapBnd', 'CapPrm', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'Uid', 'Gid', 'Groups']
print(json.dumps({
    'status': {name: status[name].strip() for name in names},
    'first': {name: first[name].strip() for name in names},
    'vsock': tried(lambda: socket.socket(40, socket.SOCK_STREAM)),
    'inet': tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
    'io_uring': call(425, 1, 0),
    'unshare': call(97 if arm else 272, 0x10000000),
    'unshare_mount': call(97 if arm else 272, 0x00020000),
    'keyctl': call(219 if arm else 250, 0, -3, 0),
    'mount': call(40 if arm else 165, 0, 0, 0, 0, 0),
    'root': tried(lambda: open('/new', 'w')),
    'etc': tried(lambda: open('/etc/hostname', 'a')),
    'root_flags': os.statvfs('/').f_flag & os.ST_RDONLY,
    'workspace': tried(lambda: open('/workspace/new', 'w')),
    'tmp': tried(lambda: open('/tmp/new', 'w')),
    'user': pwd.getpwuid(os.getuid()).pw_name,
    'group': grp.getgrgid(os.getgid()).gr_name,
    'home': os.path.expanduser('~'),
    'writable_home': tried(lambda: open(os.path.expanduser('~/x'), 'w')),
    'hostname': socket.gethostname(),
    'env': dict(os.environ),
    'processes': sorted(int(pid) for pid in os.listdir('/proc') if pid.isdigit()),
    'disks': sorted(d for d in os.listdir('/dev') if d.startswith(('vd', 'sd', 'nvme', 'mem', 'kmsg', 'kvm'))),
    'sockets': [p for p in ['/var/run/docker.sock', '/run/docker.sock', '/.codebeaker/socket'] if os.path.exists(p)],
    'directory': os.getcwd(),
}))
"#;

#[tokio::test]
async fn held_by_two_filters_and_without_any_privilege() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let told = rig.code(&session, LOOK).await;
    let seen: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {told:?}"));
    for who in ["status", "first"] {
        let status = &seen[who];
        assert_eq!(
            (&status["Seccomp"], &status["NoNewPrivs"]),
            (&"2".into(), &"1".into()),
            "{who}: {seen:#}"
        );
        // The Engine's, and ours on top.
        let filters: u32 = status["Seccomp_filters"].as_str().unwrap().parse().unwrap();
        assert!(filters >= 2, "{who}: {seen:#}");
        for set in ["CapEff", "CapBnd", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(status[set], "0000000000000000", "{who} {set}");
        }
        for ids in ["Uid", "Gid"] {
            let all: Vec<u32> =
                status[ids].as_str().unwrap().split_whitespace().map(|n| n.parse().unwrap()).collect();
            assert!(all.len() == 4 && all.iter().all(|id| *id == all[0] && *id >= 60_578), "{who}: {seen:#}");
        }
    }
    for refused in ["vsock", "io_uring", "unshare", "unshare_mount", "keyctl", "mount"] {
        assert_eq!(seen[refused], "EPERM", "{refused}: {seen:#}");
    }
    // That what is refused is not everything.
    assert_eq!(seen["inet"], "done");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn it_sees_the_image_and_nothing_of_the_host() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let told = rig.code(&session, LOOK).await;
    let seen: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {told:?}"));
    assert_eq!(seen["root"], "EROFS", "{seen:#}");
    assert_ne!(seen["etc"], "done", "{seen:#}");
    assert_eq!(seen["root_flags"], 1);
    for place in ["workspace", "tmp", "writable_home"] {
        assert_eq!(seen[place], "done", "{place}: {seen:#}");
    }
    assert_eq!((&seen["user"], &seen["group"]), (&"user".into(), &"user".into()));
    assert_eq!(rig.sh(&session, "whoami; id -un; id -gn").await.stdout, "user\nuser\nuser\n");
    assert_eq!((&seen["hostname"], &seen["directory"]), (&"codebeaker".into(), &"/workspace".into()));
    assert_eq!(
        (&seen["disks"], &seen["sockets"]),
        (&Value::Array(vec![]), &Value::Array(vec![])),
        "{seen:#}"
    );
    // The agent, its supervisors, and itself.
    assert!(seen["processes"].as_array().unwrap().len() <= 4, "{seen:#}");
    let env = seen["env"].as_object().unwrap();
    // Cargo gives tests variables that nobody else has.
    let cargo = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    for (name, value) in env {
        let value = value.as_str().unwrap();
        assert!(!name.starts_with("CARGO") && !value.contains(&cargo), "{name}={value}");
    }
    let own = std::env::var("PATH").unwrap();
    assert_ne!(env["PATH"], own.as_str());
    assert_eq!(seen["home"], env["HOME"]);
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn what_one_session_writes_no_other_sees() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let (one, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    let write = "for d in /workspace /tmp /dev/shm; do echo secret > $d/mark; done; ls /tmp";
    assert_eq!(rig.sh(&one, write).await.stdout, "mark\n");
    let look = "for d in /workspace /tmp /dev/shm; do cat $d/mark 2>/dev/null; done; echo nothing";
    assert_eq!(rig.sh(&other, look).await.stdout, "nothing\n");
    rig.end().await;
}
