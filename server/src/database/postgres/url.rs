//! `postgres://user:password@host:port/database?…`: read once, shown without its password, and the rule for TLS.

use postgres::Config;
use postgres::config::{Host, SslMode};
use serde::Deserialize;
use std::path::PathBuf;
use std::str::FromStr;

/// An address as someone gave it, which is not looked at yet. Flags and files are read into this one: it is never wrong,
/// so that no message about flags and files shows it with its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct UnreadUrl(String);

impl UnreadUrl {
    /// Looks at it.
    ///
    /// # Errors
    /// [`UrlError`], which does not show it either.
    pub fn read(&self) -> Result<PostgresUrl, UrlError> {
        self.0.parse()
    }
}

impl FromStr for UnreadUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for UnreadUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnreadUrl(…)")
    }
}

/// Where a PostgreSQL database is. Shows itself without the password.
#[derive(Clone)]
pub struct PostgresUrl {
    /// As it was given, with the password.
    text: String,
    config: Box<Config>,
    tls: bool,
    authority: Option<PathBuf>,
}

/// Why an address of a database is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another kind of address.
    #[error("a database's address begins with postgres://, for example postgres://user:password@host/database")]
    Scheme,
    /// A part that is not understood.
    #[error("the database's address is not right: {0}; it should look like postgres://user:password@host/database")]
    Malformed(String),
    /// No host.
    #[error("the database's address names no host: postgres://user:password@host/database")]
    NoHost,
    /// Nothing may cross a network in the clear.
    #[error(
        "sslmode=disable would send passwords and messages in the clear: leave it out, or reach PostgreSQL over a \
         socket or the loopback address"
    )]
    InTheClear,
}

impl PostgresUrl {
    /// What the driver needs, TLS apart.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the connection is covered by TLS; on this machine only where it is asked for.
    pub(super) fn needs_tls(&self) -> bool {
        self.tls
    }

    /// PEM file of the authority that signed the database's certificate, if it is none of the public ones.
    pub(super) fn authority(&self) -> Option<&PathBuf> {
        self.authority.as_ref()
    }

    /// User, host and database, for messages.
    pub(in crate::database) fn name(&self) -> String {
        format!("the PostgreSQL database {self}")
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PostgresUrl {}

impl FromStr for PostgresUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(UrlError::Scheme);
        }
        // These are libpq's; the driver's own words for them are others.
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let mut authority = None;
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", file)) => authority = Some(PathBuf::from(decoded(file)?)),
                Some(("sslmode", "verify-full" | "verify-ca")) => kept.push("sslmode=require"),
                _ => kept.push(pair),
            }
        }
        let config = Config::from_str(&format!("{address}?{}", kept.join("&"))).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            UrlError::Malformed(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(UrlError::NoHost);
        }
        let here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(|ip| ip.is_loopback());
        let tls = match config.get_ssl_mode() {
            SslMode::Require => true,
            SslMode::Disable if !here => return Err(UrlError::InTheClear),
            _ => !here,
        };
        Ok(Self { text: text.to_owned(), config: Box::new(config), tls, authority })
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let malformed = || UrlError::Malformed("a % is not followed by two hexadecimal digits".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(match byte {
            b'%' => match (digit(), digit()) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|_| malformed())?,
                _ => return Err(malformed()),
            },
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

impl std::fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = self.config.get_user().unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or(user);
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        write!(f, "{database} on {} (user {user})", hosts.join(", "))
    }
}

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostgresUrl, UrlError> {
        text.parse()
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = parse("postgres://komado:hunter2@db.example:5433/chats").unwrap();
        let shown = format!("{url} {url:?} {}", url.name());
        assert!(shown.contains("chats on db.example") && !shown.contains("hunter2"), "{shown}");
        let message = parse("postgres://komado:hunter2@db.example:port/chats").unwrap_err().to_string();
        assert!(
            message.contains("postgres://user:password@host/database") && !message.contains("hunter2"),
            "{message}"
        );
    }

    #[test]
    fn over_a_network_there_is_tls_always() {
        assert!(parse("postgres://u@db.example/d").unwrap().needs_tls());
        assert!(parse("postgres://u@db.example/d?sslmode=prefer").unwrap().needs_tls());
        assert_eq!(parse("postgres://u@db.example/d?sslmode=disable"), Err(UrlError::InTheClear));
        assert_eq!(parse("postgres://u@10.0.0.1,127.0.0.1/d?sslmode=disable"), Err(UrlError::InTheClear));
        for here in ["localhost", "127.0.0.1", "%2Frun%2Fpostgresql"] {
            assert!(!parse(&format!("postgres://u@{here}/d")).unwrap().needs_tls(), "{here}");
            assert!(parse(&format!("postgres://u@{here}/d?sslmode=require")).unwrap().needs_tls(), "{here}");
        }
        let url = parse("postgres://u@db.example/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!((url.needs_tls(), url.authority()), (true, Some(&PathBuf::from("/etc/ca.pem"))));
    }

    #[test]
    fn what_is_no_address_says_how_one_looks() {
        assert_eq!(parse("mysql://u@h/d"), Err(UrlError::Scheme));
        assert_eq!(parse("postgres:///d"), Err(UrlError::NoHost));
        for bad in ["postgres://u@h/d?colour=blue", "postgres://u@h/d?sslrootcert=%zz"] {
            assert!(matches!(parse(bad), Err(UrlError::Malformed(_))), "{bad}");
        }
    }
}
