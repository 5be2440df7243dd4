//! What the terminal says of itself, told from what is typed.
//!
//! A terminal that is asked for its background (OSC 11) answers through the keyboard, whenever it gets to it: over
//! ssh well after the first frame. crossterm 0.29 knows no such answer and makes keys of it: Alt-], `11;rgb:…`, Alt-\.
//! So keys in that order, in one go, are taken for an answer here, at any time; anything else passes as it came. That
//! way nothing waits for a terminal that may never answer. Mode 2031, which tells of a change unasked, is not turned
//! on: crossterm would keep its notice, and all keys after it, until a `c` or `u` is typed. For the same reason the
//! width of ambiguous characters is not measured: where the cursor is, the event stream can't tell.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::{Stream, StreamExt as _};

use super::msg::{LookMsg, Msg};

/// How long the keys of one answer may be apart.
const APART: Duration = Duration::from_millis(60);
/// What an answer begins with, behind the escape and the bracket.
const HEAD: &str = "11;rgb:";
/// The longest answer, in keys.
const LONGEST: usize = 48;

/// What keys may be the beginning of.
#[derive(Debug)]
enum Step {
    /// No answer.
    Other,
    /// An answer, if the right keys come next.
    More,
    /// An answer: red, green, blue.
    Answer([u8; 3]),
}

/// A key as an answer may have it: with Alt where an escape stood before it.
fn key(event: &Event) -> Option<(char, bool)> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else { return None };
    let alt = modifiers.contains(KeyModifiers::ALT);
    match code {
        KeyCode::Esc => Some(('\u{1b}', false)),
        // The bell ends it, too.
        KeyCode::Char('g') if modifiers.contains(KeyModifiers::CONTROL) => Some(('\u{7}', false)),
        KeyCode::Char(c) if !modifiers.contains(KeyModifiers::CONTROL) => Some((*c, alt)),
        _ => None,
    }
}

/// What events that came together are.
fn step<'a>(held: impl ExactSizeIterator<Item = &'a Event>) -> Step {
    let long = held.len() > LONGEST;
    let mut text = String::new();
    for (at, event) in held.enumerate() {
        match key(event) {
            // Bytes that were read apart from their escape come with a key of their own for it.
            Some((']', true)) if at == 0 => text.push(']'),
            Some((c, false)) => text.push(c),
            Some(('\\', true)) => text.push_str("\u{1b}\\"),
            _ => return Step::Other,
        }
    }
    let head = format!("]{HEAD}");
    let Some(body) = text.strip_prefix(&head) else {
        return if head.starts_with(&text) { Step::More } else { Step::Other };
    };
    let end = body.find(|c: char| !(c.is_ascii_hexdigit() || c == '/')).unwrap_or(body.len());
    let (colour, end) = body.split_at(end);
    match end {
        "\u{7}" | "\u{1b}\\" => read(colour).map_or(Step::Other, Step::Answer),
        "" | "\u{1b}" if !long => Step::More,
        _ => Step::Other,
    }
}

/// Reads `rrrr/gggg/bbbb`, of one to four digits each.
fn read(colour: &str) -> Option<[u8; 3]> {
    let mut parts = colour.split('/').map(|part| {
        let most = match part.len() {
            1 => 0xf,
            2 => 0xff,
            3 => 0xfff,
            4 => 0xffff,
            _ => return None,
        };
        let value = u32::from_str_radix(part, 16).ok()?;
        u8::try_from(value * 255 / most).ok()
    });
    let colour = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(colour)
}

struct Ear<E> {
    events: Pin<Box<E>>,
    held: VecDeque<Event>,
    ready: VecDeque<Event>,
}

/// Events as messages, with answers made out among them.
pub(super) fn tell<E>(events: E) -> impl Stream<Item = io::Result<Msg>>
where
    E: Stream<Item = io::Result<Event>>,
{
    let ear = Ear { events: Box::pin(events), held: VecDeque::new(), ready: VecDeque::new() };
    futures_util::stream::unfold(ear, |mut ear| async move {
        let told = ear.next().await?;
        Some((told, ear))
    })
}

