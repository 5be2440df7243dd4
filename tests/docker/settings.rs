//! A session's container as the Engine itself tells of it.

use std::collections::BTreeMap;

use bollard::models::ContainerInspectResponse;
use codebeaker::protocol::{CreateSession, Execute, Language, SessionLimits};

use crate::rig::{INSTANCE, OWNER, PYTHON, ROLE, Rig, code, interactive, params, printed, process, timely};

const MB: u64 = 1 << 20;

fn small() -> CreateSession {
    let limits = SessionLimits {
        processes: Some(20),
        open_files: Some(200),
        file_size_bytes: Some(8 * MB),
        workspace_bytes: Some(10 * MB),
        workspace_files: Some(100),
        ..SessionLimits::default()
    };
    CreateSession { memory_limit_mb: Some(128), cpu_shares: Some(512), limits, ..params(Language::Python) }
}

fn networks(container: &ContainerInspectResponse) -> Vec<String> {
    let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn nothing_more_than_it_needs() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.create(small()).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let host = container.host_config.clone().unwrap();
    assert_eq!(host.network_mode.as_deref(), Some("none"));
    assert_eq!(networks(&container), ["none"]);
    assert_eq!(host.readonly_rootfs, Some(true));
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
    assert_eq!(host.cap_add.unwrap_or_default(), Vec::<String>::new());
    // Word for word: with it no other filter, and no profile that is none.
    assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
    assert_eq!(host.privileged, Some(false));
    assert_eq!(host.ipc_mode.as_deref(), Some("private"));
    for (name, mode) in [("pid", &host.pid_mode), ("uts", &host.uts_mode), ("users", &host.userns_mode)] {
        assert_eq!(mode.as_deref().unwrap_or_default(), "", "{name}");
    }
    for (name, list) in [("binds", &host.binds), ("volumes from", &host.volumes_from), ("links", &host.links)]
    {
        assert_eq!(list.clone().unwrap_or_default(), Vec::<String>::new(), "{name}");
    }
    assert!(
        host.devices.unwrap_or_default().is_empty() && host.device_requests.unwrap_or_default().is_empty()
    );
    assert!(host.port_bindings.unwrap_or_default().is_empty() && host.publish_all_ports != Some(true));
    assert_eq!(host.group_add.unwrap_or_default(), Vec::<String>::new());
    assert!(
        !host.masked_paths.unwrap_or_default().is_empty()
            && !host.readonly_paths.unwrap_or_default().is_empty()
    );
    assert_eq!((host.auto_remove, host.init), (Some(true), Some(false)));
    assert_eq!(host.log_config.unwrap().typ.as_deref(), Some("none"));
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn as_much_as_it_was_granted() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.create(small()).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let host = rig.host_config(&id).await;
    let memory = i64::try_from(128 * MB).unwrap();
    assert_eq!((host.memory, host.memory_swap), (Some(memory), Some(memory)));
    assert!(!host.oom_kill_disable.unwrap_or_default());
    // With our agent, a program's supervisor, and that of the next one.
    assert_eq!(host.pids_limit, Some(23));
    assert_eq!(host.nano_cpus, Some(500_000_000));
    let ulimits: BTreeMap<String, (i64, i64)> = host
        .ulimits
        .unwrap()
        .into_iter()
        .map(|limit| (limit.name.unwrap(), (limit.soft.unwrap(), limit.hard.unwrap())))
        .collect();
    // Our agent may have more than its programs.
    assert_eq!(ulimits["nofile"], (1024, 1024));
    assert_eq!(ulimits["fsize"], (8 << 20, 8 << 20));
    assert_eq!(ulimits["core"], (1, 1));
    let tmpfs: BTreeMap<String, String> = host.tmpfs.unwrap().into_iter().collect();
    assert_eq!(tmpfs.keys().collect::<Vec<_>>(), ["/dev/shm", "/tmp", "/workspace"]);
    let has = |place: &str, option: &str| tmpfs[place].split(',').any(|known| known == option);
    for option in ["size=10485760", "nr_inodes=101", "nosuid", "nodev", "mode=0700"] {
        assert!(has("/workspace", option), "{option}: {tmpfs:?}");
    }
    // A quarter of its memory.
    for option in ["size=33554432", "nosuid", "nodev", "mode=1777"] {
        assert!(has("/tmp", option), "{option}: {tmpfs:?}");
    }
    assert!(tmpfs["/tmp"].contains("nr_inodes="), "{tmpfs:?}");
    assert!(has("/dev/shm", "size=16777216") && tmpfs["/dev/shm"].contains("nr_inodes="), "{tmpfs:?}");
    // And that is what there is, as its programs see it.
    let seen = rig
        .sh(
            &session,
            "df -B1 --output=target,size,itotal /workspace /tmp /dev/shm; ulimit -n; ulimit -f; ulimit -c",
        )
        .await;
    let rows: Vec<Vec<&str>> = seen.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["/workspace", "10485760", "101"], "{seen:?}");
    assert_eq!(rows[2][..2], ["/tmp", "33554432"], "{seen:?}");
    assert_eq!(rows[3][..2], ["/dev/shm", "16777216"], "{seen:?}");
    assert_eq!(rows[4], ["200"], "{seen:?}");
    // In blocks of 512 bytes.
    assert_eq!(rows[5], ["16384"], "{seen:?}");
    assert_eq!(rows[6], ["0"], "{seen:?}");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn our_agent_as_somebody_whom_nobody_else_is() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.create(small()).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let config = container.config.unwrap();
    let user = config.user.unwrap();
    let (uid, gid) = user.split_once(':').unwrap();
    assert!(uid == gid && (60_578..61_184).contains(&uid.parse::<u32>().unwrap()), "{user}");
    assert_eq!(config.entrypoint.unwrap(), ["/.codebeaker/agent", "dial=/.codebeaker/socket"]);
    assert_eq!(config.cmd.unwrap_or_default(), Vec::<String>::new());
    assert!(config.tty != Some(true) && config.open_stdin != Some(true));
    assert_eq!(config.hostname.as_deref(), Some("codebeaker"));
    assert!(config.volumes.unwrap_or_default().is_empty());
    let labels = config.labels.unwrap();
    let pid = std::process::id().to_string();
    assert_eq!(labels[OWNER].split(':').nth(3), Some(pid.as_str()), "{labels:?}");
    assert!(!labels[INSTANCE].is_empty() && labels[ROLE] == "session", "{labels:?}");
    // Everything that is mounted can't be written, is ours, and lies in this engine's own directory.
    let mounts = container.mounts.unwrap();
    let mut targets: Vec<&str> = mounts.iter().filter_map(|mount| mount.destination.as_deref()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["/.codebeaker", "/etc/group", "/etc/passwd"]);
    for mount in &mounts {
        assert_eq!((mount.typ.as_deref(), mount.rw), (Some("bind"), Some(false)), "{mount:?}");
        let source = mount.source.as_deref().unwrap();
        assert!(source.starts_with(rig.state().join("docker").to_str().unwrap()), "{mount:?}");
    }
    // Its first process is what came with us; of the way it came, nothing is left.
    let script = "tr '\\0' ' ' </proc/1/cmdline; echo; touch /.codebeaker/x 2>/dev/null && echo written; \
                  ls -A /.codebeaker; grep -o ' /.codebeaker r[ow]' /proc/self/mountinfo";
    let seen = rig.sh(&session, script).await.stdout;
    assert_eq!(seen, "/.codebeaker/agent dial=/.codebeaker/socket \n /.codebeaker ro\n");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn a_network_only_where_it_is_asked_for() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session =
        rig.create(CreateSession { network: true, ..params(Language::Python) }).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let host = container.host_config.clone().unwrap();
    let own = host.network_mode.clone().unwrap();
    assert!(own.starts_with("codebeaker-"), "{own}");
    assert_eq!(networks(&container), [own]);
    assert_eq!((host.readonly_rootfs, host.privileged), (Some(true), Some(false)));
    assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
    assert_eq!((host.cap_drop, host.cap_add.unwrap_or_default().len()), (Some(vec!["ALL".to_owned()]), 0));
    let devices = "import os; print(sorted(os.listdir('/sys/class/net')))";
    let seen = rig.code(&session, devices).await.stdout;
    assert!(seen.contains("'eth0'"), "{seen}");
    let without = rig.session(Language::Python).await;
    assert_eq!(rig.code(&without, devices).await.stdout, "['lo']\n");
    rig.end().await;
}

