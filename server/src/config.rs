//! Configuration: flags before environment before file before defaults.

use crate::address::PublicAddress;
use crate::database::{Location, PostgresUrl, UnreadUrl, UrlError};
use crate::file::Limits;
use crate::identity::Code;
use crate::presence::GRACE;
use clap::{Args, ValueEnum};
use relay::seal::Fingerprint;
use relay::vocabulary::InvitationLink;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A link that is lost for less than this changes nobody's presence.
const DEAD_AFTER_MIN: Duration = GRACE;

/// What the server needs to know; made from [`Layer`]s, or by hand for tests.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Each address takes https, plain http and HTTP/2 alike.
    pub listen: Vec<SocketAddr>,
    /// The data folder.
    pub data: PathBuf,
    /// The PostgreSQL database; without one SQLite is used, in the data folder.
    pub database: Option<PostgresUrl>,
    /// PEM files of certificate chain and key; without them one is made.
    pub certificate: Option<CertificateFiles>,
    /// The names that a certificate made by the server is for.
    pub names: Vec<String>,
    /// The address that stands in invitations; without one, the first name and the first port that is listened on.
    pub public_address: Option<PublicAddress>,
    /// Who may join.
    pub registration: Registration,
    /// How long a session lives from one renewal to the next.
    pub session: Duration,
    /// How long a session lives at most, however often it is renewed.
    pub longest_session: Duration,
    /// How long the log of administrative acts and logins is kept.
    pub audit: Duration,
    /// How many TCP connections are served at once.
    pub max_connections: usize,
    /// How long a connection may take for a request's header, idle time between requests included. Longer than proxies
    /// keep theirs open (60 s), or one of them sends a request just when the server closes.
    pub idle: Duration,
    /// How many links an account may have.
    pub links_per_account: usize,
    /// How long a client may be silent before it is taken for dead. Clients are heard about every second.
    pub dead_after: Duration,
    /// Whether members may look others up by the beginning of a name.
    pub directory: bool,
    /// How many passwords are checked at once.
    pub hashing_threads: usize,
    /// What files may be sent.
    pub files: Limits,
    /// What to log, in the syntax of `RUST_LOG`.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
    /// Worker threads; 0 for one per core, less one that is left to the kernel, the database and the hashing of passwords.
    pub workers: usize,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM, the server's own certificate first.
    pub chain: PathBuf,
    /// PEM: PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

