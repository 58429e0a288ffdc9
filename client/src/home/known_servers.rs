//! Servers that were accepted before: their fingerprints, one a line.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use relay::seal::Fingerprint;
use thiserror::Error;

use crate::http::ServerAddress;

#[derive(Debug, Error)]
pub enum TrustError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("cannot write {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("line {line} of {path} is not an address and a fingerprint; remove it")]
    Malformed { path: String, line: usize },
}

/// The file of known servers.
#[derive(Debug, Clone)]
pub struct KnownServers(PathBuf);

impl KnownServers {
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join("known_servers"))
    }

    pub fn find(&self, server: &ServerAddress) -> Result<Option<Fingerprint>, TrustError> {
        let path = || self.0.display().to_string();
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TrustError::Read { path: path(), error }),
        };
        let mut found = None;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let malformed = || TrustError::Malformed { path: path(), line: index + 1 };
            let (address, fingerprint) = line.split_once(' ').ok_or_else(malformed)?;
            let fingerprint = fingerprint.trim().parse().map_err(|_| malformed())?;
            if address == server.to_string() {
                found = Some(fingerprint);
            }
        }
        Ok(found)
    }

    pub fn remember(&self, server: &ServerAddress, fingerprint: Fingerprint) -> Result<(), TrustError> {
        let failed = |error| TrustError::Write { path: self.0.display().to_string(), error };
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0).map_err(failed)?;
        writeln!(file, "{server} {fingerprint}").map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_is_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownServers::in_folder(&folder.path().join("deep"));
        let server: ServerAddress = "http://a.example".parse().unwrap();
        assert_eq!(known.find(&server).unwrap(), None);
        known.remember(&server, Fingerprint::of(b"one")).unwrap();
        known.remember(&server, Fingerprint::of(b"two")).unwrap();
        assert_eq!(known.find(&server).unwrap(), Some(Fingerprint::of(b"two")));
        assert_eq!(known.find(&"http://b.example".parse().unwrap()).unwrap(), None);
        std::fs::write(&known.0, "nonsense\n").unwrap();
        assert!(matches!(known.find(&server), Err(TrustError::Malformed { line: 1, .. })));
    }
}
