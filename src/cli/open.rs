//! `codebeaker` and `codebeaker open`: the workbench.

use std::process::ExitCode;

use super::args;
use super::exit::Problem;

/// Opens the workbench.
pub async fn open(_args: args::Open) -> Result<ExitCode, Problem> {
    Err(Problem::new("the workbench is not part of this build", ""))
}
