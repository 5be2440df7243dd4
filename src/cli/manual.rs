//! Completions and the manual page, from the same table as the help.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Arguments;
use super::exit::Problem;

/// Prints completions for a shell.
pub fn completions(shell: Shell) -> Result<ExitCode, Problem> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "codebeaker", &mut text);
    print(&text)
}

/// Prints the manual page, with a section for each verb.
pub fn man() -> Result<ExitCode, Problem> {
    let mut text = Vec::new();
    let command = Arguments::command();
    let render = || -> std::io::Result<()> {
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        for verb in command.get_subcommands().filter(|v| v.get_name() != "help") {
            let title = format!("codebeaker {}", verb.get_name()).to_uppercase();
            writeln!(text, ".SH {title}")?;
            let verb =
                clap_mangen::Man::new(verb.clone().display_name(format!("codebeaker {}", verb.get_name())));
            verb.render_synopsis_section(&mut text)?;
            verb.render_description_section(&mut text)?;
            verb.render_options_section(&mut text)?;
            verb.render_extra_section(&mut text)?;
        }
        Ok(())
    };
    let mut render = render;
    render().map_err(|e| Problem::new(format!("the manual page can't be made: {e}"), ""))?;
    print(&text)
}

fn print(text: &[u8]) -> Result<ExitCode, Problem> {
    match std::io::stdout().write_all(text) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("standard output can't be written: {e}"), ""))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
