//! How packages are installed where a runtime has no way of its own: pip and npm, into the session's workspace.

use crate::protocol::{ErrorKind, Failure, InstallPackages, Language};

use super::runtime::Step;

/// Where Python's packages go, from the workspace; the session's programs find them there.
const PYTHON: &str = ".codebeaker/python";

/// The variable by which a session's programs find what was installed in `workspace`, where its language needs one.
pub fn variable(language: Language, workspace: &str) -> Option<(String, String)> {
    (language == Language::Python).then(|| ("PYTHONPATH".to_owned(), format!("{workspace}/{PYTHON}")))
}

/// The steps that install what is wanted.
pub fn steps(language: Language, wanted: &InstallPackages) -> Result<Vec<Step>, Failure> {
    check(wanted)?;
    match language {
        Language::Python => {
            let pip = ["python3", "-m", "pip", "install", "--no-input", "--no-cache-dir", "--upgrade"];
            let mut argv: Vec<String> = pip.map(str::to_owned).into();
            argv.extend(["--disable-pip-version-check", "--target", PYTHON].map(str::to_owned));
            argv.extend(wanted.flags.iter().cloned());
            if let Some(file) = &wanted.requirements_file {
                argv.extend(["-r".to_owned(), file.clone()]);
            }
            argv.push("--".to_owned());
            argv.extend(wanted.packages.iter().cloned());
            Ok(vec![Step::run(argv)])
        }
        Language::JavaScript | Language::TypeScript => {
            let npm = ["npm", "install", "--no-audit", "--no-fund", "--no-update-notifier"];
            Ok(vec![from_package_json(&npm, wanted)?])
        }
        Language::Go | Language::CSharp => Err(not_offered(
            format!("packages of {} are not installed by install_packages", language.title()),
            "run its own tool: execute_shell with go get, or dotnet add package",
        )),
    }
}

/// An installer that takes what it is told, or else what the workspace's `package.json` names.
pub fn from_package_json(front: &[&str], wanted: &InstallPackages) -> Result<Step, Failure> {
    check(wanted)?;
    let own = |file: &str| matches!(file, "package.json" | "./package.json" | "/workspace/package.json");
    if let Some(file) = wanted.requirements_file.as_deref().filter(|file| !own(file)) {
        let message = format!("{file} names no packages of JavaScript: package.json of the workspace does");
        return Err(not_offered(message, "write package.json, and leave packages out"));
    }
    let front = front.iter().map(|word| (*word).to_owned());
    Ok(Step::run(front.chain(wanted.flags.iter().cloned()).chain(wanted.packages.iter().cloned())))
}

fn check(wanted: &InstallPackages) -> Result<(), Failure> {
    if wanted.packages.is_empty() && wanted.requirements_file.is_none() {
        return Err(not_offered("no packages are named", "give packages, or requirementsFile"));
    }
    match wanted.packages.iter().find(|name| name.trim().is_empty() || name.starts_with('-')) {
        Some(name) => Err(not_offered(format!("{name:?} is no package"), "arguments go into flags")),
        None => Ok(()),
    }
}

fn not_offered(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::InvalidParams, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(packages: &[&str], file: Option<&str>) -> InstallPackages {
        InstallPackages {
            packages: packages.iter().map(|p| (*p).to_owned()).collect(),
            requirements_file: file.map(str::to_owned),
            flags: vec!["--quiet".to_owned()],
            ..InstallPackages::default()
        }
    }

    fn line(language: Language, wanted: &InstallPackages) -> Result<String, String> {
        let steps = steps(language, wanted).map_err(|failure| failure.message)?;
        assert_eq!(steps.len(), 1);
        Ok(steps[0].argv.join(" "))
    }

    #[test]
    fn each_language_has_its_installer() {
        let python = line(Language::Python, &named(&["six"], Some("requirements.txt"))).unwrap();
        assert!(python.starts_with("python3 -m pip install "), "{python}");
        assert!(
            python.ends_with("--target .codebeaker/python --quiet -r requirements.txt -- six"),
            "{python}"
        );
        let npm = line(Language::JavaScript, &named(&["is-odd@3"], None)).unwrap();
        assert!(npm.starts_with("npm install ") && npm.ends_with(" --quiet is-odd@3"), "{npm}");
        assert!(line(Language::TypeScript, &named(&[], Some("package.json"))).unwrap().ends_with("--quiet"));
    }

    #[test]
    fn what_names_no_package_is_refused() {
        for (language, wanted) in [
            (Language::Python, named(&[], None)),
            (Language::Python, named(&["--index-url=x"], None)),
            (Language::JavaScript, named(&["", "a"], None)),
            (Language::JavaScript, named(&[], Some("requirements.txt"))),
            (Language::Go, named(&["x"], None)),
        ] {
            assert!(line(language, &wanted).is_err(), "{language} {wanted:?}");
        }
    }
}
