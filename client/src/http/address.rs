//! The address of a server as a user writes it.

use std::{fmt, str::FromStr};

use http::Uri;
use thiserror::Error;

/// `http://host[:port]` or `https://host[:port]`; without a scheme, http on port 80 is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    secure: bool,
    host: String,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("\"{0}\" is not an address: write http://host, https://host or http://host:port")]
    Malformed(String),
    #[error("\"{0}\" is not a scheme that Komado speaks: use http or https")]
    Scheme(String),
    #[error("a server's address ends after its host and port; remove \"{0}\"")]
    Path(String),
}

impl ServerAddress {
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host`, or `host:port` where the port is not the scheme's own.
    pub fn authority(&self) -> String {
        let own = if self.secure { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The absolute address of a path that begins with `/`.
    pub fn uri(&self, path: &str) -> Result<Uri, AddressError> {
        let text = format!("{self}{path}");
        text.parse().map_err(|_| AddressError::Malformed(text))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = full.parse().map_err(|_| AddressError::Malformed(text.to_owned()))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            other => return Err(AddressError::Scheme(other.unwrap_or_default().to_owned())),
        };
        if let Some(path) = uri.path_and_query().map(|path| path.as_str()).filter(|path| !matches!(*path, "" | "/")) {
            return Err(AddressError::Path(path.to_owned()));
        }
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(|| AddressError::Malformed(text.to_owned()))?;
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host: authority.host().to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_write_is_understood() {
        for (text, shown, port) in [
            ("chat.example", "http://chat.example", 80),
            ("http://chat.example:8080/", "http://chat.example:8080", 8080),
            ("https://chat.example", "https://chat.example", 443),
            ("[::1]:99", "http://[::1]:99", 99),
        ] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.port()), (shown, port));
        }
        assert_eq!("[::1]:99".parse::<ServerAddress>().unwrap().host(), "::1");
        assert!(matches!("ftp://x".parse::<ServerAddress>(), Err(AddressError::Scheme(_))));
        assert!(matches!("http://x/chat".parse::<ServerAddress>(), Err(AddressError::Path(_))));
        assert!(matches!("http://".parse::<ServerAddress>(), Err(AddressError::Malformed(_))));
        assert!(matches!("http://a:b@x".parse::<ServerAddress>(), Err(AddressError::Malformed(_))));
    }
}
