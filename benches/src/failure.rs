//! Why a bench could not measure, with what to do about it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{doing}: {cause}")]
    Io { doing: String, cause: io::Error },
    #[error(
        "{0} readers need as many open files, and this process may open {1}; use fewer readers or raise `ulimit -Hn`"
    )]
    TooFewFiles(usize, u64),
    #[error("--realtime needs the right to raise priorities (root, or CAP_SYS_NICE): {0}")]
    NotRealtime(io::Error),
    #[error(
        "komado-server was not found at {0}; build it (`cargo build --release --bins`) or name it with --server-binary"
    )]
    NoServer(PathBuf),
    #[error("{program} ended before it was ready ({status}); it said:\n{said}")]
    EndedEarly { program: String, status: String, said: String },
    #[error("{program} said something unexpected: {said:?}")]
    Unexpected { program: &'static str, said: String },
    #[error("only {ready} of {wanted} readers were served within {seconds} s")]
    NotAllServed { ready: usize, wanted: usize, seconds: u64 },
    #[error("{0}")]
    Refused(String),
    #[error("the wire: {0}")]
    Wire(#[from] relay::WireError),
    #[error("writing JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl BenchError {
    /// For `map_err`: an I/O error with what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Io { doing, cause }
    }
}
