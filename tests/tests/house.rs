//! The house keeps its laws: the *Never* list holds, and every source file looks as it should.

use komado_tests::house::dependencies::{Graph, RULES};
use komado_tests::house::{sources, workspace_root};

#[test]
fn no_crate_reaches_where_it_must_not() {
    let graph = Graph::read(&workspace_root()).expect("cargo metadata");
    let violations = graph.violations(RULES);
    assert!(violations.is_empty(), "the Never list is broken:\n  {}", violations.join("\n  "));
}

#[test]
fn every_file_keeps_the_laws_of_the_rooms() {
    let sources = sources::read(&workspace_root()).expect("the workspace is readable");
    assert!(sources.iter().any(|source| source.path == "relay/src/lib.rs"), "the walk found no sources");
    let violations = sources::violations(&sources);
    assert!(violations.is_empty(), "laws of the rooms are broken:\n  {}", violations.join("\n  "));
}
