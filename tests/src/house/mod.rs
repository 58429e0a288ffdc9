//! The laws of the house as a checker: who may depend on whom, and how a source file must look.

pub mod dependencies;
pub mod sources;

use std::path::{Path, PathBuf};

/// The workspace's root folder, found from this crate's own manifest.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
