//! Published sums, and whether a download has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The sums that are strong enough, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// What a download must be: any one of the published sums of the strongest kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Integrity {
    algorithm: Algorithm,
    sums: Vec<Vec<u8>>,
}

impl Integrity {
    /// Reads subresource-integrity metadata: entries between blanks, each `algorithm-base64?options`. Only the
    /// strongest kind present counts, and entries that cannot be read count as absent; `None` where none is left.
    pub(super) fn from_sri(metadata: &str) -> Option<Self> {
        let mut best: Option<Self> = None;
        for entry in metadata.split_ascii_whitespace() {
            let Some((name, rest)) = entry.split_once('-') else { continue };
            let Some(algorithm) = Algorithm::ALL.into_iter().find(|it| it.name() == name) else { continue };
            let encoded = rest.split('?').next().unwrap_or_default();
            let Ok(sum) = STANDARD.decode(encoded) else { continue };
            if sum.len() != algorithm.bytes() {
                continue;
            }
            match &mut best {
                Some(best) if best.algorithm > algorithm => {}
                Some(best) if best.algorithm == algorithm => best.sums.push(sum),
                _ => best = Some(Self { algorithm, sums: vec![sum] }),
            }
        }
        best
    }

    /// Reads a checksum file (`HEX  NAME` on each line, or one sum alone) for the file called `name`.
    pub(super) fn from_checksum_file(text: &str, name: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let named = lines.clone().find_map(|line| {
            let (sum, file) = line.split_once(char::is_whitespace)?;
            (file.trim_start().trim_start_matches('*').trim_start_matches("./") == name).then_some(sum)
        });
        let sum = named.or_else(|| {
            let only = lines.next()?;
            (lines.next().is_none() && !only.contains(char::is_whitespace)).then_some(only)
        })?;
        let sum = from_hex(sum)?;
        let algorithm = Algorithm::ALL.into_iter().find(|it| it.bytes() == sum.len())?;
        Some(Self { algorithm, sums: vec![sum] })
    }

    /// A hasher of the right kind.
    pub(super) fn hasher(&self) -> Hasher {
        match self.algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    /// Compares; on a difference returns (expected, actual), ready to be shown.
    pub(super) fn check(&self, hasher: Hasher) -> Result<(), (String, String)> {
        let actual = hasher.finish();
        if self.sums.contains(&actual) {
            return Ok(());
        }
        let show = |sum: &Vec<u8>| format!("{}-{}", self.algorithm.name(), STANDARD.encode(sum));
        Err((self.sums.iter().map(show).collect::<Vec<_>>().join(" or "), show(&actual)))
    }
}

/// Takes the bytes of a download as they come.
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sri(bytes: &[u8]) -> [String; 3] {
        [
            format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes))),
            format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes))),
            format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes))),
        ]
    }

    fn accepts(metadata: &str, bytes: &[u8]) -> bool {
        let integrity = Integrity::from_sri(metadata).unwrap();
        let mut hasher = integrity.hasher();
        hasher.update(bytes);
        integrity.check(hasher).is_ok()
    }

    #[test]
    fn the_strongest_published_sum_decides() {
        let [sha256, sha384, sha512] = sri(b"bun");
        let [other256, _, other512] = sri(b"other");
        for metadata in [&sha256, &sha384, &sha512] {
            assert!(accepts(metadata, b"bun"), "{metadata}");
            assert!(!accepts(metadata, b"nub"), "{metadata}");
        }
        assert!(!accepts(&format!("{sha256} {other512}"), b"bun"), "a weaker match does not help");
        assert!(accepts(&format!("{other256} {sha512}?opt"), b"bun"), "a weaker difference does not harm");
        assert!(accepts(&format!("{other512}  {sha512}"), b"bun"), "any of the same kind will do");
        assert!(accepts(&format!("sha512-broken {sha256}"), b"bun"));
    }

    #[test]
    fn weak_or_broken_sums_are_none() {
        for metadata in
            ["", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "md5-abc", "sha512-AAAA", "sha512-!", "sha512"]
        {
            assert_eq!(Integrity::from_sri(metadata), None, "{metadata}");
        }
    }

    #[test]
    fn checksum_files_are_read_by_name() {
        let a = "a".repeat(64);
        let b = "B".repeat(64);
        let file = format!("{a}  bun-linux-x64.zip\n{b} *bun-linux-x64-musl.zip\n");
        let sum = |name| Integrity::from_checksum_file(&file, name).map(|it| it.sums[0][0]);
        assert_eq!(sum("bun-linux-x64.zip"), Some(0xaa));
        assert_eq!(sum("bun-linux-x64-musl.zip"), Some(0xbb));
        assert_eq!(sum("bun-linux"), None);
        assert!(Integrity::from_checksum_file(&a, "any.zip").is_some());
        assert!(Integrity::from_checksum_file("", "any.zip").is_none());
        assert!(Integrity::from_checksum_file("<html> any.zip", "any.zip").is_none());
    }
}
