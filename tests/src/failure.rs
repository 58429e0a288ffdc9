//! What can go wrong in the rig itself, with what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The rig could not set up, or lost, one of the real things a test stands on.
#[derive(thiserror::Error)]
pub enum RigError {
    #[error(
        "{what} needs root: run the tests as root, or all of them inside `unshare -Urnm` \
         (scripts/test.sh does that): {cause}"
    )]
    NeedsPrivilege { what: &'static str, cause: io::Error },
    #[error("`{program}` is not installed; scripts/prerequisites.sh tests installs it (Debian package {package})")]
    Missing { program: String, package: &'static str },
    #[error("`{command}` failed: {output}")]
    CommandFailed { command: String, output: String },
    #[error("{program} was not ready within {waited:?}; it said:\n{log}")]
    NotReady { program: String, waited: Duration, log: String },
    #[error("{program} ended by itself ({status}); it said:\n{log}")]
    Ended { program: String, status: String, log: String },
    #[error("no {wanted} within {waited:?}; seen:\n{seen}")]
    NotSeen { wanted: String, waited: Duration, seen: String },
    #[error("the program `{name}` is not at {path}; build it first (`cargo build --bins`)")]
    NotBuilt { name: String, path: PathBuf },
    #[error("{doing}: {cause}")]
    Io { doing: String, cause: io::Error },
}

impl RigError {
    /// For `map_err`: an I/O error with what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Io { doing, cause }
    }

    pub(crate) fn privilege(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| match cause.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NeedsPrivilege { what, cause },
            _ => Self::Io { doing: what.to_owned(), cause },
        }
    }
}

/// Tests `unwrap` these: what they print is the message with its advice, not the fields.
impl fmt::Debug for RigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
