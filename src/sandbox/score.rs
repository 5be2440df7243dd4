//! The isolation score, 0 to 10: five properties of 0 to 2 each, from the layers that are active, with gates that a
//! missing property can't be outweighed by the others.

/// A layer of confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layer {
    /// No variable of ours is inherited.
    CleanEnvironment,
    /// Every program has a supervisor that ends all it leaves behind.
    Supervisor,
    /// Everything ends with the engine, also where that is killed.
    Lifeline,
    /// Limits of files, file sizes and core dumps.
    ResourceLimits,
    /// No program gains privileges by what it executes.
    NoNewPrivileges,
    /// Programs run as a user without privileges on the host.
    UnprivilegedUser,
    /// A file system of its own, in which only the workspace can be written.
    OwnRoot,
    /// Landlock: files can be opened by its rules alone.
    Landlock,
    /// Signals and abstract sockets reach nobody outside.
    SignalScope,
    /// Processes of its own: it sees and signals no others.
    OwnProcesses,
    /// A network of its own, with nothing in it.
    OwnNetwork,
    /// No socket can be made at all.
    NoSockets,
    /// A filter of system calls.
    Seccomp,
    /// Memory, processes and processor time bounded as a whole.
    ControlGroup,
    /// The workspace's bytes and files are bounded.
    StorageQuota,
}

impl Layer {
    /// Every layer, in the order people are shown them.
    pub const ALL: [Self; 15] = [
        Self::OwnRoot,
        Self::OwnProcesses,
        Self::OwnNetwork,
        Self::NoSockets,
        Self::Landlock,
        Self::SignalScope,
        Self::Seccomp,
        Self::UnprivilegedUser,
        Self::NoNewPrivileges,
        Self::ControlGroup,
        Self::StorageQuota,
        Self::ResourceLimits,
        Self::Supervisor,
        Self::Lifeline,
        Self::CleanEnvironment,
    ];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::CleanEnvironment => "clean environment",
            Self::Supervisor => "process supervisor",
            Self::Lifeline => "lifeline",
            Self::ResourceLimits => "resource limits",
            Self::NoNewPrivileges => "no new privileges",
            Self::UnprivilegedUser => "unprivileged user",
            Self::OwnRoot => "own file system",
            Self::Landlock => "Landlock",
            Self::SignalScope => "signal scope",
            Self::NoSockets => "no sockets",
            Self::OwnProcesses => "own processes",
            Self::OwnNetwork => "own network",
            Self::Seccomp => "system call filter",
            Self::ControlGroup => "control group",
            Self::StorageQuota => "storage quota",
        }
    }
}

/// The five properties, 0 to 2 each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Files of the host.
    pub files: u8,
    /// Network of the host.
    pub network: u8,
    /// Processes of the host.
    pub processes: u8,
    /// Resources of the host.
    pub resources: u8,
    /// Kernel and privileges.
    pub kernel: u8,
}

impl std::fmt::Display for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { files, network, processes, resources, kernel } = self;
        write!(f, "F{files} N{network} P{processes} R{resources} K{kernel}")
    }
}

impl Letters {
    /// What these layers give.
    pub fn of(active: &[Layer]) -> Self {
        let has = |layer| active.contains(&layer);
        let grade = |full: bool, partly: bool| if full { 2 } else { u8::from(partly) };
        Self {
            files: grade(has(Layer::OwnRoot), has(Layer::Landlock)),
            network: grade(
                has(Layer::Seccomp) && (has(Layer::OwnNetwork) || has(Layer::NoSockets)),
                has(Layer::OwnNetwork),
            ),
            processes: grade(has(Layer::OwnProcesses), has(Layer::SignalScope) && has(Layer::Supervisor)),
            resources: grade(
                has(Layer::ControlGroup) && has(Layer::StorageQuota),
                has(Layer::ResourceLimits) && has(Layer::Supervisor),
            ),
            // 2 is a second kernel: none of our layers is one.
            kernel: u8::from(
                has(Layer::UnprivilegedUser) && has(Layer::NoNewPrivileges) && has(Layer::Seccomp),
            ),
        }
    }
}

/// The score of these layers. Gates: a program of the host's root with its privileges has at most 1; where the host's
/// files can be read, 2; where its network can be reached, 5; without any limits, 6.
pub fn score(active: &[Layer]) -> u8 {
    let Letters { files, network, processes, resources, kernel } = Letters::of(active);
    let sum = files + network + processes + resources + kernel;
    let gates = [
        (!active.contains(&Layer::UnprivilegedUser), 1),
        (files == 0, 2),
        (network == 0, 5),
        (resources == 0, 6),
    ];
    gates.iter().filter(|(closed, _)| *closed).fold(sum, |score, (_, most)| score.min(*most))
}

/// A layer with whether it is active, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReportedLayer {
    /// Which.
    pub layer: Layer,
    /// It holds, as was seen by trying.
    pub active: bool,
    /// Why it does not, or what is to be known of it.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Layer::*;

    #[test]
    fn scores_are_those_of_the_design() {
        let plain = vec![CleanEnvironment, Supervisor, ResourceLimits, NoNewPrivileges];
        let with = |more: &[Layer]| [plain.clone(), more.to_vec()].concat();
        for (name, layers, letters, expected) in [
            ("nothing", vec![], "F0 N0 P0 R0 K0", 0),
            ("as root", plain.clone(), "F0 N0 P0 R1 K0", 1),
            ("as an ordinary user", with(&[UnprivilegedUser]), "F0 N0 P0 R1 K0", 1),
            (
                "Landlock tier",
                with(&[UnprivilegedUser, Landlock, SignalScope, NoSockets, Seccomp]),
                "F1 N2 P1 R1 K1",
                6,
            ),
            (
                "Landlock tier with the network",
                with(&[UnprivilegedUser, Landlock, SignalScope, Seccomp]),
                "F1 N0 P1 R1 K1",
                4,
            ),
            (
                "namespaces, ordinary user",
                with(&[UnprivilegedUser, OwnRoot, OwnProcesses, OwnNetwork, Landlock, Seccomp]),
                "F2 N2 P2 R1 K1",
                8,
            ),
            (
                "namespaces, root",
                with(&[
                    UnprivilegedUser,
                    OwnRoot,
                    OwnProcesses,
                    OwnNetwork,
                    Landlock,
                    Seccomp,
                    ControlGroup,
                    StorageQuota,
                ]),
                "F2 N2 P2 R2 K1",
                9,
            ),
            (
                "everything, but as the host's root",
                with(&[OwnRoot, OwnProcesses, OwnNetwork, Landlock, Seccomp, ControlGroup, StorageQuota]),
                "F2 N2 P2 R2 K0",
                1,
            ),
            (
                "everything but the files",
                with(&[UnprivilegedUser, OwnProcesses, OwnNetwork, Seccomp, ControlGroup, StorageQuota]),
                "F0 N2 P2 R2 K1",
                2,
            ),
            (
                "with the host's network",
                with(&[UnprivilegedUser, OwnRoot, OwnProcesses, Landlock, ControlGroup, StorageQuota]),
                "F2 N0 P2 R2 K0",
                5,
            ),
        ] {
            assert_eq!(Letters::of(&layers).to_string(), letters, "{name}");
            assert_eq!(score(&layers), expected, "{name}");
        }
    }

    #[test]
    fn more_layers_never_score_less() {
        let mut active = Vec::new();
        let mut last = 0;
        for layer in Layer::ALL {
            active.push(layer);
            assert!(score(&active) >= last, "{active:?}");
            last = score(&active);
        }
    }
}
