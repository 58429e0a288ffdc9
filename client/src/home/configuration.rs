//! The client's configuration file: what need not be said on every command line.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use crate::headless::Arguments;

/// `config.toml` in the client's folder. A flag or an environment variable of the same name goes before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Configuration {
    pub server: Option<String>,
    /// `http://host:port`, or `none`.
    pub proxy: Option<String>,
    pub user: Option<String>,
    pub fingerprint: Option<String>,
}

#[derive(Debug, Error)]
pub enum ConfigurationError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("{path} cannot be understood: {error}")]
    Malformed { path: String, error: toml::de::Error },
}

impl Configuration {
    /// Reads the file; an absent one sets nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigurationError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ConfigurationError::Read { path: path.display().to_string(), error }),
        };
        toml::from_str(&text).map_err(|error| ConfigurationError::Malformed { path: path.display().to_string(), error })
    }

    /// Fills in what the command line and the environment left open.
    pub fn complete(self, arguments: &mut Arguments) {
        for (given, configured) in [
            (&mut arguments.server, self.server),
            (&mut arguments.proxy, self.proxy),
            (&mut arguments.user, self.user),
            (&mut arguments.fingerprint, self.fingerprint),
        ] {
            *given = given.take().or(configured);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn flags_go_before_the_file_and_nonsense_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        assert_eq!(Configuration::read(&path).unwrap(), Configuration::default());
        std::fs::write(&path, "server = \"http://a\"\nproxy = \"http://p:3128\"\n").unwrap();
        let mut arguments = Arguments::parse_from(["komado", "--server", "http://b", "--proxy", "none"]);
        arguments.proxy = None;
        Configuration::read(&path).unwrap().complete(&mut arguments);
        assert_eq!(arguments.server.as_deref(), Some("http://b"));
        assert_eq!(arguments.proxy.as_deref(), Some("http://p:3128"));
        std::fs::write(&path, "prox = 1\n").unwrap();
        let refused = Configuration::read(&path).unwrap_err().to_string();
        assert!(refused.contains("prox"), "{refused}");
    }
}