impl Config {
    /// The defaults, with everything kept in `data`.
    pub fn in_folder(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            data: data.into(),
            database: None,
            certificate: None,
            names: vec!["localhost".to_owned()],
            public_address: None,
            registration: Registration::Invitation,
            session: days(30),
            longest_session: days(365),
            audit: days(365),
            max_connections: 18_000,
            idle: Duration::from_secs(75),
            links_per_account: 16,
            dead_after: Duration::from_secs(15),
            directory: true,
            hashing_threads: 2,
            files: Limits::default(),
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            workers: 0,
        }
    }

    /// The link by which someone comes in with `code`, to the server that has this certificate.
    pub fn invitation_link(&self, fingerprint: Fingerprint, code: &Code) -> InvitationLink {
        let PublicAddress { server, tls } = self.public_address.clone().unwrap_or_else(|| {
            let name = self.names.first().map_or("localhost", String::as_str);
            let port = self.listen.first().map_or(80, SocketAddr::port);
            let server = if port == 80 { name.to_owned() } else { format!("{name}:{port}") };
            PublicAddress { server, tls: false }
        });
        InvitationLink { server, tls, fingerprint, code: code.reveal() }
    }

    /// Where the database is.
    pub fn location(&self) -> Location {
        let folder = self.data.clone();
        match self.database.clone() {
            Some(url) => Location::Postgres { url, folder },
            None => Location::Embedded { folder },
        }
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// Who may join a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Those whom an administrator invites.
    Invitation,
    /// Everyone.
    Open,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// One source of configuration; what it does not say, the next one does. The same names hold in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layer {
    /// Address to listen on; give it again for more [default: 0.0.0.0:8080]
    ///
    /// Each address takes https, plain http and HTTP/2 on the same port. Over plain http only sealed links, public
    /// channels and the health check answer.
    #[arg(long, env = "KOMADO_LISTEN", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub listen: Option<Vec<SocketAddr>>,
    /// Folder for the database and the server's own certificate [default: ./komado-data]
    #[arg(long, env = "KOMADO_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// PostgreSQL database to use instead of SQLite in the data folder
    ///
    /// As postgres://user:password@host/database. Others on this machine can read a command line: a password is better
    /// kept in the environment or in the file. Over a network the connection is covered by TLS;
    /// `?sslrootcert=FILE` names the PEM file of an authority that is none of the public ones.
    #[arg(long, env = "KOMADO_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<UnreadUrl>,
    /// PEM file with the certificate chain; without it one is made at the first start
    #[arg(long, env = "KOMADO_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, env = "KOMADO_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Name or address that a certificate made by the server is for [default: localhost]
    #[arg(long = "name", env = "KOMADO_NAMES", value_name = "NAME", value_delimiter = ',')]
    pub names: Option<Vec<String>>,
    /// Address that stands in invitations [default: http, the first --name, the first port]
    ///
    /// As http://chat.example or https://chat.example:8443. Clients of an http address seal everything; choose the one
    /// that passes more of your users' proxies, which is http on port 80.
    #[arg(long, env = "KOMADO_PUBLIC_ADDRESS", value_name = "URL")]
    pub public_address: Option<PublicAddress>,
    /// Who may join: those who were invited, or everyone [default: invitation]
    #[arg(long, env = "KOMADO_REGISTRATION")]
    pub registration: Option<Registration>,
    /// Days that a login lasts from one renewal to the next [default: 30]
    #[arg(long, env = "KOMADO_SESSION_DAYS", value_name = "DAYS")]
    pub session_days: Option<u32>,
    /// Days that a login lasts at most, however often it is renewed [default: 365]
    #[arg(long, env = "KOMADO_SESSION_DAYS_MAX", value_name = "DAYS")]
    pub session_days_max: Option<u32>,
    /// Days that the log of administrative acts and logins is kept [default: 365]
    #[arg(long, env = "KOMADO_AUDIT_DAYS", value_name = "DAYS")]
    pub audit_days: Option<u32>,
    /// TCP connections served at once [default: 18000]
    #[arg(long, env = "KOMADO_MAX_CONNECTIONS", value_name = "NUMBER")]
    pub max_connections: Option<usize>,
    /// Seconds after which a connection without a complete request is closed [default: 75]
    #[arg(long, env = "KOMADO_IDLE_SECONDS", value_name = "SECONDS")]
    pub idle_seconds: Option<u32>,
    /// Links that one account may have open [default: 16]
    #[arg(long, env = "KOMADO_LINKS_PER_ACCOUNT", value_name = "NUMBER")]
    pub links_per_account: Option<usize>,
    /// Seconds after which a client that is not heard of is shown as offline, 10 or more [default: 15]
    #[arg(long, env = "KOMADO_DEAD_AFTER_SECONDS", value_name = "SECONDS")]
    pub dead_after_seconds: Option<u32>,
    /// Whether members may search the directory of accounts [default: true]
    #[arg(long, env = "KOMADO_DIRECTORY", value_name = "BOOL")]
    pub directory: Option<bool>,
    /// Passwords checked at once; each takes 19 MiB while it is checked [default: 2]
    #[arg(long, env = "KOMADO_HASHING_THREADS", value_name = "NUMBER")]
    pub hashing_threads: Option<usize>,
    /// Longest file that may be sent, in MiB [default: 100]
    #[arg(long, env = "KOMADO_FILE_MAX_MB", value_name = "MIB")]
    pub file_max_mb: Option<u32>,
    /// Size of all files of one account together, in MiB [default: 5120]
    #[arg(long, env = "KOMADO_FILES_PER_ACCOUNT_MB", value_name = "MIB")]
    pub files_per_account_mb: Option<u32>,
    /// Media type that may be sent, such as image/png or image/*; give it again for more [default: */*]
    #[arg(long = "file-type", env = "KOMADO_FILE_TYPES", value_name = "TYPE", value_delimiter = ',')]
    pub file_types: Option<Vec<String>>,
    /// What to log: error, warn, info, debug, trace, or more precisely as in RUST_LOG [default: info]
    #[arg(long, env = "KOMADO_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log [default: text]
    #[arg(long, env = "KOMADO_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Worker threads [default: one per core, less one]
    #[arg(long, env = "KOMADO_WORKERS", value_name = "NUMBER")]
    pub workers: Option<usize>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML or says something unknown.
    #[error("the configuration {} is not right in line {line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why. The line itself is not shown: a password may stand in it.
        reason: String,
    },
    /// The database's address is none.
    #[error(transparent)]
    Database(#[from] UrlError),
    /// Only one of certificate and key is given.
    #[error("certificate and key belong together: give both --certificate and --key, or neither")]
    HalfACertificate,
    /// No address is given.
    #[error("there is no address to listen on: give --listen ADDRESS:PORT")]
    NoAddress,
}

