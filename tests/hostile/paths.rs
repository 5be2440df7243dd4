//! Paths that lead out of the workspace, in every command that takes one.

use codebeaker::protocol::{
    Command, CopyFile, CreateDirectory, DeleteFile, ExecuteShell, ListDirectory, ReadFile, WriteFile,
    WriteMode,
};

use crate::siege::{Inside, Siege};

pub fn read(path: &str) -> Command {
    Command::ReadFile(ReadFile { path: path.into(), encoding: None })
}

pub fn write(path: &str, content: &str) -> Command {
    write_as(path, content, WriteMode::Create)
}

pub fn write_as(path: &str, content: &str, mode: WriteMode) -> Command {
    Command::WriteFile(WriteFile { path: path.into(), content: content.into(), encoding: None, mode })
}

pub fn copy(source: &str, destination: &str) -> Command {
    Command::CopyFile(CopyFile { source: source.into(), destination: destination.into(), overwrite: true })
}

pub fn delete(path: &str) -> Command {
    Command::DeleteFile(DeleteFile { path: path.into(), recursive: true })
}

pub fn make(path: &str) -> Command {
    Command::CreateDirectory(CreateDirectory { path: path.into(), recursive: true })
}

pub fn list(path: &str) -> Command {
    Command::ListDirectory(ListDirectory {
        path: path.into(),
        recursive: true,
        max_depth: None,
        pattern: None,
        include_hidden: true,
    })
}

/// A program in a working directory.
pub fn within(path: &str) -> Command {
    Command::ExecuteShell(ExecuteShell {
        command_name: "ls".into(),
        args: vec!["-a".into()],
        working_directory: Some(path.into()),
        ..ExecuteShell::default()
    })
}

/// Every command with a path, which must each be refused; what is told must not be what was asked for.
pub async fn all_refused(siege: &Siege, inside: &Inside, path: &str) {
    for command in [
        read(path),
        write(path, "x"),
        write_as(path, "x", WriteMode::Append),
        copy(path, "stolen"),
        copy("inside", path),
        make(path),
        delete(path),
        list(path),
        within(path),
    ] {
        let error = siege.refused(inside, command.clone()).await;
        assert!(!error.contains(&siege.canaries.token), "{command:?}: {error}");
    }
}

pub async fn path_traversal(siege: &Siege) {
    let inside = siege.create().await;
    assert!(siege.execute(&inside, write("inside", "x")).await.success);
    let long = "a/".repeat(30_000);
    let mut paths: Vec<String> = [
        "..",
        "../x",
        "../../x",
        "d/../../x",
        "./.././x",
        "/workspace/..",
        "/workspace/../x",
        "/workspace/../..",
        "/workspace/../workspacex",
        "/workspacex/y",
        "//workspace/../x",
        "nul\0byte",
        "\0",
        "/workspace\0/../x",
        "inside/below",
        &long,
        &"n".repeat(300),
        &format!("/workspace/{}", "../".repeat(100)),
        "/proc/self/root/workspace/../x",
        "/proc/self/cwd/../x",
        "/proc/self/fd/0",
        "/proc/self/environ",
        "/proc/1/environ",
        "/proc/1/root/x",
        "/dev/stdin",
        "/dev/fd/0",
    ]
    .map(str::to_owned)
    .into();
    for canary in siege.canaries.files() {
        let up = "../".repeat(30);
        paths.push(format!("{up}{}", &canary[1..]));
        paths.push(format!("/workspace/{up}{}", &canary[1..]));
        paths.push(format!("/proc/self/root{canary}"));
        paths.push(format!("/proc/1/root{canary}"));
        paths.push(format!("/{canary}"));
        paths.push(canary);
    }
    for path in &paths {
        all_refused(siege, &inside, path).await;
    }
    // What is only read may be asked for by its real name.
    for path in ["/etc/passwd", "/etc/shadow", "/workspace/../etc/passwd", "../../../../../etc/passwd"] {
        siege.refused(&inside, read(path)).await;
        siege.refused(&inside, copy(path, "stolen")).await;
    }
    for path in ["/", "/etc", "/proc", "/proc/self/root", "/workspace/../.."] {
        siege.refused(&inside, list(path)).await;
    }
    let left = siege.sh(&inside, "ls -A").await;
    assert_eq!(left.stdout, "inside\n");
}

pub async fn working_directories_outside(siege: &Siege) {
    let inside = siege.create().await;
    let directory = siege.canaries.files()[0].replace("/canary.json", "");
    let link = format!(
        "mkdir d; ln -s / root; ln -s {directory} canary; ln -s ../.. up; ln -s /proc/self/root self"
    );
    assert_eq!(siege.sh(&inside, &link).await.exit_code, 0);
    for path in [
        "..",
        "../..",
        "/",
        "/etc",
        "/usr",
        "/proc/self",
        "/proc/self/root",
        "/proc/self/fd/3",
        "/proc/self/fd/8",
        "/workspace/..",
        "/workspace/d/../..",
        "root",
        "root/etc",
        "canary",
        "up",
        "self",
        "d/../../x",
        "nowhere",
        "nul\0byte",
        &directory,
    ] {
        let result = siege.execute(&inside, within(path)).await;
        assert!(!result.success, "{path}: {result:?}");
        let printed = result.process().map_or("", |p| &p.stdout);
        assert_eq!(printed, "", "{path}");
        let error = result.error.unwrap();
        assert!(error.contains("working directory") || error.contains("NUL"), "{path}: {error}");
    }
    assert!(siege.execute(&inside, within("/workspace/d")).await.success);
    assert!(siege.execute(&inside, within("d/..")).await.success);
}