impl<E: Stream<Item = io::Result<Event>>> Ear<E> {
    async fn next(&mut self) -> Option<io::Result<Msg>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(Msg::Input(event)));
            }
            let event = if self.held.is_empty() {
                self.events.next().await
            } else {
                match tokio::time::timeout(APART, self.events.next()).await {
                    Ok(event) => event,
                    Err(_) => {
                        self.ready.append(&mut self.held);
                        continue;
                    }
                }
            };
            match event {
                Some(Ok(event)) => self.held.push_back(event),
                // What was held is told first; the end comes again.
                ended if self.held.is_empty() => return ended.map(|error| error.map(Msg::Input)),
                _ => {
                    self.ready.append(&mut self.held);
                    continue;
                }
            }
            match step(self.held.iter()) {
                Step::More => {}
                Step::Answer(colour) => {
                    self.held.clear();
                    return Some(Ok(Msg::Look(LookMsg::Background(colour))));
                }
                Step::Other => {
                    // The last one may begin an answer itself.
                    let last = self.held.pop_back().into_iter();
                    self.ready.append(&mut self.held);
                    for event in last {
                        match step([&event].into_iter()) {
                            Step::Other => self.ready.push_back(event),
                            _ => self.held.push_back(event),
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    /// The keys that crossterm makes of bytes.
    fn keys(bytes: &str) -> Vec<Event> {
        let mut alt = KeyModifiers::NONE;
        let mut events = Vec::new();
        for c in bytes.chars() {
            let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            match c {
                '\u{1b}' => alt = KeyModifiers::ALT,
                '\u{7}' => events.push(press(KeyCode::Char('g'), KeyModifiers::CONTROL)),
                c => events
                    .push(press(KeyCode::Char(c), std::mem::replace(&mut alt, KeyModifiers::NONE) | shift)),
            }
        }
        events
    }

    fn heard(events: Vec<Event>) -> (Vec<Event>, Vec<[u8; 3]>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let told: Vec<_> = runtime
            .unwrap()
            .block_on(async { tell(futures_util::stream::iter(events.into_iter().map(Ok))).collect().await });
        let (mut typed, mut answers) = (Vec::new(), Vec::new());
        for msg in told {
            match msg.unwrap() {
                Msg::Input(event) => typed.push(event),
                Msg::Look(LookMsg::Background(colour)) => answers.push(colour),
                other => panic!("{other:?}"),
            }
        }
        (typed, answers)
    }

    #[test]
    fn answers_are_told_from_what_is_typed() {
        let (typed, answers) =
            heard(keys("ab\u{1b}]11;rgb:1b1b/1D1d/ffff\u{1b}\\cd\u{1b}]11;rgb:0/80/000\u{7}e"));
        assert_eq!(typed, keys("abcde"));
        assert_eq!(answers, [[0x1b, 0x1d, 0xff], [0, 0x80, 0]]);
    }

    #[test]
    fn what_is_no_answer_passes_as_it_came() {
        for text in [
            "]11;rgb:zz",
            "\u{1b}]",
            "\u{1b}]\u{1b}]11;x",
            "\u{1b}]11;rgb:1/2\u{7}",
            "\u{1b}]11;rgb:1/2/3/4\u{1b}\\",
            "\u{1b}]11;rgb:111111111111111111111111111111111111111111111111111111111",
            "]]]]11",
        ] {
            assert_eq!(heard(keys(text)), (keys(text), Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn an_escape_that_came_alone_costs_nothing_but_itself() {
        let mut events = vec![press(KeyCode::Esc, KeyModifiers::NONE)];
        events.extend(keys("]11;rgb:00/00/00"));
        events.push(press(KeyCode::Esc, KeyModifiers::NONE));
        events.extend(keys("\\x"));
        let (typed, answers) = heard(events);
        assert_eq!(answers, [[0; 3]]);
        assert_eq!(typed.len(), 2, "Esc and x: {typed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_begins_an_answer_is_not_kept_for_long() {
        let (tx, mut rx) = tokio::sync::mpsc::channel(4);
        let events = futures_util::stream::poll_fn(move |context| rx.poll_recv(context));
        let told = tell(events);
        tokio::pin!(told);
        tx.send(Ok(keys("]").remove(0))).await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(matches!(told.next().await, Some(Ok(Msg::Input(_)))));
        assert!(began.elapsed() <= APART + Duration::from_millis(2));
    }

    proptest! {
        #[test]
        fn nothing_typed_is_lost(text in "[\u{1b}\\]1;rgb:0f/\\\\\u{7}a]{0,80}") {
            let events = keys(&text);
            let (typed, answers) = heard(events.clone());
            prop_assert!(!answers.is_empty() || typed == events);
        }
    }
}