impl Layer {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], [`ConfigError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ConfigError::Malformed { path: path.to_owned(), line, reason: error.message().to_owned() }
        })
    }

    /// What this layer says, and where it says nothing, what `next` says.
    #[must_use]
    pub fn before(self, next: Self) -> Self {
        // A certificate of one layer never goes with a key of another.
        let pair = if self.certificate.is_some() || self.key.is_some() {
            (self.certificate, self.key)
        } else {
            (next.certificate, next.key)
        };
        Self {
            listen: self.listen.or(next.listen),
            data: self.data.or(next.data),
            database: self.database.or(next.database),
            certificate: pair.0,
            key: pair.1,
            names: self.names.or(next.names),
            public_address: self.public_address.or(next.public_address),
            registration: self.registration.or(next.registration),
            session_days: self.session_days.or(next.session_days),
            session_days_max: self.session_days_max.or(next.session_days_max),
            audit_days: self.audit_days.or(next.audit_days),
            max_connections: self.max_connections.or(next.max_connections),
            idle_seconds: self.idle_seconds.or(next.idle_seconds),
            links_per_account: self.links_per_account.or(next.links_per_account),
            dead_after_seconds: self.dead_after_seconds.or(next.dead_after_seconds),
            directory: self.directory.or(next.directory),
            hashing_threads: self.hashing_threads.or(next.hashing_threads),
            file_max_mb: self.file_max_mb.or(next.file_max_mb),
            files_per_account_mb: self.files_per_account_mb.or(next.files_per_account_mb),
            file_types: self.file_types.or(next.file_types),
            log: self.log.or(next.log),
            log_format: self.log_format.or(next.log_format),
            workers: self.workers.or(next.workers),
        }
    }

    /// The configuration, with the defaults for what no layer said.
    ///
    /// # Errors
    /// [`ConfigError::HalfACertificate`], [`ConfigError::NoAddress`], [`ConfigError::Database`].
    pub fn finish(self) -> Result<Config, ConfigError> {
        let defaults = Config::in_folder(self.data.unwrap_or_else(|| PathBuf::from("komado-data")));
        let certificate = match (self.certificate, self.key) {
            (Some(chain), Some(key)) => Some(CertificateFiles { chain, key }),
            (None, None) => None,
            _ => return Err(ConfigError::HalfACertificate),
        };
        let listen = self.listen.unwrap_or(defaults.listen);
        if listen.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        Ok(Config {
            listen,
            data: defaults.data,
            database: self.database.map(|url| url.read()).transpose()?,
            certificate,
            names: self.names.unwrap_or(defaults.names),
            public_address: self.public_address,
            registration: self.registration.unwrap_or(defaults.registration),
            session: self.session_days.map_or(defaults.session, days),
            longest_session: self.session_days_max.map_or(defaults.longest_session, days),
            audit: self.audit_days.map_or(defaults.audit, days),
            max_connections: self.max_connections.unwrap_or(defaults.max_connections).max(1),
            idle: self.idle_seconds.map_or(defaults.idle, |seconds| Duration::from_secs(u64::from(seconds.max(1)))),
            links_per_account: self.links_per_account.unwrap_or(defaults.links_per_account).max(1),
            dead_after: self
                .dead_after_seconds
                .map_or(defaults.dead_after, |seconds| Duration::from_secs(u64::from(seconds)).max(DEAD_AFTER_MIN)),
            directory: self.directory.unwrap_or(defaults.directory),
            hashing_threads: self.hashing_threads.unwrap_or(defaults.hashing_threads).max(1),
            files: Limits {
                size: self.file_max_mb.map_or(defaults.files.size, mebibytes),
                of_account: self.files_per_account_mb.map_or(defaults.files.of_account, mebibytes),
                media: self.file_types.unwrap_or(defaults.files.media),
            },
            log: self.log.unwrap_or(defaults.log),
            log_format: self.log_format.unwrap_or(defaults.log_format),
            workers: self.workers.unwrap_or(defaults.workers),
        })
    }
}

fn mebibytes(number: u32) -> u64 {
    u64::from(number) << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_wins_and_the_rest_is_filled_up() {
        let flags = Layer { session_days: Some(1), ..Layer::default() };
        let file: Layer = toml::from_str(
            "listen = ['127.0.0.1:80', '[::1]:443']\nsession-days = 7\nlinks-per-account = 3\nlog-format = 'json'",
        )
        .unwrap();
        let config = flags.before(file).finish().unwrap();
        assert_eq!(config.session, Duration::from_secs(24 * 3600));
        assert_eq!((config.listen.len(), config.links_per_account), (2, 3));
        assert_eq!((config.log_format, config.log.as_str()), (LogFormat::Json, "info"));
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("komado.toml");
        let message = Layer::read(&path).unwrap_err().to_string();
        assert!(message.contains("komado.toml"), "{message}");
        std::fs::write(&path, "workers = 1\nsesion-days = 3").unwrap();
        let message = Layer::read(&path).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("sesion-days"), "{message}");
        assert!(message.contains("session-days"), "{message}");
    }

    #[test]
    fn the_password_of_the_database_is_in_no_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("komado.toml");
        for line in [
            "database = 'postgres://u:hunter2@h:port/d'",
            "database = 'mysql://u:hunter2@h/d'",
            "database = postgres://u:hunter2@h/d",
            "database = ['hunter2']",
            "database = 'postgres://u:hunter2@h/d?sslmode=disable'",
        ] {
            std::fs::write(&path, line).unwrap();
            let error = Layer::read(&path).and_then(Layer::finish).unwrap_err();
            let message = format!("{error} {error:?}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        std::fs::write(&path, "database = 'postgres://u:hunter2@h/d'").unwrap();
        let layer = Layer::read(&path).unwrap();
        assert!(!format!("{layer:?}").contains("hunter2"));
        let config = layer.finish().unwrap();
        assert!(config.database.is_some() && !format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn half_a_certificate_is_refused_and_never_completed_from_elsewhere() {
        let half = Layer { certificate: Some("a.pem".into()), ..Layer::default() };
        let file = Layer { certificate: Some("b.pem".into()), key: Some("b.key".into()), ..Layer::default() };
        assert!(matches!(half.before(file).finish(), Err(ConfigError::HalfACertificate)));
    }
}
