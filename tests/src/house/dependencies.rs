//! The *Never* list: forbidden dependencies, direct or through others, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One line of the *Never* list: `from` must not reach any of `never`.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub from: &'static str,
    pub never: &'static [&'static str],
    pub why: &'static str,
}

/// The *Never* list of the design.
pub const RULES: &[Rule] = &[
    Rule {
        from: "relay",
        never: &["codec", "server", "client", "komado-bench", "komado-tests"],
        why: "relay is a foundation and knows no media and nobody above it",
    },
    Rule {
        from: "relay",
        never: &[
            "tokio",
            "async-std",
            "smol",
            "mio",
            "hyper",
            "hyper-util",
            "h2",
            "axum",
            "reqwest",
            "socket2",
            "chrono",
            "time",
            "openh264",
            "openh264-sys2",
            "opus",
            "rusqlite",
            "postgres",
            "tokio-postgres",
            "winit",
            "egui",
        ],
        why: "relay is sans-IO: no runtime, no sockets, no clock, no codecs, no database",
    },
    Rule {
        from: "codec",
        never: &["relay", "server", "client", "komado-bench", "komado-tests"],
        why: "the two foundations never meet",
    },
    Rule {
        from: "codec",
        never: &["tokio", "mio", "hyper", "axum", "winit", "egui", "pixels", "wgpu", "cpal", "nokhwa"],
        why: "codec is pure code: packets and pictures in and out, `now` is an argument",
    },
    Rule { from: "client", never: &["server"], why: "both ends meet only in relay" },
    Rule {
        from: "server",
        never: &["client", "codec", "openh264", "openh264-sys2", "opus"],
        why: "a relay knows no media: the server neither encodes nor decodes",
    },
];

