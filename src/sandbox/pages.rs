//! Pages of this process that only its beginning needed. It stands here because it needs `unsafe`.
#![allow(unsafe_code)]

use std::fs;

/// Libraries that a program is linked with: they are mapped until it ends, wherever they are.
const LINKED: [&str; 4] = ["libc.so.", "libm.so.", "libgcc_s.so.", "ld-linux-"];

/// Lets go of what the beginning left in memory: pages that the allocator keeps though nothing is in them, and code and
/// constants of the program and its libraries, as far as they are as the files have them. What is needed again is mapped
/// again from the system's cache; most of it was mapped with its neighbours while the process began, and never needed.
///
/// Does nothing where the system doesn't tell what is mapped.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it gives free pages back to the system, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
    let Ok(program) = fs::read_link("/proc/self/exe") else { return };
    let Ok(told) = fs::read_to_string("/proc/self/smaps") else { return };
    for (from, to) in untouched(&told, &program.to_string_lossy()) {
        // SAFETY: the range is one mapping of a file that nobody unmaps while this process lives, private and not
        // writable, and the kernel says that no page of it is our own: whatever reads it next finds the same bytes.
        unsafe {
            libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_DONTNEED);
        }
    }
}

/// The mappings of a program and of what it is linked with, in a text like `/proc/self/smaps`, that can't be written and
/// of which no page is our own.
fn untouched(told: &str, program: &str) -> Vec<(usize, usize)> {
    let is_lasting = |path: &str| {
        let name = path.rsplit_once('/').map_or("", |(_, name)| name);
        path == program || LINKED.iter().any(|linked| name.starts_with(linked))
    };
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut here = false;
    for line in told.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some(name) = first.strip_suffix(':') {
            let figure = words.next().unwrap_or_default();
            // Whatever isn't told to be none could be a page of our own.
            if here && matches!(name, "Private_Dirty" | "Anonymous" | "Swap") && figure != "0" {
                found.pop();
                here = false;
            }
            continue;
        }
        let (rights, path) = (words.next().unwrap_or_default(), words.nth(3).unwrap_or_default());
        let range = first.split_once('-').and_then(|(from, to)| {
            Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
        });
        here = is_lasting(path) && matches!(rights, "r--p" | "r-xp") && range.is_some();
        found.extend(range.filter(|_| here));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\
1000-3000 r--p 00000000 fe:00 53 /bin/it
Rss: 8 kB
Private_Dirty: 0 kB
Anonymous: 0 kB
3000-4000 r-xp 00002000 fe:00 53 /bin/it
Private_Dirty: 0 kB
Anonymous: 0 kB
4000-5000 r--p 00003000 fe:00 53 /bin/it
Private_Dirty: 4 kB
Anonymous: 4 kB
5000-6000 rw-p 00004000 fe:00 53 /bin/it
Private_Dirty: 0 kB
6000-7000 r-xp 00000000 fe:00 54 /lib/loaded.so.1
Private_Dirty: 0 kB
7000-8000 rw-p 00000000 00:00 0
Private_Dirty: 0 kB
8000-9000 r-xp 00000000 fe:00 55 /lib/libc.so.6
Private_Dirty: 0 kB
";

    #[test]
    fn only_what_is_as_the_file_has_it_is_let_go() {
        assert_eq!(untouched(TOLD, "/bin/it"), [(0x1000, 0x3000), (0x3000, 0x4000), (0x8000, 0x9000)]);
    }

    #[test]
    fn a_program_goes_on_without_its_pages() {
        let before: u64 = (0..1000u64).map(|n| n.wrapping_mul(n)).sum();
        give_back();
        assert_eq!((0..1000u64).map(|n| n.wrapping_mul(n)).sum::<u64>(), before);
        assert_eq!(untouched("", "/bin/it"), []);
    }
}