#[tokio::test]
async fn sessions_with_the_network_do_not_reach_each_other() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let networked = || CreateSession { network: true, ..params(Language::Python) };
    let server = rig.create(networked()).await.unwrap().session_id;
    // Asked before something runs in it.
    let container = rig.inspect(&rig.container(&server).await).await;
    let text = "import socket\ns = socket.create_server(('0.0.0.0', 7777))\nprint('listening', flush=True)\n\
                while True: s.accept()[0].sendall(b'reached')";
    let mut serving = rig.start(interactive(&server, code(text))).await;
    printed(&mut serving, "listening\n").await;
    let networks = container.network_settings.unwrap().networks.unwrap();
    let address = networks.into_values().find_map(|network| network.ip_address).unwrap();
    let ask = |address: &str| {
        code(&format!(
            "import socket\ntry: print(socket.create_connection(('{address}', 7777), 2).recv(7).decode())\n\
             except OSError: print('nobody')"
        ))
    };
    // It does listen there.
    let own = Execute { concurrent: true, ..Execute::new(server.clone(), ask(&address)) };
    assert_eq!(process(timely(rig.start(own).await.finished()).await.unwrap()).stdout, "reached\n");
    let other = rig.create(networked()).await.unwrap().session_id;
    assert_eq!(process(rig.execute(&other, ask(&address)).await).stdout, "nobody\n");
    rig.end().await;
}

#[tokio::test]
async fn each_session_has_a_container_and_a_user_of_its_own() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let session = rig.session(Language::Python).await;
        let id = rig.container(&session).await;
        let user = rig.inspect(&id).await.config.unwrap().user.unwrap();
        assert!(seen.insert(id) && seen.insert(user), "{seen:?}");
    }
    assert_eq!(rig.running().await.len(), 3);
    rig.end().await;
}