/// The dependency graph as cargo resolved it.
#[derive(Debug, Default)]
pub struct Graph {
    names: BTreeMap<String, String>,
    members: BTreeSet<String>,
    shipped: BTreeMap<String, BTreeSet<String>>,
    tested: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("`cargo metadata` could not be run: {0}; is cargo on the PATH?")]
    NotRun(#[from] std::io::Error),
    #[error("`cargo metadata` failed: {0}")]
    Refused(String),
    #[error("`cargo metadata` printed something that is not its JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("`cargo metadata` lacks `{0}`: is this cargo older than 1.41?")]
    Lacks(&'static str),
}

impl Graph {
    /// Asks cargo, offline, for the graph of the workspace at `root` as it is resolved for this platform.
    pub fn read(root: &Path) -> Result<Self, MetadataError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let version = Command::new(&cargo).arg("-vV").output()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let platform = version.lines().find_map(|line| line.strip_prefix("host: "));
        let platform = platform.ok_or(MetadataError::Lacks("host"))?;
        let output = Command::new(&cargo)
            .args(["metadata", "--format-version", "1", "--all-features", "--offline"])
            .args(["--filter-platform", platform])
            .current_dir(root)
            .output()?;
        if !output.status.success() {
            return Err(MetadataError::Refused(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Self::from_metadata(&serde_json::from_slice(&output.stdout)?)
    }

    /// Reads `cargo metadata --format-version 1`.
    pub fn from_metadata(metadata: &Value) -> Result<Self, MetadataError> {
        let mut graph = Self::default();
        let packages = metadata["packages"].as_array().ok_or(MetadataError::Lacks("packages"))?;
        for package in packages {
            let id = package["id"].as_str().ok_or(MetadataError::Lacks("packages.id"))?;
            let name = package["name"].as_str().ok_or(MetadataError::Lacks("packages.name"))?;
            graph.names.insert(id.to_owned(), name.to_owned());
        }
        let members = metadata["workspace_members"].as_array().ok_or(MetadataError::Lacks("workspace_members"))?;
        graph.members = members.iter().filter_map(|id| id.as_str()).map(str::to_owned).collect();
        let nodes = metadata["resolve"]["nodes"].as_array().ok_or(MetadataError::Lacks("resolve.nodes"))?;
        for node in nodes {
            let from = node["id"].as_str().ok_or(MetadataError::Lacks("resolve.nodes.id"))?;
            let deps = node["deps"].as_array().ok_or(MetadataError::Lacks("resolve.nodes.deps"))?;
            for dep in deps {
                let to = dep["pkg"].as_str().ok_or(MetadataError::Lacks("resolve.nodes.deps.pkg"))?;
                let kinds = dep["dep_kinds"].as_array().ok_or(MetadataError::Lacks("resolve.nodes.deps.dep_kinds"))?;
                let only_for_tests = kinds.iter().all(|kind| kind["kind"] == "dev");
                let edges = if only_for_tests { &mut graph.tested } else { &mut graph.shipped };
                edges.entry(from.to_owned()).or_default().insert(to.to_owned());
            }
        }
        Ok(graph)
    }

    /// Every broken rule, each with the chain of crates that breaks it.
    ///
    /// Shipped and build-time dependencies count through any number of crates. A crate's dev-dependencies count
    /// only where they name a crate of this house: a test may use outside tools, but not the forbidden room.
    pub fn violations(&self, rules: &[Rule]) -> Vec<String> {
        rules.iter().flat_map(|rule| self.broken(rule)).collect()
    }

    fn broken(&self, rule: &Rule) -> Vec<String> {
        let Some(start) = self.members.iter().find(|id| self.name(id) == rule.from) else {
            return vec![format!("the rule for `{}` guards nothing: no such crate in the house", rule.from)];
        };
        let mut found = Vec::new();
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start.as_str()]);
        while let Some(at) = queue.pop_front() {
            let tested = self.tested.get(at).into_iter().flatten();
            let housemates = tested.filter(|to| at == start && self.members.contains(*to));
            for to in self.shipped.get(at).into_iter().flatten().chain(housemates) {
                if to == start || came_from.contains_key(to.as_str()) {
                    continue;
                }
                came_from.insert(to, at);
                if rule.never.contains(&self.name(to)) {
                    found.push(format!("{}: {}", self.chain(&came_from, start, to), rule.why));
                } else {
                    queue.push_back(to);
                }
            }
        }
        found
    }

    fn chain(&self, came_from: &BTreeMap<&str, &str>, start: &str, end: &str) -> String {
        let mut chain = vec![self.name(end)];
        let mut at = end;
        while at != start {
            let Some(previous) = came_from.get(at) else {
                break;
            };
            at = previous;
            chain.push(self.name(at));
        }
        chain.reverse();
        chain.join(" → ")
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NO_TOKIO: &[Rule] = &[Rule { from: "relay", never: &["tokio", "codec"], why: "relay is sans-IO" }];

    fn metadata(edges: &[(&str, &str, Option<&str>)]) -> Value {
        let names = ["relay", "codec", "http-body", "tokio", "proptest"];
        let nodes: Vec<Value> = names
            .iter()
            .map(|name| {
                let deps: Vec<Value> = edges
                    .iter()
                    .filter(|(from, ..)| from == name)
                    .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                    .collect();
                json!({"id": name, "deps": deps})
            })
            .collect();
        let packages: Vec<Value> = names.iter().map(|name| json!({"id": name, "name": name})).collect();
        json!({"packages": packages, "workspace_members": ["relay", "codec"], "resolve": {"nodes": nodes}})
    }

    fn violations(edges: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        Graph::from_metadata(&metadata(edges)).unwrap().violations(NO_TOKIO)
    }

    #[test]
    fn an_innocent_graph_passes() {
        assert_eq!(violations(&[("relay", "http-body", None)]), Vec::<String>::new());
    }

    #[test]
    fn a_direct_dependency_is_found() {
        assert_eq!(violations(&[("relay", "tokio", None)]), ["relay → tokio: relay is sans-IO"]);
    }

    #[test]
    fn a_dependency_through_others_is_found_with_its_chain() {
        let found = violations(&[("relay", "http-body", None), ("http-body", "tokio", Some("build"))]);
        assert_eq!(found, ["relay → http-body → tokio: relay is sans-IO"]);
    }

    #[test]
    fn tests_may_use_outside_tools_but_no_forbidden_room() {
        assert!(violations(&[("relay", "tokio", Some("dev"))]).is_empty());
        assert!(violations(&[("relay", "proptest", Some("dev")), ("proptest", "tokio", None)]).is_empty());
        assert_eq!(violations(&[("relay", "codec", Some("dev"))]).len(), 1);
    }

    #[test]
    fn a_rule_without_its_crate_is_itself_a_violation() {
        let rules = &[Rule { from: "attic", never: &["tokio"], why: "" }];
        let graph = Graph::from_metadata(&metadata(&[])).unwrap();
        assert!(graph.violations(rules)[0].contains("guards nothing"));
    }
}
