//! Programs to begin with: the same nine in every language, short and complete. Each is a file of its own beside this
//! one, so that it can be run as it is; nothing here knows what runs them.

use crate::protocol::Language;

/// A program, in every language.
#[derive(Debug)]
pub struct Sample {
    /// What commands and files call it: `hello`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// In TypeScript, JavaScript, Python, Go and C#.
    codes: [&'static str; 5],
}

impl Sample {
    /// Its text in a language.
    pub fn code(&self, language: Language) -> &'static str {
        let [typescript, javascript, python, go, csharp] = self.codes;
        match language {
            Language::TypeScript => typescript,
            Language::JavaScript => javascript,
            Language::Python => python,
            Language::Go => go,
            Language::CSharp => csharp,
        }
    }
}

/// The sample of this name.
pub fn sample(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name)
}

/// All of them, those to begin with first.
pub static SAMPLES: [Sample; 9] = [
    Sample {
        name: "hello",
        title: "Hello",
        about: "a line of squares: change it and run it again",
        codes: [
            include_str!("typescript/hello.ts"),
            include_str!("javascript/hello.js"),
            include_str!("python/hello.py"),
            include_str!("go/hello.go"),
            include_str!("csharp/hello.cs"),
        ],
    },
    Sample {
        name: "input",
        title: "Reads input",
        about: "greets whoever types a name into the output",
        codes: [
            include_str!("typescript/input.ts"),
            include_str!("javascript/input.js"),
            include_str!("python/input.py"),
            include_str!("go/input.go"),
            include_str!("csharp/input.cs"),
        ],
    },
    Sample {
        name: "files",
        title: "Files",
        about: "writes files that stay in the session, and reads them",
        codes: [
            include_str!("typescript/files.ts"),
            include_str!("javascript/files.js"),
            include_str!("python/files.py"),
            include_str!("go/files.go"),
            include_str!("csharp/files.cs"),
        ],
    },
    Sample {
        name: "words",
        title: "Word count",
        about: "counts words and draws how often they come",
        codes: [
            include_str!("typescript/words.ts"),
            include_str!("javascript/words.js"),
            include_str!("python/words.py"),
            include_str!("go/words.go"),
            include_str!("csharp/words.cs"),
        ],
    },
    Sample {
        name: "fibonacci",
        title: "Fibonacci",
        about: "something to compute: try it on several runtimes",
        codes: [
            include_str!("typescript/fibonacci.ts"),
            include_str!("javascript/fibonacci.js"),
            include_str!("python/fibonacci.py"),
            include_str!("go/fibonacci.go"),
            include_str!("csharp/fibonacci.cs"),
        ],
    },
    Sample {
        name: "async",
        title: "Async",
        about: "waits for three things at once",
        codes: [
            include_str!("typescript/async.ts"),
            include_str!("javascript/async.js"),
            include_str!("python/async.py"),
            include_str!("go/async.go"),
            include_str!("csharp/async.cs"),
        ],
    },
    Sample {
        name: "http",
        title: "HTTP",
        about: "a server and a request to it, over the loopback: works without a network",
        codes: [
            include_str!("typescript/http.ts"),
            include_str!("javascript/http.js"),
            include_str!("python/http.py"),
            include_str!("go/http.go"),
            include_str!("csharp/http.cs"),
        ],
    },
    Sample {
        name: "fails",
        title: "Fails",
        about: "ends with an error that tells where",
        codes: [
            include_str!("typescript/fails.ts"),
            include_str!("javascript/fails.js"),
            include_str!("python/fails.py"),
            include_str!("go/fails.go"),
            include_str!("csharp/fails.cs"),
        ],
    },
    Sample {
        name: "endless",
        title: "Endless",
        about: "beats until Ctrl-C stops it",
        codes: [
            include_str!("typescript/endless.ts"),
            include_str!("javascript/endless.js"),
            include_str!("python/endless.py"),
            include_str!("go/endless.go"),
            include_str!("csharp/endless.cs"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WireName as _;

    #[test]
    fn each_has_a_name_of_its_own_and_fits_a_screen() {
        for (at, sample) in SAMPLES.iter().enumerate() {
            assert_eq!(SAMPLES.iter().position(|other| other.name == sample.name), Some(at));
            assert!(sample.about.len() <= 74, "{}", sample.about);
            for language in Language::ALL.iter().copied() {
                let code = sample.code(language);
                assert!(code.ends_with('\n') && code.lines().count() <= 48, "{} in {language}", sample.name);
                assert!(code.starts_with(['/', '#']), "{} in {language} says what it is", sample.name);
                assert!(
                    code.lines().all(|line| line.chars().count() <= 112),
                    "{} in {language}",
                    sample.name
                );
            }
        }
    }
}
