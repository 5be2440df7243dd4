//! Which build of a runtime fits which machine. The names are pure functions of a [`Platform`].

use std::fmt;
use std::path::Path;

use super::Tool;

/// The C library that a build is linked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// The GNU C library; also what is said of systems that have no choice, like macOS.
    Glibc,
    /// musl, as on Alpine.
    Musl,
}

/// What decides which build runs on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// As `std::env::consts::OS` says it.
    pub os: &'static str,
    /// As `std::env::consts::ARCH` says it.
    pub arch: &'static str,
    /// The machine's C library, not that of this program, which may be a static one.
    pub libc: Libc,
    /// Whether the processor has AVX2; only x86-64 asks.
    pub avx2: bool,
}

impl Platform {
    /// This machine.
    pub fn current() -> Self {
        Self {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            libc: libc_below(Path::new("/")),
            avx2: has_avx2(),
        }
    }

    /// The npm package that holds the runtime's binary, or `None` where the publisher has none.
    pub fn package(&self, tool: Tool) -> Option<String> {
        match tool {
            Tool::Deno => {
                let name = match (self.os, self.arch, self.libc) {
                    ("linux", "x86_64", Libc::Glibc) => "linux-x64-glibc",
                    ("linux", "aarch64", Libc::Glibc) => "linux-arm64-glibc",
                    ("macos", "x86_64", _) => "darwin-x64",
                    ("macos", "aarch64", _) => "darwin-arm64",
                    _ => return None,
                };
                Some(format!("@deno/{name}"))
            }
            Tool::Bun => Some(format!("@oven/{}", self.bun_build()?)),
        }
    }

    /// The file of the runtime's own release, or `None` where the publisher has none.
    pub fn release_file(&self, tool: Tool) -> Option<String> {
        match tool {
            Tool::Deno => {
                let target = match (self.os, self.arch, self.libc) {
                    ("linux", "x86_64", Libc::Glibc) => "x86_64-unknown-linux-gnu",
                    ("linux", "aarch64", Libc::Glibc) => "aarch64-unknown-linux-gnu",
                    ("macos", "x86_64", _) => "x86_64-apple-darwin",
                    ("macos", "aarch64", _) => "aarch64-apple-darwin",
                    _ => return None,
                };
                Some(format!("deno-{target}.zip"))
            }
            Tool::Bun => Some(format!("{}.zip", self.bun_build()?)),
        }
    }

    /// Bun names its npm packages and its release files alike.
    fn bun_build(&self) -> Option<String> {
        let (os, libc) = match (self.os, self.libc) {
            ("linux", Libc::Glibc) => ("linux", ""),
            ("linux", Libc::Musl) => ("linux", "-musl"),
            ("macos", _) => ("darwin", ""),
            _ => return None,
        };
        let (arch, baseline) = match (self.arch, self.avx2) {
            ("x86_64", true) => ("x64", ""),
            ("x86_64", false) => ("x64", "-baseline"),
            ("aarch64", _) => ("aarch64", ""),
            _ => return None,
        };
        Some(format!("bun-{os}-{arch}{libc}{baseline}"))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)?;
        match (self.os, self.libc) {
            ("linux", Libc::Glibc) => f.write_str("-glibc"),
            ("linux", Libc::Musl) => f.write_str("-musl"),
            _ => Ok(()),
        }
    }
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// The C library by the dynamic loaders that lie below `root`. A machine that has both runs glibc (Debian with
/// musl-tools), unless the one for glibc is Alpine's stand-in.
fn libc_below(root: &Path) -> Libc {
    let glibc = ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"]
        .iter()
        .filter_map(|loader| root.join(loader).canonicalize().ok())
        .any(|loader| {
            let name = loader.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            !name.contains("gcompat") && !name.contains("musl")
        });
    let musl = || {
        std::fs::read_dir(root.join("lib"))
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("ld-musl-"))
    };
    // with neither (NixOS, for one) our own build is the best hint
    if !glibc && (musl() || cfg!(target_env = "musl")) { Libc::Musl } else { Libc::Glibc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libc_is_told_by_the_loaders() {
        let place = |files: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let file = root.path().join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, "").unwrap();
            }
            root
        };
        assert_eq!(libc_below(place(&["lib64/ld-linux-x86-64.so.2"]).path()), Libc::Glibc);
        assert_eq!(libc_below(place(&["lib/ld-musl-x86_64.so.1"]).path()), Libc::Musl);
        let both = place(&["lib64/ld-linux-x86-64.so.2", "lib/ld-musl-x86_64.so.1"]);
        assert_eq!(libc_below(both.path()), Libc::Glibc);
        let stand_in = place(&["lib/ld-musl-x86_64.so.1", "lib/libgcompat.so.0"]);
        std::os::unix::fs::symlink("libgcompat.so.0", stand_in.path().join("lib/ld-linux-x86-64.so.2"))
            .unwrap();
        assert_eq!(libc_below(stand_in.path()), Libc::Musl);
    }
}
