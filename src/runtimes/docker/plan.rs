//! How code is run in a container, and the variables of its programs.

use std::collections::BTreeMap;

use super::images::Image;
use crate::engine::{CodeFile, Step};
use crate::protocol::Language;

/// Compile a file and leave a program; what was compiled once in a session is not compiled again.
const GO: &str = include_str!("go.sh");
const CSHARP: &str = include_str!("csharp.sh");

/// The programs that run a file.
pub fn steps(code: CodeFile) -> Vec<Step> {
    let CodeFile { path, language, args, build } = code;
    let compiled = |script: &str| {
        let run = format!("./{build}/run");
        vec![
            Step::compile(["/bin/sh", "-c", script, "codebeaker", &path, &build]),
            Step::run(std::iter::once(run).chain(args.clone())),
        ]
    };
    let interpreted = |front: &[&str]| {
        let front = front.iter().map(|part| (*part).to_owned());
        vec![Step::run(front.chain([path.clone()]).chain(args.clone()))]
    };
    match language {
        Language::Python => interpreted(&["python3"]),
        Language::JavaScript => interpreted(&["node"]),
        // That it strips types is no news.
        Language::TypeScript => interpreted(&["node", "--disable-warning=ExperimentalWarning"]),
        Language::Go => compiled(GO),
        Language::CSharp => compiled(CSHARP),
    }
}

/// The variables of every program: the image's own, and ours.
pub fn variables(image: &Image) -> BTreeMap<String, String> {
    let mut variables = super::super::native::variables();
    let path = variables.remove("PATH");
    // Slim images have no ICU, and .NET ends without one unless it is told.
    variables.insert("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT".into(), "1".into());
    let image = image.variables.clone();
    // Where things are is the image's to say, where they are put is ours.
    path.map(|path| ("PATH".to_owned(), path)).into_iter().chain(image).chain(variables).collect()
}
