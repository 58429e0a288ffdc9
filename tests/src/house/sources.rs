//! How a source file must look: its first sentence, its name, its length, no path of a build machine, no forbidden room.

use std::fs;
use std::io;
use std::path::Path;

/// A text file of the house, with its path relative to the workspace's root (always with `/`).
#[derive(Debug, Clone)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// All text files under `root` that people write: Rust, manifests, documents, scripts.
pub fn read(root: &Path) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Every broken law in these files, one line each.
pub fn violations(sources: &[Source]) -> Vec<String> {
    let laws: [fn(&Source) -> Option<String>; 6] =
        [first_sentence, room_name, room_size, build_machine_path, window_reaches_engine, colour_outside_theme];
    sources
        .iter()
        .flat_map(|source| laws.iter().filter_map(|law| law(source)).map(|broken| format!("{}: {broken}", source.path)))
        .collect()
}

fn first_sentence(source: &Source) -> Option<String> {
    let first = source.text.lines().next().unwrap_or("");
    (source.is_rust() && !first.starts_with("//! "))
        .then(|| "must begin with a `//!` sentence that says what lives there".to_owned())
}

fn room_name(source: &Source) -> Option<String> {
    if !source.is_rust() {
        return None;
    }
    let rooms = source.path.trim_end_matches(".rs").split('/');
    let vague = rooms.flat_map(|room| room.split('_')).find(|word| VAGUE_NAMES.contains(word))?;
    Some(format!("`{vague}` names no room; say what lives there"))
}

fn room_size(source: &Source) -> Option<String> {
    if !source.is_rust() {
        return None;
    }
    let lines = source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    (lines > MOST_LINES)
        .then(|| format!("{lines} lines before its tests; past {MOST_LINES}, find the two rooms that it is"))
}

fn build_machine_path(source: &Source) -> Option<String> {
    for (number, line) in source.text.lines().enumerate() {
        for (at, _) in line.match_indices('/') {
            let rest = &line[at..];
            let before = line[..at].chars().next_back();
            let begins_a_path = before.is_none_or(|c| !c.is_alphanumeric() && !"._-/$}@)~*:>".contains(c));
            if begins_a_path && build_roots().iter().any(|root| rest.starts_with(root.as_str())) {
                let shown: String = rest.chars().take(40).collect();
                return Some(format!("line {}: absolute path of some machine: {shown}", number + 1));
            }
        }
    }
    None
}

fn window_reaches_engine(source: &Source) -> Option<String> {
    let in_window = ["client/src/ui/", "client/src/window/"].iter().any(|room| source.path.starts_with(room));
    if !source.is_rust() || !in_window {
        return None;
    }
    let code = source.text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    for line in code {
        if let Some(forbidden) = NEVER_IN_WINDOW.iter().find(|name| line.contains(*name)) {
            return Some(format!("the window reads `&State` and returns `Command`s; it never uses `{forbidden}`"));
        }
    }
    None
}

fn colour_outside_theme(source: &Source) -> Option<String> {
    let in_window = ["client/src/ui/", "client/src/window/"].iter().any(|room| source.path.starts_with(room));
    if !source.is_rust() || !in_window || source.path == "client/src/ui/theme.rs" {
        return None;
    }
    let code = source.text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let made = |line: &str| COLOURS_MADE.iter().any(|made| line.contains(made));
    code.take_while(|line| !line.starts_with("#[cfg(test)]"))
        .any(made)
        .then(|| "a colour is made here; all colours live in client/src/ui/theme.rs".to_owned())
}

fn walk(root: &Path, below: &str, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let built = name == "target" || name == "corpus" || name == "artifacts";
            if !built && (!name.starts_with('.') || name == ".ci") {
                walk(root, &path, sources)?;
            }
        } else if kind.is_file() && is_written_by_people(&path) {
            sources.push(Source::new(path, String::from_utf8_lossy(&fs::read(entry.path())?)));
        }
    }
    Ok(())
}

fn is_written_by_people(path: &str) -> bool {
    let kinds = [".rs", ".toml", ".md", ".sh", ".py", ".yml", ".yaml", ".json", ".conf"];
    kinds.iter().any(|kind| path.ends_with(kind)) || path.starts_with(".ci/")
}

fn build_roots() -> Vec<String> {
    BUILD_ROOTS.iter().map(|root| format!("/{root}/")).collect()
}

const MOST_LINES: usize = 500;
const VAGUE_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff"];
/// First folders of absolute paths that exist only on somebody's machine.
const BUILD_ROOTS: &[&str] = &["home", "root", "work", "Users", "mnt", "builds"];
/// Ways to make a colour; taking one from the theme, or none at all, is another thing.
const COLOURS_MADE: &[&str] = &["Color32::from_", "Color32::WHITE", "Color32::BLACK", "Color32::GRAY", "Rgba::from_"];
const NEVER_IN_WINDOW: &[&str] = &["tokio::", "hyper::", "codec::", "std::net", "rustls::"];

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<String> {
        violations(&[Source::new(path, text)])
    }

    #[test]
    fn a_good_file_passes() {
        let text = "//! The jitter buffer.\nuse std::net;\n// see https://example.org/home/page and /tmp/x\n";
        assert_eq!(broken("codec/src/playout.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_missing_first_sentence_is_found() {
        assert_eq!(broken("relay/src/track.rs", "use bytes;\n").len(), 1);
        assert_eq!(broken("relay/src/track.rs", "//!\nuse bytes;\n").len(), 1);
    }

    #[test]
    fn vague_names_are_found_in_files_and_folders() {
        assert_eq!(broken("server/src/utils.rs", "//! A.\n").len(), 1);
        assert_eq!(broken("server/src/common/mod.rs", "//! A.\n").len(), 1);
        assert_eq!(broken("server/src/session_manager.rs", "//! A.\n").len(), 1);
        assert!(broken("server/src/management.rs", "//! A.\n").is_empty());
    }

    #[test]
    fn five_hundred_lines_pass_and_one_more_does_not() {
        let text = |lines: usize| format!("//! A.\n{}#[cfg(test)]\n{}", "\n".repeat(lines - 1), "\n".repeat(900));
        assert!(broken("relay/src/a.rs", &text(500)).is_empty());
        assert_eq!(broken("relay/src/a.rs", &text(501)).len(), 1);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for root in build_roots() {
            assert_eq!(broken("README.md", &format!("see {root}somebody/x")).len(), 1, "{root}");
            assert_eq!(broken("scripts/a.sh", &format!("cd \"{root}x\"")).len(), 1, "{root}");
            assert!(broken("README.md", &format!("see https://host{root}x and ${{HERE}}{root}x")).is_empty());
        }
    }

    #[test]
    fn a_colour_outside_the_theme_is_found() {
        let text = "//! A.\nlet red = Color32::from_rgb(255, 0, 0);\n";
        assert_eq!(broken("client/src/ui/chat.rs", text).len(), 1);
        assert!(broken("client/src/ui/theme.rs", text).is_empty());
        assert!(broken("client/src/ui/chat.rs", "//! A.\nlet none = Color32::TRANSPARENT;\n").is_empty());
    }

    #[test]
    fn a_window_that_talks_to_the_network_is_found() {
        assert_eq!(broken("client/src/ui/chat.rs", "//! A.\nuse tokio::net::TcpStream;\n").len(), 1);
        assert!(broken("client/src/ui/chat.rs", "//! A.\n// never tokio::\n").is_empty());
        assert!(broken("client/src/engine.rs", "//! A.\nuse tokio::net::TcpStream;\n").is_empty());
    }
}
