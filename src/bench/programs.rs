//! The programs that are measured, in every language.

use crate::protocol::Language;

/// What [`printing`] prints, in bytes.
pub const PRINTED: usize = 16 << 20;

/// Prints one line.
pub fn hello(language: Language) -> String {
    match language {
        Language::Python => "print(\"hello\")\n".into(),
        Language::JavaScript | Language::TypeScript => "console.log(\"hello\");\n".into(),
        Language::Go => go("\t\"os\"\n", "\tos.Stdout.WriteString(\"hello\\n\")\n"),
        Language::CSharp => csharp("System.Console.WriteLine(\"hello\");"),
    }
}

/// Does nothing.
pub fn empty(language: Language) -> String {
    match language {
        Language::Python => "pass\n".into(),
        Language::JavaScript | Language::TypeScript => ";\n".into(),
        Language::Go => "package main\n\nfunc main() {}\n".into(),
        Language::CSharp => csharp(""),
    }
}

/// Prints [`PRINTED`] bytes as fast as they are taken, 64 KiB at a time.
pub fn printing(language: Language) -> String {
    match language {
        Language::Python => {
            "import sys\nblock = (\"x\" * 63 + \"\\n\") * 1024\nfor _ in range(256):\n    sys.stdout.write(block)\n".into()
        }
        Language::JavaScript | Language::TypeScript => {
            "const block = (\"x\".repeat(63) + \"\\n\").repeat(1024).slice(0, -1);\nfor (let i = 0; i < 256; i++) console.log(block);\n".into()
        }
        Language::Go => go(
            "\t\"os\"\n\t\"strings\"\n",
            "\tblock := strings.Repeat(strings.Repeat(\"x\", 63)+\"\\n\", 1024)\n\tfor i := 0; i < 256; i++ {\n\t\tos.Stdout.WriteString(block)\n\t}\n",
        ),
        Language::CSharp => csharp(
            "var line = new string('x', 63) + \"\\n\"; var block = new System.Text.StringBuilder().Insert(0, line, 1024).ToString(); \
             for (int i = 0; i < 256; i++) System.Console.Out.Write(block);",
        ),
    }
}

/// Another program than the last one, that does the same.
pub fn different(mut program: String, language: Language, number: u64) -> String {
    let mark = if language == Language::Python { "#" } else { "//" };
    program.push_str(&format!("{mark} {number}\n"));
    program
}

fn go(imports: &str, body: &str) -> String {
    format!("package main\n\nimport (\n{imports})\n\nfunc main() {{\n{body}}}\n")
}

fn csharp(body: &str) -> String {
    format!("class Program {{ static void Main() {{ {body} }} }}\n")
}
