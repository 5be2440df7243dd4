//! The frame format and what the frames say, against anything a stream may bring: whole, cut anywhere, too long, of
//! another version, or noise. What can't be read is an error or nothing yet; never a panic, never memory without end.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use codebeaker::agent::frame::{Decoder, Frame, FrameError, HEADER, MAX_PAYLOAD, VERSION, encode};
use codebeaker::agent::wire::{
    Confinement, Entry, Exit, Limit, List, Mode, Reply, Request, Start, Usage, Watch,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything the decoder gives for `pieces`, and why it stopped.
fn decode_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<FrameError>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_frame(), Err(error), "an error is final");
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}

fn encoded(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        encode(&mut bytes, frame.kind, frame.id, &frame.payload);
    }
    bytes
}

/// `bytes` cut at `cuts`, which may be anything.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|i| i.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (any::<u8>(), any::<u32>(), vec(any::<u8>(), 0..300)).prop_map(|(kind, id, payload)| Frame {
        kind,
        id,
        payload,
    });
    vec(frame, 0..12)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

fn watch() -> impl Strategy<Value = Watch> {
    any::<(u64, u64, u64, u64, bool, bool)>().prop_map(
        |(memory_bytes, processes, workspace_bytes, workspace_files, own_file_system, own_group)| Watch {
            memory_bytes,
            processes,
            workspace_bytes,
            workspace_files,
            own_file_system,
            own_group,
        },
    )
}

fn confinement() -> impl Strategy<Value = Confinement> {
    let numbers = any::<(u32, u64, u64, u64, bool, bool)>();
    let lists = (vec(bytes(), 0..4), vec(bytes(), 0..4), vec(bytes(), 0..3));
    (numbers, watch(), lists).prop_map(
        |((user, processes, data_bytes, open_files, landlock, expendable), watch, (read, write, filters))| {
            Confinement {
                user,
                processes,
                data_bytes,
                open_files,
                landlock,
                read,
                write,
                filters,
                expendable,
                watch,
            }
        },
    )
}

fn requests() -> impl Strategy<Value = Request> {
    let start =
        (vec(bytes(), 0..6), vec(bytes(), 0..6), bytes(), any::<bool>(), any::<(u16, u16, u64, u64)>())
            .prop_map(|(argv, env, cwd, stdin, (rows, cols, timeout_ms, cpu_seconds))| {
                Request::Start(Start { argv, env, cwd, stdin, pty: (rows, cols), timeout_ms, cpu_seconds })
            });
    let mode = prop_oneof![Just(Mode::Replace), Just(Mode::Append)];
    prop_oneof![
        (bytes(), confinement())
            .prop_map(|(workspace, confinement)| Request::Init { workspace, confinement }),
        vec(bytes(), 0..4).prop_map(Request::Probe),
        start,
        bytes().prop_map(Request::Stdin),
        Just(Request::StdinEof),
        any::<i32>().prop_map(Request::Signal),
        any::<(u16, u16)>().prop_map(|(rows, cols)| Request::Resize(rows, cols)),
        any::<u32>().prop_map(Request::Credit),
        Just(Request::Cancel),
        (bytes(), mode, any::<bool>(), bytes()).prop_map(|(path, mode, last, data)| Request::Write {
            path,
            mode,
            last,
            data
        }),
        (any::<bool>(), bytes()).prop_map(|(last, data)| Request::WriteMore { last, data }),
        (bytes(), any::<u64>()).prop_map(|(path, max)| Request::Read { path, max }),
        (bytes(), any::<bool>()).prop_map(|(path, parents)| Request::Mkdir { path, parents }),
        (bytes(), any::<bool>()).prop_map(|(path, recursive)| Request::Delete { path, recursive }),
        (bytes(), bytes(), any::<bool>()).prop_map(|(source, destination, overwrite)| Request::Copy {
            source,
            destination,
            overwrite
        }),
        (bytes(), any::<(u32, u32, bool)>(), bytes()).prop_map(
            |(path, (depth, max_entries, hidden), pattern)| Request::List(List {
                path,
                depth,
                max_entries,
                hidden,
                pattern
            })
        ),
        Just(Request::Usage),
        Just(Request::Measure),
    ]
}

