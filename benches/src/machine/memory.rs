//! What a process keeps in memory, by the file that each part of it comes from.

/// Bytes resident, of mappings whose file's name holds one of some words, and of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resident {
    pub of_files: u64,
    pub of_others: u64,
}

/// What of the process `id` is resident, where the system tells (Linux's `/proc`).
#[cfg(target_os = "linux")]
pub fn of(id: u32, files: &[&str]) -> Option<Resident> {
    Some(summed(&std::fs::read_to_string(format!("/proc/{id}/smaps")).ok()?, files))
}

#[cfg(not(target_os = "linux"))]
pub fn of(_id: u32, _files: &[&str]) -> Option<Resident> {
    None
}

/// Adds up an `smaps` as proc(5) has it: a line that says what is mapped, then lines of `Name: value`.
#[cfg(target_os = "linux")]
fn summed(smaps: &str, files: &[&str]) -> Resident {
    let (mut resident, mut named) = (Resident::default(), false);
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Rss:") => {
                let bytes = words.next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1_024;
                *if named { &mut resident.of_files } else { &mut resident.of_others } += bytes;
            }
            Some(first) if !first.ends_with(':') => {
                let path = words.nth(4).unwrap_or_default();
                named = files.iter().any(|file| path.contains(file));
            }
            _ => {}
        }
    }
    resident
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_told_apart_by_their_files() {
        let smaps = "7f0-7f1 r-xp 00000000 fe:00 12 /usr/lib/libLLVM-15.so.1\nSize: 100 kB\nRss:   40 kB\n\
                     7f2-7f3 rw-p 00000000 00:00 0 \nRss: 8 kB\nVmFlags: rd wr\n\
                     7f4-7f5 rw-p 00000000 00:00 0 [heap]\nRss: 2 kB\n";
        let resident = summed(smaps, &["libLLVM"]);
        assert_eq!(resident, Resident { of_files: 40 << 10, of_others: 10 << 10 });
        assert!(of(std::process::id(), &["libc.so"]).unwrap().of_others > 1 << 20);
        assert_eq!(of(u32::MAX, &[]), None);
    }
}
