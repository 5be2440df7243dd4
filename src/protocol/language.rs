//! The languages and their usual aliases.

use super::names::wire_enum;

wire_enum! {
    /// A language that some runtime can run. Accepts the usual aliases in any case.
    pub enum Language {
        /// Python 3.
        Python = "python" | "python3" | "py";
        /// JavaScript, as modules or scripts.
        JavaScript = "javascript" | "js" | "mjs" | "cjs" | "node" | "nodejs" | "jsx";
        /// TypeScript.
        TypeScript = "typescript" | "ts" | "mts" | "cts" | "tsx" | "deno" | "bun";
        /// Go.
        Go = "go" | "golang";
        /// C#.
        CSharp = "csharp" | "cs" | "c#" | "dotnet";
    }
}

impl Language {
    /// The name people write: `C#`, not `csharp`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Go => "Go",
            Self::CSharp => "C#",
        }
    }

    /// The usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Go => "go",
            Self::CSharp => "cs",
        }
    }

    /// The language of a file, by its extension.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "py" | "pyw" => Self::Python,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "ts" | "mts" | "cts" | "tsx" => Self::TypeScript,
            "go" => Self::Go,
            "cs" | "csx" => Self::CSharp,
            _ => return None,
        })
    }

    /// The language that a first line beginning with `#!` asks for.
    pub fn from_shebang(line: &str) -> Option<Self> {
        let words = line.strip_prefix("#!")?.split_whitespace();
        for word in words {
            let name = word.rsplit('/').next().unwrap_or(word);
            // `#!/usr/bin/env -S deno run` names the interpreter after env and its flags.
            if name == "env" || name.starts_with('-') || name.contains('=') {
                continue;
            }
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            return match stem {
                "python" | "pypy" => Some(Self::Python),
                "node" | "nodejs" => Some(Self::JavaScript),
                "bun" | "deno" | "tsx" | "ts-node" => Some(Self::TypeScript),
                "go" => Some(Self::Go),
                "dotnet" | "dotnet-script" | "csharp" => Some(Self::CSharp),
                _ => None,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebangs_name_languages() {
        for (line, language) in [
            ("#!/usr/bin/env python3", Some(Language::Python)),
            ("#!/usr/bin/python3.11 -u", Some(Language::Python)),
            ("#!/usr/bin/env -S deno run -A", Some(Language::TypeScript)),
            ("#!/usr/bin/env FOO=1 node", Some(Language::JavaScript)),
            ("#!/bin/sh", None),
            ("#!", None),
            ("print(1)", None),
        ] {
            assert_eq!(Language::from_shebang(line), language, "{line}");
        }
    }

    #[test]
    fn aliases_in_any_case() {
        for (name, language) in [
            ("JS", Language::JavaScript),
            ("Golang", Language::Go),
            ("C#", Language::CSharp),
            ("py", Language::Python),
        ] {
            assert_eq!(name.parse::<Language>(), Ok(language));
        }
        let error = "cobol".parse::<Language>().unwrap_err();
        assert!(error.contains("python"), "{error}");
    }
}
