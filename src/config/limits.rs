//! `[limits]`: what sessions may have at most.

use super::document::{Item, Reader};

/// The limits that a person may set; absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Memory of a session, in MB.
    pub memory_mb: Option<u64>,
    /// Processors that a session may use.
    pub cpus: Option<u64>,
    /// Processes and threads of a session.
    pub processes: Option<u64>,
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// The largest file, in MB.
    pub file_size_mb: Option<u64>,
    /// All files of a session, in MB.
    pub workspace_mb: Option<u64>,
    /// How many files and directories a session has.
    pub workspace_files: Option<u64>,
    /// What is kept of each output stream for a result, in kB.
    pub output_kb: Option<u64>,
    /// Wall time of one command, in seconds.
    pub timeout_seconds: Option<u64>,
    /// Processor seconds of one process.
    pub cpu_seconds: Option<u64>,
}

impl LimitSettings {
    /// Every limit with its key.
    fn places(&mut self) -> [(&'static str, &mut Option<u64>); 10] {
        [
            ("memory_mb", &mut self.memory_mb),
            ("cpus", &mut self.cpus),
            ("processes", &mut self.processes),
            ("open_files", &mut self.open_files),
            ("file_size_mb", &mut self.file_size_mb),
            ("workspace_mb", &mut self.workspace_mb),
            ("workspace_files", &mut self.workspace_files),
            ("output_kb", &mut self.output_kb),
            ("timeout_seconds", &mut self.timeout_seconds),
            ("cpu_seconds", &mut self.cpu_seconds),
        ]
    }

    /// Takes one key of the table.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let mut places = self.places();
        let known: Vec<&str> = places.iter().map(|(key, _)| *key).collect();
        let Some((_, place)) = places.iter_mut().find(|(key, _)| *key == item.key) else {
            let known = known.join(", ");
            return reader.warn(item.at, format!("unknown limit `{}`: there are {known}", item.key));
        };
        match reader.number(item) {
            Some(0) => {
                reader.warn(item.at, format!("`{}` must be above 0; leave it out for the default", item.key));
            }
            Some(number) => **place = Some(number),
            None => {}
        }
    }

    /// Lets the variables win: `CODEBEAKER_LIMITS_` and the key in capitals.
    pub(super) fn overlay(
        &mut self,
        given: impl Fn(&str) -> Option<String>,
        mut warn: impl FnMut(&str, String),
    ) {
        for (key, place) in self.places() {
            let name = format!("CODEBEAKER_LIMITS_{}", key.to_uppercase());
            match given(&name).map(|value| number(&value).ok().filter(|n| *n > 0).ok_or(value)) {
                Some(Ok(number)) => *place = Some(number),
                Some(Err(value)) => {
                    warn(&name, format!("{value:?} is not a whole number above 0; it is passed over"));
                }
                None => {}
            }
        }
    }
}

/// A variable that must be a whole number.
pub(super) fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is not a whole number"))
}
