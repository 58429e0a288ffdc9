//! What each thread of a process has used so far, by its name.

use std::collections::BTreeMap;
use std::time::Duration;

/// CPU time of each thread that is there, by its number and name.
pub type Threads = BTreeMap<u32, (String, Duration)>;

/// The threads of the process `id`, where the system tells (Linux's `/proc`).
#[cfg(target_os = "linux")]
pub fn of(id: u32) -> Option<Threads> {
    let mut threads = Threads::new();
    // SAFETY: a system call without pointers.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    for entry in std::fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten() {
        // A thread may end while it is looked at.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((thread, name, used)) = parsed(&stat) else { continue };
        threads.insert(thread, (name, Duration::from_secs_f64(used as f64 / ticks)));
    }
    Some(threads)
}

#[cfg(not(target_os = "linux"))]
pub fn of(_id: u32) -> Option<Threads> {
    None
}

/// What was used between two looks, by kind: a name without the number at its end.
pub fn between(before: &Threads, after: &Threads) -> BTreeMap<String, Duration> {
    let mut used = BTreeMap::new();
    for (thread, (name, now)) in after {
        let then = before.get(thread).map_or(Duration::ZERO, |(_, then)| *then);
        let kind = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(['-', ':', '#', ' ']);
        *used.entry(kind.to_owned()).or_default() += now.saturating_sub(then);
    }
    used
}

/// Number, name and ticks of one line of `stat`, as proc(5) has it: the name in parentheses may hold anything.
#[cfg(target_os = "linux")]
fn parsed(stat: &str) -> Option<(u32, String, u64)> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (thread, name) = head.split_once('(')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some((thread.trim().parse().ok()?, name.to_owned(), number(14)? + number(15)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "42 (a) b (c) R 1 1 1 0 -1 4194304 1 2 3 4 70 30 0 0 20 0 1 0 5 6 7";
        assert_eq!(parsed(stat), Some((42, "a) b (c".to_owned(), 100)));
    }

    #[test]
    fn threads_of_one_kind_are_added_up() {
        let threads = |used: [u64; 3]| -> Threads {
            let names = ["llvmpipe-0", "llvmpipe-1", "komado"];
            let entries = names.iter().zip(used).zip(1..);
            entries.map(|((name, used), id)| (id, ((*name).to_owned(), Duration::from_millis(used)))).collect()
        };
        let used = between(&threads([10, 20, 30]), &threads([15, 40, 31]));
        let expected = [("komado", 1), ("llvmpipe", 25)];
        assert_eq!(used, expected.map(|(name, used)| (name.to_owned(), Duration::from_millis(used))).into());
    }

    #[test]
    fn work_shows_at_the_thread_that_does_it() {
        let (done, end) = std::sync::mpsc::channel::<()>();
        let (begun, worked) = std::sync::mpsc::channel();
        let worker = std::thread::Builder::new().name("worker-7".to_owned());
        let worker = worker.spawn(move || {
            let begin = std::time::Instant::now();
            while begin.elapsed() < Duration::from_millis(200) {
                std::hint::spin_loop();
            }
            begun.send(()).unwrap();
            end.recv().unwrap_err();
        });
        let before = of(std::process::id()).unwrap();
        worked.recv().unwrap();
        let used = between(&before, &of(std::process::id()).unwrap());
        assert!(used["worker"] > Duration::from_millis(20), "{used:?}");
        drop(done);
        worker.unwrap().join().unwrap();
        assert_eq!(of(u32::MAX), None);
    }
}
