//! The built binary in a real terminal that says what its background is, whose settings change while it runs, and that
//! is opened again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use support::person::{Person, path};

const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";
const LIGHT_PAGE: vt100::Color = vt100::Color::Idx(255);

fn settings(person: &Person) -> PathBuf {
    person.home.path().join(".config/codebeaker/config.toml")
}

/// Writes the settings as editors do: beside the file, and then in its place.
fn set(person: &Person, text: &str) {
    let file = settings(person);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file.with_extension("new"), text).unwrap();
    std::fs::rename(file.with_extension("new"), file).unwrap();
}

fn page(person: &Person) -> vt100::Color {
    person.screen.screen().cell(0, 0).unwrap().bgcolor()
}

/// Waits until a toast says so, however its lines are broken.
async fn told(person: &mut Person, what: &str) {
    let flat = |text: &str| text.replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    person.sees_that(what, |text| flat(text).contains(what)).await;
}

#[tokio::test]
async fn the_terminals_answer_chooses_the_theme_and_is_not_typed() {
    let Some(path) = path() else { return };
    let mut person = Person::open(24, 80, &["open", "a.py"], &path);
    person.sees("native ✓ ok").await;
    std::fs::create_dir_all(person.home.path().join(".config")).unwrap();
    set(&person, "theme = { dark = \"paper-dark\", light = \"paper-light\" }\n");
    person.sees("were read anew").await;
    while !person.bytes.windows(QUESTION.len()).any(|bytes| bytes == QUESTION) {
        assert!(person.read_some().await);
    }
    let before = page(&person);
    person.types("x\x1b]11;rgb:fafa/f7f7/f0f0\x1b\\y").await;
    person.sees("xy").await;
    while page(&person) == before {
        assert!(person.read_some().await, "{:?}", page(&person));
    }
    assert_eq!(page(&person), LIGHT_PAGE);
    assert!(!person.text().contains("rgb"), "{}", person.text());
    // An answer that comes unasked, and in two parts.
    person.types("\x1b]11;rgb:00").await;
    person.types("/00/00\x07z").await;
    person.sees("xyz").await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn settings_are_read_anew_when_they_change_and_faults_are_told() {
    let Some(path) = path() else { return };
    let mut person = Person::open(36, 120, &[], &path);
    person.sees("native ✓ ok").await;
    std::fs::create_dir_all(person.home.path().join(".config")).unwrap();
    set(&person, "theme = \"mine\"\n");
    person.sees("there is no such theme").await;
    let themes = settings(&person).parent().unwrap().join("themes");
    std::fs::create_dir(&themes).unwrap();
    std::fs::write(themes.join("mine.toml"), "inherits = \"paper-light\"\n[roles]\n\"txt\" = \"ink\"\n")
        .unwrap();
    told(&mut person, "mine.toml line 3: unknown role `txt`").await;
    assert_eq!(page(&person), LIGHT_PAGE);
    person.types("\x1b").await;
    person.sees_that("no toast", |text| !text.contains("`txt`")).await;
    set(&person, "theme = \"mine\"\n[keys]\n\"run.start\" = \"f7\"\n[ui\n");
    told(&mut person, "config.toml line 4").await;
    // Whoever is still writing finds all as it was.
    person.sees("what was in force before still is").await;
    person.sees("F5 run").await;
    set(&person, "theme = \"mine\"\n[keys]\n\"run.start\" = \"f7\"\n[ui]\n");
    person.sees("F7 run").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn a_choice_is_there_at_the_next_start() {
    let Some(path) = path() else { return };
    let mut person = Person::open(24, 80, &["open", "--color", "16"], &path);
    person.sees("native ✓ ok").await;
    person.types("\x1b").await;
    person.sees("CMD").await;
    person.types("T").await;
    person.sees("high-contrast-light").await;
    person.types("paper-light\r").await;
    person.sees("theme paper-light is kept").await;
    // Sixteen colours: white paper.
    assert_eq!(page(&person), vt100::Color::Idx(15));
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
    let state = person.home.path().join(".local/state/codebeaker");
    let kept = std::fs::read_to_string(state.join("workbench.json")).unwrap();
    assert!(kept.contains("\"theme\":\"paper-light\""), "{kept}");
    let left = std::fs::read_dir(state).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with("workbench")).count(), 1);
}