fn replies() -> impl Strategy<Value = Reply> {
    let limit = (0u8..5).prop_map(Limit::from_number);
    let exit = (any::<(i32, i32, bool, u64, u64, u64, u32)>(), limit).prop_map(
        |((code, signal, timed_out, wall_us, cpu_us, peak_bytes, killed), limit)| {
            Reply::Exited(Exit { code, signal, timed_out, wall_us, cpu_us, peak_bytes, killed, limit })
        },
    );
    let usage = any::<(u64, u64, u64, u32)>().prop_map(|(cpu_us, memory_bytes, peak_bytes, processes)| {
        Reply::Usage(Usage { cpu_us, memory_bytes, peak_bytes, processes })
    });
    prop_oneof![
        any::<u32>().prop_map(|pid| Reply::Hello { pid }),
        any::<u32>().prop_map(|pid| Reply::Started { pid }),
        bytes().prop_map(Reply::Stdout),
        bytes().prop_map(Reply::Stderr),
        bytes().prop_map(Reply::Data),
        any::<u32>().prop_map(Reply::StdinCredit),
        Just(Reply::StdinClosed),
        exit,
        any::<(u64, u64)>().prop_map(|(a, b)| Reply::Done(a, b)),
        (any::<i32>(), any::<String>()).prop_map(|(errno, message)| Reply::Failed { errno, message }),
        usage,
    ]
}

/// The one frame that `bytes` are.
fn only_frame(bytes: &[u8]) -> Frame {
    let (mut frames, error) = decode_all([bytes]);
    assert_eq!((frames.len(), error), (1, None));
    frames.remove(0)
}

