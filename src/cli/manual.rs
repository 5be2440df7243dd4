//! Completions and the manual page, from the same table as the help.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Arguments;
use super::exit::{self, Problem};

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
    let mut render = || -> std::io::Result<()> {
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        for verb in command.get_subcommands().filter(|v| v.get_name() != "help") {
            let name = format!("codebeaker {}", verb.get_name());
            writeln!(text, ".SH {}", name.to_uppercase())?;
            let verb = clap_mangen::Man::new(verb.clone().display_name(name));
            verb.render_synopsis_section(&mut text)?;
            verb.render_description_section(&mut text)?;
            verb.render_options_section(&mut text)?;
            verb.render_extra_section(&mut text)?;
        }
        Ok(())
    };
    render().map_err(|e| Problem::new(format!("the manual page can't be made: {e}"), ""))?;
    print(&text)
}

fn print(text: &[u8]) -> Result<ExitCode, Problem> {
    exit::print(&String::from_utf8_lossy(text)).map(|()| ExitCode::SUCCESS)
}
