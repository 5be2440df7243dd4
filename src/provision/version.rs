//! Versions as publishers write them: which come later, and which may name a directory.

use std::cmp::Ordering;

/// Whether a version that came from outside may become the name of a directory.
pub(super) fn is_plain(version: &str) -> bool {
    version.len() <= 64
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
        && !version.contains("..")
}

/// The order of semantic versioning: by numbers, a release after its pre-releases. What follows a `+` is ignored.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a_release, a_pre) = parts(a);
    let (b_release, b_pre) = parts(b);
    fields(a_release, b_release).then_with(|| match (a_pre, b_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => fields(a, b),
    })
}

fn parts(version: &str) -> (&str, Option<&str>) {
    let version = version.split('+').next().unwrap_or_default();
    match version.split_once('-') {
        Some((release, pre)) => (release, Some(pre)),
        None => (version, None),
    }
}

fn fields(a: &str, b: &str) -> Ordering {
    let mut a = a.split('.');
    let mut b = b.split('.');
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_says() {
        let order = [
            "0.9.12",
            "1.0.0-alpha",
            "1.0.0-alpha.2",
            "1.0.0-alpha.10",
            "1.0.0-beta",
            "1.0.0",
            "1.0.9",
            "1.0.10",
            "2.0.0",
        ];
        for pair in order.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1.2.3+a", "1.2.3+b"), Ordering::Equal);
    }

    #[test]
    fn only_plain_versions_name_directories() {
        for good in ["1.2.3", "2.0.0-rc.1", "1.0.0+build"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", ".", "..", "../1", "1/2", "1..2", ".tmp", "v1", "1\n2", "1 2", &"1".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