proptest! {
    #[test]
    fn frames_survive_any_cut(frames in frames(), cuts in vec(any::<prop::sample::Index>(), 0..40)) {
        let bytes = encoded(&frames);
        prop_assert_eq!(decode_all(cut(&bytes, &cuts)), (frames, None));
    }

    #[test]
    fn a_truncated_stream_gives_what_was_whole_and_waits(frames in frames(), end in any::<prop::sample::Index>()) {
        let bytes = encoded(&frames);
        let (found, error) = decode_all([&bytes[..end.index(bytes.len() + 1)]]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(&found[..], &frames[..found.len()]);
    }

    #[test]
    fn another_version_is_refused(frames in frames(), version in any::<u8>(), rest in bytes()) {
        prop_assume!(version != VERSION);
        let mut bytes = encoded(&frames);
        bytes.extend([0, 0, 0, 0, version, 1, 0, 0, 0, 0, 0, 0]);
        bytes.extend(rest);
        prop_assert_eq!(decode_all([&bytes[..]]), (frames, Some(FrameError::Version(version))));
    }

    #[test]
    fn reserved_bytes_are_refused(frames in frames(), reserved in any::<(u8, u8)>()) {
        prop_assume!(reserved != (0, 0));
        let mut bytes = encoded(&frames);
        bytes.extend([0, 0, 0, 0, VERSION, 1, reserved.0, reserved.1, 0, 0, 0, 0]);
        prop_assert_eq!(decode_all([&bytes[..]]), (frames, Some(FrameError::Reserved)));
    }

    #[test]
    fn an_oversized_frame_is_refused_by_its_header(length in MAX_PAYLOAD as u32 + 1.., id in any::<u32>()) {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend([VERSION, 1, 0, 0]);
        bytes.extend(id.to_le_bytes());
        prop_assert_eq!(decode_all([&bytes[..]]), (vec![], Some(FrameError::Oversized(length))));
    }

    #[test]
    fn noise_is_an_error_or_nothing(noise in vec(vec(any::<u8>(), 0..100), 0..30)) {
        let (frames, _) = decode_all(noise.iter().map(Vec::as_slice));
        for frame in frames {
            let _ = Request::decode(&frame);
            let _ = Reply::decode(frame);
        }
    }

    #[test]
    fn a_flipped_bit_never_panics(request in requests(), reply in replies(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = Vec::new();
        request.encode(1, &mut bytes);
        reply.encode(2, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        for frame in decode_all([&bytes[..]]).0 {
            let _ = Request::decode(&frame);
            let _ = Reply::decode(frame);
        }
    }

    #[test]
    fn every_request_survives(request in requests(), id in any::<u32>()) {
        let mut bytes = Vec::new();
        request.encode(id, &mut bytes);
        let frame = only_frame(&bytes);
        prop_assert_eq!(frame.id, id);
        prop_assert_eq!(Request::decode(&frame), Ok(request));
    }

    #[test]
    fn every_reply_survives(reply in replies(), id in any::<u32>()) {
        let mut bytes = Vec::new();
        reply.encode(id, &mut bytes);
        let frame = only_frame(&bytes);
        prop_assert_eq!(frame.id, id);
        prop_assert_eq!(Reply::decode(frame), Ok(reply));
    }

    #[test]
    fn any_payload_of_any_kind_is_read_or_refused(kind in any::<u8>(), payload in vec(any::<u8>(), 0..400)) {
        let frame = Frame { kind, id: 1, payload };
        if let Ok(request) = Request::decode(&frame) {
            // What can be read is written as it was.
            let mut bytes = Vec::new();
            request.encode(1, &mut bytes);
            prop_assert_eq!(only_frame(&bytes), frame.clone());
        }
        let _ = Reply::decode(frame);
    }

    #[test]
    fn a_message_cut_short_or_lengthened_is_refused(request in requests(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        request.encode(1, &mut bytes);
        let frame = only_frame(&bytes);
        let open_ended =
            matches!(request, Request::Stdin(_) | Request::Write { .. } | Request::WriteMore { .. });
        if !open_ended {
            let mut longer = frame.clone();
            longer.payload.push(0);
            prop_assert!(Request::decode(&longer).is_err());
            if !frame.payload.is_empty() {
                let mut shorter = frame.clone();
                shorter.payload.truncate(cut.index(frame.payload.len()));
                prop_assert!(Request::decode(&shorter).is_err());
            }
        }
    }

    #[test]
    fn listings_survive_and_noise_is_refused(
        entries in vec((bytes(), any::<u8>(), any::<(u64, i64, u32)>()), 0..20),
        noise in vec(any::<u8>(), 0..300),
    ) {
        let entries: Vec<Entry> = entries
            .into_iter()
            .map(|(path, kind, (size, modified, mode))| Entry { path, kind, size, modified, mode })
            .collect();
        let mut data = Vec::new();
        entries.iter().for_each(|entry| entry.encode(&mut data));
        prop_assert_eq!(Entry::decode_all(&data), Ok(entries));
        let _ = Entry::decode_all(&noise);
    }
}

#[test]
fn the_largest_frame_passes_and_one_byte_more_does_not() {
    let frame = Frame { kind: 3, id: 7, payload: vec![9; MAX_PAYLOAD] };
    assert_eq!(decode_all([&encoded(std::slice::from_ref(&frame))[..]]), (vec![frame], None));
    let mut bytes = Vec::new();
    encode(&mut bytes, 3, 7, &vec![9; MAX_PAYLOAD + 1]);
    assert_eq!(decode_all([&bytes[..]]).1, Some(FrameError::Oversized(MAX_PAYLOAD as u32 + 1)));
}

#[test]
fn a_request_that_is_too_long_is_encoded_all_the_same_and_refused_by_its_reader() {
    let mut bytes = Vec::new();
    Request::Start(Start { argv: vec![vec![b'a'; MAX_PAYLOAD]], ..Start::default() }).encode(1, &mut bytes);
    assert!(matches!(decode_all([&bytes[..]]).1, Some(FrameError::Oversized(_))));
}

/// The peak resident memory of this process, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Whatever comes, and however much of it, a decoder holds a frame and what arrived at once; after an error nothing.
#[test]
fn the_memory_of_a_decoder_is_bounded() {
    let piece = vec![0xa5; 64 << 10];
    let before = peak();
    let mut broken = Decoder::default();
    for _ in 0..4096 {
        broken.push(&piece);
        assert!(broken.next_frame().is_err());
    }
    let mut whole = Decoder::default();
    let stream = encoded(&[Frame { kind: 1, id: 1, payload: vec![1; MAX_PAYLOAD - HEADER] }]);
    for _ in 0..64 {
        for piece in stream.chunks(60_000) {
            whole.push(piece);
            while let Ok(Some(frame)) = whole.next_frame() {
                assert_eq!(frame.payload.len(), MAX_PAYLOAD - HEADER);
            }
        }
    }
    let grown = peak() - before;
    assert!(grown < 64 << 20, "{grown} bytes more than before");
}

#[test]
fn a_list_that_claims_more_items_than_it_has_bytes_for_is_refused() {
    let mut payload = u32::MAX.to_le_bytes().to_vec();
    payload.extend([0; 64]);
    assert!(Request::decode(&Frame { kind: 0x02, id: 1, payload }).is_err());
    // A byte string that claims more than is there.
    let payload = u32::MAX.to_le_bytes().to_vec();
    assert!(Request::decode(&Frame { kind: 0x01, id: 1, payload }).is_err());
}
