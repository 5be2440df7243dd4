//! The binary: arguments to one call into `cli`, its answer to the exit code.

fn main() -> std::process::ExitCode {
    codebeaker::cli::main()
}
